"""Which axons a shock fires, and when: current, width, depth, branch and loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side, own_branch
from npr_daq.errors import UsageError
from npr_simulators.face import Face, load_patient, nerve
from npr_simulators.face.evoked import Evoked
from npr_simulators.face.units import PROFILES

HEALTHY = Face(load_patient("healthy"), seed=1)
BRANCHES = [branch for branch in Branch if branch is not Branch.TRUNK]
CAP_MA = {site: 40.0 if site is Branch.TRUNK else 25.0 for site in Branch}
T_MS = np.arange(0, 16, 0.05)


def shock(
    face: Face, *, site: Branch = Branch.TRUNK, side: Side = Side.LEFT, ma: float, us: float = 200.0, ordinal: int = 1
) -> Evoked:
    face.place(side, site)
    evoked = face.evoke(current_ma=ma, width_us=us, ordinal=ordinal)
    assert evoked is not None
    return evoked


def fired(evoked: Evoked) -> set[int]:
    return set(np.flatnonzero(evoked.volley.fired))


def peak_to_peak_uv(evoked: Evoked, muscle: Muscle) -> float:
    row = evoked.names.index(f"{evoked.side}.{muscle}")
    return float(np.ptp(evoked.render(T_MS)[row]))


def test_no_answer_while_the_stimulator_is_held_nowhere():
    face = Face(load_patient("healthy"), seed=1)
    assert face.evoke(current_ma=20, width_us=200, ordinal=1) is None
    face.place(Side.LEFT, Branch.TRUNK)
    assert face.evoke(current_ma=20, width_us=200, ordinal=1) is not None
    face.lift()
    assert face.evoke(current_ma=20, width_us=200, ordinal=1) is None


def test_every_muscle_has_at_least_sixty_units_that_differ_in_threshold_size_delay_and_shape():
    half = shock(HEALTHY, ma=20).units
    for muscle in FACIAL_MUSCLES:
        mine = half.of(muscle)
        assert mine.sum() >= 60
        for numbers in (half.theta, half.shapes.size_uv, half.velocity_m_s, half.shapes.duration_ms, half.shapes.turn):
            assert np.ptp(numbers[mine]) > 0.05 * np.median(numbers[mine])


@settings(max_examples=40, deadline=None)
@given(low=st.floats(0.5, 40), more=st.floats(1, 2), site=st.sampled_from(list(Branch)), ordinal=st.integers(0, 2**40))
def test_a_stronger_shock_fires_all_that_the_weaker_one_fired_and_sooner(low, more, site, ordinal):
    weak = shock(HEALTHY, site=site, ma=low, ordinal=ordinal)
    strong = shock(HEALTHY, site=site, ma=low * more, ordinal=ordinal)
    assert fired(weak) <= fired(strong)
    both = weak.volley.fired
    assert (strong.volley.arrival_ms[both] <= weak.volley.arrival_ms[both] + 1e-12).all()


@settings(max_examples=25, deadline=None)
@given(ma=st.floats(1, 30), narrow=st.floats(50, 400), more=st.floats(1, 4))
def test_a_longer_pulse_fires_all_that_the_shorter_one_fired(ma, narrow, more):
    assert fired(shock(HEALTHY, ma=ma, us=narrow)) <= fired(shock(HEALTHY, ma=ma, us=narrow * more))


def test_strength_duration_is_weiss():
    half = shock(HEALTHY, ma=1).units
    at = {us: nerve.threshold_ma(half, HEALTHY.patient, Branch.TRUNK, width_us=us) for us in (100.0, 200.0, 1e9)}
    charge = {us: at[us] * us for us in (100.0, 200.0)}
    # Weiss: threshold charge is a straight line over width, its slope the rheobase
    np.testing.assert_allclose((charge[200.0] - charge[100.0]) / 100.0, at[1e9], rtol=1e-6)


def test_amplitude_onset_and_shape_all_change_along_the_recruitment_curve():
    amplitudes, onsets, widths = [], [], []
    for ma in (6.5, 8, 10, 14, 20):
        channel = shock(HEALTHY, ma=ma).truth()["left.orbicularis_oculi"]
        amplitudes.append(channel["app"]["pp_uv"])
        onsets.append(channel["t_ref"])
        widths.append(channel["app"]["area"] / channel["app"]["neg_uv"])
    assert np.all(np.diff(amplitudes) > 0)
    assert 0.05 < onsets[0] - onsets[-1] < 1.0
    assert max(np.diff(onsets)) < 0.05
    assert np.ptp(widths) > 0.01 * widths[-1]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_healthy_half_maximum_and_plateau_currents(seed):
    face = Face(load_patient("healthy"), seed=seed)
    plateau = face.plateau_truth()
    for site, half_ma, full_ma in ((Branch.TRUNK, (8.3, 10.2), 20.0), (Branch.BUCCAL, (3.5, 4.6), 9.0)):
        muscle = Muscle.NASALIS
        full_uv = plateau[site]["left"][muscle]["app"]["pp_uv"]
        assert peak_to_peak_uv(shock(face, site=site, ma=half_ma[0]), muscle) < 0.5 * full_uv
        assert peak_to_peak_uv(shock(face, site=site, ma=half_ma[1]), muscle) > 0.5 * full_uv
        assert peak_to_peak_uv(shock(face, site=site, ma=full_ma), muscle) > 0.975 * full_uv
        assert peak_to_peak_uv(shock(face, site=site, ma=0.7 * full_ma), muscle) < 0.995 * full_uv


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_fires_its_own_axons_long_before_its_neighbours(branch, side):
    recruited = {
        name: entry["recruited"] for name, entry in shock(HEALTHY, site=branch, side=side, ma=10).truth().items()
    }
    for muscle in FACIAL_MUSCLES:
        share = recruited[f"{side}.{muscle}"]
        assert share > 0.98 if own_branch(muscle) is branch else share == 0
        assert recruited[f"{side.other}.{muscle}"] == 0
    neighbour = shock(HEALTHY, site=branch, side=side, ma=60).truth()
    assert any(neighbour[f"{side}.{m}"]["recruited"] > 0.5 for m in FACIAL_MUSCLES if own_branch(m) is not branch)


def test_the_trunk_fires_every_muscle_of_its_half_only():
    channels = shock(HEALTHY, ma=25).truth()
    for muscle in FACIAL_MUSCLES:
        assert channels[f"left.{muscle}"]["recruited"] > 0.99
        assert channels[f"right.{muscle}"]["recruited"] == 0
        assert channels[f"right.{muscle}"]["t_nmj"] is None


@pytest.mark.parametrize("site", list(Branch))
@pytest.mark.parametrize("side", list(Side))
def test_a_deep_nerve_meets_the_cap_while_its_response_still_grows(site, side):
    face = Face(load_patient("deep_nerve"), seed=2)
    cap = CAP_MA[site]
    plateau = face.plateau_truth()[site][side]
    at_cap, before = shock(face, site=site, side=side, ma=cap), shock(face, site=site, side=side, ma=cap / 1.2)
    for muscle in SUPPLIES[site]:
        reached = peak_to_peak_uv(at_cap, muscle)
        assert 0.3 < reached / plateau[muscle]["app"]["pp_uv"] < 0.9
        assert reached > 1.2 * peak_to_peak_uv(before, muscle)


def test_lost_share_lies_within_binomial_bounds_and_never_on_the_other_side():
    patient = load_patient("branch_loss")
    for seed in range(1, 6):
        for lesion in Side:
            dead = Face(patient, seed=seed, side=lesion).header()["degeneration"]
            for muscle in FACIAL_MUSCLES:
                share = getattr(patient.lesion.axon_loss, str(own_branch(muscle)))
                n = PROFILES[muscle].units
                assert abs(dead[f"{lesion}.{muscle}"] - share) <= 3.9 * np.sqrt(share * (1 - share) / n)
                assert dead[f"{lesion.other}.{muscle}"] == 0


def test_loss_lowers_the_plateau_by_about_the_lost_share_and_leaves_the_rest_of_the_person_alone():
    healthy = {seed: Face(load_patient("healthy"), seed=seed).plateau_truth() for seed in range(1, 7)}
    lost = {seed: Face(load_patient("branch_loss"), seed=seed).plateau_truth() for seed in range(1, 7)}
    losses = load_patient("branch_loss").lesion.axon_loss
    for branch in BRANCHES:
        muscle = SUPPLIES[branch][0]
        left = [lost[s][branch]["left"][muscle]["own"]["pp_uv"] for s in lost]
        before = [healthy[s][branch]["left"][muscle]["own"]["pp_uv"] for s in healthy]
        assert np.mean(np.divide(left, before)) == pytest.approx(1 - getattr(losses, branch), abs=0.07)
        assert all(lost[s][branch]["right"] == healthy[s][branch]["right"] for s in lost)


def test_thresholds_fluctuate_from_shock_to_shock_and_are_found_by_ordinal_alone():
    at_half = [fired(shock(HEALTHY, ma=9, ordinal=k)) for k in range(20)]
    assert len({frozenset(who) for who in at_half}) > 15
    other = Face(load_patient("healthy"), seed=1)
    other.background(3, 77, 500, 20000)
    for k in (7, 0, 19):
        assert fired(shock(other, ma=9, ordinal=k)) == at_half[k]
    sizes = [peak_to_peak_uv(shock(HEALTHY, ma=24, ordinal=k), Muscle.NASALIS) for k in range(12)]
    assert 0 < np.std(sizes) / np.mean(sizes) < 0.01


def test_healthy_sides_differ_as_human_sides_do():
    ratios = []
    for seed in range(1, 26):
        plateau = Face(load_patient("healthy"), seed=seed).plateau_truth()["trunk"]
        ratios += [plateau["left"][m]["own"]["pp_uv"] / plateau["right"][m]["own"]["pp_uv"] for m in FACIAL_MUSCLES]
    assert 0.10 < np.std(np.log(ratios)) < 0.20
    assert abs(np.mean(np.log(ratios))) < 0.04


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="seed -1 is negative"):
        Face(load_patient("healthy"), seed=-1)
