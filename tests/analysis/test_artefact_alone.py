"""The artefact from sub-threshold sweeps, and alternating polarity."""

import numpy as np
import pytest

from npr_daq.analysis import artefact, evoked
from npr_daq.errors import AnalysisError

AT = {"rate_hz": 20_000.0, "stimulus_sample": 200}
PULSE = {**AT, "pulse_width_us": 200}
AFTER_MS = (np.arange(1000) - 200) / 20.0 - 0.2
PER_MA = np.where(
    AFTER_MS >= 0,
    200 * np.exp(-np.maximum(AFTER_MS, 0) / 0.25) + 20 * np.exp(-np.maximum(AFTER_MS, 0) / 2.0),
    np.where(AFTER_MS >= -0.2, 300.0, 0.0),
)
CURRENT_MA = np.array([2.0, 3.0, 4.0])


@pytest.fixture
def under(make_noise):
    """Sub-threshold sweeps of 40 series, shape (series, sweep, time)."""
    noise = make_noise(np.random.default_rng(61), (40, 3, 1000), peak_uv=1000.0, snr_db=30)
    return CURRENT_MA[:, None] * PER_MA + noise


def build(sweeps, current_ma=CURRENT_MA, **keys):
    return artefact.subthreshold_template(sweeps, **{**PULSE, **keys}, current_ma=current_ma)


def test_template_is_the_artefact_of_one_milliampere(under):
    found = build(under)
    assert found.template_uv_per_ma.shape == (40, 1000)
    assert found.used.mean() > 0.95
    assert not found.holds_response.any()
    error = found.template_uv_per_ma[:, 210:] - PER_MA[210:]
    plain = (under / CURRENT_MA[:, None]).mean(axis=1)[:, 210:] - PER_MA[210:]
    assert error.std() < 0.6 * plain.std()
    np.testing.assert_allclose(found.noise_uv_per_ma, 31.6 / np.sqrt((CURRENT_MA**2).sum()), rtol=0.4)


def test_scaled_up_five_times_it_does_not_bring_its_noise_along(under, make_units, make_noise):
    shapes = make_units(np.random.default_rng(62), 40)
    own = evoked.measure(shapes, **AT).onset_latency_ms
    sweeps = shapes + 20 * PER_MA + make_noise(np.random.default_rng(63), shapes.shape, peak_uv=1000.0, snr_db=30)

    def spread(template):
        done = artefact.correct(sweeps, **PULSE, template_uv=template)
        return float(np.nanstd(evoked.measure(done.corrected_uv, **AT).onset_latency_ms - own)), done

    with_built, done = spread(build(under).template_uv_per_ma)
    with_plain, _ = spread((under / CURRENT_MA[:, None]).mean(axis=1))
    assert with_built < 0.09
    assert with_built < 0.7 * with_plain
    np.testing.assert_allclose(np.nanmedian(done.scale), 20.0, rtol=0.05)


def test_a_sweep_with_a_response_is_left_out(under, make_units):
    under[:, 2] += 0.5 * make_units(np.random.default_rng(64), 40)
    found = build(under)
    assert not found.used[:, 2].any()
    assert found.used[:, :2].mean() > 0.95
    assert found.holds_response.mean() <= 0.05


def test_responses_in_all_sweeps_are_told(under, make_units):
    responses = make_units(np.random.default_rng(65), 40)
    found = build(under + 0.1 * CURRENT_MA[:, None] * responses[:, None])
    assert found.holds_response.mean() >= 0.95


def test_gaps_and_fractions_of_a_sample(under):
    holed = under[:2].copy()
    holed[0, 1, 500] = np.nan
    holed[1] = np.nan
    found = build(holed, stimulus_sample=np.array([200.0, 200.2, 199.9]))
    assert found.used[0].tolist() == [True, False, True]
    assert np.isnan(found.template_uv_per_ma[1]).all()
    assert not found.used[1].any()
    assert found.stimulus_sample == 200.0
    assert np.isfinite(found.template_uv_per_ma[0]).all()


def test_without_noise_the_template_is_exact_and_keeps_a_single_sweep():
    found = build((3.0 * PER_MA)[None], current_ma=3.0)
    assert found.used.tolist() == [True]
    np.testing.assert_allclose(found.template_uv_per_ma[210:], PER_MA[210:], atol=0.5)


@pytest.mark.parametrize("current_ma", [0.0, -1.0, np.nan])
def test_currents_must_be_positive(under, current_ma):
    with pytest.raises(AnalysisError, match="not positive"):
        build(under, current_ma=current_ma)


def test_currents_must_fit_the_sweeps(under):
    with pytest.raises(AnalysisError, match="does not fit"):
        build(under, current_ma=np.ones(7))


def test_4_half_sum_cancels_an_artefact_that_follows_the_current(make_response):
    response = make_response()
    found = artefact.alternating(response + 20 * PER_MA, response - 20 * PER_MA, **PULSE)
    np.testing.assert_allclose(found.half_sum_uv, response, atol=1e-9)
    assert bool(found.latency_may_be_quoted)
    assert abs(float(found.onset_difference_ms)) < 0.1


@pytest.mark.parametrize(
    ("late_ms", "size", "allowed"),
    [(0.0, 1.0, True), (0.05, 0.97, True), (0.15, 1.0, False), (0.0, 0.9, False), (0.3, 0.5, False)],
)
def test_4_latency_is_quoted_only_where_both_polarities_agree(make_response, late_ms, size, allowed):
    cathodal = make_response()
    anodal = make_response(onset_ms=3.0 + late_ms, peak_uv=1000.0 * size)
    found = artefact.alternating(np.stack([cathodal] * 2), np.stack([anodal] * 2), **PULSE)
    assert found.latency_may_be_quoted.tolist() == [allowed] * 2
    np.testing.assert_allclose(found.onset_difference_ms, late_ms, atol=0.005)
    np.testing.assert_allclose(found.amplitude_difference_percent, 200 * (size - 1) / (size + 1), atol=0.2)


def test_no_latency_without_a_response_or_with_a_saturated_amplifier(make_response, make_noise):
    response = make_response() + make_noise(np.random.default_rng(66), (1000,), peak_uv=1000.0, snr_db=40)
    empty = make_noise(np.random.default_rng(67), (1000,), peak_uv=1000.0, snr_db=40)
    assert not artefact.alternating(response, empty, **PULSE).latency_may_be_quoted
    clipped = artefact.alternating(response + 50 * PER_MA, response, **PULSE, full_scale_uv=5000.0)
    assert not clipped.latency_may_be_quoted
    with pytest.raises(AnalysisError, match="one shape"):
        artefact.alternating(response, np.zeros((2, 1000)), **PULSE)
