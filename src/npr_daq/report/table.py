"""The conduction table for a terminal of 80 columns: both sides, the ratio with its interval, reasons below."""

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from npr_daq.anatomy import Branch, Muscle
from npr_daq.findings.findings import Findings
from npr_daq.findings.rows import CONTRADICTION, ConductionRow
from npr_daq.findings.summed import ALL_BRANCHES
from npr_daq.report import reference, words


def conduction_table(findings: Findings, *, width: int = 80, wide: bool = False) -> RenderableType:
    """The table of `findings`, one line a row in 80 columns or more; `wide` has every muscle, not the headlines.

    Something that was measured but is not acceptable carries `!`, a withheld ratio the number of its reason; the
    reasons stand below. Simulated data are marked above the table.
    """
    notes = _Notes()
    first, second, one, two = words.sides(findings)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    table.add_column("Branch\n", no_wrap=True)
    table.add_column("Muscle\n", no_wrap=True)
    for letter in (one, two):
        for heading, unit in (("lat", "ms"), ("pp", "mV"), ("area", "mV·ms")):
            table.add_column(f"{letter} {heading}\n{unit}", justify="right", no_wrap=True)
    table.add_column("Ratio    recording\n    %         95 %", justify="right", no_wrap=True)
    previous = None
    for branch, muscle in words.pairs(findings, every_muscle=wide):
        cells = [words.SHORT_BRANCHES[branch] if branch != previous else "", words.SHORT_MUSCLES[muscle]]
        for side in (first, second):
            cells += _side(words.conduction_of(findings, side, branch, muscle), notes)
        table.add_row(*cells, _ratio(findings, branch, muscle, notes))
        previous = branch
    parts: list[RenderableType] = [banner(findings), table]
    if not table.row_count:
        parts.append(Text("nothing was measured", style="italic"))
    parts.append(Padding(Text("\n".join(_legend(findings, notes)), style="dim"), (1, 0, 0, 0)))
    parts += [Padding(Text(text), (1, 0)) for text in (_sums(findings), _norms(findings)) if text]
    parts += [_reason(key, text) for key, text in notes.lines()]
    return Group(*parts)


class _Notes:
    """Reasons under the table: equal ones share a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, tuple[int, list[str]]] = {}
        self._bad: list[str] = []
        self.markers: set[str] = set()

    def number(self, reason: str, where: str) -> int:
        number, places = self._numbers.setdefault(reason, (len(self._numbers) + 1, []))
        places.append(where)
        return number

    def bad(self, text: str) -> None:
        self._bad.append(text)

    def lines(self) -> list[tuple[str, str]]:
        """(key, text) of every note."""
        found = [(str(n), f"{', '.join(places)}: {reason}") for reason, (n, places) in self._numbers.items()]
        return found + [("!", text) for text in self._bad]


def _side(row: ConductionRow | None, notes: _Notes) -> list[str]:
    marker = words.marker(row)
    if marker is not None or row is None:
        notes.markers.add(marker or words.NOT_TESTED)
        for reason in () if row is None else row.quality.reasons:
            if row is not None and reason.startswith(CONTRADICTION):
                notes.bad(f"{_where(row)}: {reason}")
        return [f"[yellow]{marker}[/]", "", ""]
    if row.quality.reasons:
        notes.bad(f"{_where(row)}: {'; '.join(row.quality.reasons)}")
    flag = "" if row.quality.accepted else "[red]![/]"
    latency_flag = "[red]![/]" if row.quality.reasons and not flag else ""
    return [
        words.number(row.onset_latency_ms, 2) + latency_flag,
        words.number(row.peak_to_peak_mv, 2) + flag,
        words.number(row.negative_area_mv_ms, 2),
    ]


def _where(row: ConductionRow) -> str:
    return f"{row.side} {words.SHORT_BRANCHES[Branch(row.branch)].lower()} {words.muscle_words(row.muscle)}"


def _ratio(findings: Findings, branch: Branch, muscle: Muscle, notes: _Notes) -> str:
    row = words.symmetry_of(findings, branch, muscle)
    if row is None:
        return ""
    if row.withheld is not None:
        where = f"{words.SHORT_BRANCHES[branch].lower()} {words.SHORT_MUSCLES[muscle]}"
        return f"[yellow]withheld ({notes.number(row.withheld, where)})[/]"
    return f"[bold]{words.percent(row):>5}[/]{escape(f'{words.interval(row):>13}')}"


def _sums(findings: Findings) -> str:
    """The sum over the trunk's muscles and that over all branches, one line each."""
    if words.no_healthy_side(findings) is not None:
        return ""
    lines = []
    for row in findings.summed:
        if row.stimulated not in (Branch.TRUNK, ALL_BRANCHES):
            continue
        name = "Trunk, summed" if row.stimulated == Branch.TRUNK else "Branches, summed"
        if row.percent is None:
            lines.append(f"{name}: withheld: {row.withheld}")
        else:
            of = len(row.muscles) + len(row.left_out)
            lines.append(f"{name}: {words.percent(row)} % {words.interval(row)}, {len(row.muscles)} of {of} muscles")
    return "\n".join(lines)


def _norms(findings: Findings) -> str:
    """Values outside a published limit; without a healthy side also how many were held against one."""
    outside = [
        f"{words.SHORT_BRANCHES[branch].lower()} {words.muscle_words(muscle)}: {flag}"
        for branch, muscle in words.pairs(findings, every_muscle=True)
        for flag in reference.flags(findings, branch, muscle)
    ]
    if words.no_healthy_side(findings) is not None:
        held = sum(reference.is_held(row) for row in findings.norms)
        refused = reference.refused_for_age(findings)
        said = refused or f"{held} values held against limits, {len(outside)} outside"
        outside = [f"Reference values: {reference.set_words(findings.provenance)}", said, *outside]
    return "\n".join(outside)


def banner(findings: Findings) -> Text:
    """Subject, protocol, date in one line; simulated data say so first."""
    exam = findings.exam
    text = Text(f"{exam.get('subject')}  {exam.get('protocol')}  {words.date(exam.get('created'))}", style="bold")
    if exam.get("simulated"):
        text = Text.assemble(("SIMULATED DATA ", "bold yellow"), text)
    text.truncate(78, overflow="ellipsis")
    return text


def _legend(findings: Findings, notes: _Notes) -> list[str]:
    _, _, one, two = words.sides(findings)
    lines = [
        f"{words.side_words(findings)}; lat = onset",
        f"Ratio = {one}/{two} of peak to peak (pp); 95 %: noise, artefact left. No diagnosis.",
        words.REPLACEMENT,
    ]
    shown = [f"{m} {words.MARKERS[m]}" for m in words.MARKERS if m in notes.markers]
    if shown:
        lines.append("; ".join(shown))
    return lines


def _reason(key: str, text: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column(overflow="fold")
    grid.add_row(Text(key, style="yellow"), Text(text))
    return grid
