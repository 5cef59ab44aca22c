"""Onset latencies by other definitions than the hinge, and the phases of a response, each read from the waveform."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import reading
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import WINDOW_MS, Layout, Sweeps, lay_out

CORNER_HZ = 1500.0
"""Zero-phase low-pass, the same as that of the hinge, so that definitions differ and not filters."""

NAMES = {
    "ten_percent_ms": "10 % of the first phase's negative peak, followed back from it, zero-phase low-pass 1.5 kHz",
    "three_sd_back_ms": "3 SD of the baseline, followed back from the first phase's peak, zero-phase low-pass 1.5 kHz",
    "tangent_ms": "steepest tangent of the first rise, where it meets the baseline, zero-phase low-pass 1.5 kHz",
}
"""What is written beside each number as its definition."""

PRESENT_SD = 5.0
PHASE_PART = 0.30
PHASE_SD = 3.0
TEN_PERCENT = 0.10
THREE_SD = 3.0

USUAL_MS = 0.40
"""The 10 % crossing comes this much after the hinge (analysis reference 3d)."""

TOLERANCE_MS = 0.30
TOLERANCE_SD = 2.5
NOISE_MS = 4.0

PHASE_LEVEL_SD = 5.0
PHASE_LEVEL_PART = 0.05
TURN_LEVEL_SD = 8.0
POLYPHASIC_FROM = 5

BLOCK_ROWS = 512

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Definitions:
    """Onset latencies in ms from the stimulus, shaped like the leading axes; NaN where a definition has no answer."""

    ten_percent_ms: Floats
    three_sd_back_ms: Floats
    tangent_ms: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """Shape of a response, shaped like the leading axes.

    `count`: baseline crossings + 1, 0 for an absent response; `turns`: peaks of either sign within them; `polyphasic`:
    5 phases or more.
    """

    count: NDArray[np.int64]
    turns: NDArray[np.int64]
    polyphasic: NDArray[np.bool_]


def latencies(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> Definitions:
    """All three definitions at once; arguments, promises and errors of each as `ten_percent`."""
    sweeps = Sweeps.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    answers = np.full((3, len(sweeps.rows)), np.nan)
    for block in _blocks(sweeps):
        found = np.stack(
            [_level_back(block, TEN_PERCENT * block.top), _level_back(block, THREE_SD * block.sigma), _tangent(block)]
        )
        answers[:, block.picked] = (found - block.stimulus) / (sweeps.rate_hz / 1e3)
    ten, three, tangents = (values.reshape(sweeps.leading) for values in answers)
    return Definitions(ten, three, tangents)


def ten_percent(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> Floats:
    """Latency in ms at which the first phase, followed back from its negative peak, falls below 10 % of that peak.

    `sweeps_uv` (..., time) in microvolts as recorded (negative peak negative); `stimulus_sample` broadcasts over the
    leading axes and may be fractional. The first phase is the first run above 30 % of the negative peak (and above 3 SD
    of the baseline where that is more). NaN for an absent response (no peak of 5 SD), for a gap, and where the level is
    not crossed inside the window. Raises `AnalysisError` as `evoked.measure`. Source: analysis reference 3a, 3c, 3d.
    """
    return latencies(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms).ten_percent_ms


def three_sd_back(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> Floats:
    """Latency in ms at which the first phase, followed back from its peak, falls below 3 SD of the baseline.

    It moves with the SNR (0.64 ms late at 20 dB, 0.17 at 50): never compare sides by it. Shapes, promises and errors as
    `ten_percent`. Source: analysis reference 3a.
    """
    return latencies(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms).three_sd_back_ms


def tangent(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> Floats:
    """Latency in ms at which the steepest tangent of the first phase's rise meets the baseline.

    NaN too where the tangent meets it before the window. Shapes, promises and errors as `ten_percent`.
    Source: analysis reference 3a.
    """
    return latencies(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms).tangent_ms


def disagrees(
    onset_latency_ms: ArrayLike,
    ten_percent_ms: ArrayLike,
    *,
    snr_db: ArrayLike = np.inf,
    usual_ms: float = USUAL_MS,
    tolerance_ms: float = TOLERANCE_MS,
) -> NDArray[np.bool_]:
    """Whether the hinge lies elsewhere than the 10 % crossing less its usual 0.4 ms says.

    The arguments broadcast; `snr_db` is that of `evoked.measure`. The tolerance is `tolerance_ms` for the shape plus
    2.5 x the noise of the difference, 4 ms x 10^(-snr_db / 20). Where one of the two is missing they disagree; where
    both are, there is nothing to compare and the answer is False.
    Source: analysis reference 3d; the tolerance is chosen in tests/validation/onset_table.py.
    """
    onset, crossing, snr = (np.asarray(each, dtype=np.float64) for each in (onset_latency_ms, ten_percent_ms, snr_db))
    tolerance = tolerance_ms + TOLERANCE_SD * NOISE_MS * 10 ** (-snr / 20)
    apart = np.abs(crossing - usual_ms - onset) > tolerance
    return np.asarray(apart | (np.isnan(onset) != np.isnan(crossing)))


def phases(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> Phases:
    """Number of phases and turns of each response.

    Arguments and errors as `ten_percent`. A phase counts where the low-passed response passes 5 SD of the baseline and
    5 % of its largest deflection, with the sign opposite to the phase before it; a turn where it moves by 5 % and 8 SD
    (the range that noise covers) between two extremes. Source: clinical reference 2.2 ("Phases / turns"); five phases
    as the limit is the convention for motor-unit potentials, not checked for facial responses.
    """
    sweeps = Sweeps.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    count, turns = (np.zeros(len(sweeps.rows), dtype=np.int64) for _ in range(2))
    for block in _blocks(sweeps):
        inside = block.upright[:, slice(*block.where.window)]
        level = np.maximum(PHASE_LEVEL_SD * block.sigma, PHASE_LEVEL_PART * np.abs(inside).max(axis=1))
        count[block.picked] = _alternations(inside, level) * block.present
        turned = np.maximum(level, TURN_LEVEL_SD * block.sigma)
        turns[block.picked] = _turns(inside, turned) * block.present
    count, turns = count.reshape(sweeps.leading), turns.reshape(sweeps.leading)
    return Phases(count, turns, polyphasic=np.asarray(count >= POLYPHASIC_FROM))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Rows that share a layout: low-passed and upright (row, time from `where.first`), noise, and the first phase.

    `peak` (row,) is the column of the first phase's peak, `top` its height; `present` whether there is a response;
    `stimulus` (row,) the column of the stimulus.
    """

    picked: NDArray[np.int64]
    where: Layout
    stimulus: Floats
    upright: Floats
    sigma: Floats
    peak: NDArray[np.int64]
    top: Floats
    present: NDArray[np.bool_]


