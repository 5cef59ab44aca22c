"""Training: a person answers the prompts, and the simulator is told what the hands would have done."""

from dataclasses import dataclass
from typing import Any, Protocol

from npr_daq.operator import Answer, AnswerKind, Notice, Operator, Prompt, PromptKind


class ControlEndpoint(Protocol):
    """A simulator's control endpoint."""

    def call(self, op: str, /, **fields: Any) -> dict[str, Any]:
        """One request and its reply."""
        ...


@dataclass(slots=True)
class TrainedOperator:
    """`person` decides; every placement is carried out in the simulator."""

    person: Operator
    simulator: ControlEndpoint

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
        """Pass on."""
        self.person.tell(notice)

    def interrupt(self) -> Answer | None:
        """Pass on."""
        return self.person.interrupt()
