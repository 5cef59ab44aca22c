"""Simulated instruments in a thread of this process: the same bytes over a memory line instead of a wire."""

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType

from npr_daq.errors import NprError, OpenError, UsageError
from npr_daq.transport.base import Transport
from npr_simulators.loop import SimulatorProcess
from npr_simulators.memory_line import MemoryLine
from npr_simulators.options import MEMORY, Options

STOP_S = 5.0


class InProcess:
    """Running instruments; made by `start`. `near` is the driver's end of the first instrument's line.

    Loop, instruments, patient and control endpoint are those of a simulator process, and device time passes as there;
    only the line is another. They share the interpreter with whoever uses them: made for tests and for many exams in
    worker processes, not for measuring how fast anything is.
    """

    def __init__(self, options: Options) -> None:
        self._lines = {kind.name: MemoryLine() for kind in options.kinds}
        self._loop = SimulatorProcess(options, lines=self._lines)
        self.facts = self._loop.facts()
        self.uri: str = self.facts["uri"]
        self.control: str = self.facts["control"]
        self.pid = os.getpid()
        self.process = None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"simulator of {options.patient}", daemon=True)
        self._thread.start()

    @property
    def near(self) -> Transport:
        """The driver's end of the first instrument's line."""
        return next(iter(self.nears.values()))

    @property
    def nears(self) -> Mapping[str, Transport]:
        """The driver's ends by kind of instrument."""
        return {name: line.near for name, line in self._lines.items()}

    def stop(self) -> None:
        """End the thread and close everything; harmless twice."""
        if self._thread.is_alive():
            self._loop.stop()
            self._thread.join(STOP_S)

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._loop.run()
        except BaseException as failure:  # noqa: BLE001 - the thread's outermost loop: its line ends, as a process's
            self.failure = failure
        finally:
            self._loop.close()


def start(options: Options) -> InProcess:
    """Start instruments in this process and wait until they are ready.

    Raises UsageError for what needs a process or a line of its own, or for what does not exist; OpenError otherwise.
    """
    if options.link is not None:
        raise UsageError("--link needs --listen pty: a memory line has no file to link to")
    try:
        return InProcess(replace(options, listen=MEMORY, exit_with=None))
    except NprError:
        raise
    except OSError as cause:
        raise OpenError(f"the simulator did not start: {cause}; close other programs and try again") from cause
