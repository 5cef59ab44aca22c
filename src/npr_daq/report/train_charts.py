"""Repetitive stimulation as pictures: the responses of each train from left to right, and the decrement curve."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npr_daq.anatomy import Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import TrainRow
from npr_daq.report import panel, words
from npr_daq.report.figures import FAINT, FIRST, INK, QUIET, SECOND, nice, styled, to_svg
from npr_daq.report.single_sweeps import Floats, SingleSweeps, Span
from npr_daq.report.wording import side_of

SPAN = Span(-1.0, 14.0, 0.1)
FROM_MS = 1.2
"""The gain is chosen by what lies behind this; the stimulus artefact before it is cut off."""
BAR_MS = 5.0
PITCH_MS = 16.0
"""From one response to the next in the picture; the train's own interval is far longer."""
PITCH_GAIN = 2.8
"""From one train to the next, in half heights."""
ROW_INCH, CURVE_INCH = 1.05, 2.3

Place = tuple[str, str]
"""Site and muscle of a train."""


def places(findings: Findings) -> list[Place]:
    """Every site and muscle with a train, in the order of the findings."""
    return list(dict.fromkeys((row.site, row.muscle) for row in findings.train))


def trains(findings: Findings, sweeps: Sequence[SingleSweeps], place: Place, *, name: str) -> str:
    """The trains of one site and muscle, both sides at one gain, over the decrement curve of both, as SVG."""
    site, muscle = place
    first, second, _, _ = words.sides(findings)
    by_side = {side: _responses(sweeps, side, site, muscle) for side in (first, second)}
    rows = max((len(found) for found in by_side.values()), default=0)
    count = max((len(train) for found in by_side.values() for train in found.values()), default=0)
    if not rows or not count:
        return ""
    gain = _gain(by_side)
    with styled():
        figure = Figure(figsize=(11.0, 0.6 + ROW_INCH * rows + CURVE_INCH))
        tall = figure.get_figheight()
        above = 1 - 0.3 / tall
        middle = (CURVE_INCH + 0.2) / tall
        for column, (side, colour) in enumerate(((first, FIRST), (second, SECOND))):
            axes = figure.add_axes((0.09 + 0.465 * column, middle, 0.44, above - middle))
            axes.set_title(side_of(findings, side).upper(), fontsize=10, fontweight="bold", color=colour, pad=4)
            _draw(axes, by_side[side], _of(findings, side, place), rows, count, gain, colour)
            if column == 1:
                panel.time_bar(axes, BAR_MS)
            else:
                size = nice(gain * 0.9)
                panel.gain_bar(axes, size, f"{size:g} mV" if size >= 0.1 else f"{size * 1e3:g} µV")
        below = figure.add_axes((0.09, 0.52 / tall, 0.62, (CURVE_INCH - 0.72) / tall))
        _curve(below, findings, place, count)
        spoken = "; ".join(_spoken(row) for row in findings.train if (row.site, row.muscle) == place)
        return to_svg(figure, name=name, label=f"Trains, {_title(place)}, negative up: {spoken}")


def _title(place: Place) -> str:
    return f"{words.site_words(place[0])}, {words.muscle_words(place[1])}"


def _of(findings: Findings, side: Side, place: Place) -> dict[int, TrainRow]:
    return {row.train: row for row in findings.train if (row.side, row.site, row.muscle) == (side, *place)}


def _responses(
    sweeps: Sequence[SingleSweeps], side: Side, site: str, muscle: str
) -> dict[int, list[tuple[int, Floats]]]:
    """Of every train the responses (number in the train, millivolts, negative up)."""
    found: dict[int, list[tuple[int, Floats]]] = {}
    for one in sweeps:
        uv = one.of(side, Muscle(muscle)) if (one.side, one.site) == (side, site) else None
        if uv is None:
            continue
        for row, (train, pulse) in zip(uv, one.where, strict=True):
            found.setdefault(train, []).append((pulse, -row / 1e3))
    return found


