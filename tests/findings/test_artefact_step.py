"""The artefact step of the findings: what is chosen, what the rows say, and what stays as it was recorded."""

import json
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import DEFAULT, Findings, compute
from npr_daq.findings.artefact import LATEST_MS, recovery_ms
from npr_daq.findings.gates import notes
from npr_daq.findings.response import responses
from npr_daq.findings.rows import Artefact
from npr_daq.findings.series import collect
from npr_daq.recording import Recording, Role, Sweep

UV_PER_MA = 60.0
FAST_MS, SLOW_MS = 1.2, 8.0


def tail(t_ms: np.ndarray, current_ma: float) -> np.ndarray:
    """A pulse of 0.2 ms and two tails against it, in proportion to the current."""
    after = np.maximum(t_ms - 0.2, 0.0)
    pulse = np.where((t_ms >= 0) & (t_ms < 0.2), 12.0, 0.0)
    tails = np.where(t_ms >= 0.2, np.exp(-after / FAST_MS) + 0.2 * np.exp(-after / SLOW_MS), 0.0)
    return UV_PER_MA * current_ma * (pulse - tails)


def with_artefact(synthetic: ModuleType, recording: Recording) -> Recording:
    """The recording with an artefact on every channel of the stimulated side."""

    def change(sweep: Sweep) -> Sweep:
        t_ms = (np.arange(sweep.counts.shape[1]) - sweep.onset - synthetic.DELAY) * 1e3 / synthetic.RATE_HZ
        counts = sweep.counts.astype(float)
        added = tail(t_ms, sweep.stimulus.current_ma) * 1e3 / synthetic.LSB_NV
        for row, channel in enumerate(recording.montage.channels):
            if channel.side == sweep.stimulus.side:
                counts[row] += added * (1 if row % 2 else -1)
        return replace(sweep, counts=np.rint(counts).astype(np.int32))

    return replace(recording, sweeps=tuple(change(sweep) for sweep in recording.sweeps))


@pytest.fixture(scope="module")
def face(synthetic: ModuleType):
    low = (1.0, 1.4, 2.0, 3.0, 4.0, 5.0, 6.0, 7.2, 8.6, 10.4)
    return synthetic.Face(
        kept={Branch.BUCCAL: 0.3}, sites=(Branch.BUCCAL,), slope_ma=0.25, currents_ma=dict.fromkeys(Side, low)
    )


@pytest.fixture(scope="module")
def recording(synthetic: ModuleType, face) -> Recording:
    return with_artefact(synthetic, face.recording())


@pytest.fixture(scope="module")
def findings(recording: Recording) -> Findings:
    return compute(recording)


def test_a_large_artefact_changes_neither_latency_nor_ratio(face, findings: Findings) -> None:
    clean = compute(face.recording())
    for row, other in zip(findings.conduction, clean.conduction, strict=True):
        assert row.quality.accepted
        assert row.quality.reasons == ()
        assert row.onset_latency_ms == pytest.approx(other.onset_latency_ms, abs=0.05)
        assert row.peak_to_peak_mv == pytest.approx(other.peak_to_peak_mv, rel=0.02)
    for row in findings.symmetry:
        assert row.percent == pytest.approx(30.0, abs=1.0)
        assert row.ci95_percent is not None
        assert row.ci95_percent[0] < 30.0 < row.ci95_percent[1]


def test_the_rows_say_how_it_was_taken_off_and_that_it_is_gone(findings: Findings) -> None:
    for row in findings.conduction:
        assert row.artefact.method in ("template", "bi_exponential")
        assert row.artefact.proved
        assert row.artefact.residual_uv is not None
        assert row.artefact.noise_uv is not None
        assert row.artefact.residual_uv < 2 * row.artefact.noise_uv
    assert any(row.artefact.method == "template" for row in findings.conduction)


def test_without_an_artefact_nothing_is_taken_off(face) -> None:
    clean = face.recording()
    series = collect(clean, Side.LEFT, Branch.BUCCAL, DEFAULT)
    assert series is not None
    assert np.array_equal(series.uv, series.raw_uv)
    assert {row.artefact.method for row in compute(clean).conduction} == {"none"}


def test_the_sweeps_as_recorded_are_kept(recording: Recording) -> None:
    series = collect(recording, Side.LEFT, Branch.BUCCAL, DEFAULT)
    assert series is not None
    row = series.row(Muscle.NASALIS)
    assert row is not None
    counts = np.stack([s.counts[series.montage_rows[row]] for s in series.sweeps])
    device = (series.channels[row].index,)
    assert np.array_equal(series.raw_uv[row], recording.calibration.to_microvolts(counts[:, None], device)[:, 0])
    assert np.abs(series.raw_uv[row] - series.uv[row]).max() > 1000.0


def test_the_gap_is_longer_where_a_later_onset_is_known(recording: Recording) -> None:
    series = collect(recording, Side.RIGHT, Branch.BUCCAL, DEFAULT)
    assert series is not None
    assert series.cleaner is not None
    nasalis, mentalis = (series.row(muscle) for muscle in (Muscle.NASALIS, Muscle.MENTALIS))
    assert series.cleaner.silent_until_ms[nasalis] == LATEST_MS
    assert 1.3 < series.cleaner.silent_until_ms[mentalis] < 2.4


def test_templates_are_made_of_sweeps_without_a_response(recording: Recording) -> None:
    series = collect(recording, Side.RIGHT, Branch.BUCCAL, DEFAULT)
    assert series is not None
    assert series.cleaner is not None
    for template in series.cleaner.templates:
        if template is not None:
            assert not template.holds_response
            # 3 mA is where two percent of the axons answer.
            assert template.used.sum() <= 4


