"""Movements, rest and following in a terminal of 80 columns."""

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from npr_daq.anatomy import Muscle
from npr_daq.findings.findings import Findings
from npr_daq.findings.synkinesis_rows import SynkinesisRow
from npr_daq.report import words
from npr_daq.report.grouped import Remarks
from npr_daq.report.synkinesis_sheets import repetition_words
from npr_daq.report.synkinesis_tables import Moved, following_rows, moved, moved_sides, tone_rows
from npr_daq.report.synkinesis_words import (
    NO_MECHANISM,
    declared_words,
    index_words,
    interval,
    number,
    outstanding,
    ratio,
    task_words,
    voluntary_words,
)

Parts = list[RenderableType]


def movement_parts(findings: Findings) -> Parts:
    """The tables of an exam that has any of them; else nothing."""
    return [*_declared(findings, moved(findings)), *_tone(findings), *_following(findings)]


def _declared(findings: Findings, found: Moved) -> Parts:
    if not found:
        return []
    parts: Parts = [_title(f"Synkinetic Correlation Test, version {found.version}")]
    if found.declared:
        parts += [Text(index_words(found)), *_pairs(findings, found)]
    else:
        parts.append(Text("No declared pair was recorded: neither verdict nor index."))
    counted = repetition_words(found)
    return [*parts, Text(f"{counted} {len(found.others)} other pairs: in the report.".strip(), style="dim")]


def _pairs(findings: Findings, found: Moved) -> Parts:
    one, two = moved_sides(findings).letters
    table = _table()
    for heading in ("Task", "Slave", "Q", "95 %", "norm.", "Verdict", ""):
        table.add_column(heading, justify="right" if heading in ("Q", "95 %", "norm.") else "left", no_wrap=True)
    remarks = Remarks()
    previous = None
    for row in found.declared:
        numbers = ",".join(map(str, remarks.numbers(row.reasons)))
        task = task_words(row.task)
        table.add_row(*(Text(cell) for cell in (task if task != previous else "", *_cells(row), numbers)))
        previous = task
    cutoffs = ", ".join(sorted({ratio(row.cutoff) for row in found.declared}))
    legend = Text(
        f"Q = {one}/{two} of the slave; norm.: in parts of its own maximum; ≥: a lower bound. Cut-offs {cutoffs} "
        "(Bernardes 2018). Correlation, gain, cross-talk: in the report.",
        style="dim",
    )
    return [table, *(_note(str(n), text) for n, text in enumerate(remarks.told(), start=1)), legend]


def _cells(row: SynkinesisRow) -> tuple[str, ...]:
    return (
        _muscle(row.slave),
        ratio(row.q, censored=row.q_censored),
        interval(row.q_ci95),
        ratio(row.normalised_q, censored=row.q_censored),
        declared_words(row),
    )


def _tone(findings: Findings) -> Parts:
    rows = tone_rows(findings)
    if not rows:
        return []
    one, two = moved_sides(findings).letters
    table = _table()
    for heading in ("Muscle", f"{one} µV", f"{two} µV", f"{one}/{two}", "95 %"):
        table.add_column(heading, justify="left" if heading == "Muscle" else "right", no_wrap=True)
    # Where the sides differ is read first.
    marked = outstanding(rows)
    for row in [*marked, *(row for row in rows if row not in marked)]:
        cells = (_muscle(row.muscle), number(row.affected_uv, 2), number(row.healthy_uv, 2), ratio(row.ratio),
                 interval(row.ci95))  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells), style="bold" if row in marked else None)
    return [_title("Resting tone, RMS with noise"), table]


def _following(findings: Findings) -> Parts:
    rows = [r for r in following_rows(findings) if r.voluntary_verdict or r.reflex_verdict or r.late_verdict]
    if not rows:
        return []
    one = moved_sides(findings).one
    table = _table()
    for heading in ("Moves", "Answers too", "Voluntary", f"Blink reflex {one}", f"Branch, late {one}"):
        table.add_column(heading)
    for row in rows:
        cells = (
            _muscle(row.master),
            _muscle(row.slave),
            voluntary_words(row),
            row.reflex_verdict or "not tested",
            row.late_verdict or "not tested",
        )
        table.add_row(*(Text(cell) for cell in cells))
    return [_title("What kind of following"), table, Text(NO_MECHANISM, style="dim")]


def _muscle(name: str) -> str:
    return words.SHORT_MUSCLES[Muscle(name)] if name in set(Muscle) else words.muscle_words(name)


def _title(text: str) -> RenderableType:
    return Padding(Text(text, style="bold"), (1, 0, 0, 0))


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)


def _note(key: str, text: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column(overflow="fold")
    grid.add_row(Text(key, style="yellow"), Text(text))
    return grid
