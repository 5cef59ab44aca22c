"""What `evoked` refuses, in a sentence, and what it answers with less than was asked for."""

import numpy as np
import pytest

from npr_daq.analysis import evoked
from npr_daq.analysis.evoked import Flag
from npr_daq.errors import AnalysisError


@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan, np.inf])
def test_rate_must_be_positive(rate):
    with pytest.raises(AnalysisError, match=r"sampling rate is .* Hz"):
        evoked.measure(np.zeros(1000), rate_hz=rate, stimulus_sample=200)


@pytest.mark.parametrize("sweeps", [1.0, np.zeros(1000, complex), np.array(["a", "b"]), np.zeros(1000, bool)])
def test_sweeps_must_be_real_numbers_over_time(sweeps):
    with pytest.raises(AnalysisError, match="real microvolts"):
        evoked.measure(sweeps, rate_hz=20_000.0, stimulus_sample=0)


def test_stimulus_must_fit_the_leading_axes():
    with pytest.raises(AnalysisError, match=r"shape \(3,\).*\(2, 4\)"):
        evoked.measure(np.zeros((2, 4, 1000)), rate_hz=20_000.0, stimulus_sample=[1, 2, 3])


def test_stimulus_must_be_finite():
    with pytest.raises(AnalysisError, match="not finite"):
        evoked.measure(np.zeros((2, 1000)), rate_hz=20_000.0, stimulus_sample=[200, np.nan])


@pytest.mark.parametrize("window", [(5.0, 5.0), (6.0, 2.0), (-1.0, 5.0), (1.0, np.inf), (1.0, np.nan)])
def test_window_must_run_forwards(window):
    with pytest.raises(AnalysisError, match="window"):
        evoked.measure(np.zeros(1000), rate_hz=20_000.0, stimulus_sample=200, window_ms=window)


@pytest.mark.parametrize("stimulus", [0, 3, -50, 5000])
def test_no_baseline_is_refused(stimulus):
    with pytest.raises(AnalysisError, match="sample"):
        evoked.measure(np.zeros(1000), rate_hz=20_000.0, stimulus_sample=stimulus)


@pytest.mark.parametrize("length", [0, 1, 10, 205, 236])
def test_sweep_that_ends_before_the_window_is_refused(length):
    with pytest.raises(AnalysisError, match=r"[Kk]eep"):
        evoked.measure(np.zeros((2, length)), rate_hz=20_000.0, stimulus_sample=200)


def test_short_baseline_is_used_and_flagged(make_response):
    sweep = make_response(stimulus_sample=60, n_time=860)
    found = evoked.measure(sweep, rate_hz=20_000.0, stimulus_sample=60)
    assert found.flags == Flag.SHORT_BASELINE
    assert float(found.negative_peak_mv) == pytest.approx(1.0, rel=0.01)


def test_short_window_is_used_and_flagged(make_response):
    found = evoked.measure(make_response(n_time=460), rate_hz=20_000.0, stimulus_sample=200)
    assert found.flags == Flag.SHORT_WINDOW
    assert float(found.peak_to_peak_mv) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize("rate", [2_000.0, 3_000.0, 10_000.0, 48_000.0, 100_000.0])
def test_other_rates_with_capped_corners(make_response, rate):
    at = rate / 100
    slow = make_response(onset_ms=4.0, duration_ms=14.0, rate_hz=rate, stimulus_sample=at, n_time=int(rate / 20))
    found = evoked.measure(np.tile(slow, (2, 1)), rate_hz=rate, stimulus_sample=at)
    # The hinge of this slow shape lies 0.24 ms before its first sample at any rate.
    assert found.onset_latency_ms == pytest.approx(3.76, abs=0.06)
    assert found.peak_to_peak_mv == pytest.approx(2.0, rel=0.03)


def test_repeats_need_a_sweep_axis():
    for function in (evoked.align, evoked.leave_one_out):
        with pytest.raises(AnalysisError, match=r"\(\.\.\., sweep, time\)"):
            function(np.zeros(1000), rate_hz=20_000.0, stimulus_sample=200)
