"""The Synkinetic Correlation Test, resting tone and following in words: verdicts, ratios, draft sentences, legend."""

import math
from collections.abc import Sequence

from npr_daq.analysis import synkinesis
from npr_daq.analysis.verdict import Verdict
from npr_daq.findings.findings import Findings
from npr_daq.findings.synkinesis_pairs import CUTOFFS
from npr_daq.findings.synkinesis_rows import FollowingRow, Interval, SynkinesisRow, ToneRow
from npr_daq.report import words
from npr_daq.report.synkinesis_tables import Moved, moved, moved_sides, tone_rows

VERDICTS = {
    Verdict.PRESENT: "present",
    Verdict.ABSENT: "absent",
    Verdict.INDETERMINATE: "cannot tell",
    Verdict.NO_REFERENCE: "no published cut-off",
    Verdict.REFUSED: "refused",
}
TONE_LIMITS = (0.67, 1.5)
"""A ratio of resting tone outside is named first [proposal]."""
NO_MECHANISM = (
    "These are measurements of three kinds side by side; they name no mechanism, and one kind neither proves nor rules "
    "out another."
)


def verdict_words(verdict: str) -> str:
    """A verdict as it is printed; a word that this program does not know stays as it is."""
    return next((text for known, text in VERDICTS.items() if known == verdict), verdict or "not tested")


def declared_words(row: SynkinesisRow) -> str:
    """The verdict of a declared pair: it has a cut-off, so that without a verdict it was not judged."""
    return "not judged" if row.verdict == Verdict.NO_REFERENCE else verdict_words(row.verdict)


def voluntary_words(row: FollowingRow) -> str:
    """The verdict of the test in the table of following."""
    if row.voluntary_verdict == Verdict.NO_REFERENCE and any((row.task, row.slave) == pair for pair in CUTOFFS):
        return "not judged"
    return verdict_words(row.voluntary_verdict)


def task_words(task: str) -> str:
    """`close eyes tightly`."""
    return task.replace("_", " ")


def pair_words(row: SynkinesisRow) -> str:
    """`orbicularis oculi → zygomaticus`."""
    return f"{words.muscle_words(row.master)} → {words.muscle_words(row.slave)}"


def known(value: float | None) -> float | None:
    """The value, or None also for what is no number."""
    return value if value is not None and math.isfinite(value) else None


def number(value: float | None, digits: int) -> str:
    """A number with fixed digits, or a dash."""
    return words.number(known(value), digits)


def ratio(value: float | None, *, censored: bool = False) -> str:
    """A ratio with three digits; `≥` where it is a lower bound."""
    one = known(value)
    if one is None:
        return "–"
    return f"{'≥ ' if censored else ''}{one:.{2 - _tens(one)}f}"


def interval(ends: Interval | None, digits: int = 2) -> str:
    """`[1.20–1.60]`, three digits of the larger end, with `to` where one is negative; empty where there is none."""
    if ends is None or known(ends[0]) is None or known(ends[1]) is None:
        return ""
    low, high = ends
    fewer = max(0, digits - _tens(max(abs(low), abs(high))))
    if low < 0 or high < 0:
        return f"[{words.signed(low, fewer)} to {words.signed(high, fewer)}]"
    return f"[{low:.{fewer}f}–{high:.{fewer}f}]"


def _tens(value: float) -> int:
    """How many decimals less a value gets: none below 10, one below 100, two from there on."""
    return 2 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 0


def with_interval(value: float | None, ends: Interval | None, *, censored: bool = False) -> str:
    """A ratio followed by its interval."""
    return f"{ratio(value, censored=censored)} {interval(ends)}".strip()


