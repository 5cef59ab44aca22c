import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import UsageError
from npr_simulators.person.case import Case
from npr_simulators.person.case_file import load_case
from npr_simulators.person.course import central_now, effective

CENTRAL = {"source": "orbicularis_oculi", "target": "orbicularis_oris", "gain": 0.4}
LESION = {
    "degeneration": 0.8,
    "regrown": 0.75,
    "block": 1.0,
    "velocity": 0.5,
    "dispersion_ms": 1.0,
    "sprouting": 0.6,
    "misdirection": 0.4,
    "bifurcation": 0.2,
    "ephapse": 0.1,
    "tonic": 0.1,
    "reflex_gain": 2.0,
}


@pytest.fixture(scope="module")
def case() -> Case:
    told = load_case("healthy").model_dump() | {"lesion": LESION, "central": [CENTRAL]}
    told["intake"] = told["intake"] | {"affected": "lesion"}
    return Case.model_validate(told)


def test_without_a_day_the_values_hold_as_they_are(case):
    assert effective(case, case.lesion) == case.lesion
    assert central_now(case) == case.central


def test_the_second_day_has_a_block_and_no_degeneration_yet(case):
    """Before 72 h the distal response is falsely good (simulation reference 3.1)."""
    now = effective(case.at(2), case.lesion)
    assert now.degeneration.buccal < 0.1
    assert now.block.buccal > 0.99
    assert effective(case.at(0), case.lesion).block.buccal == 1
    assert now.regrown.buccal < 0.001
    assert central_now(case.at(2))[0].gain < 0.002


def test_degeneration_is_complete_after_ten_days_and_half_done_at_day_four_and_a_half(case):
    assert effective(case.at(4.5), case.lesion).degeneration.buccal == pytest.approx(0.4)
    assert effective(case.at(10), case.lesion).degeneration.buccal == pytest.approx(0.8, abs=0.01)


def test_after_two_years_everything_is_as_the_file_says_and_the_block_is_gone(case):
    now = effective(case.at(730), case.lesion)
    assert now.degeneration.values() == pytest.approx(case.lesion.degeneration.values())
    assert now.regrown.values() == pytest.approx(case.lesion.regrown.values(), abs=1e-3)
    assert now.block.values() == pytest.approx([0] * 5, abs=1e-6)
    assert (now.velocity, now.dispersion_ms) == pytest.approx((1, 0), abs=1e-3)
    assert (now.sprouting, now.ephapse, now.tonic, now.reflex_gain) == pytest.approx((0.6, 0.1, 0.1, 2.0), abs=1e-3)
    assert central_now(case.at(730))[0].gain == pytest.approx(0.4, abs=1e-3)


def test_long_nerves_are_reached_last_and_tone_comes_after_regrowth(case):
    now = effective(case.at(160), case.lesion)
    assert now.regrown.cervical > now.regrown.zygomatic > now.regrown.temporal
    assert now.tonic / 0.1 < now.regrown.temporal / 0.75


@given(days=st.tuples(st.floats(0, 3650), st.floats(0, 3650)))
def test_nothing_that_grows_ever_shrinks(case, days):
    early, late = (effective(case.at(day), case.lesion) for day in sorted(days))
    for name in ("degeneration", "regrown"):
        pairs = zip(getattr(early, name).values(), getattr(late, name).values(), strict=True)
        assert all(a <= b + 1e-12 for a, b in pairs)
    for name in ("velocity", "sprouting", "ephapse", "tonic", "reflex_gain"):
        assert getattr(early, name) <= getattr(late, name) + 1e-12
    assert late.block.buccal <= early.block.buccal + 1e-12


def test_training_lowers_tone_and_re_weighted_drive_and_nothing_else(case):
    plain, trained = case.at(365), case.at(365, training_weeks=26)
    before, after = effective(plain, case.lesion), effective(trained, case.lesion)
    assert after.tonic == pytest.approx(0.52 * before.tonic, rel=0.05)
    assert after == before.model_copy(update={"tonic": after.tonic})
    assert central_now(trained)[0].gain == pytest.approx(0.52 * central_now(plain)[0].gain, rel=0.05)


def test_training_also_works_without_a_day(case):
    course = case.course.model_copy(update={"training_weeks": 8.0, "training_response": 1.0})
    trained = case.model_copy(update={"course": course})
    assert central_now(trained)[0].gain == pytest.approx(0.4 * 0.368, rel=0.01)
    assert effective(trained, case.lesion).tonic == pytest.approx(0.1 * 0.368, rel=0.01)


def test_another_day_is_told_at_the_intake(case):
    assert case.at(120).intake.days_since_onset == 120
    assert case.at(120).course.day == 120
    assert load_case("healthy").at(120).intake.days_since_onset is None


def test_training_stays_unless_it_is_named(case):
    trained = case.at(100, training_weeks=12)
    assert trained.at(200).course.training_weeks == 12
    assert trained.at(200, training_weeks=0).course.training_weeks == 0


@pytest.mark.parametrize(("day", "weeks"), [(-1, None), (4000, None), (float("nan"), None), (10, -2), (10, 600)])
def test_a_day_off_the_clock_is_one_clear_sentence(case, day, weeks):
    with pytest.raises(UsageError, match=r"a course runs from day 0 to 3650"):
        case.at(day, weeks)
