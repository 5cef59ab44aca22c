"""Stacked traces: affected beside healthy at one gain, negative up, sweeps thin, average thick, cursors, scale bars."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
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
        grid = figure.subplots(
            len(rows),
            2,
            squeeze=False,
            gridspec_kw={
                "left": 0.125,
                "right": 0.955,
                "top": 1 - 0.32 / figure.get_figheight(),
                "bottom": 0.18 / figure.get_figheight(),
                "wspace": 0.09,
                "hspace": 0.06,
            },
        )
        for place, (branch, muscle) in enumerate(rows):
            pair = [(side, series.get((side, branch))) for side in (first, second)]
            gain = _gain([(s, s.row(muscle)) for _, s in pair if s is not None])
            for column, ((side, one), colour) in enumerate(zip(pair, (FIRST, SECOND), strict=True)):
                axes = grid[place][column]
                _frame(axes, gain, branch, muscle if column == 0 else None)
                row = words.conduction_of(findings, side, branch, muscle)
                _trace(axes, one, muscle, row, colour, gain, window)
                if place == 0:
                    axes.set_title(side_of(findings, side).upper(), fontsize=10, fontweight="bold", color=colour, pad=4)
            _bars(grid[place][1], gain, with_time=place == len(rows) - 1)
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


def _frame(axes: Axes, gain: float, branch: Branch, muscle: Muscle | None) -> None:
    bare(axes)
    axes.set_xlim(START_MS, END_MS)
    axes.set_ylim(-gain, gain)
    for tick in np.arange(GRID_MS, END_MS, GRID_MS):
        axes.axvline(tick, color=FAINT, linewidth=0.5, zorder=0)
    axes.axhline(0.0, color=FAINT, linewidth=0.5, zorder=0)
    axes.axvline(0.0, color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
    if muscle is not None:
        text = f"{words.BRANCHES[branch]}"
        axes.text(-0.03, 0.56, text, transform=axes.transAxes, ha="right", va="bottom", fontweight="bold")
        axes.text(-0.03, 0.5, words.muscle_words(muscle), transform=axes.transAxes, ha="right", va="top")


def _trace(
    axes: Axes,
    series: Series | None,
    muscle: Muscle,
    row: ConductionRow | None,
    colour: str,
    gain: float,
    window_ms: tuple[float, float],
) -> None:
    index = None if series is None else series.row(muscle)
    marker = words.marker(row)
    if series is None or index is None or not series.count:
        text = words.marker_words(row) or words.MARKERS[words.NOT_TESTED]
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=QUIET, style="italic")
        return
    for number in range(series.count):
        time = (np.arange(series.uv.shape[-1]) - series.stimulus_sample[index, number]) * 1e3 / series.rate_hz
        trace = series.uv[index, number]
        shown = (time >= START_MS) & (time <= END_MS)
        baseline = np.median(trace[(time >= -8.0) & (time <= -1.0)])
        axes.plot(time[shown], (baseline - trace[shown]) / 1e3, color=QUIET, linewidth=0.5, alpha=0.7, zorder=2)
    time, average = series.time_ms(index), _upright(series, index)
    shown = (time >= START_MS) & (time <= END_MS)
    axes.plot(time[shown], average[shown], color=colour, linewidth=1.5, zorder=3)
    if row is not None and row.artefact.method not in ("", Method.NONE):
        raw = _upright(series, index, raw=True)
        axes.plot(time[shown], raw[shown], color=colour, linewidth=1.0, alpha=RAW_ALPHA, zorder=1, clip_on=True)
    if row is None or marker is not None:
        text = f"{words.marker_words(row) or words.MARKERS[words.NOT_TESTED]} at {series.tried_ma:.3g} mA"
        axes.text(0.99, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=8.5, style="italic")
        return
    _cursors(axes, row, _end(series, index, row, window_ms), time, average, gain)
    onset = f"onset {row.onset_latency_ms:.2f} ms" if row.onset_latency_ms is not None else "onset withheld"
    if row.onset_latency_ms is not None and row.quality.accepted and row.quality.reasons:
        onset += " (see notes)"
    text = f"{onset} · pp {row.peak_to_peak_mv:.2f} mV · {row.current_ma:.3g} mA · n = {row.sweeps}"
    axes.text(0.99, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=8.5)
    axes.text(
        0.99, 0.12, _flaw(row), transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5, fontweight="bold"
    )


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
    axes: Axes,
    row: ConductionRow,
    end: float | None,
    time: NDArray[np.float64],
    average: NDArray[np.float64],
    gain: float,
) -> None:
    """Ticks on the trace at onset, negative peak and the end of the negative phase; none for what is withheld."""
    for at in (row.onset_latency_ms, row.peak_latency_ms, end):
        if at is None:
            continue
        level = float(np.interp(at, time, average))
        axes.plot([at, at], [level - 0.13 * gain, level + 0.13 * gain], color=INK, linewidth=1.1, zorder=4)


def _bars(axes: Axes, gain: float, *, with_time: bool) -> None:
    """Scale bars at the right edge, outside the trace: the gain of this row, and the time once."""
    size = nice(gain * 0.9)
    right = END_MS + 0.25
    axes.plot([right, right], [-size / 2, size / 2], color=INK, linewidth=1.4, clip_on=False)
    text = f"{size:g} mV" if size >= 0.1 else f"{size * 1e3:g} µV"
    axes.text(right + 0.15, 0.0, text, va="center", ha="left", fontsize=8, clip_on=False)
    if with_time:
        low = -gain * 1.02
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
