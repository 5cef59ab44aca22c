"""What is sealed already is replaced only by a journal that begins with all of it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from npr_daq.errors import RecordingError
from npr_daq.exam.seal import recover, seal
from npr_daq.recording import Recording
from npr_daq.storage.reader import ExamFile


@pytest.fixture(scope="module")
def sealed(
    recording: Recording, write_journal: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bytes]:
    """A folder with `a.h5` and `a.jrn.done`, and the journal's bytes."""
    folder = tmp_path_factory.mktemp("sealed")
    data = write_journal(recording, folder / "a.jrn").read_bytes()
    seal(folder / "a.jrn")
    return folder, data


@pytest.fixture
def folder(sealed: tuple[Path, bytes], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed[0], tmp_path / "exams"))


@pytest.fixture
def data(sealed: tuple[Path, bytes]) -> bytes:
    return sealed[1]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def spoiled(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 4
    return bytes(changed)


@pytest.mark.parametrize("part", ["half", "header", "nothing", "one byte", "flipped", "all but one byte"])
@pytest.mark.parametrize("gone", ["", "a.h5", "a.jrn.done"])
def test_a_shorter_or_other_copy_replaces_nothing(folder: Path, data: bytes, part: str, gone: str) -> None:
    copies = {
        "half": data[: len(data) // 2],
        "header": data[:100],
        "nothing": b"",
        "one byte": data[:1],
        "flipped": spoiled(data, len(data) // 2),
        "all but one byte": data[:-1],
    }
    (folder / "a.jrn").write_bytes(copies[part])
    if gone:
        (folder / gone).unlink()
    before = contents(folder)
    [result] = recover(folder)
    assert result.error is not None
    assert "does not continue" in result.error
    assert "no file was changed" in result.error
    assert "nothing was recorded" not in result.describe()
    assert contents(folder) == before


def test_a_journal_that_went_on_replaces_what_was_made_of_its_beginning(tmp_path: Path, data: bytes) -> None:
    for length in (len(data) // 3, len(data) // 2, len(data)):
        (tmp_path / "a.jrn").write_bytes(data[:length])
        [result] = recover(tmp_path)
        assert result.error is None
        assert (tmp_path / "a.jrn.done").read_bytes() == data[:length]
        with ExamFile(tmp_path / "a.h5") as exam:
            assert len(exam.recording().sweeps) == result.sweeps
            assert exam.attrs["journal_bytes"] == length
    assert result.clean


def test_the_same_journal_once_more_is_harmless(folder: Path, data: bytes) -> None:
    before = contents(folder)
    (folder / "a.jrn").write_bytes(data)
    [result] = recover(folder)
    assert result.error is None
    assert contents(folder) == before


def test_a_damaged_exam_file_is_made_again_from_its_own_journal_only(folder: Path, data: bytes) -> None:
    good = (folder / "a.h5").read_bytes()
    import h5py

    with h5py.File(folder / "a.h5", "r+") as file:
        step = next(iter(file["sweeps"].values()))
        step["emg"][0, 0, 0] += 1
    (folder / "a.jrn.done").unlink()
    (folder / "a.jrn").write_bytes(data[: len(data) // 2])
    assert "does not continue" in str(recover(folder)[0].error)
    (folder / "a.jrn").write_bytes(data)
    assert recover(folder)[0].error is None
    assert (folder / "a.h5").read_bytes() == good


def test_an_exam_file_that_does_not_name_its_journal_is_not_replaced(folder: Path, data: bytes) -> None:
    import h5py

    with h5py.File(folder / "a.h5", "r+") as file:
        del file.attrs["journal_bytes"], file.attrs["journal_sha256"]
    (folder / "a.jrn").write_bytes(data)
    before = contents(folder)
    assert "does not say what journal" in str(recover(folder)[0].error)
    assert contents(folder) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["a.jrn", "a.jrn.done", "a.h5"])
def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / "a.jrn").write_bytes(data)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    [result] = recover(tmp_path)
    assert "not a regular file" in str(result.error)


def test_sealing_a_shorter_copy_raises(folder: Path, data: bytes) -> None:
    (folder / "a.jrn").write_bytes(data[: len(data) // 2])
    with pytest.raises(RecordingError, match="move it away"):
        seal(folder / "a.jrn")
