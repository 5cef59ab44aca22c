"""A table with both sides in adjacent cells, as plain text, for the page and for the terminal alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from npr_daq.report import words

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column:
    """One measure: its heading and unit on the page, its short heading where the terminal has it too; `long` wraps."""

    heading: str
    unit: str = ""
    short: str = ""
    long: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row: what it is of (two names), the cells of both sides by column, cells of no side, numbers of notes."""

    first: str
    second: str
    cells: tuple[tuple[str, str], ...]
    single: tuple[str, ...] = ()
    notes: tuple[int, ...] = ()
    strong: bool = False


@dataclass(frozen=True, slots=True)
class PairedSheet:
    """A table: `heads` name the two first columns, `columns` those of both sides, `single` those of neither.

    `notes` are told once each and numbered from 1.
    """

    title: str
    caption: str
    heads: tuple[str, str]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    single: tuple[Column, ...] = ()


class Notes:
    """Collects what limits rows, each told once and numbered from 1; a row names the numbers."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def number(self, place: str, reason: str) -> int:
        """The number of `reason` for `place`: a side, or a cell that nothing else names."""
        text = f"{place}: {reason}"
        if text not in self._told:
            self._told.append(text)
        return self._told.index(text) + 1

    def told(self) -> tuple[str, ...]:
        """Every note, in the order of the numbers."""
        return tuple(self._told)


def cells(rows: Sequence[R | None], of: Sequence[Callable[[R], str]]) -> tuple[tuple[str, str], ...]:
    """The cells of both sides, column by column; NT where a side was not tested."""
    first, second = rows
    return tuple((_cell(first, one), _cell(second, one)) for one in of)


def _cell(row: R | None, of: Callable[[R], str]) -> str:
    return words.NOT_TESTED if row is None else of(row)


def numbered(notes: Notes, rows: Sequence[tuple[str, Sequence[str]]]) -> tuple[int, ...]:
    """The numbers of the reasons of some rows, each given with the place it holds for."""
    found = [notes.number(place, reason) for place, reasons in rows for reason in reasons]
    return tuple(sorted(dict.fromkeys(found)))


def used(lines: Sequence[Line], columns: Sequence[Column]) -> tuple[tuple[Line, ...], tuple[Column, ...]]:
    """The table without columns in which no row has a value."""
    kept = [k for k in range(len(columns)) if any(set(line.cells[k]) - _EMPTY for line in lines)]
    thin = tuple(Line(i.first, i.second, tuple(i.cells[k] for k in kept), i.single, i.notes, i.strong) for i in lines)
    return thin, tuple(columns[k] for k in kept)


_EMPTY = {"–", words.NOT_TESTED, ""}
