"""Surface EMG of movements: expected against simulated, the same samples in any portions, cues, rates, patients."""

import json
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.errors import UsageError
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import Bank, channel_rows
from npr_simulators.person.case import Case, Central
from npr_simulators.person.case_file import load_case
from npr_simulators.person.conduction import from_nucleus_ms
from npr_simulators.person.discharge import Intervals, discharge, neurones_of
from npr_simulators.person.lesions import lesioned
from npr_simulators.person.movements import EARLIEST_MS, Movement
from npr_simulators.person.resampling import BESIDE, REACH_SAMPLES, decimated, doubled
from npr_simulators.person.tasks import PRIME_MOVER
from npr_simulators.person.voluntary import BLOCK, BLOCK_MS, CHUNK, Voluntary

NAMES = [f"{side}.{muscle}" for side in Side for muscle in FACIAL_MUSCLES]
OOC, OOR = NAMES.index("left.orbicularis_oculi"), NAMES.index("left.orbicularis_oris")
MENTALIS = NAMES.index("left.mentalis")
Banks = Mapping[Side, Bank]


def still(name: str) -> Case:
    case = load_case(name)
    return case.model_copy(update={"behaviour": case.behaviour.model_copy(update={"blinks_per_minute": 0.0})})


HEALTHY = still("healthy")


@pytest.fixture(scope="module")
def banks() -> Banks:
    return {side: healthy_bank(HEALTHY, seed=7, side=side, lesion_side=Side.LEFT) for side in Side}


@pytest.fixture(scope="module")
def synkinetic(banks: Banks) -> Banks:
    return {**banks, Side.LEFT: lesioned(banks[Side.LEFT], still("synkinetic_12m").lesion, seed=7)}


def voluntary(
    banks: Banks, *, central: tuple[Central, ...] = (), tonic: float = 0.0, case: Case = HEALTHY
) -> Voluntary:
    return Voluntary(banks, case, central={Side.LEFT: central}, tonic={Side.LEFT: tonic}, seed=7)


def held(
    task: str, effort: float, *, seconds: float = 7.0, stream_id: int = 1, cue: int = 0, rate_hz: float = 2e4
) -> Movement:
    return Movement(stream_id, cue, rate_hz, task, task, effort, 200.0, 120.0, 1e3 * seconds, 160.0, 1)


def plateau(face: Voluntary, movement: Movement) -> NDArray[np.float32]:
    begin, end = (round(20 * t) for t in movement.plateau_ms)
    return face.rows(movement.stream_id, begin + 400, end - begin - 400, 2e4)


def expected(face: Voluntary, movement: Movement, who: str, what: str = "rms_uv") -> NDArray[np.float64]:
    channels = face.expected(movement)["channels"]
    return np.array([channels[name][who][what] for name in NAMES])


@pytest.mark.parametrize(("task", "effort"), [("smile_open", 0.5), ("close_eyes_tightly", 0.9), ("pucker", 0.3)])
def test_the_expected_plateau_is_what_comes(banks: Banks, task: str, effort: float) -> None:
    face = voluntary(banks)
    movement = held(task, effort)
    face.cue(movement)
    simulated = plateau(face, movement).std(axis=1)
    app = expected(face, movement, "app")
    strong = app > 3
    assert strong.sum() >= 4
    assert simulated[strong] == pytest.approx(app[strong], rel=0.10)
    assert simulated == pytest.approx(app, rel=0.30)


def test_the_expected_plateau_in_the_band_of_surface_emg_is_what_comes(banks: Banks) -> None:
    from scipy import signal

    face = voluntary(banks)
    movement = held("smile_open", 0.6)
    face.cue(movement)
    wave = plateau(face, movement).astype(float)
    for edge, kind in ((20, "high"), (450, "low")):
        wave = signal.sosfiltfilt(signal.butter(4, edge, kind, fs=2e4, output="sos"), wave, axis=1)
    app = expected(face, movement, "app", "band_uv")
    strong = app > 3
    assert wave[strong].std(axis=1) == pytest.approx(app[strong], rel=0.10)
    assert np.all(app < expected(face, movement, "app"))


