"""The patient matrix: one row of figures per patient from the truth alone, and which of them it is known by."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from npr_daq.anatomy import HEADLINE, Branch, Muscle, Side
from npr_simulators.person import figures
from npr_simulators.person.case import BRANCHES, Case
from npr_simulators.person.course import at
from npr_simulators.person.figures import Person

Figure = Callable[[Person], float | None]


@dataclass(frozen=True, slots=True)
class Column:
    """One figure: `heading` for a narrow table, `healthy` the band in which a healthy face lies (assumption)."""

    name: str
    heading: str
    unit: str
    digits: int
    healthy: tuple[float, float]
    meaning: str


RATIO_BAND = (60.0, 165.0)
"""Percent. Below 50 is the first defensible finding (clinical reference 3.1); named patients differ less in health."""


def matrix_row(case: Case, *, seed: int = 1, side: Side = Side.LEFT) -> dict[str, float | None]:
    """Every column of `COLUMNS` for `case` with the lesion on `side`; None where a figure has no meaning."""
    person = Person.of(case, seed=seed, side=side)
    return {column.name: _rounded(figure(person), column.digits) for column, figure in _COLUMNS}


def outside(column: Column, value: float | None) -> bool:
    """Whether a figure lies outside of the band of a healthy face; a missing one does."""
    return value is None or not column.healthy[0] <= value <= column.healthy[1]


def as_json(cases: Iterable[Case], *, seed: int = 1, days: Sequence[float] = ()) -> dict[str, Any]:
    """The whole matrix, JSON-safe: `columns` with their meaning, and one entry of `patients` for each case.

    With `days` since the onset one entry for each case and day (`day`, else None).
    """
    columns = [
        {"name": c.name, "heading": c.heading, "unit": c.unit, "digits": c.digits, "healthy": list(c.healthy)}
        | {"meaning": c.meaning}
        for c in COLUMNS
    ]
    rows = [_entry(case, None, seed) for case in cases] if not days else []
    rows += [_entry(at(case, day), day, seed) for case in cases for day in days]
    return {"seed": seed, "columns": columns, "patients": rows}


def _entry(case: Case, day: float | None, seed: int) -> dict[str, Any]:
    return {"name": case.name, "day": day, "cell": case.cell, "values": matrix_row(case, seed=seed)}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _ratio_columns() -> list[tuple[Column, Figure]]:
    made: list[tuple[Column, Figure]] = []
    for branch in BRANCHES:
        short = "marginal" if branch is Branch.MARGINAL_MANDIBULAR else str(branch)
        muscle = str(HEADLINE[branch]).replace("_", " ")
        meaning = f"{short} branch on full recruitment: {muscle}, peak to peak, affected over other side"
        made.append((Column(f"ratio_{short}", short[:3], "%", 0, RATIO_BAND, meaning), figures.ratio(branch)))
    return made


_EYE, _MOUTH = Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS
_COLUMNS: tuple[tuple[Column, Figure], ...] = (
    *_ratio_columns(),
    (
        Column("onset", "onset", "ms", 2, (-0.5, 0.5), "nasalis, trunk: t_theta, affected minus other side"),
        figures.onset_difference,
    ),
    (
        Column("r1_spread", "R1", "uV", 0, (0, 10), "blink R1 in the orbicularis oris of the affected side"),
        figures.r1_spread,
    ),
    (
        Column("lateral", "late", "uV", 0, (0, 10), "orbicularis oris, late, when the zygomatic branch is stimulated"),
        figures.lateral,
    ),
    (
        Column("tone", "tone", "x", 1, (0.4, 2.0), "rms at rest over all channels, affected over other side"),
        figures.tone,
    ),
    (
        Column(
            "q_ocular_oral",
            "Qeye",
            "x",
            1,
            (0.62, 1.62),
            "the orbicularis oris itself in eye closure, rms above rest, affected over other side",
        ),
        figures.q("close_eyes_tightly", _MOUTH, "own"),
    ),
    (
        Column(
            "q_oral_ocular",
            "Qlips",
            "x",
            1,
            (0.56, 1.79),
            "the orbicularis oculi itself in a pucker, rms above rest, affected over other side",
        ),
        figures.q("pucker", _EYE, "own"),
    ),
    (
        Column(
            "q_apparent",
            "Qseen",
            "x",
            1,
            (0.0, 1.62),
            "orbicularis oculi channel in a brow lift, cross-talk included, affected over other side",
        ),
        figures.q("wrinkle_forehead", _EYE, "app"),
    ),
    (
        Column(
            "crosstalk", "xtalk", "x", 1, (0.67, 1.5), "muscles in channels not their own, affected over other side"
        ),
        figures.crosstalk,
    ),
    (
        Column(
            "movement",
            "moves",
            "%",
            0,
            (40, 250),
            "prime movers of five movements, rms above rest, affected over other side",
        ),
        figures.movement,
    ),
    (
        Column(
            "other_side", "other", "%", 0, (85, 115), "weakest branch of the other half, of its size before any lesion"
        ),
        figures.other_side,
    ),
    (
        Column(
            "reach",
            "reach",
            "x",
            2,
            (1.0, 99.0),
            "highest current permitted and borne over that of the plateau, worst site",
        ),
        figures.reach,
    ),
    (
        Column(
            "masseter",
            "mass",
            "uV",
            0,
            (0, 250),
            "masseter in the zygomaticus channel at the current that proves a plateau",
        ),
        figures.masseter,
    ),
    (Column("contact", "dZ", "kohm", 0, (0, 10), "worst imbalance of an electrode pair"), figures.contact),
    (Column("shift", "slip", "mm", 0, (0, 0), "how far the stimulator slips during the exam"), figures.shift),
)
COLUMNS: tuple[Column, ...] = tuple(column for column, _ in _COLUMNS)
"""The figures of the matrix, in the order in which they are printed."""
CELLS: Mapping[str, Column] = MappingProxyType({column.name: column for column in COLUMNS})
