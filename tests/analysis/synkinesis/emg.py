"""Synthetic EMG with known RMS, times and sources."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

RATE_HZ = 2000.0
CUE_S, HOLD_S, WINDOW_S = 1.0, 2.5, 5.0
_SOS = signal.butter(2, (80, 250), "bandpass", fs=RATE_HZ, output="sos")
_PIECE = signal.sosfilt(_SOS, np.random.default_rng(0).standard_normal(4000))
_SCALE = 1 / _PIECE.std()

Floats = NDArray[np.float64]


def carrier(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """EMG-like noise of RMS 1."""
    return _SCALE * signal.sosfilt(_SOS, rng.standard_normal(shape), axis=-1)


def profile(n: int, begin_s: float | Floats, end_s: float | Floats, *, rise_s: float = 0.05) -> Floats:
    """Trapezium from 0 to 1 and back; half of it at `begin_s` and `end_s`."""
    t = np.arange(n) / RATE_HZ
    up = (t - np.asarray(begin_s)[..., None]) / rise_s + 0.5
    down = (np.asarray(end_s)[..., None] - t) / rise_s + 0.5
    return np.clip(np.minimum(up, down), 0, 1)


@dataclass(frozen=True)
class Part:
    """One side: windows (repetition, time) and rest (time,), in the order and by the names of `synkinesis.measure`."""

    master: Floats
    slave: Floats
    given: dict[str, object]


def part(
    seed: int,
    *,
    master_uv: float = 50.0,
    slave_uv: float = 12.0,
    own_uv: float = 60.0,
    copy: float = 0.0,
    tone_uv: float = 0.0,
    noise_uv: float = 1.0,
    lag_s: float = 0.0,
    spread: float = 0.1,
    repetitions: int = 5,
    pairs: tuple[int, ...] = (),
    hold_s: float = HOLD_S,
) -> Part:
    """A side whose slave has `slave_uv` of its own activity, and `copy` times the master's raw signal."""
    rng = np.random.default_rng(seed)
    n = round(WINDOW_S * RATE_HZ)
    shape = (*pairs, repetitions)
    begin = CUE_S + rng.uniform(0.2, 0.4, shape)
    moved = profile(n, begin, begin + hold_s)
    after = profile(n, begin + lag_s, begin + hold_s + lag_s)
    strength = np.exp(rng.normal(0, spread, (2, *shape, 1)))

    def noise(like: tuple[int, ...], size_uv: float) -> Floats:
        return size_uv * carrier(rng, like)

    active = master_uv * strength[0] * moved * carrier(rng, (*shape, n))
    master = active + noise((*shape, n), noise_uv)
    slave = slave_uv * strength[1] * after * carrier(rng, (*shape, n)) + copy * active
    slave += noise((*shape, n), np.hypot(noise_uv, tone_uv))
    own = own_uv * np.exp(rng.normal(0, spread, (*shape, 1))) * moved * carrier(rng, (*shape, n))
    own += noise((*shape, n), noise_uv)
    quiet = round(12 * RATE_HZ)
    return Part(
        master,
        slave,
        {
            "rate_hz": RATE_HZ,
            "rest_master_uv": noise((*pairs, quiet), noise_uv),
            "rest_slave_uv": noise((*pairs, quiet), np.hypot(noise_uv, tone_uv)),
            "own_slave_uv": own,
            "cue_ms": 1e3 * CUE_S,
            "release_ms": 1e3 * (CUE_S + HOLD_S),
        },
    )
