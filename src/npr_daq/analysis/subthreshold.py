"""The artefact by itself, from sweeps whose current was too low for a response."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import hinge, reading, relaxation
from npr_daq.analysis.alignment import Series
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import WINDOW_MS, Layout, Sweeps, lay_out
from npr_daq.analysis.shifting import shifted
from npr_daq.analysis.silent_gap import RECOVERY_MS, SilentGap
from npr_daq.errors import AnalysisError

OUTLIER_SD = 8.0
"""A sweep whose low-passed deviation from the others leaves this in the response window holds something of its own."""

REMAINDER_SD = 6.0
RISE_SD = 8.0

LINEAR_PART = 1e-3
"""Combinations of exponentials smaller than this, of the largest, are left out: they would draw anything."""

SMOOTH_PART = 0.25
"""SD of the smoothing, as a part of the time since the pulse's end: a relaxation slows down as it goes."""

FADE = 4.0
"""One over the last part of the window in which the smoothed remainder fades to nothing."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Artefact per milliampere, one per series.

    `template_uv_per_ma` (..., time) has its baseline at zero and its stimulus at `stimulus_sample`; NaN where no sweep
    was left. `used` (..., sweep): which sweeps went in. `noise_uv_per_ma`: SD of the baseline noise that their mean
    carries. `rise_sd`: how many SD of the low-passed noise the tail's size rises in the window after having fallen;
    `remainder_sd`: the largest low-passed deviation there from the fitted exponentials. A relaxation does not rise:
    `holds_response` says that the rise is 8 and the remainder 6 or more.
    """

    template_uv_per_ma: Floats
    stimulus_sample: float
    used: NDArray[np.bool_]
    noise_uv_per_ma: Floats
    rise_sd: Floats
    remainder_sd: Floats
    holds_response: NDArray[np.bool_]


def subthreshold_template(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    pulse_width_us: float,
    current_ma: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
    recovery_ms: float = RECOVERY_MS,
) -> Template:
    """Robust mean of sweeps that hold no response, per milliampere of current.

    `sweeps_uv` (..., sweep, time) in microvolts, all of one site, width and polarity, chosen by the caller to lie under
    the threshold; `stimulus_sample` and `current_ma` (positive) broadcast over (..., sweep). A sweep with a missing
    sample is left out, and so is one that differs from the median of the lower half of the currents by more than 8 SD
    in `window_ms` after the low-pass. The rest are averaged with the weights of least squares (sum I x / sum I^2). From
    `recovery_ms` after the pulse on the mean is replaced by exponentials fitted to the whole tail; where these leave
    6 SD in the window, plus what they leave, smoothed over a quarter of the time since the pulse and fading out over
    the window's last quarter. Without this, scaling by the ratio of the currents would multiply the template's noise.

    `holds_response` warns and does not refuse: where most sweeps hold a response, the template takes it away.
    Raises `AnalysisError` for currents that are not positive and for shapes, rates and sweeps that allow no
    answer. Source: analysis reference 4 ("sub-threshold template").
    """
    series = Series.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    gap = SilentGap.check(
        float(pulse_width_us), rate_hz=series.rate_hz, silent_until_ms=window_ms[1], recovery_ms=recovery_ms
    )
    n_series, n_sweeps, n_time = series.sweeps.shape
    current = _currents(current_ma, (*series.leading, n_sweeps)).reshape(n_series, n_sweeps)
    at = float(np.rint(series.reference.mean())) if n_series else 0.0
    templates = np.full((n_series, n_time), np.nan)
    used = np.zeros((n_series, n_sweeps), dtype=bool)
    numbers = np.full((3, n_series), np.nan)
    for index in range(n_series):
        whole = np.flatnonzero(np.isfinite(series.sweeps[index]).all(axis=1))
        if len(whole):
            where = series.layout(index)
            sweeps = shifted(series.sweeps[index, whole], at - series.stimulus[index, whole])
            templates[index], kept, numbers[:, index] = _one(
                sweeps,
                current[index, whole],
                where=where,
                tail_from=int(at) + gap.first,
                gap=gap,
                rate_hz=series.rate_hz,
            )
            used[index, whole[kept]] = True
    noise, rise, remainder = (values.reshape(series.leading) for values in numbers)
    return Template(
        template_uv_per_ma=templates.reshape(*series.leading, n_time),
        stimulus_sample=at,
        used=used.reshape(*series.leading, n_sweeps),
        noise_uv_per_ma=noise,
        rise_sd=rise,
        remainder_sd=remainder,
        holds_response=np.asarray((rise >= RISE_SD) & (remainder >= REMAINDER_SD)),
    )


