"""Names, numbers and markers as a clinician reads them; the same in the terminal and on the page."""

from datetime import UTC, datetime

from npr_daq.anatomy import HEADLINE, SUPPLIES, Branch, Muscle, Side, TrigeminalSite
from npr_daq.findings.findings import Findings
from npr_daq.findings.rows import NOT_COMPLETED, NOT_ELICITED, OPERATORS_WORD, ConductionRow, SymmetryRow
from npr_daq.findings.summed import ALL_BRANCHES, SummedRow
from npr_daq.findings.symmetry import compared_sides

NO_RESPONSE = "NR"
INCOMPLETE = "NC"
NOT_TESTED = "NT"
TECHNICAL = "TE"

MARKERS = {
    NO_RESPONSE: "no response",
    INCOMPLETE: "not completed",
    NOT_TESTED: "not tested",
    TECHNICAL: "technical error, no usable sweep",
}

WITHIN = "within-recording 95 %"
"""What the interval of a ratio is: the scatter of the sweeps and what the removal of the artefact may have left."""

REPLACEMENT_PERCENT = (18.0, 21.0)
"""Error of a test with electrodes placed anew, in percent of the value: 17.8 to 20.7 in its source (Raslan 1988)."""
REPLACEMENT = "Electrodes placed anew change it by 18–21 % (Raslan 1988; not measured here)."

NOT_PROVED = "measured, not proved supramaximal"

BRANCHES = {
    Branch.TRUNK: "Trunk",
    Branch.TEMPORAL: "Temporal",
    Branch.ZYGOMATIC: "Zygomatic",
    Branch.BUCCAL: "Buccal",
    Branch.MARGINAL_MANDIBULAR: "Marginal mandibular",
    Branch.CERVICAL: "Cervical",
}

SHORT_BRANCHES = {**BRANCHES, Branch.MARGINAL_MANDIBULAR: "Mandibular"}

SHORT_MUSCLES = {
    Muscle.FRONTALIS: "frontalis",
    Muscle.ORBICULARIS_OCULI: "orb. oculi",
    Muscle.NASALIS: "nasalis",
    Muscle.ZYGOMATICUS: "zygomaticus",
    Muscle.ORBICULARIS_ORIS: "orb. oris",
    Muscle.DEPRESSOR_ANGULI_ORIS: "dep. anguli",
    Muscle.MENTALIS: "mentalis",
    Muscle.PLATYSMA: "platysma",
    Muscle.MASSETER: "masseter",
}


def muscle_words(muscle: str) -> str:
    """A muscle as it is written out."""
    return muscle.replace("_", " ")


def site_words(site: str) -> str:
    """A stimulation site as it is written out, also one that is no branch of the facial nerve."""
    return "Supraorbital nerve" if site == TrigeminalSite.SUPRAORBITAL else BRANCHES[Branch(site)]


def sides(findings: Findings) -> tuple[Side, Side, str, str]:
    """The two sides in column order with their letters: affected, healthy, "A", "H"; or left, right, "L", "R"."""
    affected = findings.exam.get("affected")
    if affected in (Side.LEFT, Side.RIGHT):
        return Side(affected), Side(affected).other, "A", "H"
    return Side.LEFT, Side.RIGHT, "L", "R"


def side_words(findings: Findings) -> str:
    """What the two letters stand for."""
    first, second, one, two = sides(findings)
    if one == "A":
        return f"A = affected side ({first}), H = healthy side ({second})"
    return f"{one} = {first}, {two} = {second}; affected: {findings.exam.get('affected')}"


def numerator_words(findings: Findings) -> str:
    """What a ratio divides, in words: `affected / healthy`, or `left / right` where no side is affected."""
    return "affected / healthy" if sides(findings)[2] == "A" else "left / right"


def no_healthy_side(findings: Findings) -> str | None:
    """Why there is no healthy side, so that reference values take the place of ratios; None where there is one."""
    sides_or_reason = compared_sides(str(findings.exam.get("affected")))
    return sides_or_reason.partition(":")[0] if isinstance(sides_or_reason, str) else None


def summed_words(row: SummedRow) -> str:
    """Which muscles a sum is over."""
    if row.stimulated == ALL_BRANCHES:
        return "All branches, each muscle at its own"
    return f"{BRANCHES[Branch(row.stimulated)]}, all its muscles"


