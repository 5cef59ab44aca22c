"""The report of exams that are no conduction study: each protocol has a page of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from npr_daq.exam.exam import Exam, open_exam
from npr_daq.exam.seal import findings_or_reason
from npr_daq.recording import Recording
from npr_daq.report.html import render
from npr_daq.storage.writer import write_exam


@pytest.fixture
def sealed(tmp_path: Path) -> Callable[[Recording], Exam]:
    def made(recording: Recording) -> Exam:
        found = findings_or_reason(recording, None)
        write_exam(recording, found.tables(), tmp_path / "e.h5", findings_json=found.to_json())
        return open_exam(tmp_path / "e.h5")

    return made


def test_a_blink_exam_has_its_dose(of_kind: Callable[..., Recording], sealed: Callable[[Recording], Exam]) -> None:
    assert "Supraorbital nerve" in render(sealed(of_kind("reflex")))
