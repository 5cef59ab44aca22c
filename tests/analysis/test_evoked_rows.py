"""Many sweeps at once give what each gives alone: leading axes, blocks, fractional and array stimuli, gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import evoked, response
from npr_daq.analysis.evoked import Flag

NUMBERS = [name for name in evoked.EvokedMeasures.__dataclass_fields__ if name not in ("present", "flags")]
TOLERANCE = {"rtol": 2e-5, "atol": 2e-4}


def same(one, other):
    assert np.array_equal(one.present, other.present)
    assert np.array_equal(one.flags, other.flags)
    for name in NUMBERS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), **TOLERANCE, err_msg=name)


@pytest.fixture(scope="module")
def sweeps(make_units, make_noise):
    rng = np.random.default_rng(7)
    return make_units(rng, 60) * rng.uniform(0.2, 3, (60, 1)) + make_noise(rng, (60, 1000), peak_uv=1000, snr_db=36)


def test_measures_equal_the_per_sweep_reference(sweeps, make_noise, loop):
    rng = np.random.default_rng(8)
    weak = np.concatenate([sweeps, sweeps[:40] + make_noise(rng, (40, 1000), peak_uv=1000, snr_db=18)])
    many = np.tile(weak, (21, 1)).astype(np.float32)
    assert len(many) > max(response.THREADS_FROM_ROWS, response.BANDED_FROM_ROWS)
    expected = [loop.measure_one(sweep, rate_hz=20_000.0, stimulus_sample=200.3) for sweep in weak.astype(np.float32)]
    for found in (
        evoked.measure(many, rate_hz=20_000.0, stimulus_sample=200.3),
        evoked.measure(weak.astype(np.float32), rate_hz=20_000.0, stimulus_sample=200.3),
    ):
        for column, name in enumerate(loop.NAMES):
            reference = np.array([values[column] for values, _ in expected])
            if name == "negative_peak_mv":
                # The reference reads the foot at one instant, `measure` takes the hinge's constant.
                apart = np.abs(found.negative_peak_mv[: len(weak)] - reference)
                assert (apart <= 5 * found.noise_uv[: len(weak)] / 1e3 + 0.01 * reference).all()
                continue
            np.testing.assert_allclose(getattr(found, name)[: len(weak)], reference, **TOLERANCE, err_msg=name)
        by_threshold = np.array([flag for _, flag in expected])
        assert np.array_equal((found.flags[: len(weak)] & Flag.ONSET_BY_THRESHOLD) > 0, by_threshold)


def test_answers_have_the_shape_of_the_leading_axes(sweeps):
    flat = evoked.measure(sweeps, rate_hz=20_000.0, stimulus_sample=200)
    cube = evoked.measure(sweeps.reshape(3, 4, 5, 1000), rate_hz=20_000.0, stimulus_sample=200)
    one = evoked.measure(sweeps[0], rate_hz=20_000.0, stimulus_sample=200)
    assert cube.onset_latency_ms.shape == cube.flags.shape == cube.present.shape == (3, 4, 5)
    assert one.onset_latency_ms.shape == ()
    for name in NUMBERS:
        assert np.array_equal(getattr(cube, name).reshape(-1), getattr(flat, name), equal_nan=True)
        np.testing.assert_allclose(getattr(one, name), getattr(flat, name)[0], **TOLERANCE)


def test_no_sweeps_give_no_answers():
    found = evoked.measure(np.empty((0, 8, 1000)), rate_hz=20_000.0, stimulus_sample=200)
    assert found.onset_latency_ms.shape == (0, 8)
    assert found.flag_names() == []


def test_input_is_never_altered(sweeps):
    before = sweeps.copy()
    evoked.measure(sweeps, rate_hz=20_000.0, stimulus_sample=200)
    evoked.align(sweeps, rate_hz=20_000.0, stimulus_sample=200)
    evoked.leave_one_out(sweeps, rate_hz=20_000.0, stimulus_sample=200)
    assert np.array_equal(sweeps, before)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int16])
def test_number_types_agree(make_response, kind):
    sweep = np.rint(make_response(peak_uv=20_000.0))
    found = evoked.measure(sweep.astype(kind), rate_hz=20_000.0, stimulus_sample=200)
    same(found, evoked.measure(sweep, rate_hz=20_000.0, stimulus_sample=200))


def test_fractional_stimulus_moves_the_latency_and_nothing_else(make_response):
    parts = np.array([200.0, 200.2, 200.49, 200.7, 201.0])
    sweeps = np.stack([make_response(stimulus_sample=part) for part in parts])
    found = evoked.measure(sweeps, rate_hz=20_000.0, stimulus_sample=parts)
    assert np.ptp(found.onset_latency_ms) < 0.004
    assert np.ptp(found.peak_latency_ms) < 0.004
    assert np.ptp(found.peak_to_peak_mv) < 1e-3
    wrong = evoked.measure(sweeps, rate_hz=20_000.0, stimulus_sample=200)
    assert np.ptp(wrong.onset_latency_ms) == pytest.approx(0.05, abs=0.005)


def test_array_of_stimuli_gives_each_row_its_own(sweeps):
    rng = np.random.default_rng(9)
    moves = rng.integers(-30, 60, (6, 10))
    moved = np.stack([np.roll(row, move) for row, move in zip(sweeps, moves.reshape(-1), strict=True)])
    at = 200 + moves + 0.25
    found = evoked.measure(moved.reshape(6, 10, 1000), rate_hz=20_000.0, stimulus_sample=at)
    plain = evoked.measure(sweeps.reshape(6, 10, 1000), rate_hz=20_000.0, stimulus_sample=200.25)
    np.testing.assert_allclose(found.onset_latency_ms, plain.onset_latency_ms, atol=2e-4)
    np.testing.assert_allclose(found.peak_to_peak_mv, plain.peak_to_peak_mv, rtol=1e-4)


def test_stimulus_broadcasts_over_the_leading_axes(sweeps):
    cube = sweeps.reshape(6, 10, 1000)
    by_row = evoked.measure(cube, rate_hz=20_000.0, stimulus_sample=np.full((6, 1), 200.0))
    same(by_row, evoked.measure(cube, rate_hz=20_000.0, stimulus_sample=200.0))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 150, 400, 999])
def test_gap_gives_nan_for_its_sweep_alone_without_a_warning(sweeps, bad, column):
    holed = sweeps[:5].copy()
    holed[2, column] = bad
    found = evoked.measure(holed, rate_hz=20_000.0, stimulus_sample=200)
    plain = evoked.measure(sweeps[:5], rate_hz=20_000.0, stimulus_sample=200)
    assert found.flag_names()[2] == ("gap",)
    assert not found.present[2]
    others = [0, 1, 3, 4]
    for name in NUMBERS:
        assert np.isnan(getattr(found, name)[2])
        assert np.array_equal(getattr(found, name)[others], getattr(plain, name)[others], equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(0.01, 100.0),
    offset=st.floats(-1e4, 1e4),
    seed=st.integers(0, 2**16),
)
def test_scaling_scales_the_amplitudes_and_leaves_the_times(make_units, scale, offset, seed):
    rng = np.random.default_rng(seed)
    sweep = make_units(rng, 1)[0] + rng.normal(0, 5, 1000)
    one = evoked.measure(sweep, rate_hz=20_000.0, stimulus_sample=200)
    other = evoked.measure(sweep * scale + offset * scale, rate_hz=20_000.0, stimulus_sample=200)
    for name in ("onset_latency_ms", "peak_latency_ms", "negative_duration_ms", "total_duration_ms", "snr_db"):
        assert float(getattr(other, name)) == pytest.approx(float(getattr(one, name)), abs=2e-3)
    for name in ("negative_peak_mv", "peak_to_peak_mv", "negative_area_mv_ms", "noise_uv"):
        assert float(getattr(other, name)) == pytest.approx(scale * float(getattr(one, name)), rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(late_ms=st.floats(-0.8, 6.0), seed=st.integers(0, 2**16))
def test_a_later_response_is_later_by_just_that(make_response, late_ms, seed):
    duration = float(np.random.default_rng(seed).uniform(5, 10))
    one = evoked.measure(make_response(onset_ms=4.0, duration_ms=duration), rate_hz=20_000.0, stimulus_sample=200)
    other = evoked.measure(
        make_response(onset_ms=4.0 + late_ms, duration_ms=duration), rate_hz=20_000.0, stimulus_sample=200
    )
    assert float(other.onset_latency_ms - one.onset_latency_ms) == pytest.approx(late_ms, abs=0.005)
    assert float(other.peak_latency_ms - one.peak_latency_ms) == pytest.approx(late_ms, abs=0.005)
    assert float(other.negative_area_mv_ms) == pytest.approx(float(one.negative_area_mv_ms), rel=2e-3)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 70), threads=st.booleans(), many=st.booleans(), count=st.integers(1, 20), data=st.data())
def test_no_bit_of_an_answer_hangs_on_the_rows_beside_it(sweeps, rows, threads, many, count, data):
    order = data.draw(st.permutations(range(20)))[:count]
    at = 200 + (np.arange(20) % 3 - 1) * 40
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response, "BANDED_FROM_ROWS", 0 if many else 10**9)
        whole = evoked.measure(sweeps[:20], rate_hz=20_000.0, stimulus_sample=at)
        patch.setattr(response, "BLOCK_ROWS", rows)
        patch.setattr(response, "THREADS_FROM_ROWS", 0 if threads else 10**9)
        found = evoked.measure(sweeps[order], rate_hz=20_000.0, stimulus_sample=at[order])
    for name in [*NUMBERS, "flags"]:
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name)[order], err_msg=name)


def test_extra_memory_does_not_grow_with_the_sweeps(sweeps):
    import tracemalloc

    many = np.tile(sweeps.astype(np.float32), (150, 1))
    evoked.measure(many[:2000], rate_hz=20_000.0, stimulus_sample=200)
    tracemalloc.start()
    evoked.measure(many, rate_hz=20_000.0, stimulus_sample=200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    answers = len(many) * 12 * 8 * 2
    assert peak - answers < 25e6
