"""The accuracy goals of analysis reference 3d: noise, shape and SNR independence of the onset.

Every SNR here is that of the table of 3d: peak over the RMS of noise to 5 kHz, before the filter. `snr_db` of the
result is of the filtered waveform and about 6 dB higher.
"""

import numpy as np
import pytest

from npr_daq.analysis import evoked

RATE = {"rate_hz": 20_000.0, "stimulus_sample": 200}


@pytest.fixture(scope="module")
def shapes(make_units):
    return make_units(np.random.default_rng(31), 150)


def errors(shapes, make_noise, unfiltered_snr_db, repeats=4):
    """Onset minus the noise-free onset of the same shape, in ms; the noise is the same at every SNR."""
    rng = np.random.default_rng(32)
    many = np.repeat(shapes, repeats, axis=0)
    noisy = many + make_noise(rng, many.shape, peak_uv=1000.0, snr_db=unfiltered_snr_db)
    own = np.repeat(evoked.measure(shapes, **RATE).onset_latency_ms, repeats)
    return evoked.measure(noisy, **RATE).onset_latency_ms - own


@pytest.mark.parametrize(
    ("unfiltered_snr_db", "deviation", "bound"), [(26, 0.115, 0.22), (30, 0.075, 0.14), (34, 0.045, 0.085)]
)
def test_3d_noise_error_by_snr_before_the_filter(shapes, make_noise, unfiltered_snr_db, deviation, bound):
    error = errors(shapes, make_noise, unfiltered_snr_db)
    assert np.isfinite(error).all()
    assert abs(error.mean()) <= 0.015
    assert error.std() <= deviation
    assert np.percentile(np.abs(error), 95) <= bound


def test_3d_failures_are_rare_at_20_db_before_the_filter(shapes, make_noise):
    error = errors(shapes, make_noise, 20)
    assert np.mean(~(np.abs(error) < 1.0)) <= 0.01


def test_snr_db_is_of_the_filtered_waveform_and_6_db_higher(shapes, make_noise):
    noisy = shapes + make_noise(np.random.default_rng(35), shapes.shape, peak_uv=1000.0, snr_db=26)
    assert evoked.measure(noisy, **RATE).snr_db.mean() == pytest.approx(32.0, abs=0.7)


def test_3d_mean_onset_does_not_move_with_the_snr(shapes, make_noise):
    weak, strong = errors(shapes, make_noise, 26), errors(shapes, make_noise, 50)
    assert len(weak) >= 500
    assert abs(weak.mean() - strong.mean()) <= 0.02


@pytest.mark.parametrize(("exponent", "low", "high"), [(1.2, -0.10, 0.02), (2.0, 0.02, 0.12), (3.0, 0.18, 0.32)])
def test_3b_bias_to_the_first_arrival_is_the_known_one(make_units, exponent, low, high):
    rng = np.random.default_rng(33)
    found = evoked.measure(make_units(rng, 100, exponent=exponent), **RATE)
    assert low < found.onset_latency_ms.mean() - 3.025 < high


def test_a_slow_hum_does_not_move_the_onset(shapes):
    t = np.arange(1000) / 20_000.0
    phase = np.random.default_rng(34).uniform(0, 2 * np.pi, (len(shapes), 1))
    hum = 6 * np.sin(2 * np.pi * 50 * t + phase) + 3 * np.sin(2 * np.pi * 150 * t + phase)
    moved = evoked.measure(shapes + hum, **RATE).onset_latency_ms - evoked.measure(shapes, **RATE).onset_latency_ms
    assert abs(moved.mean()) < 0.01
    assert np.abs(moved).max() < 0.1
