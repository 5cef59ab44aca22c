"""Evoked spread: what every muscle does at every stimulated branch, in percent of its own direct response."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from npr_daq.analysis import amplitude, lateral_spread, symmetry, volume_conduction
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import Sweeps, lay_out
from npr_daq.analysis.leaving_out import leave_one_out
from npr_daq.errors import AnalysisError

EARLY_MS = (1.5, 7.0)
LATE_MS = (7.5, 20.0)
PLATEAU_PART = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """One window of the matrix; shapes (..., branch, muscle), intervals (..., branch, muscle, 2); NaN where unknown.

    `as_recorded_mv` and `remainder_mv`: mean peak to peak before and after volume conduction is taken off.
    `percent`, `ci95_percent`: as recorded, in percent of the muscle's own direct response; `remainder_percent`,
    `remainder_ci95_percent`: the same of what is left. `copied` (..., branch, muscle): share of the energy that copies
    of the row's prime movers explain at zero lag; NaN where there is no energy over noise. Cells of the prime movers
    themselves have nothing taken off.
    """

    as_recorded_mv: Floats
    percent: Floats
    ci95_percent: Floats
    remainder_mv: Floats
    remainder_percent: Floats
    remainder_ci95_percent: Floats
    copied: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SpreadMatrix:
    """Both windows, `own_mv` (..., muscle), and `coefficient` (..., branch, muscle, mover) with all muscles as movers.

    `coefficient` is that of the early window at zero lag, 0 for muscles that the branch does not supply.
    """

    early: Terms
    late: Terms
    own_mv: Floats
    coefficient: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Affected minus healthy in percentage points (..., branch, muscle) with 95 % intervals (..., 2)."""

    early_points: Floats
    early_ci95_points: Floats
    late_points: Floats
    late_ci95_points: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CurrentSpread:
    """How muscles answer as the current rises, each (muscle,): A = copy x target + growth x (I - plateau).

    `plateau_ma`: lowest current at which the target reaches 95 % of its largest. `copy`: what rises and stops with the
    target (its volume conduction, and fibres recruited like its own); `growth_mv_per_ma` with `growth_ci95_mv_per_ma`
    (muscle, 2): what still grows beyond its plateau; `grows`: the interval lies above zero: current spread.
    """

    plateau_ma: float
    copy: Floats
    growth_mv_per_ma: Floats
    growth_ci95_mv_per_ma: Floats
    grows: NDArray[np.bool_]


def measure(
    sweeps_uv: ArrayLike,
    *,
    supplied: ArrayLike,
    rate_hz: float,
    stimulus_sample: float,
    early_ms: tuple[float, float] = EARLY_MS,
    late_ms: tuple[float, float] = LATE_MS,
) -> SpreadMatrix:
    """The evoked spread matrix of one side.

    `sweeps_uv` has shape (..., branch, sweep, muscle, time), microvolts as recorded, the artefact taken off, NaN sweeps
    do not count; `supplied` (branch, muscle) says which muscles each branch supplies, each muscle by one branch (of
    several the first counts as its own). `stimulus_sample` is one for all.

    Sizes are peak to peak, each sweep read at the peak instants of the others, so that noise adds nothing; intervals
    are those of `symmetry.ratio` over sweeps. Both windows are in percent of the muscle's direct response to its own
    branch. Early: volume conduction is the row's prime movers at zero lag, least squares over all sweeps: an upper
    bound, because a muscle that truly answers in the mover's time course is taken for it as well. Late: as in
    `lateral_spread`, with the slow return taken off too. Current spread shows in no single current: `current_spread`.
    Raises `AnalysisError` for shapes that do not fit. Source: clinical reference 5.5.
    """
    data = np.asarray(sweeps_uv)
    Sweeps.check(data, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=late_ms)
    mine = np.asarray(supplied, dtype=bool)
    if data.ndim < 4 or mine.shape != (data.shape[-4], data.shape[-2]) or not mine.any(axis=1).all():
        raise AnalysisError(
            f"Sweeps of shape {data.shape} need (..., branch, sweep, muscle, time), and `supplied` (branch, muscle) "
            f"with a muscle for every branch, not {mine.shape}."
        )
    column, n_time = round(float(stimulus_sample)), data.shape[-1]
    where = lay_out(n_time, column, rate_hz=rate_hz, window_ms=early_ms)
    early = lateral_spread.columns(where)
    late = lateral_spread.columns(lay_out(n_time, column, rate_hz=rate_hz, window_ms=late_ms))
    quiet = (where.first + where.baseline[0], where.first + where.baseline[1])
    smooth = low_pass(data.astype(np.float64), rate_hz=rate_hz, corner_hz=amplitude.CORNER_HZ).astype(np.float64)
    smooth -= np.median(smooth[..., slice(*quiet)], axis=-1, keepdims=True)
    series = smooth.reshape(-1, *data.shape[-4:])
    left = {"early": np.array(series), "late": np.array(series)}
    copied = {name: np.full((len(series), *mine.shape), np.nan) for name in left}
    coefficient = np.zeros((len(series), *mine.shape, mine.shape[1]))
    for index, row in np.ndindex(len(series), len(mine)):
        movers: list[int] = np.flatnonzero(mine[row]).tolist()
        sweeps = series[index, row]
        for name, window in (("early", early), ("late", late)):
            found = volume_conduction.judge(sweeps, movers=movers, rate_hz=rate_hz, window=window, baseline=quiet)
            copied[name][index, row] = found.copied
            if name == "early":
                coefficient[index, row][:, movers] = np.nan_to_num(found.coefficient)
        weights = np.where(mine[row][:, None], 0.0, coefficient[index, row])
        left["early"][index, row] = sweeps - np.einsum("mk,skt->smt", weights, sweeps)
        left["late"][index, row] = lateral_spread.beyond(sweeps, movers, rate_hz=rate_hz, early=early, late=late)

    def sizes(values: Floats, window_ms: tuple[float, float]) -> Floats:
        """Peak to peak of every sweep, (series, branch, muscle, sweep)."""
        turned = np.moveaxis(values, 2, 3)
        return leave_one_out(turned, rate_hz=rate_hz, stimulus_sample=column, window_ms=window_ms).peak_to_peak_mv

    recorded = {"early": sizes(series, early_ms), "late": sizes(series, late_ms)}
    own_row = mine.argmax(axis=0)
    own = recorded["early"][:, own_row, np.arange(mine.shape[1])]
    own[:, ~mine.any(axis=0)] = np.nan
    leading = data.shape[:-4]
    terms = [
        _terms(recorded[name], sizes(left[name], window_ms), own, copied[name], leading)
        for name, window_ms in (("early", early_ms), ("late", late_ms))
    ]
    return SpreadMatrix(
        early=terms[0],
        late=terms[1],
        own_mv=_mean(own).reshape(*leading, -1),
        coefficient=coefficient.reshape(*leading, *coefficient.shape[1:]),
    )


