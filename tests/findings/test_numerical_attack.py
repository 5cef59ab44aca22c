"""Recordings that once gave a wrong number or "not elicited" without a word: each planted fault must be told."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from npr_daq.analysis.symmetry import ratio as symmetry_ratio
from npr_daq.analysis.symmetry import with_common_error
from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import DEFAULT, Findings, compute
from npr_daq.findings.hum import peak_to_peak_uv
from npr_daq.findings.site import measure
from npr_daq.montage import standard_montage
from npr_daq.recording import Recording, Role, Sweep
from npr_daq.report.words import NO_RESPONSE, TECHNICAL, marker

CURRENTS = dict.fromkeys(Side, (3.0, 7.2, 8.6, 10.4))
FEW = standard_montage((Muscle.NASALIS, Muscle.MENTALIS))
MADE: dict[str, Recording] = {}


def make(synthetic: ModuleType, **faults: Any) -> Recording:
    key = repr(sorted(faults.items(), key=str))
    if key not in MADE:
        given = {"sites": (Branch.BUCCAL,), "currents_ma": CURRENTS, "montage": FEW, **faults}
        MADE[key] = synthetic.Face(**given).recording()
    return MADE[key]


def changed(
    recording: Recording, change: Callable[[Sweep], np.ndarray | None], *, only: Role | None = None
) -> Recording:
    """The left sweeps with other counts."""
    sweeps = []
    for sweep in recording.sweeps:
        touched = sweep.stimulus.side is Side.LEFT and only in (None, sweep.role)
        counts = change(sweep) if touched else None
        sweeps.append(sweep if counts is None else replace(sweep, counts=np.asarray(counts, dtype=np.int32)))
    return replace(recording, sweeps=tuple(sweeps))


def scaled(recording: Recording, factors: tuple[float, ...]) -> Recording:
    """The left accepted sweeps, each times its factor."""
    rest = iter(factors * 10)
    return changed(recording, lambda s: np.rint(s.counts * next(rest)), only=Role.ACCEPT)


def added(synthetic: ModuleType, recording: Recording, wave: Callable[[np.ndarray], np.ndarray]) -> Recording:
    """The left sweeps with `wave` (ms from the cathodal edge, in uV) on the channels of the left nasalis."""
    row = recording.montage.row(Side.LEFT, Muscle.NASALIS)

    def change(sweep: Sweep) -> np.ndarray:
        t_ms = (np.arange(sweep.counts.shape[1]) - sweep.onset - synthetic.DELAY) * 1e3 / synthetic.RATE_HZ
        counts = sweep.counts.astype(float)
        counts[row] += wave(t_ms) * 1e3 / synthetic.LSB_NV
        return np.rint(counts)

    return changed(recording, change)


def row_of(findings: Findings, side: str = "left", muscle: str = "nasalis"):
    return findings.conduction.where(side=side, muscle=muscle)[0]


def ratio_of(findings: Findings, muscle: str = "nasalis"):
    return findings.symmetry.where(muscle=muscle)[0]


def swapped(recording: Recording) -> Recording:
    rows = [recording.montage.row(Side.LEFT, m) for m in (Muscle.NASALIS, Muscle.MENTALIS)]

    def change(sweep: Sweep) -> np.ndarray:
        counts = sweep.counts.copy()
        counts[rows] = counts[rows[::-1]]
        return counts

    return changed(recording, change)


# 1 Swapped channels


@pytest.mark.parametrize("crosstalk", [0.02, 0.06, 0.15])
@pytest.mark.parametrize("kept", [0.4, 1.0])
def test_swapped_channels_withhold_the_ratio_and_are_told(synthetic: ModuleType, crosstalk: float, kept: float) -> None:
    sites = (Branch.BUCCAL, Branch.MARGINAL_MANDIBULAR)
    recording = swapped(make(synthetic, kept={Branch.BUCCAL: kept}, crosstalk=crosstalk, sites=sites))
    found = compute(recording)
    for muscle in ("nasalis", "mentalis"):
        row = row_of(found, muscle=muscle)
        assert not row.quality.accepted
        assert "another muscle answers more: channels swapped or wrong branch?" in row.quality.reasons
        assert row_of(found, "right", muscle).quality.accepted
        assert ratio_of(found, muscle).percent is None
        assert "channels swapped" in str(ratio_of(found, muscle).withheld)
    warnings = [w for w in found.quality["warnings"] if "channels swapped or wrong branch?" in w]
    assert [w.split(":")[0] for w in warnings] == ["left buccal", "left marginal_mandibular"]


def test_a_swap_is_found_beside_a_supplied_muscle_that_answers_as_much(synthetic: ModuleType) -> None:
    many = standard_montage((Muscle.NASALIS, Muscle.ZYGOMATICUS, Muscle.MENTALIS))
    sites = (Branch.BUCCAL, Branch.MARGINAL_MANDIBULAR)
    sizes = {**dict.fromkeys(synthetic.LATENCY_MS, 2.0), Muscle.ZYGOMATICUS: 3.0}
    recording = make(synthetic, montage=many, sites=sites, negative_mv=sizes)
    assert all(row.quality.accepted for row in compute(recording).conduction)
    found = compute(swapped(recording))
    assert not row_of(found, muscle="zygomaticus").quality.accepted
    assert ratio_of(found).percent is None


def test_a_branch_that_lost_nearly_all_is_not_called_swapped(synthetic: ModuleType) -> None:
    sites = (Branch.BUCCAL, Branch.MARGINAL_MANDIBULAR)
    found = compute(make(synthetic, kept={Branch.BUCCAL: 0.05}, sites=sites))
    assert ratio_of(found).percent == pytest.approx(5.0, abs=0.5)
    gone = compute(make(synthetic, kept={Branch.BUCCAL: 0.0}, sites=sites))
    assert marker(row_of(gone)) == NO_RESPONSE
    assert gone.quality["warnings"] == []


# 2 Discordant sweeps


@pytest.mark.parametrize(
    ("factors", "aside"),
    [((1, 1, 1, 0.5, 0.5), 2), ((1, 1, 1, 1, 0.2), 1), ((1, 1, 1, 2, 2), 2), ((1, 1, 1, 0.1, 3), 2)],
)
def test_discordant_sweeps_are_set_aside_and_told(
    synthetic: ModuleType, factors: tuple[float, ...], aside: int
) -> None:
    found = compute(scaled(make(synthetic), factors))
    row = row_of(found)
    assert row.peak_to_peak_mv == pytest.approx(3.2, rel=0.02)
    assert row.sweeps == 5 - aside
    assert row.quality.accepted
    assert f"{aside} of 5 sweeps set aside: discordant" in row.quality.reasons
    assert ratio_of(found).percent == pytest.approx(100.0, abs=0.5)
    assert row_of(found, "right").quality.reasons == ()


def test_one_muscles_bad_sweeps_do_not_touch_the_others(synthetic: ModuleType) -> None:
    recording = make(synthetic, sites=(Branch.TRUNK,))
    row = recording.montage.row(Side.LEFT, Muscle.MENTALIS)
    rest = iter((1, 1, 1, 0.5, 0.5))

    def change(sweep: Sweep) -> np.ndarray:
        counts = sweep.counts.astype(float)
        counts[row] *= next(rest)
        return np.rint(counts)

    found = compute(changed(recording, change, only=Role.ACCEPT))
    assert row_of(found).sweeps == 5
    assert row_of(found).quality.reasons == ()
    assert row_of(found, muscle="mentalis").sweeps == 3
    assert ratio_of(found, "mentalis").percent == pytest.approx(100.0, abs=0.5)


@pytest.mark.parametrize("factors", [(1, 1, 0.5, 0.5, 0.25), (0.5, 0.7, 1.0, 1.3, 1.6)])
def test_too_few_sweeps_that_agree_fail(synthetic: ModuleType, factors: tuple[float, ...]) -> None:
    found = compute(scaled(make(synthetic), factors))
    assert not row_of(found).quality.accepted
    assert "of 5 sweeps agree, 3 are needed" in row_of(found).quality.reasons[0]
    assert ratio_of(found).percent is None


def test_half_of_the_sweeps_are_no_majority(synthetic: ModuleType) -> None:
    found = compute(scaled(make(synthetic, accepted=6), (1, 1, 1, 0.5, 0.5, 0.5)))
    assert "3 of 6 sweeps agree, 4 are needed" in row_of(found).quality.reasons


# 3 Artefact


def decay(size_uv: float, *, slow_ms: float = 2.0) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: np.where(t >= 0, size_uv * np.exp(-np.maximum(t, 0.0) / slow_ms), 0.0)


@pytest.mark.parametrize(
    ("kept", "size_uv"), [(0.1, 1600.0), (0.1, -1600.0), (1.0, -4800.0), (0.2, 1600.0), (0.5, -800.0)]
)
def test_an_artefact_under_the_response_is_taken_off(synthetic: ModuleType, kept: float, size_uv: float) -> None:
    found = compute(added(synthetic, make(synthetic, kept={Branch.BUCCAL: kept}), decay(size_uv)))
    row = row_of(found)
    assert row.artefact.method == "bi_exponential"
    assert row.artefact.proved
    assert row.quality.accepted
    # A gap of a millisecond shows one decay or a family of them: how far that could change the size is said, no more.
    assert all(reason.startswith("size uncertain") for reason in row.quality.reasons)
    assert ratio_of(found).percent == pytest.approx(100 * kept, abs=0.5)
    assert ratio_of(found).latency_difference_ms == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("size_uv", [2000.0, -2000.0])
def test_an_artefact_that_no_exponential_draws_withholds_the_ratio(synthetic: ModuleType, size_uv: float) -> None:
    def swing(t: np.ndarray) -> np.ndarray:
        return decay(size_uv)(t) * np.cos(2 * np.pi * 0.12 * t)

    found = compute(added(synthetic, make(synthetic, kept={Branch.BUCCAL: 0.1}), swing))
    assert not row_of(found).quality.accepted
    assert ratio_of(found).percent is None


def test_what_is_left_of_an_artefact_is_no_response_of_a_dead_nerve(synthetic: ModuleType) -> None:
    for size_uv in (-1600.0, 1600.0):
        found = compute(added(synthetic, make(synthetic, kept={Branch.BUCCAL: 0.0}), decay(size_uv)))
        assert ratio_of(found).percent is None
        assert not row_of(found).quality.accepted
        assert "electrodes reversed" not in str(ratio_of(found).withheld)


def test_a_small_rest_of_the_artefact_is_allowed(synthetic: ModuleType) -> None:
    found = compute(added(synthetic, make(synthetic), decay(300.0)))
    assert ratio_of(found).percent == pytest.approx(100.0, abs=2.0)


def test_initial_positivity_with_an_onset_by_threshold_is_an_artefact(synthetic: ModuleType) -> None:
    row = row_of(compute(make(synthetic, positive_first=0.3)))
    assert "artefact reaches into the response" in row.quality.reasons
    assert not row.quality.accepted


# 4 Not elicited, or not to be seen


def technical(findings: Findings, said: str) -> None:
    row = row_of(findings)
    assert row.peak_to_peak_mv is None
    assert marker(row) == TECHNICAL, row.quality.reasons
    assert any(said in reason for reason in row.quality.reasons), row.quality.reasons
    assert not any("not elicited" in reason for reason in row.quality.reasons)
    assert "not elicited" not in str(ratio_of(findings).withheld)


def test_reversed_electrodes_of_a_monophasic_response(synthetic: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "POSITIVE", 0.0)
    recording = synthetic.Face(sites=(Branch.BUCCAL,), currents_ma=CURRENTS, montage=FEW).recording()
    technical(compute(changed(recording, lambda s: -s.counts)), "positive response only: electrodes reversed?")


@pytest.mark.parametrize(("frequency_hz", "size_uv"), [(50.0, 1200.0), (150.0, 600.0), (50.0, 100.0)])
def test_hum_that_hides_a_response(synthetic: ModuleType, frequency_hz: float, size_uv: float) -> None:
    kept = 1.0 if size_uv > 100 else 0.0
    recording = make(synthetic, kept={Branch.BUCCAL: kept})
    hum = added(synthetic, recording, lambda t: size_uv * np.sin(2 * np.pi * frequency_hz * t / 1e3 + 1.57))
    technical(compute(hum), "could not be seen here (mains hum)")


def test_noise_that_hides_a_response(synthetic: ModuleType) -> None:
    recording = make(synthetic, kept={Branch.BUCCAL: 0.0})
    rng = np.random.default_rng(3)
    technical(
        compute(added(synthetic, recording, lambda t: rng.normal(0.0, 400.0, t.size))), "could not be seen here (noise)"
    )


def test_sweeps_that_scatter(synthetic: ModuleType) -> None:
    technical(compute(scaled(make(synthetic), (1, 0.1, 3, -0.5, 0.5))), "the sweeps scatter from")


def test_a_quiet_recording_without_a_response_is_not_elicited(synthetic: ModuleType) -> None:
    found = compute(make(synthetic, kept={Branch.BUCCAL: 0.0}))
    assert marker(row_of(found)) == NO_RESPONSE
    both = dict.fromkeys(synthetic.LATENCY_MS, 0.0)
    assert marker(row_of(compute(make(synthetic, negative_mv=both)))) == NO_RESPONSE


# 6 The accepted series lies on the plateau


@pytest.mark.parametrize("current_ma", [3.6, 4.3, 5.2, 6.2])
def test_a_series_below_the_proved_plateau_is_not_supramaximal(synthetic: ModuleType, current_ma: float) -> None:
    face = synthetic.Face(sites=(Branch.BUCCAL,), currents_ma=CURRENTS, montage=FEW)
    recording, rng = face.recording(), np.random.default_rng(1)
    sweeps = tuple(
        face._sweep(rng, s.n, s.step, Side.LEFT, Branch.BUCCAL, current_ma, Role.ACCEPT)
        if s.stimulus.side is Side.LEFT and s.role is Role.ACCEPT
        else s
        for s in recording.sweeps
    )
    found = compute(replace(recording, sweeps=sweeps))
    assert not row_of(found).supramaximal.proved
    assert "below the plateau" in row_of(found).supramaximal.evidence["contradiction"]
    assert "not proved supramaximal" in str(ratio_of(found).withheld)
    assert any("below the plateau" in warning for warning in found.quality["warnings"])


def test_the_plateau_of_the_search_counts_where_it_is_told(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    for plateau, proved in (([7.2, 8.6, 10.4], True), ([10.4, 12.5, 15.0], True), ([12.5, 15.0, 18.0], False)):
        searches = {
            step: {**found, "muscles": {m: {**own, "plateau_ma": plateau} for m, own in found["muscles"].items()}}
            for step, found in recording.searches.items()
        }
        assert row_of(compute(replace(recording, searches=searches))).supramaximal.proved is proved


def test_accepted_sweeps_smaller_than_the_top_of_the_curve(synthetic: ModuleType) -> None:
    found = compute(scaled(make(synthetic), (0.7,)))
    assert not row_of(found).supramaximal.proved
    assert "the top of the curve" in row_of(found).supramaximal.evidence["contradiction"]


# 8 Hum


@pytest.mark.parametrize("frequency_hz", [50.0, 60.0, 100.0, 120.0, 150.0, 180.0])
def test_hum_and_its_harmonics_are_measured(frequency_hz: float) -> None:
    t_ms = np.arange(2400) / 20.0 - 20.0
    wave = 80.0 * np.sin(2 * np.pi * frequency_hz * t_ms / 1e3 + 0.7)
    assert peak_to_peak_uv(t_ms, wave) == pytest.approx(160.0, rel=0.05)
    slow = t_ms[::10]
    assert peak_to_peak_uv(slow, wave[::10]) == pytest.approx(160.0, rel=0.05)


@pytest.mark.parametrize("phase", [0.0, 1.57])
def test_a_harmonic_fails_the_hum_gate(synthetic: ModuleType, phase: float) -> None:
    hum = added(synthetic, make(synthetic), lambda t: 300.0 * np.sin(2 * np.pi * 0.15 * t + phase))
    found = compute(hum)
    assert any("mains hum is" in reason for reason in row_of(found).quality.reasons)
    assert ratio_of(found).percent is None


def test_hum_that_could_not_be_judged_is_said(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    short = tuple(
        replace(s, counts=np.ascontiguousarray(s.counts[:, 250:1000]), onset=s.onset - 250) for s in recording.sweeps
    )
    row = row_of(compute(replace(recording, sweeps=short)))
    assert "mains hum could not be judged: too few samples outside the response" in row.quality.reasons
    assert row.quality.accepted


# 9 Spread


def test_spread_of_pure_scaling_is_the_scale(synthetic: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    late = {muscle: value + 1.0 for muscle, value in synthetic.LATENCY_MS.items()}
    for latencies in (synthetic.LATENCY_MS, late):
        monkeypatch.setattr(synthetic, "LATENCY_MS", latencies)
        face = synthetic.Face(crosstalk=0.1, noise_uv=1.0, sites=(Branch.ZYGOMATIC, Branch.TRUNK), currents_ma=CURRENTS)
        rows = compute(face.recording()).evoked_spread.where(side="right")
        assert len(rows) == 7
        for row in rows:
            assert row.percent == pytest.approx(10.0, abs=0.2), row


# 11 The latency difference of a withheld ratio


def test_a_withheld_ratio_has_no_latency_difference_unless_amplitude_alone_is_at_fault(synthetic: ModuleType) -> None:
    low = {Side.RIGHT: CURRENTS[Side.RIGHT], Side.LEFT: (3.0, 3.5, 4.0)}
    for fault in ({"currents_ma": low}, {"width_us": {Side.LEFT: 100.0, Side.RIGHT: 200.0}}):
        row = ratio_of(compute(make(synthetic, **fault)))
        assert row.withheld
        assert row.latency_difference_ms is None


# 12 Noise-limited


def test_a_weak_side_is_called_noise_limited_and_its_interval_is_wider(synthetic: ModuleType) -> None:
    strong, weak = (compute(make(synthetic, kept={Branch.BUCCAL: k}, noise_uv=10.0)) for k in (0.5, 0.05))
    assert not any("noise-limited" in reason for reason in row_of(strong).quality.reasons)
    assert any(reason.startswith("noise-limited") for reason in row_of(weak).quality.reasons)
    assert row_of(weak).quality.accepted
    low, high = ratio_of(weak).ci95_percent
    assert low < 5.0 < high


def test_the_interval_is_widened_by_the_noise_of_weak_sides_alone(synthetic: ModuleType) -> None:
    weak = make(synthetic, kept={Branch.BUCCAL: 0.05}, noise_uv=30.0)
    sites = measure(weak, DEFAULT)
    sides = [sites[side, Branch.BUCCAL].answers[0].response for side in (Side.LEFT, Side.RIGHT)]
    assert all(sides)
    single = symmetry_ratio(*(side.sweeps_mv for side in sides)).ci95_percent
    # Without an artefact the gap leaves hardly a doubt.
    doubts = [side.doubt_uv / 1e3 / side.peak_to_peak_mv for side in sides]
    assert max(doubts) < 0.02
    single = with_common_error(*single, *doubts)
    row = ratio_of(compute(weak))
    bias = 2 * (sides[0].sweep_noise_uv / 1e3 / sides[0].peak_to_peak_mv) ** 2
    assert bias > 0.01
    np.testing.assert_allclose(row.ci95_percent, [single[0] * np.exp(-bias), single[1] * np.exp(bias)])


def test_a_latency_of_little_signal_is_withheld_and_its_amplitude_stays(synthetic: ModuleType) -> None:
    assert DEFAULT.snr_latency == 40.0
    row = row_of(compute(make(synthetic, kept={Branch.BUCCAL: 0.05}, noise_uv=40.0)))
    assert row.onset_latency_ms is None
    assert row.peak_to_peak_mv == pytest.approx(0.16, rel=0.2)
    assert any(reason.startswith("latency withheld: signal to noise") for reason in row.quality.reasons)


# 14 Saturation that the device does not tell


@pytest.mark.parametrize("limit_mv", [1.0, 1.9])
def test_equal_extreme_counts_are_clipping(synthetic: ModuleType, limit_mv: float) -> None:
    rail = int(limit_mv * 1e6 / synthetic.LSB_NV)
    found = compute(changed(make(synthetic), lambda s: np.clip(s.counts, -rail, None)))
    assert "the amplifier clipped in 5 of 5 sweeps" in row_of(found).quality.reasons
    assert ratio_of(found).percent is None
    assert row_of(found, "right").quality.accepted


def test_a_coarse_quiet_signal_is_not_called_clipped(synthetic: ModuleType) -> None:
    recording = make(synthetic, kept={Branch.BUCCAL: 0.0}, noise_uv=0.02)
    assert marker(row_of(compute(recording))) == NO_RESPONSE


# 15 One report without a number


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_unusable_current_does_not_empty_the_dose(synthetic: ModuleType, bad: float) -> None:
    recording = make(synthetic)
    first = recording.sweeps[0]
    broken = replace(
        recording, sweeps=(replace(first, report=replace(first.report, measured_ma=bad)), *recording.sweeps[1:])
    )
    found = compute(broken)
    whole = {(d.side, d.site): d for d in compute(recording).dose}
    for row in found.dose:
        before = whole[row.side, row.site]
        lost = (row.side, row.site) == (str(first.stimulus.side), str(first.stimulus.site))
        assert row.pulses == before.pulses - lost
        assert row.charge_uc == pytest.approx(before.charge_uc - lost * first.report.charge_uc)
        assert row.requested_vs_delivered == pytest.approx(1.0)
    assert "right buccal: the dose lacks 1 pulse, whose current the device did not report" in found.quality["warnings"]
    assert Findings.from_json(found.to_json()).dose == found.dose


def test_lateral_spread_is_a_number_with_a_unit(synthetic: ModuleType) -> None:
    table = compute(make(synthetic, sites=(Branch.ZYGOMATIC,))).tables()["evoked_spread"]
    column = np.asarray(table.columns["lateral_spread"])
    assert column.dtype == np.int8
    assert set(column.tolist()) <= {-1, 0, 1}
    assert table.units["lateral_spread"] == "1"
