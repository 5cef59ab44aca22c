"""Signs that the shock reached something else, or that something moved: pure, from the readings of one site."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, isfinite
from statistics import median
from typing import Any

from npr_daq.anatomy import Muscle
from npr_daq.engine.plateau import LEAST_STEP, tolerance_mv
from npr_daq.engine.reading import Reading, Response

# Clinical reference 2.4 (over-stimulation) and 6.2 (masseter).
JUMP_MS = 0.3
SURE_SNR = 20.0
"""Below this an onset wanders by more than a jump is (analysis reference 3d)."""
GROWN_HALF = 0.5
"""Onsets are compared once a response has half of its size: before, the first fibres to fire make it late."""
MASSETER_FASTER = 2.5
"""An early deflection grows so much more than the current; what is left of an artefact grows as the current does."""
MASSETER_LEAST_MV = 0.005
"""What the early window reads in noise."""
REGROWN_STEPS = 2
MOVED_FRACTION = 0.10
MOVED_SD = 4.0
MOVED_ONSET_MS = 0.2


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign. `kind` is a word of `engine.mend`; `text` says what was seen, with its numbers."""

    kind: str
    muscle: Muscle
    text: str
    current_ma: float

    def plain(self) -> Mapping[str, Any]:
        """JSON-safe, for the evidence."""
        return {"kind": self.kind, "muscle": str(self.muscle), "text": self.text, "current_ma": self.current_ma}


def over_stimulation(seen: Sequence[Reading], watched: Sequence[Muscle]) -> tuple[Sign, ...]:
    """The masseter, an onset that jumps ahead, growth after a plateau; the first of each kind and muscle."""
    found = [masseter(seen, watched)]
    for muscle in watched:
        found += [_jump(seen, muscle), _regrown(seen, muscle)]
    return tuple(sign for sign in found if sign is not None)


def masseter(seen: Sequence[Reading], watched: Sequence[Muscle]) -> Sign | None:
    """A deflection before a facial muscle can answer, at two currents, that grows faster than the current does.

    The early window is that of the channel over the masseter (`Response.early_mv`), the same for all muscles of one.
    """
    if not watched:
        return None
    early = [(r.current_ma, r.responses[watched[0]]) for r in seen]
    least = float("inf")
    for number, (ma, answer) in enumerate(early):
        size = max(answer.early_mv, MASSETER_LEAST_MV) if isfinite(answer.early_mv) else MASSETER_LEAST_MV
        before = early[number - 1][1] if number else None
        if (
            before is not None
            and answer.early_mv > answer.early_limit_mv
            and before.early_mv > before.early_limit_mv
            and answer.early_mv > before.early_mv
            and size / ma >= MASSETER_FASTER * least
        ):
            text = f"a deflection before {answer.early_until_ms:g} ms grows with the current, to {1e3 * size:.0f} uV"
            return Sign("masseter", Muscle.MASSETER, f"{text} at {ma:g} mA", ma)
        least = min(least, size / ma)
    return None


def moved_in_search(seen: Sequence[Reading], watched: Sequence[Muscle]) -> tuple[Sign, ...]:
    """Muscles whose amplitude fell although the current did not."""
    return tuple(_falls(seen, watched))


def moved_in_series(series: Sequence[Reading], muscle: Muscle) -> Sign | None:
    """Whether, at one current, size or onset of `muscle` changed from one shock on and stayed so.

    Every split is tried that leaves two readings after it: the medians differ by 10 % and 4 SD, or by .2 ms where the
    SNR allows a latency.
    """
    answers = [r.responses[muscle] for r in series if r.valid and muscle in r.responses]
    ma = series[-1].current_ma if series else 0.0
    for cut in range(1, len(answers) - 1):
        early, late = answers[:cut], answers[cut:]
        before, after = (median(a.size_mv for a in part) for part in (early, late))
        sd = median(a.sd_mv for a in answers)
        change = after - before
        if before > 0 and abs(change) > max(MOVED_FRACTION * before, MOVED_SD * sd):
            text = f"{muscle} changed by {100 * change / before:+.0f} % at {ma:g} mA from one shock to the next"
            return Sign("moved", muscle, text, ma)
        onsets = [[a.onset_latency_ms for a in part if _sure(a)] for part in (early, late)]
        if onsets[0] and len(onsets[1]) >= 2:
            shift = median(onsets[1]) - median(onsets[0])
            spread = max(max(part) - min(part) for part in onsets)
            if abs(shift) > max(MOVED_ONSET_MS, 2 * spread):
                return Sign("moved", muscle, f"the onset of {muscle} shifted by {shift:+.2f} ms at {ma:g} mA", ma)
    return None


def _falls(seen: Sequence[Reading], watched: Sequence[Muscle]) -> Iterator[Sign]:
    for lower, upper in pairwise(seen):
        for muscle in watched:
            a, b = lower.responses[muscle], upper.responses[muscle]
            allowed = max(MOVED_FRACTION * a.size_mv, MOVED_SD * hypot(a.sd_mv, b.sd_mv))
            if a.present and a.size_mv - b.size_mv > allowed:
                fall = 100 * (1 - b.size_mv / a.size_mv)
                text = f"{muscle} fell by {fall:.0f} % from {lower.current_ma:g} to {upper.current_ma:g} mA"
                yield Sign("moved", muscle, text, upper.current_ma)


def _jump(seen: Sequence[Reading], muscle: Muscle) -> Sign | None:
    """An onset more than .3 ms before that of the same response at half its size."""
    sure = [r for r in seen if r.responses[muscle].present and _sure(r.responses[muscle])]
    if not sure:
        return None
    full = sure[-1].responses[muscle].size_mv
    grown = [r for r in sure if r.responses[muscle].size_mv >= GROWN_HALF * full]
    onsets = [(r.current_ma, r.responses[muscle].onset_latency_ms) for r in grown]
    for ma, onset in onsets[1:]:
        jump = onset - onsets[0][1]
        if jump < -JUMP_MS:
            return Sign("latency_jump", muscle, f"the onset of {muscle} jumps ahead by {-jump:.2f} ms at {ma:g} mA", ma)
    return None


def _regrown(seen: Sequence[Reading], muscle: Muscle) -> Sign | None:
    """Growth by 10 % after two flat steps: a component that was not there."""
    flat, level = 0, None
    for lower, upper in pairwise(seen):
        a, b = lower.responses[muscle], upper.responses[muscle]
        if not a.present or upper.current_ma < LEAST_STEP * lower.current_ma * (1 - 1e-9):
            continue
        level = a if level is None or flat == 0 else level
        if abs(b.size_mv - level.size_mv) < tolerance_mv(level, b):
            flat += 1
            continue
        if flat >= REGROWN_STEPS and b.size_mv - level.size_mv > max(
            MOVED_FRACTION * level.size_mv, MOVED_SD * hypot(level.sd_mv, b.sd_mv)
        ):
            grown = 100 * (b.size_mv / level.size_mv - 1)
            text = f"{muscle} was level and grew again by {grown:.0f} % at {upper.current_ma:g} mA"
            return Sign("new_component", muscle, text, upper.current_ma)
        flat, level = 0, None
    return None


def _sure(answer: Response) -> bool:
    return isfinite(answer.onset_latency_ms) and answer.snr >= SURE_SNR
