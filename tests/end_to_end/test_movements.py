"""Rest and two expressions over the real wire: recorded, judged, verified, and salvaged from a cut journal."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import npr_daq as npr
from npr_daq.calibration import MISSING
from npr_daq.exam.seal import recover
from npr_daq.exam.verification import verify

PROTOCOL = """
title = "Two expressions"
purpose = "Movements over the whole chain."
version = 1
montage = "facial-16"

[[step]]
name = "rest"
kind = "rest"
seconds = 6.0

[[step]]
name = "eyes"
kind = "movement"
task = "close_eyes_tightly"
repetitions = 3
hold_s = 2.0
rest_s = 3.0

[[step]]
name = "lips"
kind = "movement"
task = "pucker"
repetitions = 3
hold_s = 2.0
rest_s = 3.0
"""


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> "npr.Exam":
    folder = tmp_path_factory.mktemp("movements")
    protocol = folder / "two.toml"
    protocol.write_text(PROTOCOL)
    with npr.connect("sim:synkinetic_12m?seed=4") as bench:
        return npr.run_exam(protocol, bench, subject="E-10", affected="left", out=folder)


def test_every_capture_is_whole_at_its_own_rate(exam: "npr.Exam") -> None:
    captures = {c.name: c for c in exam.recording.captures}
    assert list(captures) == ["rest", "eyes", "lips"]
    assert {c.rate_hz for c in captures.values()} == {2000.0}
    assert captures["rest"].counts.shape == (16, 12_000)
    assert not any(np.any(c.counts == MISSING) for c in captures.values())
    for event in exam.recording.events:
        if event.kind == "repetition":
            held = captures[event.detail["capture"]]
            assert held.first_sample + 4_000 <= event.detail["cue_sample"]
            assert event.detail["release_sample"] <= held.first_sample + held.counts.shape[1]


def test_the_mouth_that_follows_the_eye_is_found(exam: "npr.Exam") -> None:
    found = {(p.task, p.slave): p for p in exam.findings.synkinesis.pairs}
    followed = found["close_eyes_tightly", "orbicularis_oris"]
    assert followed.declared
    assert followed.q is not None
    assert followed.q > 2.5
    assert found["close_eyes_tightly", "frontalis"].verdict == "no reference"
    assert {row.muscle for row in exam.findings.tone} >= {"frontalis", "platysma"}
    frame = exam.findings.synkinesis.pairs.to_frame()
    assert len(frame) == len(exam.findings.synkinesis.pairs)


def test_it_verifies_and_is_the_same_once_more(exam: "npr.Exam") -> None:
    assert all(check.ok for check in verify(exam).checks)
    assert exam.analyse() == exam.findings


def test_what_a_cut_journal_holds_is_salvaged(exam: "npr.Exam", tmp_path: Path) -> None:
    journal = exam.path.with_suffix(".jrn.done")
    cut = tmp_path / journal.name.removesuffix(".done")
    shutil.copy(journal, cut)
    with cut.open("r+b") as file:
        file.truncate(round(0.75 * cut.stat().st_size))
    (salvaged,) = recover(tmp_path)
    assert salvaged.error is None
    with npr.open_exam(cut.with_suffix(".h5")) as part:
        steps = [e.detail["step"] for e in part.recording.events if e.kind == "repetition"]
        assert steps.count("eyes") == 3
        assert steps.count("lips") < 3
        pairs = {(p.task, p.slave): p.verdict for p in part.findings.synkinesis.pairs}
        assert pairs["close_eyes_tightly", "orbicularis_oris"] != "refused"
