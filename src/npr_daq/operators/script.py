"""An operator whose answers are given beforehand, for tests and for scripts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from npr_daq.operator import Answer, AnswerKind, Notice, Prompt, PromptKind

DEFAULT_ANSWERS: Mapping[PromptKind, AnswerKind] = {
    PromptKind.PLACE: AnswerKind.DONE,
    PromptKind.RELAX: AnswerKind.DONE,
    PromptKind.MOVE: AnswerKind.DONE,
    PromptKind.CONFIRM_CURRENT: AnswerKind.REFUSE,
    PromptKind.CONFIRM_TRAIN: AnswerKind.REFUSE,
    PromptKind.JUDGE: AnswerKind.ACCEPT,
    PromptKind.PAUSED: AnswerKind.STOP,
    PromptKind.LATCHED: AnswerKind.STOP,
}
"""What a script answers unless told otherwise: no current above the warning, no train, never resumes."""


@dataclass(slots=True)
class ScriptedOperator:
    """Answers each kind of prompt by `answers`; keeps what it was asked and told.

    `presses` are answers that it gives unasked, one at each look for an interruption: REDO marks a repetition.
    """

    name: str = "script"
    answers: Mapping[PromptKind, AnswerKind] = field(default_factory=dict)
    asked: list[Prompt] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    presses: list[Answer] = field(default_factory=list)

    def ask(self, prompt: Prompt) -> Answer:
        """Answer at once."""
        self.asked.append(prompt)
        return Answer(self.answers.get(prompt.kind, DEFAULT_ANSWERS[prompt.kind]), reason="answered by a script")

    def tell(self, notice: Notice) -> None:
        """Keep the notice."""
        self.told.append(notice)

    def interrupt(self) -> Answer | None:
        """The next of `presses`."""
        return self.presses.pop(0) if self.presses else None
