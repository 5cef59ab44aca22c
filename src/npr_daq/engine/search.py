"""The supramaximal search, pure: what was seen so far in, the next current or the verdict out.

`RULES` is the search: `next_shock` walks down it, and `npr-daq protocols --search` prints it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, log
from typing import Any

from npr_daq.anatomy import Muscle
from npr_daq.engine.plateau import FLAT_FRACTION, FLAT_SD, LEAST_STEP, NOISE_FRACTION, NOISE_SD
from npr_daq.engine.reading import Reading
from npr_daq.engine.verdict import (
    FLAT_STEPS,
    FLAT_STEPS_GROWN,
    GROWN_FOLD,
    Finished,
    SearchSettings,
    Seen,
    finish,
)
from npr_daq.recording import Role

# Clinical reference 2.4, "auto-stop rule"; why, and what of it is ours: docs/decisions/0002-plateau-rule.md.
SILENT_FACTOR = 1.5
SILENT_STEP_MA = 3.0
GROWING_FACTOR = 1.2
GROWING_STEP_MA = 0.5
STEEP_FACTOR = GROWING_FACTOR**2
STEEP_GROWTH = 1.5
STEPS_TO_CAP = 3
ROUNDING = 1.002
"""Currents are set to 0.01 mA."""
REFERENCE_START = 0.7
REFERENCE_SILENT = 1.5
REFERENCE_LEAST = 0.8

__all__ = ["RULES", "Finished", "Rule", "SearchSettings", "Shock", "State", "finish", "next_shock", "settings_for"]


@dataclass(frozen=True, slots=True)
class Shock:
    """The next stimulus, and why: the rule and its inputs, JSON-safe. `width_us` is None for that of the step."""

    current_ma: float
    role: Role
    why: Mapping[str, Any]
    width_us: float | None = None


class State(StrEnum):
    """Where a search stands, by its last shock that counts."""

    ANY = "any"
    BEGIN = "begin"
    """No shock that counts yet."""
    SILENT = "silent"
    """No watched muscle answers."""
    ANSWERING = "answering"
    """A watched muscle answers."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the search: in `state`, where `holds`, the next current by `raise_to`; it ends where that is None.

    `when` and `then` say the same in words; `ends` gives the reason of the end.
    """

    state: State
    when: str
    then: str
    holds: Callable[[Seen], bool]
    raise_to: Callable[[Seen], float] | None = None
    ends: Callable[[Seen], str] | None = None


def settings_for(
    watched: tuple[Muscle, ...],
    *,
    start_ma: float,
    cap_ma: float,
    max_shocks: int,
    reference: Finished | None = None,
) -> SearchSettings:
    """The bounds of a search, drawn closer by the other side's search where there was one that found a response."""
    silent, least = cap_ma, 0.0
    if reference is not None and reference.elicited:
        if reference.threshold_ma is not None:
            start_ma = settable(REFERENCE_START * reference.threshold_ma)
        if reference.proved:
            silent = min(cap_ma, settable(REFERENCE_SILENT * reference.current_ma))
            least = min(cap_ma, settable(REFERENCE_LEAST * reference.current_ma))
    return SearchSettings(watched, min(start_ma, silent), cap_ma, silent, max_shocks, least)


def next_shock(history: Sequence[Reading], settings: SearchSettings) -> Shock | Finished:
    """The shock after `history`, or the verdict: the first of `RULES` that holds.

    Promises: never above the cap; currents never fall; nothing above `silent_cap_ma` without a
    response that repeats at or below it; at most `max_shocks`, invalid ones included; an invalid
    shock is given again at the same current.
    """
    seen = Seen(history, settings)
    here = state_of(seen)
    rule = next(r for r in RULES if r.state in (here, State.ANY) and r.holds(seen))
    if rule.raise_to is None:
        assert rule.ends is not None
        return finish(history, settings, rule.ends(seen))
    why: dict[str, Any] = {"state": str(here), "rule": f"{rule.when}: {rule.then}"}
    if here is State.BEGIN:
        return Shock(rule.raise_to(seen), Role.SEARCH, why | {"start_ma": settings.start_ma})
    last = seen.last.current_ma
    why |= {"last_ma": last, "flat_steps": seen.flat}
    # A lone response may be a peak of noise: until it repeats, the bound of silence holds.
    top = settings.cap_ma if seen.repeats else settings.silent_cap_ma
    return Shock(max(last, min(settable(rule.raise_to(seen)), top)), Role.CONFIRM if seen.flat else Role.SEARCH, why)


def state_of(seen: Seen) -> State:
    """Where the search stands."""
    if not seen.valid:
        return State.BEGIN
    return State.ANSWERING if seen.answering else State.SILENT


def settable(current_ma: float) -> float:
    """To 0.01 mA: what is asked for is then what the stimulator can set, and what is read aloud."""
    return round(current_ma, 2)


def _spent(seen: Seen) -> bool:
    return len(seen.history) >= seen.settings.max_shocks


def _lone_at_bound(seen: Seen) -> bool:
    # Above this current only with a response that is there; one in hundreds of empty sweeps has a peak of 5 SD.
    return seen.reached(seen.settings.silent_cap_ma) and not seen.repeats


