"""What a search has seen and what that proves: the view its rules are asked about, the verdict, the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from npr_daq.anatomy import Muscle
from npr_daq.engine import signs
from npr_daq.engine.plateau import FLAT_FRACTION, chain, flat_steps, noise_hides, stopped_growing, tolerance_mv
from npr_daq.engine.reading import Reading, Response, finite

GROWN_FOLD = 5.0
FLAT_STEPS_GROWN = 2
FLAT_STEPS = 3
NOISE_HIDES = "noise hides growth"
SAID = 2
"""Signs that the reason names; the evidence has all."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Bounds of one search. A search that sees nothing ends at `silent_cap_ma`, at or below `cap_ma`.

    Flat steps below `least_ma` are the foot of the curve: the other side, there, had not reached its plateau.
    """

    watched: tuple[Muscle, ...]
    start_ma: float
    cap_ma: float
    silent_cap_ma: float
    max_shocks: int
    least_ma: float = 0.0


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


@dataclass(frozen=True)
class Seen:
    """All shocks of a search so far, as its rules look at them. `valid` leaves out those that are no evidence."""

    history: Sequence[Reading]
    settings: SearchSettings

    @cached_property
    def valid(self) -> tuple[Reading, ...]:
        """The shocks that count, in their order."""
        return tuple(r for r in self.history if r.valid)

    @property
    def last(self) -> Reading:
        """The last shock that counts; there is one."""
        return self.valid[-1]

    @cached_property
    def answering(self) -> tuple[Muscle, ...]:
        """Watched muscles that answered to the last shock that counts."""
        return self._answers(self.valid[-1]) if self.valid else ()

    @cached_property
    def repeats(self) -> bool:
        """Whether a muscle that answers now has answered to the shock before as well."""
        return len(self.valid) > 1 and bool(set(self.answering) & set(self._answers(self.valid[-2])))

    @cached_property
    def flat(self) -> int:
        """Flat steps in a row of the muscle that answers and has the fewest."""
        return min((flat_steps(self.valid, m) for m in self.answering), default=0)

    @cached_property
    def grown_fold(self) -> float:
        """The most that any watched muscle has grown since it was first detected."""
        most = 0.0
        for muscle in self.settings.watched:
            first = self.first(muscle)
            if first is not None and first.responses[muscle].size_mv > 0:
                most = max(most, self.last.responses[muscle].size_mv / first.responses[muscle].size_mv)
        return most

    @property
    def needed(self) -> int:
        """Two flat steps on the shoulder; a third where growth has not shown that this is not the foot of the curve."""
        return FLAT_STEPS_GROWN if self.grown_fold >= GROWN_FOLD else FLAT_STEPS

    @cached_property
    def masseter(self) -> signs.Sign | None:
        """The chewing muscle answers."""
        return signs.masseter(self.valid, self.settings.watched)

    @cached_property
    def stopped(self) -> bool:
        """Whether every muscle that answers has stopped growing."""
        return bool(self.answering) and all(self.stopped_for(m) for m in self.answering)

    def stopped_for(self, muscle: Muscle) -> bool:
        """Whether `muscle` has stopped growing, where the other side had."""
        return self.reached(self.settings.least_ma) and stopped_growing(self.valid, muscle, needed=self.needed)

    @property
    def at_foot(self) -> bool:
        """Whether a flat response may still be the foot of the curve: a few units that fire early."""
        return self.needed == FLAT_STEPS or not self.reached(self.settings.least_ma)

    @property
    def grew(self) -> float:
        """How much the muscle that grew most in the last step has grown, of those that answered before it as well."""
        before, last = self.valid[-2].responses, self.last.responses
        return max((last[m].size_mv / before[m].size_mv for m in self.answering if before[m].size_mv > 0), default=0.0)

    def reached(self, limit_ma: float) -> bool:
        """Whether the last shock was at `limit_ma` or above."""
        return self.last.current_ma >= limit_ma * (1 - 1e-9)

    def first(self, muscle: Muscle) -> Reading | None:
        """The reading from which on the muscle has answered every time; a lone peak of noise before is none."""
        found = None
        for reading in reversed(self.valid):
            if not reading.responses[muscle].present:
                break
            found = reading
        return found

    def _answers(self, reading: Reading) -> tuple[Muscle, ...]:
        return tuple(m for m in self.settings.watched if reading.responses[m].present)


def finish(history: Sequence[Reading], settings: SearchSettings, reason: str) -> Finished:
    """The verdict on what was seen, whoever ended the search."""
    seen = Seen(history, settings)
    elicited = bool(seen.answering)
    proved = elicited and seen.stopped and seen.masseter is None
    current = seen.last.current_ma if seen.valid else settings.start_ma
    firsts = [f for m in settings.watched if (f := seen.first(m)) is not None]
    threshold = min((f.current_ma for f in firsts), default=None)
    muscles = {str(m): _muscle_evidence(seen, m) for m in settings.watched}
    hidden = [name for name, own in muscles.items() if own.get("reason") == NOISE_HIDES]
    if hidden:
        reason += f"; {NOISE_HIDES} ({', '.join(hidden)})"
    over = signs.over_stimulation(seen.valid, settings.watched)
    moved = signs.moved_in_search(seen.valid, settings.watched)
    said = [sign.text for sign in over if sign.text not in reason]
    reason += "".join(f"; {text}" for text in said[:SAID]) + (f" (and {len(said) - SAID} more)" if said[SAID:] else "")
    evidence = {
        "proved": proved,
        "elicited": elicited,
        "reason": reason,
        "threshold_ma": threshold,
        "current_ma": current,
        "start_ma": settings.start_ma,
        "cap_ma": settings.cap_ma,
        "silent_cap_ma": settings.silent_cap_ma,
        "least_ma": settings.least_ma,
        "shocks": len(history),
        "invalid": len(history) - len(seen.valid),
        "grown_fold": seen.grown_fold,
        "signs": [sign.plain() for sign in (*over, *moved)],
        "muscles": muscles,
    }
    return Finished(proved, elicited, reason, current, threshold, seen.last if proved else None, evidence)


def _muscle_evidence(view: Seen, muscle: Muscle) -> dict[str, Any]:
    seen, needed = view.valid, view.needed
    answers = [r.responses[muscle] for r in seen]
    top = list(reversed(chain(seen)[: needed + 1]))
    tops = [r.responses[muscle] for r in top]
    pairs = list(pairwise(tops))
    growth = [_percent(b.size_mv - a.size_mv, a) for a, b in pairs]
    allowed = [_percent(tolerance_mv(a, b), a) for a, b in pairs]
    present = bool(answers) and answers[-1].present
    proved = present and view.stopped_for(muscle) and view.masseter is None
    hidden = present and not proved and any(noise_hides(a, b) for a, b in pairs)
    evidence: dict[str, Any] = {
        "proved": proved,
        "present": present,
        "currents_ma": [r.current_ma for r in seen],
        "peak_to_peak_mv": [finite(a.peak_to_peak_mv) for a in answers],
        "onset_latency_ms": [finite(a.onset_latency_ms) for a in answers],
        "early_mv": [finite(a.early_mv) for a in answers],
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
    if view.masseter is not None and present:
        return evidence | {"reason": view.masseter.text}
    return evidence | ({"reason": NOISE_HIDES} if hidden else {})


def _percent(change_mv: float, of: Response) -> float | None:
    return 100.0 * change_mv / of.size_mv if of.size_mv > 0 else None
