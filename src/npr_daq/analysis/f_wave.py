"""F waves: the responses after the direct one that differ from sweep to sweep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import first_phase, hinge
from npr_daq.analysis.alignment import Series
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import lay_out
from npr_daq.analysis.shifting import shifted

WINDOW_MS = (7.5, 20.0)
"""The late window (clinical reference 5.5)."""

DIRECT_MS = (1.5, 7.0)
"""Where the direct response scales the tail that is taken off each sweep (the early window of clinical 5.5)."""

LEAST_SWEEPS, LEAST_MEASURED = 10, 3
ENERGY_MS = 4.0
"""An F wave lasts longer than this: it is sought by the RMS over it, which the jitter's brief steps hardly reach."""
JITTER_QUANTILE = 0.8
PRESENT_TIMES, ALIKE_TIMES, BASELINE_TIMES = 1.5, 0.9, 1.25
LEVEL_TIMES, LEVEL_BASELINE_SD = 3.0, 5.0
SUSTAINED_MS = 0.3
BEFORE_MS, AFTER_MS = 1.2, 0.8
PHASE_TIMES = 5.0
"""A latency needs a first phase of five times the jitter."""
MARGIN_MS = 0.3
JITTERY_MS = 2.5
"""So long into the window the direct response still jitters; F waves that began in it go on after it."""
ROUNDS = 3
WORTH, FITTED = 0.45, 0.6
"""A fit is used where it leaves under 0.45 of the direct response's residual. Of the jitter of single units alone size
and shift take 0.2 to 0.5 too, and lower it no later than that: what they leave is 0.6 of what is to be expected."""
ALIKE_LEAST, ALIKE_PART = 3, 0.5
CERTAIN_LEAST, SUPPORT_MS = 2, 0.5
GAP_MS = 1.5
"""Where the tail is not certain, its error begins at one time in many sweeps, so long after their F waves."""

Floats = NDArray[np.float64]

FLOATS = (
    "minimum_ms",
    "mean_ms",
    "maximum_ms",
    "chronodispersion_ms",
    "persistence_percent",
    "direct_mv",
    "f_over_m_percent",
    "tail_uv",
    "noise_uv",
)


@dataclass(frozen=True, slots=True, eq=False)
class FWaves:
    """F waves of series of sweeps; NaN where there is no answer; sizes are magnitudes.

    Per sweep (..., sweep): `present`, `latency_ms` (take-off of the first phase; NaN where it cannot be told),
    `amplitude_uv` (peak to peak, of every sweep, noise included). Per series (...): `minimum_ms`, `mean_ms`,
    `maximum_ms` (of the latencies that another sweep has within 0.5 ms: a lone one may be chance),
    `chronodispersion_ms` (maximum - minimum), `persistence_percent` (share of the sweeps without a gap that show one),
    `sweeps` (their number), `enough` (at least 10 of them),
    `direct_mv` (peak to peak of the direct response), `f_over_m_percent` (mean amplitude of the F waves over it),
    `tail_uv` (largest value of what was taken off in the late window), `tail_certain` (two or more sweeps without an F
    wave show the tail to its end; if not, amplitudes and `f_over_m_percent` are too small, see `measure`), `noise_uv`
    (RMS without an F wave: noise and the jitter of the direct response).
    """

    present: NDArray[np.bool_]
    latency_ms: Floats
    amplitude_uv: Floats
    minimum_ms: Floats
    mean_ms: Floats
    maximum_ms: Floats
    chronodispersion_ms: Floats
    persistence_percent: Floats
    sweeps: NDArray[np.int64]
    enough: NDArray[np.bool_]
    direct_mv: Floats
    f_over_m_percent: Floats
    tail_uv: Floats
    tail_certain: NDArray[np.bool_]
    noise_uv: Floats


