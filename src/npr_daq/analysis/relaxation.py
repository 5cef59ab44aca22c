"""Sums of decaying exponentials fitted to short stretches, for all rows at once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHORTEST_MS = 0.08
LONGEST_MS = 8.0
CONSTANTS = 24
LEAST_RATIO = 2.0
"""Two time constants nearer than this cannot be told apart on a gap of a millisecond."""

FREE = 4
"""Parameters of a sum of two: degrees of freedom that a stretch loses to the fit."""

MISFIT_SD = 2.8
"""Same-signed sums that leave this many SD more than the expected squares of noise give way to sums of either sign."""

NOISE_HZ = 5000.0
"""Bandwidth of the recorded noise (simulation reference 5): sampled faster, neighbours are not independent."""


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """Sums of exponentials, one per row.

    `amplitude` (row, constant) is the height of each exponential of `constants_ms()` at `origin_ms`; `fast_ms` and
    `slow_ms` (row,) are the time constants of the single best sum, `fast_ms` NaN where one exponential is best;
    `explained` (row,) the sum of squares that this best sum explains; `residual` (row,) the RMS that the fit leaves on
    the stretch, degrees of freedom taken off; values in the unit of the rows.
    """

    amplitude: Floats
    origin_ms: float
    fast_ms: Floats
    slow_ms: Floats
    explained: Floats
    residual: Floats

    def at(self, times_ms: Floats) -> Floats:
        """The sums at `times_ms` (point,), shape (row, point)."""
        return np.asarray(self.amplitude @ np.exp(-(times_ms - self.origin_ms) / constants_ms()[:, None]))


@lru_cache(maxsize=1)
def constants_ms() -> Floats:
    """The grid of time constants in ms, shape (constant,)."""
    return np.geomspace(SHORTEST_MS, LONGEST_MS, CONSTANTS)


@lru_cache(maxsize=1)
def _pairs() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the faster and the slower constant of each sum of two."""
    fast, slow = np.triu_indices(CONSTANTS, 1)
    apart = constants_ms()[slow] >= LEAST_RATIO * constants_ms()[fast]
    return fast[apart], slow[apart]


def fit(rows: Floats, times_ms: Floats, sigma: Floats) -> Relaxation:
    """Fit one or two exponentials to each row.

    `rows` (row, point) with the resting level taken off, `times_ms` (point,) evenly spaced, `sigma` (row,) the noise SD
    in the unit of the rows. Least squares for every single constant and every pair of the grid; a pair whose two
    heights differ in sign is left out, unless every same-signed sum leaves more than noise would. The answer is the
    mean of all candidates weighted by their likelihood under the noise: on a gap of a millisecond many pairs fit alike,
    and their mean extrapolates with less scatter than the best of them.
    Source: analysis reference 4 ("grid of time constants").
    """
    constants = constants_ms()
    fast, slow = _pairs()
    count = len(times_ms)
    shapes = np.exp(-(times_ms - times_ms[0]) / constants[:, None])
    gram = shapes @ shapes.T
    on_shapes = rows @ shapes.T
    single = on_shapes / np.diag(gram)
    norm = gram[fast, fast] * gram[slow, slow] - gram[fast, slow] ** 2
    first = (gram[slow, slow] * on_shapes[:, fast] - gram[fast, slow] * on_shapes[:, slow]) / norm
    second = (gram[fast, fast] * on_shapes[:, slow] - gram[fast, slow] * on_shapes[:, fast]) / norm
    explained = np.concatenate([single * on_shapes, first * on_shapes[:, fast] + second * on_shapes[:, slow]], axis=1)
    total = np.einsum("ij,ij->i", rows, rows)
    opposed = np.zeros(explained.shape, dtype=bool)
    opposed[:, CONSTANTS:] = first * second < 0
    consistent = np.where(opposed, -np.inf, explained)
    degrees = max(count - FREE, 1)
    step_ms = float(times_ms[1] - times_ms[0])
    independent = min(1.0, 2 * NOISE_HZ * step_ms / 1e3)
    chance = 1 + MISFIT_SD * np.sqrt(2 / (degrees * independent))
    poor = total - consistent.max(axis=1) > degrees * chance * sigma**2
    consistent[poor] = explained[poor]
    best = consistent.argmax(axis=1)
    most = consistent[np.arange(len(rows)), best]

    variance = np.maximum(sigma**2, np.maximum(total - most, 0.0) / degrees)
    variance = np.maximum(variance / independent, 1e-12 * total + np.finfo(float).tiny)
    weight = np.exp((consistent - most[:, None]) / (2 * variance[:, None]))
    weight /= weight.sum(axis=1, keepdims=True)
    kinds = np.eye(CONSTANTS)
    amplitude = weight[:, :CONSTANTS] * single
    amplitude += (weight[:, CONSTANTS:] * first) @ kinds[fast] + (weight[:, CONSTANTS:] * second) @ kinds[slow]

    left = rows - amplitude @ shapes
    residual = np.sqrt(np.einsum("ij,ij->i", left, left) / degrees)
    faster = np.concatenate([np.full(CONSTANTS, np.nan), constants[fast]])
    slower = np.concatenate([constants, constants[slow]])
    return Relaxation(amplitude, float(times_ms[0]), faster[best], slower[best], most, residual)
