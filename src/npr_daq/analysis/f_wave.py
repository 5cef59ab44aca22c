"""F waves: the responses after the direct one that differ from sweep to sweep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import first_phase, hinge, reading
from npr_daq.analysis.alignment import Series
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import lay_out
from npr_daq.analysis.shifting import shifted

WINDOW_MS = (7.5, 20.0)
"""The late window (clinical reference 5.5)."""

DIRECT_MS = (1.5, 7.0)
"""Where the direct response scales the tail that is taken off each sweep (the early window of clinical 5.5)."""

PRESENT_SD = 3.5
BASELINE_SD = 5.0
LEAST_SWEEPS = 10
UNSTARTED_LEAST = 4
MARGIN_MS = 0.3
BEGIN_MS = 1.5
PERSISTENT = 0.4
ROUNDS = 4
JITTER_QUANTILE = 0.9
ALIKE = 0.5
ALIKE_LEAST = 3
CLIP_SD = 12.0
QUIETEST_LEAST, QUIETEST_PART = 2, 10
MOST, QUIET_PART = 0.6, 0.25
SUPPORT_MS = 0.5

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

    Per sweep (..., sweep): `present`, `latency_ms` (take-off of the first phase), `amplitude_uv` (peak to peak, of
    every sweep, noise included). Per series (...): `minimum_ms`, `mean_ms`, `maximum_ms` (of the latencies that another
    sweep has within 0.5 ms: a lone one may be chance), `chronodispersion_ms` (maximum - minimum), `persistence_percent`
    (share of the sweeps without a gap that show one), `sweeps` (their number), `enough` (at least 10 of them),
    `direct_mv` (peak to peak of the direct response), `f_over_m_percent` (mean amplitude of the F waves over it),
    `tail_uv` (largest value of what was taken off in the late window), `tail_certain` (sweeps without an F wave show
    the tail to its end; if not, amplitudes and `f_over_m_percent` are too small, see `measure`), `noise_uv` (SD without
    an F wave: noise and the jitter of the tail).
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
    the sweep's own size, or at its own size and shift (fitted to `direct_ms`), whichever leaves least in the first
    1.5 ms of the window. The tail is the mean of the sweeps that are alike throughout the late window within noise
    (they have no F wave, since F waves come from ever other motor neurons), and before that of all whose F wave has not
    begun; where neither exists (persistence near 100 %), the mean of the tenth that has the least of what varies, and
    `tail_certain` is False: what those have of an F wave is then missing from the amplitudes.

    Present: 5 SD of the baseline and 3.5 SD with the worst jitter of the direct response in the SD: F waves smaller
    than that jitter are missed, and persistence is too low by them. Latency: hinge on the first phase of either
    polarity; none more than 0.5 ms beyond the certain part of the tail. A first unit that is hidden in the jitter makes
    a latency late. What is equal in every sweep (an axon reflex, a slow return) is never an F wave. Low-passed at
    1.5 kHz.
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
        if whole.sum() < 3:
            continue
        smooth = low_pass(placed[index, whole], rate_hz=series.rate_hz, corner_hz=hinge.CORNER_HZ).astype(np.float64)
        before = smooth[:, where.first + where.baseline[0] : where.first + where.baseline[1]]
        middle, noise = (np.asarray(value, dtype=np.float64) for value in reading.median_and_sigma(before))
        smooth -= middle[:, None]
        late = (where.first + where.window[0], where.first + where.window[1])
        early = (direct.first + direct.window[0], direct.first + direct.window[1])
        tail, rest, sigma, certain = separated(smooth, noise, early=early, late=late, margin=MARGIN_MS * per_ms)
        shown, begun = appearance(rest, noise, sigma, late)
        # Beyond the stretch in which the tail is known its error would pass for an onset.
        begun[begun > certain + SUPPORT_MS * per_ms] = np.nan
        inside = rest[:, slice(*late)]
        each["present"][index, whole] = shown
        each["latency_ms"][index, whole] = (begun - series.reference[index]) / per_ms
        each["amplitude_uv"][index, whole] = np.ptp(inside, axis=1)
        one["direct_mv"][index] = np.ptp(tail[slice(*early)]) / 1e3
        one["tail_uv"][index] = np.abs(tail[slice(*late)]).max()
        one["tail_certain"][index] = certain == late[1]
        one["noise_uv"][index] = np.sqrt(np.mean(sigma**2))
    return _summary(one, each, series.leading)


def separated(
    smooth: Floats, noise: Floats, *, early: tuple[int, int], late: tuple[int, int], margin: float
) -> tuple[Floats, Floats, Floats, int]:
    """Tail (time,), what is left of each sweep (sweep, time), its SD without F (sweep,), end of the certain tail."""
    certain = late[0]
    tail = np.median(smooth, axis=0)
    begun = np.full(len(smooth), np.inf)
    columns = np.arange(smooth.shape[1])
    for _ in range(ROUNDS):
        begin = slice(late[0], late[0] + round(BEGIN_MS / MARGIN_MS * margin))
        rest = min(_fits(smooth, tail, early), key=lambda one: float(np.median(np.square(one[:, begin]))))
        # Where the direct response is steep its jitter is large: the worst part of it bounds that of its tail.
        jitter = np.quantile(np.square(rest[:, slice(*early)]).mean(axis=0), JITTER_QUANTILE)
        # So do the first milliseconds of the late window, in which most sweeps have no F wave yet.
        spread = 1.4826 * np.median(np.abs(rest[:, begin]), axis=0)
        jitter = max(jitter, np.quantile(np.square(spread), JITTER_QUANTILE))
        sigma = np.hypot(noise, np.sqrt(max(float(jitter) - float(np.mean(noise**2)), 0.0)))
        shown, onset = appearance(rest, noise, sigma, late)
        begun = np.where(shown, np.where(np.isfinite(onset), onset, late[0]), np.inf)
        if shown.mean() >= PERSISTENT:
            # Where most sweeps have an F wave, the others may have one too small to be seen.
            begun[~shown] = np.median(begun[shown])
        level = rest + tail
        empty = alike(rest[:, slice(*late)], sigma)
        order = quietest(rest, tail, early=early, late=late)
        # Sweeps that are alike have no F wave where they are nearly all, or the quiet ones.
        if 0 < empty.mean() < MOST and np.median(np.flatnonzero(empty[order])) > QUIET_PART * len(rest):
            empty[:] = False
        unstarted = (columns < (begun - margin)[:, None]) | empty[:, None]
        count = unstarted.sum(axis=0)
        clean = np.where(unstarted, level, 0.0).sum(axis=0) / np.maximum(count, 1)
        known = empty.any() | (count >= UNSTARTED_LEAST)
        least = level[order[: max(QUIETEST_LEAST, len(rest) // QUIETEST_PART)]].mean(axis=0)
        tail = np.where(known, clean, least)
        inside = known[slice(*late)]
        certain = late[1] if inside.all() else late[0] + int(np.argmin(inside))
    return tail, rest, sigma, certain


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


def alike(rest: Floats, sigma: Floats) -> NDArray[np.bool_]:
    """The largest set of rows (sweep, time) that differ by no more than noise: sweeps without any F wave; else none.

    F waves come from a few of many motor neurons, hardly ever the same ones, so that two equal sweeps have none.
    """
    power = np.einsum("it,jt->ij", rest, rest)
    own = np.diag(power)
    apart = own[:, None] + own[None, :] - 2 * power
    near = apart <= ALIKE * (sigma[:, None] ** 2 + sigma[None, :] ** 2) * rest.shape[1]
    centre = near[near.sum(axis=1).argmax()]
    return np.asarray(centre if centre.sum() >= ALIKE_LEAST else np.zeros(len(rest), dtype=bool))


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


def appearance(rest: Floats, noise: Floats, sigma: Floats, late: tuple[int, int]) -> tuple[NDArray[np.bool_], Floats]:
    """Whether each row of `rest` (sweep, time) shows a response in the columns `late`, and the column of its onset."""
    level = np.maximum(np.maximum(PRESENT_SD * sigma, BASELINE_SD * noise), 1e-12)
    shown = np.abs(rest[:, slice(*late)]).max(axis=1) > level
    # An F wave may begin with a small unit: what is high is cut, so that it does not hide a first phase of 3.6 SD.
    limit = (CLIP_SD * sigma)[:, None]
    onset = first_phase.take_off(np.clip(rest, -limit, limit), sigma, late).column
    return shown, np.where(shown, onset, np.nan)


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
