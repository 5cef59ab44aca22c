"""The analogue part of the front-end: anti-alias filter, saturation and recovery, blanking, high-pass.

Microvolt, time on the last axis. Values: simulation reference 5; corner, order, high-pass and recovery are assumptions.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CORNER_HZ = 5000.0
"""-3 dB of the anti-alias filter, a Butterworth low-pass of 4th order."""
HIGHPASS_HZ = 5.0
"""-3 dB of the high-pass, first order."""
FULL_SCALE_UV = 40e3
RECOVERY_SHARE, RECOVERY_MS = 0.02, 1.2
"""Share of the full scale that is left when an overload ends, and how fast it dies away."""
_DAMPING = (2 * np.sin(np.pi / 8), 2 * np.sin(3 * np.pi / 8))
GROUP_DELAY_MS = sum(_DAMPING) / (2 * np.pi * CORNER_HZ) * 1e3
"""Of the anti-alias filter well below its corner: the sum of the sections' delays, 83 us."""
SETTLED_MS = 2.0
"""The anti-alias filter's answer to an edge is over (below 1e-9 of it)."""
_GROWTH_MAX = 1e3


def anti_alias(hz: NDArray[np.floating[Any]]) -> NDArray[np.complex128]:
    """Complex gain of the anti-alias filter, exact at every frequency: two sections of second order."""
    s = 1j * np.asarray(hz) / CORNER_HZ
    first, second = ((s + damping) * s + 1 for damping in _DAMPING)
    return np.asarray(1 / (first * second))


def anti_aliased(uv: Floats, rate_hz: float, *, advance_ms: float = 0.0) -> Floats:
    """`uv` (..., n) behind the anti-alias filter, as the analogue filter does it, then `advance_ms` earlier.

    Exact for a signal without content above half the rate that begins and ends at zero. The delay is the filter's own.
    """
    n = uv.shape[-1]
    length = _fast_length(n + int(SETTLED_MS * rate_hz / 1e3))
    gain = _gain(length, rate_hz, advance_ms)
    return np.asarray(np.fft.irfft(np.fft.rfft(uv, length) * gain, length)[..., :n])


def high_passed(uv: Floats, rate_hz: float, before: Floats | None = None) -> tuple[Floats, Floats]:
    """`uv` (row, n) behind the high-pass, and what to give as `before` for the samples that follow.

    Exact for a signal that runs straight between its samples: y' = a y + (1 - a)/(w T) (x' - x), a = exp(-w T). Without
    `before` the past was zero. `before` has shape (row, 2): last input and last output.
    """
    rows, n = uv.shape
    x, y = (np.zeros(rows), np.zeros(rows)) if before is None else before.T
    turn = 2 * np.pi * HIGHPASS_HZ / rate_hz
    out = np.empty((rows, n))
    # the recursion as a running sum of inputs that are scaled up by what will scale them down again; in blocks, so that
    # the scale stays far from the end of what 64 bits can tell
    block = max(1, int(np.log(_GROWTH_MAX) / turn))
    for start in range(0, n, block):
        piece = uv[:, start : start + block]
        fade = np.exp(-turn * np.arange(1, piece.shape[1] + 1))
        here = out[:, start : start + block]
        here[:, 0] = piece[:, 0] - x
        np.subtract(piece[:, 1:], piece[:, :-1], out=here[:, 1:])
        here *= -np.expm1(-turn) / turn / fade
        np.cumsum(here, axis=1, out=here)
        here += y[:, None]
        here *= fade
        x, y = piece[:, -1], here[:, -1]
    return out, np.stack([x, y], axis=1)


def saturated(uv: Floats, rate_hz: float) -> tuple[Floats, NDArray[np.bool_]]:
    """`uv` (row, n) behind an input stage of +-40 mV, and where it was overloaded.

    It clips; when an overload ends, 2 % of the full scale in its direction are left and die away with 1.2 ms.
    """
    over = np.abs(uv) > FULL_SCALE_UV
    if not over.any():
        return uv, over
    out = np.clip(uv, -FULL_SCALE_UV, FULL_SCALE_UV)
    left = RECOVERY_SHARE * FULL_SCALE_UV * np.exp(-np.arange(uv.shape[1]) / rate_hz / (RECOVERY_MS / 1e3))
    for row in np.flatnonzero(over.any(axis=1)):
        for end in np.flatnonzero(over[row, :-1] & ~over[row, 1:]) + 1:
            out[row, end:] += np.sign(uv[row, end - 1]) * left[: uv.shape[1] - end]
    return np.clip(out, -FULL_SCALE_UV, FULL_SCALE_UV), over


def linear(uv: Floats, rate_hz: float) -> Floats:
    """`uv` (row, n) behind anti-alias filter and high-pass, without the group delay: what an ideal analyser could see.

    The response begins with the first sample and was zero before it (simulation reference 6, t_clin).
    """
    return high_passed(anti_aliased(uv, rate_hz, advance_ms=GROUP_DELAY_MS), rate_hz)[0]


@lru_cache(maxsize=32)
def _gain(length: int, rate_hz: float, advance_ms: float) -> NDArray[np.complex128]:
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    gain: NDArray[np.complex128] = anti_alias(hz) * np.exp(2j * np.pi * hz * advance_ms / 1e3)
    gain.flags.writeable = False
    return gain


def _fast_length(n: int) -> int:
    """The least length from `n` on that has no prime factor above 5."""
    return min(_products(n))


def _products(n: int) -> Iterator[int]:
    five = 1
    while five < 5 * n:
        three = five
        while three < 3 * n:
            yield three << max(0, (-(-n // three) - 1).bit_length())
            three *= 3
        five *= 5
