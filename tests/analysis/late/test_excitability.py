"""Thresholds and strength-duration: clinical reference 2.4."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import excitability
from npr_daq.errors import AnalysisError

CURRENT = np.repeat([1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0], 2)


def curve(current):
    return 3 / (1 + np.exp(-(np.asarray(current) - 3.0) / 0.25))


def test_2_4_threshold_repeats_and_lies_in_its_bracket():
    rng = np.random.default_rng(0)
    found = excitability.threshold(CURRENT, curve(CURRENT) + 0.01 * rng.standard_normal(18), noise_mv=0.01)
    assert found.first_ma == 2.0
    assert found.bracket_ma == (1.5, 2.0)
    assert found.half_ma == pytest.approx(3.0, abs=0.05)
    low, high = found.half_ci95_ma
    assert low < 3.0 < high
    assert high - low < 0.2


def test_a_single_chance_amplitude_is_no_threshold():
    size = np.zeros(18)
    size[3] = 0.5
    size[8:] = 1.0
    found = excitability.threshold(CURRENT, size, noise_mv=0.02)
    assert found.first_ma == 3.0
    assert found.bracket_ma[0] == 2.5
    nothing = excitability.threshold(CURRENT, np.zeros(18), noise_mv=0.02)
    assert np.isnan(nothing.first_ma)
    assert nothing.bracket_ma[0] == 6.0


@settings(max_examples=50, deadline=None)
@given(rheobase=st.floats(0.2, 10.0), chronaxie=st.floats(50, 600))
def test_weiss_is_recovered_from_two_widths(rheobase, chronaxie):
    width = np.array([100.0, 500.0])
    found = excitability.strength_duration(width, rheobase * (1 + chronaxie / width))
    assert found.rheobase_ma == pytest.approx(rheobase, rel=1e-6)
    assert found.chronaxie_us == pytest.approx(chronaxie, rel=1e-6)
    assert np.isnan(found.chronaxie_ci95_us).all()


@pytest.mark.parametrize("known", [True, False])
def test_intervals_cover(known):
    rng = np.random.default_rng(7)
    width = np.array([50.0, 100.0, 200.0, 500.0, 1000.0])
    truth = 2.0 * (1 + 250 / width)
    error = 0.03 * truth
    hits = []
    for _ in range(400):
        seen = truth + error * rng.standard_normal(5)
        found = excitability.strength_duration(width, seen, error_ma=error if known else None)
        hits.append(
            (
                found.rheobase_ci95_ma[0] <= 2.0 <= found.rheobase_ci95_ma[1],
                found.chronaxie_ci95_us[0] <= 250 <= found.chronaxie_ci95_us[1],
            )
        )
    # Without errors all thresholds count alike, which they are not here.
    floor = 0.92 if known else 0.8
    assert (np.mean(hits, axis=0) >= floor).all()


def test_an_uncertain_slope_leaves_the_chronaxie_open():
    found = excitability.strength_duration([100.0, 120.0], [3.0, 2.8], error_ma=0.5)
    assert found.chronaxie_ci95_us == (-np.inf, np.inf)


def test_the_simulated_nerve_follows_weiss(shocks):
    width, threshold = np.array([100.0, 200.0, 500.0]), []
    for each in width:
        currents = np.linspace(0.5, 12, 24)
        fired = [
            len(shocks.spikes("healthy", shocks.Site.ZYGOMATIC, current_ma=c, width_us=each)[shocks.Side.LEFT].row)
            for c in currents
        ]
        threshold.append(float(np.interp(60, fired, currents)))
    found = excitability.strength_duration(width, threshold)
    assert 100 < found.chronaxie_us < 400
    assert found.rheobase_ma > 0


def test_refusals():
    with pytest.raises(AnalysisError, match="one length"):
        excitability.threshold([1, 2], [1], noise_mv=0.1)
    with pytest.raises(AnalysisError, match="positive"):
        excitability.threshold([1, 2], [1, 2], noise_mv=0)
    with pytest.raises(AnalysisError, match="two widths"):
        excitability.strength_duration([100.0, 100.0], [1.0, 1.0])
    with pytest.raises(AnalysisError, match="zero or negative"):
        excitability.strength_duration([100.0, 0.0], [1.0, 1.0])
