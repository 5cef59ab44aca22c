"""What every message is: a type, a channel, and a payload that packs and unpacks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from struct import Struct
from struct import error as struct_error
from typing import Any, ClassVar, Self, TypeVar

from npr_daq.errors import WireError
from npr_daq.wire.tables import Chan, MessageType, NakCode

MAX_TEXT = 200
"""Bytes of UTF-8 text in a NAK or EVENT; a longer text is cut."""

E = TypeVar("E", bound=IntEnum)


class BadMessage(WireError):
    """A whole frame that is no valid message; `code` is the NAK that its receiver answers."""

    def __init__(self, message: str, *, code: NakCode = NakCode.MALFORMED) -> None:
        super().__init__(message)
        self.code = code


class Message:
    """One message. `reply` says that its payload begins with `re`, the `seq` of the request it answers."""

    __slots__ = ()
    type: ClassVar[MessageType]
    chan: ClassVar[Chan] = Chan.CONTROL
    reply: ClassVar[bool] = False
    op: ClassVar[int | None] = None

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        raise NotImplementedError

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Fixed(Message):
    """A message of fixed size: its fields in wire order, with `op` before them (after `re` in a reply)."""

    layout: ClassVar[Struct]
    words: ClassVar[Mapping[str, Callable[[int], int]]] = {}

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        values = [getattr(self, f.name) for f in fields(self)]
        if self.op is not None:
            values.insert(int(self.reply), self.op)
        return pack_values(self.layout, values)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        values = list(unpack_exactly(cls.layout, payload, what=cls.__name__))
        if cls.op is not None and values.pop(int(cls.reply)) != cls.op:
            raise BadMessage(f"{cls.__name__}: its operation byte is not {cls.op}")
        named = dict(zip((f.name for f in fields(cls)), values, strict=True))
        for name, word in cls.words.items():
            named[name] = word(named[name])
        return cls(**named)


@dataclass(frozen=True, slots=True)
class FixedReply(Fixed):
    """A reply of fixed size; `re` is filled in by `Link.send`."""

    reply: ClassVar[bool] = True

    re: int = field(default=0, kw_only=True)


def pack_values(layout: Struct, values: Sequence[Any]) -> bytes:
    """`layout.pack` with our error."""
    try:
        return layout.pack(*values)
    except struct_error as error:
        raise WireError(f"a value of {list(values)} does not fit its field: {error}") from error


def unpack_exactly(layout: Struct, payload: bytes, *, what: str) -> tuple[Any, ...]:
    """`layout.unpack`, refusing any other length."""
    if len(payload) != layout.size:
        raise BadMessage(f"{what}: {len(payload)} bytes of payload, {layout.size} expected")
    return layout.unpack(payload)


def unpack_head(layout: Struct, payload: bytes, *, what: str) -> tuple[tuple[Any, ...], bytes]:
    """The fixed head of a payload, and the bytes behind it."""
    if len(payload) < layout.size:
        raise BadMessage(f"{what}: {len(payload)} bytes of payload, at least {layout.size} expected")
    return layout.unpack_from(payload), payload[layout.size :]


def closed(words: type[E]) -> Callable[[int], E]:
    """A reader of an enumeration in which an unknown number is malformed."""

    def read(value: int) -> E:
        try:
            return words(value)
        except ValueError as error:
            raise BadMessage(f"{value} is no {words.__name__}") from error

    return read


def opened(words: type[E]) -> Callable[[int], E | int]:
    """A reader of an enumeration that a later minor version may extend: an unknown number stays a number."""

    known = {word.value: word for word in words}

    def read(value: int) -> E | int:
        return known.get(value, value)

    return read


def text_bytes(text: str) -> bytes:
    """UTF-8, cut to `MAX_TEXT` bytes at a character."""
    return text.encode()[:MAX_TEXT].decode(errors="ignore").encode()


def text_from(data: bytes) -> str:
    """Text for people; bytes that are not UTF-8 are shown as replacement characters."""
    return data.decode(errors="replace")
