"""Resting tone: the table of both sides and the picture beside it."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npr_daq.findings.findings import Findings
from npr_daq.findings.synkinesis_rows import Interval, ToneRow
from npr_daq.report import words
from npr_daq.report.figures import FAINT, FIRST, SECOND, styled, to_svg
from npr_daq.report.grouped import Group, GroupedLine, GroupedSheet, Remarks, without_empty
from npr_daq.report.synkinesis_sheets import percent
from npr_daq.report.synkinesis_tables import moved_sides, tone_rows
from npr_daq.report.synkinesis_words import TONE_LIMITS, interval, known, outstanding, with_interval
from npr_daq.report.wording import side_of

ROW_INCH = 0.27


def tone_sheet(findings: Findings) -> GroupedSheet | None:
    """RMS at rest of every muscle, both sides, with their ratio; None where no rest was recorded."""
    rows = tone_rows(findings)
    if not rows:
        return None
    sides = moved_sides(findings)
    first, second, one, two = sides.first, sides.second, sides.one, sides.two
    remarks = Remarks()
    marked = outstanding(rows)
    lines = tuple(
        GroupedLine(
            (words.muscle_words(row.muscle),),
            (
                _level(row.affected_uv, row.affected_ci95_uv),
                _level(row.healthy_uv, row.healthy_ci95_uv),
                with_interval(row.ratio, row.ci95),
                str(row.seconds),
                percent(row.left_out.affected),
                percent(row.left_out.healthy),
            ),
            notes=remarks.numbers(row.reasons),
            strong=row in marked,
        )
        for row in rows
    )
    groups = (
        Group("RMS at rest [95 %]", "µV", (one, two)),
        Group(f"Ratio {one}/{two} [95 %]"),
        Group("Seconds compared", "s"),
        Group("Left out as blinks", "%", (one, two)),
    )
    low, high = TONE_LIMITS
    caption = (
        f"{one} = {side_of(findings, first)}, {two} = {side_of(findings, second)}. RMS of 20 to 450 Hz second by "
        "second, noise of skin and amplifier included: small values are more alike than the muscles are. "
        f"Bold: ratio outside {low:g}–{high:g} [proposal] with an interval that holds no 1."
    )
    return without_empty(GroupedSheet("Muscles at rest", caption, ("Muscle",), groups, lines, remarks.told()))


def tone_picture(findings: Findings, *, name: str = "tone") -> str:
    """Both sides of every muscle as dots with intervals on one logarithmic axis; empty text where there is no value."""
    rows = [row for row in tone_rows(findings) if _positive(row.affected_uv) or _positive(row.healthy_uv)]
    if not rows:
        return ""
    sides = moved_sides(findings)
    first, second, one, two = sides.first, sides.second, sides.one, sides.two
    # A side has one colour on the whole page.
    colours = (FIRST, SECOND) if first == words.sides(findings)[0] else (SECOND, FIRST)
    with styled():
        figure = Figure(figsize=(11.0, 0.95 + ROW_INCH * len(rows)))
        tall = figure.get_figheight()
        axes = figure.add_axes((0.2, 0.52 / tall, 0.77, (tall - 0.9) / tall))
        axes.set_xscale("log")
        drawn: list[float] = []
        for place, row in enumerate(rows):
            drawn += _dot(axes, place - 0.15, row.affected_uv, row.affected_ci95_uv, colours[0], "s")
            drawn += _dot(axes, place + 0.15, row.healthy_uv, row.healthy_ci95_uv, colours[1], "o")
        low, high = min(drawn) / 1.25, max(drawn) * 1.25
        axes.set_xlim(low, high)
        ticks = _ticks(low, high)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), [words.muscle_words(row.muscle) for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel("RMS at rest (µV), logarithmic")
        for column, (side, letter, colour) in enumerate(((first, one, colours[0]), (second, two, colours[1]))):
            mark = "■" if column == 0 else "●"
            axes.text(0.25 * column, 1.03, f"{mark} {letter}: {side_of(findings, side)}", transform=axes.transAxes,
                      color=colour, fontweight="bold", va="bottom")  # fmt: skip
        label = "Activity at rest: " + "; ".join(_spoken(row, str(first), str(second)) for row in rows)
        return to_svg(figure, name=name, label=label)


def _level(value: float | None, ends: Interval | None) -> str:
    one = known(value)
    return "–" if one is None else f"{one:.2f} {interval(ends)}".strip()


def _positive(value: float | None) -> bool:
    return known(value) is not None and (value or 0.0) > 0


def _dot(
    axes: Axes, place: float, value: float | None, ends: Interval | None, colour: str, mark: str
) -> Sequence[float]:
    """Draw one side; what was drawn, for the axis."""
    if not _positive(value) or value is None:
        return ()
    drawn = [value]
    if ends is not None and all(_positive(end) for end in ends):
        axes.plot(ends, [place, place], color=colour, linewidth=1.3, zorder=2)
        for end in ends:
            axes.plot([end, end], [place - 0.09, place + 0.09], color=colour, linewidth=1.3, zorder=2)
        drawn += ends
    axes.plot([value], [place], color=colour, marker=mark, markersize=5.5, markeredgecolor="white",
              markeredgewidth=0.5, zorder=3)  # fmt: skip
    return drawn


def _ticks(low: float, high: float) -> list[float]:
    """Round steps times powers of ten between the ends."""
    begin, end = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [step * 10.0**power for power in range(begin, end + 1) for step in (1, 1.5, 2, 3, 5, 7)]
    return [tick for tick in every if low <= tick <= high]


def _spoken(row: ToneRow, first: str, second: str) -> str:
    values = ", ".join(
        f"{side} {'not measured' if known(value) is None else f'{value:.1f} microvolts'}"
        for side, value in ((first, row.affected_uv), (second, row.healthy_uv))
    )
    return f"{words.muscle_words(row.muscle)} {values}"
