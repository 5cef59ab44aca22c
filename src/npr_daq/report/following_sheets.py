"""What kind of following: what each test saw of one muscle that answers for another, side by side."""

from npr_daq.findings.findings import Findings
from npr_daq.findings.synkinesis_rows import FollowingRow, Sides
from npr_daq.report import words
from npr_daq.report.grouped import Group, GroupedLine, GroupedSheet, without_empty
from npr_daq.report.synkinesis_tables import following_rows, moved, moved_sides
from npr_daq.report.synkinesis_words import NO_MECHANISM, known, number, task_words, voluntary_words, with_interval

VOLUNTARY, REFLEX, EVOKED = "Voluntary", "Blink reflex", "Branch stimulation"


def following_sheet(findings: Findings) -> GroupedSheet | None:
    """One row a pair, three kinds of test beside each other; None where no pair was seen by any."""
    rows = [row for row in following_rows(findings) if _seen(row)]
    if not rows:
        return None
    both = moved_sides(findings).letters
    bounds = {(pair.task, pair.slave) for pair in moved(findings).pairs if pair.q_censored}
    lines = tuple(
        GroupedLine(
            (words.muscle_words(row.master), words.muscle_words(row.slave)),
            (
                task_words(row.task) or "–",
                with_interval(row.voluntary_q, row.voluntary_ci95, censored=(row.task, row.slave) in bounds),
                *_sides(row.voluntary_correlation, 2),
                voluntary_words(row),
                row.reflex_verdict or "not tested",
                *_sides(row.reflex_latency_ms, 1),
                *_sides(row.reflex_uv, 0),
                *_sides(row.early_percent, 1),
                *_sides(row.late_percent, 1),
                row.late_verdict or "not tested",
            ),
        )
        for row in rows
    )
    groups = (
        Group(f"{VOLUNTARY}: task", wide=True),
        Group(f"{VOLUNTARY}: Q [95 %]"),
        Group(f"{VOLUNTARY}: correlation", columns=both),
        Group(f"{VOLUNTARY}: verdict", wide=True),
        Group(f"{REFLEX}: response, {both[0]}", wide=True),
        Group(f"{REFLEX}: latency", "ms", both),
        Group(f"{REFLEX}: size", "µV", both),
        Group(f"{EVOKED}: early", "%", both),
        Group(f"{EVOKED}: late", "%", both),
        Group(f"{EVOKED}: lateral spread, {both[0]}", wide=True),
    )
    caption = (
        f"{NO_MECHANISM} Voluntary: the pair of the Synkinetic Correlation Test. Blink reflex: R1 of the second muscle "
        "to the supraorbital nerve. Branch stimulation: what is left in the second muscle of the response to the "
        "branch of the first, volume conduction taken off, in percent of its own direct response, early and late."
    )
    heads = ("Moves or is stimulated", "Answers too")
    return without_empty(GroupedSheet("Voluntary, reflex and evoked", caption, heads, groups, lines))


def _seen(row: FollowingRow) -> bool:
    numbers = (
        row.voluntary_q,
        *(
            value
            for sides in (row.reflex_latency_ms, row.reflex_uv, row.early_percent, row.late_percent)
            for value in (sides.affected, sides.healthy)
        ),
    )
    return any(known(one) is not None for one in numbers) or any(
        (row.voluntary_verdict, row.reflex_verdict, row.late_verdict)
    )


def _sides(values: Sides, digits: int) -> tuple[str, str]:
    return number(values.affected, digits), number(values.healthy, digits)
