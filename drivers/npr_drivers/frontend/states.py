"""The link of one front-end as a table: from closed to streaming, and lost for good after any failure."""

from enum import Enum, auto

from npr_daq.machine import Table


class LinkState(Enum):
    """How far this end has come with the device."""

    CLOSED = auto()
    OPENING = auto()
    IDENTIFYING = auto()
    READY = auto()
    STREAMING = auto()
    LOST = auto()


class LinkEvent(Enum):
    """What moves the link."""

    OPEN = auto()
    OPENED = auto()
    IDENTIFIED = auto()
    START = auto()
    STOP = auto()
    CLOSE = auto()
    FAIL = auto()


S, E = LinkState, LinkEvent

LINK_TABLE: Table[LinkState, LinkEvent] = {
    S.CLOSED: {E.OPEN: S.OPENING},
    S.OPENING: {E.OPENED: S.IDENTIFYING, E.CLOSE: S.CLOSED, E.FAIL: S.LOST},
    S.IDENTIFYING: {E.IDENTIFIED: S.READY, E.CLOSE: S.CLOSED, E.FAIL: S.LOST},
    S.READY: {E.START: S.STREAMING, E.CLOSE: S.CLOSED, E.FAIL: S.LOST},
    S.STREAMING: {E.STOP: S.READY, E.CLOSE: S.CLOSED, E.FAIL: S.LOST},
    # No way back: a line that failed once inside a run is not trusted with current again.
    S.LOST: {},
}
