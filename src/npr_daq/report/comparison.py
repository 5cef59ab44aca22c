"""Table 1b: both sides compared by every measure, muscle by muscle and summed, each with the reason it is withheld."""

from dataclasses import dataclass

from npr_daq.anatomy import Branch
from npr_daq.findings.findings import Findings
from npr_daq.findings.phase import AREA
from npr_daq.findings.rows import SymmetryRow
from npr_daq.findings.summed import SummedRow
from npr_daq.report import words

DASH = "–"


@dataclass(frozen=True, slots=True)
class Compared:
    """One row of the table as cells; `summed`: a sum over several muscles."""

    branch: str
    muscle: str
    amplitude: str
    interval: str
    loss: str
    asymmetry: str
    area: str
    area_interval: str
    duration: str
    latency: str
    preferred: str
    reason: str
    summed: bool = False


def table(findings: Findings) -> list[Compared]:
    """The rows of the comparison and below them the sums; empty where nothing was compared at all."""
    if words.no_healthy_side(findings) is not None:
        return []
    return [*(_row(row) for row in findings.symmetry), *(_sum(row) for row in findings.summed)]


def _row(row: SymmetryRow) -> Compared:
    return Compared(
        branch=words.BRANCHES[Branch(row.branch)],
        muscle=words.muscle_words(row.muscle),
        amplitude="withheld" if row.percent is None else words.percent(row),
        interval=words.interval(row),
        loss=words.number(row.loss_percent, 0),
        asymmetry=words.signed(row.asymmetry_index, 0),
        area=words.number(row.area_percent, 0),
        area_interval=_ends(row.area_ci95_percent),
        duration=words.number(row.duration_percent, 0),
        latency=words.signed(row.latency_difference_ms, 2),
        preferred=row.preferred or DASH,
        reason=_reason(row),
    )


def _reason(row: SymmetryRow) -> str:
    """Every reason once, with the measure that it withholds where it does not withhold all."""
    if row.withheld and row.withheld == row.latency_withheld == row.area_withheld:
        return row.withheld
    parts = [
        f"{what}: {why}"
        for what, why in (("amplitude", row.withheld), ("latency", row.latency_withheld), ("area", row.area_withheld))
        if why
    ]
    if row.latency_withheld and row.latency_withheld == row.area_withheld:
        parts = [*parts[:-2], f"latency and area: {row.latency_withheld}"]
    if row.preferred == AREA:
        parts.append("negative durations differ by more than 15 %: prefer the area")
    return "; ".join(parts)


def _sum(row: SummedRow) -> Compared:
    silent = f"not elicited, counted as 0: {_list(row.silent)}" if row.silent else ""
    lacking = f"left out: {_list(row.left_out)}" if row.left_out and row.muscles else ""
    return Compared(
        branch=words.summed_words(row),
        muscle=f"sum of {len(row.muscles)} muscles" if row.muscles else "sum",
        amplitude="withheld" if row.percent is None else words.percent(row),
        interval=words.interval(row),
        loss=words.number(row.loss_percent, 0),
        asymmetry=words.signed(row.asymmetry_index, 0),
        area=DASH,
        area_interval="",
        duration=DASH,
        latency=DASH,
        preferred=DASH,
        reason="; ".join(part for part in (row.withheld or "", silent, lacking) if part),
        summed=True,
    )


def _list(muscles: tuple[str, ...]) -> str:
    return ", ".join(words.muscle_words(muscle) for muscle in muscles)


def _ends(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    digits = 1 if interval[1] - interval[0] < 1.0 else 0
    return f"[{interval[0]:.{digits}f}–{interval[1]:.{digits}f}]"
