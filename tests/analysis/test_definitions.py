"""Onset by the 10 % crossing, 3 SD back and the tangent; disagreement with the hinge; phases and turns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import definitions, evoked

AT = {"rate_hz": 20_000.0, "stimulus_sample": 200}


@pytest.fixture(scope="module")
def shapes(make_units):
    return make_units(np.random.default_rng(71), 100)


@pytest.fixture(scope="module")
def noisy(shapes, make_noise):
    return shapes + make_noise(np.random.default_rng(72), shapes.shape, peak_uv=1000.0, snr_db=34)


def raised_cosine(onset_ms=4.0, rise_ms=4.0, peak_uv=1000.0):
    """Negative peak `rise_ms` after the onset, zero as much later."""
    u = ((np.arange(1000) - 200) / 20.0 - onset_ms) / rise_ms
    return -peak_uv * np.where((u > 0) & (u < 2), (1 - np.cos(np.pi * u)) / 2, 0.0)


def test_a_raised_cosine_has_known_latencies(make_noise):
    sweep = raised_cosine()
    found = definitions.latencies(sweep, **AT)
    assert float(found.ten_percent_ms) == pytest.approx(4 + 4 * np.arccos(0.8) / np.pi, abs=0.005)
    # The steepest tangent touches half-way up with the slope pi / 2 per rise.
    assert float(found.tangent_ms) == pytest.approx(4 + 2 - 4 / np.pi, abs=0.01)
    with_noise = sweep + make_noise(np.random.default_rng(73), (1000,), peak_uv=1000.0, snr_db=40)
    sigma = 1000 / 10 ** (float(evoked.measure(with_noise, **AT).snr_db) / 20)
    expected = 4 + 4 * np.arccos(1 - 2 * 3 * sigma / 1000) / np.pi
    assert float(definitions.three_sd_back(with_noise, **AT)) == pytest.approx(expected, abs=0.2)


def test_each_function_gives_its_own_number(noisy):
    found = definitions.latencies(noisy, **AT)
    np.testing.assert_array_equal(definitions.ten_percent(noisy, **AT), found.ten_percent_ms)
    np.testing.assert_array_equal(definitions.three_sd_back(noisy, **AT), found.three_sd_back_ms)
    np.testing.assert_array_equal(definitions.tangent(noisy, **AT), found.tangent_ms)
    assert set(definitions.NAMES) == set(definitions.Definitions.__dataclass_fields__)


def test_3a_bias_of_each_definition_is_the_known_one(shapes, make_noise):
    own = evoked.measure(shapes, **AT).onset_latency_ms
    plain = definitions.latencies(shapes, **AT)
    assert 0.3 < np.mean(plain.ten_percent_ms - own) < 0.45
    assert 0.25 < np.mean(plain.tangent_ms - own) < 0.45
    late = []
    for snr_db in (26, 50):
        sweeps = shapes + make_noise(np.random.default_rng(74), shapes.shape, peak_uv=1000.0, snr_db=snr_db)
        late.append(np.nanmean(definitions.three_sd_back(sweeps, **AT) - own))
        ten = definitions.ten_percent(sweeps, **AT) - plain.ten_percent_ms
        assert abs(ten.mean()) < 0.02
    assert late[0] - late[1] > 0.15


def test_definitions_do_not_know_the_hinge(noisy, monkeypatch):
    expected = definitions.latencies(noisy, **AT)

    def none(*_):
        raise AssertionError("the hinge was asked")

    monkeypatch.setattr("npr_daq.analysis.hinge.take_off", none)
    np.testing.assert_array_equal(definitions.latencies(noisy, **AT).ten_percent_ms, expected.ten_percent_ms)


def test_the_first_phase_counts(make_response):
    sweep = make_response(onset_ms=3.0, duration_ms=4.0, peak_uv=500.0) + make_response(onset_ms=10.0, peak_uv=1000.0)
    alone = definitions.latencies(make_response(onset_ms=3.0, duration_ms=4.0, peak_uv=500.0), **AT)
    found = definitions.latencies(sweep, **AT)
    assert float(found.ten_percent_ms) == pytest.approx(float(alone.ten_percent_ms), abs=0.01)
    assert float(found.tangent_ms) == pytest.approx(float(alone.tangent_ms), abs=0.01)


def test_no_response_and_gaps_have_no_latency(make_noise, make_response):
    rows = np.stack([make_noise(np.random.default_rng(75), (1000,), peak_uv=1000.0, snr_db=40), np.zeros(1000),
                     make_response(), make_response()])  # fmt: skip
    rows[3, 250] = np.nan
    found = definitions.latencies(rows, **AT)
    assert np.isfinite(found.ten_percent_ms).tolist() == [False, False, True, False]
    assert np.isfinite(found.tangent_ms).tolist() == [False, False, True, False]
    assert definitions.phases(rows, **AT).count.tolist() == [0, 0, 2, 0]


def test_leading_axes_and_array_stimuli(noisy):
    at = np.array([[200.0], [200.4]])
    cube = np.stack([noisy[:5], noisy[:5]])
    found = definitions.latencies(cube, rate_hz=20_000.0, stimulus_sample=at)
    assert found.ten_percent_ms.shape == (2, 5)
    np.testing.assert_allclose(found.ten_percent_ms[0] - found.ten_percent_ms[1], 0.4 / 20, atol=1e-9)
    assert definitions.ten_percent(noisy[0], **AT).shape == ()
    assert definitions.phases(cube, rate_hz=20_000.0, stimulus_sample=at).count.shape == (2, 5)


@settings(max_examples=20, deadline=None)
@given(late=st.integers(0, 80), scale=st.floats(0.01, 100.0), offset=st.floats(-1e4, 1e4))
def test_later_by_whole_samples_is_later_by_just_that(shapes, late, scale, offset):
    one = definitions.latencies(shapes[:8], **AT)
    moved = definitions.latencies(
        scale * np.roll(shapes[:8], late, axis=1) + offset,
        rate_hz=20_000.0,
        stimulus_sample=200,
        window_ms=(1.5 + late / 20, 20.0 + late / 20),
    )
    np.testing.assert_allclose(moved.ten_percent_ms - one.ten_percent_ms, late / 20, atol=1e-6)
    np.testing.assert_allclose(moved.tangent_ms - one.tangent_ms, late / 20, atol=1e-6)


def test_3d_disagreement_flags_a_displaced_hinge_and_few_others(make_units, make_noise):
    rng = np.random.default_rng(76)
    false, caught = [], []
    for exponent in (1.2, 2.0, 3.0):
        shapes = make_units(rng, 100, exponent=exponent)
        for snr_db in (26, 34, 46):
            sweeps = shapes + make_noise(rng, shapes.shape, peak_uv=1000.0, snr_db=snr_db)
            found, crossing = evoked.measure(sweeps, **AT), definitions.ten_percent(sweeps, **AT)
            snr = {"snr_db": found.snr_db}
            false.append(definitions.disagrees(found.onset_latency_ms, crossing, **snr))
            caught.append(definitions.disagrees(found.onset_latency_ms - 1.0, crossing, **snr))
    assert np.mean(false) <= 0.01
    assert np.mean(caught) >= 0.99


def test_disagreement_where_an_answer_is_missing():
    nan = np.nan
    assert definitions.disagrees([3.0, nan, 3.0, nan], [3.4, 3.4, nan, nan]).tolist() == [False, True, True, False]
    # The same 0.5 ms is noise at 20 dB and a disagreement at 40.
    assert definitions.disagrees(3.0, 3.9, snr_db=[20.0, 40.0]).tolist() == [False, True]


def waves(count, *, width_ms=2.0, onset_ms=3.0):
    """`count` half-waves of alternating sign, the first negative."""
    t_ms = (np.arange(1000) - 200) / 20.0 - onset_ms
    inside = (t_ms > 0) & (t_ms < count * width_ms)
    return np.where(inside, -1000 * np.sin(np.pi * t_ms / width_ms), 0.0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_22_phases_are_baseline_crossings_and_one(count, make_noise):
    sweeps = waves(count) + make_noise(np.random.default_rng(77), (20, 1000), peak_uv=1000.0, snr_db=34)
    found = definitions.phases(sweeps, **AT)
    assert (found.count == count).all()
    assert (found.turns == count).mean() >= 0.9
    assert (found.polyphasic == (count >= 5)).all()


def test_22_turns_within_one_phase(make_response):
    notched = make_response(duration_ms=6.0) + make_response(onset_ms=6.0, duration_ms=6.0)
    one = definitions.phases(-np.abs(notched), **AT)
    assert int(one.count) == 1
    assert int(one.turns) > 1
