"""The file of a simulated patient, as a clinician can read it; read strictly by `case_file`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Side

FORMAT = "npr-daq patient"
VERSION = 2
YesNo = Literal["yes", "no"]
Share = Annotated[float, Field(ge=0, le=1)]
BRANCHES = tuple(b for b in Branch if b is not Branch.TRUNK)
CELL_NAMES = (
    *("ratio_temporal", "ratio_zygomatic", "ratio_buccal", "ratio_marginal", "ratio_cervical", "onset", "r1_spread"),
    *("lateral", "tone", "q_ocular_oral", "q_oral_ocular", "q_apparent", "crosstalk", "movement", "other_side"),
    *("reach", "masseter", "contact", "shift"),
)
"""The columns of the patient matrix (`matrix.COLUMNS`, which loads the motor units)."""


class Strict(BaseModel):
    """Unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ByBranch(Strict):
    """One share per branch, 0 to 1. In a file one number stands for all five."""

    temporal: Share = 0.0
    zygomatic: Share = 0.0
    buccal: Share = 0.0
    marginal_mandibular: Share = 0.0
    cervical: Share = 0.0

    def values(self) -> tuple[float, ...]:
        """From temporal to cervical."""
        return tuple(getattr(self, branch.value) for branch in BRANCHES)

    def scaled(self, factor: float) -> "ByBranch":
        """Every share times `factor` (0 to 1)."""
        return ByBranch(**{branch.value: getattr(self, branch.value) * factor for branch in BRANCHES})


def _spread(value: Any) -> Any:
    # one number stands for all five branches
    if isinstance(value, int | float) and not isinstance(value, bool):
        return dict.fromkeys((branch.value for branch in BRANCHES), value)
    return value


Shares = Annotated[ByBranch, BeforeValidator(_spread)]


class Contraindications(Strict):
    """The patient's own answers to the questions that are asked before the first shock."""

    pacemaker_or_defibrillator: YesNo = "no"
    external_pacing_lead: YesNo = "no"
    central_line: YesNo = "no"
    implanted_stimulator: YesNo = "no"
    wound_infection_or_surgery: YesNo = "no"
    pregnancy: YesNo = "no"
    epilepsy: YesNo = "no"
    anticoagulation: YesNo = "no"


class Intake(Strict):
    """What the patient answers. `affected` is "lesion" (the side the lesion was put on), "both" or "none"."""

    age_years: int = Field(ge=16, le=100)
    sex: Literal["female", "male", "other"]
    affected: Literal["lesion", "both", "none"]
    cause: str = Field(max_length=80)
    days_since_onset: int | None = Field(default=None, ge=0)
    house_brackmann: int | None = Field(default=None, ge=1, le=6)
    sunnybrook: int | None = Field(default=None, ge=0, le=100)
    skin_temperature_c: float = Field(default=34.0, ge=20, le=40)
    consent: YesNo = "yes"
    contraindications: Contraindications = Contraindications()


class Build(Strict):
    """The face before any lesion. Distances in mm; `amplitude`, `head_size` and `motor_units` are factors."""

    head_size: float = Field(default=1.0, ge=0.7, le=1.3)
    fat_mm: float = Field(default=0.0, ge=-3, le=15)
    amplitude: float = Field(default=1.0, gt=0, le=3)
    motor_units: float = Field(default=1.0, ge=0.4, le=2)
    trunk_depth_mm: float = Field(default=16.0, ge=2, le=60)
    branch_depth_mm: float | None = Field(default=None, ge=2, le=60)
    side_difference_percent: float = Field(default=15.0, ge=0, le=70)
    movement_difference_percent: float = Field(default=18.0, ge=0, le=60)
    crosstalk: float = Field(default=1.0, ge=0, le=3)
    crosstalk_affected: float | None = Field(default=None, ge=0, le=3)
    crossed_supply: Share = 0.03
    electrode_error_mm: float = Field(default=1.0, ge=0, le=15)
    latency_error_ms: float = Field(default=0.0, ge=0, le=1)


class Lesion(Strict):
    """What is wrong with one half of the face: shares of each branch's axons, 0 to 1, when the course is complete.

    With `Course.day` unset the values hold as they are on the day of the exam.
    """

    degeneration: Shares = ByBranch()
    regrown: Shares = ByBranch()
    block: Shares = ByBranch()
    velocity: float = Field(default=1.0, ge=0.2, le=1)
    dispersion_ms: float = Field(default=0.0, ge=0, le=5)
    sprouting: Share = 0.0
    misdirection: Share = 0.0
    bifurcation: Share = 0.0
    ephapse: Share = 0.0
    prefer: Literal["any", "oculo_oral"] = "any"
    tonic: float = Field(default=0.0, ge=0, le=0.5)
    reflex_gain: float = Field(default=1.0, ge=1, le=3)
    decrement: float = Field(default=0.0, ge=0, le=0.9)


