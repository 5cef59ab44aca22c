"""Which sweeps clipped: by the device's word, and where it gave none by equal extreme counts in a row."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import MISSING
from npr_daq.findings.series import Series

RUN = 3
"""Equal extreme counts in a row; with noise of some counts a peak does not stand still for that long."""
LEAST_COUNTS = 50
"""A signal of a few counts repeats itself anyway: it is coarse, not clipped."""


def clipped(series: Series, row: int, window_ms: tuple[float, float]) -> list[int]:
    """Numbers of the sweeps in which this channel clipped inside `window_ms`."""
    channel = series.channels[row]
    return [
        sweep.n
        for column, sweep in enumerate(series.sweeps)
        if channel.name in sweep.clipped
        or _stands(sweep.counts[series.montage_rows[row]], _window(series, row, column, window_ms))
    ]


def _window(series: Series, row: int, column: int, window_ms: tuple[float, float]) -> slice:
    onset = float(series.stimulus_sample[row, column])
    first, last = (int(onset + ms * series.rate_hz / 1e3) for ms in window_ms)
    return slice(max(first, 0), last + 1)


def _stands(counts: NDArray[np.int32], window: slice) -> bool:
    """Whether the highest or lowest count of the window is held for `RUN` samples, well away from the middle."""
    inside = counts[window]
    known = inside[inside != MISSING]
    if known.size < RUN:
        return False
    middle = float(np.median(counts[counts != MISSING]))
    for extreme in (int(known.max()), int(known.min())):
        if abs(extreme - middle) < LEAST_COUNTS:
            continue
        held = np.convolve(inside == extreme, np.ones(RUN, dtype=np.int64), "valid")
        if held.size and held.max() >= RUN:
            return True
    return False
