"""Intervals and Holm: clinical reference 5.4."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from npr_daq.analysis import resampling


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999), count=st.integers(2, 12))
def test_t_is_that_of_the_textbook(seed, count):
    data = np.random.default_rng(seed).normal(0.3, 1, count)
    mean, ci, p = resampling.t_interval(np.append(data, np.nan))
    expected = stats.ttest_1samp(data, 0)
    assert mean == pytest.approx(data.mean())
    assert ci == pytest.approx(list(expected.confidence_interval(0.95)))
    assert p == pytest.approx(expected.pvalue)


def test_five_repetitions_have_t_2_776():
    _, ci, _ = resampling.t_interval([1.0, 2, 3, 4, 5])
    assert ci[1] - 3 == pytest.approx(2.776 * np.sqrt(2.5 / 5), rel=1e-3)


@pytest.mark.parametrize(("count", "tolerance"), [(6, 0.06), (12, 0.06)])
def test_bca_agrees_with_a_bootstrap_by_draws(count, tolerance):
    data = np.random.default_rng(count).exponential(1, count)
    expected = stats.bootstrap((data,), np.mean, n_resamples=20_000, rng=np.random.default_rng(1)).confidence_interval
    assert resampling.bca_interval(data) == pytest.approx(list(expected), abs=tolerance)


def test_bca_undercovers_with_five_as_its_docstring_says():
    data = np.random.default_rng(3).standard_normal((4000, 5))
    low, high = resampling.bca_interval(data).T
    assert np.mean((low <= 0) & (high >= 0)) == pytest.approx(0.83, abs=0.02)
    t_low, t_high = resampling.t_interval(data)[1].T
    assert np.mean((t_low <= 0) & (t_high >= 0)) == pytest.approx(0.95, abs=0.012)


def test_gaps_go_by_their_own_number():
    data = np.array([[1.0, np.nan, 2, 4, np.nan], [1, 2, 4, np.nan, np.nan], [1, np.nan, np.nan, np.nan, 2]])
    found = resampling.bca_interval(data)
    assert found[0] == pytest.approx(found[1])
    assert np.isnan(found[2]).all()


def test_holm_by_hand():
    p = np.array([[0.01, 0.04], [0.03, np.nan]])
    # 0.01 <= 0.05 / 3; 0.03 > 0.05 / 2: it and everything above fail.
    assert resampling.holm(p).tolist() == [[True, False], [False, False]]
    assert resampling.holm([0.01, 0.02, 0.03]).tolist() == [True, True, True]
    assert not resampling.holm([np.nan, np.nan]).any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_bonferroni_and_nothing(p):
    marked, values = resampling.holm(p), np.array(p)
    assert (marked >= (values <= 0.05 / len(p))).all()
    assert (marked <= (values <= 0.05)).all()