def compare(affected: SpreadMatrix, healthy: SpreadMatrix) -> Difference:
    """Affected minus healthy of what is left after volume conduction, with the interval that both intervals give.

    The bounds of a difference from the bounds of its parts: d - sqrt((a - a_low)^2 + (h_high - h)^2), and likewise
    upwards (MOVER; Zou and Donner 2008). Source: clinical reference 5.5.
    """
    answers = []
    for one, other in ((affected.early, healthy.early), (affected.late, healthy.late)):
        a, h = one.remainder_percent, other.remainder_percent
        a_ci, h_ci = one.remainder_ci95_percent, other.remainder_ci95_percent
        low = a - h - np.hypot(a - a_ci[..., 0], h_ci[..., 1] - h)
        high = a - h + np.hypot(a_ci[..., 1] - a, h - h_ci[..., 0])
        answers += [a - h, np.stack([low, high], axis=-1)]
    return Difference(*answers)


def current_spread(current_ma: ArrayLike, amplitude_mv: ArrayLike, *, target: int) -> CurrentSpread:
    """Separate what follows the target from what grows with the current beyond the target's plateau.

    `current_ma` (shock,), `amplitude_mv` (shock, muscle) in the early window, read without the bias of noise; `target`
    is the muscle that the branch supplies. Least squares of every muscle on the target's amplitude and on
    the current beyond its plateau; intervals from the scatter, NaN with fewer than two currents beyond the plateau or
    fewer than four shocks. Raises `AnalysisError` for shapes that do not fit. Source: clinical reference 5.5, 2.4.
    """
    current, size = np.asarray(current_ma, dtype=np.float64), np.asarray(amplitude_mv, dtype=np.float64)
    if current.ndim != 1 or size.ndim != 2 or len(current) != len(size) or not -size.shape[1] <= target < size.shape[1]:
        raise AnalysisError(
            f"Currents {current.shape} and amplitudes {size.shape} must be (shock,) and (shock, muscle)."
        )
    known = np.isfinite(current) & np.isfinite(size).all(axis=1)
    current, size = current[known], size[known]
    lost = np.full(size.shape[1], np.nan)
    nothing = CurrentSpread(np.nan, lost, lost, np.stack([lost, lost], axis=-1), np.zeros(len(lost), dtype=bool))
    if len(current) < 4:
        return nothing
    own = size[:, target]
    reached = own >= PLATEAU_PART * np.quantile(own, 0.9)
    plateau = float(current[reached].min())
    over = np.maximum(current - plateau, 0.0)
    if len(np.unique(over)) < 3 or not own.any():
        return nothing
    design = np.stack([own, over], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ size
    free = len(current) - 2
    scatter = np.sqrt(np.square(size - design @ found).sum(axis=0) / free * inverse[1, 1])
    half = float(special.stdtrit(free, 0.975)) * scatter
    interval = np.stack([found[1] - half, found[1] + half], axis=-1)
    grows = interval[:, 0] > 0
    grows[target] = False
    return CurrentSpread(plateau, found[0], found[1], interval, grows)


def _terms(recorded: Floats, left: Floats, own: Floats, copied: Floats, leading: tuple[int, ...]) -> Terms:
    """Terms of one window from sizes (series, branch, muscle, sweep) and the own sizes (series, muscle, sweep)."""
    whole = symmetry.ratio(recorded, own[:, None])
    rest = symmetry.ratio(left, own[:, None])
    shape = (*leading, *recorded.shape[1:3])
    return Terms(
        as_recorded_mv=_mean(recorded).reshape(shape),
        percent=whole.percent.reshape(shape),
        ci95_percent=whole.ci95_percent.reshape(*shape, 2),
        remainder_mv=_mean(left).reshape(shape),
        remainder_percent=rest.percent.reshape(shape),
        remainder_ci95_percent=rest.ci95_percent.reshape(*shape, 2),
        copied=copied.reshape(shape),
    )


def _mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))
