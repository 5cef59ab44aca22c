"""Reference values in words: limits and flags of a row, the table where there is no healthy side, the set's name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from npr_daq.anatomy import Branch
from npr_daq.findings.findings import Findings
from npr_daq.findings.norms import ABOVE, AGE, BELOW, REFUSED, SHOWN, WITHIN, NormRow
from npr_daq.reference import QUANTITIES
from npr_daq.report import words

SHORT = {
    "onset_latency_ms": "lat",
    "peak_latency_ms": "peak lat",
    "peak_to_peak_mv": "pp",
    "negative_peak_mv": "np",
    "negative_area_mv_ms": "area",
    "negative_duration_ms": "dur",
    "latency_difference_ms": "Δ lat",
    "side_difference_percent": "side diff.",
}
EVIDENCE = {
    "V": "read in its source",
    "D": "derived from other numbers: orientation, never a flag",
    "T": "textbook, from memory: orientation, never a flag",
}
_ARROWS = {BELOW: "↓", ABOVE: "↑"}
_OUTCOMES = {WITHIN: "within", BELOW: "↓ below", ABOVE: "↑ above", SHOWN: "orientation", REFUSED: "refused"}


def rows_of(findings: Findings, branch: str, muscle: str) -> list[NormRow]:
    """The reference values beside one row of Table 1, both sides and their comparison."""
    return [row for row in findings.norms if (row.branch, row.muscle) == (branch, muscle)]


def is_held(row: NormRow) -> bool:
    """Whether a value was held against a limit."""
    return row.outcome in (WITHIN, BELOW, ABOVE)


def is_limit(row: NormRow) -> bool:
    """Whether a reference value is a limit that may flag at this age, if the value is fit for it."""
    return row.may_flag and not _for_age(row)


def _for_age(row: NormRow) -> bool:
    return row.outcome == REFUSED and (row.reason or "").startswith(AGE)


def limits(findings: Findings, branch: str, muscle: str) -> list[str]:
    """The limits that a row of Table 1 is held against, each once; of the sides' difference only where there is one."""
    lone = words.no_healthy_side(findings) is not None
    found = [row for row in rows_of(findings, branch, muscle) if is_limit(row) and not (lone and row.side == "both")]
    return [*dict.fromkeys(f"{SHORT.get(row.quantity, row.quantity)} {bounds(row)}" for row in found)]


def orientation(findings: Findings, branch: str, muscle: str) -> list[str]:
    """The best number that never flags for amplitude and for onset, with its evidence.

    A published limit of another montage is none: beside a value it would read as its limit.
    """
    found = [
        row
        for row in rows_of(findings, branch, muscle)
        if row.quantity in ("onset_latency_ms", "peak_to_peak_mv")
        and not row.may_flag
        and not (row.evidence == "V" and (row.low is not None or row.high is not None))
        and not _for_age(row)
    ]
    told: dict[str, str] = {}
    for row in sorted(found, key=lambda one: (one.quantity, "VDT".index(one.evidence))):
        told.setdefault(row.quantity, f"{SHORT[row.quantity]} {bounds(row)} [{row.evidence}]")
    return [*told.values()]


def flags(findings: Findings, branch: str, muscle: str) -> list[str]:
    """What lies outside a limit, in words with its arrow: `↑ left lat above 3.9 ms`."""
    return [
        f"{_ARROWS[row.outcome]} {words_of_side(row.side)} {SHORT.get(row.quantity, row.quantity)} {row.outcome} "
        f"{row.low if row.outcome == BELOW else row.high:g} {row.unit}"
        for row in rows_of(findings, branch, muscle)
        if row.flagged
    ]


def sources(findings: Findings) -> list[str]:
    """Which limits were applied, with their sources, for the foot of Table 1."""
    return [
        *dict.fromkeys(
            f"{words.BRANCHES[Branch(row.branch)]} · {words.muscle_words(row.muscle)} "
            f"{SHORT.get(row.quantity, row.quantity)}: {cited(row)}"
            for row in findings.norms
            if is_limit(row)
        )
    ]


def refused_for_age(findings: Findings) -> str | None:
    """The sentence that adult limits were refused, with the age; None where they were applied."""
    return next((row.reason for row in findings.norms if _for_age(row)), None)


def bounds(row: NormRow) -> str:
    """A limit, range or mean with its unit."""
    unit = f" {row.unit}" if row.unit else ""
    if row.low is not None and row.high is not None:
        return f"{row.low:g}–{row.high:g}{unit}"
    if row.high is not None:
        return f"≤ {row.high:g}{unit}"
    if row.low is not None:
        return f"≥ {row.low:g}{unit}"
    spread = "" if row.sd is None else f" ± {row.sd:g}"
    return f"{row.mean:g}{spread}{unit}"


