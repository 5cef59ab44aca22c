"""Each reason for which a value or a ratio is not given, one planted fault at a time."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Side
from npr_daq.findings import DEFAULT, Findings, compute
from npr_daq.montage import standard_montage
from npr_daq.recording import Event, PulseResult, Recording, Role

SHORT = dict.fromkeys(Side, (3.0, 7.2, 8.6, 10.4))


def make(synthetic: ModuleType, **faults: Any) -> Recording:
    few = standard_montage((Muscle.NASALIS, Muscle.MENTALIS))
    return synthetic.Face(**{"sites": (Branch.BUCCAL,), "currents_ma": SHORT, "montage": few, **faults}).recording()


def nasalis(findings: Findings, side: str = "left"):
    return findings.conduction.where(muscle="nasalis", side=side)[0]


def withheld(findings: Findings) -> str:
    row = findings.symmetry.where(muscle="nasalis")[0]
    assert row.percent is None
    assert row.ci95_percent is None
    assert row.loss_percent is None
    assert row.withheld
    return row.withheld


def test_nothing_is_withheld_without_a_fault(synthetic: ModuleType) -> None:
    assert compute(make(synthetic)).symmetry[0].withheld is None


@pytest.mark.parametrize(("affected", "said"), [("both", "both sides are affected"), (None, "not recorded")])
def test_no_healthy_side(synthetic: ModuleType, affected: str | None, said: str) -> None:
    assert said in withheld(compute(make(synthetic, header={"affected": affected})))


def test_without_an_affected_side_the_ratio_is_left_over_right(synthetic: ModuleType) -> None:
    left = compute(make(synthetic, header={"affected": "left"})).symmetry[0]
    none = compute(make(synthetic, header={"affected": "none"})).symmetry[0]
    assert none.withheld is None
    assert none.percent == left.percent


def test_a_side_that_was_not_measured(synthetic: ModuleType) -> None:
    assert withheld(compute(make(synthetic, sides=(Side.RIGHT,)))) == "left side not measured"


def test_a_muscle_that_is_not_in_the_montage(synthetic: ModuleType) -> None:
    montage = standard_montage()
    channels = tuple(c for c in montage.channels if c.name != "left.nasalis")
    found = compute(make(synthetic, montage=replace(montage, channels=channels)))
    assert withheld(found) == "left side: nasalis is not in the montage"


def test_not_supramaximal_names_side_and_current(synthetic: ModuleType) -> None:
    low = {Side.RIGHT: SHORT[Side.RIGHT], Side.LEFT: (3.0, 3.5, 4.0)}
    found = compute(make(synthetic, currents_ma=low))
    assert withheld(found) == "left side measured, not proved supramaximal: reached 4 mA"
    assert not nasalis(found).supramaximal.proved
    assert nasalis(found, "right").supramaximal.proved


def test_without_search_evidence_the_recruitment_curve_decides(synthetic: ModuleType) -> None:
    currents = {Side.RIGHT: (3.0, 7.2, 8.6, 10.4), Side.LEFT: (3.0, 10.4)}
    found = compute(make(synthetic, evidence=False, currents_ma=currents))
    assert nasalis(found, "right").supramaximal.proved
    assert nasalis(found, "right").supramaximal.evidence["source"] == "recruitment curve"
    assert "left side measured, not proved supramaximal" in withheld(found)


def test_raw_sweeps_overrule_a_search_that_they_contradict(synthetic: ModuleType) -> None:
    recording = make(synthetic, currents_ma=dict.fromkeys(Side, (2.0, 3.0, 4.0)))
    searches = {
        step: {**found, "muscles": {m: {**row, "proved": True} for m, row in found["muscles"].items()}}
        for step, found in recording.searches.items()
    }
    found = compute(replace(recording, searches=searches))
    assert "not proved supramaximal" in withheld(found)
    assert any("still grow" in text for text in found.quality["warnings"])


def test_pulse_widths_differ(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, width_us={Side.LEFT: 100.0, Side.RIGHT: 200.0}))
    assert withheld(found) == "pulse width differs: left 100 us, right 200 us"


def test_not_elicited_is_no_number(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, kept={Branch.BUCCAL: 0.0}))
    row = nasalis(found)
    assert "not elicited" in withheld(found)
    assert "5 sweeps at 10.4 mA" in withheld(found)
    assert row.sweeps == 5
    for value in (row.onset_latency_ms, row.peak_to_peak_mv, row.negative_peak_mv, row.negative_area_mv_ms):
        assert value is None
    assert not row.quality.accepted


def test_a_series_without_accepted_sweeps(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    sweeps = tuple(s for s in recording.sweeps if s.role is not Role.ACCEPT or s.stimulus.side is Side.RIGHT)
    found = compute(replace(recording, sweeps=sweeps))
    assert "no accepted sweeps; the series ended at 10.4 mA" in withheld(found)
    assert nasalis(found).sweeps == 0
    assert nasalis(found).current_ma is None


def test_too_few_sweeps(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, accepted=2))
    assert nasalis(found).quality.reasons == (
        "not completed: the series ended at 10.4 mA", "2 usable sweeps, 3 are needed"
    )  # fmt: skip
    # Two sweeps do not say that there is no response.
    assert "not elicited" not in withheld(found)
    assert withheld(found)


def test_a_gap_makes_the_sweep_no_evidence(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, missing=True))
    assert nasalis(found).sweeps == 0
    assert "samples are missing" in nasalis(found).quality.reasons[0]


def test_delivered_current_off_is_no_evidence(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, delivered=0.85))
    assert nasalis(found).sweeps == 0
    assert "not within 10 %" in nasalis(found).quality.reasons[0]


def test_clipping(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, clipped=("left.nasalis",)))
    assert nasalis(found).quality.reasons == ("the amplifier clipped in 5 of 5 sweeps",)
    assert "left side not acceptable: the amplifier clipped" in withheld(found)
    assert nasalis(found, "right").quality.accepted
    assert found.quality["clipped"] == [{"channel": "left.nasalis", "sweeps": 10}]


def test_impedance(synthetic: ModuleType) -> None:
    rows = tuple({"channel": i, "g1_kohm": 3.0, "g2_kohm": 3.5, "frequency_hz": 30, "ok": True} for i in range(16))
    assert compute(make(synthetic, impedances=rows)).symmetry[0].withheld is None
    loose = tuple({**row, "g1_kohm": 250.0} if row["channel"] == 2 else row for row in rows)
    reasons = nasalis(compute(make(synthetic, impedances=loose))).quality.reasons
    assert any("250.0 kohm" in text for text in reasons)
    apart = tuple({**row, "g1_kohm": 9.0} if row["channel"] == 2 else row for row in rows)
    assert "5.5 kohm apart" in nasalis(compute(make(synthetic, impedances=apart))).quality.reasons[0]
    mended = (*loose, *rows)
    assert nasalis(compute(make(synthetic, impedances=mended))).quality.accepted


def test_mains_hum(synthetic: ModuleType) -> None:
    assert nasalis(compute(make(synthetic, hum_uv=20.0))).quality.accepted
    found = nasalis(compute(make(synthetic, hum_uv=120.0)))
    assert "mains hum is 7." in found.quality.reasons[0]


def test_a_weak_response_has_its_latency_withheld_and_its_amplitude_kept(synthetic: ModuleType) -> None:
    weak = dict.fromkeys(FACIAL_MUSCLES, 0.03)
    recording = make(synthetic, negative_mv=weak, noise_uv=10.0)
    row = nasalis(compute(recording, parameters=DEFAULT.with_overrides({"snr_latency": 40.0})))
    assert row.onset_latency_ms is None
    assert row.peak_to_peak_mv is not None
    assert any("latency withheld" in text for text in row.quality.reasons)


def test_initial_positivity_bars_the_latency_difference_alone(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, positive_first=0.1))
    row = nasalis(found)
    assert any("initial positive" in text for text in row.quality.reasons)
    assert row.quality.accepted
    ratio = found.symmetry.where(muscle="nasalis")[0]
    assert ratio.percent == pytest.approx(100.0, abs=0.5)
    assert ratio.latency_difference_ms is None


def test_discordant_sweeps(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    factors = iter((0.5, 0.7, 1.0, 1.3, 1.6) * 2)
    sweeps = tuple(
        replace(s, counts=(s.counts * next(factors)).astype("int32")) if s.role is Role.ACCEPT else s
        for s in recording.sweeps
    )
    reasons = nasalis(compute(replace(recording, sweeps=sweeps))).quality.reasons
    assert "1 of 5 sweeps agree, 3 are needed" in reasons


def test_a_damaged_calibration_is_no_measurement(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    found = compute(replace(recording, calibration=replace(recording.calibration, valid=False)))
    assert "not calibrated" in withheld(found)
    assert any("not calibrated" in text for text in found.quality["warnings"])


def test_rejected_sweeps_are_neither_averaged_nor_on_the_curve(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    first = recording.sweeps[0].step
    redone = tuple(
        replace(s, role=Role.REJECTED, reject_reasons=("redone",), counts=s.counts * 3)
        for s in recording.sweeps
        if s.role is Role.ACCEPT and s.step == first
    )
    found = compute(replace(recording, sweeps=(*redone, *recording.sweeps)))
    assert found.symmetry.where(muscle="nasalis")[0].percent == pytest.approx(100.0, abs=0.5)
    assert "5 sweeps not used: redone" in found.quality["warnings"]


def test_the_operators_word_is_taken(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    step = recording.sweeps[-1].step
    searches = {**recording.searches, step: {**recording.searches[step], "proved": False, "operator": "jaw jerk only"}}
    found = compute(replace(recording, searches=searches))
    row = nasalis(found)
    assert row.peak_to_peak_mv is None
    assert row.onset_latency_ms is None
    assert not row.supramaximal.proved
    assert withheld(found) == "left side: not elicited: no response by the operator's word (jaw jerk only)"
    assert any("yet the sweeps repeat one" in text for text in found.quality["warnings"])


def left_without(recording: Recording, **changes: Any) -> Recording:
    """The left series put aside after its search, as a skip does it; the left side is the last step."""
    sweeps = tuple(
        replace(s, role=Role.REJECTED, reject_reasons=("skipped: pain",))
        if s.stimulus.side is Side.LEFT and s.role is Role.ACCEPT
        else s
        for s in recording.sweeps
    )
    return replace(recording, sweeps=sweeps, **changes)


def test_a_series_left_on_purpose_is_not_completed_and_says_why(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    step = recording.sweeps[-1].step
    skip = Event("skipped", "Left buccal branch skipped: pain", detail={"step": step, "reason": "pain"})
    stop = Event("stop", "stopped by the operator", detail={"cause": "operator"})
    enough = Event("enough", "Left buccal branch ended", detail={"step": step, "reason": "the patient asked to stop"})
    for changes, said in (
        ({"events": (enough,)}, "not completed: the patient asked to stop (no accepted sweeps; the series ended at"),
        ({"events": (skip,)}, "not completed: skipped: pain"),
        ({"events": (stop,)}, "not completed: stopped by the operator (no accepted sweeps; the series ended at"),
        ({"recovered": True}, "not completed: interrupted: the recording has no clean end"),
    ):
        row = nasalis(compute(left_without(recording, **changes)))
        assert row.quality.reasons[0].startswith(said), row.quality.reasons
        assert not row.quality.accepted


def test_a_skip_of_another_step_and_a_fault_are_no_reason(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    other = Event("skipped", "Left trunk skipped", detail={"step": "01_conduction_left_trunk"})
    assert nasalis(compute(replace(recording, events=(other,)))).quality.accepted
    fault = Event("fault", "the front-end went away")
    reasons = nasalis(compute(left_without(recording, events=(fault,), recovered=True))).quality.reasons
    assert reasons[0].startswith("no usable sweeps")


def test_the_sweeps_against_the_operators_word(synthetic: ModuleType) -> None:
    for kept, contradicted in ((1.0, True), (0.0, False)):
        recording = make(synthetic, kept={Branch.BUCCAL: kept})
        step = recording.sweeps[-1].step
        searches = {**recording.searches, step: {**recording.searches[step], "proved": False, "operator": "none seen"}}
        reasons = nasalis(compute(replace(recording, searches=searches))).quality.reasons
        assert reasons[0] == "not elicited: no response by the operator's word (none seen)"
        assert (reasons[1:] == ("contradiction: the sweeps repeat a response of 3.20 mV peak to peak at 10.4 mA",)) is (
            contradicted
        )


def test_what_happened_is_told(synthetic: ModuleType) -> None:
    events = (
        Event("trip", "watchdog"),
        Event("trip", "watchdog"),
        Event("skipped", "Left buccal branch skipped: pain"),
    )
    warnings = compute(replace(make(synthetic), events=events)).quality["warnings"]
    assert "Left buccal branch skipped: pain" in warnings
    assert any(text.startswith("2 trips") for text in warnings)


def test_what_the_device_says_of_a_bad_pulse_is_told(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    bad = replace(
        recording.sweeps[0], report=replace(recording.sweeps[0].report, result=PulseResult.COMPLIANCE, measured_ma=1.0)
    )
    found = compute(replace(recording, sweeps=(bad, *recording.sweeps[1:])))
    assert any("compliance" in text for text in found.quality["warnings"])


def test_patient_warnings(synthetic: ModuleType) -> None:
    intake = {"age_years": 9, "botulinum": {"muscles": ["frontalis"], "days_ago": 30}}
    warnings = compute(make(synthetic, header={"intake": intake})).quality["warnings"]
    assert any("below 16" in text for text in warnings)
    assert any("botulinum toxin 30 days ago (frontalis)" in text for text in warnings)