def measure(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
    direct_ms: tuple[float, float] = DIRECT_MS,
) -> FWaves:
    """Find the F wave of every sweep of a muscle of the stimulated branch.

    `sweeps_uv` has shape (..., sweep, time), microvolts as recorded at one supramaximal current, the stimulus artefact
    taken off; `stimulus_sample` broadcasts over (..., sweep). Ten sweeps or more are wanted, three are needed.

    The tail of the direct response under the late window is modelled, not filtered: a high-pass strong enough to
    flatten it takes most of the F wave and moves its onset. Each sweep keeps what is left after the tail as it is, at
    the sweep's own size, or at its own size and shift (fitted to `direct_ms`), each only where it leaves less than
    half of what the simpler one left there. The tail is the mean of the sweeps without an F wave, and before that of
    all whose F wave has not begun. Without an F wave are at first the sweeps that are alike where those are half of
    all, else the sweep that has least of what varies and its like; then all that show none. Where only one is left
    (persistence near 100 %), `tail_certain` is False: what it has of an F wave is missing from the amplitudes, and it
    counts as a sweep without one.

    Present: RMS over 4 ms of the window, from 2.5 ms after its start on, over 1.5 times the jitter (80 % of the
    sweeps have less in what is left of their direct response) and 1.25 times the highest RMS over 4 ms of any sweep
    before the stimulus. Smaller F waves are missed, and persistence is too low by them. Latency: hinge on the phase
    that first stays above 3 times the jitter for 0.3 ms, of the polarity with which the direct response begins;
    none without a hinge (a threshold is no stand-in here), and none where that phase is under 5 times the jitter.
    Where the tail is not certain, latencies that come 1.5 ms after all others do not count. A first unit that is
    hidden in the jitter makes a latency late. What is equal in every sweep (an axon reflex, a slow return) is never
    an F wave. Low-passed at 1.5 kHz.
    Raises `AnalysisError` as `align`. Source: clinical reference 4.3.
    """
    series = Series.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=direct_ms)
    flat = series.sweeps.reshape(-1, series.sweeps.shape[-1])
    offset = (series.reference[:, None] - series.stimulus).reshape(-1)
    placed = shifted(flat, offset).reshape(series.sweeps.shape)
    n_series, n_sweeps, n_time = series.sweeps.shape
    per_ms = series.rate_hz / 1e3
    one = {name: np.full(n_series, np.nan) for name in (*FLOATS, "sweeps", "tail_certain")}
    each = {name: np.full((n_series, n_sweeps), np.nan) for name in ("present", "latency_ms", "amplitude_uv")}
    for index in range(n_series):
        whole = np.isfinite(placed[index]).all(axis=-1)
        one["sweeps"][index] = whole.sum()
        column = int(np.rint(series.reference[index]))
        where = lay_out(n_time, column, rate_hz=series.rate_hz, window_ms=window_ms)
        direct = lay_out(n_time, column, rate_hz=series.rate_hz, window_ms=direct_ms)
        if whole.sum() < LEAST_MEASURED:
            continue
        smooth = low_pass(placed[index, whole], rate_hz=series.rate_hz, corner_hz=hinge.CORNER_HZ).astype(np.float64)
        before = smooth[:, where.first + where.baseline[0] : where.first + where.baseline[1]]
        middle = np.median(before, axis=1)
        smooth -= middle[:, None]
        late = (where.first + where.window[0], where.first + where.window[1])
        early = (direct.first + direct.window[0], direct.first + direct.window[1])
        found = separated(smooth, quiet=(0, where.first + where.baseline[1]), early=early, late=late, per_ms=per_ms)
        each["present"][index, whole] = found.shown
        certain = int((~found.shown).sum()) >= CERTAIN_LEAST
        begun = found.begun if certain else _together(found.begun, GAP_MS * per_ms)
        each["latency_ms"][index, whole] = (begun - series.reference[index]) / per_ms
        each["amplitude_uv"][index, whole] = np.ptp(found.rest[:, slice(*late)], axis=1)
        one["direct_mv"][index] = np.ptp(found.tail[slice(*early)]) / 1e3
        one["tail_uv"][index] = np.abs(found.tail[slice(*late)]).max()
        one["tail_certain"][index] = certain
        one["noise_uv"][index] = found.jitter
    return _summary(one, each, series.leading)


@dataclass(frozen=True, slots=True, eq=False)
class Separated:
    """Tail (time,), what is left of each sweep (sweep, time), whether it shows an F wave and the column of its onset.

    `jitter` is the RMS that a sweep without an F wave has left.
    """

    tail: Floats
    rest: Floats
    shown: NDArray[np.bool_]
    begun: Floats
    jitter: float


