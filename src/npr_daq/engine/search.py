"""The supramaximal search, pure: what was seen so far in, the next current or the verdict out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Any

from npr_daq.anatomy import Muscle
from npr_daq.engine.reading import Reading, Response, finite
from npr_daq.recording import Role

# Clinical reference 2.4, "auto-stop rule"; how the plateau is judged: docs/decisions/0002-plateau-rule.md.
SILENT_FACTOR = 1.5
SILENT_STEP_MA = 3.0
GROWING_FACTOR = 1.2
GROWING_STEP_MA = 0.5
FLAT_FRACTION = 0.05
FLAT_SD = 3.0
NOISE_SD = 2.0
NOISE_FRACTION = 0.10
GROWN_FOLD = 5.0
FLAT_STEPS_GROWN = 2
FLAT_STEPS = 3
LEAST_STEP = 1.15
NOISE_HIDES = "noise hides growth"
REFERENCE_START = 0.7
REFERENCE_SILENT = 1.5


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Bounds of one search. A search that sees nothing ends at `silent_cap_ma`, at or below `cap_ma`."""

    watched: tuple[Muscle, ...]
    start_ma: float
    cap_ma: float
    silent_cap_ma: float
    max_shocks: int


@dataclass(frozen=True, slots=True)
class Shock:
    """The next stimulus, and why: the rule and its inputs, JSON-safe."""

    current_ma: float
    role: Role
    why: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finished:
    """The verdict. Accepted sweeps are taken at `current_ma`; `confirmation` is the shock that confirmed it, if proved.

    `proved` holds for every muscle that answered; the evidence has a verdict for each of them.
    """

    proved: bool
    elicited: bool
    reason: str
    current_ma: float
    threshold_ma: float | None
    confirmation: Reading | None
    evidence: Mapping[str, Any]


def settings_for(
    watched: tuple[Muscle, ...],
    *,
    start_ma: float,
    cap_ma: float,
    max_shocks: int,
    reference: Finished | None = None,
) -> SearchSettings:
    """The bounds of a search, drawn closer by the other side's search where there was one that found a response."""
    silent = cap_ma
    if reference is not None and reference.elicited:
        if reference.threshold_ma is not None:
            start_ma = min(start_ma, _settable(REFERENCE_START * reference.threshold_ma))
        if reference.proved:
            silent = min(cap_ma, _settable(REFERENCE_SILENT * reference.current_ma))
    return SearchSettings(watched, min(start_ma, cap_ma), cap_ma, silent, max_shocks)


def next_shock(history: Sequence[Reading], settings: SearchSettings) -> Shock | Finished:
    """The shock after `history`, or the verdict.

    Promises: never above the cap; currents never fall; nothing above `silent_cap_ma` without a
    response that repeats at or below it; at most `max_shocks`, invalid ones included; an invalid
    shock is given again at the same current.
    """
    seen = [r for r in history if r.valid]
    if len(history) >= settings.max_shocks:
        return finish(history, settings, f"the {settings.max_shocks} shocks allowed here were used")
    if not seen:
        return Shock(settings.start_ma, Role.SEARCH, {"rule": "start", "start_ma": settings.start_ma})
    last = seen[-1]
    if _answers(last, settings) and _reached(last.current_ma, settings.silent_cap_ma) and not _repeats(seen, settings):
        # Above this current only with a response that is there; one in hundreds of empty sweeps has a peak of 5 SD.
        return Shock(last.current_ma, Role.SEARCH, {"rule": "a response must repeat", "last_ma": last.current_ma})
    if not _answers(last, settings):
        if _reached(last.current_ma, settings.silent_cap_ma):
            return finish(history, settings, f"no response up to {last.current_ma:g} mA")
        raised = min(SILENT_FACTOR * last.current_ma, last.current_ma + SILENT_STEP_MA)
        raised = min(_settable(raised), settings.silent_cap_ma)
        return Shock(raised, Role.SEARCH, {"rule": "no response yet: x1.5, at most +3 mA", "last_ma": last.current_ma})
    if _all_proved(seen, settings):
        return finish(history, settings, "plateau: every muscle that answers has stopped growing")
    if _reached(last.current_ma, settings.cap_ma):
        return finish(history, settings, f"the cap of {settings.cap_ma:g} mA was reached without a plateau")
    raised = max(GROWING_FACTOR * last.current_ma, last.current_ma + GROWING_STEP_MA)
    # A lone response may be a peak of noise: until it repeats, the bound of silence holds.
    raised = min(_settable(raised), settings.cap_ma if _repeats(seen, settings) else settings.silent_cap_ma)
    flat = min((flat_steps(seen, m) for m in settings.watched if last.responses[m].present), default=0)
    why = {"rule": "response: x1.2, at least +0.5 mA", "last_ma": last.current_ma, "flat_steps": flat}
    return Shock(raised, Role.CONFIRM if flat else Role.SEARCH, why)