def hold_responses(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    pulse_width_us: float,
    window_ms: tuple[float, float] = WINDOW_MS,
    recovery_ms: float = RECOVERY_MS,
) -> NDArray[np.bool_]:
    """Whether each sweep holds something in `window_ms` that no sum of decaying exponentials draws.

    `sweeps_uv` (..., time) in microvolts, `stimulus_sample` broadcasts over the leading axes, whose shape the answer
    has. The tail from `recovery_ms` after the pulse to the window's end is fitted by a constant and what combinations
    of exponentials of 0.08 to 8 ms span (linear, all sweeps at once); a sweep holds a response where 6 SD are left
    after the low-pass, or a sample is missing. It serves to choose the sweeps of `subthreshold_template`: a movement
    or hum says True as well. Raises `AnalysisError` as `subthreshold_template`.
    """
    flat = Sweeps.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    gap = SilentGap.check(
        float(pulse_width_us), rate_hz=flat.rate_hz, silent_until_ms=window_ms[1], recovery_ms=recovery_ms
    )
    held = np.ones(len(flat.rows), dtype=bool)
    if not len(held):
        return held.reshape(flat.leading)
    at = int(np.rint(flat.stimulus.mean()))
    where = lay_out(flat.rows.shape[1], at, rate_hz=flat.rate_hz, window_ms=window_ms)
    whole = np.isfinite(flat.rows).all(axis=1)
    rows = shifted(flat.rows[whole].astype(np.float64), at - flat.stimulus[whole])[:, : where.stop]
    baseline, window = (slice(*(where.first + edge for edge in edges)) for edges in (where.baseline, where.window))
    rows -= np.median(rows[:, baseline], axis=1, keepdims=True)
    tail = slice(at + gap.first, min(at + gap.stop, rows.shape[1]))
    span = _span(np.arange(gap.first, gap.first + tail.stop - tail.start) / flat.rate_hz * 1e3)
    rows[:, tail] -= (rows[:, tail] @ span) @ span.T
    rows[:, baseline.stop : tail.start], rows[:, tail.stop :] = 0.0, 0.0
    least = 1e-9 * float(np.abs(rows).max(initial=0.0))
    held[whole] = _deviation(rows, least, baseline=baseline, window=window, rate_hz=flat.rate_hz).max(axis=1) >= (
        REMAINDER_SD
    )
    return held.reshape(flat.leading)


def _span(times_ms: Floats) -> Floats:
    """Orthonormal columns (point, combination) that a constant and decaying exponentials at `times_ms` span."""
    shapes = np.exp(-(times_ms[:, None] - times_ms[0]) / relaxation.constants_ms())
    shapes = np.concatenate([np.ones((len(times_ms), 1)), shapes], axis=1)
    left, size, _ = np.linalg.svd(shapes / np.linalg.norm(shapes, axis=0), full_matrices=False)
    return np.asarray(left[:, size > LINEAR_PART * size[0]])


