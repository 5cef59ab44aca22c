"""The stimulus artefact: its form, its place, and how it follows the current."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import Side
from npr_simulators.person.artefact import TRUNK_UV_PER_MA, gains_uv_per_ma, of_shock
from npr_simulators.person.case import Case
from npr_simulators.person.sites import Shock, Site


def person(**skin: Any) -> Case:
    return Case.model_validate(
        {
            "version": 2,
            "name": "test",
            "teaches": "a test",
            "expect": "a test",
            "cell": "ratio",
            "intake": {"age_years": 40, "sex": "other", "affected": "none", "cause": "none"},
            "skin": {"artefact": 1.0} | skin,
        }
    )


SHOCK = Shock(Site.TRUNK, 35.0, 200.0, 1)


@settings(max_examples=40, deadline=None)
@given(middle=st.floats(-0.2, 12), aperture=st.floats(0.001, 0.6), width=st.sampled_from([50.0, 200.0, 500.0]))
def test_the_mean_over_a_sample_is_exact(middle: float, aperture: float, width: float) -> None:
    one = of_shock(person(), Side.LEFT, Shock(Site.TRUNK, 20.0, width, 1), seed=1)
    fine = middle + aperture * ((np.arange(20_000) + 0.5) / 20_000 - 0.5)
    expected = one(fine).mean(axis=1)
    off = one(np.array([middle]), aperture)[:, 0] - expected
    assert (np.abs(off) < 2e-3 * np.abs(one.height_uv)).all()


def test_it_follows_the_current_and_turns_with_the_polarity() -> None:
    t = np.linspace(-0.1, 20, 500)
    whole = of_shock(person(), Side.LEFT, SHOCK, seed=4)(t)
    half = of_shock(person(), Side.LEFT, Shock(Site.TRUNK, 17.5, 200.0, 2), seed=4)(t)
    turned = of_shock(person(), Side.LEFT, Shock(Site.TRUNK, 35.0, 200.0, 3, anode_first=True), seed=4)(t)
    tenth = of_shock(person(artefact=0.1), Side.LEFT, SHOCK, seed=4)(t)
    np.testing.assert_allclose(half, whole / 2)
    np.testing.assert_allclose(turned, -whole)
    np.testing.assert_allclose(tenth, whole / 10)
    assert (whole[:, t < 0] == 0).all()


def test_pulse_and_tails_are_those_of_the_study() -> None:
    drawn = [of_shock(person(), Side.LEFT, SHOCK, seed=seed) for seed in range(200)]
    height = np.median([np.abs(one.height_uv[:8]) for one in drawn], axis=0)
    np.testing.assert_allclose(height / 35, TRUNK_UV_PER_MA, rtol=0.06)
    np.testing.assert_allclose(np.median([one.shares for one in drawn], axis=(0, 1)), [0.02, 0.004], rtol=0.03)


def test_near_channels_see_more() -> None:
    case = person()
    at_trunk = gains_uv_per_ma(case, Side.LEFT, SHOCK)
    np.testing.assert_allclose(at_trunk[:8], TRUNK_UV_PER_MA)
    assert (at_trunk[8:] < at_trunk[:8]).all()
    np.testing.assert_array_equal(np.roll(gains_uv_per_ma(case, Side.RIGHT, SHOCK), 8), at_trunk)
    buccal = gains_uv_per_ma(case, Side.LEFT, Shock(Site.BUCCAL, 10.0, 200.0, 1))
    assert buccal[2] > 3 * at_trunk[2]
    assert buccal.max() < 1000
    brow = gains_uv_per_ma(case, Side.LEFT, Shock(Site.SUPRAORBITAL, 10.0, 200.0, 1))
    assert (brow[:3] > 4 * at_trunk[:3]).all()
    assert brow[7] < at_trunk[7]
    slid = gains_uv_per_ma(case, Side.LEFT, Shock(Site.TRUNK, 10.0, 200.0, 1, anterior_mm=25.0))
    assert (slid[:8] > at_trunk[:8]).all()


@pytest.mark.parametrize("row", [2, 12])
def test_a_loose_electrode_sees_more_and_longer(row: int) -> None:
    t = np.array([3.0])
    good = of_shock(person(), Side.LEFT, SHOCK, seed=4)(t)
    bad = of_shock(person(), Side.LEFT, SHOCK, seed=4, loose=frozenset({row}))(t)
    assert bad[row] == pytest.approx(15 * good[row])
    np.testing.assert_array_equal(np.delete(bad, row, 0), np.delete(good, row, 0))
