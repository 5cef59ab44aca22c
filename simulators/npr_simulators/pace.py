"""Who lets the simulated device's clock run: grants from the control endpoint, or the wall clock."""

from dataclasses import dataclass, field
from typing import Protocol

from npr_daq.errors import UsageError


class PacedDevice(Protocol):
    """What a pace needs to know of the device."""

    ticks_hz: int

    @property
    def ticks(self) -> int:
        """The device clock."""
        ...

    @property
    def stream_id(self) -> int:
        """The running stream, or the last one; 0 before the first."""
        ...

    @property
    def streaming(self) -> bool:
        """Whether a stream runs."""
        ...

    def ticks_at(self, sample: int) -> int:
        """The device clock at `sample` of the running stream."""
        ...


class Pace(Protocol):
    """Says how far the device may run."""

    lock_step: bool

    def target_ticks(self, device: PacedDevice, now_s: float) -> int:
        """The device clock that may be reached now; never below the present one."""
        ...

    def grant(self, device: PacedDevice, stream_id: int, sample: int) -> bool:
        """Allow `sample` of `stream_id`; False when that stream has ended. Raises UsageError for one never started."""
        ...


@dataclass(slots=True)
class LockStep:
    """Device time passes only up to the last granted sample; between streams it stands still."""

    lock_step: bool = True
    _granted: dict[int, int] = field(default_factory=dict)

    def target_ticks(self, device: PacedDevice, now_s: float) -> int:
        """The last grant of the running stream."""
        if not device.streaming:
            return device.ticks
        return max(device.ticks, device.ticks_at(self.granted(device.stream_id)))

    def granted(self, stream_id: int) -> int:
        """The last granted sample of a stream; 0 until one is granted."""
        return self._granted.get(stream_id, 0)

    def grant(self, device: PacedDevice, stream_id: int, sample: int) -> bool:
        """Grants only grow: an earlier sample than the last one changes nothing."""
        _check(device, stream_id)
        if not device.streaming or stream_id != device.stream_id:
            return False
        self._granted = {stream_id: max(sample, self.granted(stream_id))}
        return True


@dataclass(slots=True)
class WallPace:
    """Device time is `speed` times the wall time since `start_s`, by a clock that is `ppm` millionths too fast."""

    start_s: float
    speed: float = 1.0
    ppm: float = 0.0
    lock_step: bool = False

    def target_ticks(self, device: PacedDevice, now_s: float) -> int:
        """Where the wall clock says the device is."""
        return max(device.ticks, int((now_s - self.start_s) * self.speed * (1 + self.ppm * 1e-6) * device.ticks_hz))

    def grant(self, device: PacedDevice, stream_id: int, sample: int) -> bool:
        """Nothing to allow: time passes by itself."""
        _check(device, stream_id)
        return device.streaming and stream_id == device.stream_id


def _check(device: PacedDevice, stream_id: int) -> None:
    if not 0 < stream_id <= device.stream_id:
        raise UsageError(f"stream {stream_id} was never started; the last one is {device.stream_id}")
