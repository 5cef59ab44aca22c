"""Repetitive stimulation: how much the response shrinks along a train."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from npr_daq.analysis import amplitude, hinge, reading
from npr_daq.analysis.alignment import align
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import Layout, lay_out
from npr_daq.errors import AnalysisError

WINDOW_MS = (1.5, 20.0)
JUMP_PERCENT = 5.0
SHAPE_PERCENT = 1.0
"""Energy of the second response that no size and shift of the first explains, from which the shape has changed."""
LEAST_RESPONSES = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Decrement:
    """Decrements as positive percentages of the first response; NaN where there is no answer.

    `amplitude_mv` (..., train, response): peak to peak at the instants of the first responses' mean. Per train
    (..., train): `fourth_percent` (A4), `lowest_percent` (lowest of 2 to 5), `noise_percent` (SD that noise gives
    `fourth_percent`), `jump_percent` (change from the first to the second), `shape_percent` (energy of the second that
    the first does not explain), `accepted` (no movement, no gap). Over the accepted trains (...):
    `mean_fourth_percent`, `mean_lowest_percent`, and `ci95_fourth_percent`, `ci95_lowest_percent` (..., 2), from the
    spread of three or more trains, else from noise.
    """

    amplitude_mv: Floats
    fourth_percent: Floats
    lowest_percent: Floats
    noise_percent: Floats
    jump_percent: Floats
    shape_percent: Floats
    accepted: NDArray[np.bool_]
    mean_fourth_percent: Floats
    mean_lowest_percent: Floats
    ci95_fourth_percent: Floats
    ci95_lowest_percent: Floats


def decrement(
    trains_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: float,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> Decrement:
    """Decrement of every train, and of the trains together.

    `trains_uv` has shape (..., train, response, time), microvolts as recorded, at least four responses a train, the
    artefact taken off; `stimulus_sample` is one for all.

    100 (A1 - Ak) / A1 with Ak = A4, and with Ak = the lowest of responses 2 to 5: both are given by name, because the
    lowest is the more sensitive and, in noise, biased towards a decrement. Each response is moved onto the mean of the
    first responses and read at its peak instants, so that noise does not raise any of them. A train is rejected
    as movement when A1 and A2 differ by more than 5 % and at least 1 % of the energy of the second, noise taken off, is
    not a size and shift of the first: a neuromuscular decrement loses units, but keeps the shape.
    Raises `AnalysisError` for shapes that do not fit. Source: clinical reference 4.4 (amplitude, not area, decides).
    """
    data = np.asarray(trains_uv)
    if data.ndim < 3 or data.shape[-2] < LEAST_RESPONSES or not data.shape[-3]:
        raise AnalysisError(
            f"Trains of shape {data.shape} need (..., train, response, time) with at least {LEAST_RESPONSES} responses."
        )
    column = round(float(stimulus_sample))
    where = lay_out(data.shape[-1], column, rate_hz=rate_hz, window_ms=window_ms)
    series = data.reshape(-1, *data.shape[-3:]).astype(np.float64)
    read = [_read(one, where, rate_hz=rate_hz, stimulus_sample=float(stimulus_sample)) for one in series]
    size, noise, shape = (np.stack([each[k] for each in read]) for k in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        first = np.where(size[..., 0] > 0, size[..., 0], np.nan)
        fourth = 100 * (1 - size[..., 3] / first)
        lowest = 100 * (1 - size[..., 1:5].min(axis=-1) / first)
        jump = 100 * (size[..., 1] / first - 1)
        by_noise = 100 * noise / first * np.sqrt(1 + np.square(size[..., 3] / first))
    moved = (np.abs(jump) > JUMP_PERCENT) & (shape > SHAPE_PERCENT)
    accepted = np.isfinite(fourth) & np.isfinite(lowest) & np.isfinite(shape) & ~moved
    means = [_together(each, by_noise, accepted) for each in (fourth, lowest)]
    leading = data.shape[:-3]
    per_train = (*leading, data.shape[-3])
    return Decrement(
        amplitude_mv=(size / 1e3).reshape(data.shape[:-1]),
        fourth_percent=fourth.reshape(per_train),
        lowest_percent=lowest.reshape(per_train),
        noise_percent=by_noise.reshape(per_train),
        jump_percent=jump.reshape(per_train),
        shape_percent=shape.reshape(per_train),
        accepted=accepted.reshape(per_train),
        mean_fourth_percent=means[0][0].reshape(leading),
        mean_lowest_percent=means[1][0].reshape(leading),
        ci95_fourth_percent=means[0][1].reshape(*leading, 2),
        ci95_lowest_percent=means[1][1].reshape(*leading, 2),
    )


def _read(trains: Floats, where: Layout, *, rate_hz: float, stimulus_sample: float) -> tuple[Floats, Floats, Floats]:
    """Peak to peak of (train, response) in uV, its noise (train,), and the unexplained percent of second responses."""
    n_trains, n_responses, n_time = trains.shape
    flat = trains.reshape(-1, n_time)
    smooth = low_pass(flat, rate_hz=rate_hz, corner_hz=hinge.CORNER_HZ).astype(np.float64)
    wide = low_pass(flat, rate_hz=rate_hz, corner_hz=amplitude.CORNER_HZ).astype(np.float64)
    quiet = slice(where.first + where.baseline[0], where.first + where.baseline[1])
    window = (where.first + where.window[0], where.first + where.window[1])
    whole = np.asarray(np.isfinite(flat).all(axis=1))
    size = np.full(len(flat), np.nan)
    noise, shape = np.full(n_trains, np.nan), np.full(n_trains, np.nan)
    firsts = np.arange(n_trains) * n_responses
    usable = firsts[whole[firsts]]
    if not len(usable):
        return size.reshape(n_trains, n_responses), noise, shape
    smooth -= np.median(smooth[:, quiet], axis=1, keepdims=True)
    wide -= np.median(wide[:, quiet], axis=1, keepdims=True)
    mean, _ = align(flat[usable], rate_hz=rate_hz, stimulus_sample=stimulus_sample)
    template = low_pass(mean, rate_hz=rate_hz, corner_hz=hinge.CORNER_HZ).astype(np.float64)
    template -= np.median(template[quiet])
    found = amplitude.extremes(-template[None], window)
    late, _ = _onto(smooth, template, window)
    size = reading.value_at(wide, found.trough_column + late) - reading.value_at(wide, found.peak_column + late)
    _, sigma = reading.median_and_sigma(wide[:, quiet])
    noise = np.sqrt(2.0) * np.asarray(sigma, dtype=np.float64).reshape(n_trains, n_responses)[:, 0]

    calm = np.square(smooth[:, quiet]).mean(axis=1).reshape(n_trains, n_responses) * (window[1] - window[0])
    grid = smooth.reshape(n_trains, n_responses, n_time)
    for index in range(n_trains):
        pair = grid[index, :2]
        if np.isfinite(pair).all():
            _, (left, own, gain) = _onto(pair[1:], pair[0], window)
            energy = own[0] - calm[index, 1]
            lost = left[0] - calm[index, 1] - gain[0] ** 2 * calm[index, 0]
            shape[index] = 100 * max(float(lost), 0.0) / energy if energy > 0 else np.nan
    return size.reshape(n_trains, n_responses), noise, shape


def _onto(rows: Floats, template: Floats, window: tuple[int, int]) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """How many samples each row is later than `template`; and the energy left, the energy, and the size of each."""
    inside = slice(*window)
    late, size = np.zeros(len(rows)), np.ones(len(rows))
    columns = np.arange(*window)
    left = np.full(len(rows), np.nan)
    energy = np.square(rows[:, inside]).sum(axis=1)
    slope = np.gradient(template)
    base = np.arange(len(template))
    for _ in range(4):
        place = columns[None] - late[:, None]
        model = np.interp(place, base, template)
        rate = np.interp(place, base, slope)
        size = (rows[:, inside] * model).sum(axis=1) / np.maximum(np.square(model).sum(axis=1), 1e-30)
        rest = rows[:, inside] - size[:, None] * model
        left = np.square(rest).sum(axis=1)
        power = size * np.square(rate).sum(axis=1)
        step = np.divide(-(rest * rate).sum(axis=1), power, out=np.zeros_like(power), where=power > 0)
        late = np.clip(late + np.clip(np.nan_to_num(step), -5, 5), -20, 20)
    return late, (left, energy, size)


def _together(percent: Floats, by_noise: Floats, accepted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Mean (series,) and 95 % interval (series, 2) over the accepted trains (series, train)."""
    count = accepted.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(accepted, percent, 0.0).sum(axis=1) / count
        squares = np.square(np.where(accepted, percent - mean[:, None], 0.0)).sum(axis=1)
        spread = special.stdtrit(np.maximum(count - 1.0, 1.0), 0.975) * np.sqrt(squares / (count - 1) / count)
        noise = 1.96 * np.sqrt(np.where(accepted, np.square(by_noise), 0.0).sum(axis=1)) / count
    half = np.where(count >= 3, spread, noise)
    return mean, np.stack([mean - half, mean + half], axis=-1)
