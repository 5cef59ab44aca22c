"""Band-pass, envelope, rest and bursts: clinical reference 5.2."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import contraction
from npr_daq.errors import AnalysisError


@settings(max_examples=25, deadline=None)
@given(rate=st.sampled_from([1000.0, 2000.0, 2048.0, 4800.0]), size=st.floats(0.5, 5000), hz=st.floats(80, 120))
def test_5_2_3_the_envelope_of_a_sine_is_its_rms(rate, size, hz):
    t = np.arange(round(2 * rate)) / rate
    found = contraction.envelope(size * np.sin(2 * np.pi * hz * t), rate_hz=rate)
    assert found.shape == (200,)
    assert found[30:170] == pytest.approx(np.full(140, size / np.sqrt(2)), rel=0.06)
    assert np.mean(found[30:170] ** 2) == pytest.approx(size**2 / 2, rel=0.02)


def test_5_2_2_outside_the_band_nothing_passes():
    t = np.arange(8000) / 2000
    both = np.stack([np.sin(2 * np.pi * 5 * t), np.sin(2 * np.pi * 100 * t)])
    low, inside = contraction.band_pass(both, rate_hz=2000).std(axis=-1)
    assert low < 0.01
    assert inside == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_a_frame_is_centred_on_its_time(emg):
    rng = np.random.default_rng(1)
    signal = 20 * emg.profile(8000, 1.5, 2.5, rise_s=1e-3) * emg.carrier(rng, (200, 8000))
    power = (contraction.envelope(signal, rate_hz=2000) ** 2).mean(axis=0)
    # Half of the power where half of the window has it.
    rise = np.interp(200, power[100:200], np.arange(100, 200))
    fall = np.interp(-200, -power[200:300], np.arange(200, 300))
    assert rise == pytest.approx(150, abs=0.5)
    assert fall == pytest.approx(250, abs=0.5)


def test_missing_samples_are_missing_and_nothing_else_changes(emg):
    whole = 10 * emg.carrier(np.random.default_rng(2), (3, 8000))
    holed = whole.copy()
    holed[1, 3000:3100] = np.nan
    before, after = (contraction.envelope(each, rate_hz=2000) for each in (whole, holed))
    # 1.5 to 1.55 s, 25 ms of filter and 50 ms of window on either side.
    assert np.isnan(after[1, 144:161]).all()
    assert np.isfinite(after[1, :142]).all()
    assert np.isfinite(after[1, 163:]).all()
    kept = np.isfinite(after)
    assert after[kept] == pytest.approx(before[kept], rel=0.05, abs=0.1)
    assert (after[[0, 2]] == before[[0, 2]]).all()


def test_an_electrode_offset_of_20_mv_costs_no_digits(emg):
    data = emg.carrier(np.random.default_rng(3), (2, 8000)).astype(np.float32)
    exact = contraction.envelope(data.astype(np.float64), rate_hz=2000)
    offset = contraction.envelope(data + np.float32(20_000), rate_hz=2000)
    assert offset == pytest.approx(exact, rel=0.02)


def test_blocks_are_the_whole(emg, monkeypatch):
    data = emg.carrier(np.random.default_rng(4), (7, 4000))
    whole = contraction.envelope(data, rate_hz=2000)
    monkeypatch.setattr(contraction, "BLOCK_SAMPLES", 8000)
    assert (contraction.envelope(data, rate_hz=2000) == whole).all()


def test_5_4_the_upper_limit_of_rest_covers(emg):
    data = 3 * emg.carrier(np.random.default_rng(5), (200, 16_000))
    found = contraction.rest(contraction.envelope(data, rate_hz=2000))
    truth = np.mean(contraction.band_pass(data, rate_hz=2000) ** 2)
    assert np.mean(found.power_uv2) == pytest.approx(truth, rel=0.01)
    assert 0.94 <= np.mean(found.upper_uv2 > truth) < 1


def test_blinks_are_no_rest(emg):
    data = 2 * emg.carrier(np.random.default_rng(6), (40_000,))
    blinking = data.copy()
    for second in (3, 8, 13):
        blinking[second * 2000 : second * 2000 + 400] *= 15
    still, found = (contraction.rest(contraction.envelope(each, rate_hz=2000)) for each in (data, blinking))
    assert found.power_uv2 == pytest.approx(still.power_uv2, rel=0.05)
    assert 0.03 < found.left_out < 0.08
    assert still.left_out < 0.005


@settings(max_examples=30, deadline=None)
@given(begin=st.floats(1.1, 1.8), length=st.floats(0.6, 2.5), size=st.floats(10, 200), seed=st.integers(0, 99))
def test_5_2_4_onset_and_offset(emg, begin, length, size, seed):
    rng = np.random.default_rng(seed)
    data = size * emg.profile(12_000, begin, begin + length) * emg.carrier(rng, (12_000,))
    data += emg.carrier(rng, (12_000,))
    found = contraction.bursts(
        contraction.envelope(data, rate_hz=2000), threshold_uv=1.5, cue_ms=1000, release_ms=4000, plateau_s=0.5
    )
    assert bool(found.found)
    # The window of 100 ms sees a burst up to 75 ms before it begins, and as long after it has ended.
    assert -80 <= found.onset_ms - 1e3 * begin <= 15
    assert -15 <= found.offset_ms - 1e3 * (begin + length) <= 80
    assert found.plateau_uv == pytest.approx(size, rel=0.2)
    assert found.plateau_ms.mean() == pytest.approx(1e3 * (begin + length / 2), abs=50)


def frames(*spans, n=600, size=10.0):
    made = np.ones(n)
    for begin, end in spans:
        made[begin:end] = size
    return made


def test_the_burst_is_the_one_that_answers_the_cue():
    rows = np.stack(
        [
            frames((20, 90), (150, 300)),  # before the cue: another task
            frames((150, 220), (240, 300)),  # trembles: one burst
            frames((150, 154), (200, 300)),  # a twitch of 40 ms is none
            frames((150, 300), (450, 600)),  # after the release
            frames(),
        ]
    )
    found = contraction.bursts(rows, threshold_uv=2.0, cue_ms=1000, release_ms=3500)
    assert found.found.tolist() == [True, True, True, True, False]
    assert found.onset_ms[:4] == pytest.approx([1500, 1500, 2000, 1500], abs=10)
    assert found.offset_ms[:4] == pytest.approx([3000, 3000, 3000, 3000], abs=10)
    assert np.isnan(found.duration_ms[4])
    assert np.isnan(found.plateau_uv[4])


def test_a_trembling_plateau_varies():
    steady, trembling = frames((100, 400)), frames((100, 400))
    trembling[120:380] *= np.tile([0.5, 1.5], 130)
    found = contraction.bursts(np.stack([steady, trembling]), threshold_uv=2.0)
    assert found.variation == pytest.approx([0, 0.5], abs=0.02)


def test_what_cannot_be_answered_is_said():
    with pytest.raises(AnalysisError, match="too short"):
        contraction.band_pass(np.zeros(20), rate_hz=2000)
    with pytest.raises(AnalysisError, match="rate"):
        contraction.envelope(np.zeros(2000), rate_hz=0)
    with pytest.raises(AnalysisError, match="real numbers"):
        contraction.band_pass(np.zeros(2000, dtype=complex), rate_hz=2000)
    assert np.isnan(contraction.rest(np.full(500, np.nan)).power_uv2)
