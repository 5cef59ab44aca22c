"""Removal of the stimulus artefact: order of methods, account, proof of removal, saturation, what is never altered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import artefact, evoked
from npr_daq.analysis.artefact import Method
from npr_daq.errors import AnalysisError

AT = {"rate_hz": 20_000.0, "stimulus_sample": 200}
PULSE = {**AT, "pulse_width_us": 200}
AFTER_MS = (np.arange(1000) - 200) / 20.0 - 0.2
GAP_FIRST = 210
GAP_STOP = 227


def tail(*parts):
    """A pulse of 6 mV, then the sum of exponentials given as (height in uV, time constant in ms)."""
    sums = sum(height * np.exp(-np.maximum(AFTER_MS, 0) / tau) for height, tau in parts)
    return np.where(AFTER_MS >= 0, sums, 0.0) + np.where((AFTER_MS < 0) & (AFTER_MS >= -0.2), 6000.0, 0.0)


STRONG = ((4000.0, 0.25), (400.0, 2.0))


@pytest.fixture(scope="module")
def shapes(make_units):
    return make_units(np.random.default_rng(51), 60)


@pytest.fixture(scope="module")
def noisy(shapes, make_noise):
    return shapes + make_noise(np.random.default_rng(52), shapes.shape, peak_uv=1000.0, snr_db=34)


def test_4_bi_exponential_brings_the_onset_back(shapes, noisy):
    own = evoked.measure(shapes, **AT).onset_latency_ms
    sign = np.where(np.arange(60) % 2, 1.0, -1.0)[:, None]
    done = artefact.correct(noisy + sign * tail(*STRONG), **PULSE)
    error = evoked.measure(done.corrected_uv, **AT).onset_latency_ms - own
    assert (done.method == Method.BI_EXPONENTIAL).all()
    assert np.abs(error).max() < 0.2
    assert error.std() < 0.06
    left = evoked.measure(noisy + sign * tail(*STRONG), **AT).onset_latency_ms - own
    assert not np.nanmax(np.abs(left)) < 0.2
    np.testing.assert_allclose(np.median(done.slow_ms), 2.0, rtol=0.5)
    assert (done.slow_ms > done.fast_ms).all()


def test_4_scaled_template_brings_the_onset_back_and_says_the_scale(shapes, noisy):
    own = evoked.measure(shapes, **AT).onset_latency_ms
    done = artefact.correct(noisy + 7.5 * tail(*STRONG), **PULSE, template_uv=tail(*STRONG))
    assert (done.method == Method.TEMPLATE).all()
    np.testing.assert_allclose(done.scale, 7.5, rtol=0.01)
    assert (evoked.measure(done.corrected_uv, **AT).onset_latency_ms - own).std() < 0.05
    assert np.isnan(done.slow_ms).all()


def test_residual_on_the_gap_is_the_proof(noisy):
    done = artefact.correct(noisy + tail(*STRONG), **PULSE)
    assert done.clean.all()
    assert np.median(done.residual_uv / done.noise_uv) < 1.3
    raw = artefact.correct(noisy + tail(*STRONG), **PULSE, full_scale_uv=1000.0)
    assert (raw.residual_uv > 10 * raw.noise_uv).all()
    assert not raw.clean.any()


def test_sweeps_without_an_artefact_come_back_as_they_were(shapes, noisy, make_noise):
    quiet = make_noise(np.random.default_rng(53), (400, 1000), peak_uv=1000.0, snr_db=30)
    for sweeps in (shapes, quiet):
        done = artefact.correct(sweeps, **PULSE)
        touched = done.method != Method.NONE
        assert touched.mean() <= 0.02
        assert np.array_equal(done.corrected_uv[~touched & ~done.pulse_held], sweeps[~touched & ~done.pulse_held])
        assert done.pulse_held.mean() <= 0.01
    with_template = artefact.correct(noisy, **PULSE, template_uv=tail(*STRONG))
    assert (with_template.method == Method.NONE).mean() >= 0.95


def test_a_pulse_without_a_tail_is_held_and_nothing_else(noisy):
    done = artefact.correct(noisy + tail(), **PULSE)
    assert done.pulse_held.all()
    assert (done.method == Method.NONE).mean() >= 0.95
    none = done.method == Method.NONE
    assert np.array_equal(done.corrected_uv[none, GAP_FIRST:], noisy[none, GAP_FIRST:])
    assert np.array_equal(done.corrected_uv[:, :198], noisy[:, :198])
    assert np.abs(done.corrected_uv[:, 198:GAP_FIRST]).max() < 100


@pytest.mark.parametrize("limit_uv", [3000.0, 800.0])
def test_61_saturation_is_flagged_and_never_fitted(noisy, limit_uv):
    sweeps = noisy + 3 * tail((6000.0, 0.4), (400.0, 2.0))
    clipped = np.clip(sweeps, -limit_uv, limit_uv)
    done = artefact.correct(clipped, **PULSE)
    assert done.saturated.all()
    assert not done.clean.any()
    assert (done.method == Method.NONE).all()
    assert np.array_equal(done.corrected_uv, clipped)
    assert not artefact.correct(sweeps, **PULSE).saturated.any()


def test_known_full_scale_finds_clipping_within_the_pulse(noisy):
    clipped = np.clip(noisy + tail((1000.0, 0.2)), -5000.0, 5000.0)
    assert not artefact.correct(clipped, **PULSE).saturated.any()
    done = artefact.correct(clipped, **PULSE, full_scale_uv=5000.0)
    assert done.saturated.all()
    assert np.array_equal(done.corrected_uv, clipped)


def test_template_that_does_not_fit_gives_way_to_exponentials(noisy):
    sweeps = noisy + tail(*STRONG)
    done = artefact.correct(sweeps, **PULSE, template_uv=tail((4000.0, 0.6)))
    assert (done.method == Method.BI_EXPONENTIAL).mean() >= 0.95
    assert np.isnan(done.scale[done.method == Method.BI_EXPONENTIAL]).all()
    missing = artefact.correct(sweeps, **PULSE, template_uv=np.full(1000, np.nan))
    plain = artefact.correct(sweeps, **PULSE)
    np.testing.assert_array_equal(missing.corrected_uv, plain.corrected_uv)


def test_template_of_another_instant_is_moved_onto_the_sweep():
    def at(sample):
        after = (np.arange(1000) - sample) / 20.0 - 0.2
        return np.where(after >= 0, 3000 * np.exp(-np.maximum(after, 0) / 0.3), 0.0)

    samples = np.array([200.0, 200.4, 203.7])
    done = artefact.correct(
        np.stack([2 * at(s) for s in samples]),
        rate_hz=20_000.0,
        stimulus_sample=samples,
        pulse_width_us=200,
        template_uv=at(200.25),
        template_sample=200.25,
    )
    np.testing.assert_allclose(done.scale, 2.0, rtol=1e-3)
    assert np.abs(done.corrected_uv).max() < 5.0


def test_gaps_stay_and_leave_the_others_alone(noisy):
    sweeps = noisy[:4] + tail(*STRONG)
    sweeps[1, 700] = np.nan
    done = artefact.correct(sweeps, **PULSE)
    np.testing.assert_array_equal(done.corrected_uv[1], sweeps[1])
    assert np.isnan(done.residual_uv[1])
    assert not done.clean[1]
    alone = artefact.correct(sweeps[[0, 2, 3]], **PULSE)
    np.testing.assert_array_equal(done.corrected_uv[[0, 2, 3]], alone.corrected_uv)


def test_shapes_precision_and_templates_by_channel(noisy):
    cube = (noisy[:12] + tail(*STRONG)).reshape(3, 4, 1000)
    templates = np.stack([tail(*STRONG) * factor for factor in (1.0, 2.0, 3.0, 4.0)])
    done = artefact.correct(cube, **PULSE, template_uv=templates)
    assert done.corrected_uv.shape == cube.shape
    assert done.method.shape == done.saturated.shape == (3, 4)
    np.testing.assert_allclose(done.scale, np.broadcast_to(1 / np.array([1.0, 2, 3, 4]), (3, 4)), rtol=0.03)
    assert artefact.remove(cube.astype(np.float32), **PULSE).dtype == np.float32
    one = artefact.correct(cube[0, 0], **PULSE)
    assert one.corrected_uv.shape == (1000,)
    assert one.method.shape == ()
    assert artefact.remove(np.zeros((0, 1000)), **PULSE).shape == (0, 1000)


def test_many_rows_do_not_change_a_row(noisy):
    many = np.tile(noisy + tail(*STRONG), (10, 1))
    alone = artefact.correct(many[:60], **PULSE)
    np.testing.assert_allclose(artefact.remove(many, **PULSE)[-60:], alone.corrected_uv, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    scale=st.floats(0.05, 50.0),
    offset=st.floats(-1e4, 1e4),
    slow_ms=st.floats(0.5, 5.0),
    seed=st.integers(0, 2**16),
)
def test_alters_nothing_after_the_gap_but_by_a_smooth_falling_tail(scale, offset, slow_ms, seed):
    rng = np.random.default_rng(seed)
    sweep = rng.normal(0, 5, 1000) + tail((3000, 0.2), (300, slow_ms))
    done = artefact.correct(scale * sweep + offset, **PULSE)
    taken = (scale * sweep + offset - done.corrected_uv)[GAP_FIRST:] / scale
    assert np.abs(done.corrected_uv[:198] - (scale * sweep + offset)[:198]).max() == 0
    if done.method == Method.BI_EXPONENTIAL:
        late = np.abs(taken[GAP_STOP - GAP_FIRST :])
        assert late.max() <= abs(float(done.tail_uv)) / scale * 1.01 + 1e-6
        assert (np.diff(late) <= 1e-6).all()
    else:
        assert np.abs(taken).max() == 0
    plain = artefact.correct(sweep, **PULSE)
    assert done.method == plain.method
    np.testing.assert_allclose(done.residual_uv, scale * plain.residual_uv, rtol=1e-6)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"pulse_width_us": 0}, "positive width"),
        ({"pulse_width_us": 900}, "silent gap"),
        ({"pulse_width_us": 200, "template_uv": np.zeros(10)}, "1000 samples"),
        ({"pulse_width_us": 200, "template_uv": np.zeros((3, 1000))}, "leading axes"),
    ],
)
def test_refusals_say_what_is_wrong(keys, words):
    with pytest.raises(AnalysisError, match=words):
        artefact.correct(np.zeros((2, 1000)), **AT, **keys)
