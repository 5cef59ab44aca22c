"""What the electrodes pick up: the same in any portions, of the published sizes, and loud where one is loose."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from npr_daq.anatomy import Side
from npr_simulators import analog
from npr_simulators.person.case import Case
from npr_simulators.person.contact import Contact
from npr_simulators.person.noise import CHUNK
from npr_simulators.person.skin import SkinSignals, loose_rows

RATE_HZ = 20_000.0
NONE: frozenset[int] = frozenset()
LOOSE = frozenset({2})


def person(**skin: Any) -> Case:
    return Case.model_validate(
        {
            "version": 2,
            "name": "test",
            "teaches": "a test",
            "expect": "a test",
            "cell": "ratio",
            "intake": {"age_years": 40, "sex": "other", "affected": "none", "cause": "none"},
            "skin": skin,
        }
    )


WHOLE = SkinSignals(person(cough_at_s=0.3), seed=3).rows(7, 0, 3 * CHUNK, RATE_HZ, LOOSE)


def recorded(signals: SkinSignals, seconds: int, loose: frozenset[int] = NONE) -> NDArray[np.float64]:
    """What the converter gets, behind the high-pass and settled, shape (16, n)."""
    uv = signals.rows(1, 0, seconds * 20_000, RATE_HZ, loose).astype(float)
    return analog.high_passed(uv, RATE_HZ)[0][:, 20_000:]


def hum_of(uv: NDArray[np.float64], hz: float) -> NDArray[np.float64]:
    """Rms of the line at `hz`."""
    n = uv.shape[1]
    lines = np.abs(np.fft.rfft(uv * np.hanning(n))) * 4 / n
    near = np.abs(np.fft.rfftfreq(n, 1 / RATE_HZ) - hz) < 0.6
    return np.asarray(np.sqrt((lines[:, near] ** 2).sum(axis=1) / 3))


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * CHUNK), max_size=8), order=st.randoms())
def test_any_slicing_in_any_order_gives_the_same_bytes(cuts: list[int], order: Any) -> None:
    signals = SkinSignals(person(cough_at_s=0.3), seed=3)
    spans = list(pairwise([0, *sorted(cuts), 3 * CHUNK]))
    order.shuffle(spans)
    for begin, end in spans:
        part = signals.rows(7, begin, end - begin, RATE_HZ, LOOSE)
        np.testing.assert_array_equal(part, WHOLE[:, begin:end])


def test_seeds_visits_and_streams_differ() -> None:
    case = person()
    first = SkinSignals(case, seed=3).rows(7, 0, 100, RATE_HZ, NONE)
    for other in (SkinSignals(case, seed=4), SkinSignals(case, seed=3, visit=2)):
        assert not np.array_equal(other.rows(7, 0, 100, RATE_HZ, NONE), first)
        assert not np.array_equal(other.impedance_kohm(NONE), SkinSignals(case, seed=3).impedance_kohm(NONE))
    assert not np.array_equal(SkinSignals(case, seed=3).rows(8, 0, 100, RATE_HZ, NONE), first)


def test_chunks_join_without_a_jump() -> None:
    signals = SkinSignals(person(noise_uv=0.0, ecg_uv=50, wander_uv=100), seed=2)
    for rate_hz in (20_000.0, 2_000.0):
        joined = signals.rows(1, 0, 12 * CHUNK, rate_hz, NONE).astype(float)
        bend = np.abs(np.diff(joined, 2, axis=1))
        at_joints = bend[:, CHUNK - 2 :: CHUNK]
        assert at_joints.max() <= np.quantile(bend, 0.999)


def test_hum_is_that_of_the_reference_and_grows_with_the_imbalance() -> None:
    signals = SkinSignals(person(imbalance_kohm=1.0), seed=7)
    uv = recorded(signals, 12)
    fundamental = 0.985
    np.testing.assert_allclose(hum_of(uv, 50), fundamental * signals.hum_uv(), rtol=0.08)
    assert 0.7 < signals.hum_uv().mean() < 0.9
    assert hum_of(uv, 150).mean() / hum_of(uv, 50).mean() == pytest.approx(0.15, abs=0.05)
    at_60 = recorded(SkinSignals(person(mains_hz=60, hum=5.0), seed=7), 6)
    assert hum_of(at_60, 60).mean() == pytest.approx(5 * fundamental * signals.hum_uv().mean(), rel=0.08)
    signals.disturb(hum=10)
    assert hum_of(recorded(signals, 4), 50).mean() > 7


def test_a_loose_electrode_hums_jumps_and_drifts_alone_until_it_is_fixed() -> None:
    signals = SkinSignals(person(), seed=7)
    good, bad = recorded(signals, 25), recorded(signals, 25, LOOSE)
    others = np.arange(16) != 2
    np.testing.assert_array_equal(bad[others], good[others])
    ratio = hum_of(bad, 50)[2] / hum_of(good, 50).mean()
    assert 110 < ratio < 170
    assert 105 < signals.hum_uv(LOOSE)[2] < 125
    jumps = np.flatnonzero(np.abs(np.diff(bad[2])) > 150)
    assert 1 <= jumps.size <= 15
    np.testing.assert_array_equal(recorded(signals, 2), good[:, :20_000])
    assert signals.impedance_kohm(LOOSE)[2, 0] == 250
    assert signals.impedance_kohm(NONE).max() <= 4.0


def test_idle_noise_is_what_the_file_and_the_filter_make_of_it() -> None:
    quiet = person(hum=0.0, ecg_uv=0.0, eog_uv=0.0, wander_uv=0.0)
    uv = recorded(SkinSignals(quiet, seed=5), 10)
    assert uv.std(axis=1).mean() == pytest.approx(1.7 / np.sqrt(2), rel=0.12)
    power = np.abs(np.fft.rfft(uv.reshape(16, -1, 2000), axis=2)).reshape(-1, 1001).__pow__(2).mean(axis=0)
    hz = np.fft.rfftfreq(2000, 1 / RATE_HZ)
    low, high = power[(hz > 500) & (hz < 1500)].mean(), power[(hz > 8000) & (hz < 9000)].mean()
    assert 10 * np.log10(high / low) == pytest.approx(-17.8, abs=1)
    everything = recorded(SkinSignals(person(), seed=5), 20)
    lower_face = np.array([2, 3, 4, 5, 6, 7])
    assert 1.3 < np.median(everything[lower_face].std(axis=1)) < 1.9
    together = np.corrcoef(np.diff(uv)) - np.eye(16)
    assert np.abs(together).max() < 0.05


def test_a_slower_stream_has_less_noise_for_its_narrower_band() -> None:
    quiet = person(hum=0.0, ecg_uv=0.0, eog_uv=0.0, wander_uv=0.0)
    slow = SkinSignals(quiet, seed=5).rows(1, 0, 40_000, 2000.0, NONE).astype(float)
    assert np.diff(slow, 2).std() / np.sqrt(6) == pytest.approx(1.7 * np.sqrt(0.1), rel=0.1)


def test_blinks_are_seen_around_the_eyes_and_heart_beats_everywhere() -> None:
    calm = person(noise_uv=0.0, hum=0.0, wander_uv=0.0)
    uv = SkinSignals(calm, seed=5).rows(1, 0, 30 * 20_000, RATE_HZ, NONE)
    height = np.abs(uv).max(axis=1)
    assert height[0] == pytest.approx(60, rel=0.1)
    assert height[1] == pytest.approx(48, rel=0.1)
    assert height[7] < 7
    beats = np.flatnonzero((uv[7, 1:-1] > uv[7, :-2]) & (uv[7, 1:-1] >= uv[7, 2:]) & (uv[7, 1:-1] > 0.6 * uv[7].max()))
    assert 31 <= beats.size <= 39
    assert np.diff(beats).mean() / RATE_HZ == pytest.approx(0.85, abs=0.02)
    assert 0.02 < np.diff(beats).std() / RATE_HZ < 0.06


def test_a_cough_is_seen_everywhere_for_a_second_and_nowhere_else() -> None:
    signals = SkinSignals(person(), seed=5)
    before = signals.rows(3, 0, 60_000, RATE_HZ, NONE)
    signals.cough(3, 1.0)
    after = signals.rows(3, 0, 60_000, RATE_HZ, NONE)
    shaken = np.flatnonzero((before != after).any(axis=0))
    assert 20_000 <= shaken.min() <= shaken.max() <= 38_000
    assert (np.abs(after - before).max(axis=1) > 100).all()
    np.testing.assert_array_equal(
        signals.rows(2, 0, 60_000, RATE_HZ, NONE), SkinSignals(person(), seed=5).rows(2, 0, 60_000, RATE_HZ, NONE)
    )


def test_hum_of_an_electrode_is_0_8_uv_good_and_115_loose() -> None:
    one = Contact(np.array([[3.0, 2.0], [252.0, 2.0]]))
    np.testing.assert_allclose(one.hum_uv, [0.8, 115.3], rtol=0.02)
    assert one.thermal_uv[1] == pytest.approx(4.6, rel=0.02)


def test_electrodes_that_the_file_calls_loose() -> None:
    case = person(loose=("lesion.nasalis", "other.platysma"))
    assert loose_rows(case, Side.LEFT) == {2, 15}
    assert loose_rows(case, Side.RIGHT) == {10, 7}
