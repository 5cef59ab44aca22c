"""EMGSTIM/1 frames: `COBS(header, payload, CRC-32) 0x00`, and a reader that takes any chunking and never repairs."""

from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from cobs import cobs

from npr_daq.errors import WireError
from npr_daq.wire.tables import VERSION

HEADER = Struct("<BBBBHH")
CRC = Struct("<I")
MAX_FRAME = 4096
"""Largest decoded frame: header, payload and CRC."""
MAX_PAYLOAD = MAX_FRAME - HEADER.size - CRC.size
MAX_ENCODED = MAX_FRAME + MAX_FRAME // 254 + 1
"""Largest encoded frame without its delimiter."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `type`, `flags` and `chan` are plain bytes here, so that an unknown one can still be answered."""

    type: int
    flags: int
    chan: int
    seq: int
    payload: bytes
    version: int = VERSION


def encode_frame(frame: Frame) -> bytes:
    """The frame as wire bytes with its closing 0x00; raises WireError when the payload is too long."""
    if len(frame.payload) > MAX_PAYLOAD:
        raise WireError(f"payload of {len(frame.payload)} bytes is above the limit of {MAX_PAYLOAD} bytes of one frame")
    header = HEADER.pack(frame.version, frame.type, frame.flags, frame.chan, frame.seq, len(frame.payload))
    body = header + frame.payload
    return bytes(cobs.encode(body + CRC.pack(crc32(body)))) + b"\0"


class FrameReader:
    """Bytes in, whole frames out.

    A frame with a wrong COBS code, length or CRC is dropped up to its 0x00 and counted; nothing is repaired. Empty
    frames (0x00 right after 0x00) are idle line and are not counted.
    """

    def __init__(self) -> None:
        self.bad_frames = 0
        self.dropped_bytes = 0
        self._pending = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, in order; linear in the bytes fed, whatever the chunking."""
        parts = data.split(b"\0")
        if len(parts) == 1:
            self._hold(data)
            return []
        if self._skipping:
            self.dropped_bytes += len(parts[0])
            self.bad_frames += 1
            self._skipping = False
            parts[0] = b""
        elif self._pending:
            parts[0] = bytes(self._pending) + parts[0]
            self._pending.clear()
        tail = parts.pop()
        frames = [frame for part in parts if part and (frame := self._parse(part)) is not None]
        self._hold(tail)
        return frames

    def _hold(self, tail: bytes) -> None:
        if self._skipping:
            self.dropped_bytes += len(tail)
            return
        self._pending += tail
        if len(self._pending) > MAX_ENCODED:
            # No frame can be this long: forget it now, so that a line without 0x00 cannot fill the memory.
            self.dropped_bytes += len(self._pending)
            self._pending.clear()
            self._skipping = True

    def _parse(self, part: bytes) -> Frame | None:
        if len(part) <= MAX_ENCODED:
            try:
                body: bytes = cobs.decode(part)
            except cobs.DecodeError:
                body = b""
            size = len(body) - 4
            if size >= HEADER.size:
                version, kind, flags, chan, seq, length = HEADER.unpack_from(body)
                if length == size - 8 and crc32(body[:size]) == int.from_bytes(body[size:], "little"):
                    return Frame(kind, flags, chan, seq, body[8:size], version)
        self.bad_frames += 1
        self.dropped_bytes += len(part)
        return None
