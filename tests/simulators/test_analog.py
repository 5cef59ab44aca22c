"""The analogue front-end against its own mathematics."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from npr_simulators import analog


def test_the_anti_alias_filter_is_the_fourth_order_butterworth() -> None:
    hz = np.linspace(1, 30_000, 500)
    b, a = signal.butter(4, 2 * np.pi * 5000, analog=True)
    np.testing.assert_allclose(analog.anti_alias(hz), signal.freqs(b, a, 2 * np.pi * hz)[1], rtol=1e-9)


def test_its_group_delay_is_that_of_its_phase() -> None:
    phase = np.angle(analog.anti_alias(np.array([1.0])))[0]
    assert pytest.approx(-phase / (2 * np.pi) * 1e3, rel=1e-6) == analog.GROUP_DELAY_MS
    assert pytest.approx(1.66, abs=0.01) == analog.GROUP_DELAY_MS * 20


@pytest.mark.parametrize("rate_hz", [20_000.0, 320_000.0])
def test_a_pulse_comes_out_as_the_analogue_filter_gives_it(rate_hz: float) -> None:
    t = np.arange(int(0.03 * rate_hz)) / rate_hz
    drawn = np.exp(-(((t - 0.006) / 0.0008) ** 2))
    b, a = signal.butter(4, 2 * np.pi * 5000, analog=True)
    fine = np.arange(int(0.03 * 2e6)) / 2e6
    _, expected, _ = signal.lsim((b, a), np.exp(-(((fine - 0.006) / 0.0008) ** 2)), fine)
    out = analog.anti_aliased(np.stack([drawn, -2 * drawn]), rate_hz)
    np.testing.assert_allclose(out[0], np.interp(t, fine, expected), atol=2e-5)
    np.testing.assert_allclose(out[1], -2 * out[0], atol=1e-12)


def test_the_high_pass_is_exact_for_straight_lines() -> None:
    rate_hz, w = 20_000.0, 2 * np.pi * analog.HIGHPASS_HZ
    t = np.arange(1, 9001) / rate_hz
    out, _ = analog.high_passed((3e6 * t)[None], rate_hz)
    np.testing.assert_allclose(out[0], 3e6 / w * -np.expm1(-w * t), rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 8999), max_size=6, unique=True), rate_hz=st.sampled_from([2e3, 2e4, 3.2e5]))
def test_the_high_pass_can_be_cut_anywhere(cuts: list[int], rate_hz: float) -> None:
    uv = np.random.default_rng(1).normal(0, 100, (3, 9000)).cumsum(axis=1)
    whole, end = analog.high_passed(uv, rate_hz)
    before, pieces = None, []
    for first, last in pairwise([0, *sorted(cuts), 9000]):
        piece, before = analog.high_passed(uv[:, first:last], rate_hz, before)
        pieces.append(piece)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-7)
    np.testing.assert_allclose(before, end, atol=1e-7)
    b, a = signal.bilinear([1, 0], [1, 2 * np.pi * 5], rate_hz)
    if rate_hz > 2e3:
        np.testing.assert_allclose(whole, signal.lfilter(b, a, uv), atol=2e-3 * np.abs(uv).max())


def test_an_overload_is_clipped_flagged_and_recovers_from_its_side() -> None:
    rate_hz = 20_000.0
    uv = np.zeros((3, 400))
    uv[0, 10:15], uv[1, 10:15], uv[2, 10:15] = 75e3, -75e3, 39e3
    out, over = analog.saturated(uv, rate_hz)
    assert over[:2, 10:15].all()
    assert over.sum() == 10
    assert out[0].max() == 40e3
    np.testing.assert_array_equal(out[1], -out[0])
    np.testing.assert_array_equal(out[2], uv[2])
    assert out[0, 15] == pytest.approx(800)
    assert out[0, 15 + 24] == pytest.approx(800 / np.e)
    assert (out[0, :10] == 0).all()


def test_the_linear_chain_leaves_the_place_of_a_response_alone() -> None:
    rate_hz = 320_000.0
    t = np.arange(8000) / rate_hz
    drawn = -1000 * np.exp(-(((t - 0.006) / 0.0007) ** 2))
    out = analog.linear(drawn[None], rate_hz)[0]
    assert abs(out.argmin() - drawn.argmin()) / rate_hz < 10e-6
    assert out.min() == pytest.approx(-1000, rel=0.03)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 200_000))
def test_lengths_of_transforms_are_long_enough_and_fast(n: int) -> None:
    length = analog._fast_length(n)
    assert n <= length <= n * 1.12 + 1
    for factor in (2, 3, 5):
        while length % factor == 0:
            length //= factor
    assert length == 1
