"""Late responses as rasters: every sweep on a line of its own, not averaged, both sides at one gain, negative up."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npr_daq.analysis.lateral_spread import WINDOW_MS
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import F_WAVE, PRESENT, LateRow
from npr_daq.report import panel, words
from npr_daq.report.figures import FIRST, QUIET, SECOND, styled, to_svg
from npr_daq.report.late_sheets import SEEN, row_of
from npr_daq.report.single_sweeps import Floats, SingleSweeps, Span
from npr_daq.report.wording import side_of

SPAN = Span(-2.0, 30.0, 0.15)
DIVISION_MS = 5.0
GAINS_UV = (100.0, 200.0, 500.0)
"""Microvolts between two sweeps, which is one division (clinical reference 8: 100 to 500 uV a division)."""
CUT_DIVISIONS = 1.6
"""A direct response is cut off here, so that it does not hide the sweeps above it."""
MOST_CUT = 0.4
"""Share of the late window that may be cut off so."""
SLOW_MS = 6.0
A_SHEET = 4
SWEEP_INCH = 0.09
ROOM_DIVISIONS = 6.0

CONVENTION = {
    Branch.TEMPORAL: (Muscle.MENTALIS, Muscle.DEPRESSOR_ANGULI_ORIS),
    Branch.ZYGOMATIC: (Muscle.MENTALIS, Muscle.DEPRESSOR_ANGULI_ORIS),
    Branch.MARGINAL_MANDIBULAR: (Muscle.ORBICULARIS_OCULI, Muscle.FRONTALIS),
}
"""Where a lateral spread is looked for by convention (clinical reference 4.3)."""


def rasters(findings: Findings, sweeps: Sequence[SingleSweeps], branch: Branch) -> list[str]:
    """The rasters of one stimulated branch as SVG, `A_SHEET` muscles on each; none where it has no single sweeps."""
    here = {one.side: one for one in sweeps if one.site == branch}
    muscles = shown(findings, branch) if here else []
    return [
        _sheet(findings, here, branch, muscles[place : place + A_SHEET], name=f"raster-{branch}{place}")
        for place in range(0, len(muscles), A_SHEET)
    ]


def _sheet(
    findings: Findings, here: dict[Side, SingleSweeps], branch: Branch, muscles: Sequence[Muscle], *, name: str
) -> str:
    first, second, _, _ = words.sides(findings)
    most = max(one.count for one in here.values())
    block = ROOM_DIVISIONS + most
    with styled():
        figure = Figure(figsize=(11.0, 0.5 + SWEEP_INCH * block * len(muscles)))
        tall = figure.get_figheight()
        grid = figure.subplots(
            len(muscles), 2, squeeze=False,
            gridspec_kw={"left": 0.125, "right": 0.985, "top": 1 - 0.3 / tall, "bottom": 0.2 / tall,
                         "wspace": 0.06, "hspace": 0.05},
        )  # fmt: skip
        for place, muscle in enumerate(muscles):
            gain = _gain(here, muscle)
            for column, (side, colour) in enumerate(((first, FIRST), (second, SECOND))):
                axes = grid[place][column]
                panel.prepared(axes, SPAN.time_ms, grid_ms=DIVISION_MS, height=(-2.2 * gain, (most + 3.8) * gain))
                if place == 0:
                    axes.set_title(side_of(findings, side).upper(), fontsize=10, fontweight="bold", color=colour, pad=4)
                _fill(axes, here.get(side), row_of(findings, side, branch, muscle), muscle, gain, most, colour)
            kind = "F wave" if muscle in SUPPLIES[branch] else "lateral spread"
            said = (kind, f"{gain:g} µV/div", f"{DIVISION_MS:g} ms/div")
            panel.named(grid[place][0], words.muscle_words(muscle), said)
        label = f"Late responses, {words.BRANCHES[branch].lower()} branch stimulated, negative up, single sweeps: "
        spoken = [_spoken(row_of(findings, side, branch, m), side, m) for m in muscles for side in (first, second)]
        return to_svg(figure, name=name, label=label + "; ".join(spoken))


def shown(findings: Findings, branch: Branch) -> list[Muscle]:
    """The muscles that are drawn: those that the branch supplies, those by convention, those with a late response."""
    wanted = {*SUPPLIES[branch], *CONVENTION.get(branch, ())}
    rows = [row for row in findings.late if row.stimulated == branch]
    wanted |= {Muscle(r.recorded) for r in rows if r.verdict == PRESENT}
    recorded = {row.recorded for row in rows}
    supplied = [m for m in FACIAL_MUSCLES if m in SUPPLIES[branch]]
    others = [m for m in FACIAL_MUSCLES if m in wanted and m not in supplied]
    return [m for m in (*supplied, *others) if m in recorded]


def _gain(here: dict[Side, SingleSweeps], muscle: Muscle) -> float:
    """The first gain that holds nine in ten late responses of either side, and cuts off little of the late window."""
    found = [_gain_of(one, uv) for side, one in here.items() if (uv := one.of(side, muscle)) is not None]
    return max(found, default=GAINS_UV[0])


def _gain_of(one: SingleSweeps, uv: Floats) -> float:
    late = np.nan_to_num(uv[:, (one.time_ms >= WINDOW_MS[0]) & (one.time_ms <= WINDOW_MS[1])])
    # What changes slowly is the return of the direct response; it may be large and is not what is looked for.
    many = min(late.shape[-1], max(1, round(SLOW_MS / SPAN.step_ms)))
    slow = np.stack([np.convolve(row, np.full(many, 1 / many), mode="same") for row in late])
    edge = many // 2
    reach = np.abs(late - slow)[:, edge:-edge].max(axis=-1, initial=0.0)
    largest = float(np.quantile(reach, 0.9))
    cut = [float((np.abs(late) > CUT_DIVISIONS * gain).mean()) for gain in GAINS_UV]
    fits = (gain for gain, lost in zip(GAINS_UV, cut, strict=True) if largest <= gain and lost <= MOST_CUT)
    return next(fits, GAINS_UV[-1])


def _fill(
    axes: Axes,
    one: SingleSweeps | None,
    row: LateRow | None,
    muscle: Muscle,
    gain: float,
    most: int,
    colour: str,
) -> None:
    uv = None if one is None else one.of(one.side, muscle)
    if one is None or uv is None:
        axes.text(0.5, 0.5, words.MARKERS[words.NOT_TESTED], transform=axes.transAxes, ha="center", va="center",
                  color=QUIET, style="italic")  # fmt: skip
        return
    axes.axvspan(*WINDOW_MS, color="#f6f6f4", zorder=-1, linewidth=0)
    upright = np.clip(-uv, -CUT_DIVISIONS * gain, CUT_DIVISIONS * gain)
    offsets = gain * np.arange(one.count - 1, -1, -1, dtype=np.float64)
    panel.lines(axes, one.time_ms, upright + offsets[:, None], colour=colour)
    panel.bars(axes, size=gain, size_words=f"{gain:g} µV", time_ms=DIVISION_MS, at=(24.0, -1.5 * gain))
    if row is not None:
        if row.verdict in SEEN:
            for at in (row.minimum_ms, row.maximum_ms) if row.response == F_WAVE else (row.mean_ms,):
                panel.mark(axes, at, (-1.2 * gain, most * gain))
        panel.corner(axes, told(row), bold=1)


def told(row: LateRow) -> list[str]:
    """What a row says in the corner of its panel: the verdict in words, and the measures."""
    said = [f"{row.response}: {row.verdict}"]
    if row.response == F_WAVE and row.minimum_ms is not None:
        said.append(
            f"min {row.minimum_ms:.1f}, mean {words.number(row.mean_ms, 1)}, max {words.number(row.maximum_ms, 1)} ms"
        )
    elif row.mean_ms is not None and row.verdict in SEEN:
        said.append(
            f"{row.mean_ms:.1f} ± {words.number(row.latency_sd_ms, 2)} ms, {words.number(row.amplitude_uv, 0)} µV"
        )
    if row.persistence_percent is not None and (row.response == F_WAVE or row.verdict in SEEN):
        said.append(f"{row.persistence_percent:.0f} % of {row.sweeps} sweeps, {words.number(row.current_ma, 1)} mA")
    return said


def _spoken(row: LateRow | None, side: Side, muscle: Muscle) -> str:
    return f"{side} {words.muscle_words(muscle)}: {'not tested' if row is None else ', '.join(told(row))}"
