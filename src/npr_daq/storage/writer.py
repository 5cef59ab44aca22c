"""Seal a recording into an exam file: made in memory, written beside, read back and compared, then renamed."""

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np

from npr_daq.errors import RecordingError
from npr_daq.recording import Recording
from npr_daq.storage import tables
from npr_daq.storage.columns import findings_column, scalar_text
from npr_daq.storage.digest import RawDigest, digest_of, ordered
from npr_daq.storage.durable import check_space, held, sync_folder, write_failure
from npr_daq.storage.hdf import get_attrs, get_variable, put_attrs, put_group
from npr_daq.storage.layout import (
    COMPUTED_ATTRS,
    CONVENTIONS,
    FORMAT_NAME,
    FORMAT_VERSION,
    LIBVER,
    AttrValue,
    Group,
    Variable,
)
from npr_daq.storage.raw import config_json, raw_groups
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.table import Table
from npr_daq.storage.text import clean


def write_exam(
    recording: Recording,
    findings: Mapping[str, Table],
    path: str | Path,
    *,
    attrs: Mapping[str, AttrValue] | None = None,
    findings_json: str | None = None,
) -> str:
    """Write the exam file of `recording` to `path` and return its `raw_sha256`.

    `findings` become groups below `/findings`, `findings_json` the text `/findings/json`; `attrs` are further root
    attributes (`journal_sha256`, ...). Every value is read back and compared before the file takes its name, which
    is durable on return; readable by its owner alone. Doing it again gives the same file.

    RecordingError when the disk fails or `path` is another exam or no exam file; then `path` is as it was before.
    The message says where and the likely cause; what HDF5 said is its `__cause__`.
    """
    path = Path(path)
    raw = raw_groups(recording)
    config = config_json(recording)
    digest = digest_of(config, raw)
    root = Group(attrs=root_attrs(recording, config, digest, attrs or {}))
    groups = {**raw, "audit": tables.audit(), **_findings_groups(findings, findings_json)}
    _refuse_replacing(path, recording)
    partial = path.with_name(f".{path.name}.partial")
    need_bytes = sum(v.values.nbytes for g in groups.values() for v in g.variables.values())
    check_space(path.parent, need_bytes)
    try:
        with held(partial):
            try:
                _write(partial, groups, root)
                _sync_file(partial)
                _compare(partial, groups, root, digest)
                os.replace(partial, path)
            except BaseException as cause:
                # how full the disk is, is asked before the room is given back
                failed = _unwritten(path, need_bytes, cause) if isinstance(cause, _FOREIGN) else None
                partial.unlink(missing_ok=True)
                if failed is not None:
                    raise failed from cause
                raise
        sync_folder(path.parent)
    except _FOREIGN as cause:
        raise _unwritten(path, need_bytes, cause) from cause
    return digest


_FOREIGN = (OSError, RuntimeError, ValueError, TypeError)
"""What the system and h5py raise when a file cannot be written."""


def _unwritten(path: Path, need_bytes: int, cause: Exception) -> RecordingError:
    why = write_failure(cause, folder=path.parent, need_bytes=need_bytes)
    return RecordingError(f"the exam file {path.name} could not be written in {path.parent}: {why}")


def _write(partial: Path, groups: Mapping[str, Group], root: Group) -> None:
    # HDF5 takes the process down when a disk fails under it (a full one ends in a segmentation fault), so it never
    # sees the disk: the file is made in memory, and written as bytes that either arrive or raise
    with h5py.File(
        partial.name, "w", libver=LIBVER, track_order=True, driver="core", backing_store=False, block_size=_BLOCK
    ) as file:
        put_attrs(file, root.attrs)
        for path, group in groups.items():
            put_group(file, path, group)
        file.flush()
        image = file.id.get_file_image()
    with partial.open("wb") as target:
        target.write(image)


_BLOCK = 1 << 24
"""Bytes by which the file grows in memory."""


