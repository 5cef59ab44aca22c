"""Messages that begin and keep a conversation: hello and identity, heartbeat and status, events, refusals."""

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from npr_daq.wire.layout import (
    BadMessage,
    Fixed,
    FixedReply,
    Message,
    closed,
    opened,
    pack_values,
    text_bytes,
    text_from,
    unpack_head,
)
from npr_daq.wire.tables import Chan, DeviceState, EventCode, Interlock, MessageType, NakCode, Tlv

_U32 = Struct("<I")
_IDENT = Struct("<HBBIII")
_LIMITS = Struct("<7I")
_EVENT = Struct("<BQQBIi")
_NAK = Struct("<BH")


@dataclass(frozen=True, slots=True)
class Hello(Fixed):
    """Host: the newest version it speaks, and a number that IDENT repeats."""

    type: ClassVar[MessageType] = MessageType.HELLO
    layout: ClassVar[Struct] = Struct("<BBI")

    max_major: int
    max_minor: int
    host_nonce: int


@dataclass(frozen=True, slots=True)
class HardLimits:
    """What the device never exceeds, whatever is written to it; the order is that of the registers."""

    max_current_ua: int
    max_charge_nc: int
    max_energy_uj: int
    min_interval_us: int
    max_width_us: int
    max_rms_density_ua_cm2: int
    max_pulses: int

    def pack(self) -> bytes:
        """Seven u32."""
        return pack_values(
            _LIMITS,
            (
                self.max_current_ua,
                self.max_charge_nc,
                self.max_energy_uj,
                self.min_interval_us,
                self.max_width_us,
                self.max_rms_density_ua_cm2,
                self.max_pulses,
            ),
        )


