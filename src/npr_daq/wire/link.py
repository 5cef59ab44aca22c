"""One end of an EMGSTIM/1 conversation: messages to bytes and back, with the sequence numbers of both directions."""

from dataclasses import dataclass, replace

from npr_daq.errors import WireError
from npr_daq.wire.data import Data
from npr_daq.wire.framing import Frame, FrameReader, encode_frame
from npr_daq.wire.messages import BadMessage, Message, Nak, decode
from npr_daq.wire.tables import VERSION, Chan, FrameFlag, MessageType

_REPLY = int(FrameFlag.REPLY)
"""As a plain number: arithmetic with a flag of the enumeration takes longer than all the rest of a frame's header."""

_BEGINNINGS = (MessageType.HELLO, MessageType.IDENT)
"""A conversation begins: the numbers of its sender may be anything from here on, on all channels."""


@dataclass(frozen=True, slots=True)
class Received:
    """One whole frame from the far end: its message, or the error that says which NAK answers it.

    `reply` is the reply flag. For a reply, `message.re` is the `seq` of the request that it answers.
    """

    message: Message | None
    seq: int
    chan: int
    reply: bool
    error: BadMessage | None = None


class Link:
    """Both ends use one each; it knows no transport and no clock.

    `gaps[chan]` counts frames that the sequence numbers show to be missing, `repeats[chan]` frames that came again
    or from behind. Neither is repaired or refused: what a request may do twice is the receiver's rule.
    """

    def __init__(self, *, first_seq: int = 1) -> None:
        self.reader = FrameReader()
        self.gaps = dict.fromkeys(Chan, 0)
        self.repeats = dict.fromkeys(Chan, 0)
        self._next = dict.fromkeys(Chan, first_seq)
        self._expected: dict[int, int] = {}

    def send(self, message: Message, *, re: int | None = None) -> bytes:
        """The frame of `message` with the next number of its channel; `re` fills in the request a reply answers.

        Raises WireError, and spends no number, when `re` is given for a message that is no reply.
        """
        if re is not None:
            if not message.reply:
                raise WireError(f"{type(message).__name__} is no reply and answers nothing")
            message = replace(message, re=re)  # type: ignore[type-var]
        flags = FrameFlag.REPLY if message.reply else FrameFlag(0)
        if isinstance(message, Nak):
            flags |= FrameFlag.ERROR
        return self._send(message.type, int(flags), message.chan, message.pack())

    def send_data(self, payload: bytes) -> bytes:
        """The frame of a DATA payload made by `pack_data`."""
        return self._send(MessageType.DATA, 0, Chan.DATA, payload)

    def next_seq(self, chan: Chan = Chan.CONTROL) -> int:
        """The number that the next message on `chan` will carry, and that its reply will repeat in `re`."""
        return self._next[chan]

    def receive(self, data: bytes) -> list[Received]:
        """The messages that `data` completes, in order. Damaged frames are counted by `reader` and not in the list."""
        return [self._received(frame) for frame in self.reader.feed(data)]

    def _send(self, kind: MessageType, flags: int, chan: Chan, payload: bytes) -> bytes:
        seq = self._next[chan]
        encoded = encode_frame(Frame(kind, flags, chan, seq, payload))
        self._next[chan] = (seq + 1) & 0xFFFF
        return encoded

    def _received(self, frame: Frame) -> Received:
        chan, seq = frame.chan, frame.seq
        reply = bool(frame.flags & _REPLY)
        if frame.type in _BEGINNINGS:
            self._expected.clear()
        elif self._expected.get(chan, seq) != seq:
            self._count(frame)
        self._expected[chan] = (seq + 1) & 0xFFFF
        try:
            # DATA is nearly all of the traffic, so it does not take the long way through the table of messages.
            if frame.type == MessageType.DATA and chan == Chan.DATA and not frame.flags and frame.version == VERSION:
                return Received(Data.unpack(frame.payload), seq, chan, reply)
            return Received(decode(frame), seq, chan, reply)
        except BadMessage as error:
            return Received(None, seq, chan, reply, error)

    def _count(self, frame: Frame) -> None:
        if frame.chan not in self.gaps:
            return
        chan = Chan(frame.chan)
        missing = (frame.seq - self._expected[chan]) & 0xFFFF
        if missing < 0x8000:
            self.gaps[chan] += missing
        else:
            self.repeats[chan] += 1
