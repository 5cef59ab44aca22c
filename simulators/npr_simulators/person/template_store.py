"""Templates on disk, so that the same face is ready at once the next time."""

import io
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import numpy as np

from npr_simulators.person.potentials import Waves

KEPT = 12
"""Files that stay in the folder, the newest used: six people with both halves, about 32 MB each."""
SUFFIX = ".templates.npy"
_CHECK_BYTES = 4


def folder() -> Path:
    """`$NPR_DAQ_CACHE`, else `npr-daq` in `$XDG_CACHE_HOME` or in `~/.cache`."""
    if chosen := os.environ.get("NPR_DAQ_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "npr-daq"


def kept_or_made(key: str, shape: tuple[int, ...], make: Callable[[], Waves]) -> Waves:
    """The array that belongs to `key`, from the folder, or made now and put there.

    A damaged file is made anew; a folder that cannot be read or written to only costs the time of `make`.
    """
    path = folder() / f"{key}{SUFFIX}"
    found = _read(path, shape)
    if found is None:
        found = make()
        with suppress(OSError):
            _write(path, found)
    return found


def _read(path: Path, shape: tuple[int, ...]) -> Waves | None:
    try:
        content = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    # NumPy stops reading at the end of the array: behind it is the checksum of all before
    if crc32(memoryview(content)[:-_CHECK_BYTES]) != int.from_bytes(content[-_CHECK_BYTES:], "little"):
        return None
    try:
        waves: Waves = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError):
        return None
    return waves if waves.shape == shape and waves.dtype == np.float32 else None


def _write(path: Path, waves: Waves) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    np.save(content, waves, allow_pickle=False)
    handle, name = tempfile.mkstemp(prefix=".", suffix=f"{SUFFIX}.part", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(content.getbuffer())
            file.write(crc32(content.getbuffer()).to_bytes(_CHECK_BYTES, "little"))
        os.replace(name, path)
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        raise
    _forget_old(path.parent)


def _forget_old(where: Path) -> None:
    """Delete all but the newest `KEPT`; another process may do the same."""
    used: list[tuple[float, Path]] = []
    for path in where.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            used.append((path.stat().st_mtime, path))
    for _, path in sorted(used, reverse=True)[KEPT:]:
        with suppress(OSError):
            path.unlink()
