"""What an exam has of movements, rest and following, whatever shape its findings were stored in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from npr_daq.anatomy import Side
from npr_daq.expression import Task
from npr_daq.findings.findings import Findings
from npr_daq.findings.roles import Roles
from npr_daq.findings.synkinesis_rows import FollowingRow, Interval, RepetitionRow, SynkinesisRow, ToneRow

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Moved:
    """The Synkinetic Correlation Test of an exam; empty where it has none. `index` as in `analysis.synkinesis`."""

    pairs: tuple[SynkinesisRow, ...] = ()
    repetitions: tuple[RepetitionRow, ...] = ()
    index: float | None = None
    index_ci95: Interval | None = None
    index_pairs: int = 0
    index_censored: int = 0
    version: int = 1

    def __bool__(self) -> bool:
        return bool(self.pairs or self.repetitions)

    @property
    def declared(self) -> tuple[SynkinesisRow, ...]:
        """The pairs with a published cut-off, in the order of the tasks."""
        return tuple(row for row in self.pairs if row.declared)

    @property
    def others(self) -> tuple[SynkinesisRow, ...]:
        """Every other pair; a prime mover in its own task is no pair."""
        return tuple(row for row in self.pairs if not row.declared and row.slave != row.master)

    @property
    def movers(self) -> tuple[SynkinesisRow, ...]:
        """The prime movers in their own tasks, where the findings have them."""
        return tuple(row for row in self.pairs if row.slave == row.master)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that were asked for, in the order of a test."""
        return in_order([*(row.task for row in self.repetitions), *(row.task for row in self.pairs)])


def moved(findings: Findings) -> Moved:
    """The test of `findings`; files of before hold a mapping that never had a row."""
    found: Any = findings.synkinesis
    if not hasattr(found, "pairs"):
        return Moved()
    pairs = sorted(_rows(found.pairs, SynkinesisRow), key=lambda row: _place(row.task))
    return Moved(
        pairs=tuple(pairs),
        repetitions=tuple(_rows(found.repetitions, RepetitionRow)),
        index=found.index,
        index_ci95=found.index_ci95,
        index_pairs=int(found.index_pairs or 0),
        index_censored=int(found.index_censored or 0),
        version=int(found.version or 1),
    )


def tone_rows(findings: Findings) -> tuple[ToneRow, ...]:
    """The rows of resting tone, in the order of the findings."""
    return tuple(_rows(findings.tone, ToneRow))


def following_rows(findings: Findings) -> tuple[FollowingRow, ...]:
    """What each test saw of one muscle that answers for another."""
    return tuple(_rows(getattr(findings, "following", ()), FollowingRow))


@dataclass(frozen=True, slots=True)
class MovedSides:
    """The two sides of movements and rest: the one whose values stand under `affected`, the other, their letters.

    Without one affected side they are the sides as the findings divide them, which need not be the order of the page.
    """

    first: Side
    second: Side
    one: str
    two: str

    @property
    def letters(self) -> tuple[str, str]:
        """Both letters in order."""
        return self.one, self.two

    @property
    def over(self) -> str:
        """What a ratio divides: `affected / healthy`, or the sides."""
        return "affected / healthy" if self.one == "A" else f"{self.first} / {self.second}"

    @property
    def said(self) -> str:
        """What the letters stand for."""
        if self.one == "A":
            return f"A = affected side ({self.first}), H = healthy side ({self.second})"
        return f"{self.one} = {self.first}, {self.two} = {self.second}"


def moved_sides(findings: Findings) -> MovedSides:
    """The sides of movements and rest in the order of the findings."""
    affected = str(findings.exam.get("affected"))
    first, second = Roles.of(affected).sides
    if affected in set(Side):
        return MovedSides(first, second, "A", "H")
    return MovedSides(first, second, first[0].upper(), second[0].upper())


def in_order(tasks: Sequence[str]) -> tuple[str, ...]:
    """Each task once, in the order of a test; one that this program does not know comes last."""
    return tuple(sorted(dict.fromkeys(tasks), key=_place))


def _place(task: str) -> int:
    known = [str(one) for one in Task]
    return known.index(task) if task in known else len(known)


def _rows(found: Any, kind: type[R]) -> Iterator[R]:
    return (row for row in found or () if isinstance(row, kind))
