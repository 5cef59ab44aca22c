"""Correlation, lag, regression, co-contraction: clinical reference 5.3, S6 to S8 and S11."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import following


def hump(shift_ms=0.0, n=500, size=1.0):
    t = np.arange(n) * 10 - shift_ms
    return size * np.clip(np.minimum((t - 1000) / 400, (3500 - t) / 600), 0, 1)


@settings(max_examples=40, deadline=None)
@given(lag=st.floats(-180, 180), gain=st.floats(0.05, 4))
def test_S7_the_lag_is_found_between_frames(lag, gain):
    found = following.follow(hump(), gain * hump(lag), span_ms=(600, 4000))
    assert found.lag_ms == pytest.approx(lag, abs=3)
    assert found.peak_correlation == pytest.approx(1, abs=2e-3)
    assert found.slope == pytest.approx(gain, rel=0.02)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), ratio=st.floats(0.2, 5))
def test_S6_S8_as_computed_directly(seed, ratio):
    rng = np.random.default_rng(seed)
    x = hump() + 0.1 * rng.standard_normal(500)
    y = 0.4 * hump(40) + 0.1 * rng.standard_normal(500)
    found = following.follow(x, y, span_ms=(600, 4000), noise_ratio=ratio)
    span = slice(60, 401)
    assert found.correlation == pytest.approx(np.corrcoef(x[span], y[span])[0, 1], abs=1e-9)
    every = [np.corrcoef(x[span], y[60 + lag : 401 + lag])[0, 1] for lag in range(-20, 21)]
    assert found.peak_correlation == pytest.approx(max(every), abs=1e-9)
    lag = int(np.argmax(every)) - 20
    c = np.cov(x[span], y[60 + lag : 401 + lag], bias=True)
    apart = c[1, 1] - ratio * c[0, 0]
    slope = (apart + np.sqrt(apart**2 + 4 * ratio * c[0, 1] ** 2)) / (2 * c[0, 1])
    assert found.slope == pytest.approx(slope, rel=1e-6)


def test_S8_noise_on_the_master_does_not_flatten_the_slope():
    rng = np.random.default_rng(1)
    x = 10 * hump() + 2 * rng.standard_normal((200, 500))
    y = 5 * hump() + 2 * rng.standard_normal((200, 500))
    found = following.follow(x, y, span_ms=np.tile([600, 4000], (200, 1)))
    plain = [np.polyfit(a[60:401], b[60:401], 1)[0] for a, b in zip(x, y, strict=True)]
    assert np.mean(found.slope) == pytest.approx(0.5, abs=0.02)
    assert np.mean(plain) < 0.42


def test_a_slave_that_does_not_move_has_no_correlation():
    still = following.follow(hump(), np.full(500, 3.0), span_ms=(600, 4000))
    assert np.isnan(still.correlation)
    assert np.isnan(still.slope)
    tonic = following.follow(hump(), 3 + np.random.default_rng(2).standard_normal((100, 500)), span_ms=(600, 4000))
    assert abs(np.mean(tonic.correlation)) < 0.03
    opposite = following.follow(hump(), -hump(), span_ms=(600, 4000))
    assert opposite.correlation == pytest.approx(-1)


def test_gaps_answer_nothing_and_only_where_they_matter():
    holed = hump()
    holed[200] = np.nan
    assert np.isnan(following.follow(hump(), holed, span_ms=(600, 4000)).correlation)
    holed = hump()
    holed[480] = np.nan
    assert following.follow(hump(), holed, span_ms=(600, 4000)).correlation == pytest.approx(1)


def test_S11_co_contraction():
    both = following.cocontraction(hump(), 2 * hump(), span_ms=(1500, 2800), master_own_uv=1.0, slave_own_uv=2.0)
    assert both == pytest.approx(2.0)
    part = following.cocontraction(hump(), 0.5 * hump(), span_ms=(1500, 2800), master_own_uv=1.0, slave_own_uv=1.0)
    assert part == pytest.approx(0.5 * 1.5)
    assert np.isnan(
        following.cocontraction(hump(), hump(), span_ms=(1500, 2800), master_own_uv=np.nan, slave_own_uv=1.0)
    )


def test_rest_is_taken_off_in_power():
    assert following.without_rest([5.0, 3.0, 1.0], 9.0) == pytest.approx([4, 0, 0])
