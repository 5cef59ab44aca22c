"""Coherence of all pairs: clinical reference 5.3, S10."""

import numpy as np
import pytest
from scipy import signal

from npr_daq.analysis import coherence
from npr_daq.errors import AnalysisError

RATE = 2000.0


def test_as_computed_pair_by_pair():
    rng = np.random.default_rng(1)
    data = rng.standard_normal((1, 3, 40_000))
    data[:, 1] += 0.7 * data[:, 0]
    found = coherence.coherence(coherence.spectra(data, rate_hz=RATE))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        f, expected = signal.coherence(data[0, one], data[0, other], fs=RATE, nperseg=1000)
        assert found.frequency_hz == pytest.approx(f[: len(found.frequency_hz)])
        assert found.value[:, one, other] == pytest.approx(expected[: len(found.frequency_hz)], abs=1e-9)
    assert found.value[:, 1, 1] == pytest.approx(1)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
def test_S10_five_percent_of_what_is_not_coherent_exceeds_the_limit(overlap):
    rng = np.random.default_rng(2)
    data = rng.standard_normal((6, 5, 12, 4000), dtype=np.float32)
    found = coherence.coherence(coherence.spectra(data, rate_hz=RATE, overlap=overlap))
    pairs = np.triu_indices(12, 1)
    # The edges of the transform are real numbers, with another distribution.
    above = (found.value[:, 2:] > found.limit95[:, None, None, None])[..., pairs[0], pairs[1]]
    assert above.mean() == pytest.approx(0.05, abs=0.01)


def test_without_the_correction_for_overlap_the_limit_would_be_wrong():
    found = coherence.spectra(np.zeros((1, 2, 40_000)), rate_hz=RATE)
    assert found.segments == 79
    assert found.independent == pytest.approx(79 / (1 + 2 / 36), rel=0.01)


def test_pooled_tasks_are_one_long_task():
    rng = np.random.default_rng(3)
    data = rng.standard_normal((7, 2, 3000))
    parts = [coherence.spectra(each, rate_hz=RATE) for each in (data[:2], data[2:])]
    whole, together = coherence.spectra(data, rate_hz=RATE), coherence.pooled(parts)
    assert together.matrix == pytest.approx(whole.matrix)
    assert together.segments == whole.segments
    assert coherence.coherence(together).limit95 == pytest.approx(coherence.coherence(whole).limit95)


def test_bands_and_a_drive_at_20_hz():
    rng = np.random.default_rng(4)
    t = np.arange(40_000) / RATE
    data = rng.standard_normal((1, 2, 40_000)) + 0.5 * np.sin(2 * np.pi * 20 * t)
    low, middle, high = coherence.coherence(coherence.spectra(data, rate_hz=RATE)).bands[:, 0, 1]
    assert middle > 0.15
    assert max(low, high) < 0.05


def test_segments_with_gaps_are_left_out():
    rng = np.random.default_rng(5)
    data = rng.standard_normal((1, 2, 8000))
    data[0, 1, 4100] = np.nan
    found = coherence.spectra(data, rate_hz=RATE)
    assert found.segments == 13
    assert np.isfinite(found.matrix).all()
    nothing = coherence.coherence(coherence.spectra(np.full((1, 2, 2000), np.nan), rate_hz=RATE))
    assert np.isnan(nothing.value).all()
    assert nothing.limit95 == 1


def test_too_short_is_refused():
    with pytest.raises(AnalysisError, match=r"0\.5 s"):
        coherence.spectra(np.zeros((1, 2, 500)), rate_hz=RATE)
    with pytest.raises(AnalysisError, match="pooled"):
        coherence.pooled([])
