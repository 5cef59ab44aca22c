"""What the samples say of an electrode and its input: mains hum, an input at its limit, a channel without a signal."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import MISSING

Floats = NDArray[np.float64]

MAINS_HZ = (50.0, 60.0)
BESIDE_HZ = tuple(float(hz) for hz in (-8, -7, -6, -5, -4, 4, 5, 6, 7, 8))
TIMES_BESIDE = 3.0
"""Hum is a line: it stands out of what is beside it in the spectrum (clinical reference 5.2 (2))."""
RUN = 3
"""Equal extreme counts in a row: no signal with noise stands still for that long."""
LEAST_COUNTS = 50
"""A signal of a few counts repeats itself anyway: it is coarse, not at its limit."""
COUNT_LIMIT = 2**23 - 1
"""The largest count of the 24 bits that samples are sent in (wire document): there an input is at its limit."""
STUCK_S = 0.1
"""A channel that repeats one count for so long has no signal there, not a quiet one: noise moves any input."""
BEYOND_UV = 10e3
"""No facial muscle gives so much; a high-pass behind the input lets its limit sag, so that no count is repeated."""


def mains_uv(signal_uv: NDArray[np.floating[Any]], rate_hz: float, *, quiet: Sequence[tuple[int, int]]) -> Floats:
    """RMS of the mains hum of the rows of `signal_uv` (channel, time), in microvolts, and in 1 s of each `quiet`.

    The larger of 50 and 60 Hz and of the stretches (begin, end), columns; 0 where no line stands out of the spectrum
    beside it, and for stretches of less than 0.4 s. Missing samples (NaN) count as none.
    """
    largest = np.zeros(len(signal_uv))
    for begin, end in quiet:
        part = signal_uv[:, max(begin, 0, end - round(rate_hz)) : end]
        n = part.shape[1]
        if n < 0.4 * rate_hz:
            continue
        known = np.isfinite(part)
        part = np.where(known, part, 0.0)
        part = part - np.where(known, part.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1)[:, None], 1), 0.0)
        cosine, sine = _waves(n, rate_hz)
        size = np.hypot(part @ cosine, part @ sine).reshape(len(part), len(MAINS_HZ), 1 + len(BESIDE_HZ))
        beside = np.sqrt(np.mean(size[..., 1:] ** 2, axis=-1))
        largest = np.maximum(largest, np.where(size[..., 0] > TIMES_BESIDE * beside, size[..., 0], 0.0).max(axis=-1))
    return largest


def out_of_range(counts: NDArray[np.int32], signal_uv: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which rows of `counts` (channel, time), the same in microvolts, were at the limit of their input or beyond.

    An extreme count that is held for three samples, well away from the middle; or an excursion of 10 mV.
    """
    known = counts != MISSING
    middle = np.where(known, counts, 0).sum(axis=1, dtype=np.int64) / np.maximum(known.sum(axis=1), 1)
    limited = np.zeros(len(counts), dtype=bool)
    worst = np.iinfo(np.int32)
    for extreme in (
        np.where(known, counts, worst.min).max(axis=1, initial=worst.min),
        np.where(known, counts, worst.max).min(axis=1, initial=worst.max),
    ):
        at = known & (counts == extreme[:, None])
        held = at[:, RUN - 1 :] & at[:, 1:-1] & at[:, : 1 - RUN] if at.shape[1] >= RUN else at[:, :0]
        limited |= held.any(axis=1) & (np.abs(extreme - middle) >= LEAST_COUNTS)
    filled = np.where(known, signal_uv, 0.0)
    centre = filled.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    away = np.where(known, np.abs(filled - centre[:, None]), 0.0)
    return np.asarray(limited | (away.max(axis=1, initial=0.0) >= BEYOND_UV))


def stuck(counts: NDArray[np.int32], rate_hz: float) -> NDArray[np.bool_]:
    """Where a channel of `counts` (channel, time) repeats one count for `STUCK_S` or more; not at the input's limit."""
    least = max(2, round(STUCK_S * rate_hz))
    found = np.zeros(counts.shape, dtype=bool)
    if counts.shape[1] < least:
        return found
    usable = (counts[:, 1:] != MISSING) & (np.abs(counts[:, 1:]) < COUNT_LIMIT)
    for row, same in enumerate((np.diff(counts, axis=-1) == 0) & usable):
        edges = np.flatnonzero(np.diff(same, prepend=False, append=False))
        for first, last in edges.reshape(-1, 2):
            if last - first + 1 >= least:
                found[row, first : last + 1] = True
    return found


@lru_cache(maxsize=8)
def _waves(n: int, rate_hz: float) -> tuple[Floats, Floats]:
    """Cosines and sines (time, frequency) whose products with a signal are RMS: the mains and beside it, one by one."""
    hz = np.array([mains + away for mains in MAINS_HZ for away in (0.0, *BESIDE_HZ)])
    phase = 2 * np.pi / rate_hz * np.arange(n)[:, None] * hz
    window = np.hanning(n + 2)[1:-1, None]
    window *= np.sqrt(2) / window.sum()
    return window * np.cos(phase), window * np.sin(phase)
