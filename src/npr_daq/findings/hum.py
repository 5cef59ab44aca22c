"""Mains hum in an average: the fundamental and its next two harmonics, where the response is not."""

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
    step_ms = float(time_ms[1] - time_ms[0]) if time_ms.size > 1 else 0.0
    rest = ((time_ms < QUIET_MS[0]) | (time_ms > QUIET_MS[1])) & np.isfinite(signal_uv)
    if rest.sum() < LEAST_SAMPLES or rest.sum() * step_ms < LEAST_MS:
        return None
    seconds, signal = time_ms[rest] / 1e3, signal_uv[rest]
    period = np.linspace(0.0, 2.0 * np.pi, 240, endpoint=False)
    largest = 0.0
    for frequency in MAINS_HZ:
        phases = [2.0 * np.pi * frequency * n * seconds for n in HARMONICS]
        waves = [wave(phase) for phase in phases for wave in (np.sin, np.cos)]
        design = np.stack([*waves, np.ones_like(seconds), seconds], axis=1)
        found = np.linalg.lstsq(design, signal, rcond=None)[0]
        one = np.stack([wave(n * period) for n in HARMONICS for wave in (np.sin, np.cos)], axis=1)
        largest = max(largest, float(np.ptp(one @ found[: 2 * len(HARMONICS)])))
    return largest
