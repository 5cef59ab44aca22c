"""The threshold staircase, pure: coarse up to the first response, down until it is gone, fine up until it repeats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from math import inf, isfinite, sqrt
from types import MappingProxyType
from typing import Any

from npr_daq.anatomy import Muscle
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.search import Finished, SearchSettings, Shock
from npr_daq.recording import Role

COARSE, DOWN, FINE = 1.3, 1 / 1.1, 1.05
LEAST_MA = 0.1
DIRECT_MS = 10.0
"""Latest onset of a direct response of a facial muscle, a demyelinated one included."""
KEEPS_MS, REPEATS_MS, REPEATS_FOLD = 1.0, 0.5, 2.0
"""How far onsets may lie apart at other currents, and at the same one; how much sizes may differ at the same one."""
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
    """One width's staircase: the phase, and the current to be given next.

    `last` holds the answers of the last shock where it must repeat, `known` the onsets (ms) of those that have repeated
    on the way up: from then on only they count. `found` lists the thresholds of the widths, None where nothing answered
    up to the cap.
    """

    width: int
    phase: Phase
    current_ma: float
    last: Mapping[Muscle, Response] = field(default_factory=dict)
    known: Mapping[Muscle, float] = field(default_factory=dict)
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
            stand = _after(stand, settings, widths_us, _answers(stand, reading, settings))
    return stand


def _answers(stand: _Stand, reading: Reading, settings: SearchSettings) -> dict[Muscle, Response]:
    """The muscles that answer as a stimulated nerve does: early, and where it must repeat, at the same time and size.

    Near its threshold a response is one motor unit or a few, not above those that are active by themselves; what tells
    it from them, in one of up to eight muscles, is that it keeps its time.
    """
    found = {}
    for muscle in settings.watched:
        answer = reading.responses[muscle]
        onset = answer.onset_latency_ms
        if not answer.present or not isfinite(onset) or onset > DIRECT_MS:
            continue
        if stand.known and not abs(onset - stand.known.get(muscle, inf)) <= KEEPS_MS:
            continue
        if stand.phase in (P.UP_AGAIN, P.FINE_AGAIN) and not _repeats(stand.last.get(muscle), answer):
            continue
        found[muscle] = answer
    return found


def _repeats(before: Response | None, now: Response) -> bool:
    if before is None or abs(now.onset_latency_ms - before.onset_latency_ms) > REPEATS_MS:
        return False
    return max(before.size_mv, now.size_mv) <= REPEATS_FOLD * min(before.size_mv, now.size_mv)


def _after(
    stand: _Stand, settings: SearchSettings, widths_us: tuple[float, ...], answered: Mapping[Muscle, Response]
) -> _Stand:
    if stand.phase is P.FINE_AGAIN and answered:
        return _next_width(stand, settings, widths_us, stand.current_ma)
    at_cap = stand.current_ma >= settings.cap_ma * (1 - 1e-9)
    at_floor = stand.current_ma <= LEAST_MA * (1 + 1e-9)
    if not answered and at_cap and stand.phase is not P.DOWN:
        return _next_width(stand, settings, widths_us, None)
    if answered and at_floor and stand.phase is P.DOWN:
        return _next_width(stand, settings, widths_us, stand.current_ma)
    phase, factor = MOVES[stand.phase, bool(answered)]
    current = min(max(round(factor * stand.current_ma, 2), LEAST_MA), settings.cap_ma)
    if factor > 1 and current <= stand.current_ma:
        # A step of less than the stimulator can set would never end.
        current = min(round(stand.current_ma + 0.01, 2), settings.cap_ma)
    known = stand.known
    if phase is P.DOWN and not known:
        known = {muscle: answer.onset_latency_ms for muscle, answer in answered.items()}
    return replace(stand, phase=phase, current_ma=current, last=answered, known=known)


def _next_width(
    stand: _Stand, settings: SearchSettings, widths_us: tuple[float, ...], threshold: float | None
) -> _Stand:
    found = (*stand.found, threshold)
    start = settings.start_ma
    if threshold is not None and len(found) < len(widths_us):
        # Between constant charge and constant current; the staircase finds its way from there.
        expected = threshold * sqrt(widths_us[stand.width] / widths_us[len(found)])
        start = min(max(round(NEXT_START * expected, 2), LEAST_MA), settings.cap_ma)
    return _Stand(stand.width + 1, P.UP, start, found=found)


def _words(found: tuple[float | None, ...], widths_us: tuple[float, ...], settings: SearchSettings) -> str:
    said = []
    for width, threshold in zip(widths_us, found, strict=True):
        what = f"no response up to {settings.cap_ma:g} mA" if threshold is None else f"threshold {threshold:g} mA"
        said.append(f"{what} at {width:g} us")
    return "; ".join(said)
