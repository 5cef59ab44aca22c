"""What the terminal prints of an exam: the conduction table, and a narrow table for every other kind of measurement."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from npr_daq.findings.findings import Findings
from npr_daq.report import words
from npr_daq.report.headline import headlines
from npr_daq.report.late_sheets import late_sheets
from npr_daq.report.paired import PairedSheet
from npr_daq.report.reflex_sheets import reflex_sheets
from npr_daq.report.synkinesis_terminal import movement_parts
from npr_daq.report.table import banner, conduction_table
from npr_daq.report.train_sheets import threshold_sheets, train_sheets

NARROW = 100
"""Below this width names are shortened."""


def exam_table(findings: Findings, *, width: int = 80, wide: bool = False) -> RenderableType:
    """Everything that a terminal shows of an exam; `wide` as in `conduction_table`.

    An exam without conduction prints its own tables alone; simulated data are marked above everything.
    """
    sheets = [
        *late_sheets(findings), *reflex_sheets(findings), *train_sheets(findings), *threshold_sheets(findings),
    ]  # fmt: skip
    movements = movement_parts(findings)
    # What the tables of movements say stands in them.
    said = headlines(findings) if not movements else headlines(findings, movements=False)
    if not sheets and not said and not movements:
        return conduction_table(findings, width=width, wide=wide)
    parts: list[RenderableType] = []
    if len(findings.conduction):
        parts.append(conduction_table(findings, width=width, wide=wide))
    else:
        parts += [banner(findings), Text(f"{words.side_words(findings)}. No diagnosis.", style="dim")]
    parts += movements
    for sheet in sheets:
        parts += [Padding(Text(sheet.title, style="bold"), (1, 0, 0, 0)), _table(findings, sheet, width)]
        parts += [_note(f"{number}", text) for number, text in enumerate(sheet.notes, start=1)]
    parts += [Padding(Text(text), (1, 0, 0, 0)) for text in said]
    return Group(*parts)


def _table(findings: Findings, sheet: PairedSheet, width: int) -> Table:
    """The columns with a short heading, both sides beside each other."""
    _, _, one, two = words.sides(findings)
    kept = [k for k, column in enumerate(sheet.columns) if column.short]
    single = [k for k, column in enumerate(sheet.single) if column.short]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for head in sheet.heads:
        table.add_column(head.split(",")[0].split(" ")[0], no_wrap=True)
    for k in kept:
        for place, letter in enumerate((one, two)):
            longest = max(len(line.cells[k][place].partition(" ± ")[0]) for line in sheet.lines)
            table.add_column(f"{letter} {sheet.columns[k].short}", justify="right", min_width=longest)
    for k in single:
        table.add_column(sheet.single[k].short, justify="right", no_wrap=True)
    if sheet.notes:
        table.add_column("", no_wrap=True)
    previous = None
    for line in sheet.lines:
        first, second = (_shortened(name) if width < NARROW else name for name in (line.first, line.second))
        row = [first if first != previous else "", second]
        # What stands behind ± is on the page.
        row += [text.partition(" ± ")[0] for k in kept for text in line.cells[k]] + [line.single[k] for k in single]
        row += [",".join(map(str, line.notes))] if sheet.notes else []
        table.add_row(*(Text(text) for text in row), style="bold" if line.strong else None)
        previous = first
    return table


SHORTER: Sequence[tuple[str, str]] = (
    ("Marginal mandibular", "Mandibular"),
    ("orbicularis", "orb."),
    ("depressor anguli oris", "dep. anguli"),
    ("Supraorbital nerve", "Supraorbital"),
    (" side stimulated", " side"),
    ("affected, ", "A "),
    ("healthy, ", "H "),
)


def _shortened(name: str) -> str:
    for long, short in SHORTER:
        name = name.replace(long, short)
    return name


def _note(key: str, text: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column(overflow="fold")
    grid.add_row(Text(key, style="yellow"), Text(text))
    return grid
