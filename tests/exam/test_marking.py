"""Marks on an exam in the hand: appended beside it, honoured by every analysis, the sealed file never touched."""

import os
from pathlib import Path

import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.errors import AnalysisError, RecordingError, UsageError
from npr_daq.exam.exam import open_exam
from npr_daq.exam.seal import findings_or_reason, seal
from npr_daq.findings.marks import Marker, Place
from npr_daq.report.html import render
from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.writer import write_exam

ONSET = Place(Side.LEFT, Branch.BUCCAL, Muscle.NASALIS, Marker.ONSET)
PEAK = Place(Side.LEFT, Branch.BUCCAL, Muscle.NASALIS, Marker.NEGATIVE_PEAK)


@pytest.fixture(scope="module")
def sealed(recording, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    found = findings_or_reason(recording, raw_sha256(recording))
    file = tmp_path_factory.mktemp("marking") / "e.h5"
    write_exam(recording, found.tables(), file, findings_json=found.to_json())
    return file.read_bytes()


@pytest.fixture
def path(sealed: bytes, tmp_path: Path) -> Path:
    file = tmp_path / "e.h5"
    file.write_bytes(sealed)
    return file


def test_a_mark_is_appended_and_honoured_and_the_exam_is_untouched(path: Path, sealed: bytes) -> None:
    with open_exam(path) as exam:
        assert exam.edits == ()
        entry = exam.mark(ONSET, 3.6, by="A. Berg", reason="hum")
        assert (entry.n, entry.who, entry.reason, entry.after) == (1, "A. Berg", "hum", 3.6)
        [measured] = exam.findings.conduction.where(side="left", muscle="nasalis")
        assert entry.before == measured.onset_latency_ms
        assert exam.edits == (entry,)
        [now] = exam.analyse().conduction.where(side="left", muscle="nasalis")
        assert now.onset_latency_ms == 3.6
        assert now.edited["onset_latency_ms"]["entries"] == [1]
        assert exam.analyse().provenance["edits"]["head"] == entry.sha256
        assert exam.analyse(edits=False) == exam.findings
        assert exam.with_edits().findings == exam.analyse()
    assert path.read_bytes() == sealed
    assert sorted(p.name for p in path.parent.iterdir()) == ["e.edits.jsonl", "e.h5"]


def test_without_marks_with_edits_is_the_exam_itself(path: Path) -> None:
    with open_exam(path) as exam:
        assert exam.with_edits() is exam


def test_a_marker_moved_twice_and_taken_back(path: Path) -> None:
    with open_exam(path) as exam:
        first = exam.mark(ONSET, 3.6, by="A")
        second = exam.mark(ONSET, 3.5, by="B")
        assert first.before == second.before
        [row] = exam.analyse().conduction.where(side="left", muscle="nasalis")
        assert row.onset_latency_ms == 3.5
        exam.mark(ONSET, None, by="A", reason="a second look")
        assert exam.analyse() == exam.findings
        assert len(exam.edits) == 3


def test_parameters_and_marks_together(path: Path) -> None:
    with open_exam(path) as exam:
        exam.mark(ONSET, 3.6, by="A")
        found = exam.analyse(high_pass_hz=2.0)
        [row] = found.conduction.where(side="left", muscle="nasalis")
        assert row.onset_latency_ms == 3.6
        assert found.provenance["parameters"]["high_pass_hz"] == 2.0


@pytest.mark.parametrize(
    ("place", "at_ms", "said"),
    [
        (ONSET, 1.0, "outside the response window of 1.5 to 20 ms"),
        (ONSET, 20.5, "outside the response window"),
        (ONSET, 5.5, "out of order"),
        (PEAK, 3.0, "out of order"),
        (ONSET, None, "already"),
        (Place(Side.LEFT, Branch.TEMPORAL, Muscle.FRONTALIS, Marker.ONSET), 3.0, "no shock was given"),
        (Place(Side.LEFT, Branch.BUCCAL, Muscle.MENTALIS, Marker.ONSET), 3.0, "has no response of mentalis"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    path: Path, place: Place, at_ms: float | None, said: str
) -> None:
    with open_exam(path) as exam:
        with pytest.raises(AnalysisError, match=said):
            exam.mark(place, at_ms, by="A")
        assert not exam.edits_path.exists()


def test_order_is_checked_against_the_other_marks(path: Path) -> None:
    with open_exam(path) as exam:
        exam.mark(PEAK, 4.2, by="A")
        with pytest.raises(AnalysisError, match="out of order"):
            exam.mark(ONSET, 4.3, by="A")
        with pytest.raises(AnalysisError, match=r"at 4\.2 ms already"):
            exam.mark(PEAK, 4.2, by="B")


def test_a_muscle_that_does_not_answer_has_no_markers(synthetic, tmp_path: Path) -> None:
    silent = synthetic.Face(sites=(Branch.BUCCAL,), kept={Branch.BUCCAL: 0.0}).recording()
    write_exam(silent, {}, tmp_path / "e.h5")
    with open_exam(tmp_path / "e.h5") as exam, pytest.raises(AnalysisError, match="no onset of left buccal nasalis"):
        exam.mark(ONSET, 3.5, by="A")


@pytest.mark.parametrize(("by", "at_ms"), [("", 3.6), ("A", float("nan")), ("A", float("inf")), ("a\nb", 3.6)])
def test_no_name_and_no_number_are_usage_errors(path: Path, by: str, at_ms: float) -> None:
    with open_exam(path) as exam:
        with pytest.raises(UsageError):
            exam.mark(ONSET, at_ms, by=by)
        assert not exam.edits_path.exists()


def test_damaged_edits_stop_every_analysis_but_one_without_edits(path: Path) -> None:
    with open_exam(path) as exam:
        exam.mark(ONSET, 3.6, by="A")
        data = exam.edits_path.read_bytes()
        exam.edits_path.write_bytes(data.replace(b'"to":3.6', b'"to":3.7'))
        for question in (exam.analyse, exam.with_edits, lambda: exam.mark(ONSET, 3.5, by="A"), lambda: exam.edits):
            with pytest.raises(RecordingError, match=r"^e\.edits\.jsonl is damaged: line 2 is not as it was written"):
                question()
        assert exam.analyse(edits=False) == exam.findings


def test_edits_of_another_exam_are_refused(path: Path, synthetic, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    write_exam(synthetic.Face(sites=(Branch.BUCCAL,), seed=2).recording(), {}, other)
    with open_exam(path) as exam:
        exam.mark(ONSET, 3.6, by="A")
        os.rename(exam.edits_path, tmp_path / "other.edits.jsonl")
    with open_exam(other) as exam, pytest.raises(RecordingError, match="belongs to another exam"):
        exam.analyse()


def test_the_report_shows_what_was_moved_by_whom(path: Path) -> None:
    with open_exam(path) as exam:
        exam.mark(ONSET, 3.6, by="A. Berg")
        page = render(exam.with_edits())
        assert "moved from 3.09 to 3.60 ms by A. Berg" in page
        assert "1 marker was moved by hand" in page
        assert "by hand" not in render(exam)


def test_an_exam_with_edits_is_not_replaced_by_a_longer_recording(recording, write_journal, tmp_path: Path) -> None:
    whole = write_journal(recording, tmp_path / "e.jrn").read_bytes()
    (tmp_path / "e.jrn").write_bytes(whole[: len(whole) - 60])
    exam_file = seal(tmp_path / "e.jrn")
    with open_exam(exam_file) as exam:
        exam.mark(ONSET, 3.6, by="A")
    before = exam_file.read_bytes()
    (tmp_path / "e.jrn.done").unlink()
    (tmp_path / "e.jrn").write_bytes(whole)
    with pytest.raises(RecordingError, match="has edits"):
        seal(tmp_path / "e.jrn")
    assert exam_file.read_bytes() == before