def pairs(findings: Findings, *, every_muscle: bool) -> list[tuple[Branch, Muscle]]:
    """The rows of a table: branch and muscle, top to bottom; the headline muscle of each branch or all of them.

    A branch that was never stimulated is not there, nor is a muscle that was not recorded.
    """
    known = {(row.branch, row.muscle) for row in findings.conduction}
    known |= {(row.branch, row.muscle) for row in findings.symmetry}
    found: list[tuple[Branch, Muscle]] = []
    for branch in Branch:
        present = [m for m in SUPPLIES[branch] if (branch, m) in known]
        if every_muscle or not present:
            found += [(branch, m) for m in present]
        else:
            found.append((branch, HEADLINE[branch] if HEADLINE[branch] in present else present[0]))
    return found


def conduction_of(findings: Findings, side: Side, branch: Branch, muscle: Muscle) -> ConductionRow | None:
    """The conduction row of one side, or None where it was not tested."""
    return next(
        (r for r in findings.conduction if (r.side, r.branch, r.muscle) == (side, branch, muscle)), None
    )  # fmt: skip


def symmetry_of(findings: Findings, branch: Branch, muscle: Muscle) -> SymmetryRow | None:
    """The comparison of both sides, or None where neither was tested."""
    return next((r for r in findings.symmetry if (r.branch, r.muscle) == (branch, muscle)), None)


def marker(row: ConductionRow | None) -> str | None:
    """NR, NC, NT or TE where there is no measured response; None where there is one."""
    if row is None:
        return NOT_TESTED
    if row.peak_to_peak_mv is not None:
        return None
    if _says(row, NOT_COMPLETED):
        return INCOMPLETE
    return NO_RESPONSE if _says(row, NOT_ELICITED) else TECHNICAL


def marker_words(row: ConductionRow | None) -> str:
    """The marker in words, with whose word it is and why a series was left; empty where there is a response."""
    code = marker(row)
    if code is None:
        return ""
    if row is not None and _says(row, OPERATORS_WORD):
        return "marked no response by the operator"
    if row is not None and code == INCOMPLETE:
        why = next(r for r in row.quality.reasons if r.startswith(NOT_COMPLETED)).removeprefix(NOT_COMPLETED)
        return f"{MARKERS[code]}: {why.partition(' (')[0]}"
    return MARKERS[code]


def _says(row: ConductionRow, beginning: str) -> bool:
    return any(reason.startswith(beginning) for reason in row.quality.reasons)


def withheld_words(findings: Findings, row: SymmetryRow) -> str:
    """Why there is no ratio, in a few words for a chart."""
    found = [conduction_of(findings, side, Branch(row.branch), Muscle(row.muscle)) for side in sides(findings)[:2]]
    missing = [
        f"{side}: {marker_words(one).partition(':')[0]}"
        for side, one in zip(sides(findings)[:2], found, strict=True)
        if marker(one)
    ]
    if missing:
        return "; ".join(missing)
    if any(one is not None and not one.supramaximal.proved for one in found):
        return NOT_PROVED
    return "withheld, see the notes of Table 1"


def number(value: float | None, digits: int) -> str:
    """A number with fixed digits, or a dash where there is none; what rounds to zero has no sign."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0.0 else text.replace("-", "−")


def signed(value: float | None, digits: int) -> str:
    """A difference with its sign; what rounds to zero has none."""
    if value is None:
        return "–"
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0.0:
        return text
    return f"+{text}" if value > 0 else f"−{text}"


def interval(row: SymmetryRow | SummedRow) -> str:
    """The 95 % interval of the sweeps in brackets, with one decimal where it is narrower than 1 point; or empty."""
    if row.ci95_percent is None:
        return ""
    low, high = row.ci95_percent
    return f"[{low:.{_digits(row)}f}–{high:.{_digits(row)}f}]"


def percent(row: SymmetryRow | SummedRow) -> str:
    """The ratio with as many decimals as its interval, so that it never reads as lying outside; or a dash."""
    return number(row.percent, _digits(row))


def _digits(row: SymmetryRow | SummedRow) -> int:
    return 1 if row.ci95_percent is not None and row.ci95_percent[1] - row.ci95_percent[0] < 1.0 else 0


def date(created: object) -> str:
    """`2026-11-20 10:58 UTC` from the ISO 8601 text of a header; what is no such text stays as it is."""
    if created in (None, ""):
        return "not recorded"
    try:
        at = datetime.fromisoformat(str(created))
    except ValueError:
        return str(created)
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
