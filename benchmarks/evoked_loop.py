"""The peer of `evoked.measure`: one sweep at a time with SciPy in double precision, the same definitions, no batching.

Written from the clinical formulae and the description of the hinge, without the code it is compared with: the tests
use it as the reference for every number.
"""

from functools import lru_cache

import numpy as np
from scipy import signal

STEPS = 64
GRID = np.linspace(0.04, 0.90, 256)
PLACES = np.linspace(0.0, 1.0, STEPS)
RISES = np.maximum(PLACES[:, None] - GRID, 0.0) ** 2
RISES = RISES - RISES.mean(axis=0)
POWER = (RISES**2).sum(axis=0)

NAMES = (
    "onset_latency_ms",
    "peak_latency_ms",
    "negative_peak_mv",
    "peak_to_peak_mv",
    "negative_area_mv_ms",
    "negative_duration_ms",
    "total_duration_ms",
    "noise_uv",
    "snr_db",
)


@lru_cache
def sections(corner_hz, rate_hz):
    """The filter, designed once: a loop that designs it for every sweep would be a straw man."""
    return signal.butter(2, min(corner_hz, 0.45 * rate_hz), fs=rate_hz, output="sos")


def upright(sweep, corner_hz, rate_hz, stimulus):
    """Filtered sweep with its baseline at zero and the negative peak up, and its noise."""
    smooth = signal.sosfiltfilt(sections(corner_hz, rate_hz), sweep)
    nearest = round(stimulus)
    low, high = max(0, nearest + round(-8 * rate_hz / 1e3)), nearest + round(-rate_hz / 1e3) + 1
    baseline = smooth[low:high]
    middle = np.median(baseline)
    return middle - smooth, 1.4826 * np.median(np.abs(baseline - middle))


def cross_back(x, peak, level, start):
    """Fractional index of the last rise through `level` before `peak`."""
    below = np.flatnonzero(x[start:peak] < level)
    if not len(below):
        return np.nan
    i = below[-1] + start
    return i + (level - x[i]) / (x[i + 1] - x[i])


def top_of(x, i):
    """Index and value of the parabola's vertex at an extreme sample."""
    a, b, c = x[i - 1], x[i], x[i + 1]
    if (a - b) * (c - b) < 0 or a - 2 * b + c == 0:
        return float(i), b
    shift = 0.5 * (a - c) / (a - 2 * b + c)
    return i + shift, b - 0.25 * (a - c) * shift


def take_off(x, noise, start, stop):
    """Index of the onset: hinge to half of the first phase, or 3 SD back from its peak."""
    inside = x[start:stop]
    largest = inside.max()
    level = max(0.3 * largest, min(3 * noise, 0.6 * largest))
    begin = np.flatnonzero(inside > level)[0]
    after = np.flatnonzero(inside[begin:] <= level)
    end = begin + after[0] if len(after) else len(inside)
    peak = start + begin + int(np.argmax(inside[begin:end]))
    half = cross_back(x, peak, 0.5 * x[peak], start)
    rise = cross_back(x, peak, 0.35 * x[peak], start)
    back = min(2.0 * (peak - rise), half - start)
    if np.isfinite(back) and back >= 6:
        y = np.interp(half - back + back * PLACES, np.arange(len(x)), x)
        y = y - y.mean()
        slope = RISES.T @ y
        explained = slope / np.sqrt(POWER)
        best = int(np.argmax(explained))
        if 0 < best < len(GRID) - 1 and explained[best] > 0 and explained[best] ** 2 >= 0.8 * (y @ y):
            place, _ = top_of(explained, best)
            return half - back + back * (GRID[0] + place * (GRID[1] - GRID[0])), False
    crossing = cross_back(x, peak, 3 * noise, start)
    return crossing, bool(np.isfinite(crossing))


def measure_one(sweep, *, rate_hz, stimulus_sample, window_ms=(1.5, 20.0)):
    """The measures of one sweep in the order of `NAMES`, and whether the onset came from the threshold."""
    sweep = np.asarray(sweep, dtype=np.float64)
    per_ms = rate_hz / 1e3
    nearest = round(stimulus_sample)
    start = nearest + int(np.ceil(window_ms[0] * per_ms))
    stop = min(nearest + int(np.floor(window_ms[1] * per_ms)) + 1, len(sweep) - 1)
    fast, fast_noise = upright(sweep, 1500.0, rate_hz, stimulus_sample)
    wide, noise = upright(sweep, 3000.0, rate_hz, stimulus_sample)

    peak_at, peak = top_of(wide, start + int(np.argmax(wide[start:stop])))
    _, trough = top_of(wide, start + int(np.argmin(wide[start:stop])))
    snr_db = 20 * np.log10(fast[start:stop].max() / fast_noise)
    if not (peak > 0 and peak >= 5 * noise):
        nan = np.nan
        return (nan, nan, peak / 1e3, (peak - trough) / 1e3, nan, nan, nan, noise, snr_db), False
    onset, by_threshold = take_off(fast, fast_noise, start, stop)
    index = np.arange(len(wide))
    at_onset = np.interp(onset, index, wide) if np.isfinite(onset) else 0.0
    negative = peak - at_onset

    level = max(3 * noise, 0.02 * negative)
    beyond = start + np.flatnonzero(np.abs(wide[start:stop]) > level)
    end = np.nan
    if len(beyond):
        i = beyond[-1]
        end = float(i) if i == stop - 1 else i + (np.sign(wide[i]) * level - wide[i]) / (wide[i + 1] - wide[i])
    under = start + np.flatnonzero((wide[start:stop] <= 0) & (np.arange(start, stop) > peak_at))
    negative_end = end
    if len(under):
        i = under[0] - 1
        negative_end = i - wide[i] / (wide[i + 1] - wide[i])
    area = np.nan
    if np.isfinite(onset) and negative_end > onset:
        grid = np.concatenate([[onset], np.arange(np.ceil(onset), np.floor(negative_end) + 1), [negative_end]])
        area = np.trapezoid(np.interp(grid, index, wide), grid) / per_ms / 1e3
    return (
        (onset - stimulus_sample) / per_ms,
        (peak_at - stimulus_sample) / per_ms,
        negative / 1e3,
        (peak - trough) / 1e3,
        area,
        (negative_end - onset) / per_ms,
        (end - onset) / per_ms,
        noise,
        snr_db,
    ), by_threshold
