"""Where the report cannot be written, a sentence says so and nothing is left behind."""

import errno
import os
from pathlib import Path

import pytest

from npr_daq.errors import RecordingError
from npr_daq.exam.exam import Exam
from npr_daq.report import html
from npr_daq.report.html import write_report


@pytest.fixture
def exam(monkeypatch: pytest.MonkeyPatch) -> Exam:
    """No exam at all: the page is given, only its file is tested."""
    monkeypatch.setattr(html, "render", lambda exam, *, norms: "<!DOCTYPE html>")
    return Exam.__new__(Exam)


@pytest.mark.parametrize("name", ["file/b.html", "absent/b.html", f"{'x' * 300}.html", "folder.html"])
def test_a_place_that_cannot_be_written_is_a_sentence(exam: Exam, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.html").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RecordingError, match="choose another name or folder"):
        write_report(exam, tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "file").read_text() == "mine"


def test_a_read_only_folder_is_a_sentence(exam: Exam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(os, "unlink", refused)
    with pytest.raises(RecordingError, match="Read-only file system"):
        write_report(exam, tmp_path / "b.html")
