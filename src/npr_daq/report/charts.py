"""Charts of the report: ratios with their intervals, and the recruitment curve of every site."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.rows import SymmetryRow
from npr_daq.findings.summed import ALL_BRANCHES, SummedRow
from npr_daq.findings.supramaximal import Curve
from npr_daq.report import words
from npr_daq.report.figures import FAINT, FIRST, INK, QUIET, SECOND, styled, to_svg
from npr_daq.report.wording import side_of

Row = SymmetryRow | SummedRow

CurvesBySite = Mapping[tuple[Side, Branch], tuple[Curve, int]]
"""The curve of a site and the row of its headline muscle in it."""


def ratios(findings: Findings, *, name: str = "ratios") -> str:
    """Bars of affected over healthy: the sums, the trunk's muscles, those of the branches; a withheld ratio says why.

    The dark whisker is the 95 % interval of the sweeps, the pale one the re-placement error of its source.
    """
    rows: list[Row] = [*sorted(findings.summed, key=lambda row: row.stimulated != ALL_BRANCHES), *findings.symmetry]
    if not any(row.percent is not None for row in rows):
        return ""
    right = min(max(125.0, 12.0 + max(_end(row) for row in rows)), 250.0)
    places, headings, height = _places(rows)
    with styled():
        figure = Figure(figsize=(7.2, 0.75 + ROW_INCH * height))
        tall = figure.get_figheight()
        axes = figure.add_axes((0.315, 0.62 / tall, 0.67, (tall - 0.66) / tall))
        for limit in (10, 30, 50, 70):
            axes.axvline(limit, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(100, color=QUIET, linewidth=0.9, zorder=1)
        for place, row in zip(places, rows, strict=True):
            _bar(axes, place, row, findings, right)
        axes.set_xlim(0, right)
        axes.set_ylim(height, 0)
        axes.set_yticks(places, [_name(row) for row in rows], fontsize=8.5)
        for place, text in headings:
            axes.text(-0.468, place, text, transform=axes.get_yaxis_transform(), va="center", fontweight="bold")
        axes.tick_params(axis="y", length=0)
        bands = "thin lines: display bands 10, 30, 50, 70 % [proposal]"
        axes.set_xlabel(f"{words.numerator_words(findings)}, peak to peak (%)\n{bands}", fontsize=8.5)
        return to_svg(figure, name=name, label="Ratios: " + "; ".join(_spoken(row) for row in rows))


ROW_INCH = 0.215
SUMS = {ALL_BRANCHES: "All branches"}
PALE = "#8fa5bd"


def _places(rows: list[Row]) -> tuple[list[float], list[tuple[float, str]], float]:
    """Where each row and each group's heading stands from the top, and the height of all, in rows."""
    places: list[float] = []
    headings: list[tuple[float, str]] = []
    at, previous = 0.0, ""
    for row in rows:
        group = _group(row)
        if group != previous:
            at += 0.6 if previous else 0.0
            headings.append((at + 0.5, group))
            at, previous = at + 1.0, group
        places.append(at + 0.5)
        at += 1.0
    return places, headings, at + 0.1


def _group(row: Row) -> str:
    if isinstance(row, SummedRow):
        return "Summed over the muscles"
    return "Stimulated at the trunk" if row.branch == Branch.TRUNK else "Stimulated at the branch"


def _end(row: Row) -> float:
    """How far to the right a row reaches."""
    if row.percent is None:
        return 0.0
    high = row.ci95_percent[1] if row.ci95_percent else row.percent
    return max(high, row.percent * (1 + words.REPLACEMENT_PERCENT[1] / 100))


