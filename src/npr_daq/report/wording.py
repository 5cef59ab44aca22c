"""Draft sentences from the measurements: what was measured and how it compares, never what the patient has."""

from collections.abc import Mapping
from typing import Any

from npr_daq.anatomy import HEADLINE, Branch, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.rows import CONTRADICTION, SymmetryRow
from npr_daq.report import words

BANDS = (
    (70.0, "within usual side variation"),
    (50.0, "reduced, within the published range of healthy asymmetry: interpret with other muscles"),
    (30.0, "clearly reduced"),
    (10.0, "severely reduced"),
    (0.0, "very severely reduced, near absent"),
)
"""Display bands of the clinical reference 3.1, from the lower limit in percent. A proposal, not a norm."""

ACUTE_DAYS = (3, 21)
"""Days after onset within which the acute rules of the clinical reference 4.1 may be named."""


def band(percent: float) -> str:
    """The display band of a ratio; a ratio above the inverse of the first limit is called larger."""
    if percent > 100.0 * 100.0 / BANDS[0][0]:
        return "larger than the healthy side beyond usual side variation"
    return next(text for limit, text in BANDS if percent >= limit)


def sentences(findings: Findings, intake: Mapping[str, Any]) -> list[str]:
    """Draft sentences: each measured branch, what is withheld, and which rules do not apply."""
    drafted = [_branch(findings, branch, muscle) for branch, muscle in words.pairs(findings, every_muscle=False)]
    return [*(text for text in drafted if text), *_spread(findings), acute(findings, intake)]


def notes(findings: Findings) -> tuple[list[str], list[str]]:
    """What must be read first (sweeps against the operator's word), and the other warnings of the recording."""
    first: dict[str, None] = {}
    told = set()
    for row in findings.conduction:
        for reason in row.quality.reasons:
            if reason.startswith(CONTRADICTION):
                place = f"{row.side} {words.BRANCHES[Branch(row.branch)].lower()}, {words.muscle_words(row.muscle)}"
                first[f"{place}: marked no response by the operator, yet {reason.removeprefix(CONTRADICTION)}"] = None
                told.add(f"{row.side} {row.branch}: no response by the operator's word")
    warnings = findings.quality.get("warnings", [])
    return [*first], [text for text in warnings if not any(text.startswith(begun) for begun in told)]


def _branch(findings: Findings, branch: Branch, muscle: Muscle) -> str:
    row = words.symmetry_of(findings, branch, muscle)
    name = f"{words.BRANCHES[branch]} ({words.muscle_words(muscle)})"
    if row is None:
        return ""
    if row.withheld is not None:
        return f"{name}: comparison withheld: {row.withheld}."
    if words.sides(findings)[2] != "A":
        return f"{name}: peak to peak left / right {_percent(row)}; no side is affected.{_delay(row)}"
    return f"{name}: peak to peak {_percent(row)} of the healthy side; {band(row.percent or 0.0)}.{_delay(row)}"


def _percent(row: SymmetryRow) -> str:
    interval = words.interval(row)
    return f"{words.percent(row)} %" + (f" ({words.SWEEP_NOISE}: {interval[1:-1]} %)" if interval else "")


def _delay(row: SymmetryRow) -> str:
    difference = row.latency_difference_ms
    return "" if difference is None else f" Onset difference {words.signed(difference, 2)} ms."


def _spread(findings: Findings) -> list[str]:
    late = [row for row in findings.evoked_spread if row.lateral_spread]
    if not findings.evoked_spread:
        return []
    if not late:
        return ["No late response (7.5–20 ms) repeated in a muscle of another branch."]
    where = "; ".join(
        f"{row.side} {words.BRANCHES[Branch(row.stimulated)].lower()} → {words.muscle_words(row.recorded)} "
        f"at {words.number(row.late_latency_ms, 1)} ms"
        for row in late
    )
    return [f"Late responses that repeat in a muscle of another branch: {where}."]


def acute(findings: Findings, intake: Mapping[str, Any]) -> str:
    """The sentence about the acute rules: that they do not apply, or, in days 3 to 21, what they speak of."""
    days = intake.get("days_since_onset")
    first, last = ACUTE_DAYS
    if days is None:
        return "Days since onset are not recorded: phrases of acute electroneurography (ENoG) are left out."
    if not first <= days <= last:
        when = f"Day {days} after onset" if days < first else f"{since(days)} after onset"
        return f"{when}: rules of acute electroneurography (days {first}–{last}) do not apply and are left out."
    row = words.symmetry_of(findings, Branch.TRUNK, HEADLINE[Branch.TRUNK])
    if row is None or row.percent is None:
        return f"Day {days} after onset: acute electroneurography (ENoG) needs the trunk ratio, which is not available."
    return (
        f"Day {days} after onset: ENoG at the trunk, {words.muscle_words(row.muscle)}: {row.percent:.0f} % preserved, "
        f"degeneration index {row.loss_percent:.0f} %. Published acute series of complete palsy group patients at 10, "
        "20 and 40 % preserved (Minami 2008); test error 18–21 % (Raslan 1988). No prognosis is drawn here."
    )


def since(days: int) -> str:
    """Days since onset in the unit a clinician says: days, months or years."""
    if days < 60:
        return f"{days} days"
    if days < 730:
        return f"{days / 30.44:.0f} months"
    return f"{days / 365.25:.1f} years"


def side_of(findings: Findings, side: Side) -> str:
    """`affected, left` or the bare side where there is no healthy one."""
    first, _, one, _ = words.sides(findings)
    if one != "A":
        return str(side)
    return f"{'affected' if side == first else 'healthy'}, {side}"
