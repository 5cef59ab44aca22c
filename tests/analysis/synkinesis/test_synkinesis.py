"""The test itself: what is measured on each side, and what is decided of a pair (clinical reference 5.3, 5.4)."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import synkinesis
from npr_daq.analysis.synkinesis import OCULAR_ORAL, Flaw, Verdict
from npr_daq.analysis.verdict import Evidence, decided
from npr_daq.errors import AnalysisError


def measured(one, **more):
    return synkinesis.measure(one.master, one.slave, **(one.given | more))


def compared(emg, affected, healthy, *, cutoff=OCULAR_ORAL, crosstalk=None, seed=1, **more):
    sides = [measured(emg.part(seed + k, **given), **more) for k, given in enumerate((affected, healthy))]
    return synkinesis.compare(*sides, cutoff=cutoff, crosstalk=crosstalk)


@settings(max_examples=12, deadline=None)
@given(slave=st.floats(8, 60), master=st.floats(20, 200), lag=st.floats(-0.1, 0.1), seed=st.integers(0, 99))
def test_S1_to_S9_truth_comes_back(emg, slave, master, lag, seed):
    found = measured(emg.part(seed, master_uv=master, slave_uv=slave, lag_s=lag, spread=0.0))
    assert found.accepted.all()
    assert found.slave_uv == pytest.approx(np.full(5, slave), rel=0.2)
    assert found.slave_uv.mean() == pytest.approx(slave, rel=0.08)
    assert found.master_uv.mean() == pytest.approx(master, rel=0.08)
    assert found.gain == pytest.approx(found.slave_uv / found.master_uv)
    assert found.normalised_percent.mean() == pytest.approx(100 * slave / 60, rel=0.1)
    assert (found.peak_correlation > 0.85).all()
    assert found.lag_ms.mean() == pytest.approx(1e3 * lag, abs=30)
    assert np.median(found.onset_difference_ms) == pytest.approx(1e3 * lag, abs=50)
    assert np.median(found.duration_ratio) == pytest.approx(1, abs=0.1)
    assert found.overlap.mean() > 0.8
    assert found.slope.mean() == pytest.approx(slave / master, rel=0.1)
    expected = found.peak_correlation * np.minimum(1, found.normalised_percent / 100)
    assert found.coefficient == pytest.approx(expected)


def test_present_with_its_interval_around_the_truth(emg):
    found = compared(emg, {"slave_uv": 30.0}, {"slave_uv": 10.0})
    assert found.verdict == Verdict.PRESENT
    assert found.q_ci95[0] < 3 < found.q_ci95[1]
    assert found.q_db == pytest.approx(20 * np.log10(found.q))
    assert found.normalised_q == pytest.approx(float(found.q), rel=0.2)
    # The own maxima have an error of their own.
    assert np.ptp(np.log(found.normalised_q_ci95)) > 1.02 * np.ptp(np.log(found.q_ci95))
    assert not found.q_censored
    assert found.significant
    assert (found.accepted, found.total) == (5, 5)
    assert 2.0 < found.gain_ratio < 4.0


def test_absent_between_equals(emg):
    found = compared(emg, {"slave_uv": 10.0}, {"slave_uv": 10.0})
    assert found.verdict == Verdict.ABSENT
    assert found.q_ci95[0] < 1 < found.q_ci95[1]
    assert not found.significant


def test_in_between_is_indeterminate_and_says_why(emg):
    found = compared(emg, {"slave_uv": 16.2, "spread": 0.3}, {"slave_uv": 10.0})
    assert found.verdict == Verdict.INDETERMINATE
    assert any("cut-off" in reason or "down to 1" in reason for reason in found.reasons.item())


def test_without_a_published_cutoff_there_is_no_reference(emg):
    found = compared(emg, {"slave_uv": 30.0}, {"slave_uv": 10.0}, cutoff=None)
    assert found.verdict == Verdict.NO_REFERENCE
    assert found.q > 2


def test_a_weak_own_maximum_of_one_side_bounds_the_twin(emg):
    """Nothing is known of an own maximum below 10 x noise but that it is not above: 10 x noise in its place."""
    found = compared(emg, {"slave_uv": 30.0, "own_uv": 6.0}, {"slave_uv": 10.0})
    assert found.verdict == Verdict.PRESENT
    assert np.isnan(found.normalised_q)
    assert "the affected own maximum is below 10 x noise: its twin is a bound" in found.reasons.item()
    strong = compared(emg, {"slave_uv": 10.0, "own_uv": 60.0}, {"slave_uv": 10.0, "own_uv": 6.0})
    assert strong.verdict == Verdict.ABSENT
    assert np.isnan(strong.normalised_q)
    hidden = compared(emg, {"slave_uv": 10.0, "own_uv": 6.0}, {"slave_uv": 10.0})
    assert hidden.verdict == Verdict.INDETERMINATE


def test_where_nothing_can_be_seen_it_is_absent_unless_the_ratios_are_surely_above(emg):
    """Below 3 x noise a slave is not active: undecided ratios of two such slaves are no reason to leave it open."""
    own = {"own_uv": 6.0, "spread": 0.02}
    found = compared(emg, {"slave_uv": 1.5} | own, {"slave_uv": 1.0} | own)
    assert np.isnan(found.normalised_q)
    assert found.verdict == Verdict.ABSENT
    assert any("3 x noise" in reason or "above its own rest" in reason for reason in found.reasons.item())


@pytest.mark.parametrize("own_uv", [None, 6.0])
def test_S5_without_an_own_maximum_nothing_is_decided(emg, own_uv):
    more = {"own_slave_uv": None} if own_uv is None else {}
    given = {} if own_uv is None else {"own_uv": own_uv}
    found = compared(emg, {"slave_uv": 30.0} | given, {"slave_uv": 10.0} | given, **more)
    assert found.verdict == Verdict.INDETERMINATE
    assert np.isnan(found.normalised_q)
    assert any("own maximum" in reason for reason in found.reasons.item())


def test_effort_of_one_side_alone_is_no_synkinesis(emg):
    """Everything on the affected side is twice as strong: Q says two, its normalised twin one."""
    affected = {"slave_uv": 20.0, "master_uv": 100.0, "own_uv": 120.0}
    found = compared(emg, affected, {"slave_uv": 10.0})
    assert found.q == pytest.approx(2, rel=0.2)
    assert found.normalised_q == pytest.approx(1, rel=0.25)
    assert found.verdict == Verdict.INDETERMINATE


def test_both_ratios_have_to_reach_the_cutoff(emg):
    affected = {"slave_uv": 24.0, "own_uv": 100.0, "spread": 0.04}
    found = compared(emg, affected, {"slave_uv": 10.0, "spread": 0.04})
    assert found.q_ci95[0] > OCULAR_ORAL
    assert 1 < found.normalised_q_ci95[0] < found.normalised_q < OCULAR_ORAL
    assert found.verdict == Verdict.INDETERMINATE
    assert any("cut-off" in reason for reason in found.reasons.item())


def test_repetitions_that_disagree_decide_nothing(emg):
    found = compared(emg, {"slave_uv": 25.0, "spread": 1.2}, {"slave_uv": 10.0}, seed=4)
    assert found.q > OCULAR_ORAL
    assert found.normalised_q > OCULAR_ORAL
    assert found.q_ci95[0] < 1
    assert found.verdict == Verdict.INDETERMINATE
    assert "the intervals reach down to 1" in found.reasons.item()


def test_a_slave_below_3_x_noise_is_not_called_active(emg):
    found = compared(emg, {"slave_uv": 2.5, "spread": 0.02}, {"slave_uv": 0.5, "spread": 0.02})
    assert found.q_ci95[0] > OCULAR_ORAL
    assert found.verdict == Verdict.INDETERMINATE
    assert any("3 x noise" in reason for reason in found.reasons.item())


def test_untested_crosstalk_is_not_passed(emg):
    sides = [measured(emg.part(1, slave_uv=30.0)), measured(emg.part(2, slave_uv=10.0))]
    blind = [
        dataclasses.replace(each, predictable_share=np.full_like(each.predictable_share, np.nan)) for each in sides
    ]
    assert synkinesis.compare(*sides, cutoff=OCULAR_ORAL).verdict == Verdict.PRESENT
    found = synkinesis.compare(*blind, cutoff=OCULAR_ORAL)
    assert found.verdict == Verdict.INDETERMINATE
    assert "the cross-talk could not be tested" in found.reasons.item()
    assert synkinesis.compare(*blind, cutoff=OCULAR_ORAL, crosstalk=0.05).verdict == Verdict.PRESENT


def test_tone_alone_is_no_synkinesis(emg):
    for seed in range(1, 9):
        found = compared(emg, {"slave_uv": 0.0, "tone_uv": 12.0}, {"slave_uv": 4.0}, seed=10 * seed)
        assert found.verdict == Verdict.ABSENT
    side = measured(emg.part(1, slave_uv=0.0, tone_uv=12.0))
    assert np.nanmean(side.correlation) < 0.3
    assert np.nanmean(side.slave_uv) < 4


def test_what_cannot_hide_in_tone_is_absent_though_the_ratios_scatter():
    def evidence(risen_uv2):
        number = {name: np.array(1.0) for name in ("q", "normalised", "noise_uv", "own_ratio")}
        flag = {name: np.array(False) for name in ("censored", "coefficient_known", "master_weak", "master_still")}
        return Evidence(
            **number,
            **flag,
            ci=np.array([0.5, 2.0]),
            normalised_ci=np.array([0.5, 2.0]),
            least=np.array(np.nan),
            least_ci=np.full(2, np.nan),
            most_ci=np.full(2, np.nan),
            slave_uv=np.array(2.0),
            slave_upper_uv=np.array(4.0),
            own_known=np.array(True),
            risen_uv2=np.array(risen_uv2),
            risen_error_uv2=np.array(1.0),
            healthy_uv=np.array(2.0),
            share=np.zeros(2),
            copied=np.array(np.nan),
            accepted=np.array(5),
            total=np.array(5),
        )

    verdicts = [decided(evidence(risen), np.array(OCULAR_ORAL))[0] for risen in (0.5, 3.0)]
    assert verdicts == [Verdict.ABSENT, Verdict.INDETERMINATE]
    # A tenth that is predictable may be six tenths of cross-talk: Q of 8 stays above 5, Q of 2 falls to 1.3.
    strong = {"slave_uv": np.array(9.0), "slave_upper_uv": np.array(9.5), "share": np.array([0.1, 0.0])}
    for ratio, verdict in ((8.0, Verdict.PRESENT), (2.0, Verdict.REFUSED)):
        ratios = {"q": np.array(ratio), "normalised": np.array(ratio)}
        ends = {"ci": np.array([1.9, 9.0]), "normalised_ci": np.array([1.9, 9.0])}
        given = dataclasses.replace(evidence(40.0), **strong, **ratios, **ends)
        assert decided(given, np.array(OCULAR_ORAL))[0] == verdict


def test_tone_does_not_hide_synkinesis(emg):
    found = compared(emg, {"slave_uv": 15.0, "tone_uv": 12.0}, {"slave_uv": 4.0})
    assert found.verdict == Verdict.PRESENT
    assert found.q == pytest.approx(15 / 4, rel=0.25)


def test_what_tone_can_hide_is_indeterminate(emg):
    found = compared(emg, {"slave_uv": 0.0, "tone_uv": 40.0}, {"slave_uv": 2.0})
    assert found.verdict == Verdict.INDETERMINATE
    assert any("tone" in reason for reason in found.reasons.item())


def test_a_weak_prime_mover_hides_nothing(emg):
    found = compared(emg, {"slave_uv": 30.0, "master_uv": 4.0}, {"slave_uv": 10.0})
    assert found.verdict == Verdict.PRESENT
    assert "the prime mover of the affected side is weak" in found.reasons.item()
    assert np.isnan(found.gain_ratio)


def test_q_is_a_lower_bound_where_the_healthy_slave_is_at_noise(emg):
    found = compared(emg, {"slave_uv": 20.0}, {"slave_uv": 0.1})
    assert found.q_censored
    assert 10 < found.q < 25
    assert found.verdict == Verdict.PRESENT
    both = compared(emg, {"slave_uv": 0.0}, {"slave_uv": 0.0})
    assert both.q_censored
    assert np.isnan(both.q_ci95).all()
    assert np.isnan(both.p_value)
    assert not both.significant
    assert any("both slaves" in reason for reason in both.reasons.item())
    assert both.verdict == Verdict.ABSENT


def test_5_4_a_copy_of_the_prime_mover_is_refused_and_the_same_power_of_its_own_is_not(emg):
    copied = compared(emg, {"slave_uv": 4.0, "copy": 0.3}, {"slave_uv": 4.0, "copy": 0.02})
    assert copied.q > 3
    assert copied.verdict == Verdict.REFUSED
    assert any("cross-talk" in reason for reason in copied.reasons.item())
    own = compared(emg, {"slave_uv": 15.5}, {"slave_uv": 4.0, "copy": 0.02})
    assert own.verdict == Verdict.PRESENT
    equal = compared(emg, {"slave_uv": 10.0, "copy": 0.1}, {"slave_uv": 10.0, "copy": 0.1})
    assert equal.verdict == Verdict.ABSENT


def test_5_5_a_coefficient_corrects_and_refuses(emg):
    given = {"slave_uv": 20.0, "copy": 0.15}, {"slave_uv": 8.0, "copy": 0.15}
    plain, corrected = (compared(emg, *given, crosstalk=c) for c in (None, 0.15))
    assert abs(np.log(corrected.q / 2.5)) < abs(np.log(plain.q / 2.5))
    assert corrected.q_ci95[0] < 2.5 < corrected.q_ci95[1]
    assert corrected.copied_part == pytest.approx(7.5**2 / (20**2 + 7.5**2), rel=0.3)
    assert "no cross-talk coefficient from stimulation" in plain.reasons.item()
    assert "no cross-talk coefficient from stimulation" not in corrected.reasons.item()
    much = compared(emg, {"slave_uv": 12.0}, {"slave_uv": 4.0}, crosstalk=0.2)
    assert much.verdict == Verdict.REFUSED


def test_bad_repetitions_are_named_and_few_good_ones_refuse(emg):
    one = emg.part(3, slave_uv=30.0, repetitions=6)
    master, slave = one.master.copy(), one.slave.copy()
    master[0, 5000] = np.nan
    master[1, 5000] = 5000.0
    master[2] *= 0.02
    master[2] += emg.carrier(np.random.default_rng(1), master[2].shape)
    master[3, 2900:] *= 0.01
    master[3] += 0.7 * emg.carrier(np.random.default_rng(2), master[3].shape)
    spoiled = dataclasses.replace(one, master=master, slave=slave)
    found = measured(spoiled, rail_uv=4000.0)
    assert found.flaw[:2].tolist() == [Flaw.GAP, Flaw.SATURATED]
    assert found.flaw[2] in (Flaw.NO_BURST, Flaw.SHORT, Flaw.WEAK)
    assert found.flaw[3] == Flaw.SHORT
    assert found.flaw[4:].tolist() == [Flaw.NONE, Flaw.NONE]
    other = measured(emg.part(4, slave_uv=10.0, repetitions=6))
    answer = synkinesis.compare(other, found, cutoff=OCULAR_ORAL)
    assert (answer.accepted, answer.total) == (2, 6)
    assert answer.verdict == Verdict.REFUSED
    assert "fewer than 3 accepted repetitions" in answer.reasons.item()


def test_a_trembling_repetition_among_steady_ones_is_named(emg):
    one = emg.part(5)
    n = one.master.shape[1]
    one.master[2] *= 1 + 0.95 * np.sign(np.sin(2 * np.pi * 1.5 * np.arange(n) / emg.RATE_HZ))
    found = measured(one)
    assert found.flaw[2] == Flaw.UNSTEADY
    assert found.accepted.sum() == 4


def test_pairs_at_once_are_pairs_one_by_one(emg):
    many = emg.part(6, pairs=(3,), slave_uv=20.0)
    other = emg.part(7, pairs=(3,), slave_uv=10.0)
    whole = synkinesis.compare(measured(many), measured(other), cutoff=[1.62, np.nan, 1.79])
    for k in range(3):
        sides = []
        for each in (many, other):
            rows = {name: v[k] if isinstance(v, np.ndarray) else v for name, v in each.given.items()}
            sides.append(synkinesis.measure(each.master[k], each.slave[k], **rows))
        alone = synkinesis.compare(*sides, cutoff=[1.62, np.nan, 1.79][k])
        for name in ("q", "q_ci95", "q_bca_ci95", "normalised_q_ci95", "gain_ratio", "correlation_change", "verdict"):
            value, expected = getattr(whole, name)[k], getattr(alone, name)
            assert (value == expected) if name == "verdict" else value == pytest.approx(expected, rel=1e-9)
        assert whole.reasons[k] == alone.reasons.item()


def test_the_interval_of_an_uncensored_q_covers_its_truth(emg):
    given = {"pairs": (40,), "spread": 0.2}
    sides = [emg.part(8, slave_uv=16.0, **given), emg.part(9, slave_uv=8.0, **given)]
    found = synkinesis.compare(*(measured(each, own_slave_uv=None) for each in sides), cutoff=OCULAR_ORAL)
    assert not found.q_censored.any()
    inside = (found.q_ci95[:, 0] <= 2) & (found.q_ci95[:, 1] >= 2)
    # 40 pairs: 95 % with a standard error of 3.4 points.
    assert 0.86 <= inside.mean() <= 1
    assert np.exp(np.log(found.q).mean()) == pytest.approx(2, rel=0.05)


def test_the_index_is_the_mean_of_log2_q():
    rng = np.random.default_rng(1)
    shared, own = rng.normal(1.0, 0.2, 5), rng.normal(0.5, 0.1, 5)
    values = np.log(2) * np.stack([shared, shared, own])
    found = synkinesis.index(values, task=[0, 0, 3], censored=[True, False, False])
    assert found.value == pytest.approx((2 * shared.mean() + own.mean()) / 3)
    # The two pairs of one task are no two independent ones.
    error = (4 * shared.var(ddof=1) + own.var(ddof=1)) / 9 / 5
    half = (found.ci95[1] - found.ci95[0]) / 2
    assert 2.0 * np.sqrt(error) < half < 2.8 * np.sqrt(error)
    assert (found.pairs, found.censored) == (3, 1)


def test_another_list_is_another_index():
    values = np.array([[0.1, 0.2, 0.3], [np.nan, np.nan, np.nan]])
    found = synkinesis.index(values, task=[0, 1])
    assert np.isnan(found.value)
    assert found.pairs == 1


def test_sides_that_do_not_fit_are_refused(emg):
    one = emg.part(1)
    with pytest.raises(AnalysisError, match="same shape"):
        synkinesis.measure(one.master, one.slave[:3], **one.given)
    with pytest.raises(AnalysisError, match="Rest"):
        measured(one, rest_slave_uv=np.zeros((2, 8000)))
    with pytest.raises(AnalysisError, match="sides"):
        synkinesis.compare(measured(one), measured(emg.part(1, repetitions=4)))


@pytest.mark.parametrize(("ratio", "index"), [(81.70, 10.1), (73.74, 15.1), (79.72, 11.3)])
def test_W13_the_index_of_the_mean_ratio(ratio, index):
    for q in (ratio / 100, 100 / ratio):
        smaller, found = synkinesis.asymmetry(q)
        assert smaller == pytest.approx(ratio)
        assert found == pytest.approx(index, abs=0.05)


def test_a_change_below_the_scatter_of_two_visits_is_none():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, 4000)
    visits = [truth + rng.normal(0, 0.2, 4000) for _ in range(2)]
    found = synkinesis.minimal_detectable_change(*visits)
    assert found == pytest.approx(1.96 * np.sqrt(2) * 0.2, rel=0.04)
    assert np.mean(np.abs(visits[1] - visits[0]) > found) == pytest.approx(0.05, abs=0.012)
    assert np.isnan(synkinesis.minimal_detectable_change([1.0, 2.0], [1.0, np.nan]))
