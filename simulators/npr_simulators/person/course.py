"""The clock of a lesion: what dies, recovers, grows back and changes in the brain, by day; and what training does."""

from math import exp

from pydantic import ValidationError

from npr_daq.errors import UsageError
from npr_simulators.person.case import ByBranch, Case, Central, Course, Lesion

WALLERIAN_DAY, WALLERIAN_DAYS = 4.5, 1.0
"""Distal excitability is lost around day 4.5 (simulation reference 3.1 [A])."""
BLOCK_DAY, BLOCK_DAYS = 30.0, 8.0
"""A block without degeneration resolves in weeks [A]."""
REMYELINATION_DAY, REMYELINATION_DAYS = 90.0, 20.0
"""Blink latency is back to normal in two to four months (81 patients, Kimura; clinical reference 2)."""
SPROUTING_DAY, SPROUTING_DAYS = 90.0, 20.0
REGROWTH_START_DAY, REGROWTH_MM_A_DAY, REGROWTH_DAYS = 30.0, 1.0, 20.0
REGROWTH_MM = (142.0, 129.0, 125.0, 128.0, 116.0)
"""Geniculate to muscle, by branch from temporal to cervical: 28 mm and the path of simulation reference 1.2. A delay of
a month and 1 mm a day [M] put the arrival at month five to six: polyphasic units are seen from month 4 to 10 (Flasar
2017)."""
EPHAPSE_DAY, EPHAPSE_DAYS = 150.0, 20.0
CENTRAL_DAY, CENTRAL_DAYS = 180.0, 30.0
TONE_DAY, TONE_DAYS = 240.0, 30.0
REFLEX_DAY, REFLEX_DAYS = 60.0, 20.0
"""Late changes: ephapse with the regrown axons, re-weighted drive after them, tone last, excitability before [A]."""
TRAINING_WEEKS = 8.0
"""Two thirds of what training can do is done after this time [A]."""


def risen(day: float, middle: float, width: float) -> float:
    """0 to 1 around `middle`: 1 / (1 + exp(-(day - middle) / width))."""
    return 1 / (1 + exp(-min(max((day - middle) / width, -60.0), 60.0)))


def fallen(day: float, middle: float, width: float) -> float:
    """1 on day 0, down to 0 around `middle`."""
    return (1 - risen(day, middle, width)) / (1 - risen(0.0, middle, width))


def untrained(course: Course) -> float:
    """What training leaves of re-weighted drive and of tone, 0 to 1."""
    return 1 - course.training_response * (1 - exp(-course.training_weeks / TRAINING_WEEKS))


def effective(case: Case, lesion: Lesion) -> Lesion:
    """`lesion` as it stands on the day of the exam; as the file says it where no day is given, but for the training."""
    left = untrained(case.course)
    day = case.course.day
    if day is None:
        return lesion if left == 1 else lesion.model_copy(update={"tonic": lesion.tonic * left})
    slow = fallen(day, REMYELINATION_DAY, REMYELINATION_DAYS)
    grown = [risen(day, REGROWTH_START_DAY + mm / REGROWTH_MM_A_DAY, REGROWTH_DAYS) for mm in REGROWTH_MM]
    return lesion.model_copy(
        update={
            "degeneration": lesion.degeneration.scaled(risen(day, WALLERIAN_DAY, WALLERIAN_DAYS)),
            "regrown": _by_branch(lesion.regrown, grown),
            "block": lesion.block.scaled(fallen(day, BLOCK_DAY, BLOCK_DAYS)),
            "velocity": 1 - (1 - lesion.velocity) * slow,
            "dispersion_ms": lesion.dispersion_ms * slow,
            "sprouting": lesion.sprouting * risen(day, SPROUTING_DAY, SPROUTING_DAYS),
            "ephapse": lesion.ephapse * risen(day, EPHAPSE_DAY, EPHAPSE_DAYS),
            "tonic": lesion.tonic * risen(day, TONE_DAY, TONE_DAYS) * left,
            "reflex_gain": 1 + (lesion.reflex_gain - 1) * risen(day, REFLEX_DAY, REFLEX_DAYS),
        }
    )


def central_now(case: Case) -> tuple[Central, ...]:
    """The re-weighted drive on the day of the exam; training lowers it."""
    day = case.course.day
    come = 1.0 if day is None else risen(day, CENTRAL_DAY, CENTRAL_DAYS)
    factor = come * untrained(case.course)
    return tuple(c if factor == 1 else c.model_copy(update={"gain": c.gain * factor}) for c in case.central)


def at(case: Case, days: float, training_weeks: float | None = None) -> Case:
    """The same person `days` after the onset; the lesion's values are then those of the complete course.

    Training stays as it was unless `training_weeks` says otherwise.
    """
    weeks = case.course.training_weeks if training_weeks is None else training_weeks
    try:
        course = Course(day=days, training_weeks=weeks, training_response=case.course.training_response)
    except ValidationError as error:
        raise UsageError(
            f"day {days:g} with {weeks:g} weeks of training: a course runs from day 0 to 3650, training to 520 weeks"
        ) from error
    intake = case.intake
    if intake.affected != "none":
        intake = intake.model_copy(update={"days_since_onset": round(days)})
    return case.model_copy(update={"course": course, "intake": intake})


def _by_branch(shares: ByBranch, factors: list[float]) -> ByBranch:
    names = list(ByBranch.model_fields)
    return ByBranch(**{n: v * f for n, v, f in zip(names, shares.values(), factors, strict=True)})
