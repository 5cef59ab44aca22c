"""Tables of the Synkinetic Correlation Test: declared pairs, all other pairs, further measures, repetitions."""

from collections.abc import Sequence

from npr_daq.findings.findings import Findings
from npr_daq.findings.synkinesis_rows import Sides, SynkinesisRow
from npr_daq.report import words
from npr_daq.report.grouped import Group, GroupedLine, GroupedSheet, Remarks, without_empty
from npr_daq.report.synkinesis_tables import Moved, in_order, moved_sides
from npr_daq.report.synkinesis_words import (
    declared_words,
    interval,
    known,
    number,
    pair_words,
    ratio,
    task_words,
    with_interval,
)

HEADS = ("Task", "Prime mover → slave")


def declared_sheet(findings: Findings, found: Moved) -> GroupedSheet | None:
    """The pairs with a published cut-off and their verdicts; None where none was recorded."""
    if not found.declared:
        return None
    both = moved_sides(findings).letters
    remarks = Remarks()
    lines = tuple(
        GroupedLine(
            (task_words(row.task), pair_words(row)),
            (
                with_interval(row.q, row.q_ci95, censored=row.q_censored),
                ratio(row.cutoff),
                with_interval(row.normalised_q, row.normalised_q_ci95, censored=row.q_censored),
                declared_words(row),
                *_counted(row),
                number(row.affected_uv, 1),
                number(row.healthy_uv, 1),
                *_sides(row.peak_correlation, 2),
                *_sides(row.lag_ms, 0),
                *_sides(row.gain, 2),
                percent(row.crosstalk),
                percent(row.crosstalk_healthy),
                percent(row.crosstalk_coefficient),
            ),
            notes=remarks.numbers(row.reasons),
        )
        for row in found.declared
    )
    groups = (
        Group("Q [95 %]"),
        Group("Cut-off"),
        Group("Normalised Q [95 %]"),
        Group("Verdict", wide=True),
        Group("Repetitions", "accepted / all"),
        Group("Slave", "µV", both),
        Group("Correlation, peak", columns=both),
        Group("Lag of the slave", "ms", both),
        Group("Gain slave / mover", columns=both),
        Group("Cross-talk share", "%", both),
        Group("Copy by stimulation", "%"),
    )
    caption = (
        f"{moved_sides(findings).said}. Correlation of the envelopes where it peaks within ± 200 ms; lag: positive, "
        "the slave is later. Cross-talk share: part of the slave’s power that the prime mover’s raw signal predicts. "
        "Copy by stimulation: what branch stimulation of the same visit copies of the prime mover into the slave, "
        "amplitude. – : no answer. Without a unit: ratios."
    )
    return without_empty(GroupedSheet("Declared pairs", caption, HEADS, groups, lines, remarks.told()))


def further_sheet(findings: Findings, found: Moved) -> GroupedSheet | None:
    """The remaining measures of the declared pairs, so that every term is on the page."""
    if not found.declared:
        return None
    both = moved_sides(findings).letters
    lines = tuple(
        GroupedLine(
            (task_words(row.task), pair_words(row)),
            (
                interval(row.q_bca_ci95) or "–",
                "–" if row.significant is None else "yes" if row.significant else "no",
                with_interval(row.gain_ratio, row.gain_ratio_ci95),
                *_sides(row.correlation, 2),
                *_sides(row.slope, 2),
                *_sides(row.duration_ratio, 2),
                *_sides(row.overlap, 2),
                *_sides(row.onset_difference_ms, 0),
                *_sides(row.coherence, 2),
                number(row.coherence_limit, 2),
                *_sides(row.cocontraction, 2),
                *_sides(row.coefficient, 2),
            ),
        )
        for row in found.declared
    )
    groups = (
        Group("Q, BCa 95 %"),
        Group("Q ≠ 1 after Holm"),
        Group("Gain ratio [95 %]"),
        Group("Correlation, lag 0", columns=both),
        Group("Slope, Deming", columns=both),
        Group("Duration slave / mover", columns=both),
        Group("Overlap", columns=both),
        Group("Onset, slave − mover", "ms", both),
        Group("Coherence 15–30 Hz", columns=both),
        Group("its 95 % limit"),
        Group("Co-contraction", columns=both),
        Group("SC coefficient", columns=both),
    )
    caption = (
        "SC coefficient: max(0, peak correlation) × min(1, slave in parts of its own maximum). Overlap: shared part of "
        "both bursts. Definitions: clinical reference 5.3, S6 to S12."
    )
    return without_empty(GroupedSheet("Further measures of the declared pairs", caption, HEADS, groups, lines))


