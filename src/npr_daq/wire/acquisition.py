"""Messages that start and stop a stream and measure the electrodes; the samples themselves are in `data`."""

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from npr_daq.errors import WireError
from npr_daq.wire.layout import BadMessage, Fixed, FixedReply, Message, closed, opened, pack_values, unpack_head
from npr_daq.wire.tables import ImpedanceCode, MessageType, SampleFormat, StreamOp

_IMPEDANCE = Struct("<HIH")
_READING = Struct("<IIB")


@dataclass(frozen=True, slots=True)
class StreamStart(Fixed):
    """Host: stream the channels of `channel_mask` (bit 0 is channel 0), `block_samples` samples to a DATA."""

    type: ClassVar[MessageType] = MessageType.STREAM
    op: ClassVar[int | None] = StreamOp.START
    layout: ClassVar[Struct] = Struct("<BIIBB")
    words = {"fmt": closed(SampleFormat)}  # noqa: RUF012

    rate_hz: int
    channel_mask: int
    fmt: SampleFormat
    block_samples: int


@dataclass(frozen=True, slots=True)
class StreamStarted(FixedReply):
    """Device: the stream runs at exactly `rate_num / rate_den` samples per second since `start_ticks`."""

    type: ClassVar[MessageType] = MessageType.STREAM
    op: ClassVar[int | None] = StreamOp.START
    layout: ClassVar[Struct] = Struct("<HBIIIQ")

    rate_num: int
    rate_den: int
    stream_id: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class StreamStop(Fixed):
    """Host: stop streaming; harmless when not streaming."""

    type: ClassVar[MessageType] = MessageType.STREAM
    op: ClassVar[int | None] = StreamOp.STOP
    layout: ClassVar[Struct] = Struct("<B")


@dataclass(frozen=True, slots=True)
class StreamStopped(FixedReply):
    """Device: no stream runs; the last one was `stream_id` (0: none since boot) with `end_sample` samples."""

    type: ClassVar[MessageType] = MessageType.STREAM
    op: ClassVar[int | None] = StreamOp.STOP
    layout: ClassVar[Struct] = Struct("<HBIQ")

    stream_id: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class ImpedanceRequest(Fixed):
    """Host: measure the electrodes of the channels of `channel_mask` at `freq_hz`."""

    type: ClassVar[MessageType] = MessageType.IMPEDANCE
    layout: ClassVar[Struct] = Struct("<IH")

    channel_mask: int
    freq_hz: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Both electrodes of one channel."""

    g1_ohm: int
    g2_ohm: int
    status: ImpedanceCode | int


@dataclass(frozen=True, slots=True)
class ImpedanceReply(Message):
    """Device: one reading for each set bit of `channel_mask`, lowest channel first."""

    type: ClassVar[MessageType] = MessageType.IMPEDANCE
    reply: ClassVar[bool] = True

    channel_mask: int
    freq_hz: int
    readings: tuple[Reading, ...]
    re: int = field(default=0, kw_only=True)

    def pack(self) -> bytes:
        """The payload; raises WireError when mask and readings disagree or a value does not fit."""
        if len(self.readings) != self.channel_mask.bit_count():
            raise WireError(f"{len(self.readings)} readings for {self.channel_mask.bit_count()} channels")
        rows = (pack_values(_READING, (r.g1_ohm, r.g2_ohm, r.status)) for r in self.readings)
        return pack_values(_IMPEDANCE, (self.re, self.channel_mask, self.freq_hz)) + b"".join(rows)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        (re, mask, freq_hz), rest = unpack_head(_IMPEDANCE, payload, what="ImpedanceReply")
        if len(rest) != _READING.size * mask.bit_count():
            raise BadMessage(f"ImpedanceReply: {len(rest)} bytes for {mask.bit_count()} channels")
        word = opened(ImpedanceCode)
        rows = tuple(Reading(g1, g2, word(status)) for g1, g2, status in _READING.iter_unpack(rest))
        return cls(mask, freq_hz, rows, re=re)
