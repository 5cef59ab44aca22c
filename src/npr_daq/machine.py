"""A state machine that is a table: nothing moves outside it, and it can be printed."""

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeVar

from npr_daq.errors import IllegalTransition

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)

Table = Mapping[S, Mapping[E, S]]


class Machine(Generic[S, E]):
    """A transition table and a current state.

    `fire(event)` moves, or raises `IllegalTransition` and leaves the state alone.
    """

    def __init__(self, name: str, table: Table[S, E], start: S) -> None:
        self.name = name
        self._table = table
        self._state = start

    @property
    def state(self) -> S:
        """The state it is in now."""
        return self._state

    def can(self, event: E) -> bool:
        """Whether `event` is allowed now."""
        return event in self._table.get(self._state, {})

    def fire(self, event: E) -> S:
        """Move by `event` and return the new state; raises `IllegalTransition` and stays where it is otherwise."""
        row = self._table.get(self._state, {})
        if event not in row:
            allowed = ", ".join(e.name for e in row) or "nothing; it is a final state"
            raise IllegalTransition(f"{self.name}: {event.name} while {self._state.name} (allowed: {allowed})")
        self._state = row[event]
        return self._state


def describe(table: Table[S, E]) -> str:
    """The table as text, one `STATE --EVENT--> STATE` a line, for documents and `--help`."""
    lines = []
    for state, row in table.items():
        lines += [f"{state.name} --{event.name}--> {after.name}" for event, after in row.items()]
        if not row:
            lines.append(f"{state.name} (final)")
    return "\n".join(lines)
