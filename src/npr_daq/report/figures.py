"""What all figures share: colours, fonts, and the way from a matplotlib figure to SVG inside a page."""

import re
from contextlib import AbstractContextManager
from html import escape
from io import StringIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FIRST = "#a63a12"
"""Affected side (or left): dark orange; distinct from `SECOND` in grey and for colour-blind readers."""
SECOND = "#1f5a99"
"""Healthy side (or right)."""
INK = "#222222"
QUIET = "#8a8a8a"
FAINT = "#dddddd"

STYLE: dict[Any, Any] = {
    # No text of ours is mathematics, and none that is given to us may become it.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "npr-daq",
    "figure.dpi": 100,
}

_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_NAMESPACE = re.compile(r'\s+xmlns(:\w+)?="[^"]*"')
_SIZE = re.compile(r'\s(width|height)="[\d.]+pt"', re.ASCII)
_PATH = re.compile(r'(?<= d=")[^"]*')
_LONG = re.compile(r"(\.\d\d)\d+")
_FONTS = re.compile(r"'?Helvetica'?, '?Arial'?, '?DejaVu Sans'?(, sans-serif)?")


def styled() -> AbstractContextManager[None]:
    """The style of every figure, as a context."""
    return rc_context(STYLE)


def to_svg(figure: Figure, *, name: str, label: str) -> str:
    """`figure` as an SVG element for a page: no prologue, no namespace, no reference to anything outside.

    `name` makes its ids unique in the page, `label` is what a screen reader says. The same figure gives the same text.
    """
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = _METADATA.sub("", _PROLOGUE.sub("", text.getvalue()))
    head, body = svg.split(">", 1)
    head = _SIZE.sub("", _NAMESPACE.sub("", head))
    body = _NAMESPACE.sub("", body).replace("xlink:href", "href")
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{name}-", body)
    body = _FONTS.sub("sans-serif", body)
    # A hundredth of a point is finer than any printer, and half the page.
    body = _PATH.sub(lambda path: _LONG.sub(r"\1", path[0]), body)
    return f'{head} role="img" aria-label="{escape(label, quote=True)}" class="figure">{body}'.strip()


def bare(axes: Axes) -> None:
    """Take every line, tick and label off, for a panel that carries its own scale bars."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def nice(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `value`."""
    if value <= 0:
        return 1.0
    exponent = 0
    while value >= 10:
        value, exponent = value / 10, exponent + 1
    while value < 1:
        value, exponent = value * 10, exponent - 1
    return float(max(step for step in (1, 2, 5) if step <= value)) * 10.0**exponent