def other_sheet(findings: Findings, found: Moved) -> GroupedSheet | None:
    """Every pair without a published cut-off: value and interval, no verdict."""
    if not found.others:
        return None
    both = moved_sides(findings).letters
    remarks = Remarks()
    lines = tuple(
        GroupedLine(
            (task_words(row.task), pair_words(row)),
            (
                with_interval(row.q, row.q_ci95, censored=row.q_censored),
                "" if row.significant is None else "yes" if row.significant else "no",
                with_interval(row.normalised_q, row.normalised_q_ci95, censored=row.q_censored),
                words.signed(known(row.difference_db), 1),
                number(row.affected_uv, 1),
                number(row.healthy_uv, 1),
                *_sides(row.peak_correlation, 2),
                *_sides(row.gain, 2),
                *_counted(row),
            ),
            notes=remarks.numbers(row.reasons),
        )
        for row in found.others
    )
    groups = (
        Group("Q [95 %]"),
        Group("Q ≠ 1 after Holm"),
        Group("Normalised Q [95 %]"),
        Group("Difference", "dB"),
        Group("Slave", "µV", both),
        Group("Correlation, peak", columns=both),
        Group("Gain slave / mover", columns=both),
        Group("Repetitions", "accepted / all"),
    )
    caption = "No cut-off is published for these pairs: value and interval, no verdict. Without a unit: ratios."
    title = f"All other pairs ({len(lines)})"
    return without_empty(GroupedSheet(title, caption, HEADS, groups, lines, remarks.told()))


def repetition_words(found: Moved) -> str:
    """How many repetitions count, and of which tasks fewer than made."""
    if not found.repetitions:
        return ""
    good = sum(row.accepted for row in found.repetitions)
    lacking = []
    for task in in_order([row.task for row in found.repetitions]):
        mine = [row for row in found.repetitions if row.task == task]
        if not all(row.accepted for row in mine):
            lacking.append(f"{task_words(task)} {sum(row.accepted for row in mine)} of {len(mine)}")
    said = f" Not all of: {'; '.join(lacking)}." if lacking else ""
    return f"Repetitions: {good} of {len(found.repetitions)} accepted.{said}"


def rejected_sheet(found: Moved) -> GroupedSheet | None:
    """The repetitions that do not count, and why; None where all do."""
    rows = sorted(
        (row for row in found.repetitions if not row.accepted),
        key=lambda row: (found.tasks.index(row.task), row.step, row.repetition),
    )
    if not rows:
        return None
    lines = tuple(
        GroupedLine(
            (task_words(row.task), str(row.repetition)),
            (number(row.cue_s, 1), number(row.hold_s, 1), "; ".join(row.flaws) or "–", row.judged_by or "–"),
        )
        for row in rows
    )
    groups = (Group("Cue at", "s"), Group("Asked to hold", "s"), Group("Why", wide=True), Group("Judged by", wide=True))
    caption = "Left out of every number above; “at once”: judged while it was recorded, so that it could be repeated."
    return GroupedSheet("Repetitions that do not count", caption, ("Task", "Repetition"), groups, lines)


def percent(share: float | None) -> str:
    """A share as percent without decimals, one below 10."""
    one = known(share)
    return "–" if one is None else words.number(100 * one, 1 if abs(one) < 0.0995 else 0)


def _sides(values: Sides, digits: int) -> tuple[str, str]:
    return number(values.affected, digits), number(values.healthy, digits)


def _counted(row: SynkinesisRow) -> Sequence[str]:
    return (f"{row.repetitions.accepted}/{row.repetitions.total}",)
