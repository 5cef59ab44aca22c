"""Repetitions that are judged at once: every flaw provoked once, and what must not be called a flaw."""

from dataclasses import dataclass
from time import process_time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from npr_daq.analysis.repetitions import Flaw
from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.calibration import MISSING, Calibration, ChannelCalibration
from npr_daq.engine.contact import mains_uv, out_of_range
from npr_daq.engine.movement_measurement import NAMED_AT_MOST, MovementMeasurement
from npr_daq.expression import Task
from npr_daq.montage import standard_montage

RATE = 2000.0
CUE, RELEASE, LENGTH = 2000, 8000, 11_000
MONTAGE = standard_montage()
CHANNEL = ChannelCalibration(
    lsb_nv=5.0, offset_nv=0.0, gain_ppm_per_k=0.0, group_delay_samples=1.66, input_kohm=1_000_000
)
CALIBRATION = Calibration("1", 1, 0, (CHANNEL,) * 16, (), b"")
NOISE = np.random.default_rng(1).standard_normal((16, 40_000))
EMG = signal.sosfilt(signal.butter(2, (60, 300), "bandpass", fs=RATE, output="sos"), NOISE)
EMG /= EMG.std(axis=1, keepdims=True)

CLOSE = {Muscle.ORBICULARIS_OCULI: 150.0, Muscle.ZYGOMATICUS: 15.0, Muscle.NASALIS: 15.0}
SMILE = {Muscle.ZYGOMATICUS: 200.0, Muscle.ORBICULARIS_ORIS: 30.0, Muscle.DEPRESSOR_ANGULI_ORIS: 20.0}
PUCKER = {Muscle.ORBICULARIS_ORIS: 180.0, Muscle.MENTALIS: 60.0}


def row(side: Side, muscle: Muscle) -> int:
    return MONTAGE.row(side, muscle)


@dataclass
class Try:
    """One repetition in microvolts: both sides move alike from 0.3 s after the cue to 0.3 s after the release."""

    uv: NDArray[np.float64]

    @classmethod
    def of(
        cls, levels: dict[Muscle, float], *, left: float = 1.0, right: float = 1.0, held_s: float = 3.0, at: int = 0
    ) -> "Try":
        since = np.arange(LENGTH) / RATE - 1.3
        drive = np.clip(np.minimum(since, held_s - since) / 0.1 + 0.5, 0, 1)
        uv = 2.0 * EMG[:, at : at + LENGTH]
        for side, share in ((Side.LEFT, left), (Side.RIGHT, right)):
            for muscle, level in levels.items():
                uv[row(side, muscle)] += share * level * drive * EMG[row(side, muscle), 7000 + at : 7000 + at + LENGTH]
        return cls(uv)

    @property
    def counts(self) -> NDArray[np.int32]:
        return np.rint(self.uv * 1e3 / CHANNEL.lsb_nv).astype(np.int32)


@pytest.fixture
def measurement() -> MovementMeasurement:
    made = MovementMeasurement(MONTAGE, CALIBRATION)
    made.learn_rest(Try(2.0 * EMG[:, 19_000:39_000]).counts, RATE)
    return made


def judged(
    measurement: MovementMeasurement, made: Try | NDArray[np.int32], task: Task = Task.SMILE_OPEN
) -> tuple[str, ...]:
    counts = made.counts if isinstance(made, Try) else made
    return measurement.judge(task, counts, RATE, cue_sample=CUE, release_sample=RELEASE)


def test_a_good_repetition_is_accepted_whichever_side_is_weak(measurement: MovementMeasurement) -> None:
    for left, right in ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0)):
        assert judged(measurement, Try.of(SMILE, left=left, right=right)) == ()


def test_a_twitch_of_the_weak_side_hides_no_movement_of_the_other(measurement: MovementMeasurement) -> None:
    for weak, left, right in ((Side.LEFT, 0.0, 0.15), (Side.RIGHT, 0.15, 0.0)):
        made = Try.of(SMILE, left=left, right=right)
        made.uv[row(weak, Muscle.ZYGOMATICUS), 4000:4200] *= 4
        assert judged(measurement, made) == ()


