"""What the two facial nuclei command: the drive of every pool of both halves, millisecond by millisecond."""

from collections.abc import Iterable, Mapping

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.bank import MUSCLES, Floats
from npr_simulators.person.body_signals import BLINK_CHUNK, BLINK_RATE_HZ, blink_samples
from npr_simulators.person.case import Case, Central
from npr_simulators.person.common_drive import CommonDrive
from npr_simulators.person.habits import task_share
from npr_simulators.person.movements import BLINK_MS, Movement, blink_envelope
from npr_simulators.person.streams import stream

SLOW_SHARE, FAST_SHARE = 0.06, 0.05
"""Fluctuation of a pool's drive as a share of it, below 3 Hz and at 10 to 30 Hz (simulation reference 4.1)."""
STEADY, UNSTEADY = 0.7, 2.0
"""[A] The slow fluctuation times 0.7 + 2 sloppiness: that of the reference at the usual sloppiness of 0.15."""
REST_DRIVE, REST_SPREAD = 0.032, 0.004
"""Drive at rest, just above the lowest thresholds: 1 to 3 uV at the skin (simulation reference 4.2)."""
BLINK_DRIVE = 0.45
"""[A] Drive of the orbicularis oculi in a spontaneous blink."""
LAG_SPREAD = 0.25
"""[A] SD of a central lag from movement to movement, as a share of it (simulation reference 4.2: "jittered")."""
LONGEST_LAG = 1.0 + 2.5 * LAG_SPREAD
_FACIAL = np.array([muscle in FACIAL_MUSCLES for muscle in MUSCLES])
_OOC = MUSCLES.index(Muscle.ORBICULARIS_OCULI)


class Drive:
    """The drive of one person: a function of stream, time and movements, whoever asks and in what order.

    Arrays are (pool, ms), pools in the order of `MUSCLES`, 0 to 1. `central` and `tonic` are those of each half.
    """

    def __init__(
        self,
        case: Case,
        *,
        central: Mapping[Side, tuple[Central, ...]],
        tonic: Mapping[Side, float],
        seed: int,
        visit: int = 1,
    ) -> None:
        self._case = case
        self._seed = seed
        self._visit = visit
        self._central = {side: central.get(side, ()) for side in Side}
        self._tonic = {side: np.where(_FACIAL, tonic.get(side, 0.0), 0.0) for side in Side}
        self._noise = {side: CommonDrive(seed=seed, side=side, visit=visit) for side in Side}
        self._slow_share = SLOW_SHARE * (STEADY + UNSTEADY * case.behaviour.sloppiness)
        self._longest_ms = LONGEST_LAG * max((c.lag_ms for links in self._central.values() for c in links), default=0)
        self._shares: dict[tuple[str, Side], Floats] = {}

    def plateau(self, movement: Movement) -> dict[Side, Floats]:
        """Mean drive of every pool while `movement` is held, or in the middle of a blink; (9,) for each half."""
        out = {}
        for side in Side:
            drive = np.maximum(self._share(movement, side), np.where(_FACIAL, REST_DRIVE, 0.0))
            for link in self._central[side]:
                drive[MUSCLES.index(link.target)] += link.gain * self._share(movement, side)[MUSCLES.index(link.source)]
            out[side] = np.clip(drive + self._tonic[side], 0.0, 1.0)
        return out

    def spread(self, movement: Movement) -> dict[Side, Floats]:
        """SD of the fluctuation of every pool's drive while `movement` is held, shape (9,) for each half."""
        relative = np.hypot(self._slow_share, FAST_SHARE)
        resting = np.where(_FACIAL, REST_SPREAD, 0.0)
        return {side: np.maximum(relative * self._share(movement, side), resting) for side in Side}

    def at(self, stream_id: int, first_ms: int, n: int, movements: Iterable[Movement]) -> dict[Side, Floats]:
        """Drive of every pool for `n` milliseconds from `first_ms` of a stream on, shape (9, n) for each half."""
        t_ms = first_ms + np.arange(n, dtype=float)
        begin, end = t_ms[0] - self._longest_ms, t_ms[-1]
        during = [m for m in movements if m.stream_id == stream_id and m.onset_ms <= end and m.end_ms >= begin]
        blinks = self._blinks(stream_id, begin, end)
        out = {}
        for side in Side:
            slow, fast = self._noise[side].at(stream_id, first_ms, n)
            unsteady = 1 + self._slow_share * slow + FAST_SHARE * fast
            active = np.zeros((len(MUSCLES), n))
            for movement in during:
                np.maximum(active, self._share(movement, side)[:, None] * movement.envelope(t_ms), out=active)
            for onset_ms in blinks:
                np.maximum(active[_OOC], BLINK_DRIVE * blink_envelope(t_ms - onset_ms), out=active[_OOC])
            drive = np.maximum(active * unsteady, np.where(_FACIAL[:, None], REST_DRIVE + REST_SPREAD * slow, 0.0))
            for number, link in enumerate(self._central[side]):
                source = MUSCLES.index(link.source)
                passed_on = self._passed_on(side, number, t_ms, during, blinks)
                # the copy shares the fluctuation of the pool that it is a copy of
                drive[MUSCLES.index(link.target)] += link.gain * passed_on * unsteady[source]
            out[side] = np.clip(drive + self._tonic[side][:, None], 0.0, 1.0)
        return out

    def _passed_on(self, side: Side, number: int, t_ms: Floats, during: list[Movement], blinks: list[float]) -> Floats:
        """What a link's source was commanded one lag ago, shape (ms,); every movement has a lag of its own."""
        link = self._central[side][number]
        source = MUSCLES.index(link.source)
        out = np.zeros(len(t_ms))
        for movement in during:
            late_ms = link.lag_ms * self._lag(side, number, "movement", movement.ordinal)
            share = self._share(movement, side)[source]
            np.maximum(out, share * movement.envelope(t_ms - late_ms), out=out)
        if source == _OOC:
            for onset_ms in blinks:
                late_ms = link.lag_ms * self._lag(side, number, "blink", round(onset_ms * 100))
                np.maximum(out, BLINK_DRIVE * blink_envelope(t_ms - late_ms - onset_ms), out=out)
        return out

    def _lag(self, side: Side, number: int, kind: str, key: int) -> float:
        drawn = stream(self._seed, "central lag", side, self._visit, number, kind, key).standard_normal()
        return float(np.clip(1 + LAG_SPREAD * drawn, 0.25, LONGEST_LAG))

    def _share(self, movement: Movement, side: Side) -> Floats:
        """Drive of each pool of one half at the plateau of `movement`, without what is passed on, shape (9,)."""
        key = (movement.performed, side)
        if key not in self._shares:
            self._shares[key] = task_share(self._case, movement.performed, side, seed=self._seed)
        return self._shares[key] * movement.effort

    def _blinks(self, stream_id: int, begin_ms: float, end_ms: float) -> list[float]:
        """Onsets of the spontaneous blinks that are felt between two instants of a stream."""
        per_ms = BLINK_RATE_HZ / 1e3
        first = max(0, int((begin_ms - BLINK_MS) * per_ms)) // BLINK_CHUNK
        chunks = range(first, int(end_ms * per_ms) // BLINK_CHUNK + 1)
        return [
            float(sample) / per_ms
            for chunk in chunks
            for sample in blink_samples(self._case, self._seed, stream_id, chunk)
        ]
