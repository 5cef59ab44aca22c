"""The blink reflex as a picture: sweeps superimposed, both eyes, each side stimulated, negative up, marks at R1, R2."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npr_daq.analysis.reflex import R1_MS
from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import ABSENT, PRESENT, ReflexRow
from npr_daq.report import panel, words
from npr_daq.report.figures import FIRST, QUIET, SECOND, styled, to_svg
from npr_daq.report.reflex_sheets import EYE, R2, R2C, row_of
from npr_daq.report.single_sweeps import Floats, SingleSweeps, Span
from npr_daq.report.wording import side_of

SPAN = Span(-10.0, 90.0, 0.25)
DIVISION_MS = 10.0
GAINS_UV = (20.0, 50.0, 100.0, 200.0, 500.0)
"""Microvolts a division (clinical reference 8: 50 to 200 uV a division); smaller and larger only where it must be."""
HALF_DIVISIONS = 2.0
HEADROOM = 1.8
A_SHEET = 3
EYES_INCH, OTHERS_INCH = 1.75, 1.25
ALWAYS = (Muscle.ORBICULARIS_ORIS, Muscle.MENTALIS)
"""Muscles that are looked at for synkinetic blinks by convention (clinical reference 4.2)."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """One panel: what was stimulated, and which muscle of which side is seen."""

    stimulated: Side
    side: Side
    muscle: Muscle


def eyes(findings: Findings, sweeps: Sequence[SingleSweeps], *, name: str = "blink") -> str:
    """Both orbiculares oculi, a row for each stimulated side, as SVG; empty text without sweeps."""
    return _figure(findings, sweeps, [EYE], name=name, inch=EYES_INCH)


def others(findings: Findings, sweeps: Sequence[SingleSweeps], *, name: str = "blink-others") -> list[str]:
    """The other muscles that are looked at for a blink that spreads, drawn alike; `A_SHEET` of them on each sheet."""
    muscles = shown(findings)
    return [
        _figure(findings, sweeps, muscles[place : place + A_SHEET], name=f"{name}{place}", inch=OTHERS_INCH)
        for place in range(0, len(muscles), A_SHEET)
    ]


def shown(findings: Findings) -> list[Muscle]:
    """The muscles besides the eye that are drawn: those by convention, and those that are not plainly silent."""
    recorded = {row.muscle for row in findings.reflex if row.muscle != EYE}
    seen = {row.muscle for row in findings.reflex if row.muscle != EYE and row.verdict != ABSENT}
    return [m for m in FACIAL_MUSCLES if m in recorded and (m in seen or m in ALWAYS)]


def _figure(
    findings: Findings, sweeps: Sequence[SingleSweeps], muscles: Sequence[Muscle], *, name: str, inch: float
) -> str:
    first, second, _, _ = words.sides(findings)
    by_side = {one.side: one for one in sweeps}
    places = [(muscle, stimulated) for muscle in muscles for stimulated in (first, second) if stimulated in by_side]
    if not places:
        return ""
    with styled():
        figure = Figure(figsize=(11.0, 0.55 + inch * len(places)))
        tall = figure.get_figheight()
        grid = figure.subplots(
            len(places), 2, squeeze=False,
            gridspec_kw={"left": 0.14, "right": 0.985, "top": 1 - 0.3 / tall, "bottom": 0.22 / tall,
                         "wspace": 0.05, "hspace": 0.06},
        )  # fmt: skip
        spoken = []
        for place, (muscle, stimulated) in enumerate(places):
            one = by_side[stimulated]
            gain = _gain(by_side, muscle)
            for column, (side, colour) in enumerate(((first, FIRST), (second, SECOND))):
                axes = grid[place][column]
                seen = _Panel(stimulated, side, muscle)
                _fill(axes, one, seen, row_of(findings, stimulated, side, muscle), gain, colour)
                if place == 0:
                    title = f"{side_of(findings, side)}: recorded".upper()
                    axes.set_title(title, fontsize=10, fontweight="bold", color=colour, pad=4)
                if place == len(places) - 1 and column == 1:
                    panel.time_bar(axes, DIVISION_MS)
                spoken.append(_spoken(seen, row_of(findings, stimulated, side, muscle)))
            place_words = side_of(findings, stimulated)
            said = (f"stimulated: {place_words}", f"{gain:g} µV/div", f"{DIVISION_MS:g} ms/div")
            panel.named(grid[place][0], words.muscle_words(muscle), said)
        label = "Blink reflex, sweeps superimposed, negative up: " + "; ".join(spoken)
        return to_svg(figure, name=name, label=label)


def _gain(by_side: dict[Side, SingleSweeps], muscle: Muscle) -> float:
    """One gain for both eyes and both stimulated sides: the first that holds nine in ten sweeps after the artefact."""
    largest = 0.0
    for one in by_side.values():
        after = one.time_ms >= R1_MS[0]
        for side in Side:
            uv = one.of(side, muscle)
            if uv is not None:
                reach = np.nan_to_num(np.abs(uv[:, after])).max(axis=-1)
                largest = max(largest, float(np.quantile(reach, 0.9)))
    return next((gain for gain in GAINS_UV if largest <= HALF_DIVISIONS * gain), GAINS_UV[-1])


def _fill(axes: Axes, one: SingleSweeps, seen: _Panel, row: ReflexRow | None, gain: float, colour: str) -> None:
    half = HALF_DIVISIONS * gain
    panel.prepared(axes, SPAN.time_ms, grid_ms=DIVISION_MS, height=(-1.15 * half, HEADROOM * half))
    uv: Floats | None = one.of(seen.side, seen.muscle)
    if uv is None or row is None:
        axes.text(0.5, 0.5, words.MARKERS[words.NOT_TESTED], transform=axes.transAxes, ha="center", va="center",
                  color=QUIET, style="italic")  # fmt: skip
        return
    panel.lines(axes, one.time_ms, np.clip(-uv, -1.1 * half, 1.1 * half), colour=colour, width=0.6, alpha=0.75)
    panel.gain_bar(axes, gain, f"{gain:g} µV")
    if row.verdict == PRESENT or row.muscle == EYE:
        r2 = R2C if row.response == R2C else R2
        panel.mark(axes, row.r1_latency_ms, (-0.75 * half, 0.95 * half), "R1")
        panel.mark(axes, row.r2_latency_ms, (-0.75 * half, 0.95 * half), r2)
    panel.corner(axes, told(row), bold=1)


def told(row: ReflexRow) -> list[str]:
    """What a row says in the corner of its panel."""
    r2 = R2C if row.response == R2C else R2
    parts = []
    if row.r1_latency_ms is not None:
        parts.append(f"R1 {row.r1_latency_ms:.1f} ms ({words.number(row.r1_share_percent, 0)} %)")
    if row.r2_latency_ms is not None:
        parts.append(f"{r2} {row.r2_latency_ms:.1f} ms ({words.number(row.r2_share_percent, 0)} %)")
    shown_ = ", ".join(parts)
    current = f"{row.current_ma:.3g} mA, " if row.current_ma is not None else ""
    return [row.verdict if not shown_ else f"{row.verdict}: {shown_}", f"{current}n = {row.sweeps}"]


def _spoken(seen: _Panel, row: ReflexRow | None) -> str:
    place = f"{seen.stimulated} stimulated, {seen.side} {words.muscle_words(seen.muscle)}"
    return f"{place}: {words.MARKERS[words.NOT_TESTED] if row is None else told(row)[0]}"
