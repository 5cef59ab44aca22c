"""Voluntary and resting activity of both halves at the electrodes, block after block."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_daq.errors import UsageError
from npr_simulators.person.bank import MUSCLES, RATE_KHZ, REACH, Bank, Floats, channel_rows
from npr_simulators.person.case import Case, Central
from npr_simulators.person.conduction import from_nucleus_ms
from npr_simulators.person.discharge import Clocks, Intervals, discharge, neurones_of
from npr_simulators.person.drive import Drive
from npr_simulators.person.movements import Movement
from npr_simulators.person.overlap import add_spikes, event_templates
from npr_simulators.person.plateau import BAND_HZ, CHANNELS, Energies, energies_of, expected_plateau
from npr_simulators.person.resampling import BESIDE, REACH_SAMPLES, decimated, doubled

CHUNK = 4000
BLOCK_MS = 200
BLOCK = BLOCK_MS * int(RATE_KHZ)
"""Samples at 20 kHz that are made at once."""
_KEPT = 16
"""Blocks that are kept, and back to which a cue may reach without beginning anew: 3.2 s."""

Waves = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """One half between two blocks: its neurones, and at 10 kHz the last samples and what is owed, (sample, channel)."""

    clocks: Clocks
    owed: Waves


class _Half:
    """The part of one half of the face that does not change with time.

    Potentials hold nothing above 4 kHz (simulation reference 7), so they are added at every other sample only, each
    spike with those samples of its template that fall there; what lies between is interpolated afterwards.
    """

    def __init__(self, bank: Bank) -> None:
        self.side = bank.side
        self.rows = list(channel_rows(bank.side))
        self.neurones = neurones_of(bank)
        whole = event_templates(bank)
        self.templates = tuple([np.ascontiguousarray(wave[phase::2]) for wave in whole] for phase in (0, 1))
        # nothing that a block fires may reach the samples that the block before it was interpolated from
        self.delay_ms = np.maximum(from_nucleus_ms(bank), (2 * BESIDE + 2) / RATE_KHZ)
        slowest = float(self.delay_ms.max(initial=0.0))
        self.tail = (int(np.ceil(slowest * RATE_KHZ)) + bank.templates_uv.shape[2]) // 2 + BESIDE + 2

    def started(self, intervals: Intervals) -> _State:
        return _State(intervals.start(), np.zeros((BESIDE + self.tail, REACH), np.float32))

    def block(self, intervals: Intervals, state: _State, drive: Floats) -> tuple[Waves, _State]:
        """What this half gives in one block and beside it, (sample, channel) at 10 kHz, and the state after it."""
        spikes, clocks = discharge(self.neurones, intervals, state.clocks, drive)
        made = np.zeros((BESIDE + BLOCK // 2 + self.tail, REACH), np.float32)
        made[: len(state.owed)] = state.owed
        first = self.neurones.row[spikes.neurone]
        forked = self.neurones.second[spikes.neurone]
        two = forked >= 0
        for row, time_ms in ((first, spikes.time_ms), (forked[two], spikes.time_ms[two])):
            samples = np.rint((time_ms + self.delay_ms[row]) * RATE_KHZ).astype(np.intp)
            for phase, templates in enumerate(self.templates):
                here = samples % 2 == phase
                add_spikes(made, templates, row[here], BESIDE + (samples[here] + phase) // 2)
        return made[: BLOCK // 2 + 2 * BESIDE], _State(clocks, made[BLOCK // 2 :].copy())


class Voluntary:
    """What the muscles of a person do without a shock, 16 channels: rest, blinks, and the movements that are cued.

    A function of (banks, case, seed, visit, stream, sample) and of the movements; in what portions it is asked for
    changes nothing. Asked in order it is made once; further back than a few seconds it is made anew from the stream's
    start.
    """

    def __init__(
        self,
        banks: Mapping[Side, Bank],
        case: Case,
        *,
        central: Mapping[Side, tuple[Central, ...]],
        tonic: Mapping[Side, float],
        seed: int,
        visit: int = 1,
    ) -> None:
        self._seed = seed
        self._visit = visit
        self._banks = banks
        self._halves = {side: _Half(bank) for side, bank in banks.items()}
        self._drive = Drive(case, central=central, tonic=tonic, seed=seed, visit=visit)
        self._movements: list[Movement] = []
        self._energies: dict[Side, Energies] | None = None
        self._stream_id: int | None = None
        self._intervals: dict[Side, Intervals] = {}
        self._states: OrderedDict[int, dict[Side, _State]] = OrderedDict()
        self._made: OrderedDict[int, Waves] = OrderedDict()

    def cue(self, movement: Movement) -> None:
        """Let `movement` happen. What lies before its onset stays as it was, sample for sample."""
        self._movements.append(movement)
        if movement.stream_id == self._stream_id:
            changed = int(movement.onset_ms // BLOCK_MS)
            self._made = OrderedDict((k, v) for k, v in self._made.items() if k < changed)
            self._states = OrderedDict((k, v) for k, v in self._states.items() if k <= changed)

    def chunk(self, stream_id: int, number: int, chunk_samples: int = CHUNK, *, rate_hz: float = 20000.0) -> Waves:
        """Samples `number * chunk_samples` and on of a stream, microvolt, shape (16, chunk_samples)."""
        return self.rows(stream_id, number * chunk_samples, chunk_samples, rate_hz)

    def rows(self, stream_id: int, first_sample: int, n: int, rate_hz: float) -> Waves:
        """`n` samples from `first_sample` on, microvolt, shape (16, n); `rate_hz` is 20 kHz or a whole part of it.

        A lower rate is the 20 kHz signal through a low-pass without delay.
        """
        factor = round(RATE_KHZ * 1e3 / rate_hz)
        if factor < 1 or abs(factor * rate_hz - RATE_KHZ * 1e3) > 1e-6:
            raise UsageError(f"rate is {rate_hz:g} Hz; the simulated patient has 20000 Hz and its whole parts")
        if factor == 1:
            return self._fine(stream_id, first_sample, n)
        reach = REACH_SAMPLES * factor
        begin = first_sample * factor - reach
        return decimated(self._fine(stream_id, begin, (n - 1) * factor + 1 + 2 * reach), factor)

    def drive(self, stream_id: int, first_ms: int, n: int) -> dict[Side, Floats]:
        """Drive of every pool, 0 to 1, for `n` milliseconds of a stream, shape (9, n) for each half."""
        return self._drive.at(stream_id, first_ms, n, self._movements)

    def expected(self, movement: Movement) -> Mapping[str, Any]:
        """The truth line of `movement`, JSON-safe: what is done, when, with what drive, and the RMS it must give.

        `own` is from the channel's own muscle, `app` from all muscles of both halves, `rest` what `app` is at rest;
        `rms_uv` of everything, `band_uv` through `band_hz`. For a blink they are those of the middle of a burst.
        """
        if self._energies is None:
            self._energies = {side: energies_of(bank) for side, bank in self._banks.items()}
        drive = self._drive.plateau(movement)
        held = expected_plateau(self._energies, drive, self._drive.spread(movement))
        at_rest = replace(movement, performed="rest")
        rest = expected_plateau(self._energies, self._drive.plateau(at_rest), self._drive.spread(at_rest))
        names = [f"{side}.{muscle}" for side in Side for muscle in FACIAL_MUSCLES]
        return {
            **movement.as_json(),
            "plateau_ms": list(movement.plateau_ms),
            "bursts_ms": movement.bursts_ms,
            "band_hz": list(BAND_HZ),
            "drive": {
                f"{side}.{muscle}": float(drive[side][pool]) for side in Side for pool, muscle in enumerate(MUSCLES)
            },
            "channels": {
                name: {
                    "own": {"rms_uv": float(held.own_uv[row]), "band_uv": float(held.own_band_uv[row])},
                    "app": {"rms_uv": float(held.app_uv[row]), "band_uv": float(held.app_band_uv[row])},
                    "rest": {"rms_uv": float(rest.app_uv[row]), "band_uv": float(rest.app_band_uv[row])},
                }
                for row, name in enumerate(names)
            },
        }

    def _fine(self, stream_id: int, first_sample: int, n: int) -> Waves:
        """20 kHz samples of a stream; zero before its start."""
        if stream_id != self._stream_id:
            self._stream_id = stream_id
            self._made.clear()
            self._states.clear()
            self._intervals = {
                side: Intervals(seed=self._seed, words=(side, self._visit, stream_id), neurones=len(half.neurones.row))
                for side, half in self._halves.items()
            }
        out = np.zeros((CHANNELS, n), np.float32)
        at = max(0, -first_sample)
        while at < n:
            number, start = divmod(first_sample + at, BLOCK)
            stop = min(BLOCK, start + n - at)
            out[:, at : at + stop - start] = self._block(number)[:, start:stop]
            at += stop - start
        return out

    def _block(self, number: int) -> Waves:
        if number not in self._made:
            if not any(k <= number for k in self._states):
                self._states = OrderedDict({0: {s: h.started(self._intervals[s]) for s, h in self._halves.items()}})
            for block in range(max(k for k in self._states if k <= number), number + 1):
                self._make(block)
        return self._made[number]

    def _make(self, number: int) -> None:
        assert self._stream_id is not None
        drive = self._drive.at(self._stream_id, number * BLOCK_MS, BLOCK_MS, self._movements)
        wave = np.zeros((CHANNELS, BLOCK // 2 + 2 * BESIDE), np.float32)
        after = {}
        for side, half in self._halves.items():
            part, after[side] = half.block(self._intervals[side], self._states[number][side], drive[side])
            wave[half.rows] += part.T
        out = doubled(wave)
        out.flags.writeable = False
        self._made[number] = out
        self._states[number + 1] = after
        for kept in (self._made, self._states):
            while len(kept) > _KEPT:
                kept.popitem(last=False)
