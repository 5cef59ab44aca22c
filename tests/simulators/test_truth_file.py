"""The truth file on the disk: what it may replace, and a disk that takes no more."""

import json
import os
import sys
from pathlib import Path

import pytest

from npr_daq.errors import RecordingError
from npr_simulators.truth import TruthFile


def test_an_earlier_truth_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "truth.jsonl"
    for lines in (5, 2):
        with TruthFile(path, {"patient": "x"}) as truth:
            for number in range(lines):
                truth.write({"stim_seq": number})
        written = [json.loads(line) for line in path.read_text().splitlines()]
        assert written[0]["format"] == "npr-daq truth"
        assert [line["stim_seq"] for line in written[1:]] == list(range(lines))


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n", b"notes", b'{"format":"npr-daq truth'])
def test_a_file_that_holds_something_else_is_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "exam.h5"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"exam\.h5 cannot be written: a file that holds something else is there"):
        TruthFile(path, {})
    assert path.read_bytes() == content


def test_an_empty_file_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.touch()
    TruthFile(path, {}).close()
    assert path.read_text().endswith("\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names there")
def test_a_pipe_is_refused_and_waited_for_by_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="it is no regular file"):
        TruthFile(tmp_path / "pipe", {})
    with pytest.raises(RecordingError, match="cannot be written: Is a directory"):
        TruthFile(tmp_path, {})


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, data: memoryview) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None: ...

    truth = TruthFile(tmp_path / "truth.jsonl", {})
    truth.close()
    monkeypatch.setattr(truth, "_file", Full())
    with pytest.raises(RecordingError, match=r"truth\.jsonl cannot be written: No space left on device"):
        truth.write({"stim_seq": 1})