def test_a_saturated_artefact_is_flagged_and_not_fitted(synthetic: ModuleType, recording: Recording) -> None:
    name = recording.montage.channels[recording.montage.row(Side.LEFT, Muscle.NASALIS)].name
    sweeps = tuple(
        replace(s, clipped=(name,)) if s.role is Role.ACCEPT and s.stimulus.side == Side.LEFT else s
        for s in recording.sweeps
    )
    found = compute(replace(recording, sweeps=sweeps))
    [row] = found.conduction.where(side="left", muscle="nasalis")
    assert row.artefact == Artefact("saturated", proved=False)
    # The pulse alone was clipped, so that is no failure by itself; that its tail is still there is one.
    assert not any("amplifier clipped" in reason for reason in row.quality.reasons)
    assert row.quality.reasons


def test_a_clipped_pulse_that_has_recovered_is_no_failure(face) -> None:
    clean = face.recording()
    row_of = clean.montage.row(Side.LEFT, Muscle.NASALIS)
    name = clean.montage.channels[row_of].name

    def change(sweep: Sweep) -> Sweep:
        counts = sweep.counts.copy()
        start = int(sweep.onset + 2)
        counts[row_of, start : start + 4] = 8_000_000
        return replace(sweep, counts=counts, clipped=(name,))

    sweeps = tuple(change(s) if s.role is Role.ACCEPT and s.stimulus.side == Side.LEFT else s for s in clean.sweeps)
    found = compute(replace(clean, sweeps=sweeps))
    [row] = found.conduction.where(side="left", muscle="nasalis")
    assert row.artefact.method == "saturated"
    assert row.quality.accepted, row.quality.reasons


@pytest.mark.parametrize(
    ("width_us", "rate_hz", "wanted"), [(200.0, 20e3, 0.6), (500.0, 20e3, 0.45), (200.0, 10e3, 0.4), (200.0, 5e3, None)]
)
def test_the_gap_begins_earlier_where_there_is_little_room(width_us: float, rate_hz: float, wanted: float) -> None:
    found = recovery_ms(width_us, rate_hz)
    assert found == (None if wanted is None else pytest.approx(wanted))


def test_the_onset_has_an_interval_and_its_other_definitions(findings: Findings) -> None:
    for row in findings.conduction:
        assert row.onset_latency_ms is not None
        assert row.onset_ci95_ms is not None
        low, high = row.onset_ci95_ms
        assert low < row.onset_latency_ms < high
        assert high - low < 0.3
        assert row.ten_percent_ms == pytest.approx(row.onset_latency_ms + 0.4, abs=0.3)
        assert row.tangent_ms is not None
        # 3 SD of this average are a microvolt, which the rest of an artefact may never fall below.
        assert row.three_sd_back_ms is None or row.three_sd_back_ms < row.ten_percent_ms
        assert not row.disagreement
        assert (row.phases, row.polyphasic) == (2, False)
    assert set(findings.provenance["definitions"]) == {
        "onset_latency_ms",
        "ten_percent_ms",
        "three_sd_back_ms",
        "tangent_ms",
    }


def test_four_sweeps_have_no_interval(synthetic: ModuleType) -> None:
    found = compute(synthetic.Face(sites=(Branch.TEMPORAL,), accepted=4).recording())
    assert all(row.onset_latency_ms is not None and row.onset_ci95_ms is None for row in found.conduction)


def test_findings_of_earlier_versions_still_read(findings: Findings) -> None:
    data = json.loads(findings.to_json())
    fields = list(data["conduction"][0])
    new = fields[fields.index("onset_ci95_ms") :]
    assert {"artefact", "disagreement", "phases", "polyphasic", "tangent_ms"} <= set(new)
    for row in data["conduction"]:
        for name in new:
            del row[name]
    old = Findings.from_dict(data)
    assert old.conduction[0].artefact == Artefact()
    assert old.conduction[0].onset_ci95_ms is None
    table = old.tables()["conduction"]
    assert np.isnan(table.columns["artefact_residual_uv"]).all()
    assert table.units["onset_ci95_ms_low"] == "ms"


def test_a_response_that_may_still_grow_is_not_acceptable(synthetic: ModuleType) -> None:
    low = {Side.RIGHT: (3.0, 7.2, 8.6, 10.4), Side.LEFT: (3.0, 3.5, 4.0)}
    found = compute(synthetic.Face(sites=(Branch.TEMPORAL,), currents_ma=low).recording())
    [row] = found.conduction.where(side="left")
    assert not row.quality.accepted
    assert row.quality.reasons[0] == "not proved supramaximal: reached 4 mA"


def test_an_exam_without_temperature_or_operator_says_so(synthetic: ModuleType) -> None:
    face = synthetic.Face(sites=(Branch.TEMPORAL,), header={"operator": None, "intake": {}})
    told = compute(face.recording()).quality["warnings"]
    assert any("skin temperature not logged" in text for text in told)
    assert any("operator not named" in text for text in told)


def test_a_size_that_the_removal_leaves_uncertain_is_said(synthetic: ModuleType) -> None:
    series = collect(synthetic.Face(sites=(Branch.BUCCAL,)).recording(), Side.LEFT, Branch.BUCCAL, DEFAULT)
    assert series is not None
    answer = next(one for one in responses(series, DEFAULT) if one.elicited)
    small, large = (part * answer.peak_to_peak_mv * 1e3 / 1.96 for part in (0.049, 0.051))
    assert not [note for note in notes(replace(answer, doubt_uv=small)) if note.startswith("size uncertain")]
    [said] = [note for note in notes(replace(answer, doubt_uv=large)) if note.startswith("size uncertain")]
    assert said.endswith("by 5 %")
