"""The console of an exam: a reader that goes away stops the run in good order instead of ending the program."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

import typer
from rich.console import Console


class ExamConsole(Console):
    """A console that tells `when_lost` when nobody reads it any more, and is silent from then on."""

    def __init__(self, *, on_stderr: bool = False) -> None:
        super().__init__(stderr=on_stderr)
        self.when_lost: Callable[[], None] | None = None

    def print(self, *objects: Any, **how: Any) -> None:
        """As any console; a terminal that has hung up (no broken pipe, an input/output error) is lost as well."""
        try:
            super().print(*objects, **how)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Fall silent and tell; the sealing of the exam is worth more than the screen."""
        self.quiet = True
        silence(sys.stderr if self.stderr else sys.stdout)
        if self.when_lost is not None:
            self.when_lost()


def silence(stream: TextIO) -> None:
    """Let a stream whose reader has gone end nowhere, so that what it still holds fails no more."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say_last(text: str) -> None:
    """A sentence on stderr that may have no reader: the exit code counts then."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def stopped_early() -> typer.Exit:
    """How an exam ends that Esc stopped before it began: a sentence and exit code 6."""
    say_last("npr-daq: the exam was stopped by the operator before it began; nothing was stored")
    return typer.Exit(6)
