"""Ratio of the affected to the healthy side, with the interval that the sweeps allow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from npr_daq.errors import AnalysisError

Floats = NDArray[np.float64]

Z95 = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """Side comparison shaped like the leading axes; `ci95_percent` has a last axis (low, high); NaN where unknown.

    `asymmetry_index` is the size of the difference in percent of the sum, `signed_asymmetry` the same with a sign:
    positive where the affected side is the smaller one.
    """

    percent: Floats
    ci95_percent: Floats
    loss_percent: Floats
    asymmetry_index: Floats
    signed_asymmetry: Floats


def ratio(affected_mv: ArrayLike, healthy_mv: ArrayLike, *, set_aside: tuple[int, int] = (0, 0)) -> Ratio:
    """Amplitude ratio affected / healthy in percent with its 95 % interval.

    Both arguments are amplitudes of single sweeps, shapes (..., sweep) with leading axes that broadcast; the numbers of
    sweeps may differ and NaN sweeps do not count. Best from `evoked.leave_one_out`.

    With d = mean ln A_a - mean ln A_h and SE^2 = s_a^2 / K_a + s_h^2 / K_h: percent = 100 exp(d), interval
    100 exp(d +- t SE), t at the degrees of freedom of Welch and Satterthwaite; loss_percent = 100 - percent;
    asymmetry_index = 100 |A_a - A_h| / (A_a + A_h) of the same means, signed_asymmetry 100 (A_h - A_a) / (A_a + A_h).
    `set_aside` sweeps of each side were left out because they differ from the rest, which makes the rest look steadier
    than the series was: each counts in s as far off as the farthest that was kept, and 1 / K becomes
    (K + set aside) / K^2 (the error of a trimmed mean; Tukey and McLaughlin 1963).
    Where a sweep is zero or negative, logarithms do not exist: then the ratio of the arithmetic means with the
    delta-method error, both cut off at zero. The interval needs two sweeps a side. It covers the noise of the sweeps,
    not the re-placement of electrodes (18-21 %).
    Source: clinical reference 2.3.
    """
    affected, healthy = (
        _checked(values, name) for values, name in ((affected_mv, "affected"), (healthy_mv, "healthy"))
    )
    try:
        leading = np.broadcast_shapes(affected.shape[:-1], healthy.shape[:-1])
    except ValueError as cause:
        raise AnalysisError(
            f"The sides have leading axes {affected.shape[:-1]} and {healthy.shape[:-1]}, which do not fit together."
        ) from cause
    positive = _positive(affected) & _positive(healthy)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logs = _Mean.of(np.log(np.where(affected > 0, affected, np.nan)), set_aside[0])
        other_logs = _Mean.of(np.log(np.where(healthy > 0, healthy, np.nan)), set_aside[1])
        centre = logs.mean - other_logs.mean
        reach = _reach(logs, other_logs)
        by_log = 100 * np.exp(np.stack([centre, centre - reach, centre + reach], axis=-1))

        plain, other = _Mean.of(affected, set_aside[0]), _Mean.of(healthy, set_aside[1])
        quotient = np.where(other.mean > 0, plain.mean / other.mean, np.nan)
        spread = _reach(plain.scaled(1 / other.mean), other.scaled(quotient / other.mean))
        by_mean = 100 * np.stack([quotient, quotient - spread, quotient + spread], axis=-1)
    answer = np.where(np.broadcast_to(positive, leading)[..., None], by_log, np.maximum(by_mean, 0.0))
    return _ratio(answer[..., 0], answer[..., 1:])


def summed(affected_mv: Sequence[ArrayLike], healthy_mv: Sequence[ArrayLike]) -> Ratio:
    """Ratio of the sums over several muscles, affected / healthy in percent, with its 95 % interval; scalars.

    Each argument is one array (muscle, sweep) for each site: muscles that one shock made answer, so that what moves
    them together counts once; arrays of different sites are independent. NaN sweeps of any muscle do not count.

    percent = 100 S_a / S_h with S = sum over all muscles of the mean amplitude. The interval is that of ln S_a - ln S_h
    with the errors of S from the sums sweep by sweep, degrees of freedom by Welch and Satterthwaite; NaN where a site
    has fewer than two sweeps that all its muscles have, or where a sum is not above zero.
    Source: clinical reference 2.3 (multi-muscle ENoG).
    """
    one, other = (
        _sum([_checked(values, name) for values in arrays], name)
        for arrays, name in ((affected_mv, "affected"), (healthy_mv, "healthy"))
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        percent = np.where(other.mean > 0, 100 * one.mean / other.mean, np.nan)
        reach = _reach(one.scaled(1 / one.mean), other.scaled(1 / other.mean))
        bounds = np.where(one.mean > 0, percent, np.nan) * np.exp([-reach, reach])
    return _ratio(percent, bounds)


def with_common_error(low: float, high: float, *relative_sd: float) -> tuple[float, float]:
    """An interval of a ratio, widened by errors that are alike in all sweeps, so that their scatter does not show them.

    Each `relative_sd` is the SD of one such error over the size of its side; on the scale of logarithms they join the
    half width as squares. Unchanged where the interval does not lie between zero and infinity.
    """
    if not 0 < low <= high < np.inf:
        return low, high
    middle, half = 0.5 * (np.log(high) + np.log(low)), 0.5 * (np.log(high) - np.log(low))
    half = np.sqrt(half**2 + np.sum(np.square(Z95 * np.asarray(relative_sd))))
    return float(np.exp(middle - half)), float(np.exp(middle + half))


def _ratio(percent: Floats, ci95_percent: Floats) -> Ratio:
    with np.errstate(invalid="ignore"):
        signed = 100 * (100 - percent) / (percent + 100)
    return Ratio(
        percent=percent,
        ci95_percent=ci95_percent,
        loss_percent=100 - percent,
        asymmetry_index=np.abs(signed),
        signed_asymmetry=signed,
    )


def _sum(sites: Sequence[Floats], name: str) -> "_Mean":
    """Mean of the sum over all muscles of all sites, with its error."""
    if not sites or any(site.ndim != 2 or not site.shape[0] for site in sites):
        raise AnalysisError(f"A sum over muscles needs arrays (muscle, sweep) of the {name} side, one for each site.")
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = [_Mean.of(site.sum(axis=0)) for site in sites]
        means = [_Mean.of(site).mean.sum() for site in sites]
        error = np.sum([e.error for e in errors])
        free = error**2 / np.sum([e.error**2 / e.free for e in errors])
    # Equal sweeps have no error, and any degrees of freedom then say so.
    return _Mean(np.sum(means), np.asarray(error), np.asarray(np.where(error == 0, 1.0, free)))


def _checked(values: ArrayLike, name: str) -> Floats:
    data = np.asarray(values)
    if data.ndim == 0 or data.dtype.kind not in "fiu":
        raise AnalysisError(
            f"The {name} amplitudes must be real mV with the sweeps on the last axis, not {data.shape}."
        )
    return data.astype(np.float64)


def _positive(values: Floats) -> NDArray[np.bool_]:
    return np.asarray((np.isnan(values) | (values > 0)).all(axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class _Mean:
    """Mean of the known sweeps, the squared standard error of it, and the degrees of freedom."""

    mean: Floats
    error: Floats
    free: Floats

    @classmethod
    def of(cls, values: Floats, set_aside: int = 0) -> "_Mean":
        known = np.isfinite(values)
        count = known.sum(axis=-1)
        mean = np.where(known, values, 0.0).sum(axis=-1) / np.where(count > 0, count, np.nan)
        squares = np.where(known, values - mean[..., None], 0.0) ** 2
        free = np.where(count > 1, count - 1.0, np.nan)
        # Of a trimmed mean: what was set aside lies where the farthest of the rest does (Winsorised variance).
        spread = (squares.sum(axis=-1) + set_aside * squares.max(axis=-1, initial=0.0)) / (free + set_aside)
        return cls(mean, spread * (count + set_aside) / np.maximum(count, 1) ** 2, free)

    def scaled(self, factor: Floats) -> "_Mean":
        return _Mean(self.mean * factor, self.error * factor**2, self.free)


def _reach(one: _Mean, other: _Mean) -> Floats:
    """Half width of the 95 % interval of the difference of two means (Welch and Satterthwaite)."""
    error = one.error + other.error
    free = error**2 / (one.error**2 / one.free + other.error**2 / other.free)
    half = special.stdtrit(free, 0.975) * np.sqrt(error)
    # Equal sweeps on both sides leave no degrees of freedom and no error.
    return np.asarray(np.where(error == 0, 0.0, half))
