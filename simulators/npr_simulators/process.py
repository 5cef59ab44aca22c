"""A simulator process, and the family of simulators that the entry point names.

The patient behind it is loaded only where one is needed: a host that merely connects must not pay for it.
"""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from npr_daq.device.contracts import Clock
from npr_daq.operator import Operator
from npr_simulators.control import ControlClient, LockStepClock
from npr_simulators.kinds import KINDS
from npr_simulators.launch import Launched, launch
from npr_simulators.operator import SimulatedOperator
from npr_simulators.options import LOCK_STEP, MEMORY, Options, options_from

if TYPE_CHECKING:
    from npr_simulators.in_process import InProcess
    from npr_simulators.loop import SimulatorProcess


def serve(options: Options, *, out: TextIO | None = None) -> int:
    """Run one simulator until it is asked to quit or told to end; returns the exit code.

    The first line on `out` (stdout) is one JSON object, flushed: `uri` (of the first instrument), `uris` by kind,
    `control`, `patient`, `seed`, `speed`, `side`, `pid`. Raises OpenError or UsageError before that line when it
    cannot start.
    """
    from npr_simulators.loop import SimulatorProcess

    process = SimulatorProcess(options)
    try:
        with _ended_by_signals(process):
            stream = out or sys.stdout
            stream.write(json.dumps(process.facts()) + "\n")
            stream.flush()
            return process.run()
    finally:
        process.close()


@contextmanager
def _ended_by_signals(process: "SimulatorProcess") -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        process.stop()

    before: dict[int, Any] = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, end)
    except ValueError:  # not the main thread: then the caller stops it
        pass
    try:
        yield
    finally:
        for ended, handler in before.items():
            signal.signal(ended, handler)


class FrontendSimulators:
    """The family of simulators that the entry point `npr_daq.simulators` names."""

    kinds: tuple[str, ...] = tuple(KINDS)

    def patients(self, names_or_paths: Sequence[str] | None = None) -> list[dict[str, str]]:
        """Name, what it teaches, what to expect and where it shows; of all that ship, or of those named."""
        from npr_simulators.person.people import cards

        return cards(names_or_paths)

    def patient_matrix(
        self, names_or_paths: Sequence[str] | None = None, *, seed: int = 1, days: Sequence[float] = ()
    ) -> dict[str, Any]:
        """Patient by figure, from the truth alone, on each of `days`; JSON-safe: `columns` and `patients`."""
        from npr_simulators.person.people import patient_matrix

        return patient_matrix(names_or_paths, seed=seed, days=days)

    def random_patients(self, count: int, *, folder: Path, seed: int = 1, group: str = "healthy") -> list[Path]:
        """Draw people from a population and write each as a patient file; the paths."""
        from npr_simulators.person.people import write_people

        return write_people(count, folder=folder, seed=seed, group=group)

    def serve(self, options: Options | None = None, **named: Any) -> int:
        """Run a simulator in this process until it ends; options as an object or by name, as a person writes them."""
        return serve(options or options_from(**named))

    def launch(
        self,
        patient: str,
        *,
        seed: int = 1,
        speed: str | float = LOCK_STEP,
        side: str = "left",
        truth: Path | str | None = None,
        listen: str = "pty",
        faults: Path | str | None = None,
        link: Path | str | None = None,
        kinds: Sequence[str] = ("frontend",),
        visit: int | str = 1,
        day: float | str | None = None,
    ) -> "Launched | InProcess":
        """Start a simulator process of one's own; see `npr_simulators.launch.launch`.

        With `listen="memory"` there is no process: the instruments run in a thread of this one, and `near` of what is
        returned is the transport that a driver opens.
        """
        if listen == MEMORY:
            from npr_simulators.in_process import start

            return start(
                options_from(
                    patient=patient,
                    seed=seed,
                    speed=speed,
                    side=side,
                    link=link,
                    truth=truth,
                    faults=faults,
                    kinds=kinds,
                    visit=int(visit),
                    day=None if day is None else float(day),
                )
            )
        return launch(
            patient,
            seed=seed,
            speed=speed,
            side=side,
            truth=truth,
            listen=listen,
            faults=faults,
            link=link,
            kinds=kinds,
            visit=visit,
            day=day,
        )

    def connect(self, control_address: str) -> ControlClient:
        """A client of a running simulator's control endpoint."""
        return ControlClient(control_address)

    def clock(self, client: ControlClient, instrument: str | None = None) -> Clock:
        """The clock that lets a lock-step simulator run, by the streams of `instrument` (the one that records)."""
        return LockStepClock(client, instrument)

    def operator(self, client: ControlClient, clock: Clock | None = None) -> Operator:
        """Hands and voice for one exam."""
        return SimulatedOperator(client, clock)


FRONTEND = FrontendSimulators()
