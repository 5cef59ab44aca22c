"""Readings at the peaks of the other sweeps, and what they do for the interval of a ratio (clinical reference 2.3)."""

import numpy as np
import pytest

from npr_daq.analysis import evoked, symmetry

RATE = {"rate_hz": 20_000.0, "stimulus_sample": 200}


def test_without_noise_they_equal_the_measures(make_response):
    sweeps = np.stack([make_response(peak_uv=peak) for peak in (900.0, 1000.0, 1100.0)])
    found, alone = evoked.leave_one_out(sweeps, **RATE), evoked.measure(sweeps, **RATE)
    np.testing.assert_allclose(found.peak_to_peak_mv, alone.peak_to_peak_mv, rtol=1e-3)
    np.testing.assert_allclose(found.negative_peak_mv, alone.negative_peak_mv, rtol=3e-3)


def test_noise_does_not_raise_them_as_it_raises_a_maximum(make_units, make_noise):
    rng = np.random.default_rng(51)
    shapes = make_units(rng, 60)
    sweeps = shapes[:, None] + make_noise(rng, (60, 8, 1000), peak_uv=1000.0, snr_db=20.0)
    true = evoked.measure(shapes, **RATE).peak_to_peak_mv[:, None]
    read = (evoked.leave_one_out(sweeps, **RATE).peak_to_peak_mv / true).mean()
    extreme = (evoked.measure(sweeps, **RATE).peak_to_peak_mv / true).mean()
    assert read == pytest.approx(1.0, abs=0.01)
    assert extreme > 1.04


def test_without_a_response_they_are_about_zero(make_noise):
    sweeps = make_noise(np.random.default_rng(52), (200, 5, 1000), peak_uv=1000.0, snr_db=40.0)
    found = evoked.leave_one_out(sweeps, **RATE)
    assert abs(found.peak_to_peak_mv.mean()) < 1e-3
    assert (evoked.measure(sweeps, **RATE).peak_to_peak_mv > 0.02).all()


@pytest.mark.parametrize(("affected_db", "k"), [(26, 5), (34, 5), (26, 10)])
def test_interval_of_the_ratio_covers_the_truth(make_units, make_noise, affected_db, k):
    rng = np.random.default_rng(53)
    shapes = make_units(rng, 40)
    true = evoked.measure(shapes, **RATE).peak_to_peak_mv
    one, other = rng.integers(0, 40, 250), rng.integers(0, 40, 250)
    sides = [
        shapes[picked][:, None] + make_noise(rng, (250, k, 1000), peak_uv=1000.0, snr_db=snr)
        for picked, snr in ((one, affected_db), (other, 40.0))
    ]
    affected, healthy = (evoked.leave_one_out(side, **RATE).peak_to_peak_mv for side in sides)
    low, high = np.moveaxis(symmetry.ratio(affected, healthy).ci95_percent, -1, 0)
    expected = 100 * true[one] / true[other]
    assert 0.90 <= np.mean((low <= expected) & (expected <= high)) <= 0.99


def test_shapes_gaps_and_single_sweeps(make_response):
    sweeps = np.tile(make_response(), (2, 3, 4, 1))
    sweeps[0, 0, 1, 500] = np.nan
    found = evoked.leave_one_out(sweeps, **RATE)
    assert found.peak_to_peak_mv.shape == found.negative_peak_mv.shape == (2, 3, 4)
    assert np.argwhere(np.isnan(found.peak_to_peak_mv)).tolist() == [[0, 0, 1]]
    assert found.peak_to_peak_mv[0, 0, 0] == pytest.approx(2.0, rel=0.01)
    assert np.isnan(evoked.leave_one_out(make_response()[None], **RATE).peak_to_peak_mv).all()
    assert np.isnan(evoked.leave_one_out(np.full((3, 1000), np.nan), **RATE).negative_peak_mv).all()
