"""The tables of late responses, reflexes, trains, thresholds and spread in JSON, in the exam file, and in old files."""

import json
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side, TrigeminalSite
from npr_daq.errors import AnalysisError
from npr_daq.exam.exam import open_exam
from npr_daq.exam.verification import verify
from npr_daq.findings import Findings, compute
from npr_daq.findings.marks import Marker, Place
from npr_daq.recording import Recording, Role
from npr_daq.report.table import conduction_table
from npr_daq.storage.writer import write_exam

TABLES = ("late", "reflex", "train", "excitability", "spread_matrix")


@pytest.fixture(scope="module")
def recording(kinds: ModuleType, synthetic: ModuleType) -> Recording:
    rng = np.random.default_rng(4)
    eye, branch, muscle = Muscle.ORBICULARIS_OCULI, Branch.MARGINAL_MANDIBULAR, Muscle.MENTALIS
    whole = kinds.direct(muscle, 2.0)
    late = [
        kinds.Shock(waves={(Side.LEFT, muscle): whole + kinds.unit(9.0 + 0.5 * rng.random(), 200.0 * (k % 2))})
        for k in range(12)
    ]
    blinks = [kinds.Shock(waves={(Side.LEFT, eye): kinds.burst(rng, 31.0, 60.0)}) for _ in range(5)]
    fade = [
        kinds.Shock(waves={(Side.LEFT, muscle): (1 - 0.05 * p) * whole}, why={"train": 1, "pulse": p + 1})
        for p in range(5)
    ]
    # The last one is lost, as None in the row.
    fade[-1].reject_reasons = ("clipped",)
    steps = [
        kinds.step("late", Side.LEFT, branch, late),
        kinds.step("reflex", Side.LEFT, TrigeminalSite.SUPRAORBITAL, blinks),
        kinds.step("train", Side.LEFT, branch, fade, muscles=["mentalis"], count=5, trains=1, train_rate_hz=3.0),
        kinds.step("excitability", Side.LEFT, branch, [kinds.Shock(role=Role.SEARCH)], widths_us=[200.0]),
    ]
    beside = synthetic.Face(sites=(Branch.ZYGOMATIC,)).recording()
    made: Recording = kinds.recording(steps, beside=beside, spaced=6667)
    return made


@pytest.fixture(scope="module")
def findings(recording: Recording) -> Findings:
    return compute(recording)


def test_every_table_has_rows_and_comes_back_from_json(findings: Findings) -> None:
    for name in TABLES:
        assert len(getattr(findings, name)) > 0, name
    text = findings.to_json()
    again = Findings.from_json(text)
    assert again == findings
    assert again.to_json() == text
    assert findings.train[0].amplitudes_mv[4] is None


def test_columns_have_units_and_rows_print(findings: Findings) -> None:
    for name in TABLES:
        table = findings.tables()[name]
        numeric = {key for key, column in table.columns.items() if np.asarray(column).dtype.kind == "f"}
        assert numeric <= set(table.units), name
        view = getattr(findings, name)
        assert len(str(view).splitlines()) == len(view) + 1
    assert findings.tables()["spread_matrix"].units["remainder_ci95_percent_low"] == "%"


def test_the_exam_file_keeps_them_and_verifies(recording: Recording, findings: Findings, tmp_path) -> None:
    path = tmp_path / "e.h5"
    digest = write_exam(recording, {}, tmp_path / "first.h5")
    whole = replace(findings, provenance={**findings.provenance, "raw_sha256": digest})
    write_exam(recording, whole.tables(), path, findings_json=whole.to_json())
    with open_exam(path) as exam:
        assert exam.findings == whole
        assert [check for check in verify(exam).checks if not check.ok] == []
        late = Place(Side.LEFT, Branch.MARGINAL_MANDIBULAR, Muscle.MENTALIS, Marker.ONSET)
        with pytest.raises(AnalysisError, match="had no conduction study"):
            exam.mark(late, 3.0, by="A. B.")


@pytest.mark.parametrize("without", [(), ("excitability", "spread_matrix")])
def test_files_of_before_have_them_empty(findings: Findings, without: tuple[str, ...]) -> None:
    data = json.loads(findings.to_json())
    for name in TABLES:
        data[name] = []
    for name in without:
        del data[name]
    old = Findings.from_dict(data)
    assert [len(getattr(old, name)) for name in TABLES] == [0] * 5
    assert old.conduction == findings.conduction


def test_an_exam_without_conduction_prints(kinds: ModuleType, recording: Recording) -> None:
    only = kinds.recording([kinds.step("reflex", Side.LEFT, TrigeminalSite.SUPRAORBITAL, [kinds.Shock()] * 5)])
    found = compute(only)
    assert not found.conduction
    assert conduction_table(found, width=80) is not None
