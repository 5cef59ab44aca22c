"""The decision rule of the Synkinetic Correlation Test, over many pairs at once."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.crosstalk import LARGEST_COEFFICIENT_PART, SEEN_PART, SHARE_LIMIT

LEAST_REPETITIONS = 3
SLAVE_TIMES_NOISE = 3.0
"""An affected slave below this is too small to be called active (clinical reference 5.4, ii)."""
RISES_SD = 1.96
QUIET_TIMES_NOISE = 1.5

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Verdict(StrEnum):
    """What can be said of a pair."""

    PRESENT = "present"
    ABSENT = "absent"
    INDETERMINATE = "indeterminate"
    NO_REFERENCE = "no reference"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the verdict is made of; shapes (...), intervals (..., 2); NaN where unknown.

    `least` and `least_ci` bound the normalised ratio from below where the affected own maximum alone is below 10 x
    noise, `most_ci` from above where the healthy one alone is; NaN elsewhere. `slave_uv` is the affected slave's
    plateau (geometric mean), `slave_upper_uv` its upper 95 % limit, `noise_uv` the quieter side's rest, `risen_uv2` the
    mean power by which the affected slave rises above its own rest and `risen_error_uv2` its SD if it did not rise;
    `healthy_uv` the healthy slave's plateau, floored; `own_ratio` the ratio of the own maxima; `share` (..., 2) of
    affected and healthy; `copied` the part a coefficient explains, `coefficient_known` whether there was one.
    `master_weak`: in some repetition the affected prime mover was too weak, `master_still`: in all it was at its noise.
    """

    q: Floats
    ci: Floats
    normalised: Floats
    normalised_ci: Floats
    least: Floats
    least_ci: Floats
    most_ci: Floats
    own_known: Flags
    censored: Flags
    slave_uv: Floats
    slave_upper_uv: Floats
    noise_uv: Floats
    risen_uv2: Floats
    risen_error_uv2: Floats
    healthy_uv: Floats
    own_ratio: Floats
    share: Floats
    copied: Floats
    coefficient_known: Flags
    master_weak: Flags
    master_still: Flags
    accepted: NDArray[np.int64]
    total: NDArray[np.int64]


