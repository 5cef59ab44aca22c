"""Which sweeps clipped: by the device's word, and where it gave none by equal extreme counts in a row."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import MISSING
from npr_daq.findings.series import Series
from npr_daq.recording import Sweep

RUN = 3
"""Equal extreme counts in a row; with noise of some counts a peak does not stand still for that long."""
CLEAR_PART = 0.9
"""Of the largest excursion: what stays under it has not been at the same limit."""
LEAST_COUNTS = 50
"""A signal of a few counts repeats itself anyway: it is coarse, not clipped."""


def clipped(series: Series, row: int, window_ms: tuple[float, float]) -> list[int]:
    """Numbers of the sweeps in which this channel clipped inside `window_ms`.

    The device says that a channel clipped, not when: where the largest excursion of the sweep lies before the window
    and is reached nowhere inside it, the stimulus artefact alone was clipped, and that is no failure of the response.
    """
    return [
        sweep.n
        for column, sweep in enumerate(series.sweeps)
        if _clipped(series, row, sweep, _window(series, row, column, window_ms))
    ]


def _clipped(series: Series, row: int, sweep: Sweep, window: slice) -> bool:
    counts = sweep.counts[series.montage_rows[row]]
    if _stands(counts, window):
        return True
    return series.channels[row].name in sweep.clipped and not _before(counts, window)


def _before(counts: NDArray[np.int32], window: slice) -> bool:
    """Whether the sweep's largest excursion lies before the window, and every one inside it stays clear of that."""
    known = counts != MISSING
    size = np.abs(counts - np.median(counts[known])) * known
    place = int(size.argmax())
    return place < window.start and float(size[window].max(initial=0.0)) < CLEAR_PART * float(size[place])


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
