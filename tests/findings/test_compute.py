"""Findings against the synthetic truth, and the JSON as the interface names it."""

import json
from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import SUPPLIES, Branch, Muscle, Side
from npr_daq.errors import RecordingError
from npr_daq.findings import DEFAULT, Findings, compute
from npr_daq.recording import Recording

KEYS = {
    "top": "format version exam provenance conduction symmetry summed norms evoked_spread synkinesis tone following "
    "reflex late train excitability spread_matrix dose quality",
    "exam": "id subject affected protocol device simulated verified created",
    "provenance": "software parameters definitions raw_sha256 reference",
    "conduction": "side branch muscle site current_ma width_us sweeps onset_latency_ms peak_latency_ms "
    "negative_peak_mv peak_to_peak_mv negative_area_mv_ms negative_duration_ms supramaximal quality edited "
    "onset_ci95_ms ten_percent_ms three_sd_back_ms tangent_ms disagreement phases polyphasic artefact",
    "symmetry": "branch muscle percent ci95_percent loss_percent latency_difference_ms withheld edited "
    "asymmetry_index latency_withheld area_percent area_ci95_percent duration_percent area_withheld preferred",
    "summed": "stimulated muscles silent left_out percent ci95_percent loss_percent asymmetry_index withheld",
    "norms": "side branch muscle quantity value unit low high mean sd sd_away n place group source evidence may_flag "
    "outcome reason",
    "evoked_spread": "side stimulated recorded percent early_mv late_mv late_latency_ms lateral_spread",
    "dose": "side site pulses charge_uc peak_ma energy_mj requested_vs_delivered",
    "quality": "gaps clipped impedances continuous warnings",
}


@pytest.fixture(scope="module")
def face(synthetic: ModuleType):
    return synthetic.Face(kept={Branch.BUCCAL: 0.4, Branch.MARGINAL_MANDIBULAR: 0.15})


@pytest.fixture(scope="module")
def recording(face) -> Recording:
    return face.recording()


@pytest.fixture(scope="module")
def findings(recording: Recording) -> Findings:
    return compute(recording, raw_sha256="ab" * 32)


def test_the_json_has_exactly_the_keys_of_the_interface(findings: Findings) -> None:
    data = findings.to_dict()
    assert list(data) == KEYS["top"].split()
    for name in ("exam", "provenance", "quality"):
        assert list(data[name]) == KEYS[name].split()
    for name in ("conduction", "symmetry", "summed", "norms", "evoked_spread", "dose"):
        for row in data[name]:
            assert list(row) == KEYS[name].split(), name
    assert list(data["conduction"][0]["supramaximal"]) == ["proved", "evidence"]
    assert list(data["conduction"][0]["quality"]) == ["accepted", "reasons"]
    assert data["format"] == "npr-daq findings"
    assert data["synkinesis"] == {
        "version": None, "pairs": [], "index": None, "index_ci95": None, "index_pairs": 0, "index_censored": 0,
        "repetitions": [],
    }  # fmt: skip
    assert [data[name] for name in ("tone", "reflex", "late", "train")] == [[], [], [], []]
    # Branches were stimulated: that is one of the tests of following.
    assert {row["voluntary_verdict"] for row in data["following"]} == {""}


def test_the_json_has_no_nan_and_comes_back_equal(findings: Findings) -> None:
    text = findings.to_json()
    assert Findings.from_json(text) == findings
    assert Findings.from_json(text).to_json() == text


def test_one_row_per_side_site_and_supplied_muscle(findings: Findings) -> None:
    wanted = {(side, site, muscle) for site, muscles in SUPPLIES.items() for muscle in muscles for side in Side}
    rows = [(row.side, row.site, row.muscle) for row in findings.conduction]
    assert set(rows) == wanted
    assert len(rows) == len(wanted) == 32


def test_amplitude_area_duration_and_latency_are_those_of_the_truth(findings: Findings, face, synthetic) -> None:
    for row in findings.conduction:
        negative = face.true_mv(Side(row.side), Muscle(row.muscle))
        assert row.quality.accepted, row
        assert row.supramaximal.proved
        assert row.negative_peak_mv == pytest.approx(negative, rel=0.02)
        assert row.peak_to_peak_mv == pytest.approx(negative * (1 + synthetic.POSITIVE), rel=0.02)
        assert row.negative_area_mv_ms == pytest.approx(negative * synthetic.NEGATIVE_MS / 2, rel=0.03)
        # A sin^2 rise is flatter than the hinge's parabola: its onset reads early by a constant.
        assert row.onset_latency_ms == pytest.approx(synthetic.LATENCY_MS[row.muscle] - 0.065, abs=0.03)
        assert row.peak_latency_ms == pytest.approx(synthetic.LATENCY_MS[row.muscle] + 1.5, abs=0.05)


def test_every_ratio_is_that_of_the_truth(findings: Findings, face) -> None:
    for row in findings.symmetry:
        true = face.true_percent(Muscle(row.muscle))
        assert row.withheld is None
        assert row.percent == pytest.approx(true, abs=0.5)
        low, high = row.ci95_percent
        assert low < row.percent < high
        assert row.loss_percent == pytest.approx(100 - row.percent)
        assert abs(row.latency_difference_ms) < 0.03


