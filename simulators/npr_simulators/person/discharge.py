"""When motor neurones fire: gamma renewal trains whose clock runs with the drive of their pool."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle
from npr_simulators.person.bank import DEAD, MUSCLES, Bank, Floats
from npr_simulators.person.streams import stream

INTERVAL_CV = 0.20
LAST_RECRUITED = 0.70
"""Drive at which the largest unit of a pool joins in."""
RECRUITMENT_RANGE = 25.0
"""Threshold of the largest over that of the smallest unit: 2.8 % to 70 % of the drive (simulation reference 4.1)."""
START_HZ, GAIN_HZ = 9.0, 55.0
PEAK_HZ, PEAK_LOSS_HZ = 60.0, 20.0
"""Rates: `START_HZ` at recruitment, `GAIN_HZ` more at full drive, at most 60 - 20 rank (simulation reference 4.1)."""
FRONTALIS_START_HZ, FRONTALIS_PEAK_HZ, FRONTALIS_PEAK_LOSS_HZ = 8.0, 90.0, 45.0
"""Frontalis: 8 Hz at recruitment, peaks of 45 to 90 Hz that few units reach (Kirk 2021, simulation reference 4.1)."""
STEP_MS = 4
"""The rate is taken as constant for so long: nothing in the drive is faster than 30 Hz."""
_TABLE = 1 << 16

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Neurones:
    """The motor neurones of one half that a command can reach, one for each axon; arrays are (neurone,).

    `row` is the axon's first row in the bank, `second` the row of its other branch or -1.
    """

    row: NDArray[np.intp]
    second: NDArray[np.intp]
    pool: NDArray[np.intp]
    threshold: Floats
    start_hz: Floats
    peak_hz: Floats


def neurones_of(bank: Bank) -> Neurones:
    """Living axons of `bank` that are not blocked, with their laws (simulation reference 4.1)."""
    answers = (bank.state != DEAD) & ~bank.blocked
    row = np.flatnonzero(answers & ~bank.second)
    twin = np.full(int(bank.axon.max(initial=0)) + 1, -1, np.intp)
    branches = np.flatnonzero(answers & bank.second)
    twin[bank.axon[branches]] = branches
    rank = bank.rank[row]
    frontalis = bank.pool[row] == MUSCLES.index(Muscle.FRONTALIS)
    return Neurones(
        row=row,
        second=twin[bank.axon[row]],
        pool=bank.pool[row],
        threshold=LAST_RECRUITED * RECRUITMENT_RANGE ** (rank - 1),
        start_hz=np.where(frontalis, FRONTALIS_START_HZ, START_HZ),
        peak_hz=np.where(frontalis, FRONTALIS_PEAK_HZ - FRONTALIS_PEAK_LOSS_HZ * rank, PEAK_HZ - PEAK_LOSS_HZ * rank),
    )


def rates_hz(neurones: Neurones, drive: Floats, which: NDArray[np.intp] | None = None) -> Floats:
    """Rate of every neurone, or of those in `which`, at `drive` (9, time) of the pools, shape (neurone, time)."""
    some = slice(None) if which is None else which
    rate = drive[neurones.pool[some]] - neurones.threshold[some, None]
    silent = rate < 0
    rate *= GAIN_HZ
    rate += neurones.start_hz[some, None]
    np.minimum(rate, neurones.peak_hz[some, None], out=rate)
    rate[silent] = 0.0
    return rate


@dataclass(frozen=True, slots=True, eq=False)
class Clocks:
    """Where each neurone is between two spikes; arrays are (neurone,).

    `left` is what remains of the current interval, in mean intervals; `count` how many intervals it has begun.
    """

    left: Floats
    count: Counts


class Intervals:
    """Interspike intervals in units of their mean, found by neurone and number: gamma, CV 0.20.

    A neurone's n-th interval is the same whatever the others do and however often it is asked for.
    """

    def __init__(self, *, seed: int, words: tuple[str | int, ...], neurones: int) -> None:
        rng = stream(seed, "intervals", *words)
        shape = INTERVAL_CV**-2
        drawn = rng.gamma(shape, 1 / shape, _TABLE)
        drawn = 1 + (drawn - drawn.mean()) * (INTERVAL_CV / drawn.std())
        self._table = np.maximum(drawn, 0.05)
        self._key = rng.integers(1 << 63, size=neurones, dtype=np.uint64)
        self._phase = rng.random(neurones)

    def start(self) -> Clocks:
        """Every neurone somewhere within its first interval."""
        count = np.zeros(len(self._key), np.int64)
        return Clocks(self._phase * self.of(np.arange(len(count)), count[:, None])[:, 0], count + 1)

    def of(self, neurone: NDArray[np.intp], number: Counts) -> Floats:
        """Intervals `number` (row, k) of the neurones `neurone` (row,), shape (row, k)."""
        # splitmix64 of a key that the named stream gave: a draw that can be found again without a generator
        with np.errstate(over="ignore"):
            z = self._key[neurone][:, None] + number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out: Floats = self._table[((z ^ (z >> np.uint64(31))) >> np.uint64(48)).astype(np.intp)]
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Discharge:
    """Spikes of a stretch of time, grouped by neurone: `neurone` and `time_ms` from its start, shape (spike,)."""

    neurone: NDArray[np.intp]
    time_ms: Floats


def discharge(neurones: Neurones, intervals: Intervals, clocks: Clocks, drive: Floats) -> tuple[Discharge, Clocks]:
    """Spikes while the pools are driven by `drive` (9, ms), a multiple of `STEP_MS`, and the clocks afterwards.

    Time rescaling: a neurone fires when the integral of its rate has passed the next interval (reference 4.1).
    """
    steps = drive.reshape(len(drive), -1, STEP_MS).mean(axis=2)
    awake = np.flatnonzero(neurones.threshold <= steps.max(axis=1)[neurones.pool])
    if not awake.size:
        return Discharge(awake, np.empty(0)), clocks
    grown = np.zeros((len(awake), steps.shape[1] + 1))
    np.cumsum(rates_hz(neurones, steps, awake) * (STEP_MS * 1e-3), axis=1, out=grown[:, 1:])
    total = grown[:, -1]
    due = _due(intervals, awake, clocks, total)
    fired = due < total[:, None]
    which, _ = np.nonzero(fired)
    left, count = clocks.left.copy(), clocks.count.copy()
    number = fired.sum(axis=1)
    left[awake] = due[np.arange(len(awake)), number] - total
    count[awake] += number
    return Discharge(awake[which], STEP_MS * _crossings(grown, which, due[fired])), Clocks(left, count)


def _due(intervals: Intervals, awake: NDArray[np.intp], clocks: Clocks, total: Floats) -> Floats:
    """Spike instants in mean intervals, shape (neurone, k), the last column at or beyond `total` for all."""
    first, count = clocks.left[awake], clocks.count[awake]
    k = int(total.max() * 1.25) + 3
    while True:
        due = np.empty((len(awake), k + 1))
        due[:, 0] = first
        due[:, 1:] = intervals.of(awake, count[:, None] + np.arange(k))
        np.cumsum(due, axis=1, out=due)
        if (due[:, -1] >= total).all():
            return due
        k *= 2


def _crossings(grown: Floats, which: NDArray[np.intp], due: Floats) -> Floats:
    """When the rows `which` of `grown` (neurone, step) reach `due`, in steps, shape (spike,)."""
    # all rows in one search: each row is lifted above the one before it
    step = float(grown[:, -1].max()) + 1.0
    flat = (grown + step * np.arange(len(grown))[:, None]).ravel()
    after = np.searchsorted(flat, due + step * which, side="right") - which * grown.shape[1]
    after = np.clip(after, 1, grown.shape[1] - 1)
    low, high = grown[which, after - 1], grown[which, after]
    out: Floats = after - 1 + (due - low) / np.maximum(high - low, 1e-12)
    return np.clip(out, 0.0, grown.shape[1] - 1.0)
