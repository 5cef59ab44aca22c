"""What one shock showed: the values that search, series and prompts decide on."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot, inf, isfinite, nan, sqrt
from typing import Any

from npr_daq.anatomy import Muscle

PHYSIOLOGICAL_SD = 0.01
"""Shot-to-shot SD of a strong response as a fraction: movement and temperature above the .31 % of the true amplitude
that the simulated nerve repeats with (simulation reference, section 2)."""


@dataclass(frozen=True, slots=True)
class Response:
    """The answer of one muscle to one shock; amplitudes are magnitudes, NaN where there is no answer."""

    present: bool
    peak_to_peak_mv: float
    negative_peak_mv: float
    onset_latency_ms: float
    noise_uv: float
    early_mv: float = nan
    """Deflection before `early_until_ms` in the channel over the masseter, the same for all muscles of a shock."""
    early_limit_mv: float = inf
    """What noise and the remainder of the artefact may reach there."""
    early_until_ms: float = nan

    @property
    def size_mv(self) -> float:
        """Peak to peak, 0 where nothing could be read."""
        return self.peak_to_peak_mv if isfinite(self.peak_to_peak_mv) else 0.0

    @property
    def sd_mv(self) -> float:
        """Standard deviation of the peak-to-peak reading: the noise at its two extremes, and physiology."""
        noise_mv = self.noise_uv / 1e3 if isfinite(self.noise_uv) else 0.0
        return hypot(sqrt(2.0) * noise_mv, PHYSIOLOGICAL_SD * self.size_mv)

    @property
    def snr(self) -> float:
        """Negative peak over the noise of the baseline; 0 where nothing could be read."""
        if not isfinite(self.negative_peak_mv) or not self.noise_uv > 0:
            return 0.0
        return self.negative_peak_mv * 1e3 / self.noise_uv

    def plain(self) -> dict[str, Any]:
        """The numbers for notices and prompts, JSON-safe."""
        return {
            "present": self.present,
            "peak_to_peak_mv": finite(self.peak_to_peak_mv),
            "negative_peak_mv": finite(self.negative_peak_mv),
            "onset_latency_ms": finite(self.onset_latency_ms),
            "noise_uv": finite(self.noise_uv),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """One shock and the answers of the watched muscles.

    An invalid one (gap, clipped, delivered current more than 10 % off) is evidence for nothing; it still counts as a
    shock. `n` is the number of its stored sweep, 0 where there is none.
    """

    current_ma: float
    responses: Mapping[Muscle, Response]
    valid: bool = True
    n: int = 0


def finite(value: float) -> float | None:
    """`value`, or None where JSON has no word for it."""
    return float(value) if isfinite(value) else None
