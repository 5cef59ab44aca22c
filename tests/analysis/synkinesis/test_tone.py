"""Resting tone: issue 5, clinical reference 5.2."""

import numpy as np
import pytest

from npr_daq.analysis import tone
from npr_daq.errors import AnalysisError


def test_the_ratio_covers_its_truth(emg):
    rng = np.random.default_rng(1)
    affected, healthy = 18 * emg.carrier(rng, (60, 40_000)), 2.5 * emg.carrier(rng, (60, 40_000))
    found = tone.measure(affected, healthy, rate_hz=2000)
    inside = (found.ratio_ci95[:, 0] <= 7.2) & (found.ratio_ci95[:, 1] >= 7.2)
    assert 0.88 <= inside.mean() <= 1
    assert found.ratio == pytest.approx(np.full(60, 7.2), rel=0.05)
    assert found.affected_uv == pytest.approx(np.full(60, 18), rel=0.05)
    assert (found.seconds == 20).all()


def test_slow_waves_of_tone_widen_the_interval(emg):
    rng = np.random.default_rng(2)
    slow = np.exp(0.3 * np.sin(2 * np.pi * np.arange(40_000) / 20_000))
    even, wavy = 10 * emg.carrier(rng, (40_000,)), 10 * slow * emg.carrier(rng, (40_000,))
    healthy = 2 * emg.carrier(rng, (40_000,))
    widths = [np.ptp(np.log(tone.measure(each, healthy, rate_hz=2000).ratio_ci95)) for each in (even, wavy)]
    assert widths[1] > 4 * widths[0]
    # The same seconds in another order: neighbours that are not alike are worth more.
    order = rng.permutation(20)
    mixed = [each.reshape(20, 2000)[order].ravel() for each in (wavy, healthy)]
    assert widths[1] > 1.25 * np.ptp(np.log(tone.measure(*mixed, rate_hz=2000).ratio_ci95))


def test_blinks_and_gaps_are_left_out(emg):
    rng = np.random.default_rng(3)
    affected, healthy = 6 * emg.carrier(rng, (40_000,)), 3 * emg.carrier(rng, (40_000,))
    affected[4000:4400] *= 20
    healthy[20_000:23_000] = np.nan
    found = tone.measure(affected, healthy, rate_hz=2000)
    assert found.ratio == pytest.approx(2, rel=0.06)
    assert found.left_out[0] > 0.005
    assert found.seconds == 18


def test_too_little_rest_answers_nothing(emg):
    found = tone.measure(*emg.carrier(np.random.default_rng(4), (2, 8000)), rate_hz=2000)
    assert np.isnan(found.ratio)
    with pytest.raises(AnalysisError, match="shapes"):
        tone.measure(np.zeros(8000), np.zeros(9000), rate_hz=2000)
