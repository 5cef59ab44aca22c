"""All messages of EMGSTIM/1 in one place, and the way from a frame to its message."""

from npr_daq.wire.acquisition import (
    ImpedanceReply,
    ImpedanceRequest,
    Reading,
    StreamStart,
    StreamStarted,
    StreamStop,
    StreamStopped,
)
from npr_daq.wire.conversation import (
    Clear,
    Cleared,
    EStop,
    Event,
    HardLimits,
    Heartbeat,
    Hello,
    Ident,
    Nak,
    Status,
)
from npr_daq.wire.data import Data, DataBlock, DataMarker
from npr_daq.wire.framing import Frame
from npr_daq.wire.layout import BadMessage, Message
from npr_daq.wire.memory import CalData, CalRead, DescData, DescRead, RegRead, RegValue, RegWrite
from npr_daq.wire.stimulation import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    Disarm,
    Disarmed,
    Fire,
    FireAccepted,
    Phase,
    StimProgram,
    StimProgrammed,
    StimReport,
    limits_crc,
)
from npr_daq.wire.tables import VERSION, FrameFlag, NakCode

__all__ = [
    "ArmChallenge",
    "ArmConfirm",
    "ArmRequest",
    "ArmToken",
    "BadMessage",
    "CalData",
    "CalRead",
    "Clear",
    "Cleared",
    "Data",
    "DataBlock",
    "DataMarker",
    "DescData",
    "DescRead",
    "Disarm",
    "Disarmed",
    "EStop",
    "Event",
    "Fire",
    "FireAccepted",
    "HardLimits",
    "Heartbeat",
    "Hello",
    "Ident",
    "ImpedanceReply",
    "ImpedanceRequest",
    "Message",
    "Nak",
    "Phase",
    "Reading",
    "RegRead",
    "RegValue",
    "RegWrite",
    "Status",
    "StimProgram",
    "StimProgrammed",
    "StimReport",
    "StreamStart",
    "StreamStarted",
    "StreamStop",
    "StreamStopped",
    "decode",
    "limits_crc",
]

REQUESTS: tuple[type[Message], ...] = (
    Hello,
    DescRead,
    RegRead,
    RegWrite,
    CalRead,
    StreamStart,
    StreamStop,
    ImpedanceRequest,
    Heartbeat,
    StimProgram,
    ArmRequest,
    ArmConfirm,
    Disarm,
    Fire,
    EStop,
    Clear,
)
"""What the host sends; every one is answered."""

REPLIES: tuple[type[Message], ...] = (
    Ident,
    DescData,
    RegValue,
    CalData,
    StreamStarted,
    StreamStopped,
    ImpedanceReply,
    Status,
    StimProgrammed,
    ArmChallenge,
    ArmToken,
    Disarmed,
    FireAccepted,
    Cleared,
    Nak,
)
"""What the device answers."""

UNASKED: tuple[type[Message], ...] = (Data, StimReport, Event)
"""What the device says by itself."""

_BY_TYPE: dict[tuple[int, bool], dict[int | None, type[Message]]] = {}
for _message in (*REQUESTS, *REPLIES, *UNASKED):
    _BY_TYPE.setdefault((_message.type, _message.reply), {})[_message.op] = _message


def decode(frame: Frame) -> Message:
    """The message in a frame; raises BadMessage, a WireError with the NAK code that answers it."""
    if frame.version >> 4 != VERSION >> 4:
        raise BadMessage(f"version {frame.version >> 4}, this is {VERSION >> 4}", code=NakCode.VERSION)
    reply = bool(frame.flags & FrameFlag.REPLY)
    by_op = _BY_TYPE.get((frame.type, reply))
    if by_op is None or frame.flags & FrameFlag.MORE:
        if reply and (frame.type, False) in _BY_TYPE and not frame.flags & FrameFlag.MORE:
            raise BadMessage(f"type 0x{frame.type:02x} is no reply, but its flags are 0x{frame.flags:02x}")
        raise BadMessage(f"unknown type 0x{frame.type:02x} with flags 0x{frame.flags:02x}", code=NakCode.UNSUPPORTED)
    kind = by_op.get(None)
    if kind is None:
        op = frame.payload[2:3] if reply else frame.payload[:1]
        if not op:
            raise BadMessage(f"type 0x{frame.type:02x} without its operation byte")
        kind = by_op.get(op[0])
        if kind is None:
            raise BadMessage(f"type 0x{frame.type:02x} has no operation {op[0]}", code=NakCode.UNSUPPORTED)
    allowed = FrameFlag.REPLY | FrameFlag.ERROR if kind is Nak else FrameFlag.REPLY
    if frame.flags | allowed != allowed:
        raise BadMessage(f"{kind.__name__} with flags 0x{frame.flags:02x}")
    if frame.chan != kind.chan:
        raise BadMessage(f"{kind.__name__} on channel {frame.chan} instead of {kind.chan}")
    return kind.unpack(frame.payload)