def finish(history: Sequence[Reading], settings: SearchSettings, reason: str) -> Finished:
    """The verdict on what was seen, whoever ended the search."""
    seen = [r for r in history if r.valid]
    last = seen[-1] if seen else None
    elicited = last is not None and bool(_answers(last, settings))
    proved = elicited and _all_proved(seen, settings)
    current = last.current_ma if last is not None else settings.start_ma
    firsts = [f for m in settings.watched if (f := _first(seen, m)) is not None]
    threshold = min((f.current_ma for f in firsts), default=None)
    muscles = {str(m): _muscle_evidence(seen, m, settings) for m in settings.watched}
    hidden = [name for name, own in muscles.items() if own.get("reason") == NOISE_HIDES]
    if hidden:
        reason += f"; {NOISE_HIDES} ({', '.join(hidden)})"
    evidence = {
        "proved": proved,
        "elicited": elicited,
        "reason": reason,
        "threshold_ma": threshold,
        "current_ma": current,
        "start_ma": settings.start_ma,
        "cap_ma": settings.cap_ma,
        "silent_cap_ma": settings.silent_cap_ma,
        "shocks": len(history),
        "invalid": len(history) - len(seen),
        "grown_fold": _grown_fold(seen, settings),
        "muscles": muscles,
    }
    confirmation = last if proved else None
    return Finished(proved, elicited, reason, current, threshold, confirmation, evidence)


def flat_steps(seen: Sequence[Reading], muscle: Muscle) -> int:
    """How many of the last steps left this muscle's amplitude unchanged; a step is a rise of at least 15 %."""
    count = 0
    chain = _chain(seen)
    for lower, upper in zip(chain[1:], chain, strict=False):
        a, b = lower.responses[muscle], upper.responses[muscle]
        if not a.present or abs(b.size_mv - a.size_mv) >= tolerance_mv(a, b):
            break
        count += 1
    return count


def tolerance_mv(lower: Response, upper: Response) -> float:
    """The largest change between two shocks that is no growth.

    5 % and 3 SD, whichever is less; but where noise hides 5 %, 2 SD of the difference, and never more than 10 %.
    """
    sd = hypot(lower.sd_mv, upper.sd_mv)
    return max(min(FLAT_FRACTION * lower.size_mv, FLAT_SD * sd), min(NOISE_SD * sd, NOISE_FRACTION * lower.size_mv))


def stopped_growing(seen: Sequence[Reading], muscle: Muscle, *, needed: int) -> bool:
    """Whether the last `needed` steps were flat one by one, and from the first of their currents to the last as well.

    Steps that each stay below the tolerance can add up: a response in noise may double over three of them.
    """
    if flat_steps(seen, muscle) < needed:
        return False
    first, last = (r.responses[muscle] for r in (_chain(seen)[needed], seen[-1]))
    return last.size_mv - first.size_mv < tolerance_mv(first, last)


def _chain(seen: Sequence[Reading]) -> list[Reading]:
    """The readings from the last backwards, leaving out what is less than a step below the one before."""
    chain: list[Reading] = []
    for reading in reversed(seen):
        if not chain or reading.current_ma * LEAST_STEP <= chain[-1].current_ma * (1 + 1e-9):
            chain.append(reading)
    return chain


