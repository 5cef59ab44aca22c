"""The frames of a journal: header, payload and checksum, encoded and decoded without touching a file.

```
offset  size  field            all little-endian
0       4     magic            "NPRJ"
4       1     type             FrameType
5       1     flags            0 in format 1
6       8     sequence         u64, from 0, without a hole
14      8     host time        u64, monotonic nanoseconds
22      8     device sample    u64, index on the device's sample clock; 0 where it has none
30      4     length           u32, of the payload, at most 16 MiB
34      n     payload          u32 length of JSON | JSON | samples as raw int32, or nothing
34+n    4     checksum         CRC-32 over everything before it, continued from `seed`
```

The seed of the first frame is 0, that of every later frame the first frame's checksum: frames of another session
never pass as this one's.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from npr_daq.errors import RecordingError
from npr_daq.storage.text import parse_json

MAGIC = b"NPRJ"
FORMAT_VERSION = 1
MAX_PAYLOAD = 16 * 1024 * 1024
"""Bytes; checked before anything is allocated."""

_HEAD = struct.Struct("<4sBBQQQI")
_U32 = struct.Struct("<I")
HEAD_SIZE = _HEAD.size
OVERHEAD = HEAD_SIZE + 2 * _U32.size
"""Bytes of a frame beside its JSON and its samples."""

_U64 = 2**64 - 1


class FrameType(IntEnum):
    """What a frame says."""

    HEADER = 1
    INTENT = 2
    OUTCOME = 3
    SAMPLES = 4
    SWEEP = 5
    CAPTURE = 6
    EVENT = 7
    GAP = 8
    SEARCH = 9
    IMPEDANCE = 10
    JUDGEMENT = 11
    CLEAN_END = 12


_KNOWN = frozenset(int(kind) for kind in FrameType)


@dataclass(frozen=True, slots=True, eq=False)
class JournalFrame:
    """One frame as read: its JSON, and its samples as bytes of the file."""

    type: FrameType
    sequence: int
    host_ns: int
    sample: int
    document: Mapping[str, Any]
    data: memoryview = field(repr=False)
    checksum: int = 0

    def counts(self) -> NDArray[np.int32]:
        """The samples, shape (channel, time), a copy; raises RecordingError when shape and bytes disagree."""
        try:
            channels, times = self.document["shape"]
            return np.frombuffer(self.data, "<i4").reshape(channels, times).astype(np.int32)
        except (KeyError, TypeError, ValueError) as cause:
            raise RecordingError(
                f"frame {self.sequence} ({self.type.name}) holds {len(self.data)} bytes of samples, which do not fit "
                f"the shape {self.document.get('shape')!r} it names"
            ) from cause


def encode_frame(
    frame_type: FrameType,
    text: bytes,
    *,
    sequence: int,
    host_ns: int,
    sample: int = 0,
    samples: memoryview | bytes = b"",
    seed: int = 0,
) -> tuple[bytes, memoryview | bytes, bytes]:
    """A frame as three pieces to be written one after the other, so that samples are never copied.

    `text` is JSON, `samples` the bytes of little-endian int32. Raises RecordingError for a payload above the limit.
    """
    length = _U32.size + len(text) + len(samples)
    if length > MAX_PAYLOAD:
        raise RecordingError(
            f"a {frame_type.name.lower()} of {length / 2**20:.1f} MiB is above the journal's limit of "
            f"{MAX_PAYLOAD >> 20} MiB per frame; store it in parts"
        )
    if not 0 <= sample <= _U64:
        raise RecordingError(f"the sample index {sample} is not between 0 and 2^64 - 1")
    head = _HEAD.pack(MAGIC, frame_type, 0, sequence, host_ns & _U64, sample, length)
    front = head + _U32.pack(len(text)) + text
    return front, samples, _U32.pack(crc32(samples, crc32(front, seed)))


def decode_frame(
    data: memoryview, offset: int, *, sequence: int | None, seed: int | None
) -> tuple[JournalFrame, int] | None:
    """The frame at `offset` and the offset behind it, or None where no intact frame with `sequence` begins.

    `sequence` None takes any number. `seed` None, for a journal whose first checksum is lost, takes what looks like a
    frame without the proof. Never raises for damage, and reads nothing that the checksum does not cover.
    """
    if len(data) - offset < OVERHEAD:
        return None
    magic, kind, flags, found, host_ns, sample, length = _HEAD.unpack_from(data, offset)
    start = offset + HEAD_SIZE
    end = start + length
    if magic != MAGIC or length > MAX_PAYLOAD or length < _U32.size or end + _U32.size > len(data):
        return None
    json_end = start + _U32.size + _U32.unpack_from(data, start)[0]
    if sequence not in (None, found) or flags or kind not in _KNOWN or json_end > end:
        return None
    checksum: int = _U32.unpack_from(data, end)[0]
    if seed is not None and checksum != crc32(data[offset:end], seed):
        return None
    try:
        document = parse_json(bytes(data[start + _U32.size : json_end]))
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    frame = JournalFrame(FrameType(kind), found, host_ns, sample, document, data[json_end:end], checksum)
    return frame, end + _U32.size


def is_unfinished(data: memoryview, offset: int, *, sequence: int) -> bool:
    """Whether all from `offset` on is the beginning of frame `sequence`, as a writer leaves it that was killed."""
    rest = data[offset:]
    if len(rest) < HEAD_SIZE:
        begun = bytes(rest[: len(MAGIC)])
        return len(rest) > 0 and MAGIC.startswith(begun)
    magic, kind, flags, found, _, _, length = _HEAD.unpack_from(rest)
    known = magic == MAGIC and kind in _KNOWN and found == sequence and not flags
    return known and length <= MAX_PAYLOAD and HEAD_SIZE + length + _U32.size > len(rest)
