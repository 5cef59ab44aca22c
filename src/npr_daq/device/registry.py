"""Find drivers, transports and simulators by name, load them on use, and open a device by its URI."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from npr_daq.device.contracts import Clock, FrontEnd
from npr_daq.device.uri import SIM, DeviceUri, parse_uri
from npr_daq.errors import InstrumentError, NprError, OpenError, TimedOut, UsageError
from npr_daq.transport.base import Transport

__all__ = [
    "DeviceUri",
    "Driver",
    "Launched",
    "SimulatorFamily",
    "installed",
    "load",
    "open_device",
    "parse_uri",
]

KINDS = ("drivers", "transports", "simulators")


@runtime_checkable
class Driver(Protocol):
    """What an entry point of `npr_daq.drivers` holds."""

    def open(self, transport: Transport, *, simulated_hint: bool = False) -> FrontEnd:
        """Identify the device at the far end and take it over.

        Raises InstrumentError or TimedOut when it is not of this family; the transport is then closed.
        """
        ...


class Launched(Protocol):
    """A running simulator process."""

    uri: str
    control: str
    pid: int
    process: Any

    def stop(self) -> object:
        """End that process, and no other; harmless twice."""
        ...


@runtime_checkable
class SimulatorFamily(Protocol):
    """What an entry point of `npr_daq.simulators` holds: simulated instruments with one patient behind them."""

    kinds: tuple[str, ...]

    def patients(self, names_or_paths: Sequence[str] | None = None) -> Sequence[Mapping[str, Any]]:
        """All patients that it knows, or those named: `name`, `teaches`, `expect`, `cell` of the matrix."""
        ...

    def patient_matrix(
        self, names_or_paths: Sequence[str] | None = None, *, seed: int = 1, days: Sequence[float] = ()
    ) -> Mapping[str, Any]:
        """Patient by figure, from the truth alone: `columns` with their meaning, `patients` with `values` (by day)."""
        ...

    def random_patients(self, count: int, *, folder: Path, seed: int = 1, group: str = "healthy") -> Sequence[Path]:
        """Draw people from a population and write each as a patient file; the paths."""
        ...

    def serve(self, options: Any = None, **named: Any) -> int:
        """Run in this process until told to quit, options as an object or by name; the exit code."""
        ...

    def launch(self, patient: str, **options: Any) -> Launched:
        """Start a process of its own and wait until it can be connected to.

        Options are those of a `sim:` URI by name (`seed`, `speed`, `side`, `visit`, `day`, `truth`, `listen`,
        `faults`), and `kinds`, the instruments.
        """
        ...

    def connect(self, control_address: str) -> Any:
        """A client of the control endpoint, as `control=` in a URI names it."""
        ...

    def clock(self, client: Any, instrument: str | None = None) -> Clock:
        """The clock that lets the simulated samples run: of the instrument of that kind, where there are several."""
        ...

    def operator(self, client: Any, clock: Clock) -> Any:
        """An `npr_daq.operator.Operator` that does there what hands and voice do in the clinic."""
        ...


def installed(kind: str) -> dict[str, EntryPoint]:
    """Names and entry points of `kind` ("drivers", "transports", "simulators"), sorted; nothing is imported."""
    if kind not in KINDS:
        raise UsageError(f"there is no kind of plug-in called {kind!r}; there are {', '.join(KINDS)}")
    found = entry_points(group=f"npr_daq.{kind}")
    return {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}


def load(kind: str, name: str) -> Any:
    """The object behind a plug-in; raises UsageError, with the nearest name or `from` what failed while loading."""
    known = installed(kind)
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"installed are {', '.join(known) or 'none'}"
        raise UsageError(f"no {kind[:-1]} is called {name!r}; {hint}")
    entry = known[name]
    try:
        return entry.load()
    except Exception as error:  # a plug-in is foreign code: whatever it raises is the cause to report
        raise UsageError(
            f"the {kind[:-1]} {name!r} ({entry.value}) cannot be loaded: {type(error).__name__}: {error}; "
            "npr-daq doctor shows the details"
        ) from error


def open_device(uri: DeviceUri | str) -> FrontEnd:
    """Open the line and the device on it; without a driver's name every installed driver asks it in turn.

    Asking delivers no current. Raises UsageError (unknown name, sim: address), OpenError (line, or nobody's device),
    or what the named driver raises; the line is closed then.
    """
    uri = parse_uri(uri) if isinstance(uri, str) else uri
    if uri.transport == SIM:
        raise UsageError(f"{uri} is a simulator that has to be started first; use npr_daq.connect, or npr-daq simulate")
    if uri.driver is not None:
        return _open_with(load("drivers", uri.driver), uri)
    refusals: list[str] = []
    last: NprError | None = None
    for name in installed("drivers"):
        try:
            return _open_with(load("drivers", name), uri)
        except (InstrumentError, TimedOut) as error:
            refusals.append(f"{name}: {error}")
            last = error
    asked = "; ".join(refusals) or "no driver is installed"
    raise OpenError(
        f"no driver knows the device at {uri} ({asked}); check cable and power, or name the driver"
    ) from last


def _open_with(driver: Driver, uri: DeviceUri) -> FrontEnd:
    transport: Transport = load("transports", uri.transport).open(uri.address)
    try:
        return driver.open(transport, simulated_hint=uri.simulated)
    except BaseException:
        transport.close()
        raise
