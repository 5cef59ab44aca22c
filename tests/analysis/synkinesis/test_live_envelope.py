"""The envelope of the screen: issue 5 (capture)."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import contraction
from npr_daq.analysis.live_envelope import LiveEnvelope
from npr_daq.errors import AnalysisError


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=12), rate=st.sampled_from([2000.0, 2048.0]))
def test_blocks_of_any_length_give_the_same_frames(cuts, rate):
    data = np.random.default_rng(1).standard_normal((3, 4000)) + np.array([[0.0], [3000.0], [-20.0]])
    whole = LiveEnvelope(3, rate_hz=rate).push(data)
    live = LiveEnvelope(3, rate_hz=rate)
    edges = [0, *sorted(cuts), 4000]
    parts = [live.push(data[:, a:b]) for a, b in pairwise(edges)]
    assert np.concatenate(parts, axis=1) == pytest.approx(whole)
    assert whole.shape[1] == int(4000 * 100 / rate)


def test_it_follows_a_movement_within_100_ms(emg):
    rng = np.random.default_rng(2)
    data = 30 * emg.profile(8000, 1.5, 3.0) * emg.carrier(rng, (40, 8000)) + emg.carrier(rng, (40, 8000))
    found = LiveEnvelope(40, rate_hz=2000).push(data)
    reached = np.argmax(found > 15, axis=1) * 10 - 1500
    assert reached.max() <= 100
    assert np.median(found[:, 200:290]) == pytest.approx(30, rel=0.1)
    later = contraction.envelope(data, rate_hz=2000)[:, 160:290]
    # Frame k of the screen holds the 100 ms before it.
    assert np.corrcoef(found[:, 165:295].ravel(), later.ravel())[0, 1] > 0.8


def test_missing_samples_and_wrong_blocks(emg):
    live = LiveEnvelope(1, rate_hz=2000)
    data = emg.carrier(np.random.default_rng(3), (1, 4000))
    data[0, 1000:1100] = np.nan
    assert np.isfinite(live.push(data)).all()
    with pytest.raises(AnalysisError, match="channels"):
        live.push(np.zeros((2, 10)))
