"""How far what was taken off as artefact may lie from the artefact, judged by the silent gap of the mean sweep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.relaxation import NOISE_HZ, SHORTEST_MS

Floats = NDArray[np.float64]

LONGEST_MS = 32.0
"""Time constant of the slowest tail thought of: that of a high-pass at 5 Hz, the lowest corner of a front-end."""
CONSTANTS = 30
SIZES_UV = np.geomspace(1e-2, 1e5, 70)
"""SD of the height of each exponential before anything was seen; the gap chooses."""
POINTS = 24
LEAST_SPREAD = 1e-9
TEMPLATE_STEP_MS = 0.25


@dataclass(frozen=True, slots=True)
class TemplateError:
    """How a template may be wrong once it is scaled: noise of a sample, and a baseline that walks under it."""

    noise_uv: float
    drift_uv2_per_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class TailDoubt:
    """Removed minus true artefact from the gap on: `mean_uv` (point,) at `times_ms` (point,) and what is uncertain.

    `spread_uv` (point, factor) is a root of the covariance: mean + spread @ z, z standard normal, is one way in which
    it may have been.
    """

    times_ms: Floats
    mean_uv: Floats
    spread_uv: Floats

    def curves(self, times_ms: Floats) -> Floats:
        """The mean and the columns of the spread as curves (1 + factor, time); zero outside of what was judged."""
        parts = np.column_stack([self.mean_uv, self.spread_uv]).T
        return np.stack([np.interp(times_ms, self.times_ms, part, left=0.0, right=0.0) for part in parts])

    def between(self, one_ms: float, other_ms: float) -> float:
        """Root mean square in uV of the error of the difference between two instants, as of a peak to peak."""
        ends = self.curves(np.array([one_ms, other_ms]))
        return float(np.linalg.norm(ends[:, 1] - ends[:, 0]))

    def over(self, begin_ms: float, end_ms: float) -> float:
        """Root mean square in uV ms of the error of an integral."""
        times = np.linspace(begin_ms, end_ms, 4 * POINTS)
        return float(np.linalg.norm(np.trapezoid(self.curves(times), times, axis=1)))


def of_gap(
    gap_uv: Floats,
    gap_ms: Floats,
    *,
    sigma_uv: float,
    removed_uv: Floats,
    times_ms: Floats,
    template: TemplateError | None = None,
) -> TailDoubt:
    """The doubt about a tail from the gap that it was found on.

    `gap_uv` (sample,) is the mean sweep on its silent gap at `gap_ms`, evenly spaced, baseline at zero, with noise of
    SD `sigma_uv` below 5 kHz; `removed_uv` (point,) what was taken off at `times_ms` (point,). `template` is the error
    of the scaled template, None where the gap alone speaks.

    Before anything was seen the tail is a sum of exponentials from 0.08 to 32 ms, evenly on the logarithm of the time
    constant, of normal heights with one SD, which is the one under which the gap is most likely. What the gap leaves of
    that (the posterior) is one opinion. The template, where there was one, is another, wrong by a random walk and by
    what its noise leaves of the same prior. Both are weighed by their covariances; the answer is where what was removed
    lies from there. Source: Rasmussen and Williams 2006, equations 2.23 to 2.26 and 5.8.
    """
    step_ms = float(gap_ms[1] - gap_ms[0])
    noise = _per_sample(max(sigma_uv, 1e-6 * float(np.abs(gap_uv).max())), step_ms)
    left, size, right = np.linalg.svd(_shapes(gap_ms, gap_ms[0]), full_matrices=False)
    along = gap_uv @ left
    known = (SIZES_UV[:, None] * size) ** 2
    likelihood = -0.5 * (along**2 / (known + noise) + np.log(known + noise)).sum(axis=1)
    best = int(likelihood.argmax())
    behind = _shapes(times_ms, gap_ms[0])
    share = known[best] / (known[best] + noise)
    tail = behind @ right.T @ np.divide(along * share, size, out=np.zeros_like(size), where=size > 0)
    covariance = _unseen(gap_ms, behind, noise, prior_uv=float(SIZES_UV[best]))
    mean = removed_uv - tail
    if template is not None:
        since = np.maximum(times_ms - gap_ms.mean(), 0.0)
        steps = np.arange(gap_ms[0], times_ms[-1], max(TEMPLATE_STEP_MS, step_ms))
        # Samples between the steps are averaged into them.
        averaged = _per_sample(template.noise_uv, step_ms) * step_ms / float(steps[1] - steps[0])
        wrong = _unseen(steps, behind, averaged, prior_uv=float(SIZES_UV[best]))
        wrong += template.drift_uv2_per_ms * np.minimum(since[:, None], since)
        both = covariance + wrong + LEAST_SPREAD * np.eye(len(times_ms))
        weight = np.linalg.solve(both, wrong).T
        mean = weight @ mean
        covariance = wrong - weight @ wrong
    return TailDoubt(times_ms, mean, _root(covariance))


def _shapes(times_ms: Floats, origin_ms: float) -> Floats:
    """The exponentials (point, constant), 1 at the origin."""
    constants = np.geomspace(SHORTEST_MS, LONGEST_MS, CONSTANTS)
    return np.asarray(np.exp(-(times_ms - origin_ms)[:, None] / constants))


def _per_sample(sigma_uv: float, step_ms: float) -> float:
    """Variance of a sample as if all were independent: noise up to 5 kHz is not where it is sampled faster."""
    return max(sigma_uv, LEAST_SPREAD) ** 2 / min(1.0, 2e-3 * NOISE_HZ * step_ms)


def _unseen(seen_ms: Floats, behind: Floats, noise_uv2: float, *, prior_uv: float) -> Floats:
    """Covariance of the tail at the points of `behind` (point, constant) once it was seen at `seen_ms` in noise."""
    _, size, right = np.linalg.svd(_shapes(seen_ms, seen_ms[0]), full_matrices=False)
    turned = behind @ right.T
    # Directions that were not seen keep the spread they had.
    seen = (prior_uv * size) ** 2
    return np.asarray(prior_uv**2 * (behind @ behind.T - (turned * (seen / (seen + noise_uv2))) @ turned.T))


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    kept = values > max(float(values[-1]), 0.0) * LEAST_SPREAD
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))
