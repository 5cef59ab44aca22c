"""What may be replaced: a sealed file only by the journal that it was made of, or by one that went on from there."""

import hashlib
import os
from pathlib import Path

from npr_daq.errors import RecordingError
from npr_daq.storage.edits_file import edits_path
from npr_daq.storage.journal_reader import JournalContents
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.text import clean


def is_sealed(target: Path, contents: JournalContents) -> bool:
    """Whether `target` is the intact exam file of just this journal."""
    if not os.path.exists(target):
        return False
    try:
        with ExamFile(target) as file:
            same = file.attrs.get("journal_sha256") == contents.sha256
            return same and file.raw_sha256() == file.attrs.get("raw_sha256")
    except RecordingError:
        return False


def check_replaceable(there: Path, contents: JournalContents) -> None:
    """RecordingError unless nothing is at `there`, or only what `contents` begin with in full.

    `there` is an exam file (`.h5` and whatever else is no journal) or a journal that was kept (`.done`). A shorter or
    a different copy of a journal never replaces what was made of a longer one, even where that is damaged.
    """
    if not os.path.lexists(there):
        return
    digest, size = _kept(there) if there.suffix == ".done" else _sealed_from(there, contents)
    edits = edits_path(there)
    if there.suffix != ".done" and digest != contents.sha256 and edits.exists():
        raise RecordingError(
            f"{there} has edits ({edits.name}), which belong to its raw data as they are; it is not replaced by a "
            "longer recording. Move both away and seal again, then move the markers anew"
        )
    if not contents.continues(digest=digest, size=size):
        raise RecordingError(
            f"{contents.path} ({len(contents.data)} bytes) does not continue the journal of {size} bytes "
            f"behind {there}; no file was changed. If it is an older or shortened copy, move it away; otherwise move "
            f"{there.name} away and seal again"
        )


def _kept(there: Path) -> tuple[str, int]:
    if not there.is_file():
        raise RecordingError(f"{there} is in the way and is not a regular file; no file was changed, move it away")
    try:
        with there.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
    except OSError as cause:
        raise RecordingError(
            f"{there} is in the way and cannot be read: {cause.strerror or cause}; no file was changed, move it away"
        ) from cause


def _sealed_from(there: Path, contents: JournalContents) -> tuple[str, int]:
    try:
        with ExamFile(there) as file:
            attrs = file.attrs
    except RecordingError as cause:
        raise RecordingError(f"{there} is in the way and is not replaced; move it away ({cause})") from cause
    if contents.header and attrs.get("session_uuid") != clean(str(contents.header.get("exam_id", ""))):
        raise RecordingError(f"{there} is another exam and is not replaced; choose another name")
    if attrs.get("journal_sha256") == contents.sha256:
        return contents.sha256, len(contents.data)
    if "journal_bytes" not in attrs:
        raise RecordingError(f"{there} does not say what journal it was made of and is not replaced; move it away")
    return str(attrs["journal_sha256"]), int(attrs["journal_bytes"])
