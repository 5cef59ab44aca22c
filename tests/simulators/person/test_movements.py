"""What a patient makes of being asked: tasks, delays, effort, mistakes, envelopes."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle
from npr_daq.errors import UsageError
from npr_simulators.person.bank import MUSCLES
from npr_simulators.person.case import Case
from npr_simulators.person.case_file import load_case
from npr_simulators.person.movements import EARLIEST_MS, Movement, movement_for
from npr_simulators.person.tasks import (
    CONFUSED_WITH,
    CONTRALATERAL_SHARE,
    DRIVE_AT_FULL_EFFORT,
    PRIME_MOVER,
    TASKS,
    task_drive,
)

ACTIVE = TASKS[1:]
HEALTHY = load_case("healthy")


def behaving(**changed: float) -> Case:
    return HEALTHY.model_copy(update={"behaviour": HEALTHY.behaviour.model_copy(update=changed)})


def asked(case: Case = HEALTHY, **changed: object) -> Movement:
    usual = {
        "seed": 7,
        "ordinal": 1,
        "task": "smile_open",
        "effort": 1.0,
        "seconds": 4.0,
        "stream_id": 3,
        "cue_sample": 20000,
        "rate_hz": 20000.0,
    }
    return movement_for(case, **(usual | changed))


def test_there_are_rest_and_thirteen_expressions() -> None:
    assert TASKS[0] == "rest"
    assert len(set(ACTIVE)) == 13
    assert set(DRIVE_AT_FULL_EFFORT) == set(TASKS)
    assert set(CONTRALATERAL_SHARE) == set(CONFUSED_WITH) == set(PRIME_MOVER) == set(ACTIVE)


@pytest.mark.parametrize("task", ACTIVE)
def test_the_prime_mover_of_a_task_is_driven_most(task: str) -> None:
    drive = task_drive(task)
    first, second = np.sort(drive)[::-1][:2]
    assert first > second
    assert MUSCLES[int(drive.argmax())] is PRIME_MOVER[task]
    assert PRIME_MOVER[task] in FACIAL_MUSCLES
    assert 0 <= drive.min() <= drive.max() <= 1


def test_tasks_have_the_prime_movers_of_the_clinical_reference() -> None:
    assert PRIME_MOVER["wrinkle_forehead"] is Muscle.FRONTALIS
    assert PRIME_MOVER["close_eyes_tightly"] is PRIME_MOVER["blink"] is Muscle.ORBICULARIS_OCULI
    assert PRIME_MOVER["snarl"] is Muscle.NASALIS
    assert PRIME_MOVER["smile_open"] is Muscle.ZYGOMATICUS
    assert PRIME_MOVER["pucker"] is PRIME_MOVER["blow_cheeks"] is Muscle.ORBICULARIS_ORIS
    assert PRIME_MOVER["depress_lower_lip"] is Muscle.DEPRESSOR_ANGULI_ORIS
    assert PRIME_MOVER["tense_platysma"] is Muscle.PLATYSMA


def test_a_mistake_is_another_active_task() -> None:
    for task, others in CONFUSED_WITH.items():
        assert task not in others
        assert set(others) <= set(ACTIVE)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"task": "smile_opem"}, "did you mean 'smile_open'"),
        ({"task": "xyz"}, "tasks are rest, wrinkle_forehead"),
        ({"effort": 1.2}, "effort is 1.2; give 0 to 1 of the maximum"),
        ({"effort": float("nan")}, "effort is nan"),
        ({"seconds": 0.0}, "seconds is 0; give 0.2 to 60 s"),
        ({"seconds": 600.0}, "give 0.2 to 60 s"),
        ({"rate_hz": 0.0}, "rate_hz is 0"),
        ({"cue_sample": -1}, "cue_sample is -1"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(changed: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        asked(**changed)


@given(
    ordinal=st.integers(0, 500),
    task=st.sampled_from(ACTIVE),
    effort=st.floats(0, 1),
    seconds=st.floats(0.2, 60),
    sloppiness=st.floats(0, 1),
)
def test_no_movement_begins_before_a_face_can_react(
    ordinal: int, task: str, effort: float, seconds: float, sloppiness: float
) -> None:
    case = behaving(sloppiness=sloppiness, effort_spread=1.0)
    made = asked(case, ordinal=ordinal, task=task, effort=effort, seconds=seconds)
    assert made.delay_ms >= EARLIEST_MS
    assert 0 <= made.effort <= 1
    assert min(made.rise_ms, made.hold_ms, made.fall_ms) > 0
    assert made.onset_ms == 1000 + made.delay_ms
    level = made.envelope(np.linspace(0, made.end_ms + 100, 700))
    assert 0 <= level.min() <= level.max() <= 1
    assert not made.envelope(np.array([0, made.onset_ms, made.end_ms + 1e-6])).any()
    json.dumps(made.as_json())


def test_equal_arguments_give_the_same_movement_and_other_ordinals_another() -> None:
    assert asked() == asked()
    assert len({asked(ordinal=k).delay_ms for k in range(20)}) == 20


def test_a_movement_lasts_about_as_long_as_it_was_asked_for() -> None:
    held = np.array([asked(ordinal=k).end_ms - asked(ordinal=k).onset_ms for k in range(200)])
    assert np.median(held) == pytest.approx(4000, rel=0.08)


def test_effort_follows_the_patient_and_spreads_as_told() -> None:
    case = behaving(effort=0.6, effort_spread=0.1)
    given_ = np.array([asked(case, ordinal=k).effort for k in range(400)])
    assert given_.mean() == pytest.approx(0.6, rel=0.02)
    assert given_.std() / given_.mean() == pytest.approx(0.1, rel=0.2)
    assert len({asked(behaving(effort_spread=0.0), ordinal=k).effort for k in range(5)}) == 1


def test_a_careless_patient_is_late_and_starts_gradually() -> None:
    slack, neat = ([asked(behaving(sloppiness=s), ordinal=k) for k in range(100)] for s in (0.8, 0.0))
    assert np.median([m.delay_ms for m in slack]) > 1.5 * np.median([m.delay_ms for m in neat])
    assert np.median([m.rise_ms for m in slack]) > 1.5 * np.median([m.rise_ms for m in neat])


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_wrong_task_comes_as_often_as_the_patient_is_mistaken(share: float) -> None:
    made = [asked(behaving(wrong_task=share), ordinal=k) for k in range(400)]
    wrong = [m.performed for m in made if m.performed != m.task]
    assert abs(len(wrong) / 400 - share) < 0.07
    assert set(wrong) <= set(CONFUSED_WITH["smile_open"])


def test_rest_is_never_mistaken() -> None:
    assert all(asked(behaving(wrong_task=1.0), task="rest", ordinal=k).performed == "rest" for k in range(20))


def test_a_series_of_blinks_is_a_series_of_short_bursts() -> None:
    made = asked(behaving(wrong_task=0.0), task="blink", seconds=5.0)
    level = made.envelope(np.arange(0, made.end_ms + 1000))
    begun = np.flatnonzero((level[1:] > 0) & (level[:-1] == 0)) + 1
    assert len(begun) == len(made.bursts_ms) >= 4
    assert begun == pytest.approx(made.bursts_ms, abs=1.01)
    assert level.max() == pytest.approx(1.0)
    assert np.mean(level > 0) < 0.2


def test_the_clock_of_a_slow_stream_is_its_own() -> None:
    slow = asked(cue_sample=2000, rate_hz=2000.0)
    assert slow.onset_ms == asked().onset_ms
