"""What makes a file and its name survive a power cut, and the question whether it will fit."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil, floor
from pathlib import Path

from npr_daq.errors import RecordingError

Sync = Callable[[int], None]

sync_data: Sync = getattr(os, "fdatasync", os.fsync)
"""Make the contents of an open file durable; `fsync` where the system has no `fdatasync`."""


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable after a create or a rename; does nothing where folders cannot be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_space(folder: Path, need_bytes: int) -> None:
    """Raise RecordingError when `folder` has less than `need_bytes` free; nothing is written."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as cause:
        raise RecordingError(
            f"the folder {folder} cannot be used: {cause.strerror or cause}; choose another"
        ) from cause
    if free < need_bytes:
        raise RecordingError(
            f"this exam needs {_size(need_bytes, ceil)} in {folder} and {_size(free, floor)} are free; "
            "free space or choose another folder"
        )


def _size(count: int, rounded: Callable[[float], int]) -> str:
    """Bytes in words: kB below 1 MB, so that nothing is ever called 0 MB."""
    return f"{rounded(count / 1e6)} MB" if count >= 1e6 else f"{rounded(count / 1e3)} kB"


def write_failure(cause: Exception, *, folder: Path, need_bytes: int) -> str:
    """Why a file could not be written in `folder`, and what to do, from whatever the system or HDF5 raised."""
    number = getattr(cause, "errno", None)
    if number is None and (said := re.search(r"errno = (\d+)", str(cause))):
        number = int(said[1])
    if number is not None:
        return f"{os.strerror(number)}; free space or choose another folder"
    if isinstance(cause, TypeError | ValueError):
        return f"HDF5 has no form for what it should hold ({cause})"
    try:
        full = shutil.disk_usage(folder).free < need_bytes
    except OSError:
        full = False
    likely = "the disk is probably full" if full else "the disk failed, or a file may not become this large"
    return f"{likely}; free space or choose another folder"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """An empty file `path` that only this process writes, readable by its owner alone; a left-over one is taken over.

    The lock goes with the process, however it ends. RecordingError when another process holds it. Where the system
    has no `flock` nothing is locked.
    """
    while True:
        flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(path, flags, 0o600)
        try:
            lock(descriptor, path)
            # the holder before may have renamed the file between our open and our lock
            if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), os.stat(path)):
                os.truncate(descriptor, 0)
                os.chmod(path, 0o600)
                yield
                return
        finally:
            os.close(descriptor)


@contextmanager
def nobody_writes(path: Path) -> Iterator[None]:
    """Hold an existing file that nobody else writes; RecordingError while another process has it locked."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def lock(descriptor: int, path: Path) -> None:
    """Lock an open file for this process; the lock goes with the descriptor, however the process ends.

    RecordingError when another process holds it. Where the system has no `flock` nothing is locked.
    """
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as cause:
        raise RecordingError(f"{path} is being written by another process; wait for it") from cause
