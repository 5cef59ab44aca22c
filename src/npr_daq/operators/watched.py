"""Operators wrapped so that others see what they are told: a screen, or JSON lines of what is stored."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TextIO

from npr_daq.operator import Answer, Notice, Operator, Prompt


class View(Protocol):
    """Something that shows notices."""

    def show(self, notice: Notice) -> None:
        """Show one notice; returns at once."""
        ...


def _nobody() -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class WatchedOperator:
    """`inner` decides, `view` sees every notice first.

    Nothing that `view` cannot write (a closed pipe, a terminal that has gone) harms the exam: `lost` is called, once,
    and the view is shown nothing more.
    """

    inner: Operator
    view: View
    lost: Callable[[], None] = _nobody
    _blind: bool = False

    @property
    def name(self) -> str:
        """The deciding operator's name."""
        return self.inner.name

    def ask(self, prompt: Prompt) -> Answer:
        """Ask the deciding operator."""
        return self.inner.ask(prompt)

    def tell(self, notice: Notice) -> None:
        """Show and pass on."""
        if not self._blind:
            try:
                self.view.show(notice)
            except OSError:
                self._blind = True
                self.lost()
        self.inner.tell(notice)

    def interrupt(self) -> Answer | None:
        """What the deciding operator wants."""
        return self.inner.interrupt()


STORED_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sweep": ("n", "stim_seq", "step", "side", "site", "current_ma", "role"),
        "repetition": ("n", "step", "task", "repetition", "accepted", "flaws"),
    }
)
"""What a line says, by the kind of notice."""


@dataclass(slots=True)
class JsonLines:
    """One line per *stored* sweep or repetition on `stream`, flushed; nothing else (interface: `exam --json`).

    A repetition that the technician marks after it was stored has a second line, which counts.
    """

    stream: TextIO

    def show(self, notice: Notice) -> None:
        """Print the line of what is stored."""
        if fields := STORED_FIELDS.get(notice.kind):
            line = {key: notice.detail[key] for key in fields}
            self.stream.write(json.dumps(line) + "\n")
            self.stream.flush()
