"""Late responses, blink reflex, train and threshold, one site each, in one exam over the real wire."""

from collections import Counter

import pytest

import npr_daq as npr
from npr_daq.recording import Role

PROTOCOL = """
title = "One site of each kind"
purpose = "Every kind of step over the whole chain."
version = 1
montage = "facial-16"

[[step]]
name = "late"
kind = "late"
side = "healthy"
site = "marginal_mandibular"
start_ma = 5.0
sweeps = 5

[[step]]
name = "reflex"
kind = "reflex"
side = "healthy"
start_ma = 8.0
sweeps = 5
noise_s = 0.5

[[step]]
name = "train"
kind = "train"
side = "healthy"
site = "buccal"
muscles = ["nasalis"]
start_ma = 5.0
count = 5
trains = 1
rest_s = 5.0

[[step]]
name = "excitability"
kind = "excitability"
side = "healthy"
site = "temporal"
start_ma = 2.5
"""


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> "npr.Exam":
    folder = tmp_path_factory.mktemp("kinds")
    protocol = folder / "each_kind.toml"
    protocol.write_text(PROTOCOL)
    with npr.connect("sim:healthy?seed=4") as bench:
        return npr.run_exam(protocol, bench, subject="E-9", affected="left", out=folder)


@pytest.mark.parametrize(
    ("step", "kept"), [("late", {Role.ACCEPT: 5}), ("reflex", {Role.ACCEPT: 5}), ("train", {Role.ACCEPT: 5})]
)
def test_the_series_is_whole_and_every_shock_says_why(exam: "npr.Exam", step: str, kept: dict[Role, int]) -> None:
    sweeps = [s for s in exam.recording.sweeps if s.step == step]
    roles = Counter(Role(s.role) for s in sweeps)
    assert {role: roles[role] for role in kept} == kept
    assert roles[Role.SEARCH] > 0
    assert all(s.why["kind"] == step and s.why["rule"] for s in sweeps)
    assert all(s.valid for s in sweeps)


def test_the_train_kept_its_rate(exam: "npr.Exam") -> None:
    (event,) = [e for e in exam.recording.events if e.kind == "train"]
    assert event.detail["regular"]
    assert event.detail["rate_hz"] == pytest.approx(3.0, rel=0.002)
    assert [e.text.split(" at ")[0] for e in exam.recording.events if e.kind == "confirmed"][-1] == "train 1"


def test_the_threshold_has_its_bracket(exam: "npr.Exam") -> None:
    (row,) = exam.recording.searches["excitability"]["thresholds"]
    assert row["low_ma"] < row["threshold_ma"] == row["high_ma"] <= 1.05 * row["low_ma"] + 0.02
    assert {Role(s.role) for s in exam.recording.sweeps if s.step == "excitability"} == {Role.SEARCH}
    assert row["shocks"] <= 14


def test_the_exam_ended_as_planned(exam: "npr.Exam") -> None:
    assert [e.text for e in exam.recording.events if e.kind == "end"] == ["complete"]
    assert {site["name"]: site["kind"] for site in exam.header["steps"]} == {
        name: name for name in ("late", "reflex", "train", "excitability")
    }
