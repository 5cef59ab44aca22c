"""Cross-talk: clinical reference 5.4 and 5.5."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import crosstalk
from npr_daq.errors import AnalysisError


def plateaus(emg, seed, *, copied, delay=0, repetitions=5, n=4000):
    """Master, and a slave of RMS 1 of whose power the part `copied` is the master's raw signal."""
    rng = np.random.default_rng(seed)
    master, own = emg.carrier(rng, (2, repetitions, n))
    return np.stack([master, np.sqrt(copied) * np.roll(master, delay, axis=-1) + np.sqrt(1 - copied) * own], axis=1)


@settings(max_examples=25, deadline=None)
@given(copied=st.floats(0, 1), delay=st.integers(-6, 6), seed=st.integers(0, 99))
def test_5_4_the_share_is_the_copied_part_of_the_power(emg, copied, delay, seed):
    found = crosstalk.predictable_share(plateaus(emg, seed, copied=copied, delay=delay), master=0, rate_hz=2000)
    assert found[1] == pytest.approx(copied, abs=0.06)
    assert found[0] == 1


def test_muscles_that_move_together_share_nothing(emg):
    found = []
    for seed in range(30):
        data = plateaus(emg, seed, copied=0.0, n=3000)
        data *= emg.profile(3000, 0.2, 1.2)
        found.append(crosstalk.predictable_share(data, master=0, rate_hz=2000)[1])
    assert max(found) < crosstalk.SHARE_LIMIT / 2


def test_chance_likeness_in_few_samples_does_not_count(emg):
    given = {"copied": 0.0, "repetitions": 2, "n": 600}
    found = [crosstalk.predictable_share(plateaus(emg, s, **given), master=0, rate_hz=2000)[1] for s in range(60)]
    # Fitted and tested on the same samples, 17 delays explain 2 % of nothing.
    assert np.mean(found) < 0.003


def test_the_envelope_of_a_copy_is_not_needed(emg):
    """Another muscle that has the same envelope adds to the power and not to the share."""
    data = plateaus(emg, 1, copied=1.0)
    data[:, 1] *= 3
    twice = data.copy()
    twice[:, 1] += 3 * emg.carrier(np.random.default_rng(9), twice[:, 1].shape)
    one, other = (crosstalk.predictable_share(each, master=0, rate_hz=2000)[1] for each in (data, twice))
    assert one == pytest.approx(1, abs=0.02)
    assert other == pytest.approx(0.5, abs=0.05)


def test_noise_is_no_ones_copy(emg):
    data = plateaus(emg, 2, copied=1.0)
    noisy = data + emg.carrier(np.random.default_rng(3), data.shape) * np.array([0, 1])[:, None]
    assert crosstalk.predictable_share(noisy, master=0, rate_hz=2000)[1] == pytest.approx(0.5, abs=0.05)
    off = crosstalk.predictable_share(noisy, master=0, rate_hz=2000, noise_uv2=[0, 1])
    assert off[1] == pytest.approx(1, abs=0.1)
    silent = 0.1 * noisy
    assert np.isnan(crosstalk.predictable_share(silent, master=0, rate_hz=2000, noise_uv2=[0, 1])[1])


def test_shorter_plateaus_and_gaps_do_not_count(emg):
    data = plateaus(emg, 4, copied=0.5)
    data[1, :, 3000:] = np.nan
    data[2, 1, 1000:1050] = np.nan
    data[3] = np.nan
    assert crosstalk.predictable_share(data, master=0, rate_hz=2000)[1] == pytest.approx(0.5, abs=0.07)
    data[1:] = np.nan
    assert np.isnan(crosstalk.predictable_share(data, master=0, rate_hz=2000)).all()


def test_single_precision_is_enough(emg):
    data = plateaus(emg, 5, copied=0.3)
    one, other = (crosstalk.predictable_share(data.astype(t), master=0, rate_hz=2000) for t in (np.float32, np.float64))
    assert one == pytest.approx(other, abs=1e-3)


def test_5_5_the_copy_is_taken_off_in_quadrature():
    found = crosstalk.taken_off([25.0, 25.0, 25.0], [100.0, 100.0, 900.0], coefficient=[0.3, np.nan, 0.3])
    assert found.power_uv2 == pytest.approx([16, 25, 0])
    assert found.part == pytest.approx([9 / 25, np.nan, 81 / 25], nan_ok=True)
    half = crosstalk.taken_off(25.0, 900.0, coefficient=0.3, most=0.5)
    assert half.power_uv2 == pytest.approx(12.5)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(AnalysisError, match="master"):
        crosstalk.predictable_share(np.zeros((2, 2, 4000)), master=2, rate_hz=2000)
