"""Several instruments behind one patient: one clock, and a trigger line from the stimulator to the amplifier."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from npr_simulators.device import SimulatedFrontend


class Instruments(Mapping[str, SimulatedFrontend]):
    """Instruments by the name of their kind, which share a device clock. At most one records, at most one stimulates.

    A pulse of the stimulator is in the amplifier's stream, as marker and as response, before the amplifier sends the
    block that holds it.
    """

    def __init__(self, devices: Mapping[str, SimulatedFrontend]) -> None:
        self._devices = MappingProxyType(dict(devices))
        # A pulse that is due is delivered before the amplifier takes the sample in which it lies.
        self._in_order = sorted(self._devices.values(), key=lambda device: not device.kind.stimulates)
        if self.recorder is not None and self.shocker is not None and self.recorder is not self.shocker:
            self.shocker.trigger.amplifier = self.recorder

    def __getitem__(self, name: str) -> SimulatedFrontend:
        return self._devices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def recorder(self) -> SimulatedFrontend | None:
        """The instrument with channels."""
        return next((device for device in self._devices.values() if device.kind.records), None)

    @property
    def shocker(self) -> SimulatedFrontend | None:
        """The instrument with a stimulator."""
        return next((device for device in self._devices.values() if device.kind.stimulates), None)

    @property
    def first(self) -> SimulatedFrontend:
        """The instrument that records, or the only one: what is meant where none is named."""
        return self.recorder or self._in_order[0]

    @property
    def ticks(self) -> int:
        """The clock that all of them share."""
        return self._in_order[0].ticks

    @property
    def ticks_hz(self) -> int:
        """Ticks of that clock per second."""
        return self._in_order[0].ticks_hz

    def skin_changed(self) -> None:
        """The stimulator or an electrode was moved, or the skin is not what it was."""
        for device in self._in_order:
            device.skin_changed()

    def step(self, target_ticks: int) -> bool:
        """Let at most a few milliseconds of work be done towards `target_ticks`; True while there is more to do."""
        if any(device.prepare() for device in self._in_order):
            return True
        reach = min(device.reach(target_ticks) for device in self._in_order)
        for device in self._in_order:
            device.go(reach)
        return reach < target_ticks
