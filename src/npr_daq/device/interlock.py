"""The host's interlock: whether current may flow, as a table. It never loosens the device's own."""

from enum import Enum, auto
from types import MappingProxyType

from npr_daq.machine import Machine, Table


class InterlockState(Enum):
    """What the host believes about the output."""

    SAFE = auto()
    ARMED = auto()
    FIRING = auto()
    LATCHED = auto()


class InterlockEvent(Enum):
    """What moves the interlock."""

    ARM = auto()
    FIRE = auto()
    REPORT = auto()
    DISARM = auto()
    TRIP = auto()
    EXPIRE = auto()
    """No report came in time after FIRE, or a disarm was not confirmed."""
    ACKNOWLEDGE = auto()


S, E = InterlockState, InterlockEvent

INTERLOCK_TABLE: Table[InterlockState, InterlockEvent] = MappingProxyType(
    {
        S.SAFE: {E.ARM: S.ARMED, E.DISARM: S.SAFE, E.TRIP: S.SAFE, E.EXPIRE: S.LATCHED},
        S.ARMED: {E.FIRE: S.FIRING, E.DISARM: S.SAFE, E.TRIP: S.SAFE, E.EXPIRE: S.LATCHED},
        # A disarm during FIRING is believed only with a report: without one it stays open whether current flowed.
        S.FIRING: {E.REPORT: S.SAFE, E.TRIP: S.SAFE, E.EXPIRE: S.LATCHED},
        S.LATCHED: {E.ACKNOWLEDGE: S.SAFE, E.DISARM: S.LATCHED, E.TRIP: S.LATCHED, E.EXPIRE: S.LATCHED},
    }
)
"""FIRING is entered from ARMED only; LATCHED is left by ACKNOWLEDGE only (architecture: state tables)."""


def interlock() -> Machine[InterlockState, InterlockEvent]:
    """A new interlock, SAFE."""
    return Machine("interlock", INTERLOCK_TABLE, InterlockState.SAFE)