def index_words(found: Moved) -> str:
    """The index with its interval, and what it is over; or why there is none."""
    total = len(CUTOFFS)
    if found.declared and all(row.verdict == Verdict.NO_REFERENCE for row in found.declared):
        return "SCT index: not given, there is no affected side beside a healthy one."
    if known(found.index) is None or found.index is None:
        return (
            f"SCT index: not given, {found.index_pairs} of the {total} declared pairs could be compared "
            "(a list with a pair missing is another index)."
        )
    bound = "≥ " if found.index_censored else ""
    lower = f"; {found.index_censored} of the pairs a lower bound, so the index too" if found.index_censored else ""
    inside = interval(found.index_ci95)
    said = f" (95 %: {inside[1:-1]})" if inside else " (no interval)"
    return (
        f"SCT index: {bound}{words.signed(found.index, 2)}{said}, the mean of log₂ Q over {found.index_pairs} declared "
        f"pairs, whatever their verdicts: the slaves are {bound}{2**found.index:.2g} times as active as on the other "
        f"side on average; 0 means equal{lower}."
    )


def legend(findings: Findings, found: Moved) -> str:
    """What the numbers are, with the sources of the cut-offs."""
    of = moved_sides(findings).over
    return (
        f"Formula open, version {found.version}; every term is printed. Q = RMS plateau of the slave, {of}, rest taken "
        "off, in the same repetitions; ≥: the other side was at its noise, Q is a lower bound. Normalised Q: both "
        "sides divided by the slave’s own maximum. 95 % intervals by t over repetitions, the statistical unit. "
        f"Published cut-offs (Bernardes 2018): {synkinesis.OCULAR_ORAL:g} where the eye closes and the mouth follows, "
        f"{synkinesis.ORAL_OCULAR:g} where the mouth moves and the eye follows; other pairs have none. Present: Q and "
        "normalised Q reach the cut-off with lower limits above 1, the slave stands out of its noise and the "
        "cross-talk test is passed. The healthy side may itself be abnormal in synkinesis (Funk 2026), so that a "
        "comparison with it underestimates. Measurements without a mechanism."
    )


def sentences(findings: Findings) -> list[str]:
    """Draft sentences on the test and on resting tone."""
    found, said = moved(findings), []
    if found.declared:
        said.append(f"Synkinetic Correlation Test, version {found.version}. {index_words(found)}")
        told = [
            f"{text}: {'; '.join(_named(row) for row in found.declared if declared_words(row) == text)}"
            for text in dict.fromkeys(declared_words(row) for row in found.declared)
        ]
        said.append(f"Declared pairs, task: slave. {'. '.join(_capital(text) for text in told)}.")
    elif found:
        said.append(
            "Synkinetic Correlation Test: no declared pair was recorded, so there is neither verdict nor index."
        )
    tone = tone_rows(findings)
    if tone:
        said.append(_tone(findings, tone))
    return said


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _named(row: SynkinesisRow) -> str:
    place = f"{task_words(row.task)}: {words.muscle_words(row.slave)}"
    return place if known(row.q) is None else f"{place}, Q {with_interval(row.q, row.q_ci95, censored=row.q_censored)}"


def outstanding(rows: Sequence[ToneRow]) -> list[ToneRow]:
    """The muscles whose tone differs by more than the display limits and whose interval holds no 1, largest first."""
    low, high = TONE_LIMITS
    found = [
        row
        for row in rows
        if row.ratio is not None
        and known(row.ratio) is not None
        and (row.ratio > high or row.ratio < low)
        and row.ci95 is not None
        and (row.ci95[0] > 1 or row.ci95[1] < 1)
    ]
    return sorted(found, key=lambda row: -abs(math.log(row.ratio or 1.0)))


def _tone(findings: Findings, rows: Sequence[ToneRow]) -> str:
    told = "; ".join(
        f"{words.muscle_words(row.muscle)} {with_interval(row.ratio, row.ci95)}" for row in outstanding(rows)
    )
    compared = sum(known(row.ratio) is not None for row in rows)
    low, high = TONE_LIMITS
    return (
        f"Resting tone, {moved_sides(findings).over}, {compared} muscles compared; outside {low:g}–{high:g} "
        f"[proposal] with an interval that holds no 1: {told or 'none'}."
    )
