"""One pulse on its way: what was commanded, what the output stage makes of it, and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npr_simulators.evoked_path import Evoked

SUBSAMPLE_STEPS = 65536
GAIN_ERROR_MAX = 0.005
MARKER_JITTER_US = 15.0
"""SD of what the marker logic reads against the true onset (simulation reference 5)."""
CLOCK_PPM, CLOCK_PPM_MAX = 20.0, 50.0
"""SD and bound of a sample clock's constant drift (simulation reference 5 has 20: 72 ms in an hour)."""
_GAIN, _SUBSAMPLE, _LOAD, _READING, _CLOCK = 1, 2, 3, 4, 5


def _draw(purpose: int, seed: int, *keys: int) -> np.random.Generator:
    # a stream of its own per purpose and key: never by call order
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([0x45535449, purpose, seed, *keys])))


def output_gain(seed: int) -> float:
    """Delivered over commanded current of the simulated output stage, within 0.5 % of 1."""
    return 1.0 + GAIN_ERROR_MAX * float(_draw(_GAIN, seed).uniform(-1.0, 1.0))


def load_ohm(seed: int) -> float:
    """Resistance that the simulated stimulator sees through the skin, 900 to 1800 ohm."""
    return float(_draw(_LOAD, seed).uniform(900.0, 1800.0))


def onset_jitter(seed: int, stim_seq: int) -> int:
    """Delay of the switch after the sample edge, in 1/65536 of a sample period."""
    return int(_draw(_SUBSAMPLE, seed, stim_seq).integers(SUBSAMPLE_STEPS))


def reading_error_us(seed: int, stim_seq: int, number: int) -> float:
    """How much later than the onset the device's own timer sees it."""
    return float(_draw(_READING, seed, stim_seq, number).normal(0.0, MARKER_JITTER_US))


def clock_ppm(seed: int) -> float:
    """How much faster than the world's the device's clock runs, in millionths; constant."""
    return min(max(float(_draw(_CLOCK, seed).normal(0.0, CLOCK_PPM)), -CLOCK_PPM_MAX), CLOCK_PPM_MAX)


@dataclass(slots=True, eq=False)
class Pulse:
    """A pulse that was accepted and waits for its sample; `number` counts within its train from 0.

    `subsample_steps` is where its edge really lies, which the host never learns; `marker_steps` is what it is told.
    """

    stim_seq: int
    number: int
    program_id: int
    current_ua: int
    width_us: int
    total_us: int
    onset_sample: int
    subsample_steps: int
    gain: float
    rate_hz: int = 20_000
    reading_error_us: float = 0.0
    load_ohm: float = 1000.0
    preparation: Iterator[None] | None = None
    ready: bool = False
    begun: bool = False
    touches: bool = False
    response: Evoked | None = None
    truth: dict[str, Any] = field(default_factory=dict)

    @property
    def subsample(self) -> float:
        """Fraction of a sample period after `onset_sample`, in [0, 1)."""
        return self.subsample_steps / SUBSAMPLE_STEPS

    @property
    def marker_steps(self) -> int:
        """What marker and report say of it, in 1/65536 of a period: never another sample than the onset's own."""
        read = round(self.subsample_steps + self.reading_error_us * self.rate_hz * SUBSAMPLE_STEPS / 1e6)
        return min(max(read, 0), SUBSAMPLE_STEPS - 1)

    @property
    def delivered_ma(self) -> float:
        """What flows through the skin while the electrode touches it, milliamps, whatever its direction."""
        return abs(self.current_ua) * self.gain / 1e3

    @property
    def measured_ua(self) -> int:
        """What the device measures at its output: nothing flows off the skin."""
        return round(self.current_ua * self.gain) if self.touches else 0

    @property
    def ordinal(self) -> int:
        """The key of every random draw of this pulse; the pulses of a train differ."""
        return self.stim_seq + (self.number << 32)
