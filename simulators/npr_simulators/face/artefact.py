"""The stimulus artefact: the pulse as the electrodes see it, and the tail of their recovery."""

import numpy as np

from npr_daq.anatomy import Branch, Side
from npr_simulators.face.streams import stream
from npr_simulators.face.waveform import Floats

GAIN_UV_PER_MA = 130.0
"""Typical pulse height in a channel of the stimulated half; the other half sees a quarter."""
TAIL_SHARE = 0.03
TAIL_MS = 0.30


def artefact_gain(*, seed: int, side: Side, site: Branch) -> Floats:
    """Microvolt of pulse per milliampere in each of the 16 channels, shape (16,), either sign, at most 240."""
    rng = stream(seed, "artefact", side, site)
    size = np.minimum(GAIN_UV_PER_MA * np.exp(rng.normal(0, 0.3, 16)), 240.0)
    sign = np.where(rng.random(16) < 0.5, -1.0, 1.0)
    near = np.repeat([side is Side.LEFT, side is Side.RIGHT], 8)
    return size * sign * np.where(near, 1.0, 0.25)


def render(t_ms: Floats, *, height_uv: Floats, width_ms: float, aperture_ms: float) -> Floats:
    """Mean artefact over an aperture centred on each instant, microvolt, shape (channel, time).

    a(t) = height (rect(0, width) - 0.03 exp(-(t - width) / 0.30 ms)), the form of simulation reference 5 with one mild
    tail: from 2.0 ms on it stays below 1 uV at 20 mA, and it is proportional to current. The mean over one sample
    keeps the height of the pulse from depending on where between two samples it fell.
    """
    if aperture_ms <= 0:
        after = np.maximum(t_ms - width_ms, 0.0)
        pulse = np.where((t_ms >= 0) & (t_ms < width_ms), 1.0, 0.0)
        shape = pulse - np.where(t_ms >= width_ms, TAIL_SHARE * np.exp(-after / TAIL_MS), 0.0)
    else:
        ends = np.stack([t_ms - aperture_ms / 2, t_ms + aperture_ms / 2])
        after = np.maximum(ends - width_ms, 0.0)
        area = np.clip(ends, 0.0, width_ms) + TAIL_SHARE * TAIL_MS * np.expm1(-after / TAIL_MS)
        shape = (area[1] - area[0]) / aperture_ms
    return np.outer(height_uv, shape)
