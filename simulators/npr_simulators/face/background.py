"""What the electrodes pick up at rest: white noise, mains hum, slow wander, and the noise of a loosened electrode."""

from collections import OrderedDict
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from npr_simulators.face.patient import Skin
from npr_simulators.face.streams import stream

CHUNK = 4000
"""Samples that are made at once; any slicing of a stream reads the same chunks."""
CHANNELS = 16
BAND_RATE_HZ = 20000.0
HARMONICS = (1.0, 0.02, 0.15, 0.01, 0.06, 0.005, 0.03)
"""Amplitudes of hum at 1 to 7 times the mains frequency (simulation reference, section 5)."""
WANDER_HZ = (0.07, 0.19, 0.43, 0.81)
LOOSE_HUM = 140.0
"""How many times more hum a loosened electrode has: 250 kohm of imbalance gave 115 uV instead of 0.8 (reference 5)."""
LOOSE_NOISE_UV = 12.0
LOOSE_WANDER = 25.0
_KEPT = 4

Rows = NDArray[np.float32]
Cycles = NDArray[np.complex128]
Key = TypeVar("Key")


class Background:
    """Noise of 16 channels, found by (seed, stream, chunk); never by who asked first or in what portions."""

    def __init__(self, skin: Skin, *, seed: int) -> None:
        self._skin = skin
        self._seed = seed
        rng = stream(seed, "skin")
        self._noise_uv = (skin.noise_uv * rng.uniform(0.88, 1.15, CHANNELS)).astype(np.float32)[:, None]
        hum = np.array(HARMONICS) / np.linalg.norm(HARMONICS) * skin.hum_uv * np.sqrt(2)
        strength = rng.uniform(0.7, 1.3, (CHANNELS, 1))
        phase = rng.uniform(-0.6, 0.6, (CHANNELS, len(HARMONICS)))
        self._hum = strength * hum * np.exp(1j * phase)
        share = rng.dirichlet(np.ones(len(WANDER_HZ)), CHANNELS)
        self._wander = skin.wander_uv * share * np.exp(2j * np.pi * rng.random((CHANNELS, len(WANDER_HZ))))
        mains_hz = skin.hum_hz + rng.uniform(-0.02, 0.02)
        self._frequencies_hz = np.concatenate([mains_hz * np.arange(1, len(HARMONICS) + 1), WANDER_HZ])
        self._waves: dict[float, Rows] = {}
        self._chunks: OrderedDict[tuple[int, int, float], Rows] = OrderedDict()
        self._loose: OrderedDict[tuple[int, int, float, int], Rows] = OrderedDict()

    def rows(self, stream_id: int, first_sample: int, n: int, rate_hz: float, loose: frozenset[int]) -> Rows:
        """`n` samples from `first_sample` on, microvolt, shape (16, n); the rows in `loose` have a bad contact."""
        out = np.empty((CHANNELS, n), np.float32)
        at = 0
        while at < n:
            chunk, start = divmod(first_sample + at, CHUNK)
            stop = min(CHUNK, start + n - at)
            here = slice(at, at + stop - start)
            out[:, here] = self._chunk(stream_id, chunk, rate_hz)[:, start:stop]
            for row in loose:
                out[row, here] += self._loose_chunk(stream_id, chunk, rate_hz, row)[start:stop]
            at += stop - start
        return out

    def _chunk(self, stream_id: int, chunk: int, rate_hz: float) -> Rows:
        key = (stream_id, chunk, rate_hz)
        if key not in self._chunks:
            rng = stream(self._seed, "noise", stream_id, chunk)
            made = rng.standard_normal((CHANNELS, CHUNK), dtype=np.float32)
            made *= self._noise_uv * np.float32(np.sqrt(rate_hz / BAND_RATE_HZ))
            made += self._drift(self._hum, self._wander, chunk, rate_hz)
            _keep(self._chunks, key, made, _KEPT)
        return self._chunks[key]

    def _loose_chunk(self, stream_id: int, chunk: int, rate_hz: float, row: int) -> Rows:
        key = (stream_id, chunk, rate_hz, row)
        if key not in self._loose:
            rng = stream(self._seed, "loose", stream_id, chunk, row)
            hum, wander = LOOSE_HUM * self._hum[[row]], LOOSE_WANDER * self._wander[[row]]
            made = self._drift(hum, wander, chunk, rate_hz)[0]
            made += np.float32(LOOSE_NOISE_UV) * rng.standard_normal(CHUNK, dtype=np.float32)
            _keep(self._loose, key, made, _KEPT * CHANNELS)
        return self._loose[key]

    def _drift(self, hum: Cycles, wander: Cycles, chunk: int, rate_hz: float) -> Rows:
        # every wave has one frequency: turning its weight to the chunk's start replaces making the wave anew
        if rate_hz not in self._waves:
            turns = np.outer(self._frequencies_hz, np.arange(CHUNK) / rate_hz)
            wave = np.exp(2j * np.pi * turns)
            self._waves[rate_hz] = np.vstack([wave.real, -wave.imag]).astype(np.float32)
        turned = np.exp(2j * np.pi * np.mod(self._frequencies_hz * (chunk * CHUNK / rate_hz), 1.0))
        weights = np.hstack([hum, wander]) * turned
        return np.hstack([weights.real, weights.imag]).astype(np.float32) @ self._waves[rate_hz]


def _keep(kept: OrderedDict[Key, Rows], key: Key, made: Rows, most: int) -> None:
    kept[key] = made
    if len(kept) > most:
        kept.popitem(last=False)
