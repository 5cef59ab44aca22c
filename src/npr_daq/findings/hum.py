"""Mains hum in an average: the fundamental and its next two harmonics, where the response is not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAINS_HZ = (50.0, 60.0)
HARMONICS = (1, 2, 3)
QUIET_MS = (-1.0, 30.0)
"""Outside this stretch there is no direct response."""
LEAST_MS = 30.0
LEAST_SAMPLES = 60
"""Less than one and a half periods, or hardly more samples than the fit has unknowns, judge no hum."""


def peak_to_peak_uv(time_ms: Floats, signal_uv: Floats) -> float | None:
    """Peak to peak of the hum, the larger of the 50 and the 60 Hz family; None where too little is there to judge by.

    Each family is fitted with f, 2f and 3f at once, and a line under them, to what lies outside -1 to 30 ms.
    """
    return peaks_to_peaks_uv([time_ms], signal_uv[None])[0]


def peaks_to_peaks_uv(times_ms: Sequence[Floats], signals_uv: Floats) -> list[float | None]:
    """`peak_to_peak_uv` of every channel, `signals_uv` (channel, time) on its own `times_ms`.

    Channels that keep the same samples share one decomposition: their delays differ by parts of a period, which turns
    the phase of the hum and not its size.
    """
    found: list[float | None] = [None] * len(signals_uv)
    alike: dict[bytes, list[int]] = {}
    kept = [_rest(time_ms, signal) for time_ms, signal in zip(times_ms, signals_uv, strict=True)]
    for channel, (time_ms, rest) in enumerate(zip(times_ms, kept, strict=True)):
        step_ms = float(time_ms[1] - time_ms[0]) if time_ms.size > 1 else 0.0
        if rest.sum() >= LEAST_SAMPLES and rest.sum() * step_ms >= LEAST_MS:
            alike.setdefault(rest.tobytes() + np.float64(step_ms).tobytes(), []).append(channel)
    for channels in alike.values():
        rest = kept[channels[0]]
        sizes = _sizes(times_ms[channels[0]][rest] / 1e3, signals_uv[channels][:, rest])
        for channel, size in zip(channels, sizes, strict=True):
            found[channel] = float(size)
    return found


def _rest(time_ms: Floats, signal_uv: Floats) -> NDArray[np.bool_]:
    return np.asarray(((time_ms < QUIET_MS[0]) | (time_ms > QUIET_MS[1])) & np.isfinite(signal_uv))


def _sizes(seconds: Floats, signals: Floats) -> Floats:
    """Peak to peak of the larger family in each of `signals` (channel, point) at `seconds` (point,)."""
    period = np.linspace(0.0, 2.0 * np.pi, 240, endpoint=False)
    one = np.stack([wave(n * period) for n in HARMONICS for wave in (np.sin, np.cos)], axis=1)
    largest = np.zeros(len(signals))
    for frequency in MAINS_HZ:
        phases = [2.0 * np.pi * frequency * n * seconds for n in HARMONICS]
        waves = [wave(phase) for phase in phases for wave in (np.sin, np.cos)]
        design = np.stack([*waves, np.ones_like(seconds), seconds - seconds.mean()], axis=1)
        q, r = np.linalg.qr(design)
        found = np.linalg.solve(r, q.T @ signals.T)[: 2 * len(HARMONICS)]
        largest = np.maximum(largest, np.ptp(one @ found, axis=0))
    return largest
