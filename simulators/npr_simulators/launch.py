"""Start a simulator process of one's own, and end it again."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from npr_daq.errors import NprError, OpenError, RecordingError, UsageError
from npr_daq.quoting import shortened
from npr_simulators.options import ONE_THREAD

START_S = 30.0
COMPLAINT_CHARACTERS = 600
STOP_S = 5.0


@dataclass(slots=True)
class Launched:
    """A running simulator process; `stop()` ends it and nothing else."""

    uri: str
    control: str
    pid: int
    process: subprocess.Popen[str]
    facts: dict[str, Any] = field(default_factory=dict)

    def stop(self) -> int | None:
        """End the process: asked first, killed after five seconds; returns its exit code. Harmless twice."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode

    def __enter__(self) -> "Launched":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def launch(
    patient: str,
    *,
    seed: int = 1,
    speed: float | str = "max",
    side: str = "left",
    truth: Path | str | None = None,
    listen: str = "pty",
    faults: Path | str | None = None,
    link: Path | str | None = None,
    kinds: Sequence[str] = ("frontend",),
    visit: int | str = 1,
    day: float | str | None = None,
    start_s: float = START_S,
) -> Launched:
    """Start simulated instruments with `patient` behind them and wait until they are ready.

    The process ends when this one does. When it does not start, raises an error with the simulator's own sentence and
    exit code: UsageError for what does not exist, RecordingError for a truth file, OpenError otherwise.
    """
    options = {"patient": patient, "seed": seed, "speed": speed, "side": side, "listen": listen, "truth": truth}
    options |= {"faults": faults, "link": link, "visit": visit, "day": day, "exit-with": os.getpid()}
    # With "=", so that a value which begins with a dash stays a value.
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    if "\0" in "".join(given):
        raise UsageError("the simulator was not started: no option may hold a zero byte")
    command = [sys.executable, "-m", "npr_simulators", *kinds, *given]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        # its own session: Ctrl-C in the terminal is for the exam, which disarms first
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            start_new_session=True,
            env=os.environ | ONE_THREAD,
        )
        line = _first_line(process, start_s)
        if line is None or not line.startswith("{"):
            ended = line == "" and _has_ended(process)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
            complaints.seek(0)
            raise _complaint(complaints.read(), code=process.returncode, start_s=start_s, ended=ended)
    facts = json.loads(line)
    return Launched(uri=facts["uri"], control=facts["control"], pid=process.pid, process=process, facts=facts)


def _has_ended(process: "subprocess.Popen[str]") -> bool:
    """Whether the process is over, or about to be: its output has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    return process.returncode is not None


def _complaint(said: str, *, code: int, start_s: float, ended: bool = False) -> NprError:
    how = f"code {code}" if code >= 0 else f"signal {-code}"
    silent = f"it ended with {how} before it was ready" if ended else f"it was not ready within {start_s:g} s"
    lines = said.strip().splitlines() or [silent]
    # A traceback tells in its last line what happened, and so does argparse.
    told = lines[-1:] if lines[0].startswith(("Traceback", "usage:")) else lines
    text = f"the simulator did not start: {shortened(' '.join(told), COMPLAINT_CHARACTERS)}"
    match code:
        case UsageError.exit_code:
            return UsageError(text)
        case RecordingError.exit_code:
            return RecordingError(text)
        case _:
            return OpenError(text)


def _first_line(process: "subprocess.Popen[str]", timeout_s: float) -> str | None:
    # a thread, not select: pipes cannot be waited on under Windows
    lines: queue.Queue[str] = queue.Queue()

    def read(stream: IO[str]) -> None:
        lines.put(stream.readline())

    assert process.stdout is not None
    reader = threading.Thread(target=read, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        line = lines.get(timeout=timeout_s)
    except queue.Empty:
        return None
    reader.join()
    return line
