"""Ground truth: onsets and sizes on waveforms whose answers are known, and the entries of a truth line."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Side
from npr_simulators.face import Face, load_patient, truth
from npr_simulators.face.reference_onset import first_phase, low_passed, reference_onset

T_MS = truth.instants_ms()


def shocked(name="healthy", *, seed=1, side=Side.LEFT, site=Branch.TRUNK, ma=20.0, ordinal=3):
    face = Face(load_patient(name), seed=seed)
    face.place(side, site)
    return face.evoke(current_ma=ma, width_us=200, ordinal=ordinal)


@settings(max_examples=30, deadline=None)
@given(onset=st.floats(2.2, 5.0), leg=st.floats(20, 400), base=st.floats(-1, 1))
def test_the_reference_onset_finds_the_corner_of_a_constructed_hinge(onset, leg, base):
    # a parabola to half of the peak, 1 ms after the corner, then a round peak of a sine: up to 50 % exactly a hinge
    rise = np.clip(T_MS - onset, 0, 1 + 0.75 * np.pi)
    y = np.where(rise < 1, leg * rise**2, leg * (1 + np.sin(2 * (rise - 1)))) + base
    found = reference_onset(y, start_ms=truth.START_MS, rate_khz=truth.RATE_KHZ)
    assert found == pytest.approx(onset, abs=0.003)


@pytest.mark.parametrize("gain", [0.01, 1.0, 50.0])
def test_the_reference_onset_does_not_depend_on_amplitude_and_moves_with_the_wave(gain):
    evoked = shocked()
    still = low_passed(-evoked.render(T_MS), rate_khz=truth.RATE_KHZ)[2]
    moved = low_passed(-evoked.render(T_MS - 0.4321), rate_khz=truth.RATE_KHZ)[2]
    first, second = (
        reference_onset(gain * y, start_ms=truth.START_MS, rate_khz=truth.RATE_KHZ) for y in (still, moved)
    )
    assert second - first == pytest.approx(0.4321, abs=0.002)


def test_no_reference_onset_without_a_negative_phase():
    assert reference_onset(np.zeros(6000), start_ms=0, rate_khz=320) is None
    assert reference_onset(-np.exp(-((T_MS - 5) ** 2)), start_ms=truth.START_MS, rate_khz=320) is None


def test_the_first_phase_counts_when_a_later_one_is_larger():
    y = np.exp(-((T_MS - 5) ** 2)) + 2 * np.exp(-((T_MS - 12) ** 2))
    assert T_MS[first_phase(y)] == pytest.approx(5, abs=0.01)
    # below 30 % of the largest it does not
    y = 0.5 * np.exp(-((T_MS - 5) ** 2)) + 2 * np.exp(-((T_MS - 12) ** 2))
    assert T_MS[first_phase(y)] == pytest.approx(12, abs=0.01)


def test_threshold_onset_and_sizes_of_a_triangle():
    # negative triangle 4 ms .. 5 ms (peak -1000) .. 7 ms, then a positive one of 400 around 9 ms
    y = np.interp(T_MS, [4, 5, 7, 8, 9, 10], [0, -1000, 0, 0, 400, 0])
    assert truth.threshold_onset_ms(y) == pytest.approx(4.02, abs=1e-6)
    sizes = truth.sizes(y)
    assert sizes["neg_uv"] == pytest.approx(1000, abs=0.5)
    assert sizes["pp_uv"] == pytest.approx(1400, abs=0.5)
    assert sizes["area"] == pytest.approx(0.5 * 3 * 1000, rel=2e-3)
    # theta is never below 10 uV: here 10 % of the peak
    assert truth.threshold_onset_ms(y / 10) == pytest.approx(4.1, abs=1e-6)
    assert truth.threshold_onset_ms(y / 200) is None


def test_onsets_are_ordered_junction_then_hinge_then_threshold():
    channels = shocked().truth()
    for muscle in FACIAL_MUSCLES:
        channel = channels[f"left.{muscle}"]
        assert channel["t_nmj"] < channel["t_ref"] < channel["t_theta"]
        assert channel["t_clin"] == channel["t_theta"]
        assert channel["t_theta"] - channel["t_nmj"] < 0.8


def test_first_arrival_is_the_first_departure_from_nought_in_the_own_channel():
    evoked = shocked()
    t = np.linspace(1, 5, 40001)
    for row, muscle in enumerate(FACIAL_MUSCLES):
        moving = np.flatnonzero(evoked.muscles(t)[row] != 0)
        assert t[moving[0]] == pytest.approx(evoked.truth()[f"left.{muscle}"]["t_nmj"], abs=2e-4)


def test_apparent_is_own_plus_crosstalk():
    for site in Branch:
        evoked = shocked(site=site, ma=24 if site is Branch.TRUNK else 11)
        channels = evoked.truth()
        app = evoked.render(T_MS)
        for row, name in enumerate(evoked.names):
            assert channels[name]["app"]["pp_uv"] == pytest.approx(np.ptp(app[row]), rel=1e-3, abs=0.01)
    # a muscle that did not fire owns nothing, though its channel sees its neighbours
    silent = shocked(site=Branch.BUCCAL, ma=10).truth()["left.depressor_anguli_oris"]
    assert silent["own"] == {"neg_uv": 0.0, "pp_uv": 0.0, "area": 0.0}
    assert silent["t_nmj"] is None
    assert silent["recruited"] == 0
    assert silent["app"]["pp_uv"] > 30


def test_a_truth_line_is_json_with_exactly_the_promised_fields():
    channels = json.loads(json.dumps(shocked().truth(), allow_nan=False))
    assert len(channels) == 16
    for entry in channels.values():
        assert set(entry) == {"t_nmj", "t_theta", "t_clin", "t_ref", "own", "app", "recruited", "misrouted"}
        assert set(entry["own"]) == set(entry["app"]) == {"neg_uv", "pp_uv", "area"}


def test_nothing_fires_below_every_threshold():
    channels = shocked(ma=0.5).truth()
    for entry in channels.values():
        assert entry["t_ref"] is None
        assert entry["t_theta"] is None
        assert entry["app"]["pp_uv"] == 0


def test_recruited_is_a_share_of_the_healthy_number():
    lost = shocked("branch_loss", ma=25).truth()
    assert lost["left.mentalis"]["recruited"] == pytest.approx(0.15, abs=0.12)
    assert lost["left.platysma"]["recruited"] == pytest.approx(0.8, abs=0.08)


def test_the_plateau_is_what_a_supramaximal_shock_gives():
    face = Face(load_patient("branch_loss"), seed=6)
    plateau = face.plateau_truth()
    for site in Branch:
        for side in Side:
            face.place(side, site)
            channels = face.evoke(current_ma=24 if site is Branch.TRUNK else 10.5, width_us=200, ordinal=1).truth()
            assert set(plateau[site][side]) == set(SUPPLIES[site])
            for muscle, full in plateau[site][side].items():
                measured = channels[f"{side}.{muscle}"]
                assert measured["app"]["pp_uv"] == pytest.approx(full["app"]["pp_uv"], rel=0.03)
                assert measured["own"]["pp_uv"] == pytest.approx(full["own"]["pp_uv"], rel=0.03)


def test_everything_repeats_and_the_hash_names_every_parameter():
    first, again = (Face(load_patient("branch_loss"), seed=9) for _ in range(2))
    assert first.header() == again.header()
    assert first.plateau_truth() == again.plateau_truth()
    assert shocked(seed=9).truth() == shocked(seed=9).truth()
    healthy = load_patient("healthy")
    deeper = healthy.model_copy(update={"nerve": healthy.nerve.model_copy(update={"trunk_depth_mm": 16.5})})
    others = [
        Face(healthy, seed=9),
        Face(deeper, seed=9),
        Face(healthy, seed=10),
        Face(healthy, seed=9, side=Side.RIGHT),
        first,
    ]
    assert len({face.header()["hash"] for face in others}) == len(others)
    assert json.loads(json.dumps(first.header())) == first.header()
    assert first.header()["patient"] == "branch_loss"
    assert first.header()["seed"] == 9
