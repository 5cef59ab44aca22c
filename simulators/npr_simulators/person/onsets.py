"""Where a noise-free waveform begins, peaks and ends, for many rows at once.

All waves are G1 - G2 in microvolt on the truth's grid, shape (row, time): the physiological negative peak is a
negative number. All answers have shape (row,), NaN where there is none; sizes are magnitudes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.bank import Floats

RATE_KHZ = 320.0
"""Instants per ms on which truth is evaluated: 16 times a 20 kHz recording."""
START_MS = -1.0
SAMPLES = 8640
"""27 ms, to 26 ms after the cathodal edge: a reinnervated response of 18 ms ends before."""
WINDOW_MS = (1.5, 20.0)
LEAST_UV = 10.0
"""Below this negative peak an onset is not defined (simulation reference 6)."""
PART = 0.02
PHASE_PART = 0.3
END_PART = 0.05
WINDOW = slice(round((WINDOW_MS[0] - START_MS) * RATE_KHZ), round((WINDOW_MS[1] - START_MS) * RATE_KHZ) + 1)


def instants_ms() -> Floats:
    """The truth's grid, ms from the cathodal edge."""
    return START_MS + np.arange(SAMPLES) / RATE_KHZ


def ms_at(index: NDArray[np.intp] | Floats) -> Floats:
    """Instants of (fractional) places on the grid."""
    return np.asarray(START_MS + index / RATE_KHZ)


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """Within 1.5 to 20 ms: largest negative deflection, peak to peak, and the area of that phase in uV ms."""

    neg_uv: Floats
    pp_uv: Floats
    area: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """When the first negative phase begins, peaks and ends, ms from the cathodal edge.

    `theta_ms` is the simulation reference's t_theta: the last instant before the peak at which |y| is below
    max(10 uV, 2 % of that peak); `first_ms` the first at which it is not. `t10uv_ms`, `t20uv_ms`, `t5pct_ms` are the
    last instants below 10 uV, 20 uV, 5 %. `negative_ms` runs from t_theta to the first return to nought after the
    peak, `total_ms` from the first to the last instant above 5 %. `peak` is the peak's index, -1 without a phase.
    """

    peak: NDArray[np.intp]
    theta_ms: Floats
    first_ms: Floats
    t10uv_ms: Floats
    t20uv_ms: Floats
    t5pct_ms: Floats
    peak_ms: Floats
    negative_ms: Floats
    total_ms: Floats


def sizes(waves_uv: Floats) -> Sizes:
    """Sizes of every row; nought for a silent one."""
    inside = waves_uv[:, WINDOW]
    lowest = inside.min(axis=1)
    area = np.zeros(len(inside))
    for row in np.flatnonzero(lowest < 0):
        wave = inside[row]
        peak = int(np.argmin(wave))
        begin = peak - int(np.argmax(wave[peak::-1] >= 0)) if (wave[:peak] >= 0).any() else 0
        end = peak + int(np.argmax(wave[peak:] >= 0)) if (wave[peak:] >= 0).any() else wave.size
        area[row] = -wave[begin:end].sum() / RATE_KHZ
    return Sizes(neg_uv=np.maximum(0.0, -lowest), pp_uv=inside.max(axis=1) - lowest, area=area)


def first_phase(upright_uv: Floats) -> NDArray[np.intp]:
    """Index of the peak of the first run above 30 % of the maximum within the window; -1 where nothing is above nought.

    `upright_uv` has the negative phase upward.
    """
    inside = upright_uv[:, WINDOW]
    top = inside.max(axis=1)
    above = inside >= PHASE_PART * top[:, None]
    begin = np.argmax(above, axis=1)
    columns = np.arange(inside.shape[1])
    end = first_true(~above & (columns > begin[:, None]), none=inside.shape[1])
    run = (columns >= begin[:, None]) & (columns < end[:, None])
    peak = np.argmax(np.where(run, inside, -np.inf), axis=1)
    return np.asarray(np.where(top > 0, peak + WINDOW.start, -1))