@dataclass(frozen=True, slots=True)
class Ident(Message):
    """Device: who it is. Every value behind `descriptor_crc` travels as a TLV; unknown tags are kept in `unknown`."""

    type: ClassVar[MessageType] = MessageType.IDENT
    reply: ClassVar[bool] = True

    major: int
    minor: int
    host_nonce: int
    boot_id: int
    descriptor_crc: int
    serial: str
    firmware: str
    model: str
    channel_count: int
    rates_hz: tuple[int, ...]
    hard_limits: HardLimits
    simulated: bool
    ticks_hz: int
    last_stim_seq: int
    unknown: tuple[tuple[int, bytes], ...] = ()
    re: int = field(default=0, kw_only=True)

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        head = (self.re, self.major, self.minor, self.host_nonce, self.boot_id, self.descriptor_crc)
        values: tuple[tuple[int, bytes], ...] = (
            (Tlv.SERIAL, self.serial.encode()),
            (Tlv.FIRMWARE, self.firmware.encode()),
            (Tlv.MODEL, self.model.encode()),
            (Tlv.CHANNEL_COUNT, pack_values(Struct("<B"), (self.channel_count,))),
            (Tlv.RATES, pack_values(Struct(f"<{len(self.rates_hz)}I"), self.rates_hz)),
            (Tlv.HARD_LIMITS, self.hard_limits.pack()),
            (Tlv.SIMULATED, bytes([self.simulated])),
            (Tlv.TICKS_HZ, pack_values(_U32, (self.ticks_hz,))),
            (Tlv.LAST_STIM_SEQ, pack_values(_U32, (self.last_stim_seq,))),
            *self.unknown,
        )
        body = (pack_values(Struct("<BB"), (tag, len(value))) + value for tag, value in values)
        return pack_values(_IDENT, head) + b"".join(body)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when a mandatory tag is absent, doubled or of wrong size."""
        (re, major, minor, nonce, boot_id, descriptor_crc), rest = unpack_head(_IDENT, payload, what="Ident")
        tags = _tlvs(rest)

        def value(tag: Tlv, size: int | None = None) -> bytes:
            if tag not in tags:
                raise BadMessage(f"Ident: the mandatory value {tag.name} is absent")
            found = tags.pop(tag)
            if size is not None and len(found) != size:
                raise BadMessage(f"Ident: {tag.name} has {len(found)} bytes, {size} expected")
            return found

        rates = value(Tlv.RATES)
        if len(rates) % 4:
            raise BadMessage(f"Ident: RATES has {len(rates)} bytes, a multiple of 4 expected")
        return cls(
            major,
            minor,
            nonce,
            boot_id,
            descriptor_crc,
            serial=text_from(value(Tlv.SERIAL)),
            firmware=text_from(value(Tlv.FIRMWARE)),
            model=text_from(value(Tlv.MODEL)),
            channel_count=value(Tlv.CHANNEL_COUNT, 1)[0],
            rates_hz=Struct(f"<{len(rates) // 4}I").unpack(rates),
            hard_limits=HardLimits(*_LIMITS.unpack(value(Tlv.HARD_LIMITS, _LIMITS.size))),
            # Anything but a plain zero counts as simulated: the doubt is never in favour of real.
            simulated=value(Tlv.SIMULATED, 1)[0] != 0,
            ticks_hz=_U32.unpack(value(Tlv.TICKS_HZ, 4))[0],
            last_stim_seq=_U32.unpack(value(Tlv.LAST_STIM_SEQ, 4))[0],
            unknown=tuple(tags.items()),
            re=re,
        )


def _tlvs(data: bytes) -> dict[int, bytes]:
    tags: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise BadMessage(f"Ident: the value at byte {at} runs past the end")
        tag, size = data[at], data[at + 1]
        if tag in tags:
            raise BadMessage(f"Ident: tag {tag} comes twice")
        tags[tag] = data[at + 2 : at + 2 + size]
        at += 2 + size
    return tags


@dataclass(frozen=True, slots=True)
class Heartbeat(Fixed):
    """Host: it is alive; `arm_token` 0 when not armed."""

    type: ClassVar[MessageType] = MessageType.HEARTBEAT
    layout: ClassVar[Struct] = Struct("<QI")

    host_ns: int
    arm_token: int = 0


@dataclass(frozen=True, slots=True)
class Status(FixedReply):
    """Device: its own account of itself; the answer to HEARTBEAT and to ESTOP (then `host_ns` is 0)."""

    type: ClassVar[MessageType] = MessageType.STATUS
    layout: ClassVar[Struct] = Struct("<HQQQBIIhHH")
    words = {"state": closed(DeviceState), "interlocks": Interlock}  # noqa: RUF012

    host_ns: int
    dev_ticks: int
    sample_index: int
    state: DeviceState
    interlocks: Interlock
    last_stim_seq: int
    temp_cc: int
    hv_v: int
    queue_free: int


@dataclass(frozen=True, slots=True)
class EStop(Fixed):
    """Host: everything off, in every state."""

    type: ClassVar[MessageType] = MessageType.ESTOP
    layout: ClassVar[Struct] = Struct("<")


@dataclass(frozen=True, slots=True)
class Clear(Fixed):
    """Host: leave FAULT, after the act on the device."""

    type: ClassVar[MessageType] = MessageType.CLEAR
    layout: ClassVar[Struct] = Struct("<")


@dataclass(frozen=True, slots=True)
class Cleared(FixedReply):
    """Device: the fault is gone; `state` is where it is now."""

    type: ClassVar[MessageType] = MessageType.CLEAR
    layout: ClassVar[Struct] = Struct("<HB")
    words = {"state": closed(DeviceState)}  # noqa: RUF012

    state: DeviceState


@dataclass(frozen=True, slots=True)
class Event(Message):
    """Device, unasked: something happened; `state` and `interlocks` are those after it."""

    type: ClassVar[MessageType] = MessageType.EVENT
    chan: ClassVar[Chan] = Chan.EVENT

    code: EventCode | int
    dev_ticks: int
    sample_index: int
    state: DeviceState
    interlocks: Interlock
    value: int = 0
    text: str = ""

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        head = (self.code, self.dev_ticks, self.sample_index, self.state, self.interlocks, self.value)
        return pack_values(_EVENT, head) + text_bytes(self.text)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        (code, ticks, sample, state, interlocks, value), text = unpack_head(_EVENT, payload, what="Event")
        return cls(
            opened(EventCode)(code),
            ticks,
            sample,
            closed(DeviceState)(state),
            Interlock(interlocks),
            value,
            text_from(text),
        )


@dataclass(frozen=True, slots=True)
class Nak(Message):
    """The receiver of request `re` refuses it; `code` comes before `re` here, unlike in other replies."""

    type: ClassVar[MessageType] = MessageType.NAK
    reply: ClassVar[bool] = True

    code: NakCode | int
    text: str = ""
    re: int = field(default=0, kw_only=True)

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        return pack_values(_NAK, (self.code, self.re)) + text_bytes(self.text)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        (code, re), text = unpack_head(_NAK, payload, what="Nak")
        return cls(opened(NakCode)(code), text_from(text), re=re)
