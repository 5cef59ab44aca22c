"""Messages that read and write the device's memory: descriptor, registers, calibration block."""

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Self

from npr_daq.errors import WireError
from npr_daq.wire.layout import BadMessage, Fixed, Message, closed, opened, pack_values, unpack_exactly, unpack_head
from npr_daq.wire.tables import MessageType, Register, RegOp, ValueType

MAX_READ = 2048
"""Most bytes that one descriptor or calibration read may ask for."""

_CHUNK = Struct("<HII")
_WRITE = Struct("<BHB")
_VALUE = Struct("<HBHB")
_VALUES = {
    ValueType.U8: Struct("<B"),
    ValueType.U16: Struct("<H"),
    ValueType.U32: Struct("<I"),
    ValueType.U64: Struct("<Q"),
    ValueType.I32: Struct("<i"),
}


@dataclass(frozen=True, slots=True)
class DescRead(Fixed):
    """Host: `length` bytes of the descriptor from `offset`."""

    type: ClassVar[MessageType] = MessageType.DESC
    layout: ClassVar[Struct] = Struct("<IH")

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class CalRead(Fixed):
    """Host: `length` bytes of the calibration block from `offset`."""

    type: ClassVar[MessageType] = MessageType.CAL
    layout: ClassVar[Struct] = Struct("<IH")

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class DescData(Message):
    """Device: bytes of the descriptor from `offset`; `total` is its whole size."""

    type: ClassVar[MessageType] = MessageType.DESC
    reply: ClassVar[bool] = True

    offset: int
    total: int
    data: bytes
    re: int = field(default=0, kw_only=True)

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        return pack_values(_CHUNK, (self.re, self.offset, self.total)) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        (re, offset, total), data = unpack_head(_CHUNK, payload, what="DescData")
        return cls(offset, total, data, re=re)


@dataclass(frozen=True, slots=True)
class CalData(Message):
    """Device: bytes of the calibration block from `offset`; `total` is its whole size."""

    type: ClassVar[MessageType] = MessageType.CAL
    reply: ClassVar[bool] = True

    offset: int
    total: int
    data: bytes
    re: int = field(default=0, kw_only=True)

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        return pack_values(_CHUNK, (self.re, self.offset, self.total)) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        (re, offset, total), data = unpack_head(_CHUNK, payload, what="CalData")
        return cls(offset, total, data, re=re)


@dataclass(frozen=True, slots=True)
class RegRead(Fixed):
    """Host: the value of a register."""

    type: ClassVar[MessageType] = MessageType.REG
    op: ClassVar[int | None] = RegOp.READ
    layout: ClassVar[Struct] = Struct("<BH")
    words = {"register": opened(Register)}  # noqa: RUF012

    register: Register | int


@dataclass(frozen=True, slots=True)
class RegWrite(Message):
    """Host: write a register."""

    type: ClassVar[MessageType] = MessageType.REG
    op: ClassVar[int | None] = RegOp.WRITE

    register: Register | int
    value: int
    value_type: ValueType = ValueType.U32

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        head = pack_values(_WRITE, (RegOp.WRITE, self.register, self.value_type))
        return head + _value_bytes(self.value, self.value_type)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        (op, register, kind), rest = unpack_head(_WRITE, payload, what="RegWrite")
        if op != RegOp.WRITE:
            raise BadMessage(f"RegWrite: its operation byte is not {RegOp.WRITE}")
        value_type = closed(ValueType)(kind)
        return cls(opened(Register)(register), _value(rest, value_type), value_type)


@dataclass(frozen=True, slots=True)
class RegValue(Message):
    """Device: the value that a register has now, after a read or a write."""

    type: ClassVar[MessageType] = MessageType.REG
    reply: ClassVar[bool] = True

    register: Register | int
    value: int
    value_type: ValueType = ValueType.U32
    operation: RegOp = RegOp.READ
    re: int = field(default=0, kw_only=True)

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        head = pack_values(_VALUE, (self.re, self.operation, self.register, self.value_type))
        return head + _value_bytes(self.value, self.value_type)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        (re, op, register, kind), rest = unpack_head(_VALUE, payload, what="RegValue")
        value_type = closed(ValueType)(kind)
        value = _value(rest, value_type)
        return cls(opened(Register)(register), value, value_type, closed(RegOp)(op), re=re)


def _value_bytes(value: int, value_type: ValueType) -> bytes:
    if value_type not in _VALUES:
        raise WireError(f"{value_type} is no ValueType")
    return pack_values(_VALUES[value_type], (value,))


def _value(data: bytes, value_type: ValueType) -> int:
    (value,) = unpack_exactly(_VALUES[value_type], data, what="register value")
    return int(value)
