"""What an amplifier, a stimulator and a clock must do; drivers implement these, the engine knows nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import Calibration
from npr_daq.recording import Marker, PulseReport
from npr_daq.stimulus import Stimulus, StimulusLimits


class Sync(StrEnum):
    """How a stimulus is marked in the samples."""

    IN_BAND_MARKER = "in-band marker"
    TRIGGER_CHANNEL = "trigger channel"
    HARDWARE_TRIGGER = "hardware trigger"
    HOST_CLOCK = "host clock"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connected instrument is and can do, as it says itself; stored in every exam file."""

    driver: str
    model: str
    serial: str
    firmware: str
    simulated: bool
    sync: Sync
    sync_uncertainty_ms: float
    channel_count: int
    rates_hz: tuple[int, ...]
    can_stimulate: bool
    device_limits: StimulusLimits | None
    boot_id: int
    ticks_hz: int
    verified: Mapping[str, str | None] = field(default_factory=dict)
    bench_only: bool = True


@dataclass(frozen=True, slots=True)
class Stream:
    """A started stream: exact rate as a ratio, and the number that its samples, markers and rows carry."""

    stream_id: int
    rate_num: int
    rate_den: int
    channels: tuple[int, ...]

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return self.rate_num / self.rate_den


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive samples as they came: `counts` int32, shape (channel, time).

    `clipped` and `lead_off` have bit k set where row k clipped or its electrode was open. `missing_before` counts
    samples lost between the previous block of this stream and this one.
    """

    stream_id: int
    first_sample: int
    counts: NDArray[np.int32]
    clipped: int
    lead_off: int
    markers: tuple[Marker, ...]
    missing_before: int = 0

    @property
    def end_sample(self) -> int:
        """One past the last sample."""
        return self.first_sample + int(self.counts.shape[-1])


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """Something the device said by itself: interlock edge, watchdog, overflow, button, link lost.

    `kind` is a short word: `interlock`, `watchdog`, `overflow`, `button`, `state`, `lost`, `garbage`. `state` is the
    device's state word afterwards; `interlocks` its bit mask.
    """

    kind: str
    text: str
    state: str = ""
    interlocks: int = 0


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """The device's own account of itself, read back."""

    state: str
    interlocks: int
    last_stim_seq: int
    sample_index: int
    dev_ticks: int
    temperature_c: float
    hv_volt: int


@dataclass(frozen=True, slots=True)
class Impedance:
    """Electrode impedance of one device channel, kilo-ohm, as read at `frequency_hz`."""

    channel: int
    g1_kohm: float
    g2_kohm: float
    frequency_hz: int
    ok: bool


Item = Block | PulseReport | DeviceEvent


@runtime_checkable
class Amplifier(Protocol):
    """A source of samples."""

    capabilities: Capabilities
    calibration: Calibration

    def start(self, rate_hz: int, channels: Sequence[int]) -> Stream:
        """Start streaming `channels`; raises Refused for a rate or width the device cannot do."""
        ...

    def stop(self) -> None:
        """Stop streaming; harmless when not streaming."""
        ...

    def take(self, timeout_s: float) -> list[Item]:
        """What has come since the last call, in order of arrival; waits at most `timeout_s` for the first item.

        An empty list means nothing came. A lost line is reported once as DeviceEvent `lost`, then raises Closed.
        """
        ...

    def impedance(self, channels: Sequence[int], frequency_hz: int = 30) -> list[Impedance]:
        """Measure; raises Refused while armed."""
        ...

    def status(self) -> DeviceStatus:
        """Ask the device for its state."""
        ...


@runtime_checkable
class Stimulator(Protocol):
    """A source of current. Every method that may deliver says so; all others deliver nothing."""

    capabilities: Capabilities

    def set_limits(self, limits: StimulusLimits) -> StimulusLimits:
        """Write the device's own limits and return what it read back; never looser than asked."""
        ...

    def configure(self, stimulus: Stimulus) -> None:
        """Disarm, check against the limits, and program the pulse. Raises PlanError before anything is sent."""
        ...

    def arm(self, shown: StimulusLimits) -> None:
        """Two-step arming against the limits that the operator was shown.

        Raises Refused when the device refuses, SafetyTrip when it would enforce other limits than those shown,
        IllegalTransition when nothing is programmed: then it is not armed.
        """
        ...

    def fire(self, stim_seq: int, at_sample: int) -> None:
        """Deliver the programmed pulse once at `at_sample`.

        Raises Refused (`late`, `reused`, not armed): then nothing was delivered. If TimedOut or Closed is raised
        the pulse may or may not have been delivered: ask `status().last_stim_seq`, never repeat.
        """
        ...

    def disarm(self) -> None:
        """Leave ARMED; confirmed by read-back, else SafetyTrip. Harmless when not armed."""
        ...

    def make_safe(self) -> bool:
        """Everything off, in any state, twice, and after a lost link. True when the device confirmed it."""
        ...

    def acknowledge(self) -> None:
        """Clear a latched fault after the act on the device; raises Refused while the cause stands."""
        ...

    def last_stim_seq(self) -> int:
        """The highest stimulus number of this boot that was sent or spent: what comes next must be above it.

        A number that this end sent counts although its FIRE was refused or may never have arrived.
        """
        ...

    def progress(self) -> None:
        """Tell the watchdog feeder that the runner is alive; while armed, beats are sent only after fresh progress."""
        ...


class FrontEnd(Amplifier, Stimulator, Protocol):
    """An instrument that is both, with stimulus markers in-band."""

    def close(self) -> None:
        """Make safe, stop, and give the line back; harmless twice."""
        ...


class Clock(Protocol):
    """Who lets the sample clock run: time itself on hardware, a control message in lock-step simulation."""

    def run_to(self, stream_id: int, sample: int) -> None:
        """Allow the device to reach `sample` of `stream_id`; returns at once. On hardware this does nothing."""
        ...

    @property
    def wall(self) -> bool:
        """Whether device time passes by itself (hardware, or simulation at speed 1)."""
        ...


class WallClock:
    """Time passes by itself."""

    wall = True

    def run_to(self, stream_id: int, sample: int) -> None:
        """Nothing to do: the device runs."""
