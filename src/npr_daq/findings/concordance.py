"""Which sweeps of a series agree with each other: the largest group, which alone is measured."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.findings.parameters import Parameters

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

JITTER_MS = 0.255
"""Latency SD of one sweep at a signal to noise of 1 (analysis reference 3b: 0.0255 ms at 20 dB)."""
NOISE_SD = 3.0


def agreeing(
    amplitudes_mv: Floats, shifts_ms: Floats, *, noise_mv: float, negative_mv: float, parameters: Parameters
) -> Mask:
    """The largest group of sweeps that agree in size and time, shape (sweep,) (clinical reference 2.4: 5 %, 0.1 ms).

    `noise_mv` is the noise of a single sweep. It alone moves a small response by more than that, so each limit is at
    least three standard deviations of what it does (amplitude: two samples). Of groups of the same size the one whose
    sizes lie closest together counts.
    """
    ratio = negative_mv / noise_mv if noise_mv > 0 else np.inf
    jitter_ms = JITTER_MS / ratio if ratio > 0 else np.inf
    late = max(parameters.concordant_shift_ms, NOISE_SD * jitter_ms)
    best, narrowest = np.zeros(amplitudes_mv.size, dtype=bool), np.inf
    known = np.isfinite(amplitudes_mv) & np.isfinite(shifts_ms)
    if not known.any():
        return best
    centres = [(float(np.median(amplitudes_mv[known])), float(np.median(shifts_ms[known])))]
    centres += list(zip(amplitudes_mv[known].tolist(), shifts_ms[known].tolist(), strict=True))
    for centre, shift in centres:
        middle, time = centre, shift
        group = known
        # Once around the sweep, then around the middle of those that it agrees with.
        for _ in range(2):
            size = max(parameters.concordant_percent / 100.0 * abs(middle), NOISE_SD * np.sqrt(2.0) * noise_mv)
            group = known & (np.abs(amplitudes_mv - middle) <= size) & (np.abs(shifts_ms - time) <= late)
            if not group.any():
                break
            middle, time = float(np.median(amplitudes_mv[group])), float(np.median(shifts_ms[group]))
        if not group.any():
            continue
        width = float(np.ptp(amplitudes_mv[group]))
        if group.sum() > best.sum() or (group.sum() == best.sum() and width < narrowest):
            best, narrowest = group, width
    return best


def enough(group: Mask, parameters: Parameters) -> bool:
    """Whether a group may stand for its series: at least `min_sweeps`, and more than half of all."""
    return int(group.sum()) >= parameters.min_sweeps and 2 * int(group.sum()) > group.size
