"""Evoked measures on recordings that nobody here made (analysis reference 1, 3c, 3d)."""

import numpy as np
import pytest

from npr_daq.analysis import evoked, recruitment
from npr_daq.analysis.evoked import Flag

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def m_waves(recording):
    """M-waves in microvolts (sweep, time) at 10 kHz, stimulus at sample 10, and the rising stimulus in volts."""
    table = np.loadtxt(recording("monstim/example_2.csv"), delimiter=",", skiprows=1)
    n_sweeps = len(np.unique(table[:, 0]))
    return table[:, 4].reshape(n_sweeps, -1) * 1e3, table[:, 2].reshape(n_sweeps, -1)[:, 0]


@pytest.fixture(scope="module")
def potentials(recording):
    """Motor evoked potentials in microvolts (sweep, time) at 3 kHz, stimulus at sample 150, and the toolbox's table."""
    from scipy import io

    sweeps = io.loadmat(recording("mepfeatx/ID01.mat"))["meps"].T
    features = np.genfromtxt(recording("mepfeatx/ID01_features.csv"), delimiter=",", names=True)
    return sweeps, features


def test_supramaximal_m_waves_have_a_steady_onset(m_waves):
    sweeps, _ = m_waves
    found = evoked.measure(sweeps, rate_hz=10_000.0, stimulus_sample=10, window_ms=(0.8, 6.8))
    supramaximal = found.peak_to_peak_mv >= 0.95 * found.peak_to_peak_mv.max()
    onset = found.onset_latency_ms[supramaximal]
    assert supramaximal.sum() >= 20
    assert ((found.flags[supramaximal] & Flag.ONSET_BY_THRESHOLD) == 0).all()
    assert onset.std() <= 0.015
    assert 1.05 < np.median(onset) < 1.2


def test_m_waves_have_a_short_baseline_and_say_so(m_waves):
    found = evoked.measure(m_waves[0], rate_hz=10_000.0, stimulus_sample=10, window_ms=(0.8, 6.8))
    assert ((found.flags & Flag.SHORT_BASELINE) > 0).all()


def test_m_waves_recruit_to_a_plateau(m_waves):
    sweeps, volts = m_waves
    size = evoked.measure(sweeps, rate_hz=10_000.0, stimulus_sample=10, window_ms=(0.8, 6.8)).peak_to_peak_mv
    found = recruitment.fit(volts, size)
    assert 0.45 < found.i50_ma < 0.65
    # The recorded curve dips half-way, so that the model overshoots its plateau of 12.7 mV.
    assert 12.0 < found.plateau_mv < 16.0
    # The stimulus rises by 14 % over the plateau: a plateau to the eye, no proof by the rule.
    assert found.supramaximal is False


def test_peak_to_peak_of_evoked_potentials_agrees_with_the_toolbox(potentials):
    sweeps, features = potentials
    found = evoked.measure(sweeps, rate_hz=3_000.0, stimulus_sample=150, window_ms=(10.0, 60.0))
    difference = 100 * (found.peak_to_peak_mv * 1e3 / features["Amplitude"] - 1)
    assert abs(np.median(difference)) <= 0.5
    assert np.percentile(np.abs(difference), 90) <= 0.5


def test_latency_of_evoked_potentials_is_near_the_toolbox(potentials):
    sweeps, features = potentials
    found = evoked.measure(sweeps, rate_hz=3_000.0, stimulus_sample=150, window_ms=(10.0, 60.0))
    difference = found.onset_latency_ms - features["Latency"]
    assert np.isfinite(difference).mean() > 0.98
    assert abs(np.nanmedian(difference)) < 0.35
