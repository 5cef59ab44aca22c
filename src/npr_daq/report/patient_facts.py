"""What the findings say for the patient's page: left beside right for each part of the face, and what moves along."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from npr_daq.analysis.verdict import Verdict
from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Side
from npr_daq.expression import OWN_TASK, Task
from npr_daq.findings.findings import Findings
from npr_daq.report import words
from npr_daq.report.patient_words import (
    FOLLOWERS,
    FOLLOWS,
    MOVEMENTS,
    NERVE_PARTS,
    PARTS,
    SAME,
    UNTOLD,
    about_percent,
    tens,
    times,
)
from npr_daq.report.synkinesis_tables import Moved, moved, moved_sides, tone_rows
from npr_daq.report.synkinesis_words import known

ALIKE = 70
"""Percent of the stronger side, as printed, from which both are called alike: the usual difference of healthy sides."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the face: `left` and `right` as shares of the stronger side, None where it could not be told."""

    muscle: Muscle
    name: str
    left: float | None
    right: float | None
    said: str

    def of(self, side: Side) -> float | None:
        """The share of one side."""
        return self.left if side is Side.LEFT else self.right


@dataclass(frozen=True, slots=True)
class Along:
    """One pair that the test asks about: which part moves, which may move along, on which side, and whether."""

    mover: Muscle
    follower: Muscle
    side: Side
    verdict: str
    movement: str
    part: str
    said: str


def strengths(findings: Findings) -> tuple[Part, ...]:
    """How strongly each part moves in its own movement; empty where no movement was measured."""
    found = moved(findings)
    if not found.pairs:
        return ()
    first = moved_sides(findings).first
    muscles = {row.slave for row in found.pairs} | {row.master for row in found.pairs}
    # Of a part that was not asked to move by itself nothing can be said.
    asked = [m for m in FACIAL_MUSCLES if m in muscles and OWN_TASK.get(m) in found.tasks]
    return tuple(_part(first, muscle, _own(found, muscle), _strength) for muscle in asked)


def _own(found: Moved, muscle: str) -> float | None:
    """First over second side of a muscle's plateau in its own task, where it is the prime mover."""
    for row in found.pairs:
        if row.master == muscle and row.task == OWN_TASK.get(Muscle(muscle)):
            first, second = known(row.master_uv.affected), known(row.master_uv.healthy)
            if first is not None and second is not None and max(first, second) > 0:
                return first / second if second else inf
    return None


def tensions(findings: Findings) -> tuple[Part, ...]:
    """How active each part is at rest; empty where no rest was measured."""
    found = []
    first = moved_sides(findings).first
    for row in tone_rows(findings):
        if row.muscle not in set(FACIAL_MUSCLES):
            continue
        value = known(row.ratio)
        unsure = row.ci95 is not None and row.ci95[0] <= 1 <= row.ci95[1]
        found.append(_part(first, Muscle(row.muscle), 1.0 if value and unsure else value, _tension))
    return tuple(found)


def nerve_answers(findings: Findings) -> tuple[Part, ...]:
    """How strongly each part of the nerve answers; empty where the nerve was not tested."""
    first, second, _, _ = words.sides(findings)
    parts = []
    for branch, muscle in words.pairs(findings, every_muscle=False):
        name, place = NERVE_PARTS[branch]
        row = words.symmetry_of(findings, branch, muscle)
        percent = None if row is None else known(row.percent)
        part = _part(first, place, None if percent is None else percent / 100, _answer)
        silent = None if percent is not None else _silent(findings, branch, muscle, (first, second))
        if silent is None:
            parts.append(Part(place, name, part.left, part.right, part.said))
            continue
        left, right = (0.0, 1.0) if silent is Side.LEFT else (1.0, 0.0)
        said = f"an answer was found on the {silent.other}, none on the {silent} today"
        parts.append(Part(place, name, left, right, said))
    return tuple(parts)


def _silent(findings: Findings, branch: Branch, muscle: Muscle, sides: tuple[Side, Side]) -> Side | None:
    """The one side that gave no answer while the other did."""
    markers = {side: words.marker(words.conduction_of(findings, side, branch, muscle)) for side in sides}
    silent = [side for side, marker in markers.items() if marker == words.NO_RESPONSE]
    if len(silent) == 1 and markers[silent[0].other] is None:
        return silent[0]
    return None


def alongs(findings: Findings) -> tuple[Along, ...]:
    """The pairs that the test asks about, each with its answer in words; none without one affected side."""
    side = moved_sides(findings).first
    found = []
    for row in moved(findings).declared:
        if row.verdict == Verdict.NO_REFERENCE:
            continue
        if row.task not in set(Task) or row.slave not in set(Muscle) or row.master not in set(Muscle):
            continue
        follower = Muscle(row.slave)
        said = FOLLOWS.get(row.verdict, UNTOLD)
        movement = MOVEMENTS[Task(row.task)]
        found.append(Along(Muscle(row.master), follower, side, row.verdict, movement, FOLLOWERS[follower], said))
    return tuple(found)


def _part(first: Side, muscle: Muscle, ratio: float | None, said: Callable[[float, Side], str]) -> Part:
    """The part with both sides as shares of the stronger; `ratio` is `first` over the other side, `said` the words."""
    if ratio is None or ratio < 0:
        return Part(muscle, PARTS[muscle], None, None, UNTOLD)
    one, other = min(1.0, ratio), min(1.0, 1 / ratio) if ratio else 1.0
    left, right = (one, other) if first is Side.LEFT else (other, one)
    weaker = Side.LEFT if left < right else Side.RIGHT
    return Part(muscle, PARTS[muscle], left, right, said(min(left, right), weaker))


def _strength(share: float, weaker: Side) -> str:
    return SAME if tens(share) >= ALIKE else f"moves less on the {weaker}: {_of(share, weaker)}"


def _answer(share: float, weaker: Side) -> str:
    return SAME if tens(share) >= ALIKE else f"answers less on the {weaker}: {_of(share, weaker)}"


def _tension(share: float, weaker: Side) -> str:
    if tens(share) >= ALIKE:
        return SAME
    return f"more tension on the {weaker.other}: {times(1 / max(share, 0.01))} as much as on the {weaker}"


def _of(share: float, weaker: Side) -> str:
    return f"{about_percent(share)} percent of the {weaker.other}"
