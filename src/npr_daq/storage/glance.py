"""A glance at an exam file: its header and nothing else, in a millisecond."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py

from npr_daq.storage.layout import FORMAT_NAME


def header_of(path: Path) -> Mapping[str, Any] | None:
    """The header of the exam file at `path`, unproved; None for what is no exam file or cannot be read.

    Nothing is checked but the name of the format: what is read here is shown or helps to choose a file, and whoever
    works with the file opens it with `ExamFile`.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format_name") not in (FORMAT_NAME, FORMAT_NAME.encode()):
                return None
            found = json.loads(file.attrs["config_json"])
    except (OSError, KeyError, RuntimeError, ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def newest_first(folder: Path, *, ending: str, most: int) -> Iterator[Path]:
    """Files of `folder` whose names end in `ending`, last changed first, at most `most` of them."""
    dated = []
    try:
        for path in folder.iterdir():
            if path.name.endswith(ending) and path.is_file():
                dated.append((path.stat().st_mtime_ns, path))
    except OSError:
        # a folder that is not there, or a file that went meanwhile: what is known is enough for a glance
        pass
    for _, path in sorted(dated, reverse=True)[:most]:
        yield path
