"""The recruitment curve: amplitude against current, its logistic fit, and the proof of supramaximal stimulation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from npr_daq.errors import AnalysisError

THRESHOLD_PART = 0.05
"""The threshold is the current at which the fitted curve reaches this part of its plateau."""

GROWTH = 0.05
RISE = 1.2
RISE_TOLERANCE = 0.01
CURRENTS_LEAST = 3
SAME_CURRENT = 1.03
FIT_CURRENTS_LEAST = 4
FOOT_PART = 0.5
NOISE_TIMES = 5.0

LEAST_LIMIT = 0.5
"""However small a step, this part of the limit is allowed: repeats of one current differ by that (2.5 %)."""

RULE = (
    "supramaximal is proved when among the three or more highest currents, together rising by at least 20 %, no two "
    "differ in amplitude by 5 % or more, 2.5 to 5 % for neighbours less than 20 % apart and 5 % per 20 % of current "
    "for those further apart"
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recruitment:
    """A recruitment curve; NaN for what the currents do not determine.

    `threshold_ma` is where the fit reaches 5 % of `plateau_mv`, `i50_ma` where it reaches half. `evidence` holds only
    numbers, strings, lists, mappings and None, so that it can be written as JSON.
    """

    threshold_ma: float
    i50_ma: float
    plateau_mv: float
    supramaximal: bool
    evidence: Mapping[str, Any]


def fit(current_ma: ArrayLike, amplitude_mv: ArrayLike, *, noise_mv: float | None = None) -> Recruitment:
    """Fit a recruitment curve and judge whether its top is supramaximal.

    Both arguments have shape (shock,), in any order; shocks with a NaN do not count, and shocks whose currents are
    within 3 % of each other count as one current with their mean amplitude. `noise_mv`, where given, is the SD that
    noise alone gives an amplitude: a plateau under five times of it is no response and proves nothing.

    A(I) = plateau / (1 + exp(-(I - i50) / k)) by least squares with bounds (soft-L1, so that one bad shock does not
    carry it), to at least four currents of which one lies under half of the plateau; else `threshold_ma` and `i50_ma`
    are NaN and the plateau is the mean of the top currents. The rule of proof is `RULE`; reaching the highest allowed
    current proves nothing.
    Source: clinical reference 2.4; logistic model [P] there.
    """
    current, size = (np.asarray(values, dtype=np.float64) for values in (current_ma, amplitude_mv))
    if current.ndim != 1 or current.shape != size.shape:
        raise AnalysisError(
            f"Currents and amplitudes must be two rows of the same length, not {current.shape} and {size.shape}."
        )
    known = np.isfinite(current) & np.isfinite(size)
    if (current[known] <= 0).any():
        raise AnalysisError("A current is zero or negative; give the cathodal current in mA as a positive number.")
    currents, sizes, shocks = _grouped(current[known], size[known])
    top, proof = _prove(currents, sizes, noise_mv)
    threshold, i50, plateau = _logistic(currents, sizes)
    if math.isnan(plateau) and len(sizes):
        plateau = float(sizes[top].mean())
    evidence = {
        "rule": RULE,
        "currents_ma": currents.tolist(),
        "amplitudes_mv": sizes.tolist(),
        "shocks": shocks.tolist(),
        "growth_percent": [_json(value) for value in _growth_percent(sizes)],
        "noise_mv": noise_mv,
        **proof,
    }
    return Recruitment(threshold, i50, plateau, bool(proof["proved"]), evidence)


def _grouped(current: Floats, size: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Mean current, mean amplitude and number of shocks of each group of like currents, in rising order."""
    order = np.argsort(current, kind="stable")
    groups: list[list[int]] = []
    for index in order.tolist():
        if groups and current[index] <= SAME_CURRENT * current[groups[-1][0]]:
            groups[-1].append(index)
        else:
            groups.append([index])
    means = [np.array([values[group].mean() for group in groups]) for values in (current, size)]
    return means[0], means[1], np.array([len(group) for group in groups], dtype=np.int64)


def _growth_percent(sizes: Floats) -> Floats:
    """Growth of each current over the one before it, in percent; NaN where that one has no amplitude."""
    before = sizes[:-1]
    growth = np.full(len(before), np.nan)
    np.divide(100 * np.diff(sizes), before, out=growth, where=before > 0)
    return growth