def test_spread_is_the_crosstalk_and_no_late_response(findings: Findings) -> None:
    healthy = [row for row in findings.evoked_spread if row.side == "right"]
    assert {(r.stimulated, r.recorded) for r in healthy} == {
        (b, m) for b in Branch if b is not Branch.TRUNK for m in SUPPLIES[Branch.TRUNK] if m not in SUPPLIES[b]
    }
    for row in healthy:
        # Peak to peak of the part before 7 ms: the positive phase is not over by then.
        assert row.percent == pytest.approx(1.7, abs=0.4)
        assert row.lateral_spread is False
        assert row.late_latency_ms is None


def test_dose_counts_every_delivered_pulse(findings: Findings) -> None:
    [row] = [r for r in findings.dose if (r.side, r.site) == ("right", "trunk")]
    assert row.pulses == 13
    assert row.peak_ma == pytest.approx(10.4)
    assert row.charge_uc == pytest.approx(0.2 * (2 + 3 + 4 + 5 + 6 + 7.2 + 8.6 + 10.4 * 6))
    assert row.requested_vs_delivered == pytest.approx(1.0)
    assert len(findings.dose) == 12


def test_provenance_and_exam(findings: Findings) -> None:
    data = findings.to_dict()
    assert data["exam"]["simulated"] is True
    assert data["exam"]["protocol"] == "conduction_extended"
    assert data["provenance"]["raw_sha256"] == "ab" * 32
    assert data["provenance"]["parameters"]["snr_latency"] == 40.0
    assert {"npr-daq", "numpy", "scipy", "python"} <= set(data["provenance"]["software"])


def test_the_same_recording_gives_the_same_findings(synthetic: ModuleType) -> None:
    recording = synthetic.Face(sites=(Branch.ZYGOMATIC,)).recording()
    assert compute(recording).to_json() == compute(recording).to_json()


def test_an_empty_recording_gives_empty_tables(recording: Recording) -> None:
    data = compute(
        Recording(header=recording.header, montage=recording.montage, calibration=recording.calibration)
    ).to_dict()
    assert [data[name] for name in ("conduction", "symmetry", "evoked_spread", "dose")] == [[], [], [], []]
    json.dumps(data, allow_nan=False)


def test_a_lateral_spread_is_found(synthetic: ModuleType) -> None:
    found = compute(synthetic.Face(sites=(Branch.ZYGOMATIC,), lateral_mv=0.1, crosstalk=0.0).recording())
    assert found.evoked_spread
    for row in found.evoked_spread:
        assert row.lateral_spread
        assert row.late_latency_ms == pytest.approx(10.5, abs=0.15)
        assert row.late_mv == pytest.approx(0.16, rel=0.1)
        assert row.early_mv < 0.01


def test_a_high_pass_changes_the_numbers(synthetic: ModuleType) -> None:
    recording = synthetic.Face(sites=(Branch.BUCCAL,)).recording()
    filtered = compute(recording, parameters=DEFAULT.with_overrides({"high_pass_hz": "100"}))
    plain = compute(recording).conduction[0]
    assert filtered.conduction[0].negative_duration_ms < 0.9 * plain.negative_duration_ms
    assert filtered.provenance["parameters"]["high_pass_hz"] == 100.0


@pytest.mark.parametrize(
    "damage", [{"format": "other"}, {"version": 99}, {"conduction": [{"side": "left"}]}, {"dose": 3}]
)
def test_foreign_findings_are_refused(findings: Findings, damage: dict[str, object]) -> None:
    with pytest.raises(RecordingError):
        Findings.from_dict({**findings.to_dict(), **damage})


def test_text_that_is_no_findings_is_refused() -> None:
    for text in ("", "[]", "{", '{"format": "npr-daq findings", "version": 1}'):
        with pytest.raises(RecordingError):
            Findings.from_json(text)


def test_a_table_prints_as_aligned_text(findings: Findings) -> None:
    for view in (findings.conduction, findings.symmetry, findings.evoked_spread, findings.dose):
        lines = str(view).splitlines()
        assert len(lines) == len(view) + 1
        assert max(map(len, lines)) <= 150
        names = lines[0].split()
        assert list(view.to_frame().columns[: len(names)]) == names
        assert set(view.to_frame().columns) == set(view.columns())
    lines = str(findings.symmetry).splitlines()
    assert lines[0].split()[:3] == ["branch", "muscle", "percent"]
    assert next(line for line in lines if line.startswith("buccal")).split()[1] == "nasalis"
    assert next(line for line in lines if line.startswith("buccal")).split()[2].startswith("40.0")
    assert {line.split()[-1] for line in lines[1:]} == {"-"}
    assert str(findings.symmetry[:0]) == "<0 x SymmetryRow>"


def test_frames_and_flat_tables_have_units(findings: Findings) -> None:
    frame = findings.conduction.to_frame()
    assert len(frame) == 32
    assert frame.attrs["units"]["peak_to_peak_mv"] == "mV"
    assert frame["supramaximal_proved"].dtype == bool
    tables = findings.tables()
    assert set(tables) == {
        "conduction",
        "symmetry",
        "summed",
        "norms",
        "evoked_spread",
        "spread_matrix",
        "late",
        "reflex",
        "train",
        "excitability",
        "synkinesis",
        "synkinesis_index",
        "repetitions",
        "tone",
        "following",
        "dose",
    }
    low = np.asarray(tables["symmetry"].columns["ci95_percent_low"])
    assert low.shape == (16,)
    assert np.isfinite(low).all()
    assert tables["symmetry"].units["ci95_percent_low"] == "%"
    assert set(findings.symmetry.where(branch="buccal").to_frame()["muscle"]) == set(SUPPLIES[Branch.BUCCAL])