def separated(
    smooth: Floats, *, quiet: tuple[int, int], early: tuple[int, int], late: tuple[int, int], per_ms: float
) -> Separated:
    """Take the tail of the direct response off each of the sweeps `smooth` (sweep, time); see `measure`.

    `quiet` are the columns before the stimulus, `early` those of the direct response, `late` those of the F wave.
    """
    tail = np.median(smooth, axis=0)
    polarity = _polarity(tail, early)
    highest = float(loudest(smooth, quiet, per_ms).max())
    noise = float(1.4826 * np.median(np.abs(smooth[:, slice(*quiet)])))
    columns = np.arange(smooth.shape[1])
    sought = (late[0] + round(JITTERY_MS * per_ms), late[1])
    rest, jitter = _least(smooth, tail, early)
    empty = _without(rest, tail, jitter, highest, early=early, late=late, sought=sought, per_ms=per_ms)
    begun = np.full(len(smooth), float(late[0]))
    shown = ~empty
    for _ in range(ROUNDS):
        unstarted = (columns < (begun - MARGIN_MS * per_ms)[:, None]) | empty[:, None]
        tail = np.where(unstarted, rest + tail, 0.0).sum(axis=0) / unstarted.sum(axis=0)
        rest, jitter = _least(smooth, tail, early)
        shown = loudest(rest, sought, per_ms) > max(PRESENT_TIMES * jitter, BASELINE_TIMES * highest)
        level = max(LEVEL_TIMES * jitter, LEVEL_BASELINE_SD * noise)
        onset = _onsets(polarity * rest, shown, level, PHASE_TIMES * jitter, late=late, per_ms=per_ms)
        # Where an F wave has no onset that can be told, none of it may enter the tail.
        begun = np.where(np.isfinite(onset), onset, late[0])
        if not shown.all():
            empty = ~shown
    return Separated(tail, rest, shown, onset, jitter)


def _least(smooth: Floats, tail: Floats, early: tuple[int, int]) -> tuple[Floats, float]:
    """What is left of each sweep, by the simplest fit that is worth it, and the jitter (RMS) of a sweep so fitted."""
    chosen, jitter, fitted = smooth - tail, np.inf, 1.0
    for rest, taken in zip(_fits(smooth, tail, early), (1.0, 1.0, FITTED), strict=True):
        left = float(np.quantile(_rms(rest[:, slice(*early)]), JITTER_QUANTILE))
        if left < WORTH * jitter:
            chosen, jitter, fitted = rest, left, taken
    return chosen, jitter / fitted


def _fits(smooth: Floats, tail: Floats, early: tuple[int, int]) -> list[Floats]:
    """What is left of each sweep after the tail as it is, at the sweep's own size, and at its own size and shift.

    Size and shift are fitted to the columns `early`. Where nothing but single units vary, a fit adds more to the late
    window than it takes away; where the whole response does, it is needed.
    """
    found = [smooth - tail]
    parts = np.stack([tail, np.gradient(tail)])
    for count in (1, 2):
        fitted = parts[:count, slice(*early)]
        gram = fitted @ fitted.T
        steady = (1e-12 * np.trace(gram) + 1e-30) * np.eye(count)
        size = np.linalg.solve(gram + steady, fitted @ smooth[:, slice(*early)].T)
        found.append(smooth - size.T @ parts[:count])
    return found


def loudest(rows: Floats, window: tuple[int, int], per_ms: float) -> Floats:
    """The highest RMS over 4 ms (the whole window where that is shorter) of each row (row, time) in `window`."""
    length = min(round(ENERGY_MS * per_ms), window[1] - window[0])
    total = np.cumsum(np.pad(np.square(rows[:, slice(*window)]), ((0, 0), (1, 0))), axis=1)
    highest = (total[:, length:] - total[:, :-length]).max(axis=1) / length
    return np.asarray(np.sqrt(np.maximum(highest, 0.0)))


def _without(
    rest: Floats,
    tail: Floats,
    jitter: float,
    highest: float,
    *,
    early: tuple[int, int],
    late: tuple[int, int],
    sought: tuple[int, int],
    per_ms: float,
) -> NDArray[np.bool_]:
    """The largest set of sweeps that differ from one of them by no more than jitter and noise, if it is half of all.

    F waves come from ever other motor neurons, so that so many sweeps that are alike have none. Otherwise the sweep
    that has least of an F wave, and those that are like it.
    """
    level = np.sqrt(2) * max(ALIKE_TIMES * jitter, BASELINE_TIMES * highest)
    near = np.stack([loudest(rest - row, sought, per_ms) <= level for row in rest])
    alike = near.sum(axis=1)
    if alike.max() >= max(ALIKE_LEAST, ALIKE_PART * len(rest)):
        return np.asarray(near[alike.argmax()])
    return np.asarray(near[quietest(rest, tail, early=early, late=late)[0]])


