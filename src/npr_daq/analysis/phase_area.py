"""Area of the negative phase of single sweeps, between the instants that their average gives."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.layout import BASELINE_MS
from npr_daq.errors import AnalysisError

Floats = NDArray[np.float64]


def of_sweeps(sweeps_uv: Floats, *, rate_hz: float, stimulus_sample: Floats, onset_ms: float, end_ms: float) -> Floats:
    """Negative area of each sweep in mV ms, shape (sweep,); sweeps_uv is (sweep, time), stimulus_sample (sweep,).

    The integral of -(v - b) from `onset_ms` to `end_ms` after the stimulus, b the median of the sweep from 8 to 1 ms
    before it. Both instants come from the average, so that noise averages to zero: an area may be negative where there
    is nothing. NaN where the sweep does not reach that far. Raises AnalysisError for instants out of order.
    Source: clinical reference 2.2.
    """
    if not onset_ms < end_ms:
        raise AnalysisError(f"The negative phase ends at {end_ms:g} ms, which is not after its onset at {onset_ms:g}.")
    found = np.full(sweeps_uv.shape[0], np.nan)
    per_ms = rate_hz / 1e3
    for index, (sweep, at) in enumerate(zip(sweeps_uv, stimulus_sample, strict=True)):
        low, high = (max(0, int(at + ms * per_ms)) for ms in BASELINE_MS)
        first, last = at + onset_ms * per_ms, at + end_ms * per_ms
        if first < 0 or last > sweep.size - 1 or high <= low:
            continue
        columns = np.arange(int(np.ceil(first)), int(np.floor(last)) + 1)
        instants = np.concatenate([[first], columns, [last]])
        x = np.median(sweep[low : high + 1]) - np.interp(instants, np.arange(sweep.size), sweep)
        found[index] = np.trapezoid(x, instants) / per_ms / 1e3
    return found
