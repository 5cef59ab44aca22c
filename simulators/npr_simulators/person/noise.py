"""Noise and drift of electrodes, made in chunks that are found by name: any stretch of a stream can be had alone."""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from npr_simulators.analog import anti_alias
from npr_simulators.person.streams import stream

Rows = NDArray[np.float32]

CHUNK = 4000
"""Samples of a chunk, at any rate."""
CHANNELS = 16
BAND_RATE_HZ = 20_000.0
NODE = 16
"""Slow parts are made at every 16th sample and run straight between."""
NODES = CHUNK // NODE
FLICKER_CORNER_HZ = 3.0
_TAPS = 6
_MEMORY_S = 0.6
WANDER_HZ = (0.07, 0.19, 0.43, 0.81)
STEPS_PER_S, STEP_UV, STEP_RELAXES_S = 0.2, (200.0, 5000.0), 1.0
"""A bad contact jumps (simulation reference 5), and [A] goes back to where it was within a second or so."""
_PAGE_S, _STEPS_SEEN_S = 16.0, 14.0


def white(seed: int, visit: int, stream_id: int, chunk: int, rate_hz: float) -> Rows:
    """Noise of 1 microvolt rms in 0 to 10 kHz at the skin, as the converter gets it, shape (16, CHUNK).

    At 20 kHz the anti-alias filter has shaped it; a slower stream has less for its narrower band.
    """
    rng = stream(seed, "white", visit, stream_id, chunk)
    if rate_hz < BAND_RATE_HZ:
        made = rng.standard_normal((CHANNELS, CHUNK), dtype=np.float32)
        made *= np.float32(np.sqrt(rate_hz / BAND_RATE_HZ))
        return made
    drawn = rng.standard_normal((CHANNELS, CHUNK + _TAPS - 1), dtype=np.float32)
    taps = _filter_taps()
    made = np.asarray(drawn[:, :CHUNK] * taps[0], np.float32)
    part = np.empty_like(made)
    for delay in range(1, _TAPS):
        np.multiply(drawn[:, delay : delay + CHUNK], taps[delay], out=part)
        made += part
    return made


def flicker(seed: int, visit: int, stream_id: int, chunk: int, rate_hz: float) -> Rows:
    """Slow noise of 1 microvolt rms below about 3 Hz, at the nodes 0 to NODES of a chunk, shape (16, NODES + 1)."""
    fade = np.exp(-2 * np.pi * FLICKER_CORNER_HZ * NODE / rate_hz)
    before = min(chunk, max(1, int(np.ceil(_MEMORY_S * rate_hz / CHUNK))))
    level = np.zeros(CHANNELS)
    for earlier in range(chunk - before, chunk):
        level = level * fade**NODES + _kicked(seed, visit, stream_id, earlier, rate_hz)[:, -1]
    here = _kicked(seed, visit, stream_id, chunk, rate_hz) + level[:, None] * fade ** np.arange(1, NODES + 1)
    return np.concatenate([level[:, None], here], axis=1).astype(np.float32)


def wander(weights: NDArray[np.complex128], chunk: int, rate_hz: float) -> Rows:
    """Sum of slow waves of `WANDER_HZ` with complex `weights` (16, 4), at the nodes of a chunk, (16, NODES + 1)."""
    seconds = (chunk * CHUNK + NODE * np.arange(NODES + 1)) / rate_hz
    turns = np.exp(2j * np.pi * np.mod(np.outer(WANDER_HZ, seconds), 1.0))
    return np.asarray((weights @ turns).real, np.float32)


def between_nodes(nodes: Rows) -> Rows:
    """Straight lines from node to node: shape (row, NODES + 1) to (row, CHUNK)."""
    share = np.arange(NODE, dtype=np.float32) / NODE
    filled = nodes[:, :-1, None] + np.diff(nodes, axis=1)[:, :, None] * share
    return np.asarray(filled.reshape(len(nodes), CHUNK), np.float32)


def steps(seed: int, visit: int, stream_id: int, row: int, first_s: float, rate_hz: float) -> Rows:
    """Jumps of a bad contact, microvolt, shape (CHUNK,): at random, 0.2 to 5 mV, gone again within seconds."""
    t = first_s + np.arange(CHUNK) / rate_hz
    last = int(t[-1] / _PAGE_S)
    made = np.zeros(CHUNK)
    for page in range(max(0, int((first_s - _STEPS_SEEN_S) / _PAGE_S)), last + 1):
        for at_s, size_uv in zip(*_jumps(seed, visit, stream_id, row, page), strict=True):
            if at_s <= t[-1] and first_s - at_s < _STEPS_SEEN_S:
                start = max(0, int(np.ceil((at_s - first_s) * rate_hz)))
                made[start:] += size_uv * np.exp(-(t[start:] - at_s) / STEP_RELAXES_S)
    return made.astype(np.float32)


@lru_cache(maxsize=128)
def _jumps(
    seed: int, visit: int, stream_id: int, row: int, page: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = stream(seed, "jump", visit, stream_id, row, page)
    count = rng.poisson(STEPS_PER_S * _PAGE_S)
    at_s = _PAGE_S * (page + rng.random(count))
    size_uv = np.exp(rng.uniform(np.log(STEP_UV[0]), np.log(STEP_UV[1]), count))
    return at_s, np.asarray(size_uv * rng.choice([-1.0, 1.0], count))


@lru_cache(maxsize=16)
def _kicked(seed: int, visit: int, stream_id: int, chunk: int, rate_hz: float) -> NDArray[np.float64]:
    # what the kicks of one chunk alone have made of a level of 0, at the nodes 1 to NODES
    turn = 2 * np.pi * FLICKER_CORNER_HZ * NODE / rate_hz
    kicks = stream(seed, "flicker", visit, stream_id, chunk).standard_normal((CHANNELS, NODES))
    kicks *= np.sqrt(-np.expm1(-2 * turn))
    made = np.empty((CHANNELS, NODES))
    level = np.zeros(CHANNELS)
    block = max(1, int(6 / turn))
    for start in range(0, NODES, block):
        fade = np.exp(-turn * np.arange(1, min(block, NODES - start) + 1))
        piece = (np.cumsum(kicks[:, start : start + block] / fade, axis=1) + level[:, None]) * fade
        made[:, start : start + block] = piece
        level = piece[:, -1]
    made.flags.writeable = False
    return made


@cache
def _filter_taps() -> NDArray[np.float32]:
    # white noise behind the anti-alias filter has a spectrum folded at half the rate; its minimum-phase square root, by
    # way of the cepstrum, is over within a few samples
    n = 1024
    hz = np.fft.rfftfreq(n, 1 / BAND_RATE_HZ)
    folded = hz + BAND_RATE_HZ * np.array([-2, -1, 0, 1, 2])[:, None]
    power = (np.abs(anti_alias(folded)) ** 2).sum(axis=0)
    cepstrum = np.fft.irfft(np.log(power) / 2)
    cepstrum[1 : n // 2] *= 2
    cepstrum[n // 2 + 1 :] = 0
    return np.asarray(np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:_TAPS], np.float32)
