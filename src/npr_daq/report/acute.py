"""Acute electroneurography in words: only from day 3 to 21 of a complete palsy, every published figure with source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from npr_daq.anatomy import HEADLINE, Branch, Muscle
from npr_daq.findings.findings import Findings
from npr_daq.findings.rows import NOT_ELICITED, OPERATORS_WORD
from npr_daq.report import words

FIRST_DAY, LAST_DAY = 3, 21
"""Days after onset within which the acute rules of the clinical reference 4.1 may be named."""
COMPLETE_GRADE = 6
"""House-Brackmann grade of a complete palsy."""

_ROMAN = ("0", "I", "II", "III", "IV", "V", "VI")


@dataclass(frozen=True, slots=True)
class Series:
    """What one published series found, by classes of the preserved part: (least percent, what was found), falling.

    An empty text: the series says nothing of that class. `days` is the part of the acute phase that it measured in;
    `muscle` the one that it speaks of, None: the headline.
    """

    source: str
    classes: tuple[tuple[float, str], ...]
    days: tuple[int, int] = (FIRST_DAY, LAST_DAY)
    muscle: Muscle | None = None


SERIES = (
    Series(
        "Minami 2008, n = 110",
        (
            (40.0, "98 % recovered with 40 % or more preserved"),
            (20.0, "96 % recovered with 20–40 % preserved"),
            (10.0, "90 % recovered with 10–20 % preserved"),
            (1e-9, "58 % recovered with less than 10 % preserved"),
            (0.0, "24 % recovered with nothing preserved"),
        ),
    ),
    Series(
        "Osaka series, researcher.life 1140af78, n = 175",
        (
            (40.0, "with 40 % or more recovery took about 1 month, without sequelae"),
            (20.0, "with 20–39 % recovery took about 2 months, sequelae in 1 of 10"),
            (10.0, "with 10–19 % sequelae in 1 of 5"),
            (0.0, "with less than 10 % sequelae in 1 of 2"),
        ),
    ),
    Series(
        "Lee 2016",
        (
            (10.0, "degeneration stayed at 90 % or less, the limit within 14 days"),
            (0.0, "more than 90 % degeneration within 14 days: poor recovery in more than half"),
        ),
        days=(FIRST_DAY, 14),
    ),
    Series(
        "e-jend 1833, n = 33, day 5–30",
        (
            (30.0, "with more than 30 % recovery was complete"),
            (10.0, ""),
            (0.0, "with less than 10 % recovery was poor"),
        ),
        days=(5, LAST_DAY),
    ),
    Series(
        "Çelik 2000, n = 34",
        ((40.0, "with 40 % or more synkinesis in 3 of 16"), (0.0, "with less than 40 % synkinesis in 14 of 18")),
    ),
    Series(
        "Tokushima, AUC 0.913, day 10–14",
        (
            (46.5, "above the cut of 46.5 % for later oral-ocular synkinesis"),
            (0.0, "below the cut of 46.5 % for later oral-ocular synkinesis"),
        ),
        days=(10, 14),
    ),
    Series(
        "ERAR 2020, n = 30, day 7–10; sensitivity 95 %, specificity 90 %",
        (
            (25.4, "below the cut of 74.6 % degeneration for no recovery at 1 month"),
            (0.0, "above the cut of 74.6 % degeneration for no recovery at 1 month"),
        ),
        days=(7, 10),
    ),
    Series(
        "Laryngoscope 2008, n = 201; sensitivity 60 %, specificity 79 %; needle EMG was better",
        (
            (25.0, "below the cut of 75 % loss for defective healing"),
            (0.0, "at or above the cut of 75 % loss for defective healing"),
        ),
    ),
    Series(
        "researcher.life 90ddc7e6, n = 368",
        (
            (10.0, "orbicularis oculi above the cut of 10 % at day 4–6"),
            (0.0, "orbicularis oculi at or below the cut of 10 % at day 4–6: odds of poor recovery times 10.0"),
        ),
        days=(4, 6),
        muscle=Muscle.ORBICULARIS_OCULI,
    ),
    Series(
        "researcher.life 90ddc7e6, n = 368",
        (
            (10.0, "nasalis above the cut of 10 % at day 13–15"),
            (0.0, "nasalis at or below the cut of 10 % at day 13–15: odds of poor recovery times 10.5"),
        ),
        days=(13, 15),
        muscle=Muscle.NASALIS,
    ),
)
"""Clinical reference 4.1; figures without a named source, and limits of tests that are not made here, are left out."""

RETEST = words.REPLACEMENT_PERCENT[1] / 100.0


def sentences(findings: Findings, intake: Mapping[str, Any]) -> list[str]:
    """Why nothing of the acute phase is said, or what published series found with such a value."""
    why = suppressed(findings, intake)
    if why is not None:
        return [why]
    days = int(intake["days_since_onset"])
    found = []
    for muscle in dict.fromkeys((HEADLINE[Branch.TRUNK], Muscle.ORBICULARIS_OCULI)):
        percent = preserved(findings, muscle)
        told = [] if percent is None else _told(days, muscle, percent)
        if percent is not None and (told or muscle is HEADLINE[Branch.TRUNK]):
            found.append(_measured(findings, days, muscle, percent))
            found += told
    return [
        *found,
        "These are findings in groups with electrodes placed otherwise (nasolabial fold or midline), by a test whose "
        "error is 18–21 % (Raslan 1988). They say nothing certain of one person; no prognosis is drawn here.",
    ]


def suppressed(findings: Findings, intake: Mapping[str, Any]) -> str | None:
    """Why the acute wording is left out, as a sentence; None where it applies (clinical reference 4.1)."""
    what = "phrases of acute electroneurography (ENoG) are left out"
    days, grade, sunnybrook = (intake.get(key) for key in ("days_since_onset", "house_brackmann", "sunnybrook"))
    if days is None:
        return f"Days since onset are not recorded: {what}."
    if days < FIRST_DAY:
        return (
            f"Day {days} after onset: {what}; they hold from day {FIRST_DAY}, the first 72 h tell nothing (Lee 2016)."
        )
    if days > LAST_DAY:
        return f"{since(days)} after onset: {what}; they hold for days {FIRST_DAY}–{LAST_DAY} of a complete palsy."
    if grade is None and sunnybrook is None:
        return f"Day {days} after onset: {what}, because no grade was told; they hold for a complete palsy alone."
    if grade is not None and grade != COMPLETE_GRADE:
        return (
            f"Day {days} after onset: {what}, because the palsy is not complete as told "
            f"(House-Brackmann {_ROMAN[grade]})."
        )
    if grade is None and sunnybrook != 0:
        return f"Day {days} after onset: {what}, because the palsy is not complete as told (Sunnybrook {sunnybrook})."
    if words.sides(findings)[2] != "A":
        return f"Day {days} after onset: {what}, because there is no healthy side to compare with."
    muscle = HEADLINE[Branch.TRUNK]
    if preserved(findings, muscle) is None:
        row = words.symmetry_of(findings, Branch.TRUNK, muscle)
        reason = "the trunk was not tested" if row is None else row.withheld
        return f"Day {days} after onset: {what}, because the trunk gives no ratio of the {muscle}: {reason}."
    return None


def preserved(findings: Findings, muscle: Muscle) -> float | None:
    """The preserved part at the trunk in percent; 0 where the affected side was looked for and gave nothing."""
    row = words.symmetry_of(findings, Branch.TRUNK, muscle)
    if row is None:
        return None
    if row.percent is not None:
        return row.percent
    affected, healthy = (words.conduction_of(findings, s, Branch.TRUNK, muscle) for s in words.sides(findings)[:2])
    if affected is None or healthy is None or not healthy.quality.accepted or not healthy.supramaximal.proved:
        return None
    reasons = affected.quality.reasons
    silent = bool(reasons) and all(text.startswith(NOT_ELICITED) for text in reasons)
    return 0.0 if silent and not any(text.startswith(OPERATORS_WORD) for text in reasons) else None


def _measured(findings: Findings, days: int, muscle: Muscle, percent: float) -> str:
    name = words.muscle_words(muscle)
    if percent == 0.0:
        return (
            f"Day {days} after onset, complete palsy as told: ENoG at the trunk, {name}: not elicited, counted as 0 %."
        )
    row = words.symmetry_of(findings, Branch.TRUNK, muscle)
    interval = words.interval(row) if row else ""
    noise = f" ({words.WITHIN}: {interval[1:-1]} %)" if interval else ""
    return (
        f"Day {days} after onset, complete palsy as told: ENoG at the trunk, {name}: {percent:.0f} % preserved"
        f"{noise}, degeneration index {100 - percent:.0f} %."
    )


def _told(days: int, muscle: Muscle, percent: float) -> list[str]:
    """What each series of this day and muscle found, and the class next to it where the retest error reaches there."""
    told = []
    for series in SERIES:
        first, last = series.days
        if not first <= days <= last or (series.muscle or HEADLINE[Branch.TRUNK]) is not muscle:
            continue
        here = _class(series, percent)
        ends = (percent * (1 - RETEST), percent * (1 + RETEST))
        reach = {_class(series, end) for end in ends} - {here, ""}
        if not here:
            continue
        also = f"; the retest error reaches: {'; '.join(sorted(reach))}" if reach else ""
        told.append(f"Published: {here} ({series.source}){also}.")
    return told


def _class(series: Series, percent: float) -> str:
    return next(text for least, text in series.classes if percent >= least)


def since(days: int) -> str:
    """Days since onset in the unit a clinician says: days, months or years."""
    if days < 60:
        return f"{days} days"
    if days < 730:
        return f"{days / 30.44:.0f} months"
    return f"{days / 365.25:.1f} years"
