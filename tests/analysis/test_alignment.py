"""Alignment of repeats: relative latency, the mean, fractional stimuli, gaps."""

import numpy as np
import pytest

from npr_daq.analysis import evoked

RATE_HZ = 20_000.0


def jittered(make_response, late_ms, **keys):
    return np.stack([make_response(onset_ms=3.0 + late, **keys) for late in late_ms])


@pytest.mark.parametrize(("unfiltered_snr_db", "limit_ms"), [(20, 0.03), (34, 0.006)])
def test_3b_relative_latency(make_units, make_noise, unfiltered_snr_db, limit_ms):
    rng = np.random.default_rng(41)
    shapes = make_units(rng, 30)
    late = rng.normal(0, 1.5, (30, 10))
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(1000) * late[..., None])
    sweeps = np.fft.irfft(np.fft.rfft(shapes)[:, None] * turn, 1000)
    sweeps += make_noise(rng, sweeps.shape, peak_uv=1000.0, snr_db=unfiltered_snr_db)
    _, shifts = evoked.align(sweeps, rate_hz=RATE_HZ, stimulus_sample=200)
    assert shifts.shape == (30, 10)
    error_ms = (shifts - (late - late.mean(axis=1, keepdims=True))) / RATE_HZ * 1e3
    assert error_ms.std() <= limit_ms


def test_aligned_mean_keeps_the_shape_that_a_plain_mean_blurs(make_response):
    late = np.linspace(-0.5, 0.5, 9)
    sweeps = jittered(make_response, late, duration_ms=6.0)
    mean, shifts = evoked.align(sweeps, rate_hz=RATE_HZ, stimulus_sample=200)
    np.testing.assert_allclose(shifts, late * 20, atol=0.05)
    assert np.abs(mean - make_response(onset_ms=3.0, duration_ms=6.0)).max() < 8
    assert np.abs(sweeps.mean(axis=0) - make_response(onset_ms=3.0, duration_ms=6.0)).max() > 40


def test_differences_of_the_stimulus_sample_are_no_jitter(make_response):
    at = np.array([200.1, 200.9, 203.4, 198.0, 201.6])
    sweeps = np.stack([make_response(stimulus_sample=place) for place in at])
    mean, shifts = evoked.align(sweeps, rate_hz=RATE_HZ, stimulus_sample=at)
    assert np.abs(shifts).max() < 0.02
    found = evoked.measure(mean, rate_hz=RATE_HZ, stimulus_sample=at.mean())
    alone = evoked.measure(sweeps, rate_hz=RATE_HZ, stimulus_sample=at)
    assert float(found.onset_latency_ms) == pytest.approx(alone.onset_latency_ms.mean(), abs=0.003)


def test_sweeps_without_a_response_stay_where_they_are(make_noise):
    sweeps = make_noise(np.random.default_rng(42), (3, 8, 1000), peak_uv=1.0, snr_db=0.0)
    mean, shifts = evoked.align(sweeps, rate_hz=RATE_HZ, stimulus_sample=200)
    assert not shifts.any()
    np.testing.assert_allclose(mean, sweeps.mean(axis=1), atol=1e-12)


def test_gaps_take_no_part(make_response):
    sweeps = jittered(make_response, [0.0, 0.1, -0.1, 0.0])
    holed = np.concatenate([sweeps, np.full((1, 1000), np.nan)])
    mean, shifts = evoked.align(holed, rate_hz=RATE_HZ, stimulus_sample=200)
    expected, others = evoked.align(sweeps, rate_hz=RATE_HZ, stimulus_sample=200)
    np.testing.assert_allclose(mean, expected, atol=1e-9)
    np.testing.assert_allclose(shifts[:4], others, atol=1e-9)
    assert np.isnan(shifts[4])


def test_only_gaps_give_nan_and_no_warning():
    mean, shifts = evoked.align(np.full((2, 3, 1000), np.nan), rate_hz=RATE_HZ, stimulus_sample=200)
    assert np.isnan(mean).all()
    assert np.isnan(shifts).all()
    assert mean.shape == (2, 1000)


def test_one_sweep_is_its_own_mean(make_response):
    mean, shifts = evoked.align(make_response()[None], rate_hz=RATE_HZ, stimulus_sample=200)
    np.testing.assert_allclose(mean, make_response())
    assert shifts.tolist() == [0.0]


def test_flat_sweeps_are_left_alone():
    mean, shifts = evoked.align(np.zeros((4, 1000)), rate_hz=RATE_HZ, stimulus_sample=200)
    assert not mean.any()
    assert not shifts.any()


def test_leading_axes_are_independent(make_response, make_noise):
    rng = np.random.default_rng(43)
    series = np.stack([jittered(make_response, rng.normal(0, 0.1, 5), peak_uv=peak) for peak in (300, 1000, 4000)])
    series += make_noise(rng, series.shape, peak_uv=1000.0, snr_db=40)
    mean, shifts = evoked.align(series, rate_hz=RATE_HZ, stimulus_sample=200.4)
    for index in range(3):
        alone, moved = evoked.align(series[index], rate_hz=RATE_HZ, stimulus_sample=200.4)
        np.testing.assert_allclose(mean[index], alone)
        np.testing.assert_allclose(shifts[index], moved)
