"""The evoked spread matrix as heat maps: affected, healthy, difference; early and late window; flags in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import ABSENT, SpreadMatrixRow
from npr_daq.report import words
from npr_daq.report.paired import Notes
from npr_daq.report.wording import side_of

DIFFERENCE = "difference"
EARLY, LATE = "early", "late"
WINDOWS = {EARLY: "Early window (direct responses)", LATE: "Late window (lateral spread, F wave)"}
FULL_SHADE_PERCENT = 50.0
"""What is left of a response, in percent of the muscle's own, that is shaded fully."""
QUIET_PERCENT = 2.0
"""A cell below this share of the muscle's own response is printed pale, a smaller difference unmarked [proposal]."""
MORE_ON = "more on the"
"""Beginning of the verdict of a difference that stands."""
MORE, LESS = "▲ more", "▼ less"
"""Marks of a difference whose interval does not hold zero."""


@dataclass(frozen=True, slots=True)
class MapCell:
    """One cell: the value in bold, smaller lines under it, a shade from -1 (blue) to 1 (orange), pale, outlined."""

    text: str
    small: tuple[str, ...] = ()
    flag: str = ""
    shade: float = 0.0
    own: bool = False
    pale: bool = False
    notes: tuple[int, ...] = ()
    outlined: bool = False


@dataclass(frozen=True, slots=True)
class HeatMap:
    """One matrix: stimulated branch, or what `corner` says, by recorded muscle."""

    title: str
    muscles: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MapCell, ...]], ...]
    corner: str = "stimulated"


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
    shown = [side for side in titles if any(row.side == side for row in rows)]
    if not any(row.remainder_percent is not None for row in rows if row.side == DIFFERENCE):
        shown = [side for side in shown if side != DIFFERENCE]
    maps = [_map(findings, titles[side], [row for row in rows if row.side == side], rows, notes) for side in shown]
    for reason in dict.fromkeys(r for row in rows if row.side == DIFFERENCE and DIFFERENCE not in shown
                                for r in row.reasons):  # fmt: skip
        notes.number("no difference of the sides", reason)
    return SpreadMaps(WINDOWS[window], tuple(maps), notes.told())


def _map(
    findings: Findings, title: str, rows: Sequence[SpreadMatrixRow], every: Sequence[SpreadMatrixRow], notes: Notes
) -> HeatMap:
    muscles = [m for m in FACIAL_MUSCLES if any(row.recorded == m for row in every)]
    branches = [b for b in Branch if any(row.stimulated == b for row in every)]
    by_place = {(row.stimulated, row.recorded): row for row in rows}
    lines = [
        (words.BRANCHES[b], tuple(_cell(by_place.get((str(b), str(m))), notes, own=m in SUPPLIES[b]) for m in muscles))
        for b in branches
    ]
    return HeatMap(title, tuple(words.SHORT_MUSCLES[m] for m in muscles), tuple(lines))


def _cell(row: SpreadMatrixRow | None, notes: Notes, *, own: bool) -> MapCell:
    if row is None:
        return MapCell("own", own=True) if own else MapCell(words.NOT_TESTED, pale=True)
    if row.own:
        return MapCell("own", small=_size(row), own=True)
    numbers = tuple(notes.number(row.side, reason) for reason in row.reasons)
    if row.side == DIFFERENCE:
        flag, shade = _compared(row)
        return MapCell(_value(row, sign=True), small=(_interval(row, sign=True),), flag=flag or row.verdict,
                       shade=shade, pale=not flag, notes=numbers)  # fmt: skip
    recorded = "" if row.percent is None else f"recorded {row.percent:.0f} %"
    size = ", ".join(text for text in (recorded, *_size(row)) if text)
    copied = "" if row.copied_percent is None else f"copied {row.copied_percent:.0f} %"
    small = tuple(text for text in (_interval(row), size, copied, _growth(row)) if text)
    pale = (row.remainder_percent or 0.0) < QUIET_PERCENT or row.verdict == ABSENT
    return MapCell(_value(row), small=small, flag=row.verdict, shade=0.0 if pale else _shade(row), pale=pale,
                   notes=numbers)  # fmt: skip


def _size(row: SpreadMatrixRow) -> tuple[str, ...]:
    if row.as_recorded_mv is None:
        return ()
    small = abs(row.as_recorded_mv) < 0.1
    return (
        f"{words.number(1e3 * row.as_recorded_mv, 0)} µV" if small else f"{words.number(row.as_recorded_mv, 2)} mV",
    )


def _digits(row: SpreadMatrixRow) -> int:
    """One decimal where the value is small."""
    return 1 if abs(row.remainder_percent or 0.0) < 10.0 else 0


def _value(row: SpreadMatrixRow, *, sign: bool = False) -> str:
    if row.remainder_percent is None:
        return "–"
    digits = _digits(row)
    return words.signed(row.remainder_percent, digits) if sign else f"{words.number(row.remainder_percent, digits)} %"


def _interval(row: SpreadMatrixRow, *, sign: bool = False) -> str:
    if row.remainder_ci95_percent is None:
        return ""
    low, high = row.remainder_ci95_percent
    digits = _digits(row)
    if sign or low < 0:
        return f"[{words.signed(low, digits)} to {words.signed(high, digits)}]"
    return f"[{low:.{digits}f}–{high:.{digits}f}]"


def _growth(row: SpreadMatrixRow) -> str:
    """That the response still grows beyond the plateau of the branch's own muscle: the current spreads."""
    if row.growth_mv_per_ma is None or row.growth_ci95_mv_per_ma is None or row.growth_ci95_mv_per_ma[0] <= 0:
        return ""
    return f"grows {1e3 * row.growth_mv_per_ma:.0f} µV/mA"


def _shade(row: SpreadMatrixRow) -> float:
    """Shaded only where the interval lies above zero."""
    if row.remainder_percent is None or row.remainder_ci95_percent is None or row.remainder_ci95_percent[0] <= 0:
        return 0.0
    return max(0.0, min(1.0, row.remainder_percent / FULL_SHADE_PERCENT))


def _compared(row: SpreadMatrixRow) -> tuple[str, float]:
    """The mark of a difference and its shade; neither where it cannot be told from none or is too small to matter."""
    if row.remainder_percent is None or not is_clear(row):
        return "", 0.0
    size = max(-1.0, min(1.0, row.remainder_percent / FULL_SHADE_PERCENT))
    return (MORE if row.remainder_percent > 0 else LESS), size


def is_clear(row: SpreadMatrixRow) -> bool:
    """Whether a difference is worth a mark: its interval holds no zero, it is 2 points or more, and it stands.

    A late one stands where the larger side has a late response; elsewhere the verdict is that of the late response.
    """
    if row.remainder_percent is None or row.remainder_ci95_percent is None:
        return False
    return row.verdict.startswith(MORE_ON) and abs(row.remainder_percent) >= QUIET_PERCENT
