"""Each measure against its clause: clinical reference 2.1 and 2.2, interface "Python"."""

import numpy as np
import pytest

from npr_daq.analysis import evoked
from npr_daq.analysis.evoked import Flag

RATE = {"rate_hz": 20_000.0, "stimulus_sample": 200}


@pytest.fixture
def clean(make_response):
    return evoked.measure(make_response(onset_ms=3.0, duration_ms=8.0, peak_uv=1000.0), **RATE)


@pytest.fixture
def truth(make_response):
    """The same response on a grid 50 times as fine, from -2 to 38 ms."""
    fine = make_response(rate_hz=1e6, stimulus_sample=2000, n_time=40_000)
    return -fine / 1e3, np.arange(40_000) / 1e3 - 2.0


def test_2_2_onset_is_the_hinge(clean, truth):
    # Least squares of c + a max(t - onset, 0)^2 on the unfiltered curve, by brute force on a fine grid.
    x, t = truth
    peak = int(x.argmax())
    half, rise = (int(np.flatnonzero(x[:peak] < part * x[peak])[-1]) for part in (0.5, 0.35))
    stretch = slice(half - 2 * (peak - rise), half, 10)
    rest = {}
    for onset in np.arange(2.5, 3.5, 0.01):
        design = np.stack([np.ones_like(t[stretch]), np.maximum(t[stretch] - onset, 0) ** 2], axis=1)
        rest[float(onset)] = float(np.linalg.lstsq(design, x[stretch], rcond=None)[1][0])
    assert float(clean.onset_latency_ms) == pytest.approx(min(rest, key=rest.__getitem__), abs=0.03)


def test_2_2_peak_latency_is_the_highest_negative_point(clean, truth):
    x, t = truth
    assert float(clean.peak_latency_ms) == pytest.approx(t[x.argmax()], abs=0.01)


def test_2_2_negative_peak_counts_from_the_onset(clean, truth):
    x, t = truth
    expected = x.max() - np.interp(float(clean.onset_latency_ms), t, x)
    assert float(clean.negative_peak_mv) == pytest.approx(expected, rel=0.003)


def test_2_2_peak_to_peak_is_highest_minus_lowest(clean, truth):
    x, _ = truth
    assert float(clean.peak_to_peak_mv) == pytest.approx(x.max() - x.min(), rel=0.003)


def test_2_2_negative_duration_ends_at_the_first_return(clean):
    assert float(clean.negative_duration_ms) == pytest.approx(7.0 - float(clean.onset_latency_ms), abs=0.01)


def test_2_2_negative_area_is_the_integral_from_onset_to_return(clean, truth):
    x, t = truth
    inside = (t >= float(clean.onset_latency_ms)) & (t <= 7.0)
    assert float(clean.negative_area_mv_ms) == pytest.approx(np.trapezoid(x[inside], t[inside]), rel=0.005)


def test_2_2_total_duration_ends_at_two_percent_without_noise(clean, truth):
    x, t = truth
    last = t[np.flatnonzero(np.abs(x) > 0.02 * float(clean.negative_peak_mv))[-1]]
    assert float(clean.total_duration_ms) == pytest.approx(last - float(clean.onset_latency_ms), abs=0.03)


def test_2_1_noise_is_the_robust_deviation_of_the_filtered_baseline(make_noise):
    rng = np.random.default_rng(4)
    quiet = make_noise(rng, (400, 1000), peak_uv=1000.0, snr_db=40.0)
    spiky = quiet.copy()
    spiky[:, 100] += 5000.0
    found = evoked.measure(quiet, **RATE).noise_uv
    # 10 uV to 5 kHz leave about 10 sqrt(2.4 / 5) behind the 3 kHz filter, and one spike hardly moves it.
    assert float(found.mean()) == pytest.approx(7.2, rel=0.08)
    assert float(evoked.measure(spiky, **RATE).noise_uv.mean()) < 1.3 * float(found.mean())


def test_2_1_baseline_offset_and_its_size_do_not_matter(make_response):
    sweep = make_response()
    plain, lifted = evoked.measure(sweep, **RATE), evoked.measure(sweep + 25_000.0, **RATE)
    assert float(lifted.onset_latency_ms) == pytest.approx(float(plain.onset_latency_ms), abs=1e-4)
    assert float(lifted.peak_to_peak_mv) == pytest.approx(float(plain.peak_to_peak_mv), rel=1e-5)


def test_2_2_initial_positivity_is_flagged(make_response):
    before = -make_response(onset_ms=2.0, duration_ms=2.0, peak_uv=150.0)
    before[before < 0] = 0.0
    sweep = make_response(onset_ms=3.2) + before
    assert evoked.measure(sweep, **RATE).flags & Flag.INITIAL_POSITIVE
    assert not evoked.measure(make_response(onset_ms=3.2) + 0.2 * before, **RATE).flags & Flag.INITIAL_POSITIVE


def test_window_limits_the_response(make_response):
    late = make_response(onset_ms=12.0, peak_uv=2000.0)
    both = make_response(onset_ms=3.0, peak_uv=500.0, duration_ms=6.0) + late
    early = evoked.measure(both, **RATE, window_ms=(1.5, 10.0))
    assert float(early.negative_peak_mv) == pytest.approx(0.5, rel=0.01)
    assert 2.8 < float(early.onset_latency_ms) < 3.1


def test_onset_is_that_of_the_first_phase_when_a_later_one_is_larger(make_response):
    both = make_response(onset_ms=3.0, peak_uv=500.0, duration_ms=6.0) + make_response(onset_ms=10.0)
    found = evoked.measure(both, **RATE)
    assert 2.8 < float(found.onset_latency_ms) < 3.1
    assert float(found.peak_latency_ms) > 11.0
    assert float(found.negative_peak_mv) == pytest.approx(1.0, rel=0.01)


