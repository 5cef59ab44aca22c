"""Has the amplitude stopped growing: the plateau of one muscle, judged on the readings of a search (decision 0002)."""

from collections.abc import Sequence
from math import hypot

from npr_daq.anatomy import Muscle
from npr_daq.engine.reading import Reading, Response

FLAT_FRACTION = 0.05
FLAT_SD = 3.0
NOISE_SD = 2.0
NOISE_FRACTION = 0.10
LEAST_STEP = 1.15


def flat_steps(seen: Sequence[Reading], muscle: Muscle) -> int:
    """How many of the last steps left this muscle's amplitude unchanged; a step is a rise of at least 15 %."""
    count = 0
    steps = chain(seen)
    for lower, upper in zip(steps[1:], steps, strict=False):
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
    first, last = (r.responses[muscle] for r in (chain(seen)[needed], seen[-1]))
    return last.size_mv - first.size_mv < tolerance_mv(first, last)


def chain(seen: Sequence[Reading]) -> list[Reading]:
    """The readings from the last backwards, leaving out what is less than a step below the one before."""
    found: list[Reading] = []
    for reading in reversed(seen):
        if not found or reading.current_ma * LEAST_STEP <= found[-1].current_ma * (1 + 1e-9):
            found.append(reading)
    return found


def noise_hides(lower: Response, upper: Response) -> bool:
    """Whether the step would have to grow by more than the tolerance may be, to be seen in this noise."""
    return NOISE_SD * hypot(lower.sd_mv, upper.sd_mv) > NOISE_FRACTION * lower.size_mv
