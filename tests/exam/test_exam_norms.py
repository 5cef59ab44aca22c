"""An exam beside a laboratory's own reference values: analysed, reported, remembered and proved."""

from pathlib import Path
from types import ModuleType

import pytest

from npr_daq.anatomy import Branch, Muscle
from npr_daq.errors import UsageError
from npr_daq.exam.exam import open_exam
from npr_daq.exam.seal import findings_or_reason
from npr_daq.montage import standard_montage
from npr_daq.recording import Recording
from npr_daq.reference import load_norms, shipped_norms
from npr_daq.report.html import render
from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.writer import write_exam

OWN = """name = "our laboratory"
version = "2026"
[[norm]]
quantity = "peak_to_peak_mv"
branch = "buccal"
muscle = "nasalis"
low = 2.5
n = 40
source = "own volunteers"
evidence = "V"
"""


@pytest.fixture
def path(synthetic: ModuleType, tmp_path: Path) -> Path:
    face = synthetic.Face(
        sites=(Branch.BUCCAL,), kept={Branch.BUCCAL: 0.5}, montage=standard_montage((Muscle.NASALIS,))
    )
    recording: Recording = face.recording()
    found = findings_or_reason(recording, raw_sha256(recording))
    write_exam(recording, found.tables(), tmp_path / "e.h5", findings_json=found.to_json())
    return tmp_path / "e.h5"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    return tmp_path / "own.toml"


def test_a_sealed_exam_keeps_the_set_that_it_was_put_beside(path: Path) -> None:
    with open_exam(path) as exam:
        assert exam.norms == shipped_norms()
        assert exam.analyse() == exam.findings


def test_norms_as_a_path_or_as_values(path: Path, own: Path) -> None:
    with open_exam(path) as exam:
        found = exam.analyse(norms=own)
        assert found == exam.analyse(norms=load_norms(own))
        assert [(row.side, row.outcome) for row in found.norms] == [("left", "below"), ("right", "within")]
        assert found.conduction == exam.findings.conduction


def test_a_wrong_file_is_refused(path: Path, own: Path) -> None:
    own.write_text(OWN.replace("low", "lwo"), encoding="utf-8")
    with open_exam(path) as exam, pytest.raises(UsageError, match="did you mean 'low'"):
        exam.analyse(norms=own)


def test_a_report_names_the_set_it_was_made_with(path: Path, own: Path) -> None:
    with open_exam(path) as exam:
        assert "published facial norms, version 2" in render(exam)
        page = render(exam, norms=load_norms(own))
    assert "our laboratory, version 2026" in page
    assert "published facial norms" not in page
    assert "↓ left pp below 2.5 mV" in page


def test_a_saved_analysis_remembers_its_reference_values(path: Path, own: Path) -> None:
    with open_exam(path) as exam:
        exam.save_analysis(exam.analyse(norms=own), by="someone")
        found = exam.verify()
    assert found.ok, found.difference
    assert found.checks[-1].said.startswith("1 of 1 computed again")
