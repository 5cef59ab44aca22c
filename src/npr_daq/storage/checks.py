"""Every checksum that an exam file carries, checked against what the file holds now."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import h5py
import numpy as np

from npr_daq.errors import RecordingError
from npr_daq.recording import Recording
from npr_daq.storage.columns import findings_column
from npr_daq.storage.digest import ordered
from npr_daq.storage.hdf import get_attrs, get_variable, is_dimension_only
from npr_daq.storage.layout import Group, Variable
from npr_daq.storage.raw import raw_groups
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.table import Table
from npr_daq.storage.writer import root_attrs

_FOREIGN = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError)

_WORDING = ("Conventions", "format_version", "title")
"""Root attributes that a later program may word differently."""


def data_sets(file: ExamFile) -> int:
    """Read every data set against its checksums and count them; RecordingError names the first that fails."""
    paths: list[str] = []
    file.hdf.visititems(lambda path, item: paths.append(path) if isinstance(item, h5py.Dataset) else None)
    scales: dict[int, str] = {}
    for path in paths:
        try:
            item = file.hdf[path]
            get_attrs(item)
            if not is_dimension_only(item):
                get_variable(item, scales)
        except _FOREIGN as cause:
            raise RecordingError(f"/{path} cannot be read: {' '.join(str(cause).split())}") from cause
    return len(paths)


def header(file: ExamFile) -> None:
    """The header against `config_sha256`, and the root attributes that repeat it; RecordingError names the first."""
    config = str(file.attrs.get("config_json"))
    if sha256(config.encode()).hexdigest() != file.attrs.get("config_sha256"):
        raise RecordingError("/config_json is not what config_sha256 says")
    recording = file.recording()
    meant = root_attrs(recording, config, str(file.attrs.get("raw_sha256")), {})
    _compare_attrs(file, meant)


def raw(file: ExamFile) -> str:
    """The raw groups against `raw_sha256`, which is returned; RecordingError where they are not what it says."""
    said, found = str(file.attrs.get("raw_sha256")), file.raw_sha256()
    if said != found:
        raise RecordingError(
            f"/raw_sha256: the raw groups have the checksum {found[:16]}..., and the file says {said[:16]}..."
        )
    return found


def against(file: ExamFile, recording: Recording) -> None:
    """Every raw group, value by value, against the recording of the journal; RecordingError names the first."""
    scales: dict[int, str] = {}
    for path, meant in ordered(raw_groups(recording)):
        if path not in file.hdf:
            raise RecordingError(f"/{path} is missing")
        item = file.hdf[path]
        group = isinstance(item, h5py.Group)
        found: Group | Variable = Group(attrs=get_attrs(item)) if group else get_variable(item, scales)
        if isinstance(meant, Variable) and not (isinstance(found, Variable) and _same(meant, found)):
            raise RecordingError(f"/{path} is not what the journal holds")
    config = str(file.attrs.get("config_json"))
    _compare_attrs(file, root_attrs(recording, config, str(file.attrs.get("raw_sha256")), {}))


def findings_tables(file: ExamFile, tables: Mapping[str, Table]) -> int:
    """The tables below `/findings` against those of the stored JSON, counted; RecordingError names the first column.

    Columns that this program has added since are not in the file and are no difference.
    """
    stored = file.hdf["findings"]
    count = 0
    for name in stored:
        if name == "json":
            continue
        if name not in tables:
            raise RecordingError(f"/findings/{name} is not in the findings' JSON")
        table, count = tables[name], count + 1
        for column, item in stored[name].items():
            if is_dimension_only(item):
                continue
            path = f"/findings/{name}/{column}"
            if column not in table.columns:
                raise RecordingError(f"{path} is not in the findings' JSON")
            meant = findings_column(column, table.columns[column], table.units.get(column))
            if not _same(meant, get_variable(item)):
                raise RecordingError(f"{path} is not what the findings' JSON says")
    return count


def _compare_attrs(file: ExamFile, meant: Mapping[str, Any]) -> None:
    for name, value in meant.items():
        if name in _WORDING:
            continue
        if file.attrs.get(name) != value:
            raise RecordingError(f"the attribute /{name} is {file.attrs.get(name)!r:.60}, it should be {value!r:.60}")


def _same(meant: Variable, found: Variable) -> bool:
    if meant.values.shape != found.values.shape:
        return False
    return bool(np.array_equal(meant.values, found.values, equal_nan=meant.values.dtype.kind == "f"))
