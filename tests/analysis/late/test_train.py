"""Decrement of trains: clinical reference 4.4."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import train
from npr_daq.anatomy import Muscle
from npr_daq.errors import AnalysisError

SAMPLING = {"rate_hz": 20_000.0, "stimulus_sample": 200}


def trains(make_response, make_noise, sizes, *, count=4, snr_db=40.0, seed=0):
    wave = make_response(peak_uv=2000.0)
    made = np.asarray(sizes)[:, None] * wave
    rng = np.random.default_rng(seed)
    return made + make_noise(rng, (count, len(sizes), 1000), peak_uv=2000.0, snr_db=snr_db)


@settings(max_examples=20, deadline=None)
@given(lost=st.floats(0.0, 0.6), seed=st.integers(0, 999))
def test_4_4_both_definitions(make_response, make_noise, lost, seed):
    sizes = 1 - lost * np.array([0, 0.45, 0.8, 1.0, 0.9, 0.9])
    found = train.decrement(trains(make_response, make_noise, sizes, seed=seed), **SAMPLING)
    assert found.fourth_percent == pytest.approx(np.full(4, 100 * lost), abs=4)
    assert float(found.mean_fourth_percent) == pytest.approx(100 * lost, abs=2)
    assert (found.lowest_percent >= found.fourth_percent - 1e-9).all()
    assert found.accepted.all()


def test_interval_covers(make_response, make_noise):
    sizes = np.array([1, 0.95, 0.92, 0.9, 0.91])
    inside = []
    for seed in range(120):
        found = train.decrement(trains(make_response, make_noise, sizes, seed=seed), **SAMPLING)
        low, high = found.ci95_fourth_percent
        inside.append(low <= 10 <= high)
    assert 0.9 <= np.mean(inside) <= 0.99


def test_noise_stands_in_where_trains_are_few(make_response, make_noise):
    one = train.decrement(trains(make_response, make_noise, np.ones(5), count=1), **SAMPLING)
    low, high = one.ci95_fourth_percent
    assert high - low == pytest.approx(2 * 1.96 * float(one.noise_percent[0]), rel=1e-6)
    assert low < 0 < high


def test_a_movement_is_rejected_and_a_decrement_is_not(make_response, make_noise):
    sizes = np.array([1, 0.85, 0.8, 0.78, 0.8])
    data = trains(make_response, make_noise, sizes, count=2)
    data[1, 1:] = make_response(duration_ms=5.0, peak_uv=1600.0)
    found = train.decrement(data, **SAMPLING)
    assert found.accepted.tolist() == [True, False]
    assert float(found.mean_fourth_percent) == pytest.approx(22, abs=3)


def test_a_later_response_is_moved_onto_the_first(make_response, make_noise):
    data = trains(make_response, make_noise, np.ones(5), snr_db=50)
    data[:, 3] = make_response(peak_uv=2000.0, stimulus_sample=203.0)
    found = train.decrement(data, **SAMPLING)
    assert np.abs(found.fourth_percent).max() < 1.0


def test_the_simulated_nasalis(shocks):
    nasalis = shocks.channel(Muscle.NASALIS)
    made = np.array(
        [
            shocks.wave(
                "healthy",
                shocks.spikes("healthy", shocks.Site.BUCCAL, ordinal=j, in_train=j, decrement=0.2, current_ma=10.0),
            )[nasalis]
            for j in range(5)
        ]
    )
    size = np.ptp(made[:, shocks.STIMULUS + 30 : shocks.STIMULUS + 400], axis=1)
    noisy = made + shocks.noise(np.random.default_rng(1), (3, 5), rms_uv=5.0)
    found = train.decrement(noisy, **shocks.SAMPLING)
    assert float(found.mean_fourth_percent) == pytest.approx(100 * (1 - size[3] / size[0]), abs=1.5)
    assert found.accepted.all()


def test_gaps_and_refusals(make_response, make_noise):
    data = trains(make_response, make_noise, np.ones(5))
    data[0, 2, 10] = np.nan
    data[1, 0, 10] = np.nan
    found = train.decrement(data, **SAMPLING)
    assert np.isfinite(found.fourth_percent[0])
    assert np.isnan(found.lowest_percent[0])
    assert found.accepted.tolist() == [False, False, True, True]
    with pytest.raises(AnalysisError, match="at least 4 responses"):
        train.decrement(data[:, :3], **SAMPLING)
