"""Excitability thresholds as bars: both sides at every site, the bracket as a whisker, the difference in words."""

from collections import Counter

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npr_daq.anatomy import SITES, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import PRESENT, ExcitabilityRow
from npr_daq.report import words
from npr_daq.report.figures import FAINT, FIRST, INK, SECOND, styled, to_svg
from npr_daq.report.wording import side_of

ROW_INCH = 0.5
BAR = 0.36

Key = tuple[str, float, int]
"""Site, pulse width, and which of the rows of one side there; the muscle that answers may differ between the sides."""


def keys(findings: Findings) -> list[Key]:
    """Every site and width that was tried, top to bottom of the face."""
    order = [str(site) for site in SITES]
    most = Counter((row.side, row.site, row.width_us) for row in findings.excitability)
    found = {(site, width, number) for (_, site, width), count in most.items() for number in range(count)}
    return sorted(found, key=lambda key: (order.index(key[0]), key[1], key[2]))


def row_of(findings: Findings, side: Side, key: Key) -> ExcitabilityRow | None:
    """The row of one side."""
    site, width, number = key
    rows = [r for r in findings.excitability if (r.side, r.site, r.width_us) == (side, site, width)]
    return rows[number] if number < len(rows) else None


def thresholds(findings: Findings, *, name: str = "thresholds") -> str:
    """The bars as SVG; empty text where no threshold was looked for."""
    found = keys(findings)
    if not found:
        return ""
    first, second, one, two = words.sides(findings)
    top = max([1.0, *(v for r in findings.excitability for v in (r.threshold_ma, r.high_ma) if v is not None)])
    with styled():
        figure = Figure(figsize=(11.0, 0.75 + ROW_INCH * len(found)))
        tall = figure.get_figheight()
        axes = figure.add_axes((0.18, 0.45 / tall, 0.8, (tall - 0.75) / tall))
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlim(0, 1.6 * top)
        axes.set_ylim(len(found) - 0.5, -0.5)
        for place, key in enumerate(found):
            for side, offset, colour in ((first, -0.2, FIRST), (second, 0.2, SECOND)):
                _bar(axes, place + offset, row_of(findings, side, key), colour, top)
        names = [f"{words.site_words(site)} ({width:g} µs)" for site, width, _ in found]
        axes.set_yticks(range(len(found)), names)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("threshold (mA), whisker: its bracket")
        for x, side, colour in ((0.0, first, FIRST), (0.3, second, SECOND)):
            axes.text(x, 1.0, f"■ {side_of(findings, side)}", transform=axes.transAxes, color=colour, va="bottom",
                      fontweight="bold")  # fmt: skip
        spoken = "; ".join(
            f"{words.site_words(r.site)} {r.side} {words.muscle_words(r.muscle)}: {r.verdict} "
            f"{words.number(r.threshold_ma, 2)} mA"
            for r in findings.excitability
        )
        return to_svg(figure, name=name, label=f"Thresholds, {one} above {two}: {spoken}")


def _bar(axes: Axes, place: float, row: ExcitabilityRow | None, colour: str, top: float) -> None:
    if row is None:
        axes.text(0.01 * top, place, words.MARKERS[words.NOT_TESTED], va="center", fontsize=8.5, style="italic")
        return
    if row.threshold_ma is None:
        said = row.verdict if row.high_ma is None and row.low_ma is None else _tried(row)
        axes.text(0.01 * top, place, said, va="center", fontsize=8.5, style="italic")
        return
    axes.barh(place, row.threshold_ma, height=BAR, color=colour, alpha=0.45, edgecolor=colour, linewidth=0.8)
    ends = [end for end in (row.low_ma, row.high_ma) if end is not None]
    if len(ends) == 2:
        axes.plot(ends, [place, place], color=INK, linewidth=1.2)
        for end in ends:
            axes.plot([end, end], [place - 0.1, place + 0.1], color=INK, linewidth=1.2)
    mark = "" if row.verdict == PRESENT else f" ({row.verdict})"
    below = "≤ " if row.low_ma is None else ""
    text = f"{below}{row.threshold_ma:.2f} mA{mark}, {words.muscle_words(row.muscle)}"
    if row.difference_ma is not None:
        text += f", difference {words.signed(row.difference_ma, 2)} mA"
    axes.text(max([row.threshold_ma, *ends]) + 0.015 * top, place, text, va="center", fontsize=8.5)


def _tried(row: ExcitabilityRow) -> str:
    highest = max(end for end in (row.low_ma, row.high_ma) if end is not None)
    return f"{row.verdict}; tried up to {highest:.3g} mA"
