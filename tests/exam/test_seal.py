"""Sealing and recovery: nothing acknowledged is lost, whatever is cut, repeated, or fails on the way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from npr_daq.errors import RecordingError, UsageError
from npr_daq.exam import seal as sealing
from npr_daq.exam.exam import open_exam
from npr_daq.exam.seal import recover, seal
from npr_daq.findings import Findings
from npr_daq.recording import Recording
from npr_daq.storage.reader import ExamFile

WriteJournal = Callable[..., Path]


def test_seal_keeps_every_count_and_stores_the_findings(
    recording: Recording, write_journal: WriteJournal, tmp_path: Path
) -> None:
    journal = write_journal(recording, tmp_path / "0a1b2c3d-conduction_extended.jrn")
    path = seal(journal)
    assert path == tmp_path / "0a1b2c3d-conduction_extended.h5"
    assert not journal.exists()
    assert (tmp_path / "0a1b2c3d-conduction_extended.jrn.done").exists()
    with open_exam(path) as exam:
        assert len(exam.recording.sweeps) == len(recording.sweeps)
        for kept, given in zip(exam.recording.sweeps, recording.sweeps, strict=True):
            np.testing.assert_array_equal(kept.counts, given.counts)
        assert exam.findings.provenance["raw_sha256"] == exam.attrs["raw_sha256"]
        assert exam.findings.conduction[0].sweeps == 5
        assert exam.simulated


def test_a_sealed_exam_is_left_as_it_is(recording: Recording, write_journal: WriteJournal, tmp_path: Path) -> None:
    journal = write_journal(recording, tmp_path / "a.jrn")
    path = seal(journal)
    before = (path.stat().st_ino, path.read_bytes())
    assert seal(journal) == path
    assert seal(tmp_path / "a.jrn.done") == path
    assert (path.stat().st_ino, path.read_bytes()) == before


def test_killed_between_file_and_rename(recording: Recording, write_journal: WriteJournal, tmp_path: Path) -> None:
    journal = write_journal(recording, tmp_path / "a.jrn")
    path = seal(journal)
    inode = path.stat().st_ino
    (tmp_path / "a.jrn.done").rename(journal)
    assert seal(journal) == path
    assert path.stat().st_ino == inode
    assert not journal.exists()


def test_a_journal_that_grew_after_sealing_is_sealed_again(
    recording: Recording, write_journal: WriteJournal, tmp_path: Path
) -> None:
    whole = write_journal(recording, tmp_path / "a.jrn").read_bytes()
    (tmp_path / "a.jrn").write_bytes(whole[: len(whole) // 2])
    with ExamFile(seal(tmp_path / "a.jrn")) as half:
        assert 0 < len(half.recording().sweeps) < len(recording.sweeps)
    (tmp_path / "a.jrn.done").rename(tmp_path / "a.jrn")
    (tmp_path / "a.jrn").write_bytes(whole)
    with ExamFile(seal(tmp_path / "a.jrn")) as full:
        assert len(full.recording().sweeps) == len(recording.sweeps)


def test_failing_findings_never_stop_the_sealing(
    recording: Recording, write_journal: WriteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Findings:
        raise ZeroDivisionError("a planted fault")

    monkeypatch.setattr(sealing, "compute", broken)
    with open_exam(seal(write_journal(recording, tmp_path / "a.jrn"))) as exam:
        assert len(exam.recording.sweeps) == len(recording.sweeps)
        assert "a planted fault" in exam.findings.quality["warnings"][0]
        assert len(exam.findings.conduction) == 0
        assert len(exam.analyse().conduction) == 2


def test_recover_says_what_was_salvaged_and_what_is_unknown(
    recording: Recording, write_journal: WriteJournal, tmp_path: Path
) -> None:
    journal = write_journal(recording, tmp_path / "a.jrn", clean=False, dangling=True)
    with journal.open("ab") as file:
        file.write(b"torn")
    highest = recording.sweeps[-1].stim_seq
    [result] = recover(tmp_path, last_stim_seq=highest, boot_id=7)
    assert result.error is None
    assert result.sweeps == len(recording.sweeps)
    assert result.dropped_tail_bytes == 4
    assert "never reached the device" in result.unknown[0]
    assert "4 bytes" in result.describe()
    with open_exam(tmp_path / "a.h5") as exam:
        warnings = " ".join(exam.findings.quality["warnings"])
        assert "may have been delivered" in warnings
        assert exam.attrs["recovered"] == 1
    assert recover(tmp_path) == []


@pytest.mark.parametrize(
    ("last", "boot", "said"), [(9999, 7, ": that number reached it"), (0, 8, "restarted"), (None, None, "not repeated")]
)
def test_the_device_settles_an_unknown_shock(
    recording: Recording, write_journal: WriteJournal, tmp_path: Path, last: int | None, boot: int | None, said: str
) -> None:
    write_journal(recording, tmp_path / "a.jrn", clean=False, dangling=True)
    [result] = recover(tmp_path, last_stim_seq=last, boot_id=boot)
    assert result.unknown[0].endswith(said) or said in result.unknown[0]


def test_one_bad_journal_does_not_stop_the_others(
    recording: Recording, write_journal: WriteJournal, tmp_path: Path
) -> None:
    (tmp_path / "a.jrn").write_bytes(b"this is somebody's shopping list, longer than any magic number")
    (tmp_path / "b.jrn").write_bytes(b"")
    write_journal(recording, tmp_path / "c.jrn")
    bad, empty, good = recover(tmp_path)
    assert bad.error
    assert "not sealed" in bad.describe()
    assert (tmp_path / "a.jrn").exists()
    assert empty.error is None
    assert empty.exam is None
    assert "ends inside its first entry (0 bytes)" in empty.describe()
    assert good.exam == str(tmp_path / "c.h5")
    assert set(good.to_dict()) >= {"journal", "exam", "sweeps", "unknown", "dropped_tail_bytes", "error"}


def test_another_exam_is_never_replaced(recording: Recording, write_journal: WriteJournal, tmp_path: Path) -> None:
    path = seal(write_journal(recording, tmp_path / "a.jrn"))
    before = path.read_bytes()
    other = Recording(
        header={**recording.header, "exam_id": "another"}, montage=recording.montage, calibration=recording.calibration
    )
    journal = write_journal(other, tmp_path / "b.jrn")
    with pytest.raises(RecordingError, match="another exam"):
        seal(journal, out=path)
    assert path.read_bytes() == before
    assert journal.exists()


def test_an_exam_without_sweeps_has_empty_tables(
    recording: Recording, write_journal: WriteJournal, tmp_path: Path
) -> None:
    bare = Recording(header=recording.header, montage=recording.montage, calibration=recording.calibration)
    with open_exam(seal(write_journal(bare, tmp_path / "a.jrn"))) as exam:
        found = exam.analyse().to_dict()
    assert [found[name] for name in ("conduction", "symmetry", "evoked_spread", "dose")] == [[], [], [], []]


def test_recover_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        recover(tmp_path / "absent")