def decided(given: Evidence, cutoff: Floats) -> tuple[NDArray[np.str_], NDArray[np.object_]]:
    """Verdict and reasons of each pair (...), `cutoff` (...) NaN where none is published.

    Present: Q and its own-maximum-normalised twin both reach the cut-off, both lower limits are above 1, the slave is
    at least 3 x noise and rises above its own rest, and the cross-talk test is passed. Absent: both upper limits are
    below the cut-off; of a slave that does not rise above its own rest, the limits of what may hide in its tone; and of
    a slave that is surely below 3 x noise, where the ratios are not surely above: there is nothing that could be seen
    (set on seeds 1000 to 1083); none of it where the affected prime mover did not move, because nothing could follow.
    Where one side's own maximum is below 10 x noise, 10 x noise in its place makes the twin a bound, which decides
    where a bound is enough. Refused: fewer than three accepted repetitions, or too much
    cross-talk where the verdict would not be absent (what is copied can only add to the affected slave) and the ratios
    do not stay above the cut-off without the most that the predictable share can be a part of. Else indeterminate.
    Source: clinical reference 5.4.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        few = given.accepted < LEAST_REPETITIONS
        twin = np.where(given.own_known, given.normalised, given.least)
        low = np.where(given.own_known, given.normalised_ci[..., 0], given.least_ci[..., 0])
        high = np.where(given.own_known, given.normalised_ci[..., 1], given.most_ci[..., 1])
        above = (given.q >= cutoff) & (twin >= cutoff)
        sure = (given.ci[..., 0] > 1) & (low > 1)
        rises = given.risen_uv2 > RISES_SD * given.risen_error_uv2
        quiet = given.slave_uv < QUIET_TIMES_NOISE * given.noise_uv
        strong = (given.slave_uv >= SLAVE_TIMES_NOISE * given.noise_uv) & rises
        hidden = np.sqrt(np.maximum(given.risen_uv2, 0) + RISES_SD * given.risen_error_uv2) / given.healthy_uv
        unseen = ~rises & (hidden < cutoff) & (hidden / given.own_ratio < cutoff)
        small = (given.slave_upper_uv < SLAVE_TIMES_NOISE * given.noise_uv) & ~(above & sure)
        low_enough = ((given.ci[..., 1] < cutoff) & (high < cutoff)) | unseen | small
        # Where nothing moved nothing could follow: silence says nothing.
        below = low_enough & ~given.master_still
        predictable = given.share[..., 0] > SHARE_LIMIT
        own_part = np.sqrt(np.clip(1 - given.share[..., 0] / SEEN_PART, 0, 1))
        stands = predictable & (given.q * own_part >= cutoff) & (twin * own_part >= cutoff)
        shared = predictable & ~stands
        copied = given.copied > LARGEST_COEFFICIENT_PART
    declared = np.isfinite(cutoff)
    unknown = np.isnan(given.noise_uv)
    crossed = declared & ~few & ~below & (shared | copied)
    tested = np.isfinite(given.share[..., 0]) | given.coefficient_known
    present = above & sure & strong & tested
    verdict = np.select(
        [few, ~declared, crossed, present, below],
        [Verdict.REFUSED, Verdict.NO_REFERENCE, Verdict.REFUSED, Verdict.PRESENT, Verdict.ABSENT],
        Verdict.INDETERMINATE,
    )
    open_ = verdict == Verdict.INDETERMINATE
    with np.errstate(invalid="ignore"):
        healthy_shared = declared & (given.share[..., 1] > SHARE_LIMIT)
    remarks: list[tuple[Flags, str]] = [
        (unknown, "a muscle of the pair was not recorded on both sides"),
        (few & ~unknown, "fewer than 3 accepted repetitions"),
        (crossed & shared, "cross-talk: the raw signal of the prime mover predicts too much of the slave"),
        (crossed & copied, "cross-talk: a copy of the prime mover is over half of the slave's power"),
        (open_ & ~given.own_known, "the own maximum of the slave is missing or below 10 x noise"),
        (open_ & above & sure & ~strong, "the slave is below 3 x noise or does not rise above its own rest"),
        (
            open_ & low_enough & given.master_still,
            "the affected prime mover did not move: nothing to follow",
        ),
        (open_ & ~rises & ~low_enough, "the tone at rest hides what the slave may do"),
        (open_ & above & ~sure, "the intervals reach down to 1"),
        (open_ & given.own_known & ~above & rises, "the intervals reach to both sides of the cut-off"),
        (present & ~crossed & ~given.own_known, "the affected own maximum is below 10 x noise: its twin is a bound"),
        (open_ & above & sure & strong & ~tested, "the cross-talk could not be tested"),
        (declared & ~few & (verdict != Verdict.REFUSED) & unseen, "the slave does not rise above its own rest"),
        (declared & ~few & (verdict == Verdict.ABSENT) & small & ~unseen, "the slave is below 3 x noise"),
        (declared & ~few & given.censored & quiet, "both slaves are at their noise: the ratio says little"),
        (declared & ~few & given.censored & ~quiet, "the healthy slave is at its noise: the ratio is a lower bound"),
        (declared & ~few & given.master_weak, "the prime mover of the affected side is weak"),
        (present & stands & ~crossed, "part of the affected slave may be cross-talk: the ratios stand without it"),
        (healthy_shared & ~few, "part of the healthy slave may be cross-talk"),
        (declared & ~few & ~given.coefficient_known, "no cross-talk coefficient from stimulation"),
    ]
    reasons = np.empty(verdict.shape, dtype=object)
    for place in np.ndindex(verdict.shape):
        reasons[place] = tuple(text for flags, text in remarks if flags[place])
    return verdict.astype("<U16"), reasons