def _gain(by_side: dict[Side, dict[int, list[tuple[int, Floats]]]]) -> float:
    """Half the height of a row in mV: holds the largest response of either side."""
    after = SPAN.time_ms >= FROM_MS
    every = [mv[after] for found in by_side.values() for train in found.values() for _, mv in train]
    return 1.1 * max((float(np.nan_to_num(np.abs(mv)).max()) for mv in every), default=0.02)


def _draw(
    axes: Axes,
    found: dict[int, list[tuple[int, Floats]]],
    told: dict[int, TrainRow],
    rows: int,
    count: int,
    gain: float,
    colour: str,
) -> None:
    axes.set_xlim(SPAN.start_ms - 4.0, PITCH_MS * count)
    axes.set_ylim(-gain - PITCH_GAIN * gain * (rows - 1), 1.6 * gain)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks([PITCH_MS * k + 3.0 for k in range(count)], [str(k + 1) for k in range(count)], fontsize=8)
    axes.set_yticks([])
    axes.tick_params(length=0)
    for place, train in enumerate(sorted(found)):
        level = -PITCH_GAIN * gain * place
        for pulse, mv in found[train]:
            at = PITCH_MS * (pulse - 1)
            panel.lines(
                axes, SPAN.time_ms + at, np.clip(mv, -1.05 * gain, 1.05 * gain)[None] + level, colour=colour, width=1.1
            )
            axes.plot([at, at], [level - 0.3 * gain, level + 0.3 * gain], color=QUIET, linewidth=0.8,
                      linestyle=(0, (3, 2)), zorder=1)  # fmt: skip
        row = told.get(train)
        said = f"train {train}" if row is None else f"train {train}: {_said(row)}"
        axes.text(PITCH_MS * count, level + 1.12 * gain, said, ha="right", va="bottom", fontsize=8.5,
                  fontweight="bold")  # fmt: skip
    if not found:
        axes.text(0.5, 0.5, words.MARKERS[words.NOT_TESTED], transform=axes.transAxes, ha="center", style="italic",
                  color=QUIET)  # fmt: skip


def _said(row: TrainRow) -> str:
    if row.decrement_percent is None:
        return "no decrement: see the table"
    text = f"decrement {words.signed(row.decrement_percent, 1)} %"
    return text if row.quality.accepted else f"{text}, not acceptable"


def _curve(axes: Axes, findings: Findings, place: Place, count: int) -> None:
    """Every response in percent of the first of its train, both sides."""
    first, second, _, _ = words.sides(findings)
    lowest = 85.0
    for side, colour, marker in ((first, FIRST, "s"), (second, SECOND, "o")):
        for number, row in enumerate(_of(findings, side, place).values()):
            one = row.amplitudes_mv[0] if row.amplitudes_mv else None
            if not one:
                continue
            percent = [np.nan if mv is None else 100.0 * mv / one for mv in row.amplitudes_mv]
            lowest = min(lowest, float(np.nanmin(percent)) - 4.0)
            style = "-" if row.quality.accepted else ":"
            axes.plot(range(1, len(percent) + 1), percent, color=colour, marker=marker, markersize=4, linewidth=1.0,
                      linestyle=style, markerfacecolor="white" if number else colour,
                      label=side_of(findings, side) if number == 0 else None)  # fmt: skip
    axes.axhline(100.0, color=QUIET, linewidth=0.8)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlim(0.5, count + 0.5)
    axes.set_xticks(range(1, count + 1))
    axes.set_ylim(lowest, 115.0)
    axes.set_xlabel("shock of the train")
    axes.set_ylabel("peak to peak\n(% of the first)")
    axes.tick_params(colors=INK)
    axes.legend(fontsize=8.5, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.0))


def _spoken(row: TrainRow) -> str:
    return f"{row.side} train {row.train}: {_said(row)}"