def cited(row: NormRow) -> str:
    """Source, number of people, who they were and where the electrodes lay."""
    parts = [row.source, None if row.n is None else f"n = {row.n}", row.group, row.place]
    return ", ".join(part for part in parts if part)


def words_of_side(side: str) -> str:
    """A side, or what a comparison of both is."""
    return "side difference" if side == "both" else side


def set_words(provenance: Mapping[str, Any]) -> str:
    """Name and version of the reference set, and from which age its adult limits hold."""
    known = provenance.get("reference") or {}
    adults = known.get("adults_from_years", 16)
    return f"{known.get('name', 'none')}, version {known.get('version', '–')}; adult limits from {adults:g} years"


@dataclass(frozen=True, slots=True)
class NormLine:
    """One reference value beside what was measured on either side, as cells."""

    branch: str
    muscle: str
    quantity: str
    values: tuple[str, str]
    outcomes: tuple[str, str]
    reference: str
    source: str
    evidence: str
    flagged: bool
    reason: str


def table(findings: Findings) -> list[NormLine]:
    """Every reference value of the conduction rows in the order of the anatomy, limits that flag first in each row."""
    sides = words.sides(findings)[:2]
    groups: dict[tuple[Any, ...], dict[str, NormRow]] = {}
    for row in findings.norms:
        if row.side != "both":
            key = (row.branch, row.muscle, row.quantity, row.low, row.high, row.mean, row.sd, row.source, row.place)
            groups.setdefault(key, {})[row.side] = row
    order = {str(branch): place for place, branch in enumerate(Branch)}
    quantities = list(QUANTITIES)

    def rank(item: tuple[tuple[Any, ...], dict[str, NormRow]]) -> tuple[int, str, int, bool, int]:
        (branch, muscle, quantity, *_), by_side = item
        one = _any(by_side)
        return order[branch], muscle, quantities.index(quantity), not one.may_flag, "VDT".index(one.evidence)

    return [_line(key, by_side, sides) for key, by_side in sorted(groups.items(), key=rank)]


def _any(by_side: Mapping[str, NormRow]) -> NormRow:
    return next(iter(by_side.values()))


def _line(key: tuple[Any, ...], by_side: Mapping[str, NormRow], sides: Sequence[str]) -> NormLine:
    one = _any(by_side)
    pair = [by_side.get(side) for side in sides]
    first, second = (_value(row) for row in pair)
    out, other = (_outcome(row) for row in pair)
    shown = next((row.reason for row in pair if row and row.outcome == SHOWN and row.evidence == "V"), None)
    return NormLine(
        branch=words.BRANCHES[Branch(key[0])],
        muscle=words.muscle_words(key[1]),
        quantity=QUANTITIES[one.quantity][0],
        values=(first, second),
        outcomes=(out, other),
        reference=_both(one),
        source=cited(one),
        evidence=one.evidence,
        flagged=any(row is not None and row.flagged for row in pair),
        reason="; ".join([*([shown] if shown else []), *_refusals(sides, pair)]),
    )


def _refusals(sides: Sequence[str], pair: Sequence[NormRow | None]) -> list[str]:
    """Why values are not held against the number, once where it is the same on both sides."""
    told = {side: _plainly(row) for side, row in zip(sides, pair, strict=True) if row and row.outcome == REFUSED}
    if len(told) == 2 and len(set(told.values())) == 1:
        return [next(iter(told.values()))]
    return [f"{side}: {why}" for side, why in told.items()]


def _plainly(row: NormRow) -> str:
    return (row.reason or "").removeprefix("measured, not acceptable: ").removeprefix("measured, ")


def _both(row: NormRow) -> str:
    """The limit, and the mean beside it where the source gives both."""
    if row.mean is None or (row.low is None and row.high is None):
        return bounds(row)
    return f"{bounds(row)} (mean {row.mean:g}{'' if row.sd is None else f' ± {row.sd:g}'})"


def _value(row: NormRow | None) -> str:
    return "–" if row is None else words.number(row.value, 2)


def _outcome(row: NormRow | None) -> str:
    if row is None:
        return words.NOT_TESTED
    away = "" if row.sd_away is None else f" ({words.signed(row.sd_away, 1)} SD)"
    return _OUTCOMES[row.outcome] + away
