"""The device's states, its moves, and which messages it refuses in which state (wire specification, section 6)."""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType

from npr_daq.machine import Table
from npr_daq.wire.messages import (
    ArmConfirm,
    ArmRequest,
    CalRead,
    Clear,
    DescRead,
    Disarm,
    EStop,
    Fire,
    Heartbeat,
    Hello,
    ImpedanceRequest,
    Message,
    RegRead,
    RegWrite,
    StimProgram,
    StreamStart,
    StreamStop,
)
from npr_daq.wire.tables import DeviceState, Interlock, NakCode

S = DeviceState


class Move(Enum):
    """What makes the device change its state."""

    STARTED = auto()
    PROGRAM = auto()
    ARM = auto()
    FIRE = auto()
    DONE = auto()
    RESTED = auto()
    DISARM = auto()
    SAFE = auto()
    FAULT = auto()
    CLEAR = auto()


MOVES: Table[DeviceState, Move] = MappingProxyType(
    {
        S.BOOT: {Move.STARTED: S.SAFE, Move.SAFE: S.BOOT, Move.FAULT: S.FAULT},
        S.SAFE: {Move.PROGRAM: S.CONFIGURED, Move.DISARM: S.SAFE, Move.SAFE: S.SAFE, Move.FAULT: S.FAULT},
        S.CONFIGURED: {
            Move.PROGRAM: S.CONFIGURED,
            Move.ARM: S.ARMED,
            Move.DISARM: S.CONFIGURED,
            Move.SAFE: S.SAFE,
            Move.FAULT: S.FAULT,
        },
        S.ARMED: {Move.FIRE: S.FIRING, Move.DISARM: S.CONFIGURED, Move.SAFE: S.SAFE, Move.FAULT: S.FAULT},
        S.FIRING: {Move.DONE: S.REFRACTORY, Move.DISARM: S.CONFIGURED, Move.SAFE: S.SAFE, Move.FAULT: S.FAULT},
        S.REFRACTORY: {
            Move.RESTED: S.CONFIGURED,
            Move.DISARM: S.CONFIGURED,
            Move.SAFE: S.SAFE,
            Move.FAULT: S.FAULT,
        },
        S.FAULT: {Move.CLEAR: S.SAFE, Move.DISARM: S.FAULT, Move.SAFE: S.FAULT, Move.FAULT: S.FAULT},
    }
)

_NEVER: Mapping[DeviceState, NakCode] = MappingProxyType({})
_BOOT = {S.BOOT: NakCode.STATE}
_LIVE = _BOOT | {S.ARMED: NakCode.STATE, S.FIRING: NakCode.STATE}
_RESTING = _LIVE | {S.REFRACTORY: NakCode.STATE, S.FAULT: NakCode.STATE}

REFUSED: Mapping[type[Message], Mapping[DeviceState, NakCode]] = MappingProxyType(
    {
        Hello: _NEVER,
        Heartbeat: _NEVER,
        DescRead: _BOOT,
        CalRead: _BOOT,
        RegRead: _BOOT,
        RegWrite: _RESTING,
        StreamStart: _LIVE,
        StreamStop: _LIVE,
        ImpedanceRequest: _RESTING,
        StimProgram: _RESTING,
        ArmRequest: _RESTING | {S.SAFE: NakCode.STATE, S.REFRACTORY: NakCode.REFRACTORY},
        ArmConfirm: _RESTING | {S.SAFE: NakCode.STATE},
        Disarm: _BOOT,
        Fire: {state: NakCode.STATE for state in S if state is not S.ARMED},
        EStop: _NEVER,
        Clear: {state: NakCode.STATE for state in S if state is not S.FAULT},
    }
)
"""For each message the states in which it is refused, and the code; everywhere else its own checks decide."""

LIVE = frozenset({S.ARMED, S.FIRING})
"""The states in which the high voltage is on; the 300 ms watchdog guards them."""

BEFORE_HELLO = (Hello, Heartbeat, EStop)
"""What is answered before a session has begun."""

FORBIDS_ARMING = Interlock(0x7FFF) & ~(Interlock.COMPLIANCE | Interlock.RATE_LIMIT | Interlock.HOST_LIMITS_DIFFER)
TOLD_BY_NAK = Interlock.RATE_LIMIT | Interlock.HOST_LIMITS_DIFFER
"""Bits whose edges make no event: the refusal that sets them says it."""
LATCHED = Interlock.E_STOP | Interlock.HV_RANGE | Interlock.OVER_TEMPERATURE | Interlock.ISOLATION | Interlock.CLOCK
"""Bits that CLEAR takes away."""
