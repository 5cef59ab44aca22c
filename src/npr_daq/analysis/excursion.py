"""Activity that stands above the muscle's own noise for long enough: where it begins and ends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLD_SD = 3.0
SUSTAINED_MS = 3.0
GAP_MS = 1.0
"""A rectified response falls to zero between its phases; so long it may stay below the level."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Excursion:
    """Per row: columns of the first and the last sample of sustained activity in the window, NaN where there is none.

    `level` is what was exceeded, `quiet` the mean of the rectified baseline. `open_start` says that the activity was
    there when the window began, so that its onset is not known.
    """

    begin: Floats
    end: Floats
    level: Floats
    quiet: Floats
    open_start: NDArray[np.bool_]

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether there is sustained activity."""
        return np.isfinite(self.end)


def sustained(
    rows: Floats,
    *,
    baseline: tuple[int, int],
    window: tuple[int, int],
    rate_hz: float,
    threshold_sd: float = THRESHOLD_SD,
    least_part: float = 0.0,
) -> Excursion:
    """First excursion of at least 3 ms beyond 3 SD over the mean of the rectified baseline, row by row.

    `rows` (row, time), any unit, baseline at zero. Samples below the level break an excursion when they last longer
    than 1 ms. The end is the last sample of the last such excursion. A row with a gap has none. What stays under
    `least_part` of the row's largest value in the window is no excursion either.
    Source: clinical reference 4.2.
    """
    rectified = np.abs(rows)
    before = rectified[:, slice(*baseline)]
    quiet = before.mean(axis=1)
    level = quiet + threshold_sd * before.std(axis=1)
    start, stop = window
    inside = rectified[:, start:stop]
    level = np.maximum(level, least_part * inside.max(axis=1))
    with np.errstate(invalid="ignore"):
        above = inside > level[:, None]
    columns = np.arange(stop - start)
    gap, least = GAP_MS * rate_hz / 1e3, SUSTAINED_MS * rate_hz / 1e3
    last = np.maximum.accumulate(np.where(above, columns, -10 * len(columns)), axis=1)
    following = np.minimum.accumulate(np.where(above, columns, 10 * len(columns))[:, ::-1], axis=1)[:, ::-1]
    joined = following - last <= gap
    fresh = joined & ~np.pad(joined, ((0, 0), (1, 0)))[:, :-1]
    ends = joined & ~np.pad(joined, ((0, 0), (0, 1)))[:, 1:]
    end_of = np.minimum.accumulate(np.where(ends, columns, 10 * len(columns))[:, ::-1], axis=1)[:, ::-1]
    long_enough = fresh & (end_of - columns >= least)
    found = long_enough.any(axis=1)
    first = long_enough.argmax(axis=1)
    lasting = long_enough.shape[1] - 1 - long_enough[:, ::-1].argmax(axis=1)
    index = np.arange(len(rows))
    open_start = found & (first == 0)
    begin = np.where(found & ~open_start, first + start, np.nan)
    end = np.where(found, end_of[index, lasting] + start, np.nan)
    return Excursion(begin.astype(np.float64), end.astype(np.float64), level, quiet, open_start)
