"""Single key presses from the terminal, without waiting for Enter."""

import errno
import os
import re
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

ESCAPE = "\x1b"


class Keyboard:
    """Context manager that reads keys one by one; `key()` never blocks longer than it is told.

    On a stream that is no terminal every key is "" and nothing is changed. `key` and `forget` raise OSError when the
    terminal has gone.
    """

    def __init__(self) -> None:
        self._saved: list[Any] | None = None
        self._fd = -1
        self._pressed: deque[str] = deque()

    def __enter__(self) -> "Keyboard":
        """Switch the terminal to single keys (signals such as Ctrl-C keep working)."""
        if sys.stdin.isatty() and os.name == "posix":
            import termios
            import tty

            self._fd = sys.stdin.fileno()
            self._saved = termios.tcgetattr(self._fd)
            # Without a flush: an Esc that was typed early is kept, and counts.
            tty.setcbreak(self._fd, termios.TCSANOW)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back as it was."""
        if self._saved is not None:
            import termios

            with suppress(termios.error):  # a terminal that has gone needs nothing back
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)
            self._saved = None

    @contextmanager
    def lines(self) -> Iterator[None]:
        """Whole lines for a while, as a shell has them: for questions that are answered by words."""
        if self._saved is None:
            yield
            return
        import termios
        import tty

        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)
        try:
            yield
        finally:
            tty.setcbreak(self._fd, termios.TCSANOW)

    def forget(self) -> str:
        """Drop every key pressed so far; `ESCAPE` when an Esc was among them, else ""."""
        while key := self.key(0.0):
            if key == ESCAPE:
                # Those behind it came with the Esc, or come too late to matter.
                return ESCAPE
        return ""

    def key(self, timeout_s: float) -> str:
        """The next key, or "" when none came in `timeout_s`.

        An arrow or function key (an escape sequence) comes as one string; a bare Esc as `ESCAPE`.
        """
        if self._saved is not None:
            import select

            if not self._pressed and select.select([self._fd], [], [], timeout_s)[0]:
                read = os.read(self._fd, 1024)
                if not read:
                    raise OSError(errno.EIO, "end of input")
                self._pressed.extend(split_keys(read.decode("utf-8", "replace")))
            if ESCAPE in self._pressed:
                # Whatever else was pressed with it: Esc comes first, and nothing pressed before it counts any more.
                self._pressed.clear()
                return ESCAPE
            return self._pressed.popleft() if self._pressed else ""
        if os.name == "nt" and sys.stdin.isatty():  # pragma: no cover - not run here
            return _windows_key(timeout_s)
        return ""


def forget_lines() -> None:
    """Drop the lines that were typed ahead at a terminal; nothing on other streams."""
    if sys.stdin.isatty() and os.name == "posix":
        import termios

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def split_keys(text: str) -> list[str]:
    """The keys of what came at once: an arrow or function key is one, every Esc that begins none is its own."""
    return _KEY.findall(text)


_KEY = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|.", re.DOTALL)
"""A control sequence (CSI or SS3), or any single character."""


def _windows_key(timeout_s: float) -> str:  # pragma: no cover - not run here
    import importlib
    import threading

    msvcrt = importlib.import_module("msvcrt")
    waited = threading.Event()
    for _ in range(max(1, int(timeout_s / 0.02))):
        if msvcrt.kbhit():
            return str(msvcrt.getwch())
        waited.wait(0.02)
    return ""
