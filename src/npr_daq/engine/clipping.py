"""Clipping that matters: in the response window. A pulse that saturates the input and has recovered spoils nothing."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.layout import WINDOW_MS
from npr_daq.calibration import MISSING
from npr_daq.engine.sweeper import POST_MS
from npr_daq.montage import Montage
from npr_daq.recording import Sweep

AT_LIMIT = 0.9
"""Part of a channel's farthest sample at which the input may still be at its limit: a high-pass lets it sag."""


def clipped_in_window(
    sweep: Sweep, montage: Montage, *, window_ms: tuple[float, float] = (WINDOW_MS[0], POST_MS)
) -> tuple[str, ...]:
    """Names of the channels that the device calls clipped and that were at their limit in `window_ms`.

    The device says clipped of a block of samples, pulse and all; where in the sweep it was, the samples say.
    """
    first, last = (sweep.onset + ms * sweep.rate_hz / 1e3 for ms in window_ms)
    window = slice(max(int(first), 0), int(last) + 1)
    names = montage.names
    return tuple(name for name in sweep.clipped if _at_limit(sweep.counts[names.index(name)], window))


def _at_limit(counts: NDArray[np.int32], window: slice) -> bool:
    known = counts != MISSING
    inside = known[window]
    if not inside.any():
        return True
    away = np.abs(counts.astype(np.float64) - float(np.median(counts[known])))
    return bool(away[window][inside].max() >= AT_LIMIT * away[known].max())