def _currents(current_ma: ArrayLike, shape: tuple[int, ...]) -> Floats:
    given = np.asarray(current_ma, dtype=np.float64)
    if not (np.isfinite(given) & (given > 0)).all():
        raise AnalysisError("current_ma holds a current that is not positive; give the current of every sweep in mA.")
    try:
        return np.broadcast_to(given, shape)
    except ValueError as cause:
        raise AnalysisError(f"current_ma has shape {given.shape}, which does not fit the sweeps {shape}.") from cause


def _one(
    sweeps: Floats, current: Floats, *, where: Layout, tail_from: int, gap: SilentGap, rate_hz: float
) -> tuple[Floats, NDArray[np.bool_], tuple[float, float, float]]:
    """The template of one series, which sweeps are in it, and its noise, rise and remainder."""
    baseline, window = (
        slice(*(where.first + column for column in columns)) for columns in (where.baseline, where.window)
    )
    read = partial(_deviation, baseline=baseline, window=window, rate_hz=rate_hz)
    middle, sigma = reading.median_and_sigma(sweeps[:, baseline])
    sweeps = sweeps - middle[:, None]
    lower = current <= np.median(current)
    expected = current[:, None] * np.median(sweeps[lower] / current[lower, None], axis=0)
    least = 1e-9 * np.abs(sweeps).max()
    # The sweep that the others are compared with differs from itself by rounding alone.
    kept = np.asarray(read(sweeps - expected, least).max(axis=1) <= OUTLIER_SD)
    weight = current[kept] / float(current[kept] @ current[kept])
    mean = np.asarray(weight @ sweeps[kept])
    noise = float(np.sqrt(((weight * sigma[kept]) ** 2).sum()))

    since_ms = (np.arange(len(mean) - tail_from) + gap.first) / rate_hz * 1e3
    fitted_to = gap.stop - gap.first
    fitted = relaxation.fit(mean[None, tail_from:][:, :fitted_to], since_ms[:fitted_to], np.array([noise]))
    exponentials = fitted.at(since_ms)[0]
    left, settled = mean.copy(), mean.copy()
    left[tail_from:] -= exponentials
    # The pulse itself would reach into the window through the filter.
    left[baseline.stop : tail_from], settled[baseline.stop : tail_from] = 0.0, mean[tail_from]
    remainder = float(read(left[None], least).max())
    size = np.abs(read(settled[None], least)[0])
    rise = float((size - np.minimum.accumulate(size)).max())
    mean[tail_from:] = exponentials
    if remainder >= REMAINDER_SD:
        # Behind the window nothing was judged: what the exponentials leave fades out towards its end.
        stop = window.stop - tail_from
        smooth = _smooth(left[tail_from : window.stop], since_ms[:stop] - gap.end / rate_hz * 1e3)
        mean[tail_from : window.stop] += smooth * np.clip(FADE * (1 - np.arange(stop) / stop), 0.0, 1.0)
    return mean, kept, (noise, rise, remainder)


def _deviation(rows: Floats, least: float, *, baseline: slice, window: slice, rate_hz: float) -> Floats:
    """Size of each row in the window (row, point), on the latency path, in SD of its baseline there."""
    smooth = low_pass(rows, rate_hz=rate_hz, corner_hz=hinge.CORNER_HZ)
    middle, sigma = reading.median_and_sigma(smooth[:, baseline])
    return np.asarray(np.abs(smooth[:, window] - middle[:, None]) / np.maximum(sigma, least)[:, None])


def _smooth(left: Floats, since_ms: Floats) -> Floats:
    """`left` (time,) at `since_ms` after the pulse's end: lines fitted under Gaussians that widen with time."""
    away = since_ms - since_ms[:, None]
    weight = np.exp(-0.5 * (away / (SMOOTH_PART * since_ms[:, None])) ** 2)
    zeroth, first, second = weight.sum(axis=1), (weight * away).sum(axis=1), (weight * away**2).sum(axis=1)
    weight *= second[:, None] - first[:, None] * away
    return np.asarray(weight @ left / (zeroth * second - first**2))
