"""Take-off of a late response of either polarity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import hinge

PHASE_PART = 0.3
PHASE_SD = 3.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FirstPhase:
    """Per row: fractional column of the take-off (NaN where there is none) and the sign of the first phase."""

    column: Floats
    sign: Floats


def take_off(rows: Floats, sigma: Floats, window: tuple[int, int]) -> FirstPhase:
    """Take-off of the first phase of each row (row, time), whatever its polarity; `sigma` (row,) is the noise.

    The hinge (analysis reference 3d) is run on both polarities. The first phase is the earlier of their first
    phases that reach 3 SD and 30 % of the largest excursion. `rows` have their baseline at zero, are low-passed for
    latency and hold a column beyond `window`.
    """
    index = np.arange(len(rows))
    largest = np.abs(rows[:, slice(*window)]).max(axis=1)
    level = np.maximum(PHASE_SD * sigma, PHASE_PART * largest)
    column, sign, earliest = (np.full(len(rows), np.nan) for _ in range(3))
    for direction in (-1.0, 1.0):
        found = hinge.take_off(direction * rows, sigma, window)
        high = direction * rows[index, found.phase_peak] >= level
        earlier = high & ~(found.phase_peak >= earliest)
        column[earlier] = found.column[earlier]
        sign[earlier] = direction
        earliest[earlier] = found.phase_peak[earlier]
    return FirstPhase(column, sign)