def _blocks(sweeps: Sweeps) -> Iterator[_Block]:
    columns = sweeps.columns
    for column in np.unique(columns):
        where = lay_out(sweeps.rows.shape[1], int(column), rate_hz=sweeps.rate_hz, window_ms=sweeps.window_ms)
        rows = np.flatnonzero(columns == column)
        for first in range(0, len(rows), BLOCK_ROWS):
            picked = rows[first : first + BLOCK_ROWS]
            cut: NDArray[Any] = sweeps.rows[picked, where.first : where.stop]
            picked = picked[np.isfinite(cut).all(axis=1)]
            if len(picked):
                yield _block(sweeps, where, picked)


def _block(sweeps: Sweeps, where: Layout, picked: NDArray[np.int64]) -> _Block:
    cut = sweeps.rows[picked, where.first : where.stop].astype(np.float64)
    smooth = low_pass(cut, rate_hz=sweeps.rate_hz, corner_hz=CORNER_HZ)
    low, high = where.baseline
    middle, sigma = (np.asarray(each, np.float64) for each in reading.median_and_sigma(smooth[:, low:high]))
    upright = np.asarray(middle[:, None] - smooth, dtype=np.float64)
    start, stop = where.window
    inside = upright[:, start:stop]
    highest = inside.max(axis=1)
    level = np.maximum(PHASE_PART * highest, np.minimum(PHASE_SD * sigma, 2 * PHASE_PART * highest))
    above = inside > level[:, None]
    begin, _ = reading.first_true(above)
    after = np.arange(stop - start) >= begin[:, None]
    # The first run ends before the first column behind its begin that is not above the level.
    run = after & (np.cumsum(after & ~above, axis=1) == 0)
    peak = np.where(run, inside, -np.inf).argmax(axis=1)
    top = inside[np.arange(len(inside)), peak]
    present = (highest > 0) & (highest >= PRESENT_SD * sigma)
    return _Block(picked, where, sweeps.stimulus[picked] - where.first, upright, sigma, peak + start, top, present)


