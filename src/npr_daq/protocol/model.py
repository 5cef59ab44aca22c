"""The strict models behind a protocol file: every key has its unit in its name, and an unknown key is an error."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from npr_daq.anatomy import SUPPLIES, Branch, Muscle, Site, TrigeminalSite
from npr_daq.expression import Task

Positive = Annotated[float, Field(ge=0.001, le=1e6)]
Rate = Annotated[float, Field(ge=0.05, le=100.0)]
Width = Annotated[float, Field(ge=1.0, le=10_000.0)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^\P{Cc}*$")]


class PlannedSide(StrEnum):
    """A side as a protocol names it: fixed, or by the lesion (resolved when the plan is compiled)."""

    LEFT = "left"
    RIGHT = "right"
    HEALTHY = "healthy"
    AFFECTED = "affected"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Limits(_Strict):
    """The `[limits]` table. Defaults are the proposals of the clinical reference 2.4 and 6.6.

    The plan refuses a value above the limits of the house or of the device; a protocol can only be stricter. With
    `unlock_reason` the caps and warning currents of the sites may rise up to the highest current of the house.
    """

    max_trunk_ma: Positive = 40.0
    max_branch_ma: Positive = 25.0
    warn_trunk_ma: Positive = 20.0
    warn_branch_ma: Positive = 12.0
    max_width_us: Width = 500.0
    max_charge_uc: Positive = 20.0
    max_energy_mj: Positive = 50.0
    max_rate_hz: Rate = 1.0
    max_shocks_per_site: Annotated[int, Field(ge=8, le=200)] = 60
    """Every shock at one site counts, those of a redo too."""
    unlock_reason: Reason | None = None
    """Why this protocol goes above the caps or warning currents of the house; one line, shown wherever it is run."""

    def cap_ma(self, site: Site) -> float:
        """The highest current at `site`; every site but the trunk has that of the branches."""
        return self.max_trunk_ma if site is Branch.TRUNK else self.max_branch_ma

    def warn_ma(self, site: Site) -> float:
        """The current above which the operator confirms once at `site`."""
        return self.warn_trunk_ma if site is Branch.TRUNK else self.warn_branch_ma


_NAME = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


class ImpedanceStep(_Strict):
    """Read the impedance of every electrode of the montage."""

    kind: Literal["impedance"]
    name: Annotated[str | None, _NAME] = None
    frequency_hz: Annotated[int, Field(ge=1, le=1000)] = 30
    max_kohm: Positive = 10.0
    max_pair_difference_kohm: Positive = 5.0


class RestStep(_Strict):
    """Record the resting face: what every muscle does unasked, and what movements are measured against."""

    kind: Literal["rest"]
    name: Annotated[str | None, _NAME] = None
    seconds: Annotated[float, Field(ge=5.0, le=300.0)] = 30.0


class MovementStep(_Strict):
    """One expression, made again and again: cue, hold, relax (clinical reference 5.2, 5). Nothing stimulates.

    A repetition with a flaw that is seen at once is made again, at most `extra_repetitions` times in the step.
    """

    kind: Literal["movement"]
    task: Task
    name: Annotated[str | None, _NAME] = None
    repetitions: Annotated[int, Field(ge=1, le=20)] = 5
    extra_repetitions: Annotated[int, Field(ge=0, le=10)] = 3
    hold_s: Annotated[float, Field(ge=1.0, le=10.0)] = 3.0
    rest_s: Annotated[float, Field(ge=3.0, le=30.0)] = 5.0

    @field_validator("task")
    @classmethod
    def _an_expression(cls, task: Task) -> Task:
        if task is Task.REST:
            raise ValueError("rest is no movement; use a step of the kind rest")
        return task


class IncludeStep(_Strict):
    """All steps of another protocol in this place, within the stricter of both files' limits."""

    kind: Literal["include"]
    protocol: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\P{Cc}*$")]


class _WatchedSite(_Strict):
    """A step at one branch. `muscles` are those whose answer steers it; by default all that the site supplies."""

    site: Branch
    side: PlannedSide
    name: Annotated[str | None, _NAME] = None
    muscles: Annotated[tuple[Muscle, ...] | None, Field(min_length=1)] = None
    rate_hz: Rate = 1.0
    max_ma: Positive | None = None
    noise_s: Annotated[float, Field(ge=0.2, le=10.0)] = 1.0

    @property
    def watched(self) -> tuple[Muscle, ...]:
        """Muscles whose answer steers the step."""
        return SUPPLIES[self.site] if self.muscles is None else tuple(dict.fromkeys(self.muscles))


class ConductionStep(_WatchedSite):
    """Stimulate one site: 1 s of noise, supramaximal search, accepted sweeps. Every channel is recorded."""

    kind: Literal["conduction"]
    width_us: Width = 200.0
    start_ma: Annotated[float, Field(ge=0.1, le=1000.0)] = 2.0
    accepted_sweeps: Annotated[int, Field(ge=3, le=30)] = 5
    extra_sweeps: Annotated[int, Field(ge=0, le=10)] = 3


class CrosstalkStep(_WatchedSite):
    """What the electrodes pick up of neighbours: a branch stimulated, every channel recorded (clinical reference 5.5).

    The search and the sweeps are those of a conduction step, on the healthy side by default.
    """

    kind: Literal["crosstalk"]
    side: PlannedSide = PlannedSide.HEALTHY
    width_us: Width = 200.0
    start_ma: Annotated[float, Field(ge=0.1, le=1000.0)] = 2.0
    accepted_sweeps: Annotated[int, Field(ge=3, le=30)] = 3
    extra_sweeps: Annotated[int, Field(ge=0, le=10)] = 3


