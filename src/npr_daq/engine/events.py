"""What can happen to a run, as values: the only input of the reducer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from npr_daq.engine.reading import Reading
from npr_daq.operator import Answer, PromptKind

StopCause = Literal["operator", "interrupted", "terminated"]


@dataclass(frozen=True, slots=True)
class Begin:
    """The run begins."""


@dataclass(frozen=True, slots=True)
class ImpedanceRead:
    """The electrodes were read; one JSON-safe row per channel."""

    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """The device holds the site's limits, read back."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The operator answered."""

    prompt: PromptKind
    answer: Answer


@dataclass(frozen=True, slots=True)
class NoiseCaptured:
    """The noise of the step is in the journal."""


@dataclass(frozen=True, slots=True)
class RestRecorded:
    """The rest of the step is in the journal, and what it says was written."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Repetition `number` is over, judged and durable; `flaws` are what is wrong with it, none where it counts.

    `explained` where an interruption broke into the rest behind it; it follows as its own event.
    """

    number: int
    flaws: tuple[str, ...] = ()
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """The time for the shock has come and the pulse is programmed; nothing is armed."""

    stim_seq: int


@dataclass(frozen=True, slots=True)
class IntentDurable:
    """The intent of this shock survives a power cut. Only now may it be fired."""

    stim_seq: int


@dataclass(frozen=True, slots=True)
class Swept:
    """The shock was delivered and its sweep is durable as number `reading.n`.

    `trusted` says that the delivered current was within 10 % of the requested.
    """

    stim_seq: int
    reading: Reading
    trusted: bool
    delivered_ma: float
    reasons: tuple[str, ...] = ()
    interval_s: float | None = None
    """From the last onset to this one, by the markers; None for the first of a stream."""


@dataclass(frozen=True, slots=True)
class ShotRefused:
    """Nothing was delivered, and the journal says so: the device said no, or an interruption came before it was armed.

    `explained` where an interruption is the reason; it follows as its own event.
    """

    stim_seq: int
    text: str
    explained: bool = False


@dataclass(frozen=True, slots=True)
class ShotLost:
    """The shock has no sweep. `delivered` is None where nobody can know; it is never repeated.

    `explained` where an interruption is the reason; it follows as its own event.
    """

    stim_seq: int
    text: str
    delivered: bool | None
    explained: bool


@dataclass(frozen=True, slots=True)
class Tripped:
    """The device made itself safe: watchdog, interlock, samples that stopped. No fault."""

    text: str


@dataclass(frozen=True, slots=True)
class Latched:
    """The device's fault is latched."""

    text: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The latched fault was cleared."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The device answers and samples flow again."""


@dataclass(frozen=True, slots=True)
class PausePressed:
    """The operator wants a pause."""

    text: str


@dataclass(frozen=True, slots=True)
class Enough:
    """No more of this step, no shock and no repetition: the patient wants none, or the operator."""

    text: str


@dataclass(frozen=True, slots=True)
class StopPressed:
    """The operator, Ctrl-C or SIGTERM ends the run."""

    cause: StopCause
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """Something broke that a run cannot go on from: the line, the disk, the program."""

    error: Exception = field(repr=False)
    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Everything was put away in good order."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What could be saved after a fault is saved."""


Event = (
    Begin
    | ImpedanceRead
    | LimitsSet
    | Answered
    | NoiseCaptured
    | RestRecorded
    | Repeated
    | Prepared
    | IntentDurable
    | Swept
    | ShotRefused
    | ShotLost
    | Tripped
    | Latched
    | Acknowledged
    | Resumed
    | PausePressed
    | Enough
    | StopPressed
    | Failed
    | Closed
    | Salvaged
)
