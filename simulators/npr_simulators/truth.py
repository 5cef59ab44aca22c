"""The truth file: what the simulated patient really did, for scoring only; it never travels over the wire."""

import json
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from npr_daq.errors import RecordingError
from npr_daq.quoting import shown_path

FORMAT = "npr-daq truth"
_BEGINS = f'{{"format":"{FORMAT}"'.encode()
"""What every truth file begins with."""


class TruthSink(Protocol):
    """Where the device tells what it really delivered."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Keep one line; it must be out of this process when the call returns."""
        ...


class TruthFile:
    """JSON lines: a header, then one line per delivered pulse.

    Each line is handed to the operating system before `write` returns, so that it survives a killed simulator and
    is there before the device reports the pulse. An earlier truth file is replaced; any other file is refused, so that
    no exam is lost to a slip of the hand. Raises RecordingError where the file cannot be opened or written.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], *, created: datetime | None = None) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # read as well, to know whose file is there; without waiting, for a pipe may have no reader
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        except (OSError, ValueError) as cause:
            raise self._refused(getattr(cause, "strerror", None) or "no file can have this name") from cause
        try:
            self._take()
        except OSError as cause:
            self._file.close()
            raise self._refused(cause.strerror or str(cause)) from cause
        except RecordingError:
            self._file.close()
            raise
        stamp = (created or datetime.now(UTC)).isoformat(timespec="seconds")
        try:
            self.write({"format": FORMAT, "version": 1, "created": stamp, **header})
        except RecordingError:
            self._file.close()
            raise

    def _take(self) -> None:
        """Empty the file if it is ours to replace."""
        if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            raise self._refused("it is no regular file; give the name of a new one")
        began = self._file.read(len(_BEGINS))
        if began and began != _BEGINS:
            raise self._refused("a file that holds something else is there; give the name of a new one")
        self._file.seek(0)
        self._file.truncate()

    def _refused(self, reason: str) -> RecordingError:
        return RecordingError(f"the truth file {shown_path(self.path)} cannot be written: {reason}")

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line; raises RecordingError where the disk takes no more."""
        rest = memoryview((json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n").encode())
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as cause:
            raise self._refused(cause.strerror or str(cause)) from cause

    def close(self) -> None:
        """Close the file; harmless twice."""
        self._file.close()

    def __enter__(self) -> "TruthFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class NoTruth:
    """Keeps nothing."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Drop the line."""