def test_a_forked_axon_adds_its_branches_before_they_are_squared(synkinetic: Banks) -> None:
    face = voluntary(synkinetic)
    movement = held("close_eyes_tightly", 0.6)
    face.cue(movement)
    simulated = plateau(face, movement).std(axis=1)
    app = expected(face, movement, "app")
    strong = app > 3
    assert strong[: len(FACIAL_MUSCLES)].sum() >= 6
    assert simulated[strong] == pytest.approx(app[strong], rel=0.10)


def test_own_and_apparent_differ_by_what_is_conducted(banks: Banks) -> None:
    face = voluntary(banks)
    movement = held("wrinkle_forehead", 0.8)
    own, app = expected(face, movement, "own"), expected(face, movement, "app")
    assert np.all(own <= app * (1 + 1e-6))
    frontalis = NAMES.index("left.frontalis")
    assert own[frontalis] == pytest.approx(app[frontalis], rel=0.02)
    assert own[OOC] < 0.9 * app[OOC]


@pytest.mark.parametrize("task", PRIME_MOVER)
def test_the_prime_mover_gives_most_of_its_own_channel(banks: Banks, task: str) -> None:
    line = voluntary(banks).expected(held(task, 0.8))
    movers = [f"{side}.{PRIME_MOVER[task]}" for side in Side]
    # a healthy half may be too weak in one muscle to keep the order of the drives; the stronger half is not
    assert max(line["drive"], key=lambda name: line["drive"][name]) in movers
    for mover in movers:
        assert line["channels"][mover]["own"]["rms_uv"] > 5 * line["channels"][mover]["rest"]["rms_uv"]


def test_a_truth_line_is_json_and_says_what_was_done(banks: Banks) -> None:
    movement = held("snarl", 0.7)
    line = json.loads(json.dumps(voluntary(banks).expected(movement)))
    assert line["performed"] == "snarl"
    assert line["plateau_ms"] == list(movement.plateau_ms)
    assert set(line["channels"]) == set(NAMES)
    assert set(line["drive"]) == {f"{side}.{muscle}" for side in Side for muscle in Muscle}
    assert line["channels"]["left.nasalis"]["app"]["rms_uv"] > 20


def test_rest_is_one_to_three_microvolt(banks: Banks) -> None:
    rest = voluntary(banks).rows(1, 0, 10 * 20000, 2e4).std(axis=1)
    assert np.all((rest > 0.3) & (rest < 4))
    assert 1 < np.median(rest) < 3


def test_any_portions_give_the_same_samples(banks: Banks) -> None:
    whole, parts = voluntary(banks), voluntary(banks)
    for face in (whole, parts):
        face.cue(held("smile_closed", 0.5, seconds=1.0))
    wave = whole.rows(1, 0, 5 * BLOCK, 2e4)
    assert np.array_equal(np.hstack([parts.rows(1, k, 1000, 2e4) for k in range(0, 5 * BLOCK, 1000)]), wave)
    assert np.array_equal(np.hstack([parts.chunk(1, k) for k in range(5)]), wave)
    assert parts.chunk(1, 3).dtype == np.float32
    assert parts.chunk(1, 3).shape == (16, CHUNK)


def test_going_back_and_coming_back_from_another_stream_change_nothing(banks: Banks) -> None:
    face = voluntary(banks)
    first = face.chunk(1, 0)
    later = face.chunk(1, 30)
    assert np.array_equal(face.chunk(1, 0), first)
    assert not np.array_equal(face.chunk(2, 0), first)
    assert np.array_equal(face.chunk(1, 30), later)


