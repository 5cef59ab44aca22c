"""Envelopes of the declared pairs: mover and slave, affected beside healthy at one gain, repetitions superimposed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from npr_daq.anatomy import Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.recording import Recording
from npr_daq.report import words
from npr_daq.report.figures import FAINT, FIRST, INK, QUIET, SECOND, styled, to_svg
from npr_daq.report.repetition_traces import TaskTraces, task_traces
from npr_daq.report.synkinesis_tables import Moved, in_order
from npr_daq.report.synkinesis_words import task_words
from npr_daq.report.wording import side_of

ROW_INCH = 0.92
WIDTH_INCH = 11.0
LEAST_UV = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    traces: TaskTraces
    muscle: Muscle
    slave: bool


def envelopes(findings: Findings, found: Moved, recording: Recording, *, name: str = "envelopes") -> str:
    """The tasks of the declared pairs as one picture; empty text where nothing of them was recorded."""
    rows = _rows(found, recording)
    if not rows:
        return ""
    first, second, _, _ = words.sides(findings)
    with styled():
        figure = Figure(figsize=(WIDTH_INCH, 0.85 + ROW_INCH * len(rows)))
        tall = figure.get_figheight()
        panels = figure.subplots(len(rows), 2, squeeze=False)
        figure.subplots_adjust(left=0.2, right=0.99, top=1 - 0.34 / tall, bottom=0.5 / tall, hspace=0.28, wspace=0.06)
        for place, row in enumerate(rows):
            top = _gain(row, (first, second))
            for column, (side, colour) in enumerate(((first, FIRST), (second, SECOND))):
                axes = panels[place][column]
                _panel(axes, row, side, colour, top)
                if place == 0:
                    title = side_of(findings, side).upper()
                    axes.set_title(title, fontsize=10, fontweight="bold", color=colour, pad=6)
                if place == len(rows) - 1:
                    axes.set_xlabel("time from the cue (s)")
                else:
                    axes.tick_params(axis="x", labelbottom=False)
                if column:
                    axes.tick_params(axis="y", labelleft=False)
            _name(panels[place][0], row, new=place == 0 or rows[place - 1].traces is not row.traces)
        label = "Envelopes of the repetitions: " + "; ".join(
            f"{task_words(row.traces.task)}, {words.muscle_words(row.muscle)}" for row in rows
        )
        return to_svg(figure, name=name, label=label)


def _rows(found: Moved, recording: Recording) -> list[_Row]:
    rows: list[_Row] = []
    for task in in_order([row.task for row in found.declared]):
        pairs = [row for row in found.declared if row.task == task]
        master, *slaves = (Muscle(name) for name in (pairs[0].master, *(row.slave for row in pairs)))
        traces = task_traces(recording, task, (master, *slaves), found.repetitions)
        if traces is not None:
            rows += [_Row(traces, muscle, slave=muscle is not master) for muscle in (master, *slaves)]
    return rows


def _gain(row: _Row, sides: Sequence[Side]) -> float:
    """The height in microvolts that holds both sides."""
    parts = [row.traces.uv[side, row.muscle] for side in sides if (side, row.muscle) in row.traces.uv]
    known = [part[np.isfinite(part)] for part in parts]
    return max([LEAST_UV, *(1.1 * float(part.max()) for part in known if part.size)])


def _panel(axes: Axes, row: _Row, side: Side, colour: str, top: float) -> None:
    traces = row.traces
    time = traces.time_s
    axes.set_xlim(float(time[0]), float(time[-1]))
    axes.set_ylim(0, top)
    axes.locator_params(axis="y", nbins=3)
    axes.axvspan(0.0, traces.hold_s, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
    axes.axvline(0.0, color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
    uv = traces.uv.get((side, row.muscle))
    if uv is None or not np.isfinite(uv).any():
        text = "not recorded" if traces.count and uv is None else "no repetition accepted"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=QUIET, style="italic")
        return
    axes.add_collection(
        LineCollection([np.column_stack([time, one]) for one in uv], colors=QUIET, linewidths=0.6, alpha=0.8, zorder=2)
    )
    seen = np.isfinite(uv).sum(axis=0)
    mean = np.where(seen > 0, np.nansum(uv, axis=0) / np.maximum(seen, 1), np.nan)
    axes.plot(time, mean, color=colour, linewidth=1.8, zorder=3)
    axes.text(
        0.995, 0.94, f"n = {len(uv)} of {traces.made}", transform=axes.transAxes, ha="right", va="top", fontsize=8
    )


def _name(axes: Axes, row: _Row, *, new: bool) -> None:
    if new:
        axes.text(-0.475, 1.02, task_words(row.traces.task), transform=axes.transAxes, fontweight="bold", va="center")
    text = f"{'→ ' if row.slave else ''}{words.muscle_words(row.muscle)}"
    axes.text(-0.12, 0.56, text, transform=axes.transAxes, ha="right", va="center", color=INK)
    axes.text(-0.12, 0.32, "µV" if row.slave else "µV, prime mover", transform=axes.transAxes, ha="right", va="center",
              color=QUIET, fontsize=8)  # fmt: skip