def _answers(reading: Reading, settings: SearchSettings) -> tuple[Muscle, ...]:
    return tuple(m for m in settings.watched if reading.responses[m].present)


def _repeats(seen: Sequence[Reading], settings: SearchSettings) -> bool:
    """Whether a muscle that answers now has answered to the shock before as well."""
    return len(seen) > 1 and bool(set(_answers(seen[-1], settings)) & set(_answers(seen[-2], settings)))


def _first(seen: Sequence[Reading], muscle: Muscle) -> Reading | None:
    """The reading from which on the muscle has answered every time; a lone peak of noise before is none."""
    first = None
    for reading in reversed(seen):
        if not reading.responses[muscle].present:
            break
        first = reading
    return first


def _settable(current_ma: float) -> float:
    """To 0.01 mA: what is asked for is then what the stimulator can set, and what is read aloud."""
    return round(current_ma, 2)


def _reached(current_ma: float, limit_ma: float) -> bool:
    return current_ma >= limit_ma * (1 - 1e-9)


def _grown_fold(seen: Sequence[Reading], settings: SearchSettings) -> float:
    """The most that any watched muscle has grown since it was first detected."""
    most = 0.0
    for muscle in settings.watched:
        first = _first(seen, muscle)
        if first is not None and first.responses[muscle].size_mv > 0:
            most = max(most, seen[-1].responses[muscle].size_mv / first.responses[muscle].size_mv)
    return most


def _needed(seen: Sequence[Reading], settings: SearchSettings) -> int:
    """Two flat steps on the shoulder; a third where growth has not shown that this is not the foot of the curve."""
    return FLAT_STEPS_GROWN if _grown_fold(seen, settings) >= GROWN_FOLD else FLAT_STEPS


def _all_proved(seen: Sequence[Reading], settings: SearchSettings) -> bool:
    needed = _needed(seen, settings)
    answering = _answers(seen[-1], settings)
    return bool(answering) and all(stopped_growing(seen, m, needed=needed) for m in answering)


def _noise_hides(lower: Response, upper: Response) -> bool:
    """Whether the step would have to grow by more than the tolerance may be, to be seen in this noise."""
    return NOISE_SD * hypot(lower.sd_mv, upper.sd_mv) > NOISE_FRACTION * lower.size_mv


def _muscle_evidence(seen: Sequence[Reading], muscle: Muscle, settings: SearchSettings) -> dict[str, Any]:
    answers = [r.responses[muscle] for r in seen]
    needed = _needed(seen, settings) if seen else FLAT_STEPS
    top = list(reversed(_chain(seen)[: needed + 1]))
    tops = [r.responses[muscle] for r in top]
    pairs = list(pairwise(tops))
    growth = [_percent(b.size_mv - a.size_mv, a) for a, b in pairs]
    allowed = [_percent(tolerance_mv(a, b), a) for a, b in pairs]
    present = bool(answers) and answers[-1].present
    proved = present and stopped_growing(seen, muscle, needed=needed)
    hidden = present and not proved and any(_noise_hides(a, b) for a, b in pairs)
    evidence: dict[str, Any] = {
        "proved": proved,
        "present": present,
        "currents_ma": [r.current_ma for r in seen],
        "peak_to_peak_mv": [finite(a.peak_to_peak_mv) for a in answers],
        "noise_uv": [finite(a.noise_uv) for a in answers],
        "plateau_ma": [r.current_ma for r in top],
        "growth_percent": growth,
        "allowed_percent": allowed,
        "total_growth_percent": _percent(tops[-1].size_mv - tops[0].size_mv, tops[0]) if tops else None,
        "total_allowed_percent": _percent(tolerance_mv(tops[0], tops[-1]), tops[0]) if tops else None,
        "flat_steps": flat_steps(seen, muscle) if seen else 0,
        "flat_steps_needed": needed,
        "noise_limited": any(a is not None and a > 100.0 * FLAT_FRACTION for a in allowed),
    }
    return evidence | ({"reason": NOISE_HIDES} if hidden else {})


def _percent(change_mv: float, of: Response) -> float | None:
    return 100.0 * change_mv / of.size_mv if of.size_mv > 0 else None
