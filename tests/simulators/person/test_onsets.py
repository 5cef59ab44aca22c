"""Onsets, sizes and durations on waveforms whose answers are known, and the hinge on constructed corners."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_simulators.person import onsets
from npr_simulators.person.reference_onset import low_passed, reference_onsets

T_MS = onsets.instants_ms()


def reference(upright):
    rows = np.atleast_2d(upright)
    peak = onsets.first_phase(rows)
    return reference_onsets(rows, peak, start_ms=onsets.START_MS, rate_khz=onsets.RATE_KHZ)


def bump(at, height=1.0, width=1.0):
    return height * np.exp(-(((T_MS - at) / width) ** 2))


@settings(max_examples=30, deadline=None)
@given(onset=st.floats(2.2, 5.0), leg=st.floats(20, 400), base=st.floats(-1, 1))
def test_the_reference_onset_finds_the_corner_of_a_constructed_hinge(onset, leg, base):
    # a parabola to half of the peak, 1 ms after the corner, then a round peak of a sine: up to 50 % exactly a hinge
    rise = np.clip(T_MS - onset, 0, 1 + 0.75 * np.pi)
    y = np.where(rise < 1, leg * rise**2, leg * (1 + np.sin(2 * (rise - 1)))) + base
    assert reference(y)[0] == pytest.approx(onset, abs=0.003)


@pytest.mark.parametrize("gain", [0.01, 1.0, 50.0])
def test_the_reference_onset_does_not_depend_on_amplitude_and_moves_with_the_wave(gain):
    def wave(shift):
        u = np.clip((T_MS - 3 - shift) / 8, 0, 1)
        return u**2 * (1 - u) ** 5 * (0.5 - u)

    smooth = low_passed(gain * np.stack([wave(0.0), wave(0.4321)]), rate_khz=onsets.RATE_KHZ)
    still, moved = reference(smooth)
    assert moved - still == pytest.approx(0.4321, abs=0.002)


def test_no_reference_onset_without_a_negative_phase():
    assert np.isnan(reference(np.zeros(T_MS.size))[0])
    assert np.isnan(reference(-bump(5))[0])


def test_the_low_pass_halves_its_corner_and_delays_nothing():
    tone = np.sin(2 * np.pi * 1.5 * T_MS)
    inside = slice(3000, 5500)
    assert low_passed(tone, rate_khz=onsets.RATE_KHZ)[inside] == pytest.approx(0.5 * tone[inside], abs=2e-3)


def test_the_first_phase_counts_when_a_later_one_is_larger():
    rows = np.stack([bump(5) + 2 * bump(12), 0.5 * bump(5) + 2 * bump(12), 0 * T_MS, -bump(5)])
    peak = onsets.first_phase(rows)
    assert T_MS[peak[0]] == pytest.approx(5, abs=0.01)
    # below 30 % of the largest it does not
    assert T_MS[peak[1]] == pytest.approx(12, abs=0.01)
    assert peak[2:].tolist() == [-1, -1]


def test_a_phase_outside_the_window_does_not_count():
    peak = onsets.first_phase(np.stack([5 * bump(0.3, width=0.2) + bump(6), bump(6) + 5 * bump(24)]))
    assert T_MS[peak] == pytest.approx([6, 6], abs=0.02)


def triangle(gain):
    # negative triangle 4 ms .. 5 ms (peak -1000) .. 7 ms, then a positive one of 400 around 9 ms
    return gain * np.interp(T_MS, [4, 5, 7, 8, 9, 10], [0, -1000, 0, 0, 400, 0])


def test_sizes_of_a_triangle():
    found = onsets.sizes(np.stack([triangle(1), 0 * T_MS, bump(5, 30.0)]))
    assert found.neg_uv == pytest.approx([1000, 0, 0], abs=0.5)
    assert found.pp_uv == pytest.approx([1400, 0, 30], abs=0.5)
    assert found.area == pytest.approx([0.5 * 3 * 1000, 0, 0], rel=2e-3, abs=1e-9)


def test_course_of_a_triangle():
    found = onsets.course(np.stack([triangle(1), triangle(0.1), triangle(0.015), triangle(0.005)]))
    # theta is 2 % of the peak, never below 10 uV; with a peak of 5 uV nothing is defined
    assert found.theta_ms == pytest.approx([4.02, 4.1, 4 + 10 / 15, np.nan], abs=1e-6, nan_ok=True)
    assert found.first_ms == pytest.approx(found.theta_ms, abs=1e-6, nan_ok=True)
    assert found.t10uv_ms == pytest.approx([4.01, 4.1, 4 + 10 / 15, np.nan], abs=1e-6, nan_ok=True)
    assert found.t20uv_ms == pytest.approx([4.02, 4.2, np.nan, np.nan], abs=1e-6, nan_ok=True)
    assert found.t5pct_ms == pytest.approx([4.05, 4.05, 4.05, np.nan], abs=1e-6, nan_ok=True)
    assert found.peak_ms == pytest.approx([5, 5, 5, np.nan], abs=0.004, nan_ok=True)
    assert found.negative_ms == pytest.approx([2.98, 2.9, 3 - 10 / 15, np.nan], abs=0.004, nan_ok=True)
    assert found.total_ms[:3] == pytest.approx(10 - 0.125 - 4.05, abs=1e-6)
    assert found.peak[3] == -1


def test_an_initial_positivity_shows_in_the_first_departure():
    wave = triangle(1) + bump(3.2, 60.0, 0.3)
    found = onsets.course(wave[None])
    assert found.first_ms[0] < 3.2 < found.theta_ms[0]
    assert found.theta_ms[0] == pytest.approx(4.02, abs=0.01)


def test_a_response_that_goes_on_to_the_end_has_no_duration():
    wave = -bump(6, 500.0) - np.where(T_MS > 20, 100.0, 0.0)
    found = onsets.course(wave[None])
    assert np.isnan(found.total_ms[0])
    assert np.isfinite(found.theta_ms[0])


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 30), st.floats(3, 9), st.floats(0.4, 2))
def test_every_row_is_judged_by_itself(gain, at, width):
    wave = -bump(at, 100.0 * gain, width)
    alone = onsets.course(wave[None])
    among = onsets.course(np.stack([triangle(1), wave, 0 * T_MS]))
    for name in ("theta_ms", "first_ms", "t5pct_ms", "negative_ms", "total_ms"):
        assert np.array_equal(getattr(alone, name)[0], getattr(among, name)[1], equal_nan=True)
    assert onsets.sizes(wave[None]).area[0] == onsets.sizes(np.stack([wave, -wave])).area[0]
