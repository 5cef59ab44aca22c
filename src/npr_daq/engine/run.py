"""The states of a run, as a table. Pause is a state, a fault is not left except through SALVAGING to FAULTED."""

from enum import Enum, auto
from types import MappingProxyType

from npr_daq.errors import IllegalTransition
from npr_daq.machine import Table


class RunState(Enum):
    """Where a run stands."""

    PLANNED = auto()
    RUNNING = auto()
    PAUSED = auto()
    STOPPING = auto()
    SALVAGING = auto()
    FINISHED = auto()
    FAULTED = auto()

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return self in (RunState.FINISHED, RunState.FAULTED)


class RunEvent(Enum):
    """What moves a run."""

    BEGIN = auto()
    PAUSE = auto()
    RESUME = auto()
    COMPLETE = auto()
    STOP = auto()
    CLOSED = auto()
    FAULT = auto()
    SALVAGED = auto()


S, E = RunState, RunEvent

RUN_TABLE: Table[RunState, RunEvent] = MappingProxyType(
    {
        S.PLANNED: {E.BEGIN: S.RUNNING, E.STOP: S.STOPPING, E.FAULT: S.SALVAGING},
        S.RUNNING: {E.PAUSE: S.PAUSED, E.COMPLETE: S.STOPPING, E.STOP: S.STOPPING, E.FAULT: S.SALVAGING},
        S.PAUSED: {E.RESUME: S.RUNNING, E.PAUSE: S.PAUSED, E.STOP: S.STOPPING, E.FAULT: S.SALVAGING},
        S.STOPPING: {E.CLOSED: S.FINISHED, E.STOP: S.STOPPING, E.FAULT: S.SALVAGING},
        S.SALVAGING: {E.SALVAGED: S.FAULTED, E.STOP: S.SALVAGING, E.FAULT: S.SALVAGING},
        S.FINISHED: {},
        S.FAULTED: {},
    }
)


def after(state: RunState, event: RunEvent) -> RunState:
    """The state that follows; raises IllegalTransition for a move that the table does not have."""
    row = RUN_TABLE[state]
    if event not in row:
        allowed = ", ".join(e.name for e in row) or "nothing; it is a final state"
        raise IllegalTransition(f"run: {event.name} while {state.name} (allowed: {allowed})")
    return row[event]
