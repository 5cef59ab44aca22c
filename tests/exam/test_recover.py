"""Recovery of a folder: damage is told as it is, and no journal stops another."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from npr_daq.errors import RecordingError, UsageError
from npr_daq.exam import seal as sealing
from npr_daq.exam.exam import open_exam
from npr_daq.exam.salvaged import Salvaged
from npr_daq.exam.seal import recover
from npr_daq.recording import Recording
from npr_daq.storage.frames import FrameType, encode_frame
from npr_daq.storage.journal import Journal
from npr_daq.storage.journal_reader import JournalContents, read_journal
from npr_daq.storage.recovery import recording_from


@pytest.fixture(scope="module")
def data(recording: Recording, write_journal: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_journal(recording, tmp_path_factory.mktemp("whole") / "a.jrn").read_bytes()


def spoiled(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 4
    return bytes(changed)


def test_one_flipped_bit_costs_one_entry_and_is_told(recording: Recording, data: bytes, tmp_path: Path) -> None:
    at = data.index(recording.sweeps[2].counts.tobytes())
    (tmp_path / "a.jrn").write_bytes(spoiled(data, at))
    [result] = recover(tmp_path)
    assert result.error is None
    assert result.sweeps == len(recording.sweeps) - 1
    [damage] = result.damage
    assert f"({len(recording.sweeps) - 3} sweeps) exist behind" in damage
    assert "lost before or between them: 1" in damage
    [lost] = result.unstored
    assert "was delivered and its response was not stored" in lost
    assert "acknowledged" not in result.describe()
    assert damage in result.describe()
    with open_exam(tmp_path / "a.h5") as exam:
        assert exam.attrs["recovered"] == 1
        assert [s.n for s in exam.recording.sweeps] == [s.n for i, s in enumerate(recording.sweeps) if i != 2]
        assert "journal damaged" in [event.kind for event in exam.recording.events]
        assert f"{result.dropped_tail_bytes} damaged bytes" in " ".join(exam.findings.quality["warnings"])
    assert (tmp_path / "a.jrn.done").read_bytes() == spoiled(data, at)


def test_a_damaged_last_entry_is_not_called_torn(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jrn").write_bytes(spoiled(data, len(data) - 1))
    [result] = recover(tmp_path)
    assert "bytes of the journal are damaged" in result.damage[0]
    assert "acknowledged" not in result.describe()


def test_what_was_salvaged_of_rest_and_movements_is_said() -> None:
    assert "x.h5: 0 sweeps salvaged" in Salvaged("x.jrn", "x.h5").describe()
    moved = Salvaged("x.jrn", "x.h5", recordings=2, repetitions=1)
    assert "x.h5: 2 recordings of rest and movement with 1 repetition salvaged" in moved.describe()
    both = Salvaged("x.jrn", "x.h5", sweeps=12, recordings=1)
    assert "x.h5: 12 sweeps and 1 recording of rest and movement salvaged" in both.describe()


def test_an_entry_that_was_cut_off_is_called_so(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jrn").write_bytes(data[: len(data) // 2])
    [result] = recover(tmp_path)
    assert (result.error, result.damage) == (None, ())
    assert "an entry that was cut off while it was written" in result.describe()


@pytest.mark.parametrize("position", [0, 5, 40, 200])
@pytest.mark.parametrize("length", [60_000, None])
def test_a_damaged_header_is_an_error_and_the_journal_stays(
    data: bytes, tmp_path: Path, position: int, length: int | None
) -> None:
    broken = spoiled(data, position)[:length]
    (tmp_path / "a.jrn").write_bytes(broken)
    [result] = recover(tmp_path)
    assert result.error is not None
    assert "header" in result.error
    assert "is damaged" in result.error
    assert "nothing was recorded" not in result.describe()
    entries = len(read_journal(tmp_path / "a.jrn").later)
    assert entries > 0
    assert f"behind it {entries} entries" in result.error
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.jrn", broken)]


def entry(data: bytes, kind: FrameType, text: bytes, tmp_path: Path) -> bytes:
    """The header of `data` and one intact entry."""
    (tmp_path / "whole.jrn").write_bytes(data)
    header = read_journal(tmp_path / "whole.jrn").frames[0]
    (tmp_path / "whole.jrn").unlink()
    end = data.index(b"NPRJ", 4)
    return data[:end] + b"".join(encode_frame(kind, text, sequence=1, host_ns=2**64 - 1, seed=header.checksum))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("OUTCOME", b'{"boot_id":1,"stim_seq":1,"status":"foo","report":null,"text":""}'),
        ("OUTCOME", b'{"boot_id":1,"stim_seq":1,"status":[],"report":null,"text":""}'),
        ("OUTCOME", b'{"boot_id":1,"stim_seq":1,"status":"delivered","report":{},"text":""}'),
        ("INTENT", b'{"boot_id":1,"stim_seq":1,"step":"x","stimulus":{"a":1},"role":"search","why":{}}'),
        ("INTENT", b'{"boot_id":1,"stim_seq":1,"step":"x","stimulus":[1],"role":"search","why":{}}'),
        (
            "INTENT",
            b'{"boot_id":1,"stim_seq":1,"stimulus":{"side":"left","site":"trunk","current_ma":"x","width_us":1},'
            b'"why":{}}',
        ),
        (
            "INTENT",
            b'{"boot_id":[],"stim_seq":1,"stimulus":{"side":"left","site":"trunk","current_ma":1,"width_us":1},'
            b'"why":{}}',
        ),
        ("IMPEDANCE", b'{"rows":["a"]}'),
        ("IMPEDANCE", b'{"rows":5}'),
        ("SEARCH", b'{"step":"x","evidence":5}'),
        ("SEARCH", b'{"step":5,"evidence":{}}'),
        ("JUDGEMENT", b'{"n":1,"role":"rejected","reason":5}'),
        ("GAP", b'{"stream_id":1,"first_sample":%d,"missing":1,"cause":""}' % 10**30),
        ("GAP", b'{"stream_id":1,"first_sample":1,"missing":-1,"cause":""}'),
        ("EVENT", b'{"kind":"x","text":"y","stream_id":0,"sample":1e400,"host_ns":0,"detail":{}}'),
        ("EVENT", b'{"kind":"x","text":"y","stream_id":0,"sample":0,"host_ns":0,"detail":[]}'),
        (
            "EVENT",
            b'{"kind":"x","text":"y","stream_id":0,"sample":0,"host_ns":0,"detail":{"a":%s1%s}}'
            % (b"[" * 400, b"]" * 400),
        ),
        ("CAPTURE", b'{"total":"x","offset":0,"shape":[2,0]}'),
        ("CAPTURE", b'{"total":0,"offset":0,"name":"x","step":"s","stream_id":1,"rate_hz":1e300,"first_sample":0,'
         b'"shape":[2,0]}'),
        ("CAPTURE", b'{"total":0,"offset":0,"name":"x","step":"s","stream_id":1,"rate_hz":1e3,"first_sample":0,'
         b'"shape":[3,0]}'),
        ("SAMPLES", b'{"stream_id":[],"shape":[2,0]}'),
        ("SWEEP", b'{"shape":[2,0]}'),
    ],
)  # fmt: skip
def test_an_intact_senseless_entry_is_told_and_stops_nothing(
    recording: Recording, data: bytes, tmp_path: Path, kind: str, text: bytes
) -> None:
    (tmp_path / "a.jrn").write_bytes(entry(data, FrameType[kind], text, tmp_path))
    [result] = recover(tmp_path)
    assert result.error is None
    assert len(result.damaged) == 1
    assert f"({kind.lower()}) is intact but makes no sense" in result.damaged[0]
    with open_exam(tmp_path / "a.h5") as exam:
        [event] = exam.recording.events
        assert event.kind == "unreadable entry"
        assert event.detail["sequence"] == 1
        assert "could not be computed" not in " ".join(exam.findings.quality["warnings"])


@pytest.mark.parametrize("error", [RecordingError("a planted fault"), ZeroDivisionError("a planted fault")])
def test_no_error_of_one_journal_stops_the_others(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    for name in ("a.jrn", "b.jrn"):
        (tmp_path / name).write_bytes(data)
    real = recording_from

    def failing(contents: JournalContents) -> Recording:
        if contents.path.name == "a.jrn":
            raise error
        return real(contents)

    monkeypatch.setattr(sealing, "recording_from", failing)
    first, second = recover(tmp_path)
    assert "a planted fault" in str(first.error)
    assert type(error).__name__ in str(first.error) or isinstance(error, RecordingError)
    assert (second.error, second.exam) == (None, str(tmp_path / "b.h5"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jrn", "b.h5", "b.jrn.done"]


def test_links_and_folders_called_journal_are_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "folder.jrn").mkdir()
    (tmp_path / "dangling.jrn").symlink_to("absent")
    (tmp_path / "good.jrn").write_bytes(data)
    dangling, folder, good = recover(tmp_path)
    assert "cannot be read" in str(dangling.error)
    assert "not a regular file" in str(folder.error)
    assert good.error is None


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent", tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="is not a folder"):
            recover(path)
    with pytest.raises(RecordingError, match="File name too long"):
        recover(tmp_path / ("x" * 300))


def test_a_folder_that_may_not_be_read_is_not_called_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "listdir", refused)
    with pytest.raises(RecordingError, match="cannot be read: Permission denied"):
        recover(tmp_path)


def test_the_journal_of_a_running_exam_is_left_alone(
    recording: Recording, write_journal: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("fcntl", reason="not run: this system has no file locks")
    header = read_journal(write_journal(recording, tmp_path / "a.jrn")).header
    folder = tmp_path / "exams"
    folder.mkdir()
    journal = Journal.create(folder / "live.jrn", header)
    journal.sweep(recording.sweeps[0])
    before = (folder / "live.jrn").read_bytes()
    (result,) = recover(folder)
    assert result.error is not None
    assert "being written by another process" in result.error
    assert [path.name for path in folder.iterdir()] == ["live.jrn"]
    assert (folder / "live.jrn").read_bytes() == before
    journal.close(clean=False)
    (result,) = recover(folder)
    assert result.error is None
    assert result.sweeps == 1
