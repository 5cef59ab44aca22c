"""The operator contract: prompts and answers as values. Terminal, page, script and simulator implement it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from npr_daq.anatomy import Side, Site


class PromptKind(StrEnum):
    """What the engine asks of the person at the bench."""

    PLACE = "place"
    """Put the stimulator at `side`, `site`."""
    RELAX = "relax"
    """Let the patient relax; the resting face is recorded next."""
    MOVE = "move"
    """A row of movements comes next; start when the patient is ready."""
    CONFIRM_CURRENT = "confirm_current"
    """The current would exceed the warning current; confirm once per site."""
    CONFIRM_TRAIN = "confirm_train"
    """A train of shocks comes next; confirm each of them (architecture: no single key starts a train)."""
    JUDGE = "judge"
    """A series is complete: accept, redo, or no response with a reason. Of movements: some are missing."""
    PAUSED = "paused"
    """The run is paused with a reason; resume, skip the site with a reason, or stop."""
    LATCHED = "latched"
    """The device's fault is latched; acknowledge after the act on the device, or stop."""


class AnswerKind(StrEnum):
    """What the person may answer."""

    DONE = "done"
    ACCEPT = "accept"
    REDO = "redo"
    NO_RESPONSE = "no_response"
    SKIP = "skip"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    RESUME = "resume"
    ACKNOWLEDGE = "acknowledge"
    PAUSE = "pause"
    ENOUGH = "enough"
    """No more shocks at this site, with the reason; what was taken stays."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question, with the answers that are allowed; `detail` carries JSON-safe numbers for display."""

    kind: PromptKind
    text: str
    choices: tuple[AnswerKind, ...]
    side: Side | None = None
    site: Site | None = None
    step: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with a reason where one is asked for."""

    kind: AnswerKind
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """News for the operator: progress, a stored sweep, a warning. `kind` is a short word, `detail` JSON-safe.

    Kinds: `plan`, `step`, `sweep` (a sweep is durable; detail has n, stim_seq, step, side, site, current_ma, role
    and the measured numbers), `impedance`, `search`, `accepted`, `warning`, `trip`, `paused`, `resumed`, `progress`,
    `train` (a train and its true rate), `fault`, `end`. Of movements: `next` (which task comes), `cue` (say it now:
    step, task, repetition, hold_s, sample), `release`, `repetition` (judged and durable: accepted, flaws),
    `envelope` (names, uv: what every channel does now).
    """

    kind: str
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class Operator(Protocol):
    """The person at the bench, or what stands for one."""

    @property
    def name(self) -> str:
        """Who it is, for the exam file."""
        ...

    def ask(self, prompt: Prompt) -> Answer:
        """Put `prompt` and wait for one of its choices; STOP is always allowed."""
        ...

    def tell(self, notice: Notice) -> None:
        """Show news; returns at once."""
        ...

    def interrupt(self) -> Answer | None:
        """STOP, PAUSE or ENOUGH if the person pressed one since the last call, else None; returns at once.

        REDO says that the last repetition of a movement was bad; it counts only while movements are recorded.
        """
        ...
