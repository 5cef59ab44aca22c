"""What is heard of a cue: the terminal's bell, and a spoken sentence where a speech program is installed."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from npr_daq.operator import Notice

PROGRAMS = ("spd-say", "espeak-ng", "espeak", "say")
SPEAK = "NPR_DAQ_SPEAK"
BELL = "NPR_DAQ_BELL"


def speech_program() -> str | None:
    """The speech program to use: the first that is installed, where the environment asks for speech."""
    if os.environ.get(SPEAK) != "1":
        return None
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def bell_wanted() -> bool:
    """Whether the bell may ring: unless the environment says 0."""
    return os.environ.get(BELL) != "0"


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)


@dataclass(slots=True)
class CueSound:
    """Rings `bell` at cue and release and starts `program` with the words; waits for nothing and never fails."""

    bell: Callable[[], None] | None = None
    program: str | None = None
    start: Callable[[Sequence[str]], subprocess.Popen[bytes]] = _start
    _speaking: list[subprocess.Popen[bytes]] = field(init=False, default_factory=list)

    def take(self, notice: Notice) -> None:
        """Make heard what is to be heard of a notice."""
        if notice.kind in ("cue", "release") and self.bell is not None:
            self.bell()
        if notice.kind in ("next", "cue", "release") and self.program is not None:
            self._say(notice.text)

    def close(self) -> None:
        """Break off what is still spoken."""
        for program in self._speaking:
            program.kill()
            program.wait()
        self._speaking = []

    def _say(self, text: str) -> None:
        # A sentence that is still spoken would make this one late; none is waited for.
        self._speaking = [program for program in self._speaking if program.poll() is None]
        for program in self._speaking:
            program.terminate()
        try:
            self._speaking.append(self.start((self.program or "", text)))
        except OSError:
            self.program = None