def test_monophasic_response_ends_its_negative_phase_with_itself(make_response):
    sweep = np.minimum(make_response(), 0.0)
    found = evoked.measure(sweep, **RATE)
    assert float(found.negative_duration_ms) == pytest.approx(7.0 - float(found.onset_latency_ms), abs=0.35)
    assert np.isfinite(found.negative_area_mv_ms)


def test_positive_only_response_is_not_present_and_says_so(make_response):
    sweep = -np.minimum(make_response(peak_uv=500.0), 0.0) + np.random.default_rng(1).normal(0, 5, 1000)
    found = evoked.measure(sweep, **RATE)
    assert not found.present
    assert found.flag_names() == ("absent", "positive_only")
    assert np.isnan(found.onset_latency_ms)
    assert float(found.peak_to_peak_mv) > 0.45


def test_inverted_response_is_measured_on_its_negative_phase_and_flagged(make_response):
    found = evoked.measure(-make_response(), **RATE)
    assert found.present
    assert found.flags & Flag.INITIAL_POSITIVE
    assert 6.9 < float(found.onset_latency_ms) < 7.5


@pytest.mark.parametrize("value", [0.0, 1234.5, -3e4])
def test_flat_sweep_is_absent_with_zero_amplitude(value):
    found = evoked.measure(np.full((3, 1000), value), **RATE)
    assert not found.present.any()
    assert (found.flags == Flag.ABSENT).all()
    assert found.peak_to_peak_mv.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(found.onset_latency_ms).all()
    assert found.noise_uv.tolist() == [0.0, 0.0, 0.0]


def test_present_needs_five_deviations(make_noise):
    rng = np.random.default_rng(11)
    empty = evoked.measure(make_noise(rng, (4000, 1000), peak_uv=1.0, snr_db=0.0), **RATE)
    # 3 SD would call a quarter to two fifths of empty sweeps a response (interface).
    assert empty.present.mean() < 0.015


def test_absent_response_keeps_its_amplitudes_as_read_and_no_times():
    found = evoked.measure(np.random.default_rng(2).normal(0, 1, 1000), **RATE)
    assert not found.present
    assert float(found.peak_to_peak_mv) > 0
    times = ("onset_latency_ms", "peak_latency_ms", "negative_duration_ms", "total_duration_ms")
    assert all(np.isnan(getattr(found, name)) for name in times)


def test_weak_response_is_answered_and_flagged(make_response, make_noise):
    rng = np.random.default_rng(5)
    sweeps = make_response() + make_noise(rng, (300, 1000), peak_uv=1000.0, snr_db=11.0)
    found = evoked.measure(sweeps, **RATE)
    low = (found.flags & Flag.LOW_SNR) > 0
    assert low.mean() > 0.7
    assert np.isfinite(found.onset_latency_ms[low & found.present]).mean() > 0.98


def test_onset_falls_back_on_three_deviations_where_the_hinge_does_not_converge(make_response, make_noise):
    # A rise so near to the start of the window (sample 230) that the stretch before it is too short to fit.
    step = np.where(np.arange(1000) > 234, -1000.0, 0.0)
    sweep = step + make_noise(np.random.default_rng(3), (1000,), peak_uv=1000.0, snr_db=30.0)
    found = evoked.measure(sweep, **RATE)
    assert found.present
    assert found.flags & Flag.ONSET_BY_THRESHOLD
    assert 1.5 <= float(found.onset_latency_ms) < 1.75


def test_response_that_begins_before_the_window_has_no_onset(make_response):
    found = evoked.measure(make_response(onset_ms=0.3, duration_ms=4.0), **RATE)
    assert found.present
    assert found.flags & Flag.NO_ONSET
    assert np.isnan(found.onset_latency_ms)


def test_magnitudes_are_positive(clean):
    assert clean.negative_peak_mv > 0
    assert clean.peak_to_peak_mv > clean.negative_peak_mv
    assert clean.negative_area_mv_ms > 0


def test_flags_are_named_in_the_shape_of_the_leading_axes(make_response):
    sweeps = np.stack([[make_response(), np.zeros(1000)], [np.full(1000, np.nan), make_response()]])
    names = evoked.measure(sweeps, **RATE).flag_names()
    assert names == [[(), ("absent",)], [("gap",), ()]]


def test_the_noise_of_one_instant_at_the_onset_is_not_in_the_negative_peak(make_units, make_noise):
    rng = np.random.default_rng(17)
    shapes = make_units(rng, 400)
    found = evoked.measure(shapes + make_noise(rng, shapes.shape, peak_uv=1000.0, snr_db=26.0), **RATE)
    # Read at the instant of the onset the SD is 0.047 mV.
    assert np.nanstd(found.negative_peak_mv) < 0.040
    clean = evoked.measure(shapes, **RATE).negative_peak_mv
    np.testing.assert_allclose(clean, 1.0, atol=0.003)


def test_the_level_at_the_start_of_the_window(make_response):
    t_ms = (np.arange(1000) - 200) / 20.0
    tail = np.where(t_ms >= 0, 300.0 * np.exp(-np.maximum(t_ms, 0) / 2.0), 0.0)
    assert evoked.measure(make_response(), **RATE).start_uv < 1.0
    for sign in (1.0, -1.0):
        found = evoked.measure(make_response() + sign * tail, **RATE)
        assert found.start_uv == pytest.approx(300 * np.exp(-0.75), rel=0.02)
