"""The steps of a plan in which nothing stimulates and the face is recorded continuously: rest and movements."""

from dataclasses import dataclass
from typing import Any, ClassVar

from npr_daq.engine.steps import StepKind
from npr_daq.expression import Task, task_words

CONTINUOUS_RATE_HZ = 2_000
"""Rate of rest and movements (architecture: step kinds)."""
LEAD_S = 2.0
"""Recorded before the first cue of a task: its name is shown, and the face is at rest."""
USUAL_EXTRA = 0.1
"""Repetitions that are made once more, as a part of those wanted; for estimates only [proposal]."""


@dataclass(frozen=True, slots=True)
class RestRecording:
    """Record the resting face."""

    kind: ClassVar[StepKind] = StepKind.REST
    name: str
    seconds: float

    @property
    def usual_s(self) -> float:
        """Device seconds that it takes."""
        return self.seconds

    @property
    def longest_s(self) -> float:
        """Device seconds that one pass takes at most."""
        return self.seconds

    def course(self) -> str:
        """What is done, in the words of a timeline."""
        return f"the face at rest, {self.seconds:g} s"

    def record(self) -> dict[str, Any]:
        """What the exam's header keeps of the step, JSON-safe."""
        return {"name": self.name, "kind": str(self.kind), "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class MovementSeries:
    """One expression again and again: cue, hold for `hold_s`, rest for `rest_s` after the release."""

    kind: ClassVar[StepKind] = StepKind.MOVEMENT
    name: str
    task: Task
    repetitions: int
    extra_repetitions: int
    hold_s: float
    rest_s: float

    @property
    def most(self) -> int:
        """Repetitions that are made at most in one pass."""
        return self.repetitions + self.extra_repetitions

    @property
    def usual_s(self) -> float:
        """Device seconds that it usually takes."""
        return LEAD_S + (1 + USUAL_EXTRA) * self.repetitions * (self.hold_s + self.rest_s)

    @property
    def longest_s(self) -> float:
        """Device seconds that one pass takes at most."""
        return LEAD_S + self.most * (self.hold_s + self.rest_s)

    def course(self) -> str:
        """What is done, in the words of a timeline."""
        return f"{task_words(self.task)}, {self.repetitions} times, {self.hold_s:g} s each"

    def record(self) -> dict[str, Any]:
        """What the exam's header keeps of the step, JSON-safe."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "task": str(self.task),
            "repetitions": self.repetitions,
            "hold_s": self.hold_s,
            "rest_s": self.rest_s,
        }


ContinuousSeries = RestRecording | MovementSeries
