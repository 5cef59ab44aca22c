"""Stimuli of alternating polarity: their half-sum, and whether a latency may be read from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis.layout import WINDOW_MS
from npr_daq.analysis.removal import correct
from npr_daq.analysis.response import measure
from npr_daq.analysis.silent_gap import SILENT_UNTIL_MS
from npr_daq.errors import AnalysisError

LATENCY_MS = 0.1
AMPLITUDE_PERCENT = 5.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Alternation:
    """Half-sum of two polarities; everything but `half_sum_uv` is shaped like the leading axes.

    `onset_difference_ms` is anodal minus cathodal, `amplitude_difference_percent` the difference of the peak-to-peak
    amplitudes over their mean, anodal minus cathodal; NaN where either holds no response. `latency_may_be_quoted`: both
    hold a response, neither is saturated, and they agree within 0.1 ms and 5 %.
    """

    half_sum_uv: NDArray[np.floating[Any]]
    onset_difference_ms: Floats
    amplitude_difference_percent: Floats
    latency_may_be_quoted: NDArray[np.bool_]


def alternating(
    cathodal_uv: ArrayLike,
    anodal_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    pulse_width_us: float,
    silent_until_ms: float = SILENT_UNTIL_MS,
    full_scale_uv: float | None = None,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> Alternation:
    """Half-sum of the sub-averages of both polarities, in which an artefact that follows the current cancels.

    Both arguments are averages (..., time) in microvolts of the same shape and with the same stimulus sample, cathode
    first and anode first. The nerve answers the other polarity at another place, later and smaller: the half-sum
    serves presence and late responses, and a latency only where `latency_may_be_quoted`. The two are compared
    after `correct`; the half-sum is of the sub-averages as given.

    Raises `AnalysisError` for shapes that differ and as `correct` and `measure`.
    Source: analysis reference 4; clinical reference 6.1.
    """
    one, other = np.asarray(cathodal_uv), np.asarray(anodal_uv)
    if one.shape != other.shape:
        raise AnalysisError(f"The polarities have shapes {one.shape} and {other.shape}; give averages of one shape.")
    both = np.stack([one, other])
    done = correct(
        both,
        rate_hz=rate_hz,
        stimulus_sample=stimulus_sample,
        pulse_width_us=pulse_width_us,
        silent_until_ms=silent_until_ms,
        full_scale_uv=full_scale_uv,
    )
    found = measure(done.corrected_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    onset = np.where(found.present, found.onset_latency_ms, np.nan)
    size = np.where(found.present, found.peak_to_peak_mv, np.nan)
    late = np.asarray(onset[1] - onset[0])
    apart = np.asarray(100 * (size[1] - size[0]) / (0.5 * (size[1] + size[0])))
    agree = (np.abs(late) <= LATENCY_MS) & (np.abs(apart) <= AMPLITUDE_PERCENT) & ~done.saturated.any(axis=0)
    half = 0.5 * (both[0].astype(np.float64) + both[1])
    return Alternation(half, late, apart, np.asarray(agree))
