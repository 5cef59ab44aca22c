"""Sealing that fails: the first cause survives, and the sentence says where, why, what is safe and what to do."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from npr_daq.errors import Closed, RecordingError
from npr_daq.exam.seal import recover, seal
from npr_daq.recording import Event, Recording
from npr_daq.storage import durable, writer
from npr_daq.storage.journal import Journal
from npr_daq.storage.journal_reader import read_journal


@pytest.fixture
def journal(recording: Recording, write_journal: Callable[..., Path], tmp_path: Path) -> Path:
    return write_journal(recording, tmp_path / "a.jrn", clean=False)


def slist(*_: object) -> None:
    """What HDF5 says when the disk is full, flushing a file that it closes."""
    raise RuntimeError("Can't decrement id ref count (unable to close file, errno = 28, Set slist enabled failed)")


def silent(*_: object) -> None:
    raise RuntimeError("Set slist enabled failed")


@pytest.mark.parametrize(
    ("fail", "why"), [(slist, os.strerror(errno.ENOSPC)), (silent, "the disk failed, or a file may not become this")]
)
def test_what_hdf5_says_is_never_the_sentence(
    recording: Recording,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    fail: Callable[..., None],
    why: str,
) -> None:
    monkeypatch.setattr(writer, "_write", fail)
    with pytest.raises(RecordingError) as error:
        seal(journal)
    said = str(error.value)
    assert "slist" not in said
    assert f"the exam file a.h5 could not be written in {journal.parent}: {why}" in said
    assert "free space or choose another folder" in said
    entries = len(read_journal(journal).frames)
    assert f"{journal} is kept and holds {entries} intact entries ({len(recording.sweeps)} sweeps)" in said
    assert f"npr-daq recover {journal.parent}" in said
    assert [p.name for p in journal.parent.iterdir()] == ["a.jrn"]
    assert recover(journal.parent)[0].error is not None


def test_a_disk_that_is_full_at_the_failure_is_named(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(partial: Path, *_: object) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
        silent()

    monkeypatch.setattr(writer, "_write", full)
    with pytest.raises(RecordingError, match="the disk is probably full; free space"):
        seal(journal)


def test_the_first_cause_of_a_poisoned_journal_survives_a_failed_sealing(
    recording: Recording, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing: list[bool] = []

    def sync(_: int) -> None:
        if failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    running = Journal.create(tmp_path / "b.jrn", read_journal(journal).header, sync=sync)
    assert running.failure is None
    running.sweep(recording.sweeps[0])
    failing.append(True)
    running.event(Event("a", "b"))
    with pytest.raises(RecordingError) as first:
        running.sync()
    running.close(clean=False)
    assert running.failure == str(first.value)
    monkeypatch.setattr(writer, "_write", silent)
    with pytest.raises(RecordingError) as both:
        seal(tmp_path / "b.jrn", first_cause=first.value)
    said = str(both.value)
    assert said.startswith(f"the journal {tmp_path / 'b.jrn'} could not be made durable (No space left on device)")
    assert "2 of 3 entries are safe" in said
    assert f"npr-daq recover {tmp_path}" in said
    assert "could not be sealed either: the exam file b.h5 could not be written" in said
    assert both.value.__cause__ is first.value


def test_any_first_cause_comes_first(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_write", silent)
    with pytest.raises(
        RecordingError, match=r"^the far end has gone\. It could not be sealed either: .*intact entries"
    ):
        seal(journal, first_cause=Closed("the far end has gone"))


@pytest.mark.parametrize(
    ("need", "free", "said"),
    [
        (400_001, 12_345, "needs 401 kB .* 12 kB are free"),
        (1_000_001, 999_999, "needs 2 MB .* 999 kB are free"),
        (1, 0, "needs 1 kB .* 0 kB are free"),
    ],
)
def test_no_message_says_that_0_mb_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, need: int, free: int, said: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(RecordingError, match=said):
        durable.check_space(tmp_path, need)


_LIMITED = """
import resource, sys
from npr_daq.exam.seal import recover
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
[result] = recover(sys.argv[1])
print(result.error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_that_really_fails_is_a_sentence_and_never_takes_the_process_down(journal: Path) -> None:
    # in a child: HDF5 on a failing disk crashes at the end of the process, long after its error was caught
    before = journal.read_bytes()
    assert len(before) > 100_000
    ran = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(journal.parent)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"could not be written in {journal.parent}: File too large; free space" in ran.stdout
    assert [(p.name, p.read_bytes()) for p in journal.parent.iterdir()] == [("a.jrn", before)]
    assert recover(journal.parent)[0].error is None
