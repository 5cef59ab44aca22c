"""The drawings of the patient's page: a face as in a mirror, shaded left and right, and arrows for what moves along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import hypot
from types import MappingProxyType

from npr_daq.analysis.verdict import Verdict
from npr_daq.anatomy import Muscle, Side
from npr_daq.report.figures import FIRST, INK, QUIET, SECOND
from npr_daq.report.patient_facts import Along, Part
from npr_daq.report.patient_words import FOLLOWERS, tens

WIDTH, HEIGHT, MIDDLE = 320, 384, 160
SKIN, LINE = "#fbf6f0", "#b9aa98"
STRENGTH, TENSION = SECOND, FIRST
UNSURE = "#6b6b6b"
PALEST = 0.12
DARK = 0.55
"""From this share of the full colour on, letters are white."""


@dataclass(frozen=True, slots=True)
class _Area:
    """Where a part is drawn: distance from the middle, height, half axes."""

    out: float
    y: float
    rx: float
    ry: float

    def x(self, side: Side) -> float:
        """As in a mirror: the left of the person is on the left of the picture."""
        return MIDDLE - self.out if side is Side.LEFT else MIDDLE + self.out


AREAS: Mapping[Muscle, _Area] = MappingProxyType(
    {
        Muscle.FRONTALIS: _Area(50, 76, 42, 18),
        Muscle.ORBICULARIS_OCULI: _Area(55, 131, 40, 21),
        Muscle.NASALIS: _Area(23, 178, 20, 15),
        Muscle.ZYGOMATICUS: _Area(78, 192, 32, 20),
        Muscle.ORBICULARIS_ORIS: _Area(29, 236, 27, 15),
        Muscle.DEPRESSOR_ANGULI_ORIS: _Area(78, 250, 21, 16),
        Muscle.MENTALIS: _Area(25, 283, 22, 15),
        Muscle.PLATYSMA: _Area(34, 350, 29, 18),
        Muscle.MASSETER: _Area(104, 190, 16, 20),
    }
)


SHADED = frozenset(AREAS) - {Muscle.MASSETER}
"""The whole nerve is told in words: it has no part of the face."""
LANES: Mapping[tuple[Muscle, Muscle], tuple[float, float, float]] = MappingProxyType(
    {
        (Muscle.ORBICULARIS_OCULI, Muscle.ZYGOMATICUS): (-24, -14, -34),
        (Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_OCULI): (6, -6, 0),
        (Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS): (12, -10, 2),
        (Muscle.ORBICULARIS_ORIS, Muscle.ORBICULARIS_OCULI): (14, 30, 36),
    }
)
"""Where the arrow of a pair begins and ends beside the middles of its parts, and how far it bends; towards the nose."""
ARROW_AREAS: Mapping[Muscle, _Area] = MappingProxyType(
    {
        **AREAS,
        Muscle.ORBICULARIS_OCULI: _Area(56, 122, 44, 20),
        Muscle.ZYGOMATICUS: _Area(84, 208, 28, 18),
        Muscle.ORBICULARIS_ORIS: _Area(30, 246, 28, 16),
    }
)
"""Further apart, so that the arrows have room."""


def face(parts: Sequence[Part], colour: str, *, label: str) -> str:
    """A face with both sides of every part shaded by its share of the stronger side, the number in it."""
    drawn = [(AREAS[part.muscle], side, part.of(side)) for part in parts for side in Side if part.muscle in SHADED]
    shapes = [_head_and_neck(), *(_shaded(*one, colour) for one in drawn), _features()]
    return _svg([*shapes, *(_number(*one) for one in drawn)], label)


def alongs_picture(found: Sequence[Along], *, label: str) -> str:
    """A face with one numbered arrow for every pair that was asked about; the parts are named on the other side."""
    shapes = [_head_and_neck(), _features()]
    for muscle in dict.fromkeys(m for one in found for m in (one.mover, one.follower)):
        area = ARROW_AREAS[muscle]
        for side in {one.side for one in found}:
            shapes.append(
                f'<ellipse cx="{area.x(side):g}" cy="{area.y:g}" rx="{area.rx:g}" ry="{area.ry:g}" fill="#e6d9c8" '
                f'stroke="{LINE}"/>'
            )
            shapes.append(_text(area.x(side.other), area.y + 28, escape(FOLLOWERS[muscle]), INK))
    shapes += [_arrow(number, one) for number, one in enumerate(found, start=1)]
    return _svg(shapes, label)


def _svg(shapes: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label, quote=True)}" class="face">'
        f"{''.join(shapes)}"
        f'<text x="4" y="18" class="side">your left</text>'
        f'<text x="{WIDTH - 4}" y="18" text-anchor="end" class="side">your right</text></svg>'
    )


def _head_and_neck() -> str:
    return (
        f'<path d="M108 290 L105 336 Q101 366 62 380 M212 290 L215 336 Q219 366 258 380" fill="none" stroke="{LINE}" '
        f'stroke-width="2"/><path d="M160 30 C235 30 272 90 268 165 C264 235 222 318 160 318 '
        f'C98 318 56 235 52 165 C48 90 85 30 160 30 Z" fill="{SKIN}" stroke="{LINE}" stroke-width="2"/>'
    )


def _features() -> str:
    """Brows, eyes, nose and mouth in thin lines."""
    paths = [
        "M160 140 L152 192 Q160 199 168 192",
        "M122 236 Q160 226 198 236 Q160 256 122 236 Z M122 236 Q160 240 198 236",
    ]
    for x in (MIDDLE - 55, MIDDLE + 55):
        paths += [f"M{x - 30} 102 Q{x} 90 {x + 30} 102", f"M{x - 26} 131 Q{x} 110 {x + 26} 131 Q{x} 150 {x - 26} 131 Z"]
    return (
        f'<path d="{" ".join(paths)}" fill="none" stroke="{LINE}" stroke-width="2" stroke-linecap="round" '
        'stroke-opacity="0.8"/>'
    )


def _shaded(area: _Area, side: Side, share: float | None, colour: str) -> str:
    shape = f'<ellipse cx="{area.x(side):g}" cy="{area.y:g}" rx="{area.rx:g}" ry="{area.ry:g}"'
    if share is None:
        return f'{shape} fill="#ffffff" stroke="{QUIET}" stroke-dasharray="4 3"/>'
    return f'{shape} fill="{_mixed(colour, max(PALEST, min(1.0, share)))}" stroke="{colour}"/>'


def _number(area: _Area, side: Side, share: float | None) -> str:
    if share is None:
        return _text(area.x(side), area.y, "?", INK)
    number = "&lt;10" if share < 0.1 else str(tens(share))
    return _text(area.x(side), area.y, number, "#ffffff" if share >= DARK else INK)


def _text(x: float, y: float, text: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y + 6:.1f}" text-anchor="middle" fill="{colour}">{text}</text>'


def _mixed(colour: str, share: float) -> str:
    """White at 0, the colour itself at 1."""
    full = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + share * (one - 255)):02x}" for one in full)


def _arrow(number: int, one: Along) -> str:
    """A bent arrow from what moves to what may move along, with its number on it."""
    inward = 1 if one.side is Side.LEFT else -1
    begin, end = ARROW_AREAS[one.mover], ARROW_AREAS[one.follower]
    lane = LANES.get((one.mover, one.follower), (0.0, 0.0, 20.0))
    x0, x1 = begin.x(one.side) + inward * lane[0], end.x(one.side) + inward * lane[1]
    y0, y1 = begin.y, end.y
    mx, my = (x0 + x1) / 2 + 1.2 * inward * lane[2], (y0 + y1) / 2
    (x0, y0), (x1, y1) = _shortened((x0, y0), (mx, my), 8), _shortened((x1, y1), (mx, my), 12)
    bx, by = 0.25 * x0 + 0.5 * mx + 0.25 * x1, 0.25 * y0 + 0.5 * my + 0.25 * y1
    sure, none = one.verdict == Verdict.PRESENT, one.verdict == Verdict.ABSENT
    colour, width = (FIRST, 6) if sure else (UNSURE, 3)
    style = "" if sure or none else ' stroke-dasharray="1 6"'
    head = _bar((mx, my), (x1, y1), colour) if none else _head((mx, my), (x1, y1), 14 if sure else 10, colour)
    fill, ink = (colour, "#ffffff") if sure else ("#ffffff", INK)
    return (
        f'<path d="M{x0:.1f} {y0:.1f} Q{mx:.1f} {my:.1f} {x1:.1f} {y1:.1f}" fill="none" stroke="{colour}" '
        f'stroke-width="{width}" stroke-linecap="round"{style}/>{head}'
        f'<circle cx="{bx:.1f}" cy="{by:.1f}" r="12" fill="{fill}" stroke="{colour}" stroke-width="2"/>'
        f"{_text(bx, by, str(number), ink)}"
    )


def _shortened(end: tuple[float, float], towards: tuple[float, float], by: float) -> tuple[float, float]:
    length = hypot(towards[0] - end[0], towards[1] - end[1]) or 1.0
    return end[0] + by * (towards[0] - end[0]) / length, end[1] + by * (towards[1] - end[1]) / length


def _head(source: tuple[float, float], tip: tuple[float, float], size: float, colour: str) -> str:
    length = hypot(tip[0] - source[0], tip[1] - source[1]) or 1.0
    ux, uy = (tip[0] - source[0]) / length, (tip[1] - source[1]) / length
    points = (
        (tip[0] + ux * size * 0.7, tip[1] + uy * size * 0.7),
        (tip[0] - uy * size * 0.7, tip[1] + ux * size * 0.7),
        (tip[0] + uy * size * 0.7, tip[1] - ux * size * 0.7),
    )
    return f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="{colour}"/>'


def _bar(source: tuple[float, float], tip: tuple[float, float], colour: str) -> str:
    """Across the end of the line: it stops here."""
    length = hypot(tip[0] - source[0], tip[1] - source[1]) or 1.0
    ux, uy = (tip[0] - source[0]) / length, (tip[1] - source[1]) / length
    return (
        f'<path d="M{tip[0] - uy * 9:.1f} {tip[1] + ux * 9:.1f} L{tip[0] + uy * 9:.1f} {tip[1] - ux * 9:.1f}" '
        f'stroke="{colour}" stroke-width="3" stroke-linecap="round"/>'
    )
