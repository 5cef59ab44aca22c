"""What the reducer wants done, as values: the runner acts on them in order, and on nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from npr_daq.engine.plan import ImpedanceReading, MovementSeries, RestRecording, SiteSeries
from npr_daq.operator import Notice, Prompt
from npr_daq.recording import Role
from npr_daq.stimulus import Stimulus, StimulusLimits


@dataclass(frozen=True, slots=True)
class Shot:
    """One shock to be given: its number, its pulse, its place in the exam, and why."""

    stim_seq: int
    n: int
    step: SiteSeries
    stimulus: Stimulus
    role: Role
    why: Mapping[str, Any]
    attempt: int = 0
    """How often the device has refused this shock before; the margin grows with it."""
    spacing: "Spacing | None" = None
    """How far behind the last shock it comes where that is not the interval of the step: in a train, and before it."""

    @property
    def interval_s(self) -> float:
        """Time from the last shock's onset to this one's: the least, or on the sample."""
        return self.step.interval_s if self.spacing is None else self.spacing.interval_s

    @property
    def limits(self) -> StimulusLimits:
        """The limits that the device holds for this shock."""
        return self.step.limits if self.spacing is None else self.spacing.limits


@dataclass(frozen=True, slots=True)
class Spacing:
    """The time behind the last onset, kept on the sample where `exact`, else at the least."""

    interval_s: float
    exact: bool
    limits: StimulusLimits


@dataclass(frozen=True, slots=True)
class MakeSafe:
    """Everything off. Stands before all else on every way out."""


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Write the site's limits into the device and read them back: those of single shocks, or those of its trains."""

    step: SiteSeries
    limits: StimulusLimits


@dataclass(frozen=True, slots=True)
class MeasureImpedance:
    """Read every electrode of the montage."""

    step: ImpedanceReading


@dataclass(frozen=True, slots=True)
class CaptureNoise:
    """Record the noise of a site before its first shock."""

    step: SiteSeries


@dataclass(frozen=True, slots=True)
class RecordRest:
    """Record the resting face into the capture `capture`."""

    step: RestRecording
    capture: str


@dataclass(frozen=True, slots=True)
class Move:
    """Let the patient make repetition `number`: cue, hold, release, rest; judge it and make it durable.

    `good` of the `wanted` ones were accepted before. The first of a `capture` begins it.
    """

    step: MovementSeries
    capture: str
    number: int
    good: int


@dataclass(frozen=True, slots=True)
class Prepare:
    """Wait for the interval, look for a stop, program the pulse."""

    shot: Shot


@dataclass(frozen=True, slots=True)
class Intend:
    """Write the intent and make it durable."""

    shot: Shot


@dataclass(frozen=True, slots=True)
class Fire:
    """Arm, fire once, collect report and samples, store the sweep, measure."""

    shot: Shot


@dataclass(frozen=True, slots=True)
class Ask:
    """Put a question to the operator and wait."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the operator; never waits."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """Write that an intent was not fired."""

    stim_seq: int
    status: Literal["refused"]
    text: str


@dataclass(frozen=True, slots=True)
class RecordImpedance:
    """Write the electrode readings."""

    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class RecordSearch:
    """Write the evidence of a step's search."""

    step: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordJudgement:
    """Write a decision about a stored sweep."""

    n: int
    role: Role
    reason: str


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """Write that something happened."""

    kind: str
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resume:
    """Make sure that the device answers, and start the stream anew."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Clear the latched fault, if its cause has gone."""


@dataclass(frozen=True, slots=True)
class Close:
    """Put everything away in good order: stop the stream, make the journal durable."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """Save what can be saved after a fault; nothing here may raise."""


Effect = (
    MakeSafe
    | SetLimits
    | MeasureImpedance
    | CaptureNoise
    | RecordRest
    | Move
    | Prepare
    | Intend
    | Fire
    | Ask
    | Tell
    | RecordOutcome
    | RecordImpedance
    | RecordSearch
    | RecordJudgement
    | RecordEvent
    | Resume
    | Acknowledge
    | Close
    | Salvage
)