def test_a_cue_leaves_everything_before_its_onset_alone(banks: Banks) -> None:
    cued, uncued = voluntary(banks), voluntary(banks)
    movement = held("pucker", 0.8, cue=5 * CHUNK + 1234)
    before = cued.chunk(1, 5)
    cued.cue(movement)
    wave = np.hstack([cued.chunk(1, k) for k in range(5, 9)])
    calm = np.hstack([uncued.chunk(1, k) for k in range(5, 9)])
    onset = round(movement.onset_ms * 20) - 5 * CHUNK
    assert np.array_equal(cued.chunk(1, 5), before)
    assert np.array_equal(wave[:, :onset], calm[:, :onset])
    assert wave[OOR, onset + 8000 :].std() > 5 * calm[OOR].std()


def test_a_cue_in_the_chunk_that_is_being_read_leaves_its_beginning_alone(banks: Banks) -> None:
    # one chunk of 2 kHz is 2 s long: the movement lies in the middle of what has been made already
    face = voluntary(banks)
    movement = held("pucker", 0.8, cue=1000, rate_hz=2000.0)
    before = face.chunk(1, 0, rate_hz=2000.0)
    face.cue(movement)
    after = face.chunk(1, 0, rate_hz=2000.0)
    heard = 1000 + round(2 * EARLIEST_MS)
    assert np.array_equal(before[:, :heard], after[:, :heard])
    assert after[OOR, 1800:].std() > 5 * before[OOR, 1800:].std()


def test_a_lower_rate_is_the_low_passed_signal_without_delay(banks: Banks) -> None:
    face = voluntary(banks)
    face.cue(held("smile_open", 0.8, seconds=3.0))
    fine = face.rows(1, 0, 4 * 20000, 2e4).astype(float)
    slow = face.rows(1, 0, 4 * 2000, 2e3)
    spectrum = np.fft.rfft(fine, axis=1)
    spectrum[:, np.fft.rfftfreq(fine.shape[1], 1 / 2e4) > 880] = 0
    ideal = np.fft.irfft(spectrum, fine.shape[1], axis=1)[:, ::10]
    middle = slice(500, 7500)
    left = slow[3, middle] - ideal[3, middle]
    assert left.std() < 0.02 * ideal[3, middle].std()
    assert np.array_equal(np.hstack([face.rows(1, k, 100, 2e3) for k in range(0, 2000, 100)]), slow[:, :2000])


@pytest.mark.parametrize(("hz", "gain"), [(50.0, 1.0), (600.0, 1.0), (1250.0, 0.0), (1950.0, 0.0), (4000.0, 0.0)])
def test_the_low_pass_keeps_what_the_lower_rate_can_carry(hz: float, gain: float) -> None:
    t = np.arange(40000) / 2e4
    wave = np.sin(2 * np.pi * hz * t)[None].astype(np.float32)
    kept = decimated(wave, 10)
    assert kept.shape[1] == (40000 - 2 * REACH_SAMPLES * 10 - 1) // 10 + 1
    assert np.sqrt(2) * kept.std() == pytest.approx(gain, abs=2e-3)


@pytest.mark.parametrize(("hz", "wrong"), [(50.0, 1e-6), (400.0, 1e-6), (1000.0, 3e-5), (2000.0, 6e-3)])
def test_samples_between_are_those_of_the_wave(hz: float, wrong: float) -> None:
    t = np.arange(2000) / 1e4
    made = doubled(np.sin(2 * np.pi * hz * t)[None].astype(np.float32))[0]
    there = np.sin(2 * np.pi * hz * (BESIDE / 1e4 + np.arange(len(made)) / 2e4))
    assert len(made) == 2 * (2000 - 2 * BESIDE)
    assert made == pytest.approx(there, abs=wrong + 2e-6)