class _SupraMaximal(_WatchedSite):
    """A step whose shocks are given at `supramaximal_factor` times the first maximal current, within the cap."""

    width_us: Width = 200.0
    start_ma: Annotated[float, Field(ge=0.1, le=1000.0)] = 2.0
    supramaximal_factor: Annotated[float, Field(ge=1.0, le=1.5)] = 1.2


class LateStep(_SupraMaximal):
    """Late responses (F wave, lateral spread): supramaximal search, then single shocks. Every channel is recorded.

    The sweeps are not judged against each other: late responses differ from shock to shock. They are given at
    `supramaximal_factor` times the first maximal current, within the cap (clinical reference 2.4 and 4.3).
    """

    kind: Literal["late"]
    sweeps: Annotated[int, Field(ge=5, le=50)] = 20
    extra_sweeps: Annotated[int, Field(ge=0, le=10)] = 3


class ReflexStep(_Strict):
    """The blink reflex: shocks to the supraorbital nerve, ten seconds or more apart (clinical reference 4.2).

    The current rises from `start_ma` to at most `max_ma` until an orbicularis oculi answers 2 of 3 shocks.
    """

    kind: Literal["reflex"]
    site: TrigeminalSite = TrigeminalSite.SUPRAORBITAL
    side: PlannedSide
    name: Annotated[str | None, _NAME] = None
    width_us: Width = 200.0
    interval_s: Annotated[float, Field(ge=10.0, le=60.0)] = 10.0
    start_ma: Annotated[float, Field(ge=0.1, le=1000.0)] = 5.0
    max_ma: Positive = 15.0
    sweeps: Annotated[int, Field(ge=5, le=20)] = 8
    """At least what a reflex is judged by."""
    extra_sweeps: Annotated[int, Field(ge=0, le=5)] = 2
    noise_s: Annotated[float, Field(ge=0.2, le=10.0)] = 2.0

    @property
    def watched(self) -> tuple[Muscle, ...]:
        """The muscle whose answer, on either side, ends the ladder."""
        return (Muscle.ORBICULARIS_OCULI,)


class TrainStep(_SupraMaximal):
    """Repetitive stimulation: supramaximal search, then `trains` of `count` shocks (clinical reference 4.4).

    The operator confirms every train, beyond the step itself. `train_rate_hz` is the rate within a train;
    `limits.max_rate_hz` holds for every other shock.
    """

    kind: Literal["train"]
    count: Annotated[int, Field(ge=5, le=10)] = 10
    trains: Annotated[int, Field(ge=1, le=5)] = 3
    train_rate_hz: Annotated[float, Field(ge=1.5, le=5.0)] = 3.0
    rest_s: Annotated[float, Field(ge=5.0, le=120.0)] = 30.0


class ExcitabilityStep(_WatchedSite):
    """The lowest current that elicits a response, at each of `widths_us` in turn (clinical reference 2.4).

    Coarse steps up to the first response that repeats, then halving between the highest current without an answer and
    the lowest with one, until they are within 5 % and the response at the upper one repeats.
    """

    kind: Literal["excitability"]
    widths_us: Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)] = (200.0,)
    start_ma: Annotated[float, Field(ge=0.1, le=1000.0)] = 1.0

    @field_validator("widths_us")
    @classmethod
    def _each_once(cls, widths_us: tuple[float, ...]) -> tuple[float, ...]:
        twice = next((width for width in widths_us if widths_us.count(width) > 1), None)
        if twice is not None:
            raise ValueError(f"each width is measured once, {twice:g} us is named twice")
        return widths_us


StimulatingStep = ConductionStep | CrosstalkStep | LateStep | ReflexStep | TrainStep | ExcitabilityStep
ContinuousStep = RestStep | MovementStep

Step = Annotated[ImpedanceStep | ContinuousStep | IncludeStep | StimulatingStep, Field(discriminator="kind")]


class Protocol(_Strict):
    """A protocol as loaded: the steps of included files stand in their places. What is below `step` is no key.

    `name` and `text` (the TOML source) come from the file; the rest is what its include steps brought, see
    `protocol.include`.
    """

    title: Annotated[str, Field(min_length=1, max_length=120)]
    purpose: Annotated[str, Field(min_length=1, max_length=600)]
    version: Annotated[int, Field(ge=1)]
    montage: Annotated[str, Field(min_length=1, max_length=64)]
    limits: Limits = Limits()
    step: Annotated[tuple[Step, ...], Field(min_length=1)]
    name: Annotated[str, Field(exclude=True)] = ""
    text: Annotated[str, Field(exclude=True, repr=False)] = ""
    included: Annotated[Mapping[str, str], Field(default_factory=dict, exclude=True, repr=False)]
    """Text of every included file by its name."""
    step_from: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    """Which included protocol each step comes from, "" for the file's own; empty where nothing was included."""
    step_limits: Annotated[tuple[Limits, ...], Field(exclude=True)] = ()
    """The limits of each step; empty where those of the file hold for all."""
    left_out: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    """Steps of included protocols that are not done because an earlier one does the same, in words."""

    def limits_of(self, index: int) -> Limits:
        """The limits that hold for `step[index]`: the strictest of its own file's and of all that include it."""
        return self.step_limits[index] if self.step_limits else self.limits

    @property
    def stimulates(self) -> bool:
        """Whether any step gives a shock."""
        return any(not isinstance(step, ImpedanceStep | RestStep | MovementStep) for step in self.step)
