"""Pages and files: templates out of the package, a page into its file in one move, readable by its owner alone."""

import os
from importlib.resources import files
from pathlib import Path

from npr_daq.errors import RecordingError


def write_page(target: Path, page: str) -> Path:
    """Write `page` to `target` and return it; an existing file is replaced in one move.

    RecordingError when the file cannot be written; an existing one is then as it was.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        # Health data: readable by their owner alone, like the exam file itself.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(page)
            os.replace(partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as cause:
        raise RecordingError(
            f"the report {target} cannot be written: {cause.strerror or cause}; "
            "choose another name or folder with --out"
        ) from cause
    return target


def package_text(name: str) -> str:
    """A file of this package: a template or a style sheet."""
    return files("npr_daq.report").joinpath(name).read_text(encoding="utf-8")
