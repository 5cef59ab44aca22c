"""How a run ended."""

from collections.abc import Mapping
from dataclasses import dataclass

from npr_daq.engine.run import RunState
from npr_daq.engine.search import Finished
from npr_daq.stimulus import Dose


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end state, why, the first fault, and what was given.

    `cause` is complete, operator, interrupted, terminated or fault; `error` is the first fault. `results` maps each
    accepted step to the verdict of its search.
    """

    state: RunState
    cause: str
    error: Exception | None
    shocks: int
    trips: int
    pauses: int
    doses: tuple[Dose, ...]
    results: Mapping[str, Finished]
