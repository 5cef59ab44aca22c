"""What the two facial nuclei command: the drive of every pool of both halves, millisecond by millisecond."""

from collections.abc import Iterable, Mapping

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.bank import MUSCLES, Floats
from npr_simulators.person.body_signals import BLINK_CHUNK, BLINK_RATE_HZ, blink_samples
from npr_simulators.person.case import Case, Central
from npr_simulators.person.common_drive import CommonDrive
from npr_simulators.person.movements import (
    BLINK_FALL_MS,
    BLINK_HOLD_MS,
    BLINK_RISE_MS,
    Movement,
    blink_envelope,
)
from npr_simulators.person.streams import stream
from npr_simulators.person.tasks import CONTRALATERAL_SHARE, PRIME_MOVER, task_drive

SLOW_SHARE, FAST_SHARE = 0.06, 0.05
"""Fluctuation of a pool's drive as a share of it, below 3 Hz and at 10 to 30 Hz (simulation reference 4.1)."""
REST_DRIVE, REST_SPREAD = 0.032, 0.004
"""Drive at rest, just above the lowest thresholds: 1 to 3 uV at the skin (simulation reference 4.2)."""
BLINK_DRIVE = 0.45
"""[A] Drive of the orbicularis oculi in a spontaneous blink."""
COACTIVATION_SPREAD = 0.10
"""[A] SD of the logarithm of what a person gives a pool that is not the prime mover, task by task, half by half."""
LAG_SPREAD = 0.25
"""[A] SD of a central lag from movement to movement, as a share of it (simulation reference 4.2: "jittered")."""
ASYMMETRY_PERCENT: Mapping[Muscle, float] = {
    Muscle.FRONTALIS: 18.3,
    Muscle.ZYGOMATICUS: 26.3,
    Muscle.ORBICULARIS_ORIS: 20.3,
}
"""100 - smaller/larger of the RMS of healthy halves (clinical reference 7, W13, n = 154)."""
OTHER_ASYMMETRY_PERCENT = 20.0
"""[A] The same for muscles without a published value."""
RMS_EXPONENT = 1.3
"""How the RMS of a muscle grows with its drive: RMS ~ drive ** this, measured on the bank at half effort."""
_FACIAL = np.array([muscle in FACIAL_MUSCLES for muscle in MUSCLES])
_OOC = MUSCLES.index(Muscle.ORBICULARIS_OCULI)
_BLINK_MS = BLINK_RISE_MS + BLINK_HOLD_MS + BLINK_FALL_MS


