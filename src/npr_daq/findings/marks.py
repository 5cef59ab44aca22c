"""Markers that a human has moved on a response, as the edits file holds them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.errors import RecordingError
from npr_daq.storage.edits import Entry

MARK = "mark"
"""What an entry of the edits file calls a moved marker."""
ANALYSIS = "analysis"
"""What it calls a saved re-analysis."""


class Marker(StrEnum):
    """What can be moved: the instants that a response is read at. `offset` is the end of the negative phase."""

    ONSET = "onset"
    NEGATIVE_PEAK = "negative_peak"
    OFFSET = "offset"


@dataclass(frozen=True, slots=True)
class Place:
    """One marker of one response."""

    side: Side
    branch: Branch
    muscle: Muscle
    marker: Marker

    def to_dict(self) -> dict[str, str]:
        """As an entry of the edits file has it."""
        return {**{key: str(value) for key, value in asdict(self).items()}, "unit": "ms"}

    def __str__(self) -> str:
        words = f"{self.marker} of {self.side} {self.branch} {self.muscle}"
        return words.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker as a human wants it: `to_ms` from the stimulus, None to have it back as it was measured.

    `from_ms` is where it was measured, None where it was withheld; `entry` the number in the edits file.
    """

    place: Place
    from_ms: float | None
    to_ms: float | None
    by: str
    when: str
    entry: int
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, as the provenance of findings has it."""
        where = self.place.to_dict()
        return {
            **where, "from": self.from_ms, "to": self.to_ms, "by": self.by, "when": self.when, "entry": self.entry,
        }  # fmt: skip


def marks_of(entries: Iterable[Entry]) -> tuple[Mark, ...]:
    """Every mark in the order of its entry; RecordingError for an entry that makes no sense to this program."""
    found = []
    for entry in entries:
        if entry.what == MARK:
            found.append(_mark(entry))
        elif entry.what != ANALYSIS:
            raise RecordingError(
                f"entry {entry.n} of the edits file is a {entry.what!r:.40}, which this program does not know; "
                "use a newer npr-daq, or look without edits (--no-edits)"
            )
    return tuple(found)


def in_force(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """The last mark of every place, those taken back left out."""
    last = {mark.place: mark for mark in marks}
    return tuple(mark for mark in last.values() if mark.to_ms is not None)


def _mark(entry: Entry) -> Mark:
    try:
        place = _place(entry.where)
        return Mark(
            place, _ms(entry.before), _ms(entry.after), entry.who, when=entry.when, entry=entry.n, reason=entry.reason
        )
    except (KeyError, ValueError) as cause:
        raise RecordingError(
            f"entry {entry.n} of the edits file moves a marker that this program does not know ({cause}); "
            "use a newer npr-daq, or look without edits (--no-edits)"
        ) from cause


def _place(where: Mapping[str, Any]) -> Place:
    if where["unit"] != "ms":
        raise ValueError(f"unit {where['unit']!r:.40}")
    return Place(Side(where["side"]), Branch(where["branch"]), Muscle(where["muscle"]), Marker(where["marker"]))


def _ms(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{value!r:.40} is no time in ms")
    return float(value)
