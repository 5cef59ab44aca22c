"""The file of a script of faults: TOML with [[fault]] tables, or JSON, read strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from npr_daq.errors import UsageError
from npr_daq.quoting import quoted, shown_path
from npr_daq.text_file import NotReadable, parse_json, parse_toml, read_text
from npr_simulators.fault_kinds import NEWEST, VERSIONS
from npr_simulators.faults import Fault, fault_from


def read_faults(path: Path) -> tuple[Fault, ...]:
    """The faults of a file; raises UsageError naming the file.

    TOML has `version = 2` and [[fault]] tables, JSON an object with `version` and the list `fault`. A file without a
    version, in JSON also the bare list, is of version 1.
    """
    text = read_text(path, what="fault file", refusal=UsageError)
    named = f"the fault file {shown_path(path)}"
    toml = path.suffix.lower() == ".toml"
    try:
        content: Any = parse_toml(text) if toml else parse_json(text)
        version, entries = _entries(content)
    except NotReadable as cause:
        taken_as = "TOML" if toml else "JSON, because its name does not end in .toml"
        raise UsageError(f"{named} cannot be read as {taken_as}: {cause}") from cause
    except UsageError as cause:
        raise UsageError(f"{named} {cause}") from cause
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{named} must be a list of faults: JSON, or TOML with [[fault]] tables")
    if not entries:
        raise UsageError(f"{named} has no fault in it; write [[fault]] tables (TOML) or a list of them (JSON)")
    return tuple(_numbered(number, entry, version, named) for number, entry in enumerate(entries, 1))


def _numbered(number: int, entry: Mapping[str, Any], version: int, named: str) -> Fault:
    try:
        return fault_from(entry, version=version)
    except UsageError as cause:
        raise UsageError(f"{named}, fault {number}: {str(cause).removeprefix('fault: ')}") from cause


def _entries(content: Any) -> tuple[int, Any]:
    if not isinstance(content, Mapping):
        return 1, content
    if "fault" not in content and "version" not in content and content:
        first = sorted(map(str, content))[0]
        raise UsageError(
            f"has {quoted(first)} in it; it is a list of faults: [[fault]] tables (TOML) or a list `fault` (JSON)"
        )
    version = content.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool):
        raise UsageError(f"has the version {quoted(version)}, which is no whole number; write version = {NEWEST}")
    if version not in VERSIONS:
        known = " and ".join(map(str, VERSIONS))
        raise UsageError(f"is version {quoted(version)}, this program reads {known}; write version = {NEWEST}")
    other = sorted(set(content) - {"fault", "version"})
    if other:
        raise NotReadable(f"it has {quoted(other[0])} in it, but only version and [[fault]] tables belong there")
    return version, content.get("fault", [])