def test_every_flaw_of_the_movement_is_named(measurement: MovementMeasurement) -> None:
    cases = {
        Flaw.NO_BURST: Try.of({}),
        Flaw.WEAK: Try.of({Muscle.ZYGOMATICUS: 7.0}),
        Flaw.SHORT: Try.of(SMILE, held_s=0.3),
    }
    for flaw, made in cases.items():
        assert judged(measurement, made) == (flaw.value,), flaw


def test_only_gross_unsteadiness_is_named(measurement: MovementMeasurement) -> None:
    time_s = np.arange(LENGTH) / RATE
    for depth, found in ((0.4, ()), (1.0, (Flaw.UNSTEADY.value,))):
        made = Try.of(SMILE)
        # The eyes are left as they are: pulses on both of them would be blinks.
        faces = [k for k, channel in enumerate(MONTAGE.channels) if channel.muscle is not Muscle.ORBICULARIS_OCULI]
        made.uv[faces] *= np.where(np.sin(2 * np.pi * 2 * time_s) > -0.5, 1 - depth, 1 + 3 * depth)
        made.uv += 2.0 * EMG[:, 20_000 : 20_000 + LENGTH]
        assert judged(measurement, made) == found


def test_a_gap_is_named_on_the_plateau_however_short_and_elsewhere_if_it_is_long(
    measurement: MovementMeasurement,
) -> None:
    for first, length, found in ((5000, 20, True), (2400, 100, False), (2100, 400, True), (500, 300, False)):
        counts = Try.of(SMILE).counts
        counts[row(Side.LEFT, Muscle.MENTALIS), first : first + length] = MISSING
        assert judged(measurement, counts) == ((Flaw.GAP.value,) if found else ())
    assert judged(measurement, np.full((16, LENGTH), MISSING, dtype=np.int32)) == (Flaw.GAP.value,)


def test_an_input_at_its_limit_is_named(measurement: MovementMeasurement) -> None:
    clipped = Try.of(SMILE).counts
    np.clip(clipped[3], -30_000, 30_000, out=clipped[3])
    tugged = Try.of(SMILE)
    tugged.uv[5, 5000:] += 40e3 * np.exp(-np.arange(LENGTH - 5000) / 64)
    for bad in (clipped, tugged.counts):
        assert judged(measurement, bad) == (Flaw.SATURATED.value,)
    assert not out_of_range(Try.of(SMILE).counts, Try.of(SMILE).uv).any()


def test_a_loose_electrode_is_named_until_it_is_clear_that_nobody_mends_it(measurement: MovementMeasurement) -> None:
    loose = Try.of(CLOSE)
    hum = 160 * np.sin(2 * np.pi * 50.02 * np.arange(LENGTH) / RATE)
    loose.uv[row(Side.LEFT, Muscle.ORBICULARIS_OCULI)] += hum
    word = ("loose electrode: left orbicularis oculi",)
    close = Task.CLOSE_EYES_TIGHTLY
    assert [judged(measurement, loose, close) for _ in range(NAMED_AT_MOST)] == [word] * NAMED_AT_MOST
    assert judged(measurement, loose, close) == ()
    # Mended for once, it is worth a word again; and with it what else was wrong.
    assert judged(measurement, Try.of(CLOSE), close) == ()
    loose.uv[:] = Try.of({}).uv
    loose.uv[row(Side.LEFT, Muscle.ORBICULARIS_OCULI), 6000:] += hum[6000:]
    assert judged(measurement, loose, close) == (*word, Flaw.NO_BURST.value)


def test_a_strong_muscle_does_not_hum(measurement: MovementMeasurement) -> None:
    strong = 400 * EMG[:, :4000]
    assert mains_uv(strong, RATE, quiet=((0, 2000), (2000, 4000))).max() == 0.0
    sixty = 30 * np.sqrt(2) * np.sin(2 * np.pi * 60 * np.arange(2000) / RATE)
    assert mains_uv(sixty[None], RATE, quiet=((0, 2000),)) == pytest.approx([30.0], rel=0.01)
    assert mains_uv(sixty[None, :300], RATE, quiet=((0, 300),)).max() == 0.0


