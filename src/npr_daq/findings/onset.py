"""How sure an onset is: its interval from the scatter of the sweeps and what the artefact may have left."""

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import onset_interval
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.response import Response
from npr_daq.findings.series import Series

Floats = NDArray[np.float64]

LEAST_SWEEPS = 5
"""With fewer the interval covers much less than it says (measured in tests/analysis/test_onset_interval.py)."""
RESAMPLES = 1000
SEED = 20_000
"""Any number; the same one, so that a new analysis gives the same interval."""
BEHIND_PEAK_MS = 2.0
"""The hinge reads the first phase: what follows the largest peak by more than this changes nothing."""
FILTER_MEMORY_MS = 5.0


def interval_ms(series: Series, row: int, answer: Response, parameters: Parameters) -> tuple[float, float] | None:
    """95 % interval of the onset in ms by bootstrap; None for less than 5 sweeps or where resamples have no hinge."""
    if int(answer.kept.sum()) < LEAST_SWEEPS or not isfinite(answer.onset_ms):
        return None
    window = (parameters.window_start_ms, _until_ms(series, row, parameters))
    stimulus = series.stimulus_sample[row, answer.kept]
    last = int(stimulus.max() + (window[1] + FILTER_MEMORY_MS) * series.rate_hz / 1e3) + 1
    found = onset_interval.bootstrap(
        series.uv[row, answer.kept, :last],
        rate_hz=series.rate_hz,
        stimulus_sample=stimulus,
        seed=SEED,
        window_ms=window,
        resamples=RESAMPLES,
        common_uv=_common_uv(series, row, (np.arange(last) - stimulus.mean()) * 1e3 / series.rate_hz),
    )
    low, high = (float(edge) for edge in found.interval_ms)
    return (low, high) if isfinite(low) and isfinite(high) else None


def _common_uv(series: Series, row: int, times_ms: Floats) -> Floats | None:
    """What the removal of the artefact may have left in every sweep alike (factor, time)."""
    doubt = None if series.cleaned is None else series.cleaned.doubt(row)
    return None if doubt is None else doubt.curves(times_ms)


def _until_ms(series: Series, row: int, parameters: Parameters) -> float:
    """Behind the largest negative peak of the average: resamples are measured no further than they need be."""
    time = series.time_ms(row)
    inside = (time >= parameters.window_start_ms) & (time <= parameters.window_end_ms)
    peak = float(time[inside][series.average_uv[row][inside].argmin()])
    return min(parameters.window_end_ms, peak + BEHIND_PEAK_MS)
