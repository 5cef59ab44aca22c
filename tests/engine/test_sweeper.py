"""The sweeper cuts the same windows however the stream is chunked, and never a shorter one."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from npr_daq.calibration import MISSING
from npr_daq.device.contracts import Block
from npr_daq.engine.sweeper import Sweeper, Window
from npr_daq.recording import Marker, MarkerKind

RATE = 1000.0
CHANNELS = 3
TOTAL = 1500


def samples(first: int, last: int) -> np.ndarray:
    """Each sample says its own index and channel."""
    return (np.arange(first, last) * 10 + np.arange(CHANNELS)[:, None]).astype(np.int32)


def marker(sample: int, seq: int, subsample: float = 0.25, stream: int = 1) -> Marker:
    return Marker(stream, sample, subsample, MarkerKind.STIMULUS, stim_seq=seq)


def blocks(cuts: Sequence[int], lost: set[int], stims: dict[int, int], stream: int = 1) -> list[Block]:
    """[0, TOTAL) cut at `cuts`, without the samples in `lost`."""
    edges = sorted({0, TOTAL, *cuts})
    made, missing = [], 0
    for start, stop in pairwise(edges):
        run_start = None
        for sample in range(start, stop + 1):
            gone = sample == stop or sample in lost
            if not gone and run_start is None:
                run_start = sample
            if gone and run_start is not None:
                found = tuple(marker(at, seq, stream=stream) for at, seq in stims.items() if run_start <= at < sample)
                made.append(Block(stream, run_start, samples(run_start, sample), 0, 0, found, missing))
                run_start, missing = None, 0
            if sample in lost and sample < stop:
                missing += 1
    return made


def cut(stream: Sequence[Block]) -> list[Window]:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    return [window for block in stream for window in sweeper.feed(block)]


def test_a_window_is_20_ms_before_to_100_ms_after_with_the_fraction_of_the_onset() -> None:
    (window,) = cut(blocks([700], set(), {500: 7}))
    assert (window.key, window.first_sample, window.onset) == (7, 480, 20.25)
    assert window.counts.shape == (CHANNELS, 120)
    np.testing.assert_array_equal(window.counts, samples(480, 600))
    assert window.reject_reasons == ()


def test_a_gap_is_missing_samples_and_a_reason_and_is_kept_as_a_gap() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    (window,) = [w for b in blocks([], set(range(530, 540)), {500: 7}) for w in sweeper.feed(b)]
    assert window.counts.shape == (CHANNELS, 120)
    assert np.all(window.counts[:, 50:60] == MISSING)
    assert np.count_nonzero(window.counts == MISSING) == 10 * CHANNELS
    assert window.reject_reasons == ("10 samples are missing",)
    (gap,) = sweeper.take_gaps()
    assert (gap.stream_id, gap.first_sample, gap.missing) == (1, 530, 10)
    assert sweeper.take_gaps() == []


def test_a_window_that_begins_before_the_stream_is_not_shorter() -> None:
    (window,) = cut(blocks([], set(), {5: 1}))
    assert window.counts.shape == (CHANNELS, 120)
    assert window.reject_reasons == ("15 samples are missing",)
    assert np.all(window.counts[:, :15] == MISSING)


def test_a_lost_marker_is_replaced_by_the_report_and_the_sweep_rejected() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    stream = blocks([550], set(), {})
    assert sweeper.feed(stream[0]) == []
    assert sweeper.expect(9, sample=500, subsample=0.5) == []
    (window,) = sweeper.feed(stream[1])
    assert (window.key, window.onset) == (9, 20.5)
    assert window.reject_reasons == ("the stimulus marker is missing",)


def test_a_report_after_the_window_has_passed_completes_it_at_once() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    (block,) = blocks([], set(), {})
    sweeper.feed(block)
    (window,) = sweeper.expect(9, sample=1300, subsample=0.0)
    np.testing.assert_array_equal(window.counts, samples(1280, 1400))


def test_marker_and_report_that_disagree_reject_the_sweep() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    first, second = blocks([550], set(), {500: 9})
    sweeper.feed(first)
    sweeper.expect(9, sample=501, subsample=0.0)
    (window,) = sweeper.feed(second)
    assert window.reject_reasons == ("the stimulus marker and the device's report disagree",)
    assert window.onset == 20.25


def test_a_restart_completes_open_windows_and_rejects_them() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    sweeper.feed(Block(1, 0, samples(0, 510), 0, 0, (marker(500, 3),)))
    (window,) = sweeper.feed(Block(2, 0, samples(0, 10), 0, 0, ()))
    assert (window.stream_id, window.key) == (1, 3)
    assert window.counts.shape == (CHANNELS, 120)
    assert "the stream was restarted" in window.reject_reasons
    assert sweeper.end_sample == 10
    assert sweeper.take_gaps() == []


def test_clipped_rows_of_the_blocks_it_touches() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    sweeper.feed(Block(1, 0, samples(0, 400), 0b001, 0, ()))
    sweeper.feed(Block(1, 400, samples(400, 520), 0b010, 0, (marker(500, 3),)))
    (window,) = sweeper.feed(Block(1, 520, samples(520, 700), 0b100, 0, ()))
    assert window.clipped == 0b110


def test_a_wanted_stretch_is_cut_like_a_sweep() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    first, second = blocks([600], set(), {})
    sweeper.feed(first)
    sweeper.want("noise", first_sample=600, width=500)
    (window,) = sweeper.feed(second)
    assert window.key == "noise"
    np.testing.assert_array_equal(window.counts, samples(600, 1100))
    assert window.reject_reasons == ()


def test_samples_that_come_twice_are_taken_once() -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    sweeper.feed(Block(1, 0, samples(0, 550), 0, 0, (marker(500, 3),)))
    sweeper.feed(Block(1, 500, samples(500, 550), 0, 0, ()))
    (window,) = sweeper.feed(Block(1, 540, samples(540, 700), 0, 0, ()))
    np.testing.assert_array_equal(window.counts, samples(480, 600))
    assert window.reject_reasons == ()


@pytest.mark.parametrize("many", [10_000])
def test_memory_stays_bounded(many: int) -> None:
    sweeper = Sweeper(channels=CHANNELS, rate_hz=RATE)
    for index in range(many):
        sweeper.feed(Block(1, index * 10, samples(index * 10, index * 10 + 10), 0, 0, ()))
    assert len(sweeper._blocks) <= 52


@examples(deadline=None)
@given(
    cuts=st.lists(st.integers(1, TOTAL - 1), max_size=40),
    other=st.lists(st.integers(1, TOTAL - 1), max_size=40),
    stims=st.sets(st.integers(0, TOTAL - 101), max_size=5),
    gaps=st.lists(st.tuples(st.integers(1, TOTAL - 30), st.integers(1, 25)), max_size=4),
)
def test_the_windows_do_not_depend_on_the_chunking(
    cuts: list[int], other: list[int], stims: set[int], gaps: list[tuple[int, int]]
) -> None:
    lost = {s for start, length in gaps for s in range(start, start + length) if s not in stims}
    numbered = {at: seq for seq, at in enumerate(sorted(stims), 1)}
    one, two = cut(blocks(cuts, lost, numbered)), cut(blocks(other, lost, numbered))
    assert [w.key for w in one] == list(range(1, len(stims) + 1))
    for a, b in zip(one, two, strict=True):
        assert (a.key, a.first_sample, a.onset, a.reject_reasons) == (b.key, b.first_sample, b.onset, b.reject_reasons)
        np.testing.assert_array_equal(a.counts, b.counts)
        present = a.counts != MISSING
        assert a.counts.shape == (CHANNELS, 120)
        np.testing.assert_array_equal(a.counts[present], samples(a.first_sample, a.first_sample + 120)[present])
        wanted = range(a.first_sample, a.first_sample + 120)
        assert np.count_nonzero(~present[0]) == sum(s in lost or s < 0 for s in wanted)