def _prove(currents: Floats, sizes: Floats, noise_mv: float | None) -> tuple[slice, dict[str, Any]]:
    """The highest currents that the rule looks at, and what it says."""
    first = len(currents) - 1
    while first > 0 and (
        len(currents) - first < CURRENTS_LEAST or currents[-1] < (RISE - RISE_TOLERANCE) * currents[first]
    ):
        first -= 1
    top = slice(max(first, 0), None)
    answer: dict[str, Any] = {"top_currents_ma": currents[top].tolist(), "top_growth_percent_per_20_percent": None}
    rise = float(currents[-1] / currents[first]) if len(currents) else 1.0
    if len(currents) - first < CURRENTS_LEAST or rise < RISE - RISE_TOLERANCE:
        found = len(currents[top])
        return top, {
            **answer,
            "proved": False,
            "reason": f"{found} currents over a rise of {100 * (rise - 1):.0f} %; three over 20 % are needed",
        }
    lower, upper, change = _largest_change(currents[top], sizes[top])
    whole = float(sizes[-1] - sizes[first]) / float(sizes[first]) if sizes[first] > 0 else math.nan
    per_rise = 100 * whole * math.log(RISE) / math.log(max(rise, RISE))
    answer["top_growth_percent_per_20_percent"] = _json(per_rise)
    if noise_mv is not None and not float(sizes[top].min()) >= NOISE_TIMES * noise_mv:
        reason = f"the plateau is under {NOISE_TIMES:g} times the noise of {noise_mv:.4f} mV: no response"
    elif not (sizes[top] > 0).all():
        reason = "no amplitude at one of the highest currents"
    elif change is not None:
        reason = f"the amplitude still changes by {change:.1f} % from {lower:g} to {upper:g} mA"
    else:
        return top, {**answer, "proved": True, "reason": "plateau"}
    return top, {**answer, "proved": False, "reason": reason}


def _largest_change(currents: Floats, sizes: Floats) -> tuple[float, float, float | None]:
    """The two currents whose change exceeds its limit by most, and the change in percent; None where none does.

    Every pair counts, so that a dip in the middle hides no growth. A step of less than 20 % is allowed less, so that
    small steps prove no plateau that grows by 5 % per 20 % of current.
    """
    found: tuple[float, float, float | None] = (math.nan, math.nan, None)
    worst = 1.0
    for low in range(len(sizes)):
        for high in range(low + 1, len(sizes)):
            if not sizes[low] > 0:
                continue
            change = float(sizes[high] / sizes[low] - 1)
            rises = math.log(currents[high] / currents[low]) / math.log(RISE)
            # Neighbours alone are bound by their step: over more than one, chance adds up.
            scale = max(LEAST_LIMIT, min(rises, 1.0)) if high == low + 1 else max(rises, 1.0)
            if abs(change) >= worst * GROWTH * scale * (1 - 1e-9):
                worst = abs(change) / (GROWTH * scale)
                found = float(currents[low]), float(currents[high]), 100 * change
    return found


def _logistic(currents: Floats, sizes: Floats) -> tuple[float, float, float]:
    """Threshold, half-plateau current and plateau of the fitted curve; NaN where the data do not determine them."""
    largest = float(sizes.max()) if len(sizes) else 0.0
    if len(currents) < FIT_CURRENTS_LEAST or largest <= 0 or sizes.min() >= FOOT_PART * largest:
        return math.nan, math.nan, math.nan
    half = float(np.interp(0.5, np.maximum.accumulate(sizes) / largest, currents))
    width = max(float(currents[-1] - currents[0]) / 10, 1e-3)

    def rest(values: Floats) -> Floats:
        plateau, middle, log_width = values
        slope = np.clip((currents - middle) / np.exp(log_width), -500, 500)
        return np.asarray(plateau / (1 + np.exp(-slope)) - sizes / largest)

    low = [0.5, 0.5 * currents[0], math.log(width / 100)]
    high = [2.0, 1.5 * currents[-1], math.log(width * 20)]
    found = optimize.least_squares(
        rest, [1.0, half, math.log(width / 2)], bounds=(low, high), loss="soft_l1", f_scale=0.05
    )
    plateau, i50, spread = float(found.x[0]), float(found.x[1]), math.exp(found.x[2])
    if i50 > currents[-1]:
        # The curve is seen only on its foot: neither its half nor its plateau is known.
        return math.nan, math.nan, math.nan
    threshold = i50 - spread * math.log(1 / THRESHOLD_PART - 1)
    return max(threshold, 0.0), i50, plateau * largest


def _json(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
