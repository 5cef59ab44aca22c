"""Amplitudes of single sweeps, read where the other sweeps of their series have their peaks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import amplitude, hinge, reading
from npr_daq.analysis.alignment import Series, moved
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import WINDOW_MS
from npr_daq.analysis.response import measure

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """Amplitudes of single sweeps as magnitudes in mV, shape (..., sweep); NaN for a gap or without others."""

    peak_to_peak_mv: Floats
    negative_peak_mv: Floats


def leave_one_out(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> LeaveOneOut:
    """Amplitudes of each sweep read at the peak instants of the aligned average of the other sweeps.

    Shapes as `align`. The instants are those of the latency path, the readings those of the amplitude path. Noise does
    not raise such readings, as it raises a maximum minus a minimum, so that they suit a ratio of sides; they may be
    negative where there is no response. The negative peak is x(peak) - x(onset) with the onset of the average of the
    others (counted from the baseline where they have no onset).
    Source: clinical reference 2.2, 2.3.
    """
    series = Series.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    placed, _ = moved(series)
    n_series, n_sweeps, _ = placed.shape
    whole = np.asarray(np.isfinite(placed).all(axis=-1))
    kept = np.where(whole[..., None], placed, 0.0)
    others = whole.sum(axis=-1, keepdims=True) - whole
    with np.errstate(divide="ignore", invalid="ignore"):
        average = (kept.sum(axis=1, keepdims=True) - kept) / others[..., None]
    average[others == 0] = np.nan
    at = np.broadcast_to(series.reference[:, None], (n_series, n_sweeps))
    # An average without sweeps has no peaks; its readings are made NaN below.
    found = measure(average, rate_hz=rate_hz, stimulus_sample=at, window_ms=series.window_ms)
    smooth = low_pass(average, rate_hz=series.rate_hz, corner_hz=hinge.CORNER_HZ)
    wide = low_pass(placed, rate_hz=series.rate_hz, corner_hz=amplitude.CORNER_HZ)
    peak, trough, onset, baseline = (np.full((n_series, n_sweeps), np.nan) for _ in range(4))
    for index in range(n_series):
        where = series.layout(index)
        start, stop = (where.first + column for column in where.window)
        low, high = (where.first + column for column in where.baseline)
        # Peaks of the smoother path wander less with the noise of the others, which would pull the readings down.
        instants = amplitude.extremes(-smooth[index], (start, stop))
        take_off = found.onset_latency_ms[index] * series.rate_hz / 1e3 + at[index]
        peak[index] = reading.value_at(wide[index], instants.peak_column)
        trough[index] = reading.value_at(wide[index], instants.trough_column)
        onset[index] = reading.value_at(wide[index], take_off)
        baseline[index] = np.median(wide[index, :, low:high], axis=-1)
    peak[others == 0] = np.nan
    foot = np.where(np.isfinite(onset), onset, baseline)
    shape = (*series.leading, n_sweeps)
    return LeaveOneOut(
        peak_to_peak_mv=((trough - peak) / 1e3).reshape(shape),
        negative_peak_mv=((foot - peak) / 1e3).reshape(shape),
    )
