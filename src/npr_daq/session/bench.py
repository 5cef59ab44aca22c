"""The bench in the hand: a connected instrument with its clock, and the simulator's hands where there is one."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from npr_daq.device.contracts import Clock, FrontEnd, WallClock
from npr_daq.device.registry import SimulatorFamily, load, open_device
from npr_daq.device.uri import SIM, DeviceUri, parse_uri
from npr_daq.errors import SafetyTrip, UsageError
from npr_daq.intake import Intake, parse_intake
from npr_daq.montage import Montage, standard_montage
from npr_daq.operator import Operator

MEMORY = "memory"
"""`listen=memory`: the simulated instruments run in a thread of this process, and their bytes go over a memory line."""


class SimulatorBench:
    """The hands, the voice and the clock of a connected simulator, by its control endpoint."""

    def __init__(self, family: SimulatorFamily, control: str, *, lock_step: bool) -> None:
        self._family = family
        self._lock_step = lock_step
        self.client = family.connect(control)
        self.clock: Clock = family.clock(self.client) if lock_step else WallClock()

    def check_is(self, device: FrontEnd) -> None:
        """The control endpoint must belong to the connected device; raises SafetyTrip otherwise.

        A hand at another simulator's face would answer for the patient under a real stimulator. Where several
        instruments stand before one patient, the clock is from here on that of the connected one.
        """
        hello, ours = self.client.call("hello"), device.capabilities.boot_id
        theirs = hello.get("boot_id")
        instruments = {boot: name for name, boot in (hello.get("boot_ids") or {}).items()}
        if ours in instruments:
            if self._lock_step:
                self.clock = self._family.clock(self.client, instruments[ours])
        elif theirs != ours:
            raise SafetyTrip(
                f"control= names a simulator (boot {theirs}) that is not the connected device (boot {ours}); "
                "copy the whole uri that `npr-daq simulate` printed, and give real instruments no control="
            )

    def operator(self) -> Operator:
        """The simulated operator."""
        operator: Operator = self._family.operator(self.client, self.clock)
        return operator

    def intake(self) -> Intake:
        """The simulated patient's own answers."""
        answer = dict(self.client.call("intake"))
        answer.pop("ok", None)
        return parse_intake(answer.get("intake", answer), source="the simulated patient's answers")

    def close(self) -> None:
        """Let go of the control endpoint."""
        self.client.close()


class Bench:
    """A connected instrument with its clock; made by `connect`, a context manager.

    `device` is the driver, `clock` lets time pass, `simulated` says whether any of it is simulated. Closing makes
    the stimulator safe first, then gives the line back and ends a simulator process that `connect` started.
    """

    def __init__(
        self,
        device: FrontEnd,
        *,
        uri: str,
        montage: Montage,
        simulator: SimulatorBench | None = None,
        ended: Callable[[], object] | None = None,
    ) -> None:
        self.device = device
        self.uri = uri
        self.montage = montage
        self.simulator = simulator
        self.clock: Clock = simulator.clock if simulator else WallClock()
        self.ended = ended
        self._closed = False

    @property
    def simulated(self) -> bool:
        """True when the device says so or the URI names a control endpoint; either suffices."""
        return self.device.capabilities.simulated or self.simulator is not None

    def automatic_operator(self) -> Operator:
        """The simulated operator; raises SafetyTrip (exit 3) unless the device is simulated and can be told."""
        if not self.simulated:
            raise SafetyTrip(
                f"the automatic operator is refused: {self.device.capabilities.model} is not simulated; "
                "a person must be at the bench"
            )
        if self.simulator is None:
            raise SafetyTrip(
                "the automatic operator is refused: the simulator's control endpoint is unknown; "
                "give control= in the device URI, as printed by `npr-daq simulate`"
            )
        return self.simulator.operator()

    def close(self) -> None:
        """Make safe, stop, give everything back; harmless twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self.device.close()
        finally:
            if self.simulator:
                self.simulator.close()
            if self.ended:
                self.ended()

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def simulator_family(kind: str = "frontend") -> SimulatorFamily:
    """The simulators of one kind, through their entry point."""
    family: SimulatorFamily = load("simulators", kind)
    return family


def connect(uri: str, *, montage: Montage | None = None) -> Bench:
    """Open the instrument at `uri` ("frontend@serial:/dev/ttyACM0", "sim:healthy?seed=7").

    Raises UsageError for a malformed URI, OpenError (exit 4) when nothing is there. There is no fall-back to
    simulation: only a `sim:` URI or one with `control=` is simulated.
    """
    parsed = parse_uri(uri)
    montage = montage or standard_montage()
    if parsed.transport == SIM:
        return _connect_simulated(parsed, montage)
    return _bench(open_device(parsed), parsed, uri=uri, montage=montage)


def _bench(device: FrontEnd, parsed: DeviceUri, *, uri: str, montage: Montage) -> Bench:
    """The bench of an open device; gives the device back where its simulator's hands are not to be had."""
    simulator: SimulatorBench | None = None
    try:
        if control := parsed.options.get("control"):
            simulator = SimulatorBench(simulator_family(), control, lock_step=parsed.lock_stepped)
            simulator.check_is(device)
    except BaseException:
        device.close()
        if simulator is not None:
            simulator.close()
        raise
    return Bench(device, uri=uri, montage=montage, simulator=simulator)


def _connect_simulated(parsed: DeviceUri, montage: Montage) -> Bench:
    options: dict[str, Any] = dict(parsed.options)
    try:
        options["seed"] = int(options.get("seed", 1))
    except ValueError as cause:
        raise UsageError(f"seed {options['seed']!r} is not a whole number; write sim:NAME?seed=7") from cause
    known = [str(card["name"]) for card in simulator_family().patients()]
    if parsed.address not in known and not Path(parsed.address).is_file():
        raise UsageError(f"no simulated patient is called {parsed.address!r}; known are {', '.join(known)}")
    launched: Any = simulator_family().launch(parsed.address, **options)
    try:
        if parsed.options.get("listen") == MEMORY:
            theirs = parse_uri(launched.uri)
            device = load("drivers", theirs.driver or "frontend").open(launched.near, simulated_hint=True)
            bench = _bench(device, theirs, uri=launched.uri, montage=montage)
        else:
            bench = connect(launched.uri, montage=montage)
    except BaseException:
        launched.stop()
        raise
    bench.ended = launched.stop
    return bench
