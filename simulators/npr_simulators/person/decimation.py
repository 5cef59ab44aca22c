"""A lower sampling rate without aliases and without delay."""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

REACH_SAMPLES = 12
"""How many samples of the lower rate the filter looks to either side: 6 ms at 2 kHz."""
EDGE = 0.44
"""Middle of the filter's edge as a share of the lower rate: 880 Hz at 2 kHz."""
_BETA = 7.0


def decimated(fine: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Every `factor`-th sample of `fine` (channel, sample) after a zero-phase low-pass, shape (channel, fewer).

    The first result lies at sample `REACH_SAMPLES * factor` of `fine`, the last as far before its end.
    """
    taps = _taps(factor)
    windows = sliding_window_view(fine, len(taps), axis=1)[:, ::factor]
    out: NDArray[np.float32] = windows @ taps
    return out


@lru_cache(maxsize=8)
def _taps(factor: int) -> NDArray[np.float32]:
    # windowed sinc, Kaiser window: 70 dB beyond 1.15 kHz at 2 kHz, flat within 0.01 dB up to 600 Hz
    reach = REACH_SAMPLES * factor
    t = np.arange(-reach, reach + 1) / factor
    taps = np.sinc(2 * EDGE * t) * np.kaiser(len(t), _BETA)
    return np.asarray(taps / taps.sum(), np.float32)
