"""DATA: a block of samples with its markers, packed and unpacked by whole arrays."""

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from npr_daq.errors import WireError
from npr_daq.wire.framing import MAX_PAYLOAD
from npr_daq.wire.layout import BadMessage, Message, opened, pack_values
from npr_daq.wire.tables import Chan, MarkerCode, MessageType, SampleFormat

_HEAD = Struct("<QBBBBII")
_MARKER = Struct("<HHBBHIi")
_WIDTHS = {fmt.value: fmt.width for fmt in SampleFormat}
_FORMATS = {fmt.value: fmt for fmt in SampleFormat}
_KIND = opened(MarkerCode)
_LIMIT = {SampleFormat.I16: 1 << 15, SampleFormat.I24: 1 << 23, SampleFormat.I32: 1 << 31}


@dataclass(frozen=True, slots=True)
class DataMarker:
    """An event inside a block, `sample_offset + subsample` samples after its first sample.

    `pulse` is the wire's `code`: for a stimulus the pulse's number in its train, from 0, modulo 256.
    """

    sample_offset: int
    subsample_q16: int
    kind: MarkerCode | int
    pulse: int = 0
    marker_id: int = 0
    stim_seq: int = 0
    value: int = 0

    @property
    def subsample(self) -> float:
        """Fraction of a sample period in [0, 1)."""
        return self.subsample_q16 / 65536


@dataclass(frozen=True, slots=True, eq=False)
class Data(Message):
    """One DATA message: `counts` int32, shape (channel, time); `over` and `leadoff` have bit k for row k."""

    type: ClassVar[MessageType] = MessageType.DATA
    chan: ClassVar[Chan] = Chan.DATA

    first_sample: int
    counts: NDArray[np.int32]
    over: int = 0
    leadoff: int = 0
    markers: tuple[DataMarker, ...] = ()
    fmt: SampleFormat = SampleFormat.I24

    def pack(self) -> bytes:
        """The payload; raises WireError when it does not fit one frame or a count does not fit its format."""
        return pack_data(
            first_sample=self.first_sample,
            counts=self.counts.T,
            fmt=self.fmt,
            markers=self.markers,
            over=self.over,
            leadoff=self.leadoff,
        )

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        if len(payload) < _HEAD.size:
            raise BadMessage(f"Data: {len(payload)} bytes of payload, at least {_HEAD.size} expected")
        first_sample, n, channels, fmt, nmark, over, leadoff = _HEAD.unpack_from(payload)
        width = _WIDTHS.get(fmt)
        start = 20 + 16 * nmark
        if width is None or len(payload) != start + n * channels * width:
            raise BadMessage(f"Data: {len(payload)} bytes for {n} samples of {channels} channels in format {fmt}")
        if nmark:
            rows = _MARKER.iter_unpack(payload[20:start])
            markers = tuple(DataMarker(o, s, _KIND(k), c, i, q, v) for o, s, k, c, i, q, v in rows)
        else:
            markers = ()
        counts = _counts(payload, start, n, channels, width)
        return cls(first_sample, counts, over, leadoff, markers, _FORMATS[fmt])


DataBlock = Data


def _counts(payload: bytes, start: int, n: int, channels: int, width: int) -> NDArray[np.int32]:
    out = np.empty((channels, n), np.int32)
    if not out.size:
        return out
    if width == 3:
        # Read each 24-bit value as the upper three bytes of an int32 that begins one byte earlier (there are always
        # 20 header bytes before it); the arithmetic shift then drops the foreign byte and extends the sign.
        view = np.ndarray((channels, n), "<i4", payload, start - 1, (3, 3 * channels))
        np.right_shift(view, 8, out=out)
    else:
        out[:] = np.ndarray((channels, n), f"<i{width}", payload, start, (width, width * channels))
    return out


def pack_data(
    *,
    first_sample: int,
    counts: NDArray[Any],
    fmt: SampleFormat = SampleFormat.I24,
    markers: Iterable[DataMarker] = (),
    over: int = 0,
    leadoff: int = 0,
) -> bytes:
    """The payload of one DATA; `counts` are integers, shape (time, channel).

    Raises WireError when the block does not fit one frame, or a count does not fit `fmt`: clipping is the device's
    to do and to flag in `over`, never the codec's.
    """
    samples, channels = counts.shape
    listed = tuple(markers)
    size = _HEAD.size + _MARKER.size * len(listed) + samples * channels * fmt.width
    if size > MAX_PAYLOAD:
        raise WireError(f"block of {samples} samples x {channels} channels is {size} bytes, the limit is {MAX_PAYLOAD}")
    top = _LIMIT[fmt]
    if counts.size:
        lowest, highest = int(counts.min()), int(counts.max())
        if not (-top <= lowest and highest < top):
            raise WireError(f"a count of {lowest} .. {highest} does not fit {fmt.name}")
    head = pack_values(_HEAD, (first_sample, samples, channels, fmt, len(listed), over, leadoff))
    rows = b"".join(
        pack_values(_MARKER, (m.sample_offset, m.subsample_q16, m.kind, m.pulse, m.marker_id, m.stim_seq, m.value))
        for m in listed
    )
    if fmt is SampleFormat.I24:
        wide = np.ascontiguousarray(counts, "<i4").reshape(-1, 1).view(np.uint8)
        body = wide[:, :3].tobytes()
    else:
        body = np.ascontiguousarray(counts, f"<i{fmt.width}").tobytes()
    return head + rows + body


def unpack_data(payload: bytes) -> Data:
    """The block of a DATA payload; raises BadMessage when it is malformed."""
    return Data.unpack(payload)


def largest_block(*, channels: int, fmt: SampleFormat = SampleFormat.I24, markers: int = 4) -> int:
    """Most samples per DATA that leave room for `markers` markers in one frame; at most 255 (a byte counts them).

    0 channels are a stream that counts samples and carries markers only.
    """
    room = MAX_PAYLOAD - _HEAD.size - _MARKER.size * markers
    return min(255, room // max(1, channels * fmt.width))
