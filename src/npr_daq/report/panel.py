"""A panel of single sweeps: many lines in one go, stimulus marker, time grid, scale bars, text in the corner."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from npr_daq.report.figures import FAINT, INK, QUIET, bare

Floats = NDArray[np.float64]


def prepared(axes: Axes, time_ms: Floats, *, grid_ms: float, height: tuple[float, float]) -> None:
    """An empty panel: a line every `grid_ms` (one division), a dashed one at the stimulus."""
    bare(axes)
    axes.set_xlim(float(time_ms[0]), float(time_ms[-1]))
    axes.set_ylim(*height)
    ticks = np.arange(np.ceil(time_ms[0] / grid_ms) * grid_ms, time_ms[-1] + 1e-6, grid_ms)
    axes.vlines(ticks, *height, colors=FAINT, linewidth=0.5, zorder=0)
    axes.axvline(0.0, color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)


def lines(
    axes: Axes, time_ms: Floats, rows: Floats, *, colour: str, width: float = 0.6, alpha: float = 1.0, top: int = 3
) -> None:
    """Draw `rows` (line, time) as they are; a line is broken where it has no value."""
    pieces = [piece for row in rows for piece in _unbroken(time_ms, row)]
    axes.add_collection(LineCollection(pieces, colors=colour, linewidths=width, alpha=alpha, zorder=top))


def bars(axes: Axes, *, size: float, size_words: str, time_ms: float, at: tuple[float, float]) -> None:
    """Scale bars that meet in a corner at `at`, in the units of the axes, with their words."""
    x, y = at
    axes.plot([x, x, x + time_ms], [y + size, y, y], color=INK, linewidth=1.4, clip_on=False, zorder=6)
    axes.text(x - 0.4, y + size / 2, size_words, ha="right", va="center", fontsize=8, zorder=6, bbox=_PAPER)
    axes.text(x + time_ms / 2, y, f"{time_ms:g} ms", ha="center", va="top", fontsize=8, zorder=6)


def gain_bar(axes: Axes, size: float, text: str) -> None:
    """A scale bar of one division of height at the left edge of a panel, outside its lines."""
    left = axes.get_xlim()[0]
    axes.plot([left, left], [-size / 2, size / 2], color=INK, linewidth=1.6, clip_on=False, zorder=6)
    axes.annotate(text, (left, -size / 2), xytext=(2.0, -1.0), textcoords="offset points", ha="left", va="top",
                  fontsize=8, zorder=6, bbox=_PAPER)  # fmt: skip


def time_bar(axes: Axes, length_ms: float) -> None:
    """A scale bar of one division of time under the right end of a panel."""
    right, low = axes.get_xlim()[1], axes.get_ylim()[0]
    axes.plot([right - length_ms, right], [low, low], color=INK, linewidth=1.6, clip_on=False, zorder=6)
    axes.annotate(f"{length_ms:g} ms", (right - length_ms, low), xytext=(-3.0, 0.0), textcoords="offset points",
                  ha="right", va="center", fontsize=8, annotation_clip=False)  # fmt: skip


def mark(axes: Axes, at_ms: float | None, height: tuple[float, float], text: str = "") -> None:
    """A thin line from `height[0]` to `height[1]` at `at_ms`, its name above it; nothing where there is no value."""
    if at_ms is None:
        return
    axes.plot([at_ms, at_ms], height, color=INK, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=5)
    if text:
        axes.text(at_ms, height[1], text, ha="center", va="bottom", fontsize=8, fontweight="bold", zorder=6)


def corner(axes: Axes, said: Sequence[str], *, bold: int = 0) -> None:
    """Lines of text in the upper right corner, on paper; the first `bold` of them stand out."""
    for number, text in enumerate(said):
        axes.annotate(
            text, (1.0, 1.0), xycoords="axes fraction", xytext=(-2.0, -1.0 - LINE_POINTS * number),
            textcoords="offset points", ha="right", va="top", fontsize=8.5, zorder=7,
            fontweight="bold" if number < bold else "normal", bbox=_PAPER,
        )  # fmt: skip


def named(axes: Axes, title: str, said: Sequence[str]) -> None:
    """The name of a row left of its panel, and lines of text under it; each line placed by itself."""
    for number, text in enumerate((title, *said)):
        axes.annotate(
            text, (0.0, 0.5), xycoords="axes fraction", xytext=(-8.0, 10.0 - LINE_POINTS * number),
            textcoords="offset points", ha="right", va="center", fontsize=8.5 if number else 9.0,
            fontweight="normal" if number else "bold", annotation_clip=False,
        )  # fmt: skip


LINE_POINTS = 11.0
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}


def _unbroken(time_ms: Floats, row: Floats) -> list[Floats]:
    known = np.isfinite(row)
    if known.all():
        return [np.column_stack([time_ms, row])]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
    return [
        np.column_stack([time_ms[a:b], row[a:b]]) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1
    ]
