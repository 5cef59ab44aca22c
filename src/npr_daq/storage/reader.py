"""Open an exam file: checked, lazy, never modified."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import h5py

from npr_daq.errors import RecordingError
from npr_daq.recording import Recording
from npr_daq.storage.digest import RawDigest
from npr_daq.storage.hdf import get_attrs, get_variable, refuse_foreign, subgroups, variables_of
from npr_daq.storage.layout import FORMAT_MAJOR, FORMAT_NAME, RAW_GROUPS, Group
from npr_daq.storage.rebuild import rebuild

if TYPE_CHECKING:
    from xarray import DataTree

T = TypeVar("T")

_FOREIGN = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, MemoryError)
"""What h5py raises for damaged files, depending on which byte is hit."""


class ExamFile:
    """A sealed exam. Everything is read when asked for; RecordingError in one sentence where it cannot be.

    `held` says that this process holds the file's lock already (`durable.held`), so that HDF5 must not ask for it.
    """

    def __init__(self, path: str | Path, *, held: bool = False) -> None:
        self.path = Path(path)
        self.hdf = self._open(held=held)
        try:
            self._asked(self._check)
        except RecordingError:
            self.hdf.close()
            raise

    @cached_property
    def attrs(self) -> Mapping[str, Any]:
        """Root attributes as plain Python values."""
        return MappingProxyType(self._asked(lambda: {k: _plain(v) for k, v in get_attrs(self.hdf).items()}))

    @cached_property
    def header(self) -> Mapping[str, Any]:
        """The journal's header: exam id, subject, affected, protocol, device, intake, software, created."""
        found: Mapping[str, Any] = self._asked(lambda: json.loads(self.attrs["config_json"]))
        return found

    @property
    def findings_json(self) -> str | None:
        """The findings as sealed, JSON text; None where none were stored."""
        return self._asked(
            lambda: str(self.hdf["findings/json"].asstr()[()]) if "json" in self.hdf["findings"] else None
        )

    def recording(self) -> Recording:
        """The recording as it was sealed, all samples in memory."""
        return self._asked(lambda: rebuild(self.hdf, self.header))

    def raw_sha256(self) -> str:
        """The checksum over the raw groups as they are now; compare it with the attribute of that name."""
        return self._asked(self._digest)

    def to_xarray(self) -> "DataTree":
        """Everything as an xarray DataTree with dims, units and coordinates; EMG in volts, corrected.

        Gain and offset are applied and the time coordinate is shifted by the group delay, which `history` says;
        samples are not resampled, and those that never arrived are NaN. Needs the extra `xarray`.
        """
        from npr_daq.storage.datatree import tree_of

        return self._asked(lambda: tree_of(self.hdf, self.attrs))

    def close(self) -> None:
        """Give the file back; harmless twice."""
        self.hdf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, *, held: bool) -> Any:
        try:
            status = os.stat(self.path)
            # a pipe or a device would never end
            if not stat.S_ISREG(status.st_mode):
                raise RecordingError(f"there is no exam file {self.path}: that is not a regular file")
            self._bytes = status.st_size
            # otherwise as everyone opens it: HDF5 refuses two ways of locking one file in one process
            return h5py.File(self.path, "r", **({"locking": False} if held else {}))
        except (FileNotFoundError, NotADirectoryError) as cause:
            raise RecordingError(f"there is no exam file {self.path}") from cause
        except OSError as cause:
            if cause.errno is not None:
                why = os.strerror(cause.errno)
                raise RecordingError(f"the exam file {self.path} cannot be opened: {why}") from cause
            reason = "is cut short or damaged" if _is_hdf5(self.path) else "is not an exam file of npr-daq"
            raise RecordingError(f"{self.path} {reason} ({_short(cause)})") from cause

    def _check(self) -> None:
        attrs = self.hdf.attrs
        if _text(attrs.get("format_name")) != FORMAT_NAME:
            raise RecordingError(f"{self.path} is an HDF5 file, but not an exam file of npr-daq")
        version = _text(attrs.get("format_version"))
        major = version.partition(".")[0]
        if not major.isdecimal() or int(major) > FORMAT_MAJOR:
            raise RecordingError(
                f"{self.path} is of exam file format {version!r}; this program reads {FORMAT_MAJOR}.x. "
                "Use a newer npr-daq"
            )
        try:
            refuse_foreign(self.hdf, file_bytes=self._bytes)
        except RecordingError as cause:
            raise RecordingError(f"{self.path} is refused: {cause}; no exam file of npr-daq is like that") from cause

    def _digest(self) -> str:
        hashed = RawDigest(str(self.hdf.attrs["config_json"]))
        items: list[tuple[str, Any]] = []
        for top in RAW_GROUPS:
            for path, group in subgroups(self.hdf[top], top):
                items.append((path, group))
                items += [(f"{path}/{name}", dataset) for name, dataset in variables_of(group).items()]
        scales: dict[int, str] = {}
        for path, item in sorted(items, key=lambda pair: pair[0].encode()):
            group = isinstance(item, h5py.Group)
            hashed.add(path, Group(attrs=get_attrs(item)) if group else get_variable(item, scales))
        return hashed.hexdigest()

    def _asked(self, question: Callable[[], T]) -> T:
        if not self.hdf:
            raise RecordingError(f"the exam file {self.path} is closed")
        try:
            return question()
        except _FOREIGN as cause:
            raise RecordingError(
                f"{self.path} is damaged: {_short(cause)}. Restore it from a backup or seal its journal again"
            ) from cause


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except OSError:
        return False


def _short(cause: BaseException) -> str:
    text = " ".join(str(cause).split())
    return (text if len(text) <= 160 else f"{text[:157]}...") or type(cause).__name__


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
