"""When motor neurones fire: the laws of recruitment and rate, the statistics of the trains, and their memory."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.bank import ACROSS, DEAD, INTACT, MUSCLES, Bank
from npr_simulators.person.discharge import (
    STEP_MS,
    Clocks,
    Discharge,
    Intervals,
    Neurones,
    discharge,
    neurones_of,
    rates_hz,
)

UNITS = 40
FRO, OOC, ZYG = (MUSCLES.index(m) for m in (Muscle.FRONTALIS, Muscle.ORBICULARIS_OCULI, Muscle.ZYGOMATICUS))


def small_bank() -> Bank:
    """Forty units in every muscle, without potentials."""
    n = UNITS * len(MUSCLES)
    muscle = np.repeat(np.arange(len(MUSCLES)), UNITS)
    return Bank(
        side=Side.LEFT,
        axon=np.arange(n),
        pool=muscle,
        target=muscle,
        branch=np.where(muscle < len(FACIAL_MUSCLES), 2, -1),
        crossed=np.zeros(n, bool),
        second=np.zeros(n, bool),
        rank=np.tile((np.arange(UNITS) + 0.5) / UNITS, len(MUSCLES)),
        velocity_m_s=np.full(n, 50.0),
        path_mm=np.full(n, 100.0),
        terminal=np.ones(n),
        junction_ms=np.ones(n),
        dispersion_ms=np.zeros(n),
        jitter_ms=np.zeros(n),
        theta=np.ones(n),
        chronaxie_ms=np.full(n, 0.28),
        state=np.full(n, INTACT, np.int8),
        blocked=np.zeros(n, bool),
        ephaptic=np.zeros(n, bool),
        healthy_units=np.full(len(MUSCLES), UNITS),
        templates_uv=np.zeros((n, len(FACIAL_MUSCLES) + len(ACROSS), 8), np.float32),
    )


BANK = small_bank()
NEURONES = neurones_of(BANK)
INTERVALS = Intervals(seed=7, words=("left", 1), neurones=len(NEURONES.row))


def driven(level: float, ms: int, pool: int = ZYG) -> np.ndarray:
    drive = np.zeros((len(MUSCLES), ms))
    drive[pool] = level
    return drive


def rate_at(level: float, pool: int = ZYG) -> np.ndarray:
    return rates_hz(NEURONES, driven(level, 1, pool))[NEURONES.pool == pool, 0]


def test_units_are_recruited_from_three_to_seventy_percent_in_order_of_size() -> None:
    threshold = NEURONES.threshold[NEURONES.pool == ZYG]
    assert np.all(np.diff(threshold) > 0)
    assert threshold[0] == pytest.approx(0.028, rel=0.06)
    assert threshold[-1] == pytest.approx(0.70, rel=0.05)
    assert not rate_at(0.027).any()
    assert np.all(rate_at(0.70) > 0)


def test_a_unit_begins_at_nine_hertz_and_ends_at_its_peak() -> None:
    threshold = NEURONES.threshold[NEURONES.pool == ZYG]
    for unit in (0, 20, 39):
        assert rate_at(threshold[unit])[unit] == pytest.approx(9.0)
    rank = NEURONES.threshold.size and BANK.rank[:UNITS]
    assert rate_at(1.0)[0] == pytest.approx(60 - 20 * rank[0])
    assert rate_at(1.0)[-1] == pytest.approx(9 + 55 * (1 - threshold[-1]))


def test_the_frontalis_begins_slower_and_may_go_higher() -> None:
    threshold = NEURONES.threshold[NEURONES.pool == FRO]
    assert rate_at(threshold[3], FRO)[3] == pytest.approx(8.0)
    assert rate_at(1.0, FRO)[0] > rate_at(1.0)[0]


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_drive_never_slows_a_unit(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert np.all(rate_at(high) >= rate_at(low))


def test_trains_have_their_rate_and_a_fifth_of_spread() -> None:
    seconds = 60
    spikes, _ = discharge(NEURONES, INTERVALS, INTERVALS.start(), driven(0.4, 1000 * seconds))
    expected = rate_at(0.4)
    number = np.bincount(spikes.neurone, minlength=len(NEURONES.row))[NEURONES.pool == ZYG]
    assert number.sum() == np.bincount(spikes.neurone).sum()
    assert number == pytest.approx(expected * seconds, abs=30)
    for unit in np.flatnonzero(expected)[::6] + ZYG * UNITS:
        gaps = np.diff(spikes.time_ms[spikes.neurone == unit])
        assert gaps.std() / gaps.mean() == pytest.approx(0.20, abs=0.025)
        assert gaps.min() > 0


def test_units_fire_independently() -> None:
    spikes, _ = discharge(NEURONES, INTERVALS, INTERVALS.start(), driven(0.5, 40000))
    trains = [
        np.histogram(spikes.time_ms[spikes.neurone == ZYG * UNITS + k], bins=2000, range=(0, 40000))[0]
        for k in range(12)
    ]
    across = np.corrcoef(trains)[np.triu_indices(12, 1)]
    assert abs(across.mean()) < 0.01
    assert np.abs(across).max() < 0.15


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 149), max_size=4), level=st.floats(0.03, 1.0))
def test_a_train_does_not_depend_on_how_time_is_cut(cuts: list[int], level: float) -> None:
    drive = driven(level, 600) * np.linspace(0.2, 1, 600)
    whole, after = discharge(NEURONES, INTERVALS, INTERVALS.start(), drive)
    clocks, parts = INTERVALS.start(), []
    edges = [0, *sorted({STEP_MS * c for c in cuts}), 600]
    for begin, end in pairwise(edges):
        part, clocks = discharge(NEURONES, INTERVALS, clocks, drive[:, begin:end])
        parts.append(Discharge(part.neurone, part.time_ms + begin))
    neurone = np.concatenate([p.neurone for p in parts])
    time_ms = np.concatenate([p.time_ms for p in parts])
    order = np.lexsort((time_ms, neurone))
    assert np.array_equal(neurone[order], whole.neurone)
    assert time_ms[order] == pytest.approx(whole.time_ms, abs=1e-6)
    assert np.array_equal(clocks.count, after.count)
    assert clocks.left == pytest.approx(after.left, abs=1e-9)


def test_what_comes_later_does_not_change_what_was() -> None:
    quiet, sudden = driven(0.3, 400), driven(0.3, 400)
    sudden[:, 200:] *= 3
    before, _ = discharge(NEURONES, INTERVALS, INTERVALS.start(), quiet)
    after, _ = discharge(NEURONES, INTERVALS, INTERVALS.start(), sudden)
    early = [(s.neurone[s.time_ms < 200], s.time_ms[s.time_ms < 200]) for s in (before, after)]
    assert np.array_equal(early[0][0], early[1][0])
    assert early[0][1] == pytest.approx(early[1][1], abs=1e-9)
    assert len(after.neurone) > 1.5 * len(before.neurone)


def test_intervals_are_gamma_like_and_other_ones_for_every_neurone_and_stream() -> None:
    drawn = INTERVALS.of(np.arange(50), np.arange(4000) + np.zeros((50, 1), np.int64))
    assert drawn.mean() == pytest.approx(1.0, abs=0.005)
    assert drawn.std() == pytest.approx(0.20, abs=0.003)
    assert drawn.min() > 0.2
    skew = np.mean((drawn - 1) ** 3) / drawn.std() ** 3
    assert skew == pytest.approx(0.4, abs=0.08)
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.01
    other = Intervals(seed=7, words=("left", 2), neurones=360).of(np.arange(50), np.zeros((50, 1), np.int64))
    assert not np.array_equal(other[:, 0], drawn[:, 0])


def test_neurones_do_not_start_together() -> None:
    left = INTERVALS.start().left
    assert left.min() >= 0
    assert np.histogram(left, bins=4, range=(0, 1))[0].min() > 0.15 * len(left)


def test_dead_and_blocked_axons_carry_no_command() -> None:
    state, blocked = BANK.state.copy(), BANK.blocked.copy()
    state[::3] = DEAD
    blocked[1::3] = True
    rows = neurones_of(replace(BANK, state=state, blocked=blocked)).row
    assert np.array_equal(rows, np.arange(2, len(state), 3))


def test_a_forked_axon_is_one_neurone_with_two_rows() -> None:
    second = np.zeros(len(BANK.axon), bool)
    second[50] = True
    axon = BANK.axon.copy()
    axon[50] = 10
    forked = neurones_of(replace(BANK, axon=axon, second=second))
    assert len(forked.row) == len(BANK.axon) - 1
    assert 50 not in forked.row
    assert forked.second[forked.row == 10] == [50]
    assert np.count_nonzero(forked.second >= 0) == 1


def test_a_silent_pool_keeps_its_clocks() -> None:
    clocks = INTERVALS.start()
    spikes, after = discharge(NEURONES, INTERVALS, clocks, driven(0.0, 200))
    assert not spikes.neurone.size
    assert isinstance(after, Clocks)
    assert np.array_equal(after.left, clocks.left)


def test_a_bank_without_living_axons_is_silent() -> None:
    empty = neurones_of(replace(BANK, state=np.full(len(BANK.axon), DEAD, np.int8)))
    assert isinstance(empty, Neurones)
    intervals = Intervals(seed=7, words=("none",), neurones=0)
    spikes, _ = discharge(empty, intervals, intervals.start(), driven(1.0, 200))
    assert not spikes.time_ms.size
