"""Excitability of a nerve: its threshold current, and rheobase and chronaxie from several pulse widths."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from npr_daq.analysis import recruitment
from npr_daq.errors import AnalysisError

PRESENT_SD = 3.0
SAME_CURRENT = 1.03
DRAWS = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Threshold currents in mA; NaN where the shocks do not determine them.

    `first_ma`: the lowest current whose response repeats; `bracket_ma`: the highest current below it without a
    repeating response, and `first_ma` (the threshold lies between; the lower end is NaN where the first current tried
    answers). `half_ma`: half of the plateau by `recruitment.fit`, `half_ci95_ma` its interval from drawing the shocks
    anew.
    """

    first_ma: float
    bracket_ma: tuple[float, float]
    half_ma: float
    half_ci95_ma: tuple[float, float]


@dataclass(frozen=True, slots=True)
class StrengthDuration:
    """Weiss's law fitted to thresholds: rheobase and chronaxie, each with a 95 % interval (NaN where unknown)."""

    rheobase_ma: float
    rheobase_ci95_ma: tuple[float, float]
    chronaxie_us: float
    chronaxie_ci95_us: tuple[float, float]


def threshold(current_ma: ArrayLike, amplitude_mv: ArrayLike, *, noise_mv: float, seed: int = 0) -> Threshold:
    """Threshold from single shocks of rising currents.

    Both arguments have shape (shock,), in any order, NaN for a shock that does not count; amplitudes are signed and
    read without the bias of noise (`evoked.leave_one_out` or a scaled template); `noise_mv` is the SD that noise gives
    one. A response is an amplitude over 3 SD; it repeats when every shock within 3 % of its current responds,
    and the current was given twice or the next current responds too. The interval of `half_ma` comes from fits to 100
    sets of shocks (seeded) with noise added: the scatter among shocks of like current, `noise_mv` at least.
    Raises `AnalysisError` for shapes that do not fit, and as `recruitment.fit`. Source: clinical reference 2.4.
    """
    current, size = (np.asarray(values, dtype=np.float64) for values in (current_ma, amplitude_mv))
    if current.ndim != 1 or current.shape != size.shape:
        raise AnalysisError(
            f"Currents and amplitudes must be two rows of one length, not {current.shape}, {size.shape}."
        )
    if not noise_mv > 0:
        raise AnalysisError(f"The noise of an amplitude is {noise_mv} mV; give its SD as a positive number.")
    known = np.isfinite(current) & np.isfinite(size)
    order = np.argsort(current[known], kind="stable")
    current, size = current[known][order], size[known][order]
    first, below = _first(current, size > PRESENT_SD * noise_mv)
    fitted = recruitment.fit(current, size, noise_mv=noise_mv)
    interval = _redrawn(current, size, noise_mv, seed) if math.isfinite(fitted.i50_ma) else (math.nan, math.nan)
    return Threshold(first, (below, first), fitted.i50_ma, interval)


def strength_duration(
    width_us: ArrayLike, threshold_ma: ArrayLike, *, error_ma: ArrayLike | None = None
) -> StrengthDuration:
    """Rheobase and chronaxie from thresholds at two or more pulse widths.

    Both arguments have shape (width,); `error_ma`, where given, is the SD of each threshold. Weiss: charge Q = I w =
    rheobase (w + chronaxie), a straight line in w: its slope is the rheobase, intercept over slope the chronaxie. The
    interval of the chronaxie is Fieller's, unbounded (infinite) where the slope is not certain. Without `error_ma` the
    scatter about the line is the error, which takes three widths; with two widths the intervals are then NaN.
    Raises `AnalysisError` for fewer than two widths and for values that are not positive. Source: Weiss 1901.
    """
    width, current = (np.asarray(values, dtype=np.float64) for values in (width_us, threshold_ma))
    known = np.isfinite(width) & np.isfinite(current) if width.shape == current.shape else np.zeros(0, dtype=bool)
    if width.ndim != 1 or width.shape != current.shape or len(np.unique(width[known])) < 2:
        raise AnalysisError(
            f"Widths {width.shape} and thresholds {current.shape} must be rows of one length with at least two widths."
        )
    if not (width[known] > 0).all() or not (current[known] > 0).all():
        raise AnalysisError("A pulse width or a threshold is zero or negative; give microseconds and milliamperes.")
    error = (
        np.ones_like(width)
        if error_ma is None
        else np.broadcast_to(np.asarray(error_ma, dtype=np.float64), width.shape)
    )
    width, current, error = width[known], current[known], error[known]
    # The error of a charge is that of its current times the width.
    weight = 1 / (error * width)
    design = np.stack([np.ones_like(width), width], axis=1) * weight[:, None]
    charge = current * width * weight
    inverse = np.linalg.inv(design.T @ design)
    intercept, slope = inverse @ (design.T @ charge)
    free = len(width) - 2
    if error_ma is not None:
        scale, reach = 1.0, 1.959964
    elif free > 0:
        rest = charge - design @ np.array([intercept, slope])
        scale, reach = float(rest @ rest) / free, float(special.stdtrit(free, 0.975))
    else:
        scale, reach = math.nan, math.nan
    spread = inverse * scale
    half = reach * math.sqrt(spread[1, 1]) if math.isfinite(scale) else math.nan
    chronaxie = float(intercept / slope) if slope > 0 else math.nan
    return StrengthDuration(
        float(slope),
        (float(slope - half), float(slope + half)),
        chronaxie,
        _fieller(float(intercept), float(slope), spread, reach),
    )


def _first(current: Floats, responds: NDArray[np.bool_]) -> tuple[float, float]:
    """The lowest current that responds and repeats, and the highest one below it; NaN where there is none."""
    groups = [(float(current[one].mean()), bool(responds[one].all()), one.stop - one.start) for one in _alike(current)]
    for index, (mean, all_respond, count) in enumerate(groups):
        repeats = count > 1 or (index + 1 < len(groups) and groups[index + 1][1])
        if all_respond and repeats:
            return mean, groups[index - 1][0] if index else math.nan
    return math.nan, groups[-1][0] if groups else math.nan


def _alike(current: Floats) -> list[slice]:
    """Stretches of the sorted currents that lie within 3 % of their first."""
    found, begin = [], 0
    for index in range(1, len(current) + 1):
        if index == len(current) or current[index] > SAME_CURRENT * current[begin]:
            found.append(slice(begin, index))
            begin = index
    return found


def _redrawn(current: Floats, size: Floats, noise_mv: float, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    repeated = [one for one in _alike(current) if one.stop - one.start > 1]
    free = sum(one.stop - one.start - 1 for one in repeated)
    squares = sum(float(np.square(size[one] - size[one].mean()).sum()) for one in repeated)
    scatter = max(noise_mv, math.sqrt(squares / free) if free else 0.0)
    found = [recruitment.fit(current, size + scatter * rng.standard_normal(len(size))).i50_ma for _ in range(DRAWS)]
    known = [value for value in found if math.isfinite(value)]
    if len(known) < DRAWS // 2:
        return math.nan, math.nan
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def _fieller(intercept: float, slope: float, spread: Floats, reach: float) -> tuple[float, float]:
    """Interval of intercept / slope; infinite where the slope is not different from zero."""
    if not np.isfinite(spread).all():
        return math.nan, math.nan
    g = reach**2 * spread[1, 1]
    a = slope**2 - g
    b = intercept * slope - reach**2 * spread[0, 1]
    c = intercept**2 - reach**2 * spread[0, 0]
    if a <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max(b * b - a * c, 0.0))
    return (b - root) / a, (b + root) / a
