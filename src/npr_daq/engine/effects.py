"""What the reducer wants done, as values: the runner acts on them in order, and on nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from npr_daq.engine.plan import ImpedanceReading, SiteSeries
from npr_daq.operator import Notice, Prompt
from npr_daq.recording import Role
from npr_daq.stimulus import Stimulus


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


@dataclass(frozen=True, slots=True)
class MakeSafe:
    """Everything off. Stands before all else on every way out."""


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Write the site's limits into the device and read them back."""

    step: SiteSeries


@dataclass(frozen=True, slots=True)
class MeasureImpedance:
    """Read every electrode of the montage."""

    step: ImpedanceReading


@dataclass(frozen=True, slots=True)
class CaptureNoise:
    """Record the noise of a site before its first shock."""

    step: SiteSeries


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
