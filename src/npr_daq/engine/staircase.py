"""The threshold staircase, pure: coarse up to the first response, down until it is gone, fine up until it repeats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import sqrt
from types import MappingProxyType
from typing import Any

from npr_daq.engine.reading import Reading
from npr_daq.engine.search import Finished, SearchSettings, Shock
from npr_daq.recording import Role

COARSE, DOWN, FINE = 1.3, 1 / 1.1, 1.05
LEAST_MA = 0.1
NEXT_START = 0.8
"""The staircase of a further width starts at this part of what the last threshold leads one to expect."""


class Phase(Enum):
    """Where a staircase stands."""

    UP = auto()
    UP_AGAIN = auto()
    DOWN = auto()
    FINE = auto()
    FINE_AGAIN = auto()


P = Phase

# Phase, answered or not -> the phase and the factor of the next current. UP_AGAIN and FINE_AGAIN give a current twice.
MOVES = MappingProxyType(
    {
        (P.UP, False): (P.UP, COARSE),
        (P.UP, True): (P.UP_AGAIN, 1.0),
        (P.UP_AGAIN, False): (P.UP, COARSE),
        (P.UP_AGAIN, True): (P.DOWN, DOWN),
        (P.DOWN, True): (P.DOWN, DOWN),
        (P.DOWN, False): (P.FINE, FINE),
        (P.FINE, False): (P.FINE, FINE),
        (P.FINE, True): (P.FINE_AGAIN, 1.0),
        (P.FINE_AGAIN, False): (P.FINE, FINE),
    }
)
"""FINE_AGAIN that is answered ends the staircase: that current is the threshold."""


@dataclass(frozen=True, slots=True)
class _Stand:
    """One width's staircase: the current to be given next, and the threshold once it is found.

    `found` lists the thresholds of the widths, None where nothing answered up to the cap.
    """

    width: int
    phase: Phase
    current_ma: float
    found: tuple[float | None, ...] = ()


def next_step(history: Sequence[Reading], settings: SearchSettings, widths_us: tuple[float, ...]) -> Shock | Finished:
    """The shock after `history`, or the verdict.

    Promises: never above the cap; at most `max_shocks`, invalid ones included; an invalid shock is given again at
    the same current.
    """
    stand = _stand(history, settings, widths_us)
    if stand.width == len(widths_us):
        return finish_staircase(history, settings, widths_us, _words(stand.found, widths_us, settings))
    if len(history) >= settings.max_shocks:
        text = f"the {settings.max_shocks} shocks allowed here were used"
        return finish_staircase(history, settings, widths_us, text)
    why = {"rule": f"staircase: {stand.phase.name.lower().replace('_', ' ')}", "width_us": widths_us[stand.width]}
    return Shock(stand.current_ma, Role.SEARCH, why, width_us=widths_us[stand.width])


def finish_staircase(
    history: Sequence[Reading], settings: SearchSettings, widths_us: tuple[float, ...], reason: str
) -> Finished:
    """The verdict on what was seen, whoever ended it. `proved` says that the staircase of every width was finished."""
    found = _stand(history, settings, widths_us).found
    done = [threshold for threshold in found if threshold is not None]
    first = found[0] if found else None
    tried = [r.current_ma for r in history if r.valid]
    current = first if first is not None else max(tried, default=settings.start_ma)
    proved = len(done) == len(widths_us)
    evidence: dict[str, Any] = {
        "proved": proved,
        "elicited": bool(done),
        "reason": reason,
        "threshold_ma": first,
        "current_ma": current,
        "start_ma": settings.start_ma,
        "cap_ma": settings.cap_ma,
        "shocks": len(history),
        "invalid": sum(not r.valid for r in history),
        "thresholds": [
            {"width_us": width, "threshold_ma": threshold} for width, threshold in zip(widths_us, found, strict=False)
        ],
        "fine_step": FINE,
    }
    return Finished(proved, bool(done), reason, current, first, None, evidence)


def _stand(history: Sequence[Reading], settings: SearchSettings, widths_us: tuple[float, ...]) -> _Stand:
    """Where `history` has led to: the staircase replayed."""
    stand = _Stand(0, P.UP, settings.start_ma)
    for reading in history:
        if reading.valid and stand.width < len(widths_us):
            answered = any(reading.responses[m].present for m in settings.watched)
            stand = _after(stand, settings, widths_us, answered=answered)
    return stand


def _after(stand: _Stand, settings: SearchSettings, widths_us: tuple[float, ...], *, answered: bool) -> _Stand:
    if stand.phase is P.FINE_AGAIN and answered:
        return _next_width(stand, settings, widths_us, stand.current_ma)
    at_cap = stand.current_ma >= settings.cap_ma * (1 - 1e-9)
    at_floor = stand.current_ma <= LEAST_MA * (1 + 1e-9)
    if not answered and at_cap and stand.phase is not P.DOWN:
        return _next_width(stand, settings, widths_us, None)
    if answered and at_floor and stand.phase is P.DOWN:
        return _next_width(stand, settings, widths_us, stand.current_ma)
    phase, factor = MOVES[stand.phase, answered]
    current = min(max(round(factor * stand.current_ma, 2), LEAST_MA), settings.cap_ma)
    if factor > 1 and current <= stand.current_ma:
        # A step of less than the stimulator can set would never end.
        current = min(round(stand.current_ma + 0.01, 2), settings.cap_ma)
    return replace(stand, phase=phase, current_ma=current)


def _next_width(
    stand: _Stand, settings: SearchSettings, widths_us: tuple[float, ...], threshold: float | None
) -> _Stand:
    found = (*stand.found, threshold)
    start = settings.start_ma
    if threshold is not None and len(found) < len(widths_us):
        # Between constant charge and constant current; the staircase finds its way from there.
        expected = threshold * sqrt(widths_us[stand.width] / widths_us[len(found)])
        start = min(max(round(NEXT_START * expected, 2), LEAST_MA), settings.cap_ma)
    return _Stand(stand.width + 1, P.UP, start, found)


def _words(found: tuple[float | None, ...], widths_us: tuple[float, ...], settings: SearchSettings) -> str:
    said = []
    for width, threshold in zip(widths_us, found, strict=True):
        what = f"no response up to {settings.cap_ma:g} mA" if threshold is None else f"threshold {threshold:g} mA"
        said.append(f"{what} at {width:g} us")
    return "; ".join(said)
