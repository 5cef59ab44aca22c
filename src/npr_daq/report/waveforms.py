"""Stacked traces: affected beside healthy at one gain, negative up, sweeps thin, average thick, cursors, scale bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from npr_daq.analysis import evoked
from npr_daq.analysis.artefact import Method
from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.parameters import DEFAULT
from npr_daq.findings.rows import UNPROVED, ConductionRow
from npr_daq.findings.series import Series
from npr_daq.report import words
from npr_daq.report.figures import FAINT, FIRST, INK, QUIET, SECOND, bare, nice, styled, to_svg
from npr_daq.report.wording import side_of

START_MS, END_MS = -1.5, 16.0
GRID_MS = 2.0
BAR_MS = 2.0
ROW_INCH = 1.05
PITCH = 2.06
"""From one row to the next, in half heights of a row."""
WIDTH_INCH = 11.0
RAW_ALPHA = 0.35
"""The average as recorded is drawn so faintly under the one without its stimulus artefact."""
FROM_MS = 1.2
"""The gain is chosen by what lies behind this; the stimulus artefact before it is cut off."""

SeriesBySite = Mapping[tuple[Side, Branch], Series]


def stacked(findings: Findings, series: SeriesBySite, rows: Sequence[tuple[Branch, Muscle]], *, name: str) -> str:
    """The traces of `rows`, one line each, top to bottom, as SVG; empty text when there is nothing to draw."""
    if not rows:
        return ""
    first, second, _, _ = words.sides(findings)
    used = findings.provenance.get("parameters") or DEFAULT.to_dict()
    window = (float(used["window_start_ms"]), float(used["window_end_ms"]))
    with styled():
        figure = Figure(figsize=(WIDTH_INCH, 0.55 + ROW_INCH * len(rows)))
        tall = figure.get_figheight()
        top, bottom = 1 - 0.32 / tall, 0.18 / tall
        panels = {}
        for column, (side, colour) in enumerate(((first, FIRST), (second, SECOND))):
            # One panel a column, its rows in half heights of their own gain: a panel for every row takes far longer.
            axes = figure.add_axes((0.125 + 0.425 * column, bottom, 0.405, top - bottom))
            _frame(axes, len(rows))
            axes.set_title(side_of(findings, side).upper(), fontsize=10, fontweight="bold", color=colour, pad=4)
            panels[side] = (axes, colour)
        for place, (branch, muscle) in enumerate(rows):
            pair = [series.get((side, branch)) for side in (first, second)]
            gain = _gain([(s, s.row(muscle)) for s in pair if s is not None])
            for side, one in zip((first, second), pair, strict=True):
                axes, colour = panels[side]
                row = words.conduction_of(findings, side, branch, muscle)
                _trace(_Strip(axes, -PITCH * place, gain), one, muscle, row, colour, window)
            _name(panels[first][0], -PITCH * place, branch, muscle)
            _bars(_Strip(panels[second][0], -PITCH * place, gain), with_time=place == len(rows) - 1)
        label = "Traces, negative up, " + "; ".join(_spoken(findings, branch, muscle) for branch, muscle in rows)
        return to_svg(figure, name=name, label=label)


def _gain(found: Sequence[tuple[Series, int | None]]) -> float:
    """Half height in mV that holds the larger of both sides, the same for both."""
    largest = 0.02
    for series, row in found:
        if row is None or not series.count:
            continue
        time, trace = series.time_ms(row), _upright(series, row)
        inside = (time >= FROM_MS) & (time <= END_MS)
        if inside.any():
            largest = max(largest, float(np.abs(trace[inside]).max()))
    return 1.3 * largest


def _upright(series: Series, row: int, *, raw: bool = False) -> NDArray[np.float64]:
    """The aligned average in mV on `series.time_ms(row)`, negative up, its baseline at zero; `raw`: as recorded.

    Drawn with straight lines between samples: the exact shift of the analysis rings around the stimulus artefact,
    and a picture must not show before the stimulus what never was there.
    """
    time = series.time_ms(row)
    late_ms = series.shifts_samples[row] * 1e3 / series.rate_hz
    own = (np.arange(series.uv.shape[-1]) - series.stimulus_sample[row][:, None]) * 1e3 / series.rate_hz
    uv = series.raw_uv if raw else series.uv
    trace = np.mean([np.interp(time, own[k] - late_ms[k], uv[row, k]) for k in range(series.count)], axis=0)
    baseline = (time >= -8.0) & (time <= -1.0)
    return np.asarray((np.median(trace[baseline]) - trace) / 1e3)


@dataclass(frozen=True, slots=True)
class _Strip:
    """One row of a panel: where its zero line is, and how many millivolts reach from there to its edge."""

    axes: Axes
    level: float
    gain: float

    def at(self, mv: NDArray[np.float64]) -> NDArray[np.float64]:
        """Millivolts as heights in the panel, cut off at the edges of the row."""
        return np.asarray(self.level + np.clip(mv / self.gain, -1.0, 1.0))

    def say(self, text: str, height: float, **style: Any) -> None:
        """Text at the right edge of the row, `height` from -1 to 1."""
        self.axes.text(END_MS - 0.15, self.level + height, text, ha="right", fontsize=8.5, zorder=5, **style)


def _frame(axes: Axes, rows: int) -> None:
    bare(axes)
    low, high = -PITCH * (rows - 1) - PITCH / 2, PITCH / 2
    axes.set_xlim(START_MS, END_MS)
    axes.set_ylim(low, high)
    axes.vlines(np.arange(GRID_MS, END_MS, GRID_MS), low, high, colors=FAINT, linewidth=0.5, zorder=0)
    axes.hlines(-PITCH * np.arange(rows), START_MS, END_MS, colors=FAINT, linewidth=0.5, zorder=0)
    axes.axvline(0.0, color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)


def _name(axes: Axes, level: float, branch: Branch, muscle: Muscle) -> None:
    left = START_MS - 0.03 * (END_MS - START_MS)
    axes.text(left, level + 0.12, words.BRANCHES[branch], ha="right", va="bottom", fontweight="bold")
    axes.text(left, level, words.muscle_words(muscle), ha="right", va="top")


def _trace(
    strip: _Strip,
    series: Series | None,
    muscle: Muscle,
    row: ConductionRow | None,
    colour: str,
    window_ms: tuple[float, float],
) -> None:
    axes = strip.axes
    index = None if series is None else series.row(muscle)
    marker = words.marker(row)
    if series is None or index is None or not series.count:
        text = words.marker_words(row) or words.MARKERS[words.NOT_TESTED]
        axes.text((START_MS + END_MS) / 2, strip.level, text, ha="center", va="center", color=QUIET, style="italic")
        return
    sweeps = []
    for number in range(series.count):
        time = (np.arange(series.uv.shape[-1]) - series.stimulus_sample[index, number]) * 1e3 / series.rate_hz
        trace = series.uv[index, number]
        shown = (time >= START_MS) & (time <= END_MS)
        baseline = np.median(trace[(time >= -8.0) & (time <= -1.0)])
        sweeps.append(np.column_stack([time[shown], strip.at((baseline - trace[shown]) / 1e3)]))
    axes.add_collection(LineCollection(sweeps, colors=QUIET, linewidths=0.5, alpha=0.7, zorder=2))
    time, average = series.time_ms(index), _upright(series, index)
    shown = (time >= START_MS) & (time <= END_MS)
    axes.plot(time[shown], strip.at(average[shown]), color=colour, linewidth=1.5, zorder=3)
    if row is not None and row.artefact.method not in ("", Method.NONE):
        raw = _upright(series, index, raw=True)
        axes.plot(time[shown], strip.at(raw[shown]), color=colour, linewidth=1.0, alpha=RAW_ALPHA, zorder=1)
    if row is None or marker is not None:
        text = f"{words.marker_words(row) or words.MARKERS[words.NOT_TESTED]} at {series.tried_ma:.3g} mA"
        strip.say(text, 0.92, va="top", style="italic")
        return
    _cursors(strip, row, _end(series, index, row, window_ms), time, average)
    onset = f"onset {row.onset_latency_ms:.2f} ms" if row.onset_latency_ms is not None else "onset withheld"
    if row.onset_latency_ms is not None and row.quality.accepted and row.quality.reasons:
        onset += " (see notes)"
    strip.say(f"{onset} · pp {row.peak_to_peak_mv:.2f} mV · {row.current_ma:.3g} mA · n = {row.sweeps}", 0.92, va="top")
    strip.say(_flaw(row), -0.76, va="bottom", fontweight="bold")


def _flaw(row: ConductionRow) -> str:
    """What bars the amplitude, in a few words; a missing plateau is named where nothing else failed."""
    if row.quality.accepted:
        return "" if row.supramaximal.proved else words.NOT_PROVED
    alone = bool(row.quality.reasons) and row.quality.reasons[0].startswith(UNPROVED)
    return words.NOT_PROVED if alone else "not acceptable"


def _end(series: Series, index: int, row: ConductionRow, window_ms: tuple[float, float]) -> float | None:
    """Where the negative phase ends, ms; also where the onset that it is counted from is withheld."""
    if row.negative_duration_ms is None:
        return None
    if row.onset_latency_ms is not None:
        return row.onset_latency_ms + row.negative_duration_ms
    found = evoked.measure(
        series.average_uv[index],
        rate_hz=series.rate_hz,
        stimulus_sample=series.average_stimulus[index],
        window_ms=window_ms,
    )
    end = float(found.onset_latency_ms + found.negative_duration_ms)
    return end if np.isfinite(end) else None


def _cursors(
    strip: _Strip,
    row: ConductionRow,
    end: float | None,
    time: NDArray[np.float64],
    average: NDArray[np.float64],
) -> None:
    """Ticks on the trace at onset, negative peak and the end of the negative phase; none for what is withheld."""
    for at in (row.onset_latency_ms, row.peak_latency_ms, end):
        if at is None:
            continue
        level = float(strip.at(np.interp([at], time, average))[0])
        strip.axes.plot([at, at], [level - 0.13, level + 0.13], color=INK, linewidth=1.1, zorder=4)


def _bars(strip: _Strip, *, with_time: bool) -> None:
    """Scale bars at the right edge, outside the trace: the gain of this row, and the time once."""
    axes, size = strip.axes, nice(strip.gain * 0.9)
    right, half = END_MS + 0.25, size / 2 / strip.gain
    axes.plot([right, right], [strip.level - half, strip.level + half], color=INK, linewidth=1.4, clip_on=False)
    text = f"{size:g} mV" if size >= 0.1 else f"{size * 1e3:g} µV"
    axes.text(right + 0.15, strip.level, text, va="center", ha="left", fontsize=8, clip_on=False)
    if with_time:
        low = strip.level - 1.02
        axes.plot([END_MS - BAR_MS, END_MS], [low, low], color=INK, linewidth=1.4, clip_on=False)
        axes.text(END_MS - BAR_MS - 0.15, low, f"{BAR_MS:g} ms", va="center", ha="right", fontsize=8, clip_on=False)


def _spoken(findings: Findings, branch: Branch, muscle: Muscle) -> str:
    first, second, _, _ = words.sides(findings)
    parts = []
    for side in (first, second):
        row = words.conduction_of(findings, side, branch, muscle)
        marker = words.marker(row)
        said = words.marker_words(row) if marker else f"{words.number(row.peak_to_peak_mv if row else None, 2)} mV"
        parts.append(f"{side} {said}")
    return f"{words.BRANCHES[branch]} {words.muscle_words(muscle)}: {', '.join(parts)}"
