"""The face on the screen while it moves: what the patient is told, and one row per muscle with a bar for each side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, log10

from rich.text import Text

from npr_daq.anatomy import Muscle, Side
from npr_daq.cli.face_course import FaceCourse, Phase
from npr_daq.expression import PRIME_MOVER, Task

FLOOR_UV = 1.0
"""Where the bars begin: below lies the noise of the electronics."""
TOP_UV = 200.0
"""Where they end at least, so that the resting face is not drawn large."""
MOST_UV = 5_000.0
"""No face exceeds it: what does is an artefact, and must not shrink the bars for the rest of the exam."""
NAME = max(len(muscle) for muscle in Muscle)
NUMBER = 5
WIDEST = 48

_BANNER: Mapping[Phase, str] = {
    Phase.NONE: "bold",
    Phase.REST: "bold reverse blue",
    Phase.NEXT: "bold reverse yellow",
    Phase.HOLD: "bold reverse green",
    Phase.RELAX: "bold reverse blue",
}


@dataclass(slots=True)
class EnvelopeView:
    """Draws `course` and the newest envelopes into lines of `Text`; readable without colour as well.

    The scale is logarithmic, from 1 uV to the largest envelope of the exam so far, rounded up to 1, 2 or 5: it never
    goes back, so that bars of different tasks compare.
    """

    affected: str = "none"
    top_uv: float = field(init=False, default=TOP_UV)
    _rows: tuple[tuple[Muscle, int | None, int | None], ...] = field(init=False, default=())
    _names: Sequence[str] = field(init=False, default=())
    _uv: Sequence[float] = field(init=False, default=())

    def take(self, names: Sequence[str], uv: Sequence[float]) -> None:
        """The newest envelope of every channel, microvolts."""
        if names is not self._names and names != self._names:
            self._names, self._rows = names, _rows(names)
        self._uv = uv
        largest = max(uv, default=0.0)
        if largest > self.top_uv:
            self.top_uv = _rounded_up(min(largest, MOST_UV))

    def forget(self) -> None:
        """Nothing is recorded any more; the scale stays."""
        self._uv = ()

    @property
    def seen(self) -> bool:
        """Whether there is something to draw."""
        return len(self._uv) > 0

    def lines(self, course: FaceCourse, *, width: int, height: int, ascii_only: bool = False) -> list[Text]:
        """At most `height` lines, none wider than `width`; the least needed are left out first."""
        bar = max(4, min(WIDEST, (width - NAME - 2 * NUMBER - 6) // 2))
        banner = _banner(course, width, ascii_only=ascii_only)
        counted = Text(f" {course.counted}" if course.counted else "", style="bold")
        heads = self._heads(bar)
        muscles = [self._row(row, bar, course.task, ascii_only=ascii_only) for row in self._rows]
        # Marked by a sign as well: not every screen has colours, and not every eye.
        sign = ("! ", "bold yellow") if course.judged_bad else ("  ", "")
        judged = Text.assemble(sign, (course.judged, sign[1])) if course.judged else Text("")
        blank = Text("")
        wanted = [
            (4, blank),
            (5, Text(" " * width, style=banner.style)),
            (0, banner),
            (5, Text(" " * width, style=banner.style)),
            (1, counted),
            (2, judged),
            (4, blank),
            (1, heads),
            *((0, line) for line in muscles),
            (3, self._scale(bar)),
        ]
        for least in (5, 4, 3, 2, 1):
            if len(wanted) > height:
                wanted = [line for line in wanted if line[0] < least]
        lines = [line for _, line in wanted[:height]]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
            line.no_wrap = True
        return lines

    def _heads(self, bar: int) -> Text:
        left, right = self._side(Side.LEFT), self._side(Side.RIGHT)
        inner = NAME + 4
        return Text.assemble((f"{left:>{bar + NUMBER + 1}}", "bold"), f"{'uV':^{inner}}", (right, "bold"))

    def _side(self, side: Side) -> str:
        if self.affected in (side, "both"):
            return f"{side} (affected)"
        return f"{side} (healthy)" if self.affected == side.other else str(side)

    def _row(self, row: tuple[Muscle, int | None, int | None], bar: int, task: Task, *, ascii_only: bool) -> Text:
        muscle, left, right = row
        prime = PRIME_MOVER.get(task) is muscle
        style = "bold green" if prime else "cyan"
        name = f"{muscle.replace('_', ' '):^{NAME}}"
        left_uv, right_uv = self._value(left), self._value(right)
        drawn_left = _bar(self._part(left_uv), bar, "#" if ascii_only else "\N{FULL BLOCK}", "" if ascii_only else "▐")
        drawn_right = _bar(
            self._part(right_uv), bar, "#" if ascii_only else "\N{FULL BLOCK}", "" if ascii_only else "▌"
        )
        return Text.assemble(
            (f"{drawn_left[::-1]:>{bar}}", style),
            f" {_number(left_uv)}",
            (f"{'>' if prime else ' '} {name} {'<' if prime else ' '}", "bold" if prime else ""),
            f"{_number(right_uv)} ",
            (drawn_right, style),
        )

    def _value(self, index: int | None) -> float | None:
        return self._uv[index] if index is not None and index < len(self._uv) else None

    def _part(self, uv: float | None) -> float:
        if uv is None or not uv > FLOOR_UV:
            return 0.0
        return min(1.0, log10(uv / FLOOR_UV) / log10(self.top_uv / FLOOR_UV))

    def _scale(self, bar: int) -> Text:
        """Where on the bars 10, 100 and 1000 uV lie; the ends say themselves."""
        marks = [" "] * bar
        for decade in (10.0, 100.0, 1000.0):
            label = f"{decade:g}"
            at = round(self._part(decade) * bar)
            if decade < self.top_uv and at + len(label) < bar:
                marks[at : at + 1 + len(label)] = f"|{label}"
        right = "".join(marks)
        left = [" "] * bar
        for decade in (10.0, 100.0, 1000.0):
            label = f"{decade:g}"
            at = bar - round(self._part(decade) * bar)
            if decade < self.top_uv and at - len(label) > 0:
                left[at - 1 - len(label) : at] = f"{label}|"
        middle = f"{FLOOR_UV:g} to {self.top_uv:g} uV, log"
        return Text(f"{''.join(left)} {middle:^{NAME + 2 * NUMBER + 4}} {right}", style="dim")


def _banner(course: FaceCourse, width: int, *, ascii_only: bool) -> Text:
    """What the patient is told, big; and how long still."""
    words = course.words.upper() if course.phase is not Phase.NEXT else f"NEXT: {course.words.lower()}"
    counting = course.counting
    drawn = 0
    if counting:
        drawn = max(0, min(30, width - len(words) - len(counting) - 8))
    bar = ""
    if drawn >= 8:
        full = round(course.part_left * drawn)
        # The patient's time runs out towards the word.
        bar = ("#" if ascii_only else "━") * full + ("." if ascii_only else " ") * (drawn - full)
    text = f"  {words}   {counting}"
    return Text(f"{text:<{width - drawn - 2}}{bar}  "[:width].ljust(width), style=_BANNER[course.phase])


def _bar(part: float, width: int, full: str, half: str) -> str:
    """A bar of `part` of `width`, in halves of a cell where there is a sign for them."""
    halves = round(part * width * 2)
    return full * (halves // 2) + (half if halves % 2 else "")


def _number(uv: float | None) -> str:
    if uv is None or not isfinite(uv):
        return f"{'-':>{NUMBER}}"
    return f"{uv:{NUMBER}.1f}" if uv < 99.95 else f"{min(uv, 99_999.0):{NUMBER}.0f}"


def _rounded_up(uv: float) -> float:
    decade = 10.0 ** int(log10(uv))
    return next(decade * step for step in (1.0, 2.0, 5.0, 10.0) if decade * step >= uv * (1 - 1e-9))


def _rows(names: Iterable[str]) -> tuple[tuple[Muscle, int | None, int | None], ...]:
    """Muscle, and the places of its left and right channel, in the order of the face."""
    places: dict[Muscle, dict[Side, int]] = {}
    for index, name in enumerate(names):
        side, _, muscle = name.partition(".")
        places.setdefault(Muscle(muscle), {})[Side(side)] = index
    return tuple((m, places[m].get(Side.LEFT), places[m].get(Side.RIGHT)) for m in Muscle if m in places)
