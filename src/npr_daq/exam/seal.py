"""Seal journals into exam files: the same whether the exam ended well or was cut off."""

import os
from pathlib import Path

from npr_daq.errors import NprError, RecordingError, UsageError
from npr_daq.exam.keep import check_replaceable, is_sealed
from npr_daq.exam.salvaged import Salvaged, told
from npr_daq.findings import Findings, compute
from npr_daq.findings.unfinished import without_findings
from npr_daq.recording import Recording
from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.durable import nobody_writes, sync_folder
from npr_daq.storage.journal_reader import JournalContents, read_journal
from npr_daq.storage.recovery import recording_from
from npr_daq.storage.writer import write_exam

DONE = ".done"


def seal(journal_path: str | Path, *, out: str | Path | None = None, first_cause: BaseException | None = None) -> Path:
    """Seal a journal into its exam file, by default `<journal>.h5` beside it, and return that path.

    May be repeated and may be killed at any moment: an exam file that is there, intact, and of this very journal is
    left as it is; the file appears under its name only when every value in it has been read back. Afterwards the
    journal is called `<name>.jrn.done` and kept. Findings that cannot be computed do not stop the sealing: the raw
    data are sealed and the quality warnings say what failed.

    An exam file or a `.jrn.done` that is there already is replaced only by a journal that begins with all that it was
    made of. RecordingError when it is not so, when the journal has no readable header, when another exam has the
    file's name, or when the disk fails; then every file is as it was, and the message says how much the journal
    holds. `first_cause` is what ended the exam early, if something did: a failure to seal then begins with it.
    """
    journal = Path(journal_path)
    if journal.suffix == DONE:
        journal = journal.with_suffix("")
    done = kept_name(journal)
    target = journal.with_suffix(".h5") if out is None else Path(out)
    source = journal if journal.exists() or not done.exists() else done
    try:
        contents = read_journal(source)
        _seal(contents, target)
        if source == journal:
            retire(contents)
    except RecordingError as cause:
        if first_cause is None:
            raise
        raise RecordingError(f"{first_cause}. It could not be sealed either: {cause}") from first_cause
    return target


def recover(directory: str | Path, *, last_stim_seq: int | None = None, boot_id: int | None = None) -> list[Salvaged]:
    """Seal every `*.jrn` in `directory`, in the order of their names; one entry each, empty when there is none.

    `last_stim_seq` is the highest stimulus number that the device has seen in its boot `boot_id`, if it was asked:
    it settles whether a shock without an outcome reached it. Nothing is ever repeated. A journal that cannot be
    sealed has its `error` set, is left as it is, and does not stop the others. Raises UsageError when there is no
    such folder, RecordingError when it cannot be read.
    """
    folder = Path(directory)
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".jrn"))
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise UsageError(f"{folder} is not a folder; give the one that holds the journals") from cause
    except OSError as cause:
        raise RecordingError(
            f"the folder {folder} cannot be read: {cause.strerror or cause}; give the one that holds the journals"
        ) from cause
    return [_one(folder / name, last_stim_seq, boot_id) for name in names]


def _one(journal: Path, last_stim_seq: int | None, boot_id: int | None) -> Salvaged:
    try:
        contents = read_journal(journal)
        with nobody_writes(journal):
            # It may have grown between reading and locking, if its exam ended just then.
            contents = read_journal(journal)
        target = journal.with_suffix(".h5")
        if contents.nothing_recorded:
            # Killed while the journal was being made: no shock had been allowed yet.
            check_replaceable(target, contents)
            retire(contents)
            return Salvaged(str(journal), None, dropped_tail_bytes=contents.lost_bytes)
        _seal(contents, target)
        retire(contents)
        return told(journal, target, contents, last_stim_seq, boot_id)
    except NprError as cause:
        return Salvaged(str(journal), None, error=str(cause))
    except Exception as cause:  # noqa: BLE001  (one journal never stops the others; its own error is told)
        text = " ".join(str(cause).split())
        error = f"an unexpected error, {type(cause).__name__}: {text}; the journal is kept, please report this"
        return Salvaged(str(journal), None, error=error)


def _seal(contents: JournalContents, target: Path) -> None:
    """Make `target` the exam file of `contents`; checks everything that could be overwritten before it writes."""
    if contents.path.suffix != DONE:
        check_replaceable(kept_name(contents.path), contents)
    if is_sealed(target, contents):
        return
    check_replaceable(target, contents)
    recording = recording_from(contents)
    try:
        write(recording, target, contents)
    except RecordingError as cause:
        entries, folder = len(contents.frames) + len(contents.later), contents.path.parent
        raise RecordingError(
            f"{cause}. The journal {contents.path} is kept and holds {entries} intact entries "
            f"({len(recording.sweeps)} sweeps); then seal it with `npr-daq recover {folder}`"
        ) from cause


def write(recording: Recording, target: Path, contents: JournalContents) -> None:
    """Compute the findings and write the exam file."""
    digest = raw_sha256(recording)
    found = findings_or_reason(recording, digest)
    write_exam(
        recording,
        found.tables(),
        target,
        attrs={
            "journal_sha256": contents.sha256,
            "journal_bytes": len(contents.data),
            "valid_frames": len(contents.frames) + len(contents.later),
            "valid_bytes": len(contents.data) - contents.lost_bytes,
        },
        findings_json=found.to_json(),
    )


def findings_or_reason(recording: Recording, digest: str | None) -> Findings:
    """The findings, or empty ones whose warning says why they could not be computed."""
    try:
        return compute(recording, raw_sha256=digest)
    except Exception as cause:  # noqa: BLE001  (raw data are sealed whatever the analysis does)
        return without_findings(recording, digest, cause)


def kept_name(journal: Path) -> Path:
    """What a journal is called once it is sealed."""
    return journal.with_name(journal.name + DONE)


def retire(contents: JournalContents) -> None:
    """Rename a sealed journal, so that no later scan takes it for an unfinished exam.

    RecordingError when a journal is kept under that name that this one does not continue; then nothing is renamed.
    """
    journal = contents.path
    check_replaceable(kept_name(journal), contents)
    try:
        os.replace(journal, kept_name(journal))
        sync_folder(journal.parent)
    except FileNotFoundError:
        # Another process sealed the same journal in the meantime; its name is the proof.
        return
    except OSError as cause:
        raise RecordingError(
            f"the exam is sealed, but its journal {journal} cannot be renamed: {cause.strerror}"
        ) from cause