def test_blinks_over_half_of_the_plateau_are_named_where_the_eyes_should_be_open(
    measurement: MovementMeasurement,
) -> None:
    smile, close = Try.of(SMILE), Try.of(CLOSE)
    for side in Side:
        eye = row(side, Muscle.ORBICULARIS_OCULI)
        for begin in range(3000, 8000, 1000):
            smile.uv[eye, begin : begin + 200] += 60 * EMG[eye, :200]
            close.uv[eye, begin : begin + 200] += 600 * EMG[eye, :200]
    assert judged(measurement, smile) == (Flaw.BLINKS.value,)
    assert Flaw.BLINKS not in judged(measurement, close, Task.CLOSE_EYES_GENTLY)


def test_another_movement_is_named_once_the_tasks_are_known(measurement: MovementMeasurement) -> None:
    tasks = {Task.CLOSE_EYES_TIGHTLY: CLOSE, Task.SMILE_OPEN: SMILE, Task.PUCKER: PUCKER}
    for task, levels in tasks.items():
        for number in range(3):
            assert judged(measurement, Try.of(levels, at=500 * number), task) == ()
    half_right = {**PUCKER, Muscle.ZYGOMATICUS: 25.0}
    for wrong in (Try.of(PUCKER, left=0.3), Try.of(half_right)):
        assert judged(measurement, wrong, Task.SMILE_OPEN) == (Flaw.OTHER.value,)
    assert judged(measurement, Try.of(SMILE, left=0.3), Task.SMILE_OPEN) == ()
    assert judged(measurement, Try.of({}), Task.SMILE_OPEN) == (Flaw.NO_BURST.value,)


def test_a_series_of_blinks_is_neither_short_nor_unsteady(measurement: MovementMeasurement) -> None:
    blinks = Try.of({})
    for begin in range(2600, 8000, 1800):
        blinks.uv[:, begin : begin + 250] += 100 * EMG[:, :250] * np.array([[c == 1] for c in range(8)] * 2)
    assert list(FACIAL_MUSCLES)[1] is Muscle.ORBICULARIS_OCULI
    assert judged(measurement, blinks, Task.BLINK) == ()
    blinks.uv[:, 4000:] = Try.of({}).uv[:, 4000:]
    assert judged(measurement, blinks, Task.BLINK) == (Flaw.SHORT.value,)  # one alone is no series
    assert judged(measurement, Try.of({}), Task.BLINK) == (Flaw.NO_BURST.value,)


def test_a_channel_without_any_noise_stops_nothing(measurement: MovementMeasurement) -> None:
    measurement.learn_rest(np.zeros((16, 20_000), dtype=np.int32), RATE)
    assert judged(measurement, Try.of(SMILE)) == ()


def test_without_a_rest_the_time_before_the_cue_is_the_rest() -> None:
    fresh = MovementMeasurement(MONTAGE, CALIBRATION)
    assert judged(fresh, Try.of(SMILE)) == ()
    assert judged(fresh, Try.of({})) == (Flaw.NO_BURST.value,)


def test_a_montage_without_the_prime_mover_says_nothing_of_the_burst() -> None:
    small = standard_montage((Muscle.FRONTALIS, Muscle.MENTALIS), name="small")
    found = MovementMeasurement(small, CALIBRATION).judge(
        Task.SMILE_OPEN, Try.of(SMILE).counts[:4], RATE, cue_sample=CUE, release_sample=RELEASE
    )
    assert found == ()


def test_a_repetition_is_judged_within_the_pause_after_it(measurement: MovementMeasurement) -> None:
    made = np.concatenate([Try.of(SMILE).counts, Try.of({}).counts[:, :5000]], axis=1)
    taken = []
    for _ in range(5):
        begin = process_time()
        judged(measurement, made)
        taken.append(process_time() - begin)
    assert min(taken) < 0.05  # 10 ms on an ordinary machine


def test_a_channel_without_a_signal_is_named(measurement: MovementMeasurement) -> None:
    counts = Try.of(SMILE).counts
    counts[row(Side.LEFT, Muscle.ZYGOMATICUS), 3_000:6_000] = 12_345
    assert judged(measurement, counts) == ("no signal: left zygomaticus",)
