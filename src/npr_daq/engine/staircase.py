"""The threshold staircase, pure: coarse up to a response that repeats, then halving until the bracket is narrow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from math import inf, isfinite, sqrt
from typing import Any

from npr_daq.anatomy import Muscle
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.search import Finished, SearchSettings, Shock, settable
from npr_daq.recording import Role

COARSE = 1.45
"""Three halvings bring a bracket of this ratio below the fine one: 1.45 ** (1 / 8) is 1.048."""
FINE = 1.05
ABOVE = 1.2
"""What repeats at one current alone may be hum or a unit that fires by itself: this much above it must answer too."""
LEAST_MA = 0.1
SETTABLE_MA = 0.01
DIRECT_MS = 10.0
"""Latest onset of a direct response of a facial muscle, a demyelinated one included."""
EARLIER_MS, LATER_MS = 1.0, 3.0
"""How far an onset may lie from that of the first current that repeated: a few of its units begin when they do, and the
whole when its first does."""
REPEATS_MS, REPEATS_FOLD = 0.5, 2.0
"""How far onsets may lie apart, and how much sizes may differ, at the same current."""
NEXT_START = 0.8
"""The staircase of a further width starts at this part of what the last threshold leads one to expect."""

Answers = Mapping[Muscle, Response]


class Phase(StrEnum):
    """Where a staircase stands, in the words of the reason for a shock."""

    UP = "up"
    """Nothing has repeated yet."""
    AGAIN = "again"
    """The current before was answered: the response must repeat."""
    DOWN = "down"
    """The first current was answered already: down until nothing answers."""
    HALVE = "halve"
    """Between the highest current without an answer and the lowest with one."""
    ABOVE = "above"
    """Only one current has been answered: a higher one must be as well."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """A current that was answered; `repeats` where it was answered twice alike."""

    current_ma: float
    answers: Answers
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class _Width:
    """What one width has shown: the bracket `low_ma` (0 where every current was answered) and the answered currents.

    `answered` falls, so that its last is the top of the bracket; the first of all repeats once the way up is over.
    `known` holds the onsets (ms) of those muscles: from then on only they count.
    """

    low_ma: float = 0.0
    answered: tuple[_Tried, ...] = ()
    known: Mapping[Muscle, float] = field(default_factory=dict)
    currents_ma: tuple[float, ...] = ()
    hits: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class _Next:
    phase: Phase
    current_ma: float


@dataclass(frozen=True, slots=True)
class _End:
    """One width is done: its threshold, None where nothing repeats up to the cap."""

    threshold_ma: float | None


def next_step(history: Sequence[Reading], settings: SearchSettings, widths_us: tuple[float, ...]) -> Shock | Finished:
    """The shock after `history`, or the verdict.

    Promises: never above the cap; at most `max_shocks`, invalid ones included; an invalid shock is given again at
    the same current. The threshold is the lowest current that was answered twice alike, at most 5 % (or 0.01 mA) above
    one that was not, and below another that was answered.
    """
    seen, start = _replayed(history, settings, widths_us)
    if len(seen) == len(widths_us) and isinstance(_next(seen[-1], settings, start), _End):
        return finish_staircase(history, settings, widths_us, "")
    if len(history) >= settings.max_shocks:
        text = f"the {settings.max_shocks} shocks allowed here were used"
        return finish_staircase(history, settings, widths_us, text)
    after = _next(seen[-1], settings, start)
    assert isinstance(after, _Next)
    width_us = widths_us[len(seen) - 1]
    top = seen[-1].answered[-1].current_ma if seen[-1].answered else None
    why = {
        "rule": f"staircase: {after.phase}",
        "width_us": width_us,
        "low_ma": seen[-1].low_ma or None,
        "high_ma": top,
    }
    return Shock(after.current_ma, Role.SEARCH, why, width_us=width_us)


def finish_staircase(
    history: Sequence[Reading], settings: SearchSettings, widths_us: tuple[float, ...], reason: str
) -> Finished:
    """The verdict on what was seen, whoever ended it; "" as the reason says what was found.

    `proved` says that the staircase of every width was finished with a threshold.
    """
    seen, start = _replayed(history, settings, widths_us)
    rows = []
    for number, (width, own) in enumerate(zip(widths_us, seen, strict=False)):
        ended = _next(own, settings, start) if number == len(seen) - 1 else _ended(own)
        if own.currents_ma:
            rows.append(_row(width, own, ended))
    done = [row["threshold_ma"] for row in rows if row["threshold_ma"] is not None]
    first = rows[0]["threshold_ma"] if rows else None
    tried = [r.current_ma for r in history if r.valid]
    current = first if first is not None else max(tried, default=settings.start_ma)
    proved = len(done) == len(widths_us)
    reason = reason or "; ".join(_words(row, settings) for row in rows)
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
        "thresholds": rows,
        "fine_step": FINE,
    }
    return Finished(proved, bool(done), reason, current, first, None, evidence)


def _replayed(
    history: Sequence[Reading], settings: SearchSettings, widths_us: tuple[float, ...]
) -> tuple[list[_Width], float]:
    """Every width that was begun, and where the last of them starts."""
    seen, start = [_Width()], settings.start_ma
    for reading in history:
        after = _next(seen[-1], settings, start)
        if not reading.valid or isinstance(after, _End):
            continue
        seen[-1] = _after(seen[-1], after, reading, settings)
        ended = _next(seen[-1], settings, start)
        if isinstance(ended, _End) and len(seen) < len(widths_us):
            start = _further_start(ended.threshold_ma, settings, widths_us[len(seen) - 1], widths_us[len(seen)])
            seen.append(_Width())
    return seen, start


def _next(own: _Width, settings: SearchSettings, start_ma: float) -> _Next | _End:
    """What comes after what this width has shown."""
    if not own.answered:
        if own.low_ma >= settings.cap_ma * (1 - 1e-9):
            return _End(None)
        up = max(settable(COARSE * own.low_ma), own.low_ma + SETTABLE_MA) if own.low_ma else start_ma
        return _Next(Phase.UP, min(up, settings.cap_ma))
    top = own.answered[-1]
    # On the way up the first answer must repeat at once; one of the narrow bracket before it is the threshold.
    if not own.known:
        return _Next(Phase.AGAIN, top.current_ma)
    if not own.low_ma and top.current_ma > LEAST_MA * (1 + 1e-9):
        return _Next(Phase.DOWN, max(settable(top.current_ma / COARSE), LEAST_MA))
    middle = settable(sqrt(own.low_ma * top.current_ma))
    if own.low_ma and top.current_ma > FINE * own.low_ma * (1 + 1e-9) and own.low_ma < middle < top.current_ma:
        return _Next(Phase.HALVE, middle)
    if not top.repeats:
        return _Next(Phase.AGAIN, top.current_ma)
    if len(own.answered) == 1:
        return _Next(Phase.ABOVE, min(settable(ABOVE * top.current_ma), settings.cap_ma))
    return _End(top.current_ma)


def _ended(own: _Width) -> _End:
    """The end of a width that another has followed."""
    return _End(own.answered[-1].current_ma if own.answered else None)


def _after(own: _Width, given: _Next, reading: Reading, settings: SearchSettings) -> _Width:
    answers = _answers(own, given, reading, settings)
    own = replace(own, currents_ma=(*own.currents_ma, given.current_ma), hits=(*own.hits, bool(answers)))
    if given.phase is Phase.ABOVE:
        if answers:
            return replace(own, answered=(_Tried(given.current_ma, answers), *own.answered))
        return replace(own, low_ma=given.current_ma, answered=(), known={})
    if given.phase is not Phase.AGAIN:
        if answers:
            return replace(own, answered=(*own.answered, _Tried(given.current_ma, answers)))
        return replace(own, low_ma=given.current_ma)
    *higher, _ = own.answered
    if not answers:
        # A current that is not answered every time is below the threshold.
        return replace(own, low_ma=given.current_ma, answered=tuple(higher))
    known = own.known or {muscle: answer.onset_latency_ms for muscle, answer in answers.items()}
    return replace(own, answered=(*higher, _Tried(given.current_ma, answers, repeats=True)), known=known)


def _answers(own: _Width, given: _Next, reading: Reading, settings: SearchSettings) -> dict[Muscle, Response]:
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
        if own.known and not -EARLIER_MS <= onset - own.known.get(muscle, inf) <= LATER_MS:
            continue
        if given.phase is Phase.AGAIN and not _repeats(own.answered[-1].answers.get(muscle), answer):
            continue
        found[muscle] = answer
    return found


def _repeats(before: Response | None, now: Response) -> bool:
    if before is None or abs(now.onset_latency_ms - before.onset_latency_ms) > REPEATS_MS:
        return False
    return max(before.size_mv, now.size_mv) <= REPEATS_FOLD * min(before.size_mv, now.size_mv)


def _further_start(threshold: float | None, settings: SearchSettings, width_us: float, next_us: float) -> float:
    if threshold is None:
        return settings.start_ma
    # Between constant charge and constant current; the staircase finds its way from there.
    expected = threshold * sqrt(width_us / next_us)
    return min(max(settable(NEXT_START * expected), LEAST_MA), settings.cap_ma)


def _row(width_us: float, own: _Width, ended: _Next | _End) -> dict[str, Any]:
    """The bracket of one width: the threshold lies above `low_ma`, not above `high_ma`; None where it has no end.

    Without a threshold nothing repeats up to the cap, or, where it is not `finished`, somebody ended it. The muscles
    are those that answered at `high_ma`, the largest first.
    """
    top = own.answered[-1].answers if own.answered else {}
    return {
        "width_us": width_us,
        "finished": isinstance(ended, _End),
        "threshold_ma": ended.threshold_ma if isinstance(ended, _End) else None,
        "low_ma": own.low_ma or None,
        "high_ma": own.answered[-1].current_ma if own.answered else None,
        "shocks": len(own.currents_ma),
        "reversals": sum(a is not b for a, b in pairwise(own.hits)),
        "currents_ma": list(own.currents_ma),
        "answered": list(own.hits),
        "muscles": [str(muscle) for muscle in sorted(top, key=lambda m: -top[m].size_mv)],
    }


def _words(row: Mapping[str, Any], settings: SearchSettings) -> str:
    if row["threshold_ma"] is None:
        return f"no response up to {settings.cap_ma:g} mA at {row['width_us']:g} us"
    low = "" if row["low_ma"] is None else f", not at {row['low_ma']:g} mA"
    return f"threshold {row['threshold_ma']:g} mA at {row['width_us']:g} us{low}"
