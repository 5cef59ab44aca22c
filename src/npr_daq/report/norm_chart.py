"""Chart in place of the ratios where there is no healthy side: both sides beside limits and orientation ranges."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from npr_daq.anatomy import Branch, Muscle
from npr_daq.findings.findings import Findings
from npr_daq.findings.norms import NormRow
from npr_daq.report import reference, words
from npr_daq.report.figures import FAINT, FIRST, INK, QUIET, SECOND, styled, to_svg

PANELS = (("peak_to_peak_mv", "amplitude, peak to peak (mV)"), ("onset_latency_ms", "onset latency (ms)"))
ROW_INCH = 0.24
ORIENTATION = "#e9e4d8"


def beside_norms(findings: Findings, *, name: str = "norms") -> str:
    """Amplitude and onset of both sides for every branch and muscle, with the numbers they stand beside.

    A hollow mark is a value that may not be compared; a published limit is a solid line with its hatched outside, a
    range or mean that never flags a pale band. Empty where nothing was measured.
    """
    pairs = words.pairs(findings, every_muscle=True)
    if not any(row.peak_to_peak_mv is not None for row in findings.conduction):
        return ""
    with styled():
        figure = Figure(figsize=(11.0, 1.15 + ROW_INCH * len(pairs)))
        tall = figure.get_figheight()
        places = [0.195, 0.61]
        for (quantity, label), left in zip(PANELS, places, strict=True):
            axes = figure.add_axes((left, 0.52 / tall, 0.375, (tall - 1.0) / tall))
            for place, (branch, muscle) in enumerate(pairs):
                _row(axes, findings, place, branch, muscle, quantity)
            axes.set_ylim(len(pairs) - 0.5, -0.5)
            axes.set_xlim(left=0)
            axes.set_xlabel(label)
            axes.grid(axis="x", color=FAINT, linewidth=0.5)
            axes.set_axisbelow(True)
            axes.tick_params(axis="y", length=0)
            axes.set_yticks(
                range(len(pairs)), [_name(*pair) for pair in pairs] if left == places[0] else [""] * len(pairs)
            )
        figure.legend(
            handles=_legend(), loc="upper left", bbox_to_anchor=(0.01, 0.995), ncols=5, frameon=False, fontsize=8
        )
        return to_svg(figure, name=name, label=_spoken(findings))


def _row(axes: Axes, findings: Findings, place: int, branch: Branch, muscle: Muscle, quantity: str) -> None:
    numbers = {
        (row.low, row.high, row.mean, row.sd, row.may_flag, row.evidence): row
        for row in reference.rows_of(findings, branch, muscle)
        if row.quantity == quantity and row.side != "both"
    }
    for row in numbers.values():
        _number(axes, place, row)
    for side, colour, mark, shift in zip(
        words.sides(findings)[:2], (FIRST, SECOND), ("s", "o"), (-0.16, 0.16), strict=True
    ):
        found = words.conduction_of(findings, side, branch, muscle)
        value = None if found is None else getattr(found, quantity)
        if found is None or value is None:
            continue
        fit = found.quality.accepted and found.supramaximal.proved
        axes.plot(value, place + shift, marker=mark, color=colour, markersize=5, zorder=4,
                  markerfacecolor=colour if fit else "white")  # fmt: skip


def _number(axes: Axes, place: int, row: NormRow) -> None:
    """One reference value: a limit as a line, what never flags as a band or a thin mark."""
    if row.may_flag:
        for end in (row.low, row.high):
            if end is not None:
                axes.plot([end, end], [place - 0.4, place + 0.4], color=INK, linewidth=1.8, zorder=3)
        return
    low, high = row.low, row.high
    if low is None and high is None and row.mean is not None:
        low, high = row.mean - (row.sd or 0.0), row.mean + (row.sd or 0.0)
    if low is not None and high is not None and low < high:
        axes.barh(place, high - low, left=low, height=0.7, color=ORIENTATION, zorder=1)
        return
    for end in {end for end in (low, high) if end is not None}:
        axes.plot([end, end], [place - 0.35, place + 0.35], color=QUIET, linewidth=1.0, linestyle=":", zorder=2)


def _legend() -> Sequence[Line2D | Patch]:
    return [
        Line2D([], [], color=FIRST, marker="s", linestyle="", label="left"),
        Line2D([], [], color=SECOND, marker="o", linestyle="", label="right"),
        Line2D([], [], color=QUIET, marker="o", linestyle="", markerfacecolor="white", label="not acceptable"),
        Line2D([], [], color=INK, linewidth=1.8, label="published limit"),
        Patch(color=ORIENTATION, label="orientation: from memory, derived, or mean ± SD; never a flag"),
    ]


def _name(branch: Branch, muscle: Muscle) -> str:
    return f"{words.SHORT_BRANCHES[branch]} · {words.muscle_words(muscle)}"


def _spoken(findings: Findings) -> str:
    outside = [flag for branch, muscle in words.pairs(findings, every_muscle=True)
               for flag in reference.flags(findings, branch, muscle)]  # fmt: skip
    return "Amplitude and onset of both sides beside reference values: " + ("; ".join(outside) or "no value is flagged")