def _bar(axes: Axes, place: float, row: Row, findings: Findings, right: float) -> None:
    if row.percent is None:
        axes.barh(place, right, height=0.66, color="white", edgecolor="#b5b5b5", hatch="////", linewidth=0)
        why = (row.withheld or "") if isinstance(row, SummedRow) else words.withheld_words(findings, row)
        axes.text(1.0, place, why, va="center", fontsize=8, color=INK, style="italic",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip
        return
    colour = "#9db8d4" if isinstance(row, SummedRow) else "#c9d8e8"
    axes.barh(place, row.percent, height=0.66, color=colour, edgecolor=SECOND, linewidth=0.7, zorder=2)
    share = words.REPLACEMENT_PERCENT[1] / 100
    _whisker(axes, place, (row.percent * (1 - share), row.percent * (1 + share)), colour=PALE, width=1.0)
    if row.ci95_percent is not None:
        _whisker(axes, place, row.ci95_percent, colour=INK, width=1.3)
    end = _end(row)
    at = end + 1.2 if end + 10 < right else 1.2
    axes.text(at, place, f"{row.percent:.0f} %", va="center", fontsize=8.5, fontweight="bold", zorder=5)


def _whisker(axes: Axes, place: float, ends: tuple[float, float], *, colour: str, width: float) -> None:
    axes.plot(ends, [place, place], color=colour, linewidth=width, zorder=3)
    for edge in ends:
        axes.plot([edge, edge], [place - 0.18, place + 0.18], color=colour, linewidth=width, zorder=4)


def _name(row: Row) -> str:
    if isinstance(row, SummedRow):
        of = len(row.muscles) + len(row.left_out)
        some = f" ({len(row.muscles)} of {of})" if row.muscles and row.left_out else ""
        return (SUMS.get(row.stimulated) or words.SHORT_BRANCHES[Branch(row.stimulated)]) + some
    muscle = words.muscle_words(row.muscle)
    return muscle if row.branch == Branch.TRUNK else f"{words.SHORT_BRANCHES[Branch(row.branch)]} · {muscle}"


def _spoken(row: Row) -> str:
    said = "withheld" if row.percent is None else f"{row.percent:.0f} percent"
    if isinstance(row, SummedRow):
        return f"sum of {_name(row)} {said}"
    return f"{words.BRANCHES[Branch(row.branch)]} {words.muscle_words(row.muscle)} {said}"


def recruitment(findings: Findings, curves: CurvesBySite, *, name: str = "recruitment") -> str:
    """Amplitude against current for the headline muscle of every site, both sides in one panel."""
    branches = [branch for branch in Branch if any((side, branch) in curves for side in Side)]
    if not branches:
        return ""
    first, second, _, _ = words.sides(findings)
    columns = min(3, len(branches))
    lines = -(-len(branches) // columns)
    headlines = dict(words.pairs(findings, every_muscle=False))
    with styled():
        figure = Figure(figsize=(11.0, 2.2 * lines + 0.35))
        panels = figure.subplots(lines, columns, squeeze=False)
        for place, branch in enumerate(branches):
            axes = panels[place // columns][place % columns]
            for side, colour, mark in ((first, FIRST, "s"), (second, SECOND, "o")):
                _curve(axes, findings, curves.get((side, branch)), side, branch, headlines[branch], colour, mark)
            title = f"{words.BRANCHES[branch]} · {words.muscle_words(headlines[branch])}"
            axes.set_title(title, fontsize=9, fontweight="bold", loc="left")
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
            axes.grid(color=FAINT, linewidth=0.5)
            axes.set_axisbelow(True)
            if place // columns == lines - 1 or place + columns >= len(branches):
                axes.set_xlabel("current (mA)")
            if place % columns == 0:
                axes.set_ylabel("peak to peak (mV)")
            if place == 0:
                axes.legend(fontsize=8, frameon=False, loc="lower right")
        for empty in range(len(branches), lines * columns):
            panels[empty // columns][empty % columns].set_visible(False)
        figure.subplots_adjust(
            left=0.06, right=0.985, top=0.93, bottom=0.11 if lines > 1 else 0.2, hspace=0.42, wspace=0.2
        )
        label = "Recruitment curves, amplitude against current, for " + ", ".join(words.BRANCHES[b] for b in branches)
        return to_svg(figure, name=name, label=label)


def _curve(
    axes: Axes,
    findings: Findings,
    found: tuple[Curve, int] | None,
    side: Side,
    branch: Branch,
    muscle: Muscle,
    colour: str,
    mark: str,
) -> None:
    """One side: hollow marks for the search, a filled last mark where supramaximal is proved."""
    if found is None or not found[0].current_ma.size:
        return
    curve, row = found
    sizes = curve.peak_to_peak_mv[row]
    axes.plot(
        curve.current_ma, sizes, color=colour, linewidth=1.1, marker=mark, markersize=4.2,
        markerfacecolor="white", markeredgewidth=1.0, label=side_of(findings, side),
    )  # fmt: skip
    tested = words.conduction_of(findings, side, branch, muscle)
    if tested is not None and tested.supramaximal.proved:
        last = int(np.argmax(curve.current_ma))
        axes.plot(curve.current_ma[last], sizes[last], color=colour, marker=mark, markersize=5.2)
