"""Where in a rest or a row of movements the patient is: told by notices, counted by the samples that came."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from npr_daq.expression import SPOKEN, Task, task_words
from npr_daq.operator import Notice


class Phase(StrEnum):
    """What the patient does now; the word is shown."""

    NONE = ""
    REST = "REST"
    NEXT = "NEXT"
    HOLD = "HOLD"
    RELAX = "RELAX"


@dataclass(slots=True)
class FaceCourse:
    """Takes the notices of an exam; says what the patient is told, for how long still, and how it went.

    Times are those of the stream, so that a simulation at any speed is counted right and a stream that stands still
    is seen to stand still.
    """

    recording: bool = field(init=False, default=False)
    """Whether the step is one of rest or movements."""
    phase: Phase = field(init=False, default=Phase.NONE)
    task: Task = field(init=False, default=Task.REST)
    repetition: int = field(init=False, default=0)
    """Which of the `wanted` good ones this is to become."""
    wanted: int = field(init=False, default=0)
    bad: Counter[str] = field(init=False, default_factory=Counter)
    judged: str = field(init=False, default="")
    """How the last repetition went, in words."""
    judged_bad: bool = field(init=False, default=False)
    _most: int = field(init=False, default=0)
    _made: int = field(init=False, default=0)
    _judged_number: int = field(init=False, default=0)
    _seconds: float = field(init=False, default=0.0)
    _lasts_s: float = field(init=False, default=0.0)
    _rest_s: float = field(init=False, default=0.0)
    _from: int | None = field(init=False, default=None)
    _now: int = field(init=False, default=0)
    _rate_hz: float = field(init=False, default=0.0)
    _complete: bool = field(init=False, default=False)

    def envelope(self, detail: Mapping[str, Any]) -> None:
        """Samples came."""
        self._now, self._rate_hz = detail["sample"], detail["rate_hz"]
        if self._from is None or self._now < self._from - self._rate_hz:
            # The first of a phase that was told before its stream ran.
            self._from = self._now

    def take(self, notice: Notice) -> None:
        """One notice other than `envelope`."""
        detail = notice.detail
        match notice.kind:
            case "step":
                self._step(detail)
            case "next":
                self._begin(Phase.NEXT, float(detail.get("in_s", 0.0)))
                self._of(detail)
                self.wanted = int(detail.get("repetitions", self.wanted))
                self._most, self._made, self._complete = int(detail.get("most", 0)), 0, False
                self.repetition = self.repetition or 1
            case "cue":
                self._of(detail)
                self.wanted, self.repetition = detail["wanted"], detail["good"] + 1
                self._rest_s, self._rate_hz = detail["rest_s"], detail["rate_hz"]
                self._complete = False
                self._begin(Phase.HOLD, detail["hold_s"], detail["sample"])
            case "release":
                over = None if self._from is None else self._from + round(self._lasts_s * self._rate_hz)
                self._begin(Phase.RELAX, detail["rest_s"], over)
            case "repetition":
                self._judge(detail)
            case "resumed" if self.recording:
                # The recording begins anew; when its first cue comes is not told.
                resting = self.task is Task.REST
                self._begin(Phase.REST if resting else Phase.NEXT, self._seconds if resting else 0.0)
            case "accepted" | "paused" | "trip" | "end":
                self.phase = Phase.NONE

    @property
    def resting(self) -> bool:
        """Whether the step is one of rest."""
        return self.recording and self.task is Task.REST

    @property
    def left_s(self) -> float:
        """Until the phase is over, by the samples that came."""
        if self._from is None or not self._rate_hz:
            return self._lasts_s
        return max(0.0, self._lasts_s - (self._now - self._from) / self._rate_hz)

    @property
    def words(self) -> str:
        """What the patient is told now."""
        if self.phase is Phase.RELAX:
            return "Relax"
        return SPOKEN[self.task]

    @property
    def counting(self) -> str:
        """`HOLD 2.1 s`, `in 1.4 s`, `again in 3.2 s`; "" where nothing is counted."""
        seconds = f"{self.left_s:.1f} s"
        match self.phase:
            case Phase.HOLD:
                return f"{'GO ON' if self.task is Task.BLINK else 'HOLD'} {seconds}"
            case Phase.NEXT:
                return f"in {seconds}" if self._lasts_s else ""
            case Phase.RELAX:
                return f"next in {seconds}" if self._complete else f"again in {seconds}"
            case Phase.REST:
                return f"{self.left_s:.0f} s"
            case Phase.NONE:
                return ""

    @property
    def part_left(self) -> float:
        """What is left of the phase, 1 to 0."""
        return min(1.0, self.left_s / self._lasts_s) if self._lasts_s > 0 else 0.0

    @property
    def counted(self) -> str:
        """`smile open: repetition 3 of 5 (1 bad: too weak)`; "" at rest."""
        if self.task is Task.REST or not self.wanted:
            return ""
        text = f"{task_words(self.task)}: repetition {min(self.repetition, self.wanted)} of {self.wanted}"
        if self.bad:
            alike = len(self.bad) == 1
            told = ", ".join(w if alike or count == 1 else f"{w} ({count})" for w, count in self.bad.most_common())
            text += f" ({self.bad.total()} bad: {told})"
        return text

    def _step(self, detail: Mapping[str, Any]) -> None:
        kind = detail.get("kind")
        self.recording = kind in ("rest", "movement")
        self.phase, self.judged, self.judged_bad = Phase.NONE, "", False
        self.task, self.repetition, self.wanted = Task.REST, 0, 0
        self.bad.clear()
        self._judged_number, self._seconds = 0, float(detail.get("seconds", 0.0))
        if kind == "rest":
            self._begin(Phase.REST, self._seconds)
        elif kind == "movement":
            self._of(detail)
            self.wanted = int(detail.get("repetitions", 0))

    def _judge(self, detail: Mapping[str, Any]) -> None:
        good, wanted = detail["good"], detail["wanted"]
        self.judged_bad = not detail["accepted"]
        number = good if detail["accepted"] else good + 1
        flaws = "; ".join(detail["flaws"]) or "bad"
        # A repetition that was good until it was marked is told a second time, under the same number.
        self._made += detail["repetition"] != self._judged_number
        self._judged_number = detail["repetition"]
        again = self.judged_bad and (not self._most or self._made < self._most)
        if self.judged_bad:
            self.bad[flaws] += 1
        self.judged = f"repetition {number} of {wanted}: {flaws if self.judged_bad else 'good'}"
        self.judged += " - made again" if again else ""
        self._complete = good >= wanted or (self.judged_bad and not again)

    def _begin(self, phase: Phase, seconds: float, sample: int | None = None) -> None:
        self.phase, self._lasts_s, self._from = phase, seconds, sample

    def _of(self, detail: Mapping[str, Any]) -> None:
        self.task = Task(detail["task"])