def _always(seen: Seen) -> bool:
    return True


def _growing(seen: Seen) -> float:
    last, cap = seen.last.current_ma, seen.settings.cap_ma
    usual = max(GROWING_FACTOR * last, last + GROWING_STEP_MA)
    if not 1.0 < cap / last < GROWING_FACTOR**STEPS_TO_CAP:
        return usual
    # The rest of the way in equal steps: a last one of less than 15 % would be none and prove nothing.
    fewest, most = (log(cap / last) / log(factor) for factor in (GROWING_FACTOR, LEAST_STEP * ROUNDING))
    steps = max(1, min(ceil(fewest), floor(most)))
    return float(last * (cap / last) ** (1 / steps))


def _steep(seen: Seen) -> float:
    last, usual = seen.last.current_ma, _growing(seen)
    double = min(STEEP_FACTOR * last, last + SILENT_STEP_MA)
    # Room for two steps below the cap is kept: two flat ones prove.
    return max(usual, double) if double * LEAST_STEP**FLAT_STEPS_GROWN <= seen.settings.cap_ma else usual


RULES: tuple[Rule, ...] = (
    Rule(
        State.ANY,
        "all shocks allowed here are used",
        "end",
        _spent,
        ends=lambda seen: f"the {seen.settings.max_shocks} shocks allowed here were used",
    ),
    Rule(
        State.BEGIN,
        "no shock that counts yet",
        f"the start: {REFERENCE_START:g} x the other side's threshold where known, else what the protocol says",
        _always,
        raise_to=lambda seen: seen.settings.start_ma,
    ),
    Rule(
        State.ANSWERING,
        "at the bound of silence or above, and no muscle has answered twice in a row",
        "the same current again: a response must repeat",
        _lone_at_bound,
        raise_to=lambda seen: seen.last.current_ma,
    ),
    Rule(
        State.SILENT,
        f"at the bound of silence ({REFERENCE_SILENT:g} x the other side's proved current, at most the cap)",
        "end: no response",
        lambda seen: seen.reached(seen.settings.silent_cap_ma),
        ends=lambda seen: f"no response up to {seen.last.current_ma:g} mA",
    ),
    Rule(
        State.SILENT,
        "below it",
        f"x{SILENT_FACTOR:g}, at most +{SILENT_STEP_MA:g} mA",
        _always,
        raise_to=lambda seen: min(SILENT_FACTOR * seen.last.current_ma, seen.last.current_ma + SILENT_STEP_MA),
    ),
    Rule(
        State.ANSWERING,
        "the masseter answers: a deflection too early for the facial nerve grows faster than the current",
        "end: not proved",
        lambda seen: seen.masseter is not None,
        ends=lambda seen: f"the masseter answers: {seen.masseter.text if seen.masseter else ''}",
    ),
    Rule(
        State.ANSWERING,
        f"every muscle that answers is flat over {FLAT_STEPS_GROWN} steps (over {FLAT_STEPS} where none has grown "
        f"{GROWN_FOLD:g}-fold), each at least x{LEAST_STEP:g}; flat: {100 * FLAT_FRACTION:g} % and {FLAT_SD:g} SD, "
        f"in noise {NOISE_SD:g} SD and at most {100 * NOISE_FRACTION:g} %, step by step and over the whole; "
        f"not below {REFERENCE_LEAST:g} x the other side's proved current",
        "end: plateau; the last shock is the first of the accepted sweeps",
        lambda seen: seen.stopped,
        ends=lambda seen: "plateau: every muscle that answers has stopped growing",
    ),
    Rule(
        State.ANSWERING,
        "at the cap",
        "end: not proved",
        lambda seen: seen.reached(seen.settings.cap_ma),
        ends=lambda seen: f"the cap of {seen.settings.cap_ma:g} mA was reached without a plateau",
    ),
    Rule(
        State.ANSWERING,
        f"on the steep part: the response repeats, and a muscle grew x{STEEP_GROWTH:g} or more in the last step",
        f"x{STEEP_FACTOR:.2f} (two steps at once), at most +{SILENT_STEP_MA:g} mA, but no less than below; as below "
        f"where it would leave no room for {FLAT_STEPS_GROWN} steps of x{LEAST_STEP:g} to the cap",
        lambda seen: seen.repeats and seen.flat == 0 and seen.grew >= STEEP_GROWTH,
        raise_to=_steep,
    ),
    Rule(
        State.ANSWERING,
        f"flat, but it may be the foot of the curve: none has grown {GROWN_FOLD:g}-fold, or below "
        f"{REFERENCE_LEAST:g} x the other side's proved current",
        "the same",
        lambda seen: seen.repeats and seen.flat > 0 and seen.at_foot,
        raise_to=_steep,
    ),
    Rule(
        State.ANSWERING,
        "else",
        f"x{GROWING_FACTOR:g}, at least +{GROWING_STEP_MA:g} mA; the last {STEPS_TO_CAP} to the cap in equal steps of "
        f"x{LEAST_STEP:g} or more; after a flat step it confirms",
        _always,
        raise_to=_growing,
    ),
)
"""The search, in the order in which it is asked; at most the cap, and the bound of silence until a response repeats."""
