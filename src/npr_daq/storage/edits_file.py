"""The edits file beside a sealed exam: read whole and proved, appended to durably, by one process at a time."""

import os
import stat
from datetime import datetime
from pathlib import Path

from npr_daq.errors import RecordingError
from npr_daq.storage.durable import Sync, lock, sync_folder
from npr_daq.storage.edits import Draft, Edits, Entry, Owner, lines_for, parse

SUFFIX = ".edits.jsonl"
MOST_BYTES = 16_000_000
"""Some twenty thousand edits; nobody makes that many in one exam."""


def edits_path(exam: str | Path) -> Path:
    """Where the edits of an exam file lie: `<exam>.edits.jsonl`, beside it."""
    return Path(exam).with_suffix(SUFFIX)


def read_edits(path: Path, *, owner: Owner) -> Edits:
    """The chain in the file at `path`, proved; an empty one where there is no file.

    RecordingError in one sentence for a damaged, foreign, newer or unreadable file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _CAUTIOUS)
    except FileNotFoundError:
        return Edits()
    except OSError as cause:
        raise _unusable(path, "read", cause) from cause
    try:
        return parse(_whole(descriptor, path), name=path.name, owner=owner)
    finally:
        os.close(descriptor)


def append(
    path: Path,
    draft: Draft,
    *,
    owner: Owner,
    when: datetime,
    software: str,
    expected: Edits | None = None,
    sync: Sync = os.fsync,
) -> Entry:
    """Append one edit and return it as stored; made if it is not there, readable by its owner alone.

    The entry and, for a new file, the name are durable on return. `expected` is the chain on which the edit was
    decided. RecordingError when the file is damaged or another exam's, when somebody has appended to it since
    `expected`, when another process is writing it, or when the disk fails; then it is as it was before.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _CAUTIOUS, 0o600)
    except OSError as cause:
        raise _unusable(path, "written", cause) from cause
    try:
        lock(descriptor, path)
        data = _whole(descriptor, path)
        so_far = parse(data, name=path.name, owner=owner)
        if expected is not None and so_far.head != expected.head:
            raise RecordingError(
                f"{path.name} has got another entry meanwhile ({len(so_far.entries)} in all); "
                "look at it with `npr-daq mark EXAM --list` and decide again"
            )
        line, entry = lines_for(draft, so_far, owner=owner, when=when, software=software)
        _write(descriptor, line, size=len(data), path=path, sync=sync)
        if not data:
            sync_folder(path.parent)
        return entry
    finally:
        os.close(descriptor)


_CAUTIOUS = 0
for _name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _CAUTIOUS |= getattr(os, _name, 0)
"""No link is followed, and no pipe is waited for."""


def _whole(descriptor: int, path: Path) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise RecordingError(f"{path} is not a regular file; move it away")
    if status.st_size > MOST_BYTES:
        raise RecordingError(f"{path} has {status.st_size} bytes, an edits file has at most {MOST_BYTES}")
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(MOST_BYTES + 1)


def _write(descriptor: int, line: bytes, *, size: int, path: Path, sync: Sync) -> None:
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        sync(descriptor)
    except OSError as cause:
        try:
            os.ftruncate(descriptor, size)
            sync(descriptor)
        except OSError as again:
            cause.add_note(f"{path.name} could not be cut back to {size} bytes: {again}")
        raise _unusable(path, "written", cause) from cause


def _unusable(path: Path, verb: str, cause: OSError) -> RecordingError:
    return RecordingError(f"the edits file {path} cannot be {verb}: {cause.strerror or cause}; nothing was changed")
