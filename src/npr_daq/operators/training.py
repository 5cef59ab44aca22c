"""Training: a person answers the prompts; the simulator is told what hands do, and what the patient says is heard."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from npr_daq.errors import InstrumentError, NprError, TransportError
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
    """`person` decides; placements and cues are carried out in the simulator, and `say` shows what the patient says.

    A cue is said when it is told: the patient moves a reaction time later, as on any clock that nobody grants.
    """

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
        if prompt.kind is PromptKind.RELAX and answer.kind is AnswerKind.DONE:
            self.simulator.call("cue", task="rest", effort=0.0)
        return answer

    def tell(self, notice: Notice) -> None:
        """Pass on; a cue is said to the patient, who is heard after a sweep and a repetition."""
        self.person.tell(notice)
        match notice.kind:
            case "cue":
                # A cue that the simulator refuses becomes a repetition without a burst, and is named as such.
                with suppress(NprError):
                    self.simulator.call("cue", task=notice.detail["task"], effort=1.0, seconds=notice.detail["hold_s"])
            case "sweep" | "repetition":
                self._listen()

    def _listen(self) -> None:
        # A simulator that has gone is reported by its line.
        with suppress(InstrumentError, TransportError):
            for words in self.simulator.call("voice").get("said", ()):
                if text := WORDS.get(str(words.get("said"))):
                    self.say(text)

    def interrupt(self) -> Answer | None:
        """Pass on."""
        return self.person.interrupt()
