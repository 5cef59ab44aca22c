"""How one envelope follows another in time: correlation, lag, slope, and what both do together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from npr_daq.analysis.contraction import ENVELOPE_HZ

LARGEST_LAG_MS = 200.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Following:
    """S6 to S8 of each repetition, shape (...); NaN where an envelope does not vary or is not whole.

    `correlation` at zero lag; `peak_correlation` at `lag_ms`, within 200 ms, positive where the slave is later; `slope`
    (uV/uV) of the Deming line at that lag and `r_squared`.
    """

    correlation: Floats
    peak_correlation: Floats
    lag_ms: Floats
    slope: Floats
    r_squared: Floats


def follow(master_uv: ArrayLike, slave_uv: ArrayLike, *, span_ms: ArrayLike, noise_ratio: ArrayLike = 1.0) -> Following:
    """Compare the envelopes (..., frame) of master and slave over `span_ms` (..., 2), in ms from the first frame.

    Rest is taken off before (`without_rest`). With x the master in the span and y the slave as much later as the lag
    is, both with their means taken off: r = sum xy / sqrt(sum x^2 sum y^2). Deming's line with the errors' ratio
    `noise_ratio` = N_k / N_m (...): beta = (s_yy - l s_xx + sqrt((s_yy - l s_xx)^2 + 4 l s_xy^2)) / (2 s_xy). The lag
    is refined between frames by the parabola through the largest correlation. Source: clinical reference 5.3 (S6, S7,
    S8).
    """
    master, slave = np.asarray(master_uv, dtype=np.float64), np.asarray(slave_uv, dtype=np.float64)
    n = slave.shape[-1]
    span = np.clip(np.asarray(span_ms, dtype=np.float64) * ENVELOPE_HZ / 1e3, 0, n - 1)
    reach = min(round(LARGEST_LAG_MS * ENVELOPE_HZ / 1e3), n - 1)
    columns = np.arange(n)
    with np.errstate(invalid="ignore"):
        inside = (columns >= span[..., :1]) & (columns <= span[..., 1:])
        wide = (columns >= span[..., :1] - reach) & (columns <= span[..., 1:] + reach)
    count = inside.sum(axis=-1)[..., None]
    lost = (np.isnan(master) & inside).any(axis=-1) | (np.isnan(slave) & wide).any(axis=-1) | (count[..., 0] < 3)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(inside, master, 0.0)
        x = np.where(inside, x - x.sum(axis=-1, keepdims=True) / count, 0.0)
        y = np.where(wide, slave, 0.0)
        y = np.where(wide, y - y.sum(axis=-1, keepdims=True) / wide.sum(axis=-1, keepdims=True), 0.0)
    x, y = np.nan_to_num(x), np.nan_to_num(y)

    # Sums over the span of the slave shifted by every lag at once.
    size = fft.next_fast_len(n + 2 * reach, real=True)
    at = np.concatenate([np.arange(size - reach, size), np.arange(reach + 1)])
    moved = fft.rfft(y, size, axis=-1)
    squared = fft.rfft(y * y, size, axis=-1)
    where = fft.rfft(inside.astype(np.float64), size, axis=-1).conj()

    def at_lags(spectrum: NDArray[np.complex128]) -> Floats:
        return np.asarray(fft.irfft(spectrum, size, axis=-1)[..., at])

    # The slave at a lag that leaves the row is not there: the span is shorter then, and such lags are not used.
    s_xy = at_lags(moved * fft.rfft(x, size, axis=-1).conj())
    sum_y, sum_yy = at_lags(moved * where), at_lags(squared * where)
    s_xx = np.square(x).sum(axis=-1)[..., None]
    lags = np.arange(-reach, reach + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        s_yy = np.maximum(sum_yy - sum_y**2 / count, 0.0)
        fits = (np.ceil(span[..., :1]) + lags >= 0) & (np.floor(span[..., 1:]) + lags <= n - 1)
        tiny = 1e-9 * (np.square(y).sum(axis=-1)[..., None] + 1e-12)
        r = np.where((s_xx > 1e-12) & (s_yy > tiny) & ~lost[..., None], s_xy / np.sqrt(s_xx * s_yy), np.nan)
    usable = np.where(fits & np.isfinite(r), r, -np.inf)
    best = usable.argmax(axis=-1)[..., None]

    def pick(values: Floats, index: NDArray[np.int64] = best) -> Floats:
        return np.asarray(np.take_along_axis(np.broadcast_to(values, r.shape), index, axis=-1)[..., 0])

    peak = pick(r)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = (pick(usable, np.clip(best + step, 0, 2 * reach)) for step in (-1, 1))
        bend = low - 2 * peak + high
        inner = (best[..., 0] > 0) & (best[..., 0] < 2 * reach) & np.isfinite(bend) & (bend < 0)
        part = np.where(inner, 0.5 * (low - high) / np.where(inner, bend, -1.0), 0.0)
        ratio = np.asarray(noise_ratio, dtype=np.float64)
        xx, yy, xy = np.broadcast_to(s_xx, r.shape)[..., 0], pick(s_yy), pick(s_xy)
        apart = yy - ratio * xx
        slope = (apart + np.sqrt(apart**2 + 4 * ratio * xy**2)) / (2 * xy)
    known = np.isfinite(peak)
    return Following(
        correlation=np.clip(r[..., reach], -1, 1),
        peak_correlation=np.where(known, np.clip(peak, -1, 1), np.nan),
        lag_ms=np.where(known, (best[..., 0] - reach + part) * 1e3 / ENVELOPE_HZ, np.nan),
        slope=np.where(known, slope, np.nan),
        r_squared=np.where(known, peak**2, np.nan),
    )


def without_rest(envelope_uv: ArrayLike, power_uv2: ArrayLike) -> Floats:
    """Envelope with the power of rest taken off, sqrt(max(0, e^2 - N)); `power_uv2` (...) (clinical reference 5.2)."""
    frames = np.asarray(envelope_uv, dtype=np.float64)
    return np.sqrt(np.maximum(np.square(frames) - np.asarray(power_uv2, dtype=np.float64)[..., None], 0.0))


def cocontraction(
    master_uv: ArrayLike, slave_uv: ArrayLike, *, span_ms: ArrayLike, master_own_uv: ArrayLike, slave_own_uv: ArrayLike
) -> Floats:
    """Mean over the span of (lower / higher) (lower + higher), of envelopes in parts of their own maxima; shape (...).

    Rest taken off; `master_own_uv` and `slave_own_uv` (...) are the plateaus of the tasks in which each is the prime
    mover; NaN without them. 2 for two muscles both at their maxima. Source: clinical reference 5.3 (S11, Rudolph form).
    """
    span = np.asarray(span_ms, dtype=np.float64) * ENVELOPE_HZ / 1e3
    master, slave = np.asarray(master_uv, dtype=np.float64), np.asarray(slave_uv, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        one = master / np.asarray(master_own_uv, dtype=np.float64)[..., None]
        other = slave / np.asarray(slave_own_uv, dtype=np.float64)[..., None]
        columns = np.arange(slave.shape[-1])
        inside = (columns >= span[..., :1]) & (columns <= span[..., 1:])
        low, high = np.minimum(one, other), np.maximum(one, other)
        both = np.where(high > 0, low / high, 0.0) * (low + high)
        both = np.where(np.isnan(one) | np.isnan(other), np.nan, both)
        return np.asarray(np.where(inside, both, 0.0).sum(axis=-1) / inside.sum(axis=-1))
