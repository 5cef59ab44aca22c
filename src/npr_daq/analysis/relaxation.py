"""Sums of decaying exponentials fitted to short stretches, for all rows at once."""

from dataclasses import dataclass, replace
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

GAIN = 6.0
"""Squares of the noise by which a pair off the grid must be better than the best one on it, to stand in its place."""

STEPS = 40
SETTLED = 1e-6
LARGEST_STEP = 0.3

NOISE_HZ = 5000.0
"""Bandwidth of the recorded noise (simulation reference 5): sampled faster, neighbours are not independent."""


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """Sums of exponentials, one per row.

    `heights` (row, exponential) at `origin_ms`: those of the constants of the grid, and behind them those of the two
    `taus_ms` (row, 2) of the row's own, which stand in place of the others where the best pair was refined. `fast_ms`
    and `slow_ms` (row,) are the time constants of the best sum, `fast_ms` NaN where one exponential is best;
    `explained` (row,) the sum of squares that the best sum of the grid explains; `residual` (row,) the RMS that the fit
    leaves on the stretch, degrees of freedom taken off; values in the unit of the rows.
    """

    heights: Floats
    taus_ms: Floats
    origin_ms: float
    fast_ms: Floats
    slow_ms: Floats
    explained: Floats
    residual: Floats

    def at(self, times_ms: Floats) -> Floats:
        """The sums at `times_ms` (point,), shape (row, point)."""
        after = times_ms - self.origin_ms
        grid = self.heights[:, :CONSTANTS] @ np.exp(-after / constants_ms()[:, None])
        own = np.flatnonzero(self.heights[:, CONSTANTS:].any(axis=1))
        shapes = np.exp(-after / self.taus_ms[own, :, None])
        grid[own] += np.einsum("ij,ijk->ik", self.heights[own, CONSTANTS:], shapes)
        return np.asarray(grid)


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
    and their mean extrapolates with less scatter than the best of them. Where the noise is finer than the grid, the
    best pair is refined by least squares (Levenberg and Marquardt) and stands alone.
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
    heights = np.zeros((len(rows), CONSTANTS + 2))
    heights[:, :CONSTANTS] = weight[:, :CONSTANTS] * single
    heights[:, :CONSTANTS] += (weight[:, CONSTANTS:] * first) @ kinds[fast]
    heights[:, :CONSTANTS] += (weight[:, CONSTANTS:] * second) @ kinds[slow]
    faster = np.concatenate([np.full(CONSTANTS, np.nan), constants[fast]])[best]
    slower = np.concatenate([constants, constants[slow]])[best]
    own = np.stack([faster, slower], axis=1)
    alone = np.flatnonzero((total - most > degrees * sigma**2) & (best >= CONSTANTS))
    if len(alone):
        pair = best[alone] - CONSTANTS
        start = np.stack([first[alone, pair], second[alone, pair]], axis=1)
        tops, taus, squares = _refined(rows[alone], times_ms - times_ms[0], start, own[alone])
        finer = total[alone] - most[alone] - squares > GAIN * sigma[alone] ** 2 / independent
        alone = alone[finer]
        heights[alone, :CONSTANTS] = 0.0
        heights[alone, CONSTANTS:], own[alone] = tops[finer], taus[finer]
        faster[alone], slower[alone] = own[alone].min(axis=1), own[alone].max(axis=1)
    found = Relaxation(heights, own, float(times_ms[0]), faster, slower, most, np.zeros(len(rows)))
    left = rows - found.at(times_ms)
    return replace(found, residual=np.sqrt(np.einsum("ij,ij->i", left, left) / degrees))


def _refined(rows: Floats, after_ms: Floats, heights: Floats, taus_ms: Floats) -> tuple[Floats, Floats, Floats]:
    """Heights and time constants (row, 2) of the nearest least-squares sum of two, from those of the grid.

    With them the squares that it leaves (row,).
    """
    unit = np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(float).tiny)
    wanted, place = rows / unit, np.concatenate([heights / unit, np.log(taus_ms)], axis=1)
    damping = np.full(len(rows), 1e-6)
    least = np.full(len(rows), np.inf)
    kept = place.copy()
    for _ in range(STEPS):
        shapes = np.exp(-after_ms / np.exp(place[:, 2:, None]))
        left = wanted - np.einsum("ij,ijk->ik", place[:, :2], shapes)
        squares = np.einsum("ij,ij->i", left, left)
        better = squares < least
        kept[better], least[better] = place[better], squares[better]
        damping = np.where(better, 0.1 * damping, 10 * damping)
        if not better.all():
            # From a worse place the next step starts again where it was best, shorter.
            shapes = np.exp(-after_ms / np.exp(kept[:, 2:, None]))
            left = wanted - np.einsum("ij,ijk->ik", kept[:, :2], shapes)
        by_tau = kept[:, :2, None] * shapes * after_ms / np.exp(kept[:, 2:, None])
        slopes = np.concatenate([shapes, by_tau], axis=1)
        normal = np.einsum("ijk,ilk->ijl", slopes, slopes)
        diagonal = np.einsum("ijj->ij", normal)
        diagonal += damping[:, None] * diagonal + 1e-14 * np.abs(diagonal).max(axis=1, keepdims=True) + 1e-300
        step = np.linalg.solve(normal, np.einsum("ijk,ik->ij", slopes, left)[..., None])[..., 0]
        step[:, 2:] = np.clip(step[:, 2:], -LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max() < SETTLED:
            break
        place = kept + step
        place[:, 2:] = np.clip(place[:, 2:], np.log(SHORTEST_MS / 2), np.log(2 * LONGEST_MS))
    return kept[:, :2] * unit, np.exp(kept[:, 2:]), least * unit[:, 0] ** 2
