"""Take-off of the first negative phase: the hinge fit, and the crossing of 3 SD as its stand-in."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import products, reading

Floats = NDArray[np.floating[Any]]

CORNER_HZ = 1500.0
"""Zero-phase low-pass of the latency path (analysis reference 3d)."""

DEFINITION = "hinge p=2 to 50 %, zero-phase low-pass 1.5 kHz, first phase"

PHASE_PART = 0.30
TOP_PART = 0.50
RISE_PART = 0.35
BACK_PER_RISE = 2.0
LEAST_STRETCH = 6.0
THRESHOLD_SD = 3.0
FIT_LEAST = 0.8

POINTS = 64
CANDIDATES = 256
FIRST_CANDIDATE = 0.04
LAST_CANDIDATE = 0.90


@dataclass(frozen=True, slots=True, eq=False)
class TakeOff:
    """Per row: `column` of the take-off (NaN where there is none), and of the peak of the first phase.

    `foot` is the level that the response rises from, the hinge's constant; NaN where there is no hinge. `by_threshold`
    says that the take-off came from the threshold instead of the hinge.
    """

    column: NDArray[np.float64]
    foot: NDArray[np.float64]
    phase_peak: NDArray[np.int64]
    by_threshold: NDArray[np.bool_]


@lru_cache(maxsize=1)
def design() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The design that all rows share: unit regressors (point, candidate), the candidates' places in 0..1, their feet.

    A stretch is read at `POINTS` equal steps whatever its length, so each candidate's regressor
    max(u - u_onset, 0)^2, centred and of unit length, is the same for every row. The foot is its value before the
    onset.
    """
    place = np.linspace(0.0, 1.0, POINTS)
    onset = np.linspace(FIRST_CANDIDATE, LAST_CANDIDATE, CANDIDATES)
    rise = np.maximum(place[:, None] - onset, 0.0) ** 2
    rise -= rise.mean(axis=0)
    rise /= np.linalg.norm(rise, axis=0)
    return rise, onset, rise[0].copy()


def take_off(upright: Floats, sigma: Floats, window: tuple[int, int]) -> TakeOff:
    """Take-off of the first phase of each row.

    `upright` has shape (row, time): the low-passed response with its baseline at zero and the negative peak upwards;
    `sigma` (row,) is its noise in the same unit; `window` the columns of the response window. `upright` needs one more
    column behind the window.

    The first phase is the first run above the larger of 30 % of the maximum and 3 SD. The stretch from `back` before
    its 50 % crossing up to that crossing is fitted by c + a max(t - onset, 0)^2, least squares; `back` is twice
    the time from 35 % to the peak, but never reaches before the window. Candidates lie 1/296 of the stretch apart
    (0.0125 ms for a stretch of 3.7 ms), a parabola gives the last digit. Where the best candidate is the first or the
    last, the fit explains less than 80 % of the stretch, or the stretch has under 6 samples, the crossing of 3 SD back
    from the peak stands in.
    Source: analysis reference 3a, 3c, 3d.
    """
    start, _ = window
    peak = _first_phase(upright, sigma, window)
    top = upright[np.arange(len(upright)), peak].astype(np.float64)
    at_half = _back_from(upright, peak, TOP_PART * top, start)
    at_rise = _back_from(upright, peak, RISE_PART * top, start)
    back = np.minimum(BACK_PER_RISE * (peak - at_rise), at_half - start)
    # A phase that is already above 35 % where the window starts has no foot to fit.
    usable = np.isfinite(back) & (back >= LEAST_STRETCH) & (top > 0)
    column, foot = (np.full(len(upright), np.nan) for _ in range(2))
    if usable.any():
        picked = np.flatnonzero(usable)
        column[picked], foot[picked] = _fit(upright, picked, at_half[picked], back[picked])
    by_threshold = np.isnan(column)
    if by_threshold.any():
        level = THRESHOLD_SD * sigma[by_threshold].astype(np.float64)
        column[by_threshold] = _back_from(upright[by_threshold], peak[by_threshold], level, start)
    return TakeOff(column=column, foot=foot, phase_peak=peak, by_threshold=by_threshold & np.isfinite(column))


def _first_phase(upright: Floats, sigma: Floats, window: tuple[int, int]) -> NDArray[np.int64]:
    """Column of the peak of the first run above the phase level."""
    start, stop = window
    inside = upright[:, start:stop]
    highest = inside.argmax(axis=1)
    level = PHASE_PART * inside[np.arange(len(inside)), highest]
    # Only below 20 dB is 30 % of the peak less than 3 SD; there noise must not count as the first phase.
    level = np.maximum(level, np.minimum(THRESHOLD_SD * sigma, 2 * level))
    above = inside > level[:, None]
    begin = above.argmax(axis=1)
    peak = highest.copy()
    # In most rows the first phase holds the highest peak; only the others are searched for the end of the first run.
    lowest = np.minimum.reduceat(
        upright.reshape(-1),
        np.stack([begin, highest + 1], axis=1).reshape(-1)
        + np.repeat(np.arange(len(upright)) * upright.shape[1] + start, 2),
    )[::2]
    other = np.flatnonzero((lowest <= level) & (begin < highest))
    if len(other):
        columns = np.arange(stop - start)
        run = ~above[other] & (columns > begin[other, None])
        end = run.argmax(axis=1)
        within = (columns >= begin[other, None]) & (columns < end[:, None])
        peak[other] = np.where(within, inside[other], -np.inf).argmax(axis=1)
    return np.asarray(peak + start)


def _back_from(upright: Floats, peak: NDArray[np.int64], level: Floats, start: int) -> NDArray[np.float64]:
    """Fractional column where the row, followed back from `peak`, first falls below `level`; NaN if it never does."""
    reach = int(peak.max(initial=start)) + 1
    low = upright[:, start:reach] < level[:, None].astype(upright.dtype)
    low &= np.arange(start, reach) < peak[:, None]
    column, found = reading.last_true(low)
    crossing = reading.crossing_after(upright, column + start, level)
    crossing[~found] = np.nan
    return crossing


def _fit(
    upright: Floats, rows: NDArray[np.int64], top: NDArray[np.float64], back: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Onset columns of the stretches [top - back, top] of `rows` and their feet; NaN where no fit converges."""
    regressors, onsets, feet = design()
    places = (top - back)[:, None] + back[:, None] * np.linspace(0.0, 1.0, POINTS)
    stretch = reading.value_at(upright, places, index=rows)
    middle = stretch.mean(axis=1)
    stretch -= middle[:, None]
    # For a centred unit regressor the explained sum of squares is the squared projection.
    explained = np.empty((len(stretch), CANDIDATES))
    products.times(stretch, regressors, explained)
    best = explained.argmax(axis=1)
    index = np.arange(len(stretch))
    total = np.einsum("ij,ij->i", stretch, stretch)
    converged = (best > 0) & (best < CANDIDATES - 1)
    converged &= explained[index, best] > 0
    converged &= explained[index, best] ** 2 >= FIT_LEAST * total
    exact, _ = reading.vertex(explained, best)
    step = onsets[1] - onsets[0]
    onset = (top - back) + back * (onsets[0] + step * exact)
    foot = middle + explained[index, best] * feet[best]
    onset[~converged] = np.nan
    foot[~converged] = np.nan
    return np.asarray(onset), np.asarray(foot)
