"""A cough as the electrodes see it: the head jerks, and the muscles of face and neck fire."""

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.streams import stream

COUGH_S = 0.9
"""[A] How long a cough lasts: two pushes."""
_PUSHES_S = (0.0, 0.35)
_PUSH_S = 0.3
JERK_UV, BURST_UV = 600.0, (20.0, 15.0, 25.0, 40.0, 50.0, 60.0, 50.0, 120.0)
"""[A] Movement of an electrode on the skin (typical), and muscle from frontalis to platysma at its strongest, rms."""
_BURST_SPLIT_S = 0.0008


def cough_uv(
    seed: int, visit: int, stream_id: int, *, begins_s: float, first_sample: int, n: int, rate_hz: float
) -> NDArray[np.float32] | None:
    """A cough that begins at `begins_s` of a stream, microvolt at the skin, shape (16, n); None where it is over."""
    since_s = (np.arange(first_sample, first_sample + n) / rate_hz) - begins_s
    if since_s[-1] < 0 or since_s[0] > COUGH_S:
        return None
    rng = stream(seed, "cough", visit, stream_id, round(begins_s * 1e6))
    jerk_uv = JERK_UV * np.exp(rng.normal(0, 0.4, (16, 1))) * rng.choice([-1.0, 1.0], (16, 1))
    nodes = rng.standard_normal((16, int(COUGH_S / _BURST_SPLIT_S) + 2))
    burst = np.zeros_like(since_s)
    jerk = np.zeros_like(since_s)
    for push_s in _PUSHES_S:
        x = np.clip((since_s - push_s) / _PUSH_S, 0, 1)
        burst = np.maximum(burst, np.sin(np.pi * x) ** 2)
        jerk += np.sin(2 * np.pi * x) * np.sin(np.pi * x) ** 2
    # interference pattern: noise that runs straight between nodes 0.8 ms apart, so most of it is below 500 Hz
    place = np.clip(since_s, 0, COUGH_S) / _BURST_SPLIT_S
    left = place.astype(np.intp)
    share = place - left
    noise = nodes[:, left] * (1 - share) + nodes[:, left + 1] * share
    muscle = 1.2 * np.tile(BURST_UV, 2)[:, None] * noise * burst
    return np.asarray(jerk_uv * jerk + muscle, np.float32)