def _level_back(block: _Block, level: Floats) -> Floats:
    """Column at which each row, followed back from the first phase's peak, falls below `level` (row,)."""
    start, _ = block.where.window
    columns = np.arange(block.upright.shape[1])
    low = (block.upright < level[:, None]) & (columns >= start) & (columns < block.peak[:, None])
    column, found = reading.last_true(low)
    crossing = reading.crossing_after(block.upright, column, level)
    crossing[~found | ~block.present] = np.nan
    return crossing


def _tangent(block: _Block) -> Floats:
    """Column at which the steepest tangent of the first phase's rise meets the baseline."""
    start, _ = block.where.window
    slope: Floats = np.asarray(np.gradient(block.upright, axis=1))
    columns = np.arange(block.upright.shape[1])
    # The rise of the first phase alone: from where it leaves 10 % of its peak, or the window's start.
    foot = _level_back(block, block.top * TEN_PERCENT)
    foot = np.where(np.isfinite(foot), np.floor(foot), start)
    rising = (columns >= foot[:, None]) & (columns <= block.peak[:, None])
    column, steepest = reading.vertex(slope, np.where(rising, slope, -np.inf).argmax(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        meets = column - reading.value_at(block.upright, column) / steepest
    meets[~block.present | ~(steepest > 0) | ~(meets >= start)] = np.nan
    return np.asarray(meets)


def _alternations(inside: Floats, level: Floats) -> NDArray[np.int64]:
    """Runs beyond +-`level` (row,) of `inside` (row, time) that differ in sign from the run before."""
    sign = (inside > level[:, None]).astype(np.int8) - (inside < -level[:, None]).astype(np.int8)
    index = np.where(sign != 0, np.arange(sign.shape[1]), 0)
    held = np.take_along_axis(sign, np.maximum.accumulate(index, axis=1), axis=1)
    changes = np.count_nonzero(np.diff(held, axis=1), axis=1)
    # The step from nothing to the first phase is a change too, unless the window opens inside it.
    opened = held.take(0, axis=1) != 0
    return np.asarray(changes + opened, dtype=np.int64)


def _turns(inside: Floats, level: Floats) -> NDArray[np.int64]:
    """Extremes between which each row (row, time) moves by at least `level` (row,)."""
    count = np.zeros(len(inside), dtype=np.int64)
    heading, low, high = (np.zeros(len(inside)) for _ in range(3))
    for values in inside.T:
        low, high = np.minimum(low, values), np.maximum(high, values)
        rose = (values - low >= level) & (heading <= 0)
        fell = (high - values >= level) & (heading >= 0) & ~rose
        count += (rose | fell) & (heading != 0)
        heading = np.where(rose, 1.0, np.where(fell, -1.0, heading))
        low, high = (np.where(rose | fell, values, each) for each in (low, high))
    return count
