"""Zero-phase filters: gain, no delay, blocks, capped corners, gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import banded, conditioning
from npr_daq.errors import AnalysisError

RATE = 20_000.0


def tone(hertz, n_time=4000):
    return np.sin(2 * np.pi * hertz * np.arange(n_time) / RATE)


def gain(filtered, hertz):
    middle = slice(1000, 3000)
    wave = np.exp(2j * np.pi * hertz * np.arange(4000) / RATE)[middle]
    return complex(filtered[middle] @ wave.conj() / (tone(hertz)[middle] @ wave.conj()))


def test_low_pass_halves_at_the_corner_and_delays_nothing():
    for hertz, expected in ((100, 1.0), (1500, 0.5), (6000, 0.001)):
        found = gain(conditioning.low_pass(tone(hertz), rate_hz=RATE, corner_hz=1500.0), hertz)
        assert abs(found) == pytest.approx(expected, abs=0.01)
        assert abs(found.imag) < 1e-3


def test_high_pass_halves_at_the_corner_and_delays_nothing():
    for hertz, expected in ((30, 0.0), (300, 0.5), (5000, 1.0)):
        found = gain(conditioning.high_pass(tone(hertz), rate_hz=RATE, corner_hz=300.0), hertz)
        assert abs(found) == pytest.approx(expected, abs=0.01)
        assert abs(found.imag) < 1e-3


def test_corner_is_capped_below_half_the_rate():
    assert conditioning.capped(3000.0, 3000.0) == pytest.approx(1350.0)
    assert conditioning.capped(3000.0, RATE) == 3000.0
    assert np.isfinite(conditioning.low_pass(tone(50), rate_hz=3000.0, corner_hz=3000.0)).all()


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 9), seed=st.integers(0, 99))
def test_blocks_and_leading_axes_do_not_matter(rows, seed):
    data = np.random.default_rng(seed).standard_normal((2, 4, 60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditioning, "BLOCK_ROWS", rows)
        found = conditioning.low_pass(data, rate_hz=RATE, corner_hz=1500.0)
    alone = [conditioning.low_pass(row, rate_hz=RATE, corner_hz=1500.0) for row in data.reshape(-1, 60)]
    assert np.array_equal(found.reshape(-1, 60), np.stack(alone))


def test_gap_stays_in_its_row():
    data = np.ones((3, 100))
    data[1, 50] = np.nan
    found = conditioning.low_pass(data, rate_hz=RATE, corner_hz=1500.0)
    assert np.isnan(found[1]).all()
    assert found[[0, 2]] == pytest.approx(1.0)


def test_single_precision_stays_single():
    data = tone(100).astype(np.float32)
    assert conditioning.low_pass(data, rate_hz=RATE, corner_hz=1500.0).dtype == np.float32
    assert conditioning.low_pass(data.astype(np.int16), rate_hz=RATE, corner_hz=1500.0).dtype == np.float64


def test_narrow_matrices_are_the_same_filter():
    rng = np.random.default_rng(5)
    for corner, n_time in ((1500.0, 640), (3000.0, 333), (3000.0, 40)):
        data = rng.standard_normal((7, n_time)) * 1000
        expected = conditioning.low_pass(data, rate_hz=RATE, corner_hz=corner)
        found = np.full(data.shape, np.nan, dtype=np.float32)
        banded.banded(corner, RATE, n_time, ((0, n_time),)).apply(data.astype(np.float32), found)
        assert np.abs(found - expected).max() < 2e-6 * np.abs(data).max()
        part = np.full(data.shape, np.nan, dtype=np.float32)
        banded.banded(corner, RATE, n_time, ((3, 9), (n_time - 7, n_time - 1))).apply(data.astype(np.float32), part)
        asked = [*range(3, 9), *range(n_time - 7, n_time - 1)]
        assert np.array_equal(part[:, asked], found[:, asked])
        assert np.isnan(part).any() == (n_time > 64)


def test_what_is_refused():
    with pytest.raises(AnalysisError, match="too short"):
        conditioning.low_pass(np.zeros(9), rate_hz=RATE, corner_hz=100.0)
    for rate, corner in ((0.0, 100.0), (np.nan, 100.0), (RATE, 0.0), (RATE, np.inf)):
        with pytest.raises(AnalysisError, match="positive"):
            conditioning.low_pass(np.zeros(100), rate_hz=rate, corner_hz=corner)
    with pytest.raises(AnalysisError, match="real numbers"):
        conditioning.low_pass(np.zeros(100, complex), rate_hz=RATE, corner_hz=100.0)