class Drive:
    """The drive of one person: a function of stream, time and movements, whoever asks and in what order.

    Arrays are (pool, ms), pools in the order of `MUSCLES`, 0 to 1. `central` and `tonic` are those of each half.
    """

    def __init__(
        self, case: Case, *, seed: int, central: Mapping[Side, tuple[Central, ...]], tonic: Mapping[Side, float]
    ) -> None:
        self._case = case
        self._seed = seed
        self._central = {side: central.get(side, ()) for side in Side}
        self._tonic = {side: np.where(_FACIAL, tonic.get(side, 0.0), 0.0) for side in Side}
        self._noise = {side: CommonDrive(seed=seed, side=side) for side in Side}
        self._strength = strength_of_halves(case, seed=seed)
        self._before_ms = 1 + int(max((c.lag_ms for cs in self._central.values() for c in cs), default=0.0) * 2)

    def plateau(self, movement: Movement) -> dict[Side, Floats]:
        """Mean drive of every pool while `movement` is held, shape (9,) for each half."""
        out = {}
        for side in Side:
            active = self._share(movement, side) * movement.effort
            out[side] = self._commanded(side, active[:, None], active[:, None], [1.0] * len(self._central[side]))[:, 0]
        return out

    def rest(self) -> dict[Side, Floats]:
        """Mean drive of every pool at rest, shape (9,) for each half."""
        none = np.zeros((len(MUSCLES), 1))
        return {side: self._commanded(side, none, none, [1.0] * len(self._central[side]))[:, 0] for side in Side}

    def at(self, stream_id: int, first_ms: int, n: int, movements: Iterable[Movement]) -> dict[Side, Floats]:
        """Drive of every pool for `n` milliseconds from `first_ms` of a stream on, shape (9, n) for each half."""
        before = self._before_ms
        t_ms = np.arange(first_ms - before, first_ms + n, dtype=float)
        during = [m for m in movements if m.stream_id == stream_id and m.onset_ms < t_ms[-1] and m.end_ms > t_ms[0]]
        blinks = self._blinks(stream_id, t_ms)
        loose = 0.7 + 2 * self._case.behaviour.sloppiness
        ordinal = during[-1].ordinal if during else -1
        out = {}
        for side in Side:
            active = np.zeros((len(MUSCLES), len(t_ms)))
            for movement in during:
                share = self._share(movement, side) * movement.effort
                np.maximum(active, share[:, None] * movement.envelope(t_ms), out=active)
            np.maximum(active[_OOC], blinks, out=active[_OOC])
            slow, fast = self._noise[side].at(stream_id, first_ms - before, len(t_ms))
            active *= 1 + SLOW_SHARE * loose * slow + FAST_SHARE * fast
            resting = REST_DRIVE + REST_SPREAD * slow[:, before:]
            lags = self._lags(side, ordinal)
            out[side] = self._commanded(side, active[:, before:], active, lags, resting=resting)
        return out

    def _commanded(
        self, side: Side, active: Floats, history: Floats, lags: list[float], *, resting: Floats | float = REST_DRIVE
    ) -> Floats:
        drive = np.maximum(active, np.where(_FACIAL[:, None], resting, 0.0))
        n = active.shape[1]
        for link, lag in zip(self._central[side], lags, strict=True):
            source = history[MUSCLES.index(link.source)]
            end = len(source) - round(lag * link.lag_ms) if len(source) > n else n
            drive[MUSCLES.index(link.target)] += link.gain * source[end - n : end]
        out: Floats = np.clip(drive + self._tonic[side][:, None], 0.0, 1.0)
        return out

    def _share(self, movement: Movement, side: Side) -> Floats:
        """Drive of each pool at full effort on one half, shape (9,): the person's own version of the task."""
        task = movement.performed
        if task not in PRIME_MOVER:
            return np.zeros(len(MUSCLES))
        leads = Side.LEFT if stream(self._seed, "leading half", task).random() < 0.5 else Side.RIGHT
        spread = stream(self._seed, "co-activation", task, side).standard_normal(len(MUSCLES)).clip(-2.5, 2.5)
        own = np.exp(COACTIVATION_SPREAD * spread)
        own[MUSCLES.index(PRIME_MOVER[task])] = 1.0
        share = task_drive(task) * own * self._strength[side]
        return share if side is leads else share * CONTRALATERAL_SHARE[task]

    def _lags(self, side: Side, ordinal: int) -> list[float]:
        # factors of the links' lags, other ones in every movement
        drawn = stream(self._seed, "central lag", side, ordinal + 1).standard_normal(len(self._central[side]))
        return list(np.clip(1 + LAG_SPREAD * drawn, 0.25, 2.0))

    def _blinks(self, stream_id: int, t_ms: Floats) -> Floats:
        per_ms = BLINK_RATE_HZ / 1e3
        out = np.zeros(len(t_ms))
        first = max(0, int((t_ms[0] - _BLINK_MS) * per_ms) // BLINK_CHUNK)
        for chunk in range(first, int(t_ms[-1] * per_ms) // BLINK_CHUNK + 1):
            for sample in blink_samples(self._case, self._seed, stream_id, chunk):
                np.maximum(out, BLINK_DRIVE * blink_envelope(t_ms - sample / per_ms), out=out)
        return out


def strength_of_halves(case: Case, *, seed: int) -> dict[Side, Floats]:
    """Factors of the drive of every pool on each half of a healthy face, shape (9,) (clinical reference 7, W13).

    `build.movement_difference_percent` is the mean difference of the frontalis between halves, in percent of the
    larger RMS; the other muscles keep the published proportion to it. What the motor units themselves differ by
    (`build.side_difference_percent`) counts toward it.
    """
    scale = case.build.movement_difference_percent / ASYMMETRY_PERCENT[Muscle.FRONTALIS]
    log_ratio = np.zeros(len(MUSCLES))
    for pool, muscle in enumerate(MUSCLES):
        mean = min(0.6, scale * ASYMMETRY_PERCENT.get(muscle, OTHER_ASYMMETRY_PERCENT) / 100)
        # mean of 1 - exp(-|d|) for d ~ N(0, sd), solved to within 1 % of the mean
        whole = mean * np.sqrt(np.pi / 2) * (1 + 0.95 * mean)
        units = case.build.side_difference_percent / 100
        sd = np.sqrt(max(whole**2 - units**2, 0.0)) / RMS_EXPONENT
        log_ratio[pool] = sd * np.clip(stream(seed, "movement asymmetry", muscle).standard_normal(), -2.5, 2.5)
    # neither half gains what the other lacks: the stronger one is the one the tables were made for
    return {Side.LEFT: np.exp(np.minimum(log_ratio, 0)), Side.RIGHT: np.exp(np.minimum(-log_ratio, 0))}
