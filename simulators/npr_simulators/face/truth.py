"""Ground truth of one answer: recruited share, onsets by four definitions, amplitudes, own and apparent."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_simulators.face.reference_onset import first_phase, low_passed, reference_onset
from npr_simulators.face.waveform import Floats

RATE_KHZ = 320.0
"""Instants per ms on which truth is evaluated: 16 times a 20 kHz recording."""
START_MS = -1.0
STOP_MS = 22.0
WINDOW_MS = (1.5, 20.0)
LEAST_UV = 10.0
"""Below this negative peak an onset is not defined (simulation reference, section 6)."""


def instants_ms() -> Floats:
    """The grid of `RATE_KHZ`."""
    return START_MS + np.arange(round((STOP_MS - START_MS) * RATE_KHZ)) / RATE_KHZ


def sizes(wave_uv: Floats) -> dict[str, float]:
    """Magnitudes within 1.5 to 20 ms: largest negative deflection, peak to peak, area of that phase (uV ms)."""
    inside = _window(wave_uv)
    peak = int(np.argmin(inside))
    negative = max(0.0, -float(inside[peak]))
    spread = float(inside.max() - inside.min())
    area = 0.0
    if negative > 0:
        left = np.nonzero(inside[:peak] >= 0)[0]
        right = np.nonzero(inside[peak:] >= 0)[0]
        begin = int(left[-1]) if left.size else 0
        end = peak + int(right[0]) if right.size else inside.size
        area = -float(inside[begin:end].sum()) / RATE_KHZ
    return {"neg_uv": round(negative, 3), "pp_uv": round(spread, 3), "area": round(area, 3)}


def threshold_onset_ms(wave_uv: Floats) -> float | None:
    """`t_theta`: the last instant before the first phase's peak at which |y| is below max(10 uV, 2 % of that peak)."""
    inside = _window(wave_uv)
    peak = first_phase(-inside)
    if peak is None or -inside[peak] < LEAST_UV:
        return None
    theta = max(LEAST_UV, 0.02 * -float(inside[peak]))
    low = np.nonzero(np.abs(inside[:peak]) < theta)[0]
    if not low.size:
        return None
    before = int(low[-1])
    y0, y1 = abs(float(inside[before])), abs(float(inside[before + 1]))
    return WINDOW_MS[0] + (before + (theta - y0) / (y1 - y0)) / RATE_KHZ


def channel_truth(
    *, own_uv: Floats, apparent_uv: Floats, first_arrival_ms: Floats, recruited: Floats, names: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """One entry per channel name; waves (channel, time) on `instants_ms`, NaN arrival where nothing fired.

    `t_theta` and `t_ref` are those of the apparent waveform. `t_clin` equals `t_theta`: the simulated front-end is a
    pure delay, and its delay is taken off.
    """
    smooth = low_passed(apparent_uv, rate_khz=RATE_KHZ)
    entries = {}
    for row, name in enumerate(names):
        theta = threshold_onset_ms(apparent_uv[row])
        reference = None
        if theta is not None:
            reference = reference_onset(-smooth[row], start_ms=START_MS, rate_khz=RATE_KHZ)
        arrival = float(first_arrival_ms[row])
        entries[name] = {
            "t_nmj": None if np.isnan(arrival) else round(arrival, 5),
            "t_theta": _rounded(theta),
            "t_clin": _rounded(theta),
            "t_ref": _rounded(reference),
            "own": sizes(own_uv[row]),
            "app": sizes(apparent_uv[row]),
            "recruited": round(float(recruited[row]), 6),
            "misrouted": 0.0,
        }
    return entries


def _window(wave_uv: Floats) -> NDArray[np.float64]:
    begin, end = (round((edge - START_MS) * RATE_KHZ) for edge in WINDOW_MS)
    return wave_uv[begin : end + 1]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
