"""Recruitment curve: clinical reference 2.4."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import recruitment
from npr_daq.errors import AnalysisError

SEARCH = np.array([2.0, 3.0, 4.5, 5.4, 6.5, 7.8, 9.3, 11.2, 13.4])


def curve(current, plateau=3.0, i50=6.0, k=0.7):
    return plateau / (1 + np.exp(-(np.asarray(current) - i50) / k))


def test_logistic_is_recovered():
    found = recruitment.fit(SEARCH, curve(SEARCH))
    assert found.i50_ma == pytest.approx(6.0, abs=1e-3)
    assert found.plateau_mv == pytest.approx(3.0, rel=1e-3)
    assert found.threshold_ma == pytest.approx(6.0 - 0.7 * np.log(19), abs=0.01)
    assert found.supramaximal is True


def test_one_bad_shock_does_not_carry_the_curve():
    size = curve(SEARCH)
    size[6] = 1.5
    found = recruitment.fit(SEARCH, size)
    assert found.i50_ma == pytest.approx(6.0, abs=0.5)
    assert found.plateau_mv == pytest.approx(3.0, rel=0.05)


def test_noise_on_the_amplitudes():
    rng = np.random.default_rng(71)
    found = [recruitment.fit(SEARCH, curve(SEARCH) * rng.normal(1, 0.02, 9) + 0.02) for _ in range(40)]
    assert np.mean([one.i50_ma for one in found]) == pytest.approx(6.0, abs=0.1)
    assert np.mean([one.plateau_mv for one in found]) == pytest.approx(3.0, rel=0.02)


@settings(max_examples=40, deadline=None)
@given(scale=st.floats(0.01, 50.0), order=st.permutations(range(9)))
def test_unit_and_order_of_the_shocks_do_not_matter(scale, order):
    one = recruitment.fit(SEARCH, curve(SEARCH))
    other = recruitment.fit(SEARCH[list(order)], scale * curve(SEARCH)[list(order)])
    assert other.i50_ma == pytest.approx(one.i50_ma, abs=1e-3)
    assert other.plateau_mv == pytest.approx(scale * one.plateau_mv, rel=1e-3)
    assert other.supramaximal == one.supramaximal


def test_proof_needs_three_currents():
    found = recruitment.fit([10.0, 12.0], [3.0, 3.0])
    assert found.supramaximal is False
    assert "three over 20 % are needed" in found.evidence["reason"]
    assert recruitment.fit([10.0, 12.0, 14.4], [3.0, 3.0, 3.0]).supramaximal is True


def test_proof_needs_a_rise_of_20_percent():
    assert recruitment.fit([10.0, 10.5, 11.1, 11.8], [3.0] * 4).supramaximal is False
    assert recruitment.fit([10.0, 10.5, 11.1, 12.0], [3.0] * 4).supramaximal is True


@pytest.mark.parametrize(("last", "proved"), [(1.049, True), (1.051, False), (0.951, True), (0.949, False)])
def test_proof_needs_less_than_5_percent_growth(last, proved):
    assert recruitment.fit([10.0, 12.0, 14.4], [1.0, 1.0, last]).supramaximal is proved


@pytest.mark.parametrize(
    ("currents", "sizes"),
    [
        # A dip hides that the top grows by 24 to 27 % per 20 % of current; each step alone is under 5 %.
        ([10, 10.4, 10.8, 11.2, 11.6, 12.0], [1.05, 1.01, 0.97, 0.96, 1.0, 1.045]),
        ([10, 11, 12.1, 13.3], [1.0, 0.96, 1.0, 1.045]),
        # Small steps: 4.6 % over a rise of 9 %.
        ([10, 11, 12.0], [1.0, 1.0, 1.046]),
    ],
)
def test_no_plateau_is_proved_while_a_part_of_the_top_grows_5_percent_per_20(currents, sizes):
    assert recruitment.fit(currents, sizes).supramaximal is False


@pytest.mark.parametrize("step", [1.05, 1.1, 1.2, 1.3])
@pytest.mark.parametrize(("growth", "proved"), [(0.03, True), (0.055, False), (0.10, False)])
def test_the_rule_holds_for_any_step(step, growth, proved):
    currents = 10 * step ** np.arange(-8, 1.0)
    exponent = np.log(1 + growth) / np.log(1.2)
    found = recruitment.fit(currents, (currents / 10) ** exponent)
    assert found.supramaximal is proved


def test_slow_growth_in_small_steps_is_no_plateau():
    current = np.linspace(10, 14, 9)
    found = recruitment.fit(current, np.linspace(1.0, 1.36, 9))
    assert found.supramaximal is False
    assert "still changes" in found.evidence["reason"]
    assert found.evidence["top_growth_percent_per_20_percent"] > 5


def test_reaching_the_cap_alone_proves_nothing():
    found = recruitment.fit(SEARCH[:6], curve(SEARCH[:6]))
    assert found.supramaximal is False
    assert "still changes" in found.evidence["reason"]


def test_repeats_at_one_current_count_once():
    current = [10.0, 12.0, 14.38, 14.40, 14.42, 14.41]
    found = recruitment.fit(current, [3.0, 3.0, 3.1, 2.9, 3.0, 3.0])
    assert found.evidence["shocks"] == [1, 1, 4]
    assert found.supramaximal is True


def test_noise_is_no_plateau():
    size = [0.010, 0.0101, 0.0099, 0.01]
    assert recruitment.fit([10, 12, 14.4, 17], size, noise_mv=0.008).supramaximal is False
    assert "no response" in recruitment.fit([10, 12, 14.4, 17], size, noise_mv=0.008).evidence["reason"]


def test_curve_without_a_foot_has_no_threshold():
    found = recruitment.fit([10.0, 12.0, 14.4, 17.3], [3.0, 3.02, 3.01, 3.0])
    assert np.isnan(found.threshold_ma)
    assert np.isnan(found.i50_ma)
    assert found.plateau_mv == pytest.approx(3.01, rel=0.01)


def test_foot_alone_gives_no_plateau_of_its_own():
    current = np.array([1.0, 1.5, 2.0, 2.5, 3.0])
    found = recruitment.fit(current, 1e-3 * np.exp(current))
    assert found.supramaximal is False


@pytest.mark.parametrize("size", [0.0, -0.001])
def test_no_amplitude_at_all(size):
    found = recruitment.fit(SEARCH, np.full(9, size))
    assert np.isnan(found.threshold_ma)
    assert found.supramaximal is False


def test_missing_shocks_do_not_count():
    size = curve(SEARCH)
    found = recruitment.fit(np.append(SEARCH, [15.0, np.nan]), np.append(size, [np.nan, 3.0]))
    assert found.evidence["currents_ma"] == SEARCH.tolist()
    empty = recruitment.fit([], [])
    assert np.isnan(empty.plateau_mv)
    assert empty.supramaximal is False


@pytest.mark.parametrize("size", [curve(SEARCH), np.zeros(9), np.full(9, np.nan), -curve(SEARCH)])
def test_evidence_can_be_written_as_json(size):
    evidence = recruitment.fit(SEARCH, size).evidence
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence
    assert {"rule", "currents_ma", "amplitudes_mv", "growth_percent", "proved", "reason"} <= set(evidence)


def test_what_is_refused():
    with pytest.raises(AnalysisError, match="same length"):
        recruitment.fit([1.0, 2.0], [1.0])
    with pytest.raises(AnalysisError, match="same length"):
        recruitment.fit(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(AnalysisError, match="zero or negative"):
        recruitment.fit([0.0, 1.0], [1.0, 1.0])
