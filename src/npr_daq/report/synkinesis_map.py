"""Heat maps of the Synkinetic Correlation Test: task by muscle, affected, healthy and their difference."""

from collections.abc import Mapping
from math import log10

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle
from npr_daq.expression import PRIME_MOVER, Task
from npr_daq.findings.findings import Findings
from npr_daq.findings.synkinesis_rows import SynkinesisRow
from npr_daq.report import words
from npr_daq.report.spread_map import HeatMap, MapCell, SpreadMaps
from npr_daq.report.synkinesis_tables import Moved, moved_sides
from npr_daq.report.synkinesis_words import interval, known, number, ratio, task_words
from npr_daq.report.wording import side_of

FULL_DB = 12.0
"""A difference of the sides that is shaded fully: four times."""
FAINTEST = 0.05
"""Shades below this are left out: paper is easier to read."""


def synkinesis_maps(findings: Findings, found: Moved) -> tuple[SpreadMaps, ...]:
    """Both sides in microvolts at one scale, and their difference in decibels; none without a pair."""
    rows = {(row.task, row.slave): row for row in found.pairs}
    if not rows:
        return ()
    sides = moved_sides(findings)
    # A side has one colour on the whole page: the sign of a shade picks it.
    sign = 1.0 if sides.first == words.sides(findings)[0] else -1.0
    tasks = [task for task in found.tasks if any(key[0] == task for key in rows)]
    muscles = [m for m in FACIAL_MUSCLES if any(muscle == m for _, muscle in rows) or m in _movers(found)]
    levels = [
        value
        for row in rows.values()
        if row.slave != row.master
        for value in (row.affected_uv, row.healthy_uv)
        if value is not None and known(value) is not None
    ]
    full = max(levels, default=0.0)
    maps = []
    for title, field in (
        (f"{side_of(findings, sides.first)}, plateau RMS with rest taken off, µV", "affected_uv"),
        (f"{side_of(findings, sides.second)}, plateau RMS with rest taken off, µV", "healthy_uv"),
        (f"difference, 20 log₁₀ Q ({sides.one} / {sides.two}), dB; below it Q with its 95 % interval", "difference_db"),
    ):
        lines = tuple(
            (
                task_words(task),
                tuple(
                    _mover(rows, task, field)
                    if _master(found, task) == m
                    else _cell(rows.get((task, str(m))), field, full, sign)
                    for m in muscles
                ),
            )
            for task in tasks
        )
        names = tuple(words.SHORT_MUSCLES[m] for m in muscles)
        maps.append(HeatMap(title, names, lines, corner="task"))
    title = "Task by muscle: outlined, a declared pair; grey, the task’s prime mover; blank, not recorded"
    return (SpreadMaps(title, tuple(maps), ()),)


def _movers(found: Moved) -> set[str]:
    return {row.master for row in found.pairs}


def _master(found: Moved, task: str) -> str:
    stored = next((row.master for row in found.pairs if row.task == task), None)
    known_mover: Muscle | None = PRIME_MOVER.get(Task(task)) if task in set(Task) else None
    return stored or str(known_mover)


def _mover(rows: Mapping[tuple[str, str], SynkinesisRow], task: str, field: str) -> MapCell:
    """The prime mover's own plateau, or the ratio of both sides in decibels, unshaded: it is meant to move."""
    of_task = next((row for (name, _), row in rows.items() if name == task), None)
    if of_task is None:
        return MapCell("", small=("mover",), own=True)
    a, h = known(of_task.master_uv.affected), known(of_task.master_uv.healthy)
    if field == "difference_db":
        text = "" if not a or not h else words.signed(20 * log10(a / h), 1)
    else:
        text = "" if (value := a if field == "affected_uv" else h) is None else number(value, 1)
    return MapCell(text, small=("mover",), own=True)


def _cell(row: SynkinesisRow | None, field: str, full: float, sign: float) -> MapCell:
    if row is None:
        return MapCell("")
    value = known(getattr(row, field))
    if field == "difference_db":
        small = (f"{ratio(row.q, censored=row.q_censored)} {interval(row.q_ci95)}".strip(),) if known(row.q) else ()
        shade = 0.0 if value is None else max(-1.0, min(1.0, value / FULL_DB))
        text = "–" if value is None else f"{'≥ ' if row.q_censored else ''}{words.signed(value, 1)}"
    else:
        small = ()
        side = 1.0 if field == "affected_uv" else -1.0
        shade = 0.0 if value is None or full <= 0 else side * max(0.0, min(1.0, value / full))
        text = number(value, 1)
    if all(known(one) is None for one in (row.affected_uv, row.healthy_uv, row.q)):
        text = ""
    return MapCell(text, small=small, shade=sign * shade if abs(shade) >= FAINTEST else 0.0, outlined=row.declared)
