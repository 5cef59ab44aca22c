"""Draft sentences from the measurements: what was measured and how it compares, never what the patient has."""

from collections.abc import Mapping, Sequence
from typing import Any

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.norms import BELOW, NormRow
from npr_daq.findings.phase import AREA, PREFER_AREA_PERCENT
from npr_daq.findings.rows import CONTRADICTION, SymmetryRow
from npr_daq.findings.summed import ALL_BRANCHES, SummedRow
from npr_daq.reference import QUANTITIES
from npr_daq.report import acute, reference, words

BANDS = (
    (70.0, "within usual side variation"),
    (50.0, "reduced, within the published range of healthy asymmetry: interpret with other muscles"),
    (30.0, "clearly reduced"),
    (10.0, "severely reduced"),
    (0.0, "very severely reduced, near absent"),
)
"""Display bands of the clinical reference 3.1, from the lower limit in percent. A proposal, not a norm."""


def band(percent: float) -> str:
    """The display band of a ratio; a ratio above the inverse of the first limit is called larger."""
    if percent > 100.0 * 100.0 / BANDS[0][0]:
        return "larger than the healthy side beyond usual side variation"
    return next(text for limit, text in BANDS if percent >= limit)


def sentences(findings: Findings, intake: Mapping[str, Any]) -> list[str]:
    """Draft sentences: each measured branch, the sums, reference values, what is withheld, which rules do not apply."""
    if isinstance(words.no_healthy_side(findings), str):
        drafted = [
            f"No ratio: {words.no_healthy_side(findings)}; reference values stand in its place.",
            *_norms(findings),
        ]
    else:
        drafted = [_branch(findings, branch, muscle) for branch, muscle in words.pairs(findings, every_muscle=False)]
        drafted += [*_sums(findings), *_flags(findings)]
    return [*(text for text in drafted if text), *_spread(findings), *acute.sentences(findings, intake)]


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
        return f"{name}: peak to peak left / right {_percent(row)}; no side is affected.{_delay(findings, row)}"
    said = f"{name}: peak to peak {_percent(row)} of the healthy side; {band(row.percent or 0.0)}."
    return said + _delay(findings, row) + _area(row)


def _sums(findings: Findings) -> list[str]:
    """The sum over the muscles of the trunk and that over all branches."""
    return [_sum(findings, row) for row in findings.summed if row.stimulated in (Branch.TRUNK, ALL_BRANCHES)]


def _sum(findings: Findings, row: SummedRow) -> str:
    name = words.summed_words(row)
    if row.percent is None:
        return f"{name}: sum withheld: {row.withheld}."
    silent = f"; not elicited and counted as 0: {_names(row.silent)}" if row.silent else ""
    lacking = f"; left out: {_names(row.left_out)}" if row.left_out else ""
    of = " of the healthy side" if words.sides(findings)[2] == "A" else ", left / right"
    return f"{name}: peak to peak summed over {len(row.muscles)} muscles {_percent(row)}{of}{silent}{lacking}."


def _names(muscles: Sequence[str]) -> str:
    return ", ".join(words.muscle_words(muscle) for muscle in muscles)


def _flags(findings: Findings) -> list[str]:
    """Every value outside a published limit, with the source of the limit."""
    return [_flag(row) for row in findings.norms if row.flagged]


def _flag(row: NormRow) -> str:
    limit = row.low if row.outcome == BELOW else row.high
    place = f"{words.BRANCHES[Branch(row.branch)]} ({words.muscle_words(row.muscle)})"
    value = f"{QUANTITIES[row.quantity][0]} {words.number(row.value, 2)} {row.unit}"
    side = "" if row.side == "both" else f", {row.side}"
    return f"{place}{side}: {value}, {row.outcome} the limit of {limit:g} {row.unit} ({reference.cited(row)})."


def _norms(findings: Findings) -> list[str]:
    """What can be said without a healthy side: values outside a limit, and how many stand beside which numbers."""
    refused = reference.refused_for_age(findings)
    if refused:
        return [f"Reference values are not applied: {refused}."]
    sided = [row for row in findings.norms if row.side != "both"]
    held = [row for row in sided if reference.is_held(row)]
    outside = _flags(findings)
    counted = (
        f"{len(held)} values were held against limits, {len(outside)} lie outside."
        if held
        else "No value could be held against a limit."
    )
    return [
        *outside,
        counted,
        "Numbers from memory or derived are shown as orientation in the table of reference values and flag nothing.",
    ]


def _percent(row: SymmetryRow | SummedRow) -> str:
    interval = words.interval(row)
    return f"{words.percent(row)} %" + (f" ({words.WITHIN}: {interval[1:-1]} %)" if interval else "")


def _area(row: SymmetryRow) -> str:
    """That the area is the better measure, where the durations differ (clinical reference 2.3)."""
    if row.preferred != AREA or row.area_percent is None or row.duration_percent is None:
        return ""
    return (
        f" The negative durations differ by {abs(row.duration_percent - 100):.0f} % "
        f"(limit {PREFER_AREA_PERCENT:.0f} %): prefer the area, {row.area_percent:.0f} % of the other side [proposal]."
    )


def _delay(findings: Findings, row: SymmetryRow) -> str:
    difference = row.latency_difference_ms
    if difference is None:
        return ""
    both = [r for r in findings.conduction if (r.branch, r.muscle) == (row.branch, row.muscle)]
    doubtful = [r.side for r in both if r.disagreement]
    doubt = f" (doubtful: look at the trace of the {' and the '.join(doubtful)} side)" if doubtful else ""
    return f" Onset difference {words.signed(difference, 2)} ms{doubt}."


def _spread(findings: Findings) -> list[str]:
    late = [row for row in findings.evoked_spread if row.lateral_spread]
    if not findings.evoked_spread:
        return []
    unsure = sum(row.lateral_spread is None for row in findings.evoked_spread)
    pairs = len(findings.evoked_spread)
    untold = f" In {unsure} of {pairs} pairs of branch and muscle the sweeps cannot tell." if unsure else ""
    if not late:
        return [f"No late response (7.5–20 ms) stood in a muscle of another branch.{untold}"]
    where = "; ".join(
        f"{row.side} {words.BRANCHES[Branch(row.stimulated)].lower()} → {words.muscle_words(row.recorded)} "
        f"at {words.number(row.late_latency_ms, 1)} ms"
        for row in late
    )
    return [f"Late responses that repeat in a muscle of another branch: {where}.{untold}"]


def side_of(findings: Findings, side: Side) -> str:
    """`affected, left` or the bare side where there is no healthy one."""
    first, _, one, _ = words.sides(findings)
    if one != "A":
        return str(side)
    return f"{'affected' if side == first else 'healthy'}, {side}"
