"""The truth file: what the simulated patient really did, for scoring only; it never travels over the wire."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from npr_daq.errors import RecordingError
from npr_daq.quoting import shown_path


class TruthSink(Protocol):
    """Where the device tells what it really delivered."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Keep one line; it must be out of this process when the call returns."""
        ...


class TruthFile:
    """JSON lines: a header, then one line per delivered pulse.

    Each line is flushed to the operating system before `write` returns, so that it survives a killed simulator and
    is there before the device reports the pulse.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], *, created: datetime | None = None) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except (OSError, ValueError) as cause:
            reason = getattr(cause, "strerror", None) or "no file can have this name"
            raise RecordingError(f"the truth file {shown_path(path)} cannot be written: {reason}") from cause
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        stamp = (created or datetime.now(UTC)).isoformat(timespec="seconds")
        self.write({"format": "npr-daq truth", "version": 1, "created": stamp, **header})

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line and flush it."""
        self._file.write(json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n")
        self._file.flush()

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
