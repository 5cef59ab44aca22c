"""Measured values beside reference values: which keep their limit, which do not, and which are only shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from npr_daq.errors import UsageError
from npr_daq.findings.rows import ConductionRow, SymmetryRow
from npr_daq.findings.table import TableView
from npr_daq.reference import Norm, Norms, parse_norms, shipped_norms

WITHIN, BELOW, ABOVE = "within", "below", "above"
SHOWN = "shown only"
REFUSED = "refused"
"""Outcomes of a comparison; the last two carry a reason and no judgement."""

AGE = "age"
"""Beginning of the reason that refuses a limit for the age."""

_OF_A_SIDE = (
    "onset_latency_ms", "peak_latency_ms", "peak_to_peak_mv", "negative_peak_mv", "negative_area_mv_ms",
    "negative_duration_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NormRow:
    """One measured value beside one reference value; `side` is "both" for a comparison of the sides.

    `sd_away` is (value - mean) / SD where the reference value has them. `outcome` is `within`, `below` or `above` a
    limit, or `shown only` or `refused` with the `reason`. `may_flag`: a limit read in its source, of this very test.
    Numbers are in `unit`.
    """

    side: str
    branch: str
    muscle: str
    quantity: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    mean: float | None
    sd: float | None
    sd_away: float | None
    n: int | None
    place: str | None
    group: str | None
    source: str
    evidence: str
    may_flag: bool
    outcome: str
    reason: str | None

    @property
    def flagged(self) -> bool:
        """Whether the value lies outside a limit that may flag."""
        return self.outcome in (BELOW, ABOVE)


def against(
    conduction: Sequence[ConductionRow],
    symmetry: Sequence[SymmetryRow],
    norms: Norms,
    *,
    age_years: float | None,
) -> TableView[NormRow]:
    """Every conduction value and side difference that `norms` has a number for, in the order of the tables.

    Only a limit of evidence V of the same muscle, site and montage may flag; a number from memory (T) or derived (D)
    is shown as orientation. Adult numbers are refused below the set's adult age and where the age is not known
    (clinical reference 3). Measurements beside published numbers, no diagnosis.
    """
    rows = [
        _row(row.side, row.branch, row.muscle, getattr(row, quantity), norm, norms, age_years, _refusal(row, quantity))
        for row in conduction
        for quantity in _OF_A_SIDE
        for norm in _speaking(norms, quantity, row.branch, row.muscle, age_years)
    ]
    rows += [
        _row("both", row.branch, row.muscle, value, norm, norms, age_years, row.withheld)
        for row in symmetry
        for quantity, value in _differences(row)
        for norm in _speaking(norms, quantity, row.branch, row.muscle, age_years)
    ]
    return TableView(NormRow, rows)


def reference_of(provenance: Mapping[str, Any]) -> Norms:
    """The reference values that findings were made with, as stored with them; the shipped set where none is."""
    stored = provenance.get("reference")
    if not isinstance(stored, Mapping):
        return shipped_norms()
    try:
        return parse_norms(stored, source="stored reference values")
    except UsageError:
        # Written by another version of the program: what it knew and this one does not cannot be compared with.
        return shipped_norms()


def _speaking(norms: Norms, quantity: str, branch: str, muscle: str, age_years: float | None) -> tuple[Norm, ...]:
    """The numbers for a value: those of adults always, to be refused in words; those of other ages where they fit."""
    return tuple(
        one
        for one in norms.of(quantity, branch, muscle)
        if one.of_adults or (age_years is not None and one.covers(age_years, adults_from=norms.adults_from_years))
    )


def _differences(row: SymmetryRow) -> Iterator[tuple[str, float | None]]:
    """What a row of the comparison says of the sides, whichever of them is the larger."""
    delay = row.latency_difference_ms
    yield "latency_difference_ms", None if delay is None else abs(delay)
    ratio = row.percent
    if ratio is None or ratio < 0:
        yield "side_difference_percent", None
    else:
        yield "side_difference_percent", 100.0 - ratio if ratio <= 100.0 else 100.0 - 1e4 / ratio


def _refusal(row: ConductionRow, quantity: str) -> str | None:
    """Why a measured value may not be compared: no value, a failed gate, or no proof that the nerve was maximal."""
    if getattr(row, quantity) is None:
        return row.quality.reasons[0] if row.quality.reasons else "no value"
    if not row.quality.accepted:
        return f"measured, not acceptable: {'; '.join(row.quality.reasons)}"
    return None if row.supramaximal.proved else "measured, not proved supramaximal"


def _row(
    side: str,
    branch: str,
    muscle: str,
    value: float | None,
    norm: Norm,
    norms: Norms,
    age_years: float | None,
    refusal: str | None,
) -> NormRow:
    outcome, reason = _outcome(value, norm, norms, age_years, refusal)
    return NormRow(
        side=side,
        branch=branch,
        muscle=muscle,
        quantity=norm.quantity,
        value=value,
        unit=norm.unit,
        low=norm.low,
        high=norm.high,
        mean=norm.mean,
        sd=norm.sd,
        sd_away=None if outcome == REFUSED else _sd_away(value, norm),
        n=norm.n,
        place=norm.site,
        group=norm.group,
        source=norm.source,
        evidence=norm.evidence,
        may_flag=norm.may_flag,
        outcome=outcome,
        reason=reason,
    )


def _sd_away(value: float | None, norm: Norm) -> float | None:
    if value is None or norm.mean is None or norm.sd is None:
        return None
    return (value - norm.mean) / norm.sd


def _outcome(
    value: float | None, norm: Norm, norms: Norms, age_years: float | None, refusal: str | None
) -> tuple[str, str | None]:
    if age_years is None and norm.of_adults:
        return REFUSED, f"{AGE} not recorded: adult limits are not applied"
    if age_years is not None and not norm.covers(age_years, adults_from=norms.adults_from_years):
        return REFUSED, f"{AGE} {age_years:g}: adult limits are refused below {norms.adults_from_years:g} years"
    if value is None or refusal is not None:
        return REFUSED, refusal or "no value"
    if norm.shown_only is not None:
        return SHOWN, norm.shown_only
    if norm.evidence == "T":
        return SHOWN, "textbook number from memory: orientation, never a flag"
    if norm.evidence == "D":
        return SHOWN, "derived number: orientation, never a flag"
    if not norm.may_flag:
        return SHOWN, "a mean without a limit"
    if norm.low is not None and value < norm.low:
        return BELOW, None
    if norm.high is not None and value > norm.high:
        return ABOVE, None
    return WITHIN, None
