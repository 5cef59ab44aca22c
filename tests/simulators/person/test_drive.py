"""What the nuclei command: noise of the pools, asymmetry, blinks, tone, and drive that is passed on."""

import numpy as np
import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.bank import MUSCLES
from npr_simulators.person.body_signals import blink_samples
from npr_simulators.person.case import Case, Central
from npr_simulators.person.case_file import load_case
from npr_simulators.person.common_drive import PERIOD_MS, CommonDrive
from npr_simulators.person.drive import BLINK_DRIVE, REST_DRIVE, Drive
from npr_simulators.person.habits import strength_of_halves, task_share
from npr_simulators.person.movements import Movement
from npr_simulators.person.sizes import target_mv

HEALTHY = load_case("healthy")
FRO, OOC, ZYG, OOR, MAS = (
    MUSCLES.index(m)
    for m in (
        Muscle.FRONTALIS,
        Muscle.ORBICULARIS_OCULI,
        Muscle.ZYGOMATICUS,
        Muscle.ORBICULARIS_ORIS,
        Muscle.MASSETER,
    )
)
OOC_TO_OOR = Central(source=Muscle.ORBICULARIS_OCULI, target=Muscle.ORBICULARIS_ORIS, gain=0.25, lag_ms=40)


def still(case: Case = HEALTHY, **build: float) -> Case:
    """`case` without spontaneous blinks."""
    behaviour = case.behaviour.model_copy(update={"blinks_per_minute": 0.0})
    return case.model_copy(update={"behaviour": behaviour, "build": case.build.model_copy(update=build)})


def held(task: str, *, effort: float = 1.0, ordinal: int = 1, rise_ms: float = 120.0) -> Movement:
    return Movement(1, 0, 20000.0, task, task, effort, 500.0, rise_ms, 3000.0, 160.0, ordinal)


def drive_of(case: Case, *, central: tuple[Central, ...] = (), tonic: float = 0.0) -> Drive:
    return Drive(case, seed=7, central={Side.LEFT: central}, tonic={Side.LEFT: tonic})


def test_noise_of_a_pool_has_unit_variance_and_stays_in_its_bands() -> None:
    slow, fast = CommonDrive(seed=7, side=Side.LEFT).at(1, 0, PERIOD_MS)
    for wave, low, high in ((slow, 0, 3.0), (fast, 10.0, 30.0)):
        assert wave.std(axis=1) == pytest.approx(1.0, rel=0.1)
        power = np.abs(np.fft.rfft(wave, axis=1)) ** 2
        hz = np.fft.rfftfreq(PERIOD_MS, 1e-3)
        assert power[:, (hz < low - 0.1) | (hz > high + 0.1)].sum() < 1e-6 * power.sum()


def test_pools_fluctuate_apart_and_halves_half_together() -> None:
    halves = [CommonDrive(seed=7, side=side).at(1, 0, PERIOD_MS) for side in Side]
    for left, right in zip(*halves, strict=True):
        within = np.corrcoef(left) - np.eye(len(MUSCLES))
        assert np.abs(within).max() < 0.3
        across = [np.corrcoef(a, b)[0, 1] for a, b in zip(left, right, strict=True)]
        assert np.mean(across) == pytest.approx(0.5, abs=0.1)


def test_noise_is_found_by_time_whatever_the_slicing() -> None:
    noise = CommonDrive(seed=7, side=Side.LEFT)
    whole, _ = noise.at(5, 100, 500)
    part, _ = noise.at(5, 350, 50)
    assert np.array_equal(whole[:, 250:300], part)
    assert not np.array_equal(noise.at(6, 100, 500)[0], whole)


def test_drive_is_a_function_of_time_whatever_the_slicing() -> None:
    drive = drive_of(HEALTHY, central=(OOC_TO_OOR,))
    movements = [held("close_eyes_tightly"), held("close_eyes_tightly", ordinal=2)]
    whole = drive.at(1, 0, 4000, movements)
    for side in Side:
        parts = [drive.at(1, first, 200, movements)[side] for first in range(0, 4000, 200)]
        assert np.array_equal(np.concatenate(parts, axis=1), whole[side])


def test_at_rest_every_facial_pool_idles_and_the_masseter_sleeps() -> None:
    for drive in drive_of(still()).at(1, 0, 20000, []).values():
        assert drive[:-1].mean(axis=1) == pytest.approx(REST_DRIVE, rel=0.05)
        assert not drive[MAS].any()


def test_tonic_drive_lifts_the_affected_half_only() -> None:
    drive = drive_of(still(), tonic=0.09).at(1, 0, 5000, [])
    assert drive[Side.LEFT][:-1].mean() == pytest.approx(REST_DRIVE + 0.09, rel=0.05)
    assert drive[Side.RIGHT][:-1].mean() == pytest.approx(REST_DRIVE, rel=0.05)


def test_a_held_movement_fluctuates_about_its_plateau() -> None:
    drive = drive_of(still())
    movement = held("smile_open")
    begin, end = (round(t) for t in movement.plateau_ms)
    for side, plateau in drive.plateau(movement).items():
        during = drive.at(1, begin, end - begin, [movement])[side]
        assert during[ZYG].mean() == pytest.approx(plateau[ZYG], rel=0.08)
        assert 0.03 < during[ZYG].std() / during[ZYG].mean() < 0.13
        assert drive.spread(movement)[side][ZYG] == pytest.approx(0.078 * plateau[ZYG], rel=0.02)


