"""The tables of the page as plain cells: Table 1, evoked spread, dose, quality."""

from collections.abc import Sequence
from dataclasses import dataclass

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side, own_branch
from npr_daq.findings.findings import Findings
from npr_daq.findings.rows import ConductionRow
from npr_daq.report import reference, words
from npr_daq.report.wording import band, side_of


@dataclass(frozen=True, slots=True)
class Line:
    """One row of Table 1: every cell as text, `span` rows for the branch's name (0: named above)."""

    branch: str
    span: int
    muscle: str
    stimulus: tuple[str, str]
    latency: tuple[str, str, str]
    peak: tuple[str, str]
    negative: tuple[str, str]
    peak_to_peak: tuple[str, str]
    area: tuple[str, str]
    duration: tuple[str, str]
    supramaximal: tuple[str, str]
    ratio: str
    interval: str
    loss: str
    band: str
    limits: str
    flags: tuple[str, ...]
    notes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TableOne:
    """Table 1 with its numbered notes, each told once."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    sources: tuple[str, ...]


def table_one(findings: Findings) -> TableOne:
    """Every branch and muscle, affected and healthy in adjacent cells, with flags in words and the reasons as notes."""
    notes: list[str] = []
    pairs = words.pairs(findings, every_muscle=True)
    lines = []
    for place, (branch, muscle) in enumerate(pairs):
        new = place == 0 or pairs[place - 1][0] != branch
        span = sum(b == branch for b, _ in pairs) if new else 0
        sides = words.sides(findings)[:2]
        rows = [words.conduction_of(findings, side, branch, muscle) for side in sides]
        limits = reference.limits(findings, branch, muscle)
        flags = reference.flags(findings, branch, muscle)
        lines.append(_line(findings, branch, muscle, span, rows, limits_text(limits), tuple(flags), notes))
    return TableOne(tuple(lines), tuple(notes), tuple(reference.sources(findings)))


def limits_text(limits: Sequence[str]) -> str:
    """The limits of a row, or a dash where none was read in a source."""
    return "\n".join(text.replace(" ", "\u00a0") for text in limits) or "–"


def _line(
    findings: Findings,
    branch: Branch,
    muscle: Muscle,
    span: int,
    rows: list[ConductionRow | None],
    limits: str,
    flags: tuple[str, ...],
    notes: list[str],
) -> Line:
    symmetry = words.symmetry_of(findings, branch, muscle)
    withheld = (symmetry.withheld if symmetry else None) or ""
    told = [note for row in rows if row and "; ".join(row.quality.reasons) not in withheld for note in _notes(row)]
    lone = words.no_healthy_side(findings)
    if withheld and not lone:
        told.append(f"ratio withheld: {withheld}")
    percent = symmetry.percent if symmetry else None
    difference = symmetry.latency_difference_ms if symmetry else None

    def both(field: str, digits: int) -> tuple[str, str]:
        first, second = (_cell(row, field, digits) for row in rows)
        return first, second

    latency = both("onset_latency_ms", 2)
    return Line(
        branch=words.BRANCHES[branch],
        span=span,
        muscle=words.muscle_words(muscle),
        stimulus=(_stimulus(rows[0]), _stimulus(rows[1])),
        latency=(*latency, words.signed(difference, 2)),
        peak=both("peak_latency_ms", 2),
        negative=both("negative_peak_mv", 2),
        peak_to_peak=both("peak_to_peak_mv", 2),
        area=both("negative_area_mv_ms", 2),
        duration=both("negative_duration_ms", 1),
        supramaximal=(_proved(rows[0]), _proved(rows[1])),
        ratio="" if lone else "withheld" if symmetry is None or percent is None else words.percent(symmetry),
        interval=_norm(findings, branch, muscle) if lone else words.interval(symmetry) if symmetry else "",
        loss=words.number(None if symmetry is None else symmetry.loss_percent, 0),
        band="" if percent is None else band(percent).partition(":")[0],
        limits=limits,
        flags=flags,
        notes=tuple(_number(note, notes) for note in told),
    )


def _norm(findings: Findings, branch: Branch, muscle: Muscle) -> str:
    """What stands in the ratio's place where there is no healthy side: numbers for orientation."""
    return limits_text(reference.orientation(findings, branch, muscle))


def _notes(row: ConductionRow) -> list[str]:
    if not row.quality.reasons:
        return []
    said = "; ".join(row.quality.reasons)
    if row.quality.accepted:
        return [f"{row.side}: {said}"]
    prefix = "" if words.marker(row) else "measured, not acceptable: "
    return [f"{row.side}: {prefix}{said}"]


def _number(note: str, notes: list[str]) -> int:
    if note not in notes:
        notes.append(note)
    return notes.index(note) + 1


def _cell(row: ConductionRow | None, field: str, digits: int) -> str:
    marker = words.marker(row)
    if marker is not None or row is None:
        return marker or words.NOT_TESTED
    text = words.number(getattr(row, field), digits)
    return text if row.quality.accepted or text == "–" else f"{text} !"


def _stimulus(row: ConductionRow | None) -> str:
    return "–" if row is None or row.current_ma is None else f"{row.current_ma:.3g}"


def _proved(row: ConductionRow | None) -> str:
    if row is None or words.marker(row) is not None:
        return "–"
    return "proved" if row.supramaximal.proved else "not proved"


@dataclass(frozen=True, slots=True)
class SpreadCell:
    """One cell of the evoked-spread matrix: percent, size in mV, its shade 0..1; `own`: the branch supplies it."""

    text: str
    size: str = ""
    shade: float = 0.0
    own: bool = False


