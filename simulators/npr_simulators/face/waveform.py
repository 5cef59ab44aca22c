"""Motor-unit potentials as polynomials of compact support, and their sum in closed form at any instant."""

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FALL = 5
"""Exponent of the tail of a motor-unit potential."""
DEGREE = FALL + 3
_SCALE_MS = 10.0


def _base() -> Floats:
    # u^2 (1 - u)^FALL as coefficients of u^0 .. u^DEGREE (without the last factor)
    base = np.zeros(DEGREE + 1)
    for k in range(FALL + 1):
        base[k + 2] = (-1) ** k * comb(FALL, k)
    return base


@lru_cache(maxsize=1)
def _binomials() -> Floats:
    return np.array([[comb(k, j) for k in range(DEGREE + 1)] for j in range(DEGREE + 1)], float)


def _g(u: Floats, turn: Floats) -> Floats:
    return u**2 * (1 - u) ** FALL * (turn - u)


@dataclass(frozen=True, slots=True, eq=False)
class Potentials:
    """Shapes of n motor-unit potentials; each is nought outside [0, duration] after its arrival.

    y(t) = -size g(u), u = (t - arrival) / duration, g(u) = u^2 (1 - u)^5 (turn - u), scaled to a first peak of 1: an
    initial negativity (G1 lies over the end-plates), then a longer positive phase from `turn` x duration on. Shape: own
    construction; the starting exponent 2 and the lack of an initial positivity follow the clinical reference 2.2.
    """

    size_uv: Floats
    duration_ms: Floats
    turn: Floats

    def height(self) -> Floats:
        """First peak of the unscaled g of each potential, shape (n,)."""
        # the stationary points of g solve (FALL + 3) u^2 - ((FALL + 2) turn + 3) u + 2 turn = 0; the first is the peak
        half = (FALL + 2) * self.turn + 3
        peak = (half - np.sqrt(half**2 - 8 * (FALL + 3) * self.turn)) / (2 * (FALL + 3))
        return _g(peak, self.turn)

    def coefficients(self, picked: NDArray[np.bool_]) -> Floats:
        """Coefficients of -size g(u) in powers of u, shape (DEGREE + 1, picked)."""
        shape = self.turn[picked] * _base()[:, None] - np.roll(_base(), 1)[:, None]
        return -(self.size_uv / self.height())[picked] * shape

    def at(self, t_ms: Floats, arrival_ms: Floats) -> Floats:
        """Every potential by itself, shape (n, time); the plain definition, for tests and pictures."""
        u = np.clip((t_ms - arrival_ms[:, None]) / self.duration_ms[:, None], 0, 1)
        return -(self.size_uv / self.height())[:, None] * _g(u, self.turn[:, None])


@dataclass(frozen=True, slots=True, eq=False)
class Superposition:
    """The sum of shifted potentials: one polynomial between each two instants at which a potential starts or ends.

    Evaluation costs the same for five units as for five hundred, and is exact at any instant.
    """

    origin_ms: float
    edges_ms: Floats
    pieces: Floats

    @classmethod
    def of(cls, shapes: Potentials, arrival_ms: Floats, picked: NDArray[np.bool_]) -> "Superposition":
        """Sum the `picked` potentials, each shifted to its arrival."""
        starts = arrival_ms[picked]
        if not starts.size:
            return cls(0.0, np.empty(0), np.zeros((1, DEGREE + 1)))
        spans = shapes.duration_ms[picked]
        # from the middle, powers stay small and little is lost where they cancel (a few 1e-6 uV)
        origin = float(starts.min() + (starts + spans).max()) / 2
        # powers of u = (s - shift) / span become powers of s = (t - origin) / scale by the binomial theorem
        span = spans / _SCALE_MS
        shift = -(starts - origin) / _SCALE_MS
        in_u = shapes.coefficients(picked) / span ** np.arange(DEGREE + 1)[:, None]
        in_s = np.zeros_like(in_u)
        powers = shift ** np.arange(DEGREE + 1)[:, None]
        for j in range(DEGREE + 1):
            for k in range(j, DEGREE + 1):
                in_s[j] += _binomials()[j, k] * powers[k - j] * in_u[k]
        edges = np.concatenate([starts, starts + spans])
        order = np.argsort(edges, kind="stable")
        steps = np.concatenate([in_s, -in_s], axis=1)[:, order].T
        pieces = np.zeros((edges.size + 1, DEGREE + 1))
        np.cumsum(steps, axis=0, out=pieces[1:])
        pieces[-1] = 0.0
        return cls(origin, edges[order], pieces)

    @property
    def span_ms(self) -> tuple[float, float]:
        """First and last instant at which the sum may differ from nought; (0, 0) when it is empty."""
        return (float(self.edges_ms[0]), float(self.edges_ms[-1])) if self.edges_ms.size else (0.0, 0.0)

    def at(self, t_ms: Floats) -> Floats:
        """The sum in microvolts at each instant, shape of `t_ms`."""
        result = np.zeros(t_ms.shape)
        first, last = self.span_ms
        inside = (t_ms > first) & (t_ms < last)
        t = t_ms[inside]
        if t.size:
            piece = self.pieces[np.searchsorted(self.edges_ms, t, side="right")]
            s = (t - self.origin_ms) / _SCALE_MS
            value = piece[:, DEGREE].copy()
            for power in range(DEGREE - 1, -1, -1):
                value *= s
                value += piece[:, power]
            result[inside] = value
        return result
