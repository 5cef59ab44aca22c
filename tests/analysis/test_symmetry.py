"""Side ratio: clinical reference 2.3."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from npr_daq.analysis import symmetry
from npr_daq.errors import AnalysisError

sides = st.lists(st.floats(0.01, 20.0), min_size=2, max_size=12)


def test_2_3_formulae_against_welch_on_the_logarithms():
    affected, healthy = [0.5, 0.55, 0.47, 0.52, 0.51], [2.0, 2.1, 1.95]
    found = symmetry.ratio(affected, healthy)
    welch = stats.ttest_ind(np.log(affected), np.log(healthy), equal_var=False).confidence_interval(0.95)
    centre = np.mean(np.log(affected)) - np.mean(np.log(healthy))
    assert float(found.percent) == pytest.approx(100 * np.exp(centre))
    assert found.ci95_percent == pytest.approx([100 * np.exp(welch.low), 100 * np.exp(welch.high)])
    assert float(found.loss_percent) == pytest.approx(100 - float(found.percent))
    r = float(found.percent) / 100
    assert float(found.asymmetry_index) == pytest.approx(100 * (1 - r) / (1 + r))


@pytest.mark.parametrize(
    ("k_affected", "k_healthy", "spreads"), [(5, 5, (0.05, 0.02)), (3, 8, (0.1, 0.02)), (4, 3, (0.03, 0.03))]
)
def test_interval_covers_95_percent_with_few_sweeps(k_affected, k_healthy, spreads):
    rng = np.random.default_rng(61)
    affected = 0.6 * np.exp(rng.normal(0, spreads[0], (4000, k_affected)))
    healthy = 2.0 * np.exp(rng.normal(0, spreads[1], (4000, k_healthy)))
    low, high = np.moveaxis(symmetry.ratio(affected, healthy).ci95_percent, -1, 0)
    assert 0.93 <= np.mean((low <= 30) & (high >= 30)) <= 0.97


@given(affected=sides, healthy=sides, scale=st.floats(0.1, 10.0))
def test_unit_of_the_amplitudes_does_not_matter(affected, healthy, scale):
    one = symmetry.ratio(affected, healthy)
    other = symmetry.ratio(np.array(affected) * scale, np.array(healthy) * scale)
    assert float(other.percent) == pytest.approx(float(one.percent), rel=1e-9)
    np.testing.assert_allclose(other.ci95_percent, one.ci95_percent, rtol=1e-6)


@given(affected=sides, healthy=sides)
def test_exchanged_sides_give_the_reciprocal(affected, healthy):
    one, other = symmetry.ratio(affected, healthy), symmetry.ratio(healthy, affected)
    assert float(one.percent) * float(other.percent) == pytest.approx(1e4)
    assert float(one.asymmetry_index) == pytest.approx(float(other.asymmetry_index), abs=1e-9)
    assert one.ci95_percent[0] <= float(one.percent) * (1 + 1e-9)
    assert one.ci95_percent[1] >= float(one.percent) * (1 - 1e-9)


def test_leading_axes_and_rejected_sweeps():
    affected = np.array([[1.0, 1.1, np.nan, 0.9], [2.0, 2.2, 2.1, 2.0]])
    found = symmetry.ratio(affected, [[2.0, 2.1, 1.9]])
    assert found.percent.shape == (2,)
    assert found.ci95_percent.shape == (2, 2)
    alone = symmetry.ratio([1.0, 1.1, 0.9], [2.0, 2.1, 1.9])
    assert found.percent[0] == pytest.approx(float(alone.percent))
    np.testing.assert_allclose(found.ci95_percent[0], alone.ci95_percent)


def test_one_sweep_has_no_interval():
    found = symmetry.ratio([1.0], [2.0, 2.1])
    assert float(found.percent) == pytest.approx(48.8, abs=0.1)
    assert np.isnan(found.ci95_percent).all()


def test_equal_sweeps_have_an_interval_of_no_width():
    found = symmetry.ratio([1.0, 1.0, 1.0], [2.0, 2.0])
    assert found.ci95_percent == pytest.approx([50.0, 50.0])


def test_lost_response_is_zero_percent_not_unknown():
    found = symmetry.ratio([0.0, 0.01, -0.01], [2.0, 2.1, 1.9])
    assert float(found.percent) == 0.0
    assert float(found.loss_percent) == 100.0
    assert float(found.asymmetry_index) == 100.0
    assert found.ci95_percent[0] == 0.0
    assert 0.5 < found.ci95_percent[1] < 3.0


@pytest.mark.parametrize("healthy", [[0.0, 0.0], [-1.0, 0.5], [np.nan, np.nan], []])
def test_no_healthy_amplitude_gives_no_ratio(healthy):
    found = symmetry.ratio([1.0, 1.1], healthy)
    assert np.isnan(found.percent)
    assert np.isnan(found.ci95_percent).all()


def test_what_is_refused():
    with pytest.raises(AnalysisError, match="sweeps on the last axis"):
        symmetry.ratio(1.0, [1.0])
    with pytest.raises(AnalysisError, match="do not fit together"):
        symmetry.ratio(np.ones((2, 3)), np.ones((4, 3)))


def test_the_signed_index_is_positive_where_the_affected_side_is_smaller():
    smaller, larger = symmetry.ratio([1.0, 1.1], [2.0, 2.2]), symmetry.ratio([2.0, 2.2], [1.0, 1.1])
    assert float(smaller.signed_asymmetry) == pytest.approx(100 / 3, rel=1e-6)
    assert float(larger.signed_asymmetry) == pytest.approx(-float(smaller.signed_asymmetry))
    assert float(larger.asymmetry_index) == pytest.approx(float(smaller.asymmetry_index))


def test_2_3_a_sum_of_muscles_is_no_mean_of_ratios():
    affected = [np.array([[1.0, 1.2], [0.1, 0.1]]), np.array([[0.5, 0.5, 0.5]])]
    healthy = [np.array([[2.0, 2.2], [1.0, 1.0]]), np.array([[0.6, 0.6, 0.6]])]
    found = symmetry.summed(affected, healthy)
    assert float(found.percent) == pytest.approx(100 * (1.1 + 0.1 + 0.5) / (2.1 + 1.0 + 0.6))
    assert found.ci95_percent[0] < found.percent < found.ci95_percent[1]


@pytest.mark.parametrize("common", [0.0, 0.04])
def test_interval_of_a_sum_covers_95_percent(common):
    rng = np.random.default_rng(62)
    sizes = {"a": np.array([0.5, 0.3, 1.2, 0.1]), "h": np.array([1.0, 2.0, 1.5, 0.8])}

    def side(name):
        tables = []
        for part, sweeps in ((slice(0, 3), 5), (slice(3, 4), 4)):
            mean = sizes[name][part, None]
            together = 1 + common * rng.normal(size=(1, sweeps))
            tables.append(mean * together + 0.02 * rng.normal(size=(mean.size, sweeps)))
        return tables

    true = 100 * sizes["a"].sum() / sizes["h"].sum()
    bounds = np.array([symmetry.summed(side("a"), side("h")).ci95_percent for _ in range(2000)])
    assert 0.93 <= np.mean((bounds[:, 0] <= true) & (true <= bounds[:, 1])) <= 0.97


def test_a_sum_with_one_sweep_has_no_interval():
    found = symmetry.summed([np.array([[1.0], [2.0]])], [np.array([[2.0], [2.0]])])
    assert float(found.percent) == pytest.approx(75.0)
    assert np.isnan(found.ci95_percent).all()


@pytest.mark.parametrize("arrays", [[], [np.array([1.0, 2.0])], [np.zeros((0, 3))]])
def test_a_sum_needs_muscles(arrays):
    with pytest.raises(AnalysisError, match="arrays"):
        symmetry.summed(arrays, [np.ones((1, 3))])


def test_errors_alike_in_all_sweeps_join_the_half_width_as_squares():
    low, high = symmetry.with_common_error(90.0, 90.0, 0.03, 0.04)
    assert (low, high) == pytest.approx((90 * np.exp(-1.96 * 0.05), 90 * np.exp(1.96 * 0.05)))
    assert symmetry.with_common_error(80.0, 100.0) == pytest.approx((80.0, 100.0))
    assert symmetry.with_common_error(80.0, 100.0, 0.0) == pytest.approx((80.0, 100.0))
    assert symmetry.with_common_error(0.0, 12.0, 0.1) == (0.0, 12.0)
    assert all(np.isnan(symmetry.with_common_error(np.nan, np.nan, 0.1)))


def test_sweeps_that_were_set_aside_widen_the_interval():
    affected, healthy = np.array([0.98, 1.0, 1.01, 1.03]), np.array([2.0, 2.02, 1.98, 2.01])
    whole = symmetry.ratio(affected, healthy)
    trimmed = symmetry.ratio(affected, healthy, set_aside=(2, 0))
    assert trimmed.percent == whole.percent
    logs, others = np.log(affected), np.log(healthy)
    far = np.square(logs - logs.mean())
    errors = (far.sum() + 2 * far.max()) / 5 * 6 / 16, others.var(ddof=1) / 4
    free = sum(errors) ** 2 / sum(e**2 / 3 for e in errors)
    half = stats.t.ppf(0.975, free) * np.sqrt(sum(errors))
    assert np.log(trimmed.ci95_percent / trimmed.percent) == pytest.approx([-half, half])
    assert symmetry.ratio(affected, healthy, set_aside=(0, 0)).ci95_percent == pytest.approx(whole.ci95_percent)
