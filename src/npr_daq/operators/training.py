"""Training: a person answers the prompts; the simulator is told what hands do, and what the patient says is heard."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from npr_daq.errors import InstrumentError, TransportError
from npr_daq.operator import Answer, AnswerKind, Notice, Operator, Prompt, PromptKind


class ControlEndpoint(Protocol):
    """A simulator's control endpoint."""

    def call(self, op: str, /, **fields: Any) -> dict[str, Any]:
        """One request and its reply."""
        ...


WORDS = {"hurts": "the patient: that hurts", "stop": "the patient: please stop! (E ends the site)"}


def _silent(text: str) -> None:
    """Nobody to tell."""


@dataclass(slots=True)
class TrainedOperator:
    """`person` decides; every placement is carried out in the simulator, and `say` shows what the patient says."""

    person: Operator
    simulator: ControlEndpoint
    say: Callable[[str], None] = _silent

    @property
    def name(self) -> str:
        """The person's name with the mode."""
        return f"{self.person.name} (training)"

    def ask(self, prompt: Prompt) -> Answer:
        """Ask the person, then do in the simulator what hands do in the clinic."""
        answer = self.person.ask(prompt)
        if prompt.kind is PromptKind.PLACE and answer.kind is AnswerKind.DONE:
            self.simulator.call("place", side=str(prompt.side), site=str(prompt.site))
        return answer

    def tell(self, notice: Notice) -> None:
        """Pass on; after a sweep the patient is heard."""
        self.person.tell(notice)
        if notice.kind == "sweep":
            # A simulator that has gone is reported by its line.
            with suppress(InstrumentError, TransportError):
                for words in self.simulator.call("voice").get("said", ()):
                    if text := WORDS.get(str(words.get("said"))):
                        self.say(text)

    def interrupt(self) -> Answer | None:
        """Pass on."""
        return self.person.interrupt()
