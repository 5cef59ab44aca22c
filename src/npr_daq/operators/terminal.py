"""The technician at a terminal: prompts answered by single keys, Esc stops at any time."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from textwrap import fill

from rich.console import Console

from npr_daq.operator import Answer, AnswerKind, Notice, Prompt, PromptKind
from npr_daq.operators.judging import (
    FACE_REASONS,
    MARKED,
    PATIENT_STOPPED,
    TASK_ENDED,
    numbers_line,
    reasons_for,
    repeating_response,
    time_line,
    words_for,
)
from npr_daq.operators.keyboard import ESCAPE, Keyboard

KEYS: Mapping[str, tuple[AnswerKind, str]] = {
    "\n": (AnswerKind.ACCEPT, "Enter"),
    "r": (AnswerKind.REDO, "R"),
    "n": (AnswerKind.NO_RESPONSE, "N"),
    "s": (AnswerKind.SKIP, "S"),
    "y": (AnswerKind.CONFIRM, "Y"),
    "x": (AnswerKind.REFUSE, "X"),
    "g": (AnswerKind.RESUME, "G"),
    "a": (AnswerKind.ACKNOWLEDGE, "A"),
    "p": (AnswerKind.PAUSE, "P"),
    "e": (AnswerKind.ENOUGH, "E"),
}
"""One key per answer. Enter also means DONE where a prompt asks for nothing else."""

BACK = "b"
BACKSPACE = ("\x7f", "\x08")
NOT_NOW = "not now: P, E or Esc only"
NOT_NOW_MOVING = "not now: Backspace, P, E or Esc only"
NO_REPETITION = "not now: there is no repetition to mark"
MADE_AGAIN = "repetition {} is marked as bad: made again"
ESC_PRESSED = "the operator pressed Esc"
_UNITS = re.compile(r"(\d) (?=mA|mV|ms|us|kohm|%)")
_LOUD = (PromptKind.CONFIRM_CURRENT, PromptKind.CONFIRM_TRAIN, PromptKind.PAUSED, PromptKind.LATCHED)


def _silent(text: str) -> None:
    """Nobody to tell."""


@dataclass(slots=True)
class TerminalOperator:
    """A person at a terminal. Use it inside `with keyboard:`, so that keys arrive without Enter.

    `around` is entered while a question stands on the screen, so that a moving line can be hidden. `stopped` says
    that the run was asked to stop in another way (Ctrl-C): no key is waited for then. `say` shows a passing word.

    Keys that were pressed before a question stood there never answer it; an Esc among them stops. A terminal that
    has gone stops as well.
    """

    console: Console
    keyboard: Keyboard
    name: str = "terminal"
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    stopped: Callable[[], object] = bool
    say: Callable[[str], None] = _silent
    _caps_ma: dict[str, float] = field(default_factory=dict)
    _kind: str = ""
    """The kind of the running step."""
    _repetition: int = 0
    """The repetition that can be marked, from its cue until it is bad anyway or another task begins; 0 where none."""

    def ask(self, prompt: Prompt) -> Answer:
        """Print the prompt with its keys and wait for one of them; Esc is always STOP."""
        if isinstance(cap := prompt.detail.get("cap_ma"), int | float):
            self._caps_ma[prompt.step] = float(cap)
        try:
            with self.around():
                return self._stop_before() or self._ask(prompt)
        except OSError as gone:
            return Answer(AnswerKind.STOP, f"the terminal has gone: {gone.strerror or gone}")

    def tell(self, notice: Notice) -> None:
        """Remember what a key means now; a view shows the notices."""
        match notice.kind:
            case "step":
                self._kind, self._repetition = str(notice.detail.get("kind", "")), 0
            case "cue":
                self._repetition = int(notice.detail.get("good", 0)) + 1
            case "repetition" if not notice.detail.get("accepted"):
                self._repetition = 0
            case "next" | "accepted" | "paused" | "trip":
                self._repetition = 0

    def interrupt(self) -> Answer | None:
        """Esc is STOP, P is PAUSE, E ends the site or the task, Backspace is REDO: the last repetition was bad.

        Another key is told that it counts for nothing.
        """
        try:
            key = self.keyboard.key(0.0)
        except OSError as gone:
            return Answer(AnswerKind.STOP, f"the terminal has gone: {gone.strerror or gone}")
        if key == ESCAPE:
            return Answer(AnswerKind.STOP, ESC_PRESSED)
        if key.lower() == "p":
            return Answer(AnswerKind.PAUSE, "the operator pressed P")
        if key.lower() == "e":
            return Answer(AnswerKind.ENOUGH, TASK_ENDED if self._kind in FACE_REASONS else PATIENT_STOPPED)
        if key in BACKSPACE and self._kind == "movement":
            self.say(MADE_AGAIN.format(self._repetition) if self._repetition else NO_REPETITION)
            return Answer(AnswerKind.REDO, MARKED) if self._repetition else None
        if key:
            self.say(NOT_NOW_MOVING if self._kind == "movement" else NOT_NOW)
        return None

    def _stop_before(self) -> Answer | None:
        """Forget what was typed ahead; an Esc among it counts."""
        return Answer(AnswerKind.STOP, ESC_PRESSED) if self.keyboard.forget() == ESCAPE else None

    def _ask(self, prompt: Prompt) -> Answer:
        enter = AnswerKind.ACCEPT if AnswerKind.ACCEPT in prompt.choices else AnswerKind.DONE
        answers = {key: kind for key, (kind, _) in KEYS.items() if kind in prompt.choices and key != "\n"}
        if enter in prompt.choices:
            answers["\n"] = enter
        while True:
            self._print(prompt, enter)
            key = self._key(answers)
            if isinstance(key, Answer):
                return key
            answer = self._reasoned(answers[key], prompt)
            if answer is not None:
                return answer

    def _print(self, prompt: Prompt, enter: AnswerKind) -> None:
        colour = "yellow" if prompt.kind in _LOUD else "cyan"
        # A number is not parted from its unit at the end of a line; rich would part them.
        held = _UNITS.sub("\\1\N{NO-BREAK SPACE}", prompt.text)
        text = fill(held, self.console.width).replace("\N{NO-BREAK SPACE}", " ")
        self.console.print(text, style=f"bold {colour}", markup=False, highlight=False)
        if numbers := numbers_line(prompt.detail, prompt.text) or time_line(prompt):
            self.console.print(f"   {numbers}", markup=False, highlight=False)
        labels = []
        for kind in prompt.choices:
            label = "Enter" if kind == enter else next((name for k, name in KEYS.values() if k == kind), None)
            if label:
                labels.append(f"[bold]{label}[/] {words_for(kind, prompt)}")
        self._labels(*labels)

    def _labels(self, *labels: str) -> None:
        self.console.print("   " + "   ".join((*labels, "[bold red]Esc[/] stop the exam")), highlight=False)

    def _key(self, wanted: Mapping[str, object]) -> str | Answer:
        """The next key of `wanted`, or the STOP of an Esc or of a stop request."""
        while True:
            key = self.keyboard.key(0.2).lower().replace("\r", "\n")
            if key == ESCAPE:
                return Answer(AnswerKind.STOP, ESC_PRESSED)
            if self.stopped():
                return Answer(AnswerKind.STOP, "interrupted")
            if key in wanted:
                return key

    def _reasoned(self, kind: AnswerKind, prompt: Prompt) -> Answer | None:
        """The answer with its reason; None when the person goes back to the question."""
        if kind not in (AnswerKind.NO_RESPONSE, AnswerKind.SKIP):
            return Answer(kind)
        if kind is AnswerKind.NO_RESPONSE and (found := repeating_response(prompt.detail)):
            self.console.print(
                f"A response repeats: {found}. Record no response all the same?", style="bold yellow", markup=False
            )
            self._labels("[bold]Y[/] yes", "[bold]B[/] back")
            key = self._key({"y": None, BACK: None})
            if key != "y":
                return key if isinstance(key, Answer) else None
        reasons = reasons_for(kind, {"kind": self._kind, **prompt.detail}, self._caps_ma.get(prompt.step))
        self.console.print(f"Reason for {kind.replace('_', ' ')}:", style="bold", markup=False)
        for number, reason in reasons.items():
            self.console.print(f"   [bold]{number}[/] {reason}", highlight=False)
        self._labels("[bold]B[/] back")
        key = self._key({**reasons, BACK: None})
        if isinstance(key, Answer):
            return key
        return Answer(kind, reasons[key]) if key in reasons else None