def test_what_comes_is_the_sum_of_the_potentials_of_all_spikes(synkinetic: Banks) -> None:
    face = voluntary(synkinetic)
    face.cue(held("close_eyes_tightly", 0.8, seconds=1.0))
    wave = face.rows(1, 0, 5 * BLOCK, 2e4)
    drive = face.drive(1, 0, 5 * BLOCK_MS)
    whole = np.zeros((16, 5 * BLOCK + 2000))
    for side, bank in synkinetic.items():
        neurones, delay = neurones_of(bank), from_nucleus_ms(bank)
        intervals = Intervals(seed=7, words=(side, 1, 1), neurones=len(neurones.row))
        spikes, _ = discharge(neurones, intervals, intervals.start(), drive[side])
        for rows in (neurones.row[spikes.neurone], neurones.second[spikes.neurone]):
            for row, time_ms in zip(rows[rows >= 0], spikes.time_ms[rows >= 0], strict=True):
                begin = round((time_ms + delay[row]) * 20)
                whole[list(channel_rows(side)), begin : begin + 512] += bank.templates_uv[row]
    short = whole[:, : 5 * BLOCK]
    left = wave - short
    assert np.sqrt((left**2).mean(axis=1)) == pytest.approx(np.zeros(16), abs=2e-3 * short.std(axis=1).max())
    assert np.all(left.std(axis=1) < 0.01 * short.std(axis=1))


@pytest.mark.parametrize("rate_hz", [3000.0, 40000.0, 19999.0])
def test_a_rate_that_is_no_whole_part_is_refused(banks: Banks, rate_hz: float) -> None:
    with pytest.raises(UsageError, match="the simulated patient has 20000 Hz"):
        voluntary(banks).rows(1, 0, 100, rate_hz)


def test_axons_in_the_wrong_muscle_move_the_mouth_when_the_eye_closes(synkinetic: Banks, banks: Banks) -> None:
    movement = held("close_eyes_tightly", 0.6)
    sick, well = (expected(voluntary(b), movement, "own")[OOR] for b in (synkinetic, banks))
    assert sick > 3 * well


def test_re_weighted_drive_moves_the_mouth_of_its_half_only(banks: Banks) -> None:
    link = Central(source=Muscle.ORBICULARIS_OCULI, target=Muscle.ORBICULARIS_ORIS, gain=0.25)
    movement = held("close_eyes_tightly", 0.6)
    sick, well = (expected(voluntary(banks, central=c), movement, "own") for c in ((link,), ()))
    assert sick[OOR] > 3 * well[OOR]
    # some of its units lie across the midline
    others = [row for row in range(16) if row not in (OOR, OOR + 8)]
    assert sick[others] == pytest.approx(well[others], rel=1e-6)
    assert sick[OOR + 8] < 0.3 * sick[OOR]


def test_tone_raises_rest_several_times_on_its_half_only(banks: Banks) -> None:
    tense, calm = (expected(voluntary(banks, tonic=tonic), held("rest", 0.0), "app") for tonic in (0.09, 0.0))
    assert np.all(tense[:8] > 2.5 * calm[:8])
    far = [row for row in range(8, 16) if row not in (OOR + 8, MENTALIS + 8)]
    assert tense[far] == pytest.approx(calm[far], rel=0.15)


def test_a_blocked_nerve_moves_nothing_but_answers_a_shock(banks: Banks) -> None:
    blocked = lesioned(banks[Side.LEFT], still("day_2").lesion, seed=7)
    face = voluntary({**banks, Side.LEFT: blocked})
    app = expected(face, held("smile_open", 1.0), "own")
    assert not app[:8].max() > 0.2 * app[8:].max()
    assert blocked.alive.mean() > 0.8


def test_another_visit_is_the_same_person_moving_anew(banks: Banks) -> None:
    first, again = (Voluntary(banks, HEALTHY, central={}, tonic={}, seed=7, visit=visit) for visit in (1, 2))
    movement = held("smile_open", 0.5, seconds=3.0)
    assert first.expected(movement) == again.expected(movement)
    for face in (first, again):
        face.cue(movement)
    waves = [plateau(face, movement) for face in (first, again)]
    assert abs(np.corrcoef(waves[0][3], waves[1][3])[0, 1]) < 0.1
    assert waves[0][3].std() == pytest.approx(waves[1][3].std(), rel=0.15)
