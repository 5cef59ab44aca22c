"""What the rest of the body puts into the channels: the heart, and the eyes when they blink."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.case import Case
from npr_simulators.person.streams import stream

BLINK_CHUNK = 4000
"""A chunk of `blink_samples`: 4000 samples at 20 kHz, a fifth of a second, whatever the rate of the stream."""
BLINK_RATE_HZ = 20_000
BLINK_APART_S = 0.4
"""[A] No two spontaneous blinks begin nearer than this; beyond it they come at random."""
BLINK_S, RISE_S = 0.2, 0.08
"""How long the eye's own signal lasts (simulation reference 5), and [A] how soon it is at its peak."""
EYE_GAIN = np.array([1.0, -0.8, 0.25, -0.15, 0.05, 0.03, 0.02, 0.01])
"""[A] Share of a blink's potential in a half's channels, frontalis to platysma: the eye is between the first two."""
BEAT_S, BEAT_SD_S = 0.85, 0.04
"""Mean and spread of the time from heart beat to heart beat (simulation reference 5)."""
R_WAVE_S, T_WAVE_S, T_AFTER_S, T_SHARE = 0.010, 0.040, 0.25, 0.25
"""[A] Widths (SD) of the two waves of a beat that reach the face, the delay of the second and its height."""
_PAGE_CHUNKS = 64
_PAGE_BEATS = 64

Samples = NDArray[np.int64]
Wave = NDArray[np.float32]


def blink_samples(case: Case, seed: int, stream_id: int, chunk: int) -> Samples:
    """Onsets of the spontaneous blinks in one chunk, as samples of the stream counted at 20 kHz, rising.

    Chunk k holds samples 4000 k to 4000 (k + 1) - 1. The lid begins to move and its pool to fire at the onset; the
    eye's own signal begins there too. The mean rate is `behaviour.blinks_per_minute`; the same numbers whoever asks.
    """
    page = _page(case.behaviour.blinks_per_minute, seed, stream_id, chunk // _PAGE_CHUNKS)
    low, high = np.searchsorted(page, (chunk * BLINK_CHUNK, (chunk + 1) * BLINK_CHUNK))
    return page[low:high]


def eye_wave(case: Case, seed: int, stream_id: int, first_sample: int, n: int, rate_hz: float) -> Wave:
    """The lids at spontaneous blinks, peak 1, shape (n,): up in 80 ms, down in 120 ms."""
    begin_s, end_s = first_sample / rate_hz, (first_sample + n) / rate_hz
    chunk_s = BLINK_CHUNK / BLINK_RATE_HZ
    wave = np.zeros(n, np.float32)
    for chunk in range(max(0, int((begin_s - BLINK_S) / chunk_s)), int(end_s / chunk_s) + 1):
        for onset in blink_samples(case, seed, stream_id, chunk):
            s, here = _around(float(onset) / BLINK_RATE_HZ, (0.0, BLINK_S), first_sample, n, rate_hz)
            turn = np.where(s < RISE_S, s / RISE_S, (BLINK_S - s) / (BLINK_S - RISE_S))
            wave[here] += np.sin(np.pi / 2 * np.clip(turn, 0, 1)) ** 2
    return wave


def heart_wave(seed: int, stream_id: int, first_sample: int, n: int, rate_hz: float) -> Wave:
    """The heart's electric field, R wave 1, shape (n,)."""
    begin_s, end_s = first_sample / rate_hz, (first_sample + n) / rate_hz
    wave = np.zeros(n, np.float32)
    for beat in range(int((begin_s - 1) / BEAT_S) - 1, int((end_s + 1) / BEAT_S) + 1):
        if beat < 0:
            continue
        at_s = _beats(seed, stream_id, beat // _PAGE_BEATS)[beat % _PAGE_BEATS]
        for after_s, width_s, size in ((0.0, R_WAVE_S, 1.0), (T_AFTER_S, T_WAVE_S, T_SHARE)):
            if abs(at_s + after_s - (begin_s + end_s) / 2) < 5 * width_s + (end_s - begin_s) / 2:
                s, here = _around(at_s + after_s, (-5 * width_s, 5 * width_s), first_sample, n, rate_hz)
                wave[here] += size * np.exp(-0.5 * (s / width_s) ** 2)
    return wave


def _around(
    at_s: float, reach_s: tuple[float, float], first_sample: int, n: int, rate_hz: float
) -> tuple[NDArray[np.float64], slice]:
    """Seconds since `at_s` of the samples within `reach_s` of it, and where in a stretch of `n` samples they are."""
    at = at_s * rate_hz - first_sample
    low = min(n, max(0, int(np.ceil(at + reach_s[0] * rate_hz))))
    high = max(low, min(n, int(np.floor(at + reach_s[1] * rate_hz)) + 1))
    return np.asarray((np.arange(low, high) - at) / rate_hz), slice(low, high)


@lru_cache(maxsize=64)
def _beats(seed: int, stream_id: int, page: int) -> NDArray[np.float64]:
    # a beat's own place around an even pulse, so that the heart can be looked at anywhere; the interval between two
    # beats then spreads by the square root of 2 more
    rng = stream(seed, "heart", stream_id, page)
    even = stream(seed, "pulse", stream_id).random() + page * _PAGE_BEATS + np.arange(_PAGE_BEATS)
    return np.asarray(even * BEAT_S + rng.normal(0, BEAT_SD_S / np.sqrt(2), _PAGE_BEATS))


@lru_cache(maxsize=64)
def _page(per_minute: float, seed: int, stream_id: int, page: int) -> Samples:
    # of candidates that lie too near each other the one with the highest mark stays (Matern's second process): unlike a
    # walk from interval to interval it can be begun anywhere
    length = _PAGE_CHUNKS * BLINK_CHUNK
    drawn = [_candidates(per_minute, seed, stream_id, number) for number in (page - 1, page, page + 1) if number >= 0]
    samples = np.concatenate([d[0] for d in drawn])
    marks = np.concatenate([d[1] for d in drawn])
    near = np.abs(samples[:, None] - samples) < BLINK_APART_S * BLINK_RATE_HZ
    stays = ~(near & (marks > marks[:, None])).any(axis=1)
    here = (samples >= page * length) & (samples < (page + 1) * length)
    kept = np.unique(samples[stays & here])
    kept.flags.writeable = False
    return kept


def _candidates(per_minute: float, seed: int, stream_id: int, page: int) -> tuple[Samples, NDArray[np.float64]]:
    # the rate at which that many survive: kept = (1 - exp(-2 R candidates)) / 2 R
    length = _PAGE_CHUNKS * BLINK_CHUNK
    rate_hz = -np.log1p(-2 * BLINK_APART_S * per_minute / 60) / (2 * BLINK_APART_S)
    rng = stream(seed, "blink", stream_id, page)
    count = rng.poisson(rate_hz * length / BLINK_RATE_HZ)
    return page * length + rng.integers(length, size=count), rng.random(count)