def test_a_careless_patient_holds_less_steadily() -> None:
    spreads = []
    for sloppiness in (0.0, 0.9):
        behaviour = still().behaviour.model_copy(update={"sloppiness": sloppiness})
        case = still().model_copy(update={"behaviour": behaviour})
        spreads.append(drive_of(case).spread(held("pucker"))[Side.LEFT][OOR])
    assert spreads[1] > 2 * spreads[0]


def test_a_spontaneous_blink_drives_both_eyes_when_the_body_says_so() -> None:
    onsets = np.concatenate([blink_samples(HEALTHY, 7, 1, chunk) for chunk in range(300)]) / 20
    assert 5 <= len(onsets) <= 30
    for drive in drive_of(HEALTHY).at(1, 0, 60000, []).values():
        closing = drive[OOC] > 0.3
        begun = np.flatnonzero(closing[1:] & ~closing[:-1]) + 1
        assert len(begun) == len(onsets)
        assert np.all((begun - onsets > 0) & (begun - onsets < 40))
        assert drive[OOC].max() == pytest.approx(BLINK_DRIVE, rel=0.25)
        assert drive[ZYG].max() < 0.06


def test_re_weighted_drive_follows_its_source_after_its_lag() -> None:
    movement = held("close_eyes_tightly", rise_ms=20.0)
    drive = drive_of(still(), central=(OOC_TO_OOR,)).at(1, 0, 4000, [movement])
    plateau = drive_of(still(), central=(OOC_TO_OOR,)).plateau(movement)
    source, target = drive[Side.LEFT][OOC], drive[Side.LEFT][OOR]
    assert plateau[Side.LEFT][OOR] == pytest.approx(REST_DRIVE + 0.25 * plateau[Side.LEFT][OOC], abs=0.002)
    assert plateau[Side.RIGHT][OOR] == pytest.approx(REST_DRIVE, abs=0.002)
    rises = [int(np.flatnonzero(d > (d[:400].mean() + d[1000:3000].mean()) / 2)[0]) for d in (source, target)]
    assert 10 <= rises[1] - rises[0] <= 66


def test_the_lag_of_re_weighted_drive_changes_from_movement_to_movement() -> None:
    drive = drive_of(still(), central=(OOC_TO_OOR,))
    late = []
    for ordinal in range(12):
        target = drive.at(1, 0, 1500, [held("close_eyes_tightly", ordinal=ordinal, rise_ms=20.0)])[Side.LEFT][OOR]
        late.append(int(np.flatnonzero(target > 0.12)[0]))
    assert 3 < np.std(late) < 25
    assert np.mean(late) == pytest.approx(550, abs=15)


def test_asymmetry_of_movement_is_that_of_healthy_people() -> None:
    # units alone as healthy_bank sizes them, then the drive: W13, n = 154
    case = still(side_difference_percent=15.0, movement_difference_percent=18.3)
    published = {
        Muscle.FRONTALIS: (81.70, 14.60),
        Muscle.ZYGOMATICUS: (73.74, 19.12),
        Muscle.ORBICULARIS_ORIS: (79.72, 14.77),
    }
    people = range(400)
    ratios = {muscle: [] for muscle in published}
    for seed in people:
        sizes = {side: target_mv(case.build, seed=seed, side=side) for side in Side}
        strength = strength_of_halves(case, seed=seed)
        for muscle in published:
            left, right = (sizes[s][muscle] * strength[s][MUSCLES.index(muscle)] for s in Side)
            ratios[muscle].append(100 * min(left, right) / max(left, right))
    for muscle, (mean, sd) in published.items():
        assert np.mean(ratios[muscle]) == pytest.approx(mean, abs=2 * np.sqrt(sd**2 / 154 + sd**2 / 400)), muscle


def test_uneven_motor_units_are_made_up_for_by_the_drive() -> None:
    case = still(side_difference_percent=56.0, movement_difference_percent=18.3)
    units, moved = [], []
    for seed in range(200):
        sizes = {side: target_mv(case.build, seed=seed, side=side) for side in Side}
        strength = strength_of_halves(case, seed=seed)
        log_units = np.log(sizes[Side.LEFT][Muscle.FRONTALIS] / sizes[Side.RIGHT][Muscle.FRONTALIS])
        units.append(abs(log_units))
        moved.append(abs(log_units + np.log(strength[Side.LEFT][FRO] / strength[Side.RIGHT][FRO])))
    assert np.mean(moved) < 0.75 * np.mean(units)
    assert np.mean(1 - np.exp(-np.array(moved))) == pytest.approx(0.18, abs=0.03)


def test_a_symmetric_face_differs_only_by_which_half_leads() -> None:
    case = still(side_difference_percent=0.001, movement_difference_percent=0.0)
    assert strength_of_halves(case, seed=7)[Side.LEFT] == pytest.approx(np.ones(9), abs=1e-4)
    left, right = (task_share(case, "smile_open", side, seed=7)[ZYG] for side in Side)
    assert sorted([left, right]) == pytest.approx([0.72, 0.80], abs=1e-4)


def test_every_facial_pool_has_a_strength() -> None:
    strength = strength_of_halves(HEALTHY, seed=3)
    for side in Side:
        assert np.all((strength[side][: len(FACIAL_MUSCLES)] > 0.3) & (strength[side] <= 1)[: len(FACIAL_MUSCLES)])