@dataclass(frozen=True, slots=True)
class SpreadSheet:
    """The evoked-spread matrix of one side: stimulated branch by recorded muscle; `weak` muscles by their names."""

    title: str
    muscles: tuple[str, ...]
    rows: tuple[tuple[str, tuple[SpreadCell, ...]], ...]
    weak: tuple[str, ...]


CAUTION = "⚠\ufe0e"
FULL_SHADE_PERCENT = 50.0
FIRST_SHADE_MV, FULL_SHADE_MV = 0.15, 0.5
"""A spread below the first is never shaded: healthy faces show as much by volume conduction alone [proposal]."""
WEAK_SHARE = 0.3
"""Own response over that of the other side from which percent of it overstates spread [proposal]."""


def spread(findings: Findings) -> tuple[SpreadSheet, ...]:
    """The matrices of both sides, in column order; none where no branch was stimulated."""
    sheets = []
    for side in words.sides(findings)[:2]:
        rows = [row for row in findings.evoked_spread if row.side == side]
        muscles = [m for m in FACIAL_MUSCLES if any(r.recorded == m for r in rows) or any(
            r.side == side and r.muscle == m for r in findings.conduction)]  # fmt: skip
        branches = [b for b in Branch if any(r.stimulated == b for r in rows)]
        if not branches:
            continue
        weak = [m for m in muscles if is_weak(findings, side, m)]
        lines = [
            (words.BRANCHES[b], tuple(_spread_cell(findings, side, b, m, caution=m in weak) for m in muscles))
            for b in branches
        ]
        names = tuple(words.SHORT_MUSCLES[m] for m in muscles)
        said = tuple(words.muscle_words(m) for m in weak)
        sheets.append(SpreadSheet(side_of(findings, side), names, tuple(lines), said))
    return tuple(sheets)


def is_weak(findings: Findings, side: Side, muscle: Muscle) -> bool:
    """Whether the muscle's own response is under 30 % of the other side's: then percent of it overstates spread."""
    here, there = (own_response_mv(findings, one, muscle) for one in (side, side.other))
    return here is not None and there is not None and here < WEAK_SHARE * there


def own_response_mv(findings: Findings, side: Side, muscle: Muscle) -> float | None:
    """The acceptable response that spread is measured against: at the muscle's own branch, or else at the trunk."""
    for branch in (own_branch(muscle), Branch.TRUNK):
        row = words.conduction_of(findings, side, branch, muscle) if branch is not None else None
        if row is not None and row.quality.accepted and row.peak_to_peak_mv is not None:
            return row.peak_to_peak_mv
    return None


def _spread_cell(findings: Findings, side: Side, branch: Branch, muscle: Muscle, *, caution: bool) -> SpreadCell:
    if muscle in SUPPLIES[branch]:
        return SpreadCell("own", own=True)
    row = next(
        (r for r in findings.evoked_spread if (r.side, r.stimulated, r.recorded) == (side, branch, muscle)), None
    )
    if row is None:
        return SpreadCell("–")
    late = f" L {row.late_latency_ms:.1f} ms" if row.lateral_spread and row.late_latency_ms is not None else ""
    size = "" if row.early_mv is None else f"{row.early_mv:.2f} mV"
    if row.percent is None:
        return SpreadCell(f"–{late}", size)
    mark = f" {CAUTION}" if caution and round(row.percent) > 0 else ""
    return SpreadCell(f"{row.percent:.0f} %{mark}{late}", size, shade(row.percent, row.early_mv))


def shade(percent: float, early_mv: float | None) -> float:
    """How dark a spread is drawn, 0 to 1: dark only where it is large both in percent and in mV."""
    size = ((early_mv or 0.0) - FIRST_SHADE_MV) / (FULL_SHADE_MV - FIRST_SHADE_MV)
    return max(0.0, min(1.0, percent / FULL_SHADE_PERCENT, size))


def dose(findings: Findings) -> list[tuple[str, ...]]:
    """Rows of the dose table and a last one with the totals."""
    rows: list[tuple[str, ...]] = [
        (
            str(row.side),
            words.site_words(row.site),
            str(row.pulses),
            f"{row.peak_ma:.1f}",
            f"{row.charge_uc:.1f}",
            f"{row.energy_mj:.2f}",
            "–" if row.requested_vs_delivered is None else f"{100 * row.requested_vs_delivered:.1f}",
        )
        for row in findings.dose
    ]
    if rows:
        table = findings.dose
        rows.append(
            (
                "both" if len({r.side for r in table}) > 1 else str(table[0].side),
                "all sites",
                str(sum(r.pulses for r in table)),
                f"{max(r.peak_ma for r in table):.1f}",
                f"{sum(r.charge_uc for r in table):.1f}",
                f"{sum(r.energy_mj for r in table):.2f}",
                "",
            )
        )
    return rows


def impedances(findings: Findings, channel_names: dict[int, str]) -> list[tuple[str, ...]]:
    """Rows of the impedance table; empty where nothing was measured."""
    return [
        (
            channel_names.get(row.get("channel", -1), f"channel {row.get('channel')}")
            .replace("_", " ")
            .replace(".", " "),
            f"{row['g1_kohm']:.1f}",
            f"{row['g2_kohm']:.1f}",
            f"{abs(row['g1_kohm'] - row['g2_kohm']):.1f}",
        )
        for row in findings.quality.get("impedances", [])
        if row.get("g1_kohm") is not None and row.get("g2_kohm") is not None
    ]