def root_attrs(recording: Recording, config: str, digest: str, more: Mapping[str, AttrValue]) -> dict[str, AttrValue]:
    """The root attributes of the exam file of `recording`, its header as canonical JSON and its raw checksum given."""
    for name in more:
        if name in COMPUTED_ATTRS:
            raise RecordingError(f"the attribute {name} of an exam file is computed; leave it out")
    header = recording.header
    software = header.get("software") or {}
    device = header.get("device")
    simulated = header.get("simulated", isinstance(device, Mapping) and device.get("simulated", False))
    return {
        "Conventions": CONVENTIONS,
        "format_name": FORMAT_NAME,
        "format_version": FORMAT_VERSION,
        "title": f"Facial nerve exam, {'SIMULATED' if simulated else 'recorded'} data, for research use only",
        "session_uuid": clean(str(header.get("exam_id", ""))),
        "subject_code": clean(str(header.get("subject", ""))),
        "affected": clean(str(header.get("affected", ""))),
        "created": clean(str(header.get("created", ""))),
        "software": ", ".join(f"{clean(str(k))} {clean(str(v))}" for k, v in software.items())
        if isinstance(software, Mapping)
        else clean(str(software)),
        "simulated": np.int8(bool(simulated)),
        "recovered": np.int8(recording.recovered),
        "dropped_tail_bytes": np.int64(recording.dropped_tail_bytes),
        "config_json": config,
        "config_sha256": sha256(config.encode()).hexdigest(),
        "raw_sha256": digest,
        **{name: clean(value) if isinstance(value, str) else value for name, value in more.items()},
    }


def _findings_groups(findings: Mapping[str, Table], findings_json: str | None) -> dict[str, Group]:
    found: dict[str, Variable] = {}
    if findings_json is not None:
        found["json"] = scalar_text(findings_json, "all findings as one JSON object")
    groups = {"findings": Group(found)}
    for name, table in findings.items():
        if name == "json" or not name.isidentifier():
            raise RecordingError(f"a findings table cannot be called {name!r}")
        columns = {
            column: findings_column(column, values, table.units.get(column)) for column, values in table.columns.items()
        }
        lengths = {variable.values.shape[0] for variable in columns.values()}
        if len(lengths) > 1:
            raise RecordingError(f"the columns of the findings table {name!r} differ in length: {sorted(lengths)}")
        groups[f"findings/{name}"] = Group(columns)
    return groups


def _refuse_replacing(path: Path, recording: Recording) -> None:
    if not os.path.lexists(path):
        return
    try:
        with ExamFile(path) as there:
            found = there.attrs.get("session_uuid")
    except RecordingError as cause:
        raise RecordingError(f"{path} is in the way and is not replaced; move it ({cause})") from cause
    if found != clean(str(recording.header.get("exam_id", ""))):
        raise RecordingError(f"{path} is another exam and is not replaced; choose another name")


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _compare(partial: Path, groups: Mapping[str, Group], root: Group, digest: str) -> None:
    """Read everything back; RecordingError names the first thing that is not what was meant."""
    with ExamFile(partial, held=True) as written:
        file = written.hdf
        if get_attrs(file).keys() != root.attrs.keys():
            raise RecordingError(f"the attributes of {partial.name} were not written as they are")
        hashed = RawDigest(str(file.attrs["config_json"]))
        scales: dict[int, str] = {}
        for path, item in ordered(groups):
            if isinstance(item, Group):
                back: Group | Variable = Group(attrs=get_attrs(file[path]))
            else:
                back = get_variable(file[path], scales)
                if not _same(item, back):
                    raise RecordingError(f"{path} was not written as it is; the disk or memory is not to be trusted")
            if not path.startswith(("audit", "findings")):
                hashed.add(path, back)
        if hashed.hexdigest() != digest or written.attrs["raw_sha256"] != digest:
            raise RecordingError(f"the checksum of {partial.name} is not that of the recording")


def _same(meant: Variable, found: Variable) -> bool:
    if meant.values.shape != found.values.shape or meant.dims != found.dims:
        return False
    return np.array_equal(meant.values, found.values, equal_nan=meant.values.dtype.kind == "f")
