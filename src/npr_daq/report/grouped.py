"""A table whose columns stand in groups under common headings, as plain text for the page."""

from dataclasses import dataclass

from npr_daq.report import words

EMPTY = {"–", "", words.NOT_TESTED}


@dataclass(frozen=True, slots=True)
class Group:
    """Columns under one heading with their unit: `columns` are their names, the letters of the sides or "" for one.

    `wide` columns hold words and may wrap.
    """

    heading: str
    unit: str = ""
    columns: tuple[str, ...] = ("",)
    wide: bool = False


@dataclass(frozen=True, slots=True)
class GroupedLine:
    """One row: its names, the cells of all groups one after the other, numbers of notes; `strong` is set in bold."""

    names: tuple[str, ...]
    cells: tuple[str, ...]
    notes: tuple[int, ...] = ()
    strong: bool = False


@dataclass(frozen=True, slots=True)
class GroupedSheet:
    """A table with grouped columns; `notes` are told once each and numbered from 1."""

    title: str
    caption: str
    heads: tuple[str, ...]
    groups: tuple[Group, ...]
    lines: tuple[GroupedLine, ...]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[tuple[str, bool], ...]:
        """Name of every column and whether it holds words."""
        return tuple((name, group.wide) for group in self.groups for name in group.columns)


class Remarks:
    """Collects what limits rows, equal words under one number from 1."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def numbers(self, reasons: tuple[str, ...]) -> tuple[int, ...]:
        """The numbers of `reasons`, in order."""
        for reason in reasons:
            if reason not in self._told:
                self._told.append(reason)
        return tuple(sorted(self._told.index(reason) + 1 for reason in dict.fromkeys(reasons)))

    def told(self) -> tuple[str, ...]:
        """Every remark, in the order of the numbers."""
        return tuple(self._told)


def without_empty(sheet: GroupedSheet) -> GroupedSheet:
    """The table without groups in which no row has a value."""
    kept: list[Group] = []
    places: list[int] = []
    at = 0
    for group in sheet.groups:
        mine = range(at, at + len(group.columns))
        at += len(group.columns)
        if any(line.cells[k] not in EMPTY for line in sheet.lines for k in mine):
            kept.append(group)
            places += mine
    lines = tuple(
        GroupedLine(line.names, tuple(line.cells[k] for k in places), line.notes, line.strong) for line in sheet.lines
    )
    return GroupedSheet(sheet.title, sheet.caption, sheet.heads, tuple(kept), lines, sheet.notes)
