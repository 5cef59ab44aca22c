"""Interval of the onset latency from the scatter of the sweeps: a bootstrap of the hinge on the aligned average."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import hinge, reading
from npr_daq.analysis.alignment import Series, moved
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import WINDOW_MS, Layout
from npr_daq.errors import AnalysisError

RESAMPLES = 2000
LEAST_RESAMPLES = 1000
LEAST_SWEEPS = 3
LEVEL = 0.95
CHUNK_ROWS = 256

FAILED_PART = 0.05
"""Where more resamples than this have no hinge, their quantiles would be those of the good ones only."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OnsetInterval:
    """Onset of the aligned average and its interval, shaped like the leading axes without the sweep axis.

    `onset_latency_ms`; `interval_ms` (..., 2), low and high; `standard_error_ms`; `failed`, the share of resamples
    without a hinge; `sweeps`, how many went in. NaN: no hinge on the average, fewer than 3 sweeps, or more than
    5 % of the resamples without one.
    """

    onset_latency_ms: Floats
    interval_ms: Floats
    standard_error_ms: Floats
    failed: Floats
    sweeps: NDArray[np.int64]


def bootstrap(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    seed: int,
    window_ms: tuple[float, float] = WINDOW_MS,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    common_uv: ArrayLike | None = None,
) -> OnsetInterval:
    """Bootstrap interval of the hinge onset over the sweeps of each series.

    `sweeps_uv` (..., sweep, time) in microvolts as recorded; `stimulus_sample` broadcasts over (..., sweep). The sweeps
    are aligned once (`alignment.moved`) and low-passed; each resample is a mean of them with random weights,
    mean + sum g_i (x_i - mean), g normal with the variance of a mean of n sweeps over the root of a chi-squared of
    n - 1 degrees of freedom: the smooth bootstrap whose interval for a mean is Student's. Resampling with replacement
    gives few different means of 5 sweeps, and an interval that covers 84 % where 95 % are asked for. The shifts that
    the alignment took out are averaged with the same weights: the mean of the stimuli's true instants is no better
    known than they scatter. The interval is that of the percentiles.

    `common_uv` (..., factor, time), the stimulus at the mean of `stimulus_sample`, holds errors that all sweeps share,
    which no resampling of sweeps shows: each resample adds them with independent standard normal weights.

    Promises: the same `seed` gives the same answer (Philox), each series drawn alike, whatever stands beside it; sweeps
    with a gap take no part; work memory does not grow with `resamples`. What it covers is the onset of the same
    response without noise, not the first arrival of the shape (analysis reference 3b).
    Raises `AnalysisError` for fewer than 1000 resamples, a level outside 0..1, and as `evoked.align`.
    Source: analysis reference 3d; Hesterberg 2015 (Am. Stat. 69:371) on the narrowness for few cases.
    """
    if resamples < LEAST_RESAMPLES:
        raise AnalysisError(f"{resamples} resamples leave the ends of an interval to chance; take {LEAST_RESAMPLES}.")
    if not 0 < level < 1:
        raise AnalysisError(f"The level {level} of the interval is not between 0 and 1; 0.95 is usual.")
    series = Series.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    per_ms = series.rate_hz / 1e3
    n_series = len(series.sweeps)
    onset, error, failed = (np.full(n_series, np.nan) for _ in range(3))
    interval = np.full((n_series, 2), np.nan)
    count = np.zeros(n_series, dtype=np.int64)
    tails = np.array([0.5 - level / 2, 0.5 + level / 2])
    shared = _shared(common_uv, series)
    placed, shifts = moved(series)
    for index in range(n_series):
        whole = np.isfinite(placed[index]).all(axis=1)
        sweeps = placed[index][whole]
        count[index] = len(sweeps)
        if not len(sweeps):
            continue
        where = series.layout(index)
        path = _latency_path(sweeps, series.rate_hz, where)
        origin = series.reference[index] - where.first
        found = _onsets(path.mean(axis=0)[None], where)[0]
        onset[index] = (found - origin) / per_ms
        if len(sweeps) < LEAST_SWEEPS or np.isnan(found):
            continue
        stream = np.random.Generator(np.random.Philox(key=[seed % 2**64, 0]))
        common = _latency_path(shared[index], series.rate_hz, where)
        columns = _resampled(path, common, shifts[index][whole], where, stream, resamples)
        known = columns[np.isfinite(columns)]
        failed[index] = 1 - len(known) / resamples
        if failed[index] <= FAILED_PART:
            interval[index] = (np.quantile(known, tails) - origin) / per_ms
            error[index] = float(known.std()) / per_ms
    shape = series.leading
    return OnsetInterval(
        onset.reshape(shape),
        interval.reshape(*shape, 2),
        error.reshape(shape),
        failed.reshape(shape),
        count.reshape(shape),
    )


def _latency_path(sweeps: Floats, rate_hz: float, where: Layout) -> Floats:
    """The sweeps (sweep, time from `where.first`) after the low-pass, which a mean of them passes through unchanged."""
    smooth = low_pass(sweeps[:, where.first : where.stop], rate_hz=rate_hz, corner_hz=hinge.CORNER_HZ)
    return np.asarray(smooth, dtype=np.float64)


def _onsets(means: Floats, where: Layout) -> Floats:
    """Columns of the hinge of each low-passed mean (row, time); NaN where it does not converge."""
    middle, sigma = reading.median_and_sigma(means[:, slice(*where.baseline)])
    found = hinge.take_off(middle[:, None] - means, sigma, where.window)
    return np.where(found.by_threshold, np.nan, found.column)


def _shared(common_uv: ArrayLike | None, series: Series) -> Floats:
    """The errors that the sweeps of each series share (series, factor, time), no factor where none are given."""
    n_series, _, n_time = series.sweeps.shape
    if common_uv is None:
        return np.empty((n_series, 0, n_time))
    given = np.asarray(common_uv, dtype=np.float64)
    if given.ndim < 2 or given.shape[-1] != n_time or not np.isfinite(given).all():
        raise AnalysisError(f"common_uv has shape {given.shape}; it needs finite errors (..., factor, {n_time}).")
    try:
        shaped = np.broadcast_to(given, (*series.leading, *given.shape[-2:]))
    except ValueError as cause:
        raise AnalysisError(f"common_uv has shape {given.shape}, which does not fit {series.leading}.") from cause
    return shaped.reshape(n_series, *given.shape[-2:])


def _resampled(
    path: Floats, common: Floats, shifts: Floats, where: Layout, stream: np.random.Generator, resamples: int
) -> Floats:
    """Onset columns of `resamples` randomly weighted means of the low-passed sweeps (sweep, time) and their shifts.

    `common` (factor, time): errors that all sweeps share, low-passed too.
    """
    count = len(path)
    columns = np.empty(resamples)
    mean = path.mean(axis=0)
    for first in range(0, resamples, CHUNK_ROWS):
        rows = min(CHUNK_ROWS, resamples - first)
        weights = stream.standard_normal((rows, count)) / np.sqrt(count * (count - 1))
        weights -= weights.mean(axis=1, keepdims=True)
        weights *= np.sqrt((count - 1) / stream.chisquare(count - 1, (rows, 1)))
        means = mean + weights @ path
        if len(common):
            means += stream.standard_normal((rows, len(common))) @ common
        columns[first : first + rows] = _onsets(means, where) + weights @ shifts
    return columns
