"""The evoked spread matrix as heat maps: affected, healthy, difference; early and late window; flags in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from npr_daq.anatomy import FACIAL_MUSCLES, Branch
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import SpreadMatrixRow
from npr_daq.report import words
from npr_daq.report.paired import Notes
from npr_daq.report.wording import side_of

DIFFERENCE = "difference"
EARLY, LATE = "early", "late"
WINDOWS = {EARLY: "Early window (direct responses)", LATE: "Late window (lateral spread, F wave)"}
FULL_SHADE_PERCENT = 50.0
"""What is left of a response, in percent of the muscle's own, that is shaded fully."""
MORE, LESS = "▲ more", "▼ less"
"""Marks of a difference whose interval does not hold zero."""


@dataclass(frozen=True, slots=True)
class MapCell:
    """One cell: the value in bold, smaller lines under it, a shade from -1 (blue) to 1 (orange), the branch's own."""

    text: str
    small: tuple[str, ...] = ()
    flag: str = ""
    shade: float = 0.0
    own: bool = False
    notes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HeatMap:
    """One matrix: stimulated branch by recorded muscle."""

    title: str
    muscles: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MapCell, ...]], ...]


@dataclass(frozen=True, slots=True)
class SpreadMaps:
    """The maps of one window, with the notes that their cells name."""

    title: str
    maps: tuple[HeatMap, ...]
    notes: tuple[str, ...]


def spread_maps(findings: Findings) -> tuple[SpreadMaps, ...]:
    """The maps of every window that has a value beyond the branch's own muscles; none without a matrix."""
    return tuple(_window(findings, window) for window in WINDOWS if any(_valued(findings, window)))


def _valued(findings: Findings, window: str) -> list[SpreadMatrixRow]:
    return [r for r in findings.spread_matrix if r.window == window and not r.own and (r.as_recorded_mv is not None)]


def _window(findings: Findings, window: str) -> SpreadMaps:
    first, second, one, two = words.sides(findings)
    rows = [row for row in findings.spread_matrix if row.window == window]
    titles = {
        str(first): side_of(findings, first),
        str(second): side_of(findings, second),
        DIFFERENCE: f"difference, {one} − {two}, percentage points",
    }
    notes = Notes()
    maps = [
        _map(findings, title, [row for row in rows if row.side == side], rows, notes)
        for side, title in titles.items()
        if any(row.side == side for row in rows)
    ]
    return SpreadMaps(WINDOWS[window], tuple(maps), notes.told())


def _map(
    findings: Findings, title: str, rows: Sequence[SpreadMatrixRow], every: Sequence[SpreadMatrixRow], notes: Notes
) -> HeatMap:
    muscles = [m for m in FACIAL_MUSCLES if any(row.recorded == m for row in every)]
    branches = [b for b in Branch if any(row.stimulated == b for row in every)]
    by_place = {(row.stimulated, row.recorded): row for row in rows}
    lines = [
        (words.BRANCHES[b], tuple(_cell(by_place.get((str(b), str(m))), notes) for m in muscles)) for b in branches
    ]
    return HeatMap(title, tuple(words.SHORT_MUSCLES[m] for m in muscles), tuple(lines))


def _cell(row: SpreadMatrixRow | None, notes: Notes) -> MapCell:
    if row is None:
        return MapCell(words.NOT_TESTED)
    if row.own:
        return MapCell("own", small=_size(row), own=True)
    numbers = tuple(notes.number(row.side, reason) for reason in row.reasons)
    if row.side == DIFFERENCE:
        flag, shade = _compared(row)
        return MapCell(_value(row, sign=True), small=(_interval(row, sign=True),), flag=flag or row.verdict,
                       shade=shade, notes=numbers)  # fmt: skip
    recorded = "" if row.percent is None else f"as recorded {row.percent:.0f} %"
    copied = "" if row.copied_percent is None else f"copied {row.copied_percent:.0f} %"
    small = tuple(text for text in (_interval(row), *_size(row), recorded, copied, _growth(row)) if text)
    return MapCell(_value(row), small=small, flag=row.verdict, shade=_shade(row), notes=numbers)


def _size(row: SpreadMatrixRow) -> tuple[str, ...]:
    return () if row.as_recorded_mv is None else (f"{row.as_recorded_mv:.2f} mV",)


def _value(row: SpreadMatrixRow, *, sign: bool = False) -> str:
    if row.remainder_percent is None:
        return "–"
    return f"{words.signed(row.remainder_percent, 0)}" if sign else f"{row.remainder_percent:.0f} %"


def _interval(row: SpreadMatrixRow, *, sign: bool = False) -> str:
    if row.remainder_ci95_percent is None:
        return ""
    low, high = row.remainder_ci95_percent
    if sign:
        return f"[{words.signed(low, 0)} to {words.signed(high, 0)}]"
    return f"[{low:.0f}–{high:.0f}]" if low >= 0 else f"[{words.signed(low, 0)} to {high:.0f}]"


def _growth(row: SpreadMatrixRow) -> str:
    """That the response still grows beyond the plateau of the branch's own muscle: the current spreads."""
    if row.growth_mv_per_ma is None or row.growth_ci95_mv_per_ma is None or row.growth_ci95_mv_per_ma[0] <= 0:
        return ""
    return f"grows {row.growth_mv_per_ma:.3f} mV/mA"


def _shade(row: SpreadMatrixRow) -> float:
    """Shaded only where the interval lies above zero."""
    if row.remainder_percent is None or row.remainder_ci95_percent is None or row.remainder_ci95_percent[0] <= 0:
        return 0.0
    return max(0.0, min(1.0, row.remainder_percent / FULL_SHADE_PERCENT))


def _compared(row: SpreadMatrixRow) -> tuple[str, float]:
    """The mark of a difference and its shade; neither where the interval holds zero."""
    if row.remainder_percent is None or row.remainder_ci95_percent is None:
        return "", 0.0
    low, high = row.remainder_ci95_percent
    if low <= 0 <= high:
        return "", 0.0
    size = max(-1.0, min(1.0, row.remainder_percent / FULL_SHADE_PERCENT))
    return (MORE if low > 0 else LESS), size