class Central(Strict):
    """Re-weighted drive: `gain` of what the pool `source` gets is added to the pool `target` of the same half."""

    source: Muscle
    target: Muscle
    gain: Share
    lag_ms: float = Field(default=20.0, ge=0, le=200)

    @model_validator(mode="after")
    def _facial(self) -> "Central":
        if not {self.source, self.target} <= set(FACIAL_MUSCLES) or self.source is self.target:
            raise ValueError("source and target are two different facial muscles")
        return self


class Course(Strict):
    """Where on the clock this exam lies. Without `day` the lesion's values hold as they are."""

    day: float | None = Field(default=None, ge=0, le=3650)
    training_weeks: float = Field(default=0.0, ge=0, le=520)
    training_response: Share = 0.5


class Behaviour(Strict):
    """How the patient follows instructions, and what she puts up with."""

    effort: Share = 0.9
    effort_spread: Share = 0.08
    sloppiness: Share = 0.15
    wrong_task: Share = 0.02
    blinks_per_minute: float = Field(default=15.0, ge=0, le=60)
    stops_above_ma: float | None = Field(default=None, gt=0, le=100)
    tolerance: float = Field(default=1.0, ge=0.1, le=10)


class Blink(Strict):
    """The arc of the blink reflex before any lesion, the same on both sides: sizes as factors, times in ms.

    R2 is the late answer of the side that was stimulated, R2c that of the other.
    """

    r1: float = Field(default=1.0, ge=0, le=3)
    r2: float = Field(default=1.0, ge=0, le=3)
    r2c: float = Field(default=1.0, ge=0, le=3)
    r1_later_ms: float = Field(default=0.0, ge=-3, le=20)
    r2_later_ms: float = Field(default=0.0, ge=-12, le=40)
    r2c_later_ms: float = Field(default=0.0, ge=-15, le=40)


class Placement(Strict):
    """How the stimulator is held: what a hand does wrong."""

    offset_mm: float = Field(default=0.0, ge=0, le=30)
    anterior_mm: float = Field(default=0.0, ge=0, le=30)
    anode_first: bool = False
    shift_mm: float = Field(default=0.0, ge=0, le=30)
    shift_at_shock: int | None = Field(default=None, ge=1)


class Skin(Strict):
    """What the electrodes pick up besides muscle, and what the amplifier makes of a shock. `artefact` is a factor."""

    noise_uv: float = Field(default=1.7, ge=0, le=50)
    mains_hz: Literal[50, 60] = 50
    hum: float = Field(default=1.0, ge=0, le=100)
    imbalance_kohm: float = Field(default=1.0, ge=0, le=20)
    wander_uv: float = Field(default=4.0, ge=0, le=500)
    ecg_uv: float = Field(default=4.0, ge=0, le=100)
    eog_uv: float = Field(default=60.0, ge=0, le=500)
    artefact: float = Field(default=1.0, ge=0, le=3)
    loose: tuple[str, ...] = ()
    cough_at_s: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _known(self) -> "Skin":
        known = [f"{side}.{muscle}" for side in ("lesion", "other") for muscle in FACIAL_MUSCLES]
        for name in self.loose:
            if name not in known:
                raise ValueError(f"loose: {name!r} is not one of {', '.join(known)}")
        return self


class Case(Strict):
    """One simulated person: who it is, what it teaches, and the numbers behind it."""

    format: Literal["npr-daq patient"] = "npr-daq patient"
    version: Literal[2]
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    teaches: str = Field(min_length=1)
    expect: str = Field(min_length=1)
    cell: str = Field(min_length=1)
    """The cell of the patient matrix that shows what this patient teaches, as `column`, e.g. `r1_spread`."""
    intake: Intake
    build: Build = Build()
    lesion: Lesion = Lesion()
    other_side: Lesion = Lesion()
    central: tuple[Central, ...] = ()
    course: Course = Course()
    behaviour: Behaviour = Behaviour()
    blink: Blink = Blink()
    placement: Placement = Placement()
    skin: Skin = Skin()

    def lesion_of(self, side: Side, lesion_side: Side) -> Lesion:
        """The lesion of one half of the face, as the file says it (see `course.effective` for the day of the exam)."""
        return self.lesion if side is lesion_side else self.other_side

    def at(self, days: float, training_weeks: float | None = None) -> "Case":
        """The same person `days` after the onset, with the lesion's values those of the complete course."""
        # the laws of the course read this file's types
        from npr_simulators.person.course import at

        return at(self, days, training_weeks)

    def answers(self, lesion_side: Side) -> dict[str, Any]:
        """The intake as the patient answers it with the lesion on `lesion_side`; JSON-safe, yes and no as booleans."""
        told = self.intake.model_dump(exclude_none=True)
        told["affected"] = {"lesion": str(lesion_side)}.get(self.intake.affected, self.intake.affected)
        told["consent"] = self.intake.consent == "yes"
        asked: Mapping[str, str] = told["contraindications"]
        told["contraindications"] = {what: said == "yes" for what, said in asked.items()}
        return told
