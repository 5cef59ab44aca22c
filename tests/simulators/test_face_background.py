"""Background: the same numbers in any portions, of the sizes it says, and loud where an electrode is loose."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import Muscle, Side
from npr_simulators.face import Face, load_patient
from npr_simulators.face.background import CHUNK

RATE_HZ = 20000.0
WHOLE = Face(load_patient("healthy"), seed=3).background(7, 0, 3 * CHUNK, RATE_HZ)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * CHUNK), max_size=8), order=st.randoms())
def test_any_slicing_in_any_order_gives_the_same_bytes(cuts, order):
    face = Face(load_patient("healthy"), seed=3)
    edges = [0, *sorted(cuts), 3 * CHUNK]
    spans = list(pairwise(edges))
    order.shuffle(spans)
    for begin, end in spans:
        part = face.background(7, begin, end - begin, RATE_HZ)
        np.testing.assert_array_equal(part, WHOLE[:, begin:end])


def test_streams_seeds_and_channels_differ():
    face = Face(load_patient("healthy"), seed=3)
    assert not np.array_equal(face.background(8, 0, 100, RATE_HZ), WHOLE[:, :100])
    assert not np.array_equal(Face(load_patient("healthy"), seed=5).background(7, 0, 100, RATE_HZ), WHOLE[:, :100])
    white = np.diff(WHOLE.astype(float), axis=1)
    together = np.corrcoef(white) - np.eye(16)
    assert np.abs(together).max() < 0.1


def test_white_noise_hum_and_wander_have_the_sizes_they_say():
    face = Face(load_patient("healthy"), seed=3)
    n = 20 * int(RATE_HZ)
    y = face.background(1, 0, n, RATE_HZ).astype(float)
    white = np.diff(y, axis=1).std(axis=1) / np.sqrt(2)
    assert ((white > 1.4) & (white < 2.1)).all()
    spectrum = np.fft.rfft(y * np.hanning(n), axis=1) / n * 4
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    near_50 = np.abs(hz - 50) < 0.3
    hum_rms = np.abs(spectrum[:, near_50]).max(axis=1) / np.sqrt(2)
    assert ((hum_rms > 0.4) & (hum_rms < 1.2)).all()
    slow = y.reshape(16, -1, 2000).mean(axis=2)
    assert 1.0 < np.abs(slow).max() < 5.0


def test_a_slower_stream_has_less_noise_for_its_narrower_band():
    face = Face(load_patient("healthy"), seed=3)
    slow = face.background(1, 0, 40000, 2000.0).astype(float)
    high = np.diff(slow, 2, axis=1).std() / np.sqrt(6)
    assert high < 1.0


def test_a_loosened_electrode_is_loud_alone_until_it_is_fixed():
    face = Face(load_patient("healthy"), seed=3)
    row = face.montage.row(Side.RIGHT, Muscle.NASALIS)
    face.loosen(Side.RIGHT, Muscle.NASALIS)
    assert face.loose == {row}
    loud = face.background(7, 0, 3 * CHUNK, RATE_HZ)
    others = np.arange(16) != row
    np.testing.assert_array_equal(loud[others], WHOLE[others])
    assert loud[row].std() > 50
    np.testing.assert_array_equal(face.background(7, 3001, 1500, RATE_HZ), loud[:, 3001:4501])
    assert face.impedance_kohm()[row, 0] == 250
    face.fix(Side.RIGHT, Muscle.NASALIS)
    face.fix(Side.RIGHT, Muscle.NASALIS)
    np.testing.assert_array_equal(face.background(7, 0, 3 * CHUNK, RATE_HZ), WHOLE)
    assert face.impedance_kohm().max() == pytest.approx(2.75, abs=1.25)
