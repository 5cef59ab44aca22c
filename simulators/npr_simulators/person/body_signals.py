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
_PAGE_CHUNKS = 64

Samples = NDArray[np.int64]


def blink_samples(case: Case, seed: int, stream_id: int, chunk: int) -> Samples:
    """Onsets of the spontaneous blinks in one chunk, as samples of the stream counted at 20 kHz, rising.

    Chunk k holds samples 4000 k to 4000 (k + 1) - 1. The lid begins to move and its pool to fire at the onset; the
    eye's own signal begins there too. The mean rate is `behaviour.blinks_per_minute`; the same numbers whoever asks.
    """
    page = _page(case.behaviour.blinks_per_minute, seed, stream_id, chunk // _PAGE_CHUNKS)
    low, high = np.searchsorted(page, (chunk * BLINK_CHUNK, (chunk + 1) * BLINK_CHUNK))
    return page[low:high]


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
