"""The interval of the onset: coverage, repeatability, what it refuses."""

import numpy as np
import pytest

from npr_daq.analysis import evoked, onset_interval
from npr_daq.errors import AnalysisError

AT = {"rate_hz": 20_000.0, "stimulus_sample": 200}


def series(make_units, make_noise, *, count, sweeps, snr_db, seed):
    rng = np.random.default_rng(seed)
    shapes = make_units(rng, count)
    repeats = shapes[:, None] + make_noise(rng, (count, sweeps, 1000), peak_uv=1000.0, snr_db=snr_db)
    return repeats, evoked.measure(shapes, **AT).onset_latency_ms


@pytest.mark.parametrize(("sweeps", "snr_db"), [(5, 26), (10, 26), (5, 34)])
def test_3d_interval_covers_the_noise_free_onset(make_units, make_noise, sweeps, snr_db):
    repeats, own = series(make_units, make_noise, count=120, sweeps=sweeps, snr_db=snr_db, seed=81)
    found = onset_interval.bootstrap(repeats, **AT, seed=3, resamples=1000)
    low, high = found.interval_ms.T
    covered = np.mean((low <= own) & (own <= high))
    # Two standard errors of 120 draws at 95 % are 4 points.
    assert 0.90 <= covered <= 0.99
    assert (found.failed <= 0.05).all()
    assert ((low <= found.onset_latency_ms) & (found.onset_latency_ms <= high)).all()


def test_width_shrinks_with_the_sweeps_and_tells_the_standard_error(make_units, make_noise):
    few, _ = series(make_units, make_noise, count=20, sweeps=5, snr_db=30, seed=82)
    many, _ = series(make_units, make_noise, count=20, sweeps=20, snr_db=30, seed=82)
    narrow, wide = (onset_interval.bootstrap(each, **AT, seed=1, resamples=1000) for each in (many, few))
    width = np.median(np.diff(narrow.interval_ms)), np.median(np.diff(wide.interval_ms))
    assert width[0] < 0.6 * width[1]
    np.testing.assert_allclose(np.median(narrow.standard_error_ms) * 4, width[0], rtol=0.2)
    assert narrow.sweeps.tolist() == [20] * 20


def test_onset_is_that_of_the_aligned_average(make_units, make_noise):
    repeats, _ = series(make_units, make_noise, count=5, sweeps=8, snr_db=34, seed=83)
    found = onset_interval.bootstrap(repeats, **AT, seed=1, resamples=1000)
    mean, _ = evoked.align(repeats, **AT)
    np.testing.assert_allclose(found.onset_latency_ms, evoked.measure(mean, **AT).onset_latency_ms, atol=2e-3)


def test_the_seed_fixes_the_answer_whatever_stands_beside(make_units, make_noise):
    repeats, _ = series(make_units, make_noise, count=4, sweeps=6, snr_db=30, seed=84)
    one = onset_interval.bootstrap(repeats, **AT, seed=5, resamples=1000)
    again = onset_interval.bootstrap(repeats, **AT, seed=5, resamples=1000)
    other = onset_interval.bootstrap(repeats, **AT, seed=6, resamples=1000)
    alone = onset_interval.bootstrap(repeats[2], **AT, seed=5, resamples=1000)
    np.testing.assert_array_equal(one.interval_ms, again.interval_ms)
    assert not np.array_equal(one.interval_ms, other.interval_ms)
    np.testing.assert_allclose(alone.interval_ms, one.interval_ms[2], atol=1e-9)
    assert alone.interval_ms.shape == (2,)
    assert alone.onset_latency_ms.shape == ()


def test_chunks_do_not_change_the_answer_by_more_than_chance(make_units, make_noise, monkeypatch):
    repeats, _ = series(make_units, make_noise, count=2, sweeps=6, snr_db=34, seed=85)
    one = onset_interval.bootstrap(repeats, **AT, seed=5, resamples=2000)
    monkeypatch.setattr(onset_interval, "CHUNK_ROWS", 700)
    other = onset_interval.bootstrap(repeats, **AT, seed=5, resamples=2000)
    np.testing.assert_allclose(one.interval_ms, other.interval_ms, atol=0.01)


def test_too_few_sweeps_gaps_and_no_response(make_units, make_noise):
    repeats, _ = series(make_units, make_noise, count=1, sweeps=5, snr_db=34, seed=86)
    two = onset_interval.bootstrap(repeats[:, :2], **AT, seed=1)
    assert np.isnan(two.interval_ms).all()
    assert np.isfinite(two.onset_latency_ms).all()
    holed = repeats.copy()
    holed[0, 1, 300] = np.nan
    found = onset_interval.bootstrap(holed, **AT, seed=1)
    assert found.sweeps.tolist() == [4]
    assert np.isfinite(found.interval_ms).all()
    nothing = onset_interval.bootstrap(np.full((1, 4, 1000), np.nan), **AT, seed=1)
    assert np.isnan(nothing.onset_latency_ms).all()
    assert nothing.sweeps.tolist() == [0]


@pytest.mark.parametrize(("keys", "words"), [({"resamples": 999}, "1000"), ({"level": 1.0}, "between 0 and 1")])
def test_refusals_say_what_is_wrong(make_response, keys, words):
    with pytest.raises(AnalysisError, match=words):
        onset_interval.bootstrap(np.stack([make_response()] * 3), **AT, seed=1, **keys)


def test_an_error_that_all_sweeps_share_widens_the_interval(make_units, make_noise):
    repeats, _ = series(make_units, make_noise, count=1, sweeps=6, snr_db=50, seed=84)
    ramp = np.where(np.arange(1000) > 210, 60.0, 0.0) * np.exp(-np.maximum(np.arange(1000) - 210, 0) / 60.0)
    alone = onset_interval.bootstrap(repeats, **AT, seed=5, resamples=1000)
    shared = onset_interval.bootstrap(repeats, **AT, seed=5, resamples=1000, common_uv=ramp[None])
    nothing = onset_interval.bootstrap(repeats, **AT, seed=5, resamples=1000, common_uv=np.zeros((0, 1000)))
    np.testing.assert_array_equal(alone.interval_ms, nothing.interval_ms)
    assert np.diff(shared.interval_ms) > 1.5 * np.diff(alone.interval_ms)


def test_sweeps_that_come_at_different_times_widen_the_interval(make_units, make_noise):
    repeats, _ = series(make_units, make_noise, count=1, sweeps=6, snr_db=50, seed=84)
    moved = np.stack([np.roll(sweep, shift) for sweep, shift in zip(repeats[0], (-2, 1, 2, -1, 1, -1), strict=True)])
    still, apart = (onset_interval.bootstrap(each, **AT, seed=5, resamples=1000) for each in (repeats[0], moved))
    # An SD of 1.5 samples over the root of 6 sweeps, Student's t of 5 degrees of freedom: 0.16 ms.
    assert np.diff(still.interval_ms) < 0.05
    assert np.diff(apart.interval_ms) == pytest.approx(0.16, abs=0.03)


@pytest.mark.parametrize(
    "common", [np.zeros(1000), np.zeros((2, 999)), np.full((1, 1000), np.nan), np.zeros((3, 1, 1000))]
)
def test_errors_that_fit_no_series_are_refused(make_units, make_noise, common):
    repeats, _ = series(make_units, make_noise, count=2, sweeps=3, snr_db=34, seed=84)
    with pytest.raises(AnalysisError, match="common_uv"):
        onset_interval.bootstrap(repeats, **AT, seed=5, resamples=1000, common_uv=common)