def quietest(rest: Floats, tail: Floats, *, early: tuple[int, int], late: tuple[int, int]) -> NDArray[np.int64]:
    """The rows of `rest` (sweep, time) from the least F wave up, along what varies most in the late window.

    F waves begin with the same polarity as the direct response, which tells the sign of what varies.
    """
    inside = rest[:, slice(*late)]
    inside = inside - inside.mean(axis=0)
    direction = np.linalg.svd(inside, full_matrices=False)[2][0]
    along = np.zeros((2, len(tail)))
    along[0, slice(*late)], along[1] = direction, tail
    first = [
        first_phase.take_off(row[None], np.zeros(1), window).sign[0]
        for row, window in zip(along, (late, early), strict=True)
    ]
    sign = np.nan_to_num(first[0] * first[1], nan=1.0)
    return np.argsort(sign * (inside @ direction), kind="stable")


def _onsets(
    upright: Floats, shown: NDArray[np.bool_], level: float, least: float, *, late: tuple[int, int], per_ms: float
) -> Floats:
    """Column of the take-off of each row (sweep, time) that shows an F wave; NaN where it cannot be told."""
    onset = np.full(len(upright), np.nan)
    length = max(1, round(SUSTAINED_MS * per_ms))
    for index in np.flatnonzero(shown):
        above = np.cumsum(np.pad(upright[index, slice(*late)] > level, (1, 0)))
        lasting: NDArray[np.bool_] = above[length:] - above[:-length] == length
        if not lasting.any():
            continue
        reached = late[0] + int(lasting.argmax())
        # The hinge sees this phase alone: a larger unit after it must not set the scale.
        begin = max(late[0], reached - round(BEFORE_MS * per_ms))
        end = min(late[1], reached + round(AFTER_MS * per_ms))
        row = upright[index : index + 1, begin : end + 1]
        found = hinge.take_off(row, np.array([level / LEVEL_TIMES]), (0, end - begin))
        if not found.by_threshold[0] and row[0, found.phase_peak[0]] >= least:
            onset[index] = begin + found.column[0]
    return onset


def _together(begun: Floats, gap: float) -> Floats:
    """The onsets (sweep,) without those that come after the median and behind a `gap` in which none lies."""
    ordered = np.sort(begun[np.isfinite(begun)])
    middle = ordered.size // 2
    apart = np.flatnonzero(np.diff(ordered[middle:]) > gap)
    if not apart.size:
        return begun
    return np.where(begun <= ordered[middle + int(apart[0])], begun, np.nan)


def _polarity(tail: Floats, early: tuple[int, int]) -> float:
    """Sign of the first phase of the direct response, with which F waves begin too; negative where there is none."""
    sign = first_phase.take_off(tail[None], np.zeros(1), early).sign[0]
    return -1.0 if np.isnan(sign) else float(sign)


def _rms(rows: Floats) -> Floats:
    return np.asarray(np.sqrt(np.square(rows).mean(axis=1)))


def _summary(one: dict[str, Floats], each: dict[str, Floats], leading: tuple[int, ...]) -> FWaves:
    shown = each["present"] == 1
    latency, amplitude = each["latency_ms"], np.where(shown, each["amplitude_uv"], np.nan)
    known = np.isfinite(latency)
    with np.errstate(invalid="ignore"):
        near = np.abs(latency[:, :, None] - latency[:, None, :]) <= SUPPORT_MS
    known &= near.sum(axis=2) > 1
    some = known.any(axis=1)
    one["minimum_ms"] = np.where(some, np.where(known, latency, np.inf).min(axis=1, initial=np.inf), np.nan)
    one["maximum_ms"] = np.where(some, np.where(known, latency, -np.inf).max(axis=1, initial=-np.inf), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        one["mean_ms"] = np.where(known, latency, 0).sum(axis=1) / known.sum(axis=1)
        one["persistence_percent"] = 100 * shown.sum(axis=1) / np.where(one["sweeps"] >= 3, one["sweeps"], np.nan)
        mean = np.nansum(amplitude, axis=1) / shown.sum(axis=1)
        one["f_over_m_percent"] = 100 * mean / (1e3 * one["direct_mv"])
    one["chronodispersion_ms"] = one["maximum_ms"] - one["minimum_ms"]
    shaped = {name: values.reshape(leading) for name, values in one.items() if name in FLOATS}
    count = one["sweeps"].astype(np.int64).reshape(leading)
    rows = {name: each[name].reshape(*leading, -1) for name in ("latency_ms", "amplitude_uv")}
    present = shown.reshape(*leading, -1)
    return FWaves(
        present=present,
        sweeps=count,
        enough=np.asarray(count >= LEAST_SWEEPS),
        tail_certain=(one["tail_certain"] == 1).reshape(leading),
        **rows,
        **shaped,
    )