def course(waves_uv: Floats) -> Course:
    """The course of every row; all NaN where the first negative phase is under 10 uV."""
    found = {name: np.full(len(waves_uv), np.nan) for name in Course.__dataclass_fields__ if name != "peak"}
    peaks, rows = _phases(waves_uv)
    if rows.size:
        waves, peak = waves_uv[rows], peaks[rows]
        height = -waves[np.arange(rows.size), peak]
        size = np.abs(waves)
        before = np.arange(waves.shape[1]) < peak[:, None]
        theta = np.maximum(LEAST_UV, PART * height)
        found["theta_ms"][rows] = ms_at(_last_below(size, before, theta))
        found["first_ms"][rows] = ms_at(passed_at(size, theta))
        found["t10uv_ms"][rows] = ms_at(_last_below(size, before, np.full(rows.size, 10.0)))
        found["t20uv_ms"][rows] = ms_at(_last_below(size, before, np.where(height >= 20.0, 20.0, np.nan)))
        found["t5pct_ms"][rows] = ms_at(_last_below(size, before, END_PART * height))
        found["peak_ms"][rows] = ms_at(peak)
        back = _crossing(waves, first_true((waves >= 0) & ~before, none=-1) - 1, np.zeros(rows.size))
        found["negative_ms"][rows] = ms_at(back) - found["theta_ms"][rows]
        end = _crossing(size, last_true(size > END_PART * height[:, None]), END_PART * height)
        found["total_ms"][rows] = ms_at(end) - ms_at(passed_at(size, END_PART * height))
    return Course(peak=peaks, **found)


def theta_onsets(waves_uv: Floats) -> Floats:
    """`Course.theta_ms` alone."""
    found = np.full(len(waves_uv), np.nan)
    peaks, rows = _phases(waves_uv)
    if rows.size:
        waves, peak = waves_uv[rows, : int(peaks.max()) + 1], peaks[rows]
        theta = np.maximum(LEAST_UV, -PART * waves[np.arange(rows.size), peak])
        before = np.arange(waves.shape[1]) < peak[:, None]
        found[rows] = ms_at(_last_below(np.abs(waves), before, theta))
    return found


def last_true(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Index of the last true place of each row; -1 without one."""
    return np.asarray(np.where(mask.any(axis=1), mask.shape[1] - 1 - np.argmax(mask[:, ::-1], axis=1), -1))


def first_true(mask: NDArray[np.bool_], *, none: int) -> NDArray[np.intp]:
    """Index of the first true place of each row; `none` without one."""
    return np.asarray(np.where(mask.any(axis=1), np.argmax(mask, axis=1), none))


def _phases(waves_uv: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Peak of the first phase of each row, -1 where it is under 10 uV, and the rows where it is not."""
    peaks = np.full(len(waves_uv), -1, np.intp)
    rows = np.flatnonzero(waves_uv[:, WINDOW].min(axis=1) <= -LEAST_UV)
    if rows.size:
        peaks[rows] = first_phase(-waves_uv[rows])
        low = rows[-waves_uv[rows, peaks[rows]] < LEAST_UV]
        peaks[low] = -1
    return peaks, np.flatnonzero(peaks >= 0)


def _last_below(size: Floats, before: NDArray[np.bool_], level: Floats) -> Floats:
    # a level of NaN is above nothing and below nothing: it finds no place
    return _crossing(size, last_true((size < level[:, None]) & before), level)


def passed_at(size: Floats, level: Floats) -> Floats:
    """Fractional place at which each row first reaches its level; NaN where it never does."""
    first = first_true(size >= level[:, None], none=-1)
    return np.where(first == 0, 0.0, _crossing(size, first - 1, level))


def _crossing(waves: Floats, index: NDArray[np.intp], level: Floats) -> Floats:
    """Fractional place where a row passes `level` between `index` and the next instant; NaN for a negative index."""
    rows = np.arange(len(waves))
    at = np.clip(index, 0, waves.shape[1] - 2)
    step = waves[rows, at + 1] - waves[rows, at]
    part = (level - waves[rows, at]) / np.where(step == 0, 1.0, step)
    return np.where((index < 0) | (index > waves.shape[1] - 2), np.nan, at + np.clip(part, 0.0, 1.0))
