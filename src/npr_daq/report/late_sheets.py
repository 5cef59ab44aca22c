"""Tables of late responses: F waves at the muscles of the stimulated branch, lateral spread at the others."""

from collections.abc import Callable

from npr_daq.analysis.lateral_spread import Verdict
from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import F_WAVE, LATERAL_SPREAD, PRESENT, LateRow
from npr_daq.report import words
from npr_daq.report.paired import Column, Line, Notes, PairedSheet, cells, numbered, used

Cell = Callable[[LateRow], str]

SEEN = (PRESENT, str(Verdict.CANNOT_TELL))
"""Verdicts with which the measures of a late response are worth a look."""


def row_of(findings: Findings, side: Side, branch: str, muscle: str) -> LateRow | None:
    """The late row of one side, branch and muscle."""
    return next(
        (r for r in findings.late if (r.side, r.stimulated, r.recorded) == (side, branch, muscle)), None
    )  # fmt: skip


def places(findings: Findings, response: str) -> list[tuple[Branch, Muscle]]:
    """The branches and muscles of the rows of one kind of response, top to bottom."""
    known = {(row.stimulated, row.recorded) for row in findings.late if row.response == response}
    return [(branch, muscle) for branch in Branch for muscle in FACIAL_MUSCLES if (branch, muscle) in known]


def late_sheets(findings: Findings) -> tuple[PairedSheet, ...]:
    """The tables of late responses; none where none was looked for."""
    return tuple(sheet for sheet in (_f_waves(findings), _spread(findings)) if sheet is not None)


def _f_waves(findings: Findings) -> PairedSheet | None:
    columns: tuple[tuple[Column, Cell], ...] = (
        (Column("Current", "mA"), lambda r: words.number(r.current_ma, 1)),
        (Column("Sweeps"), lambda r: str(r.sweeps)),
        (Column("F wave", short="F wave"), lambda r: r.verdict),
        (Column("Minimum", "ms", "min ms"), lambda r: words.number(r.minimum_ms, 2)),
        (Column("Mean", "ms"), lambda r: words.number(r.mean_ms, 2)),
        (Column("Maximum", "ms"), lambda r: words.number(r.maximum_ms, 2)),
        (Column("Chrono-dispersion", "ms"), lambda r: words.number(r.chronodispersion_ms, 2)),
        (Column("Persistence", "%", "pers %"), _persistence),
        (Column("Amplitude", "µV"), lambda r: words.number(r.amplitude_uv, 0)),
        (Column("F/M", "%", "F/M %"), lambda r: words.number(r.f_over_m_percent, 1)),
        (Column("Conduction time", "ms"), lambda r: words.number(r.conduction_time_ms, 2)),
        (Column("Direct response", "mV"), lambda r: words.number(r.direct_mv, 2)),
    )
    caption = (
        "Take-off of the first phase of each F wave; persistence: share of the sweeps with one, in brackets "
        "where what they show does not repeat; F/M: mean amplitude over "
        "that of the direct response; conduction time (F minimum − M − 1) / 2. Published, 41 healthy people, marginal "
        "mandibular to depressor anguli oris: minimum 8.97 ± 0.53, mean 9.39 ± 0.51, chronodispersion 0.80 ± 0.31, "
        "conduction time 2.92 ± 0.29 ms (2018): for orientation, nothing is flagged by it. Checked on simulated people "
        "without a lesion; in reinnervated muscle, whose direct response is long and jitters, these latencies are "
        "not reliable."
    )
    return _sheet(findings, F_WAVE, "F waves", caption, columns)


def _spread(findings: Findings) -> PairedSheet | None:
    columns: tuple[tuple[Column, Cell], ...] = (
        (Column("Lateral spread", short="lateral spread"), lambda r: r.verdict),
        (Column("Latency", "ms", "ms"), lambda r: words.number(r.mean_ms, 2) if r.verdict in SEEN else "–"),
        (Column("its SD", "ms"), lambda r: words.number(r.latency_sd_ms, 2) if r.verdict in SEEN else "–"),
        (Column("In sweeps", "%"), lambda r: words.number(r.persistence_percent, 0) if r.verdict in SEEN else "–"),
        (Column("Amplitude", "µV", "µV"), _amplitude),
        (Column("Early response", "mV"), lambda r: words.number(r.direct_mv, 3)),
        (Column("Noise", "µV"), lambda r: words.number(r.noise_uv, 1)),
        (Column("Current", "mA"), lambda r: words.number(r.current_ma, 1)),
        (Column("Sweeps"), lambda r: str(r.sweeps)),
    )
    caption = (
        "Muscles that the stimulated branch does not supply, 7.5–20 ms. Present: in at least 3 of 5 sweeps, latency SD "
        "under 1 ms, and three times the muscle’s early response. Cannot tell: it repeats, but may be the tail of an "
        "early response. Copies of the supplied muscles (volume conduction) and slow returns are taken off first; an "
        "amplitude in brackets is what was left in the window although no late response is claimed."
    )
    return _sheet(findings, LATERAL_SPREAD, "Lateral spread", caption, columns)


def _persistence(row: LateRow) -> str:
    text = words.number(row.persistence_percent, 0)
    return text if row.verdict == PRESENT or text in ("–", "0") else f"({text})"


def _amplitude(row: LateRow) -> str:
    text = words.number(row.amplitude_uv, 0)
    return text if row.verdict in SEEN or text == "–" else f"({text})"


def _sheet(
    findings: Findings, response: str, title: str, caption: str, columns: tuple[tuple[Column, Cell], ...]
) -> PairedSheet | None:
    found = places(findings, response)
    if not found:
        return None
    notes = Notes()
    lines = []
    for branch, muscle in found:
        rows = [row_of(findings, side, branch, muscle) for side in words.sides(findings)[:2]]
        told = [(r.side, r.reasons) for r in rows if r is not None]
        lines.append(
            Line(
                first=words.BRANCHES[branch],
                second=words.muscle_words(muscle),
                cells=cells(rows, [of for _, of in columns]),
                notes=numbered(notes, told),
                strong=response == LATERAL_SPREAD and any(r is not None and r.verdict == PRESENT for r in rows),
            )
        )
    thin, kept = used(lines, [column for column, _ in columns])
    return PairedSheet(title, caption, ("Branch stimulated", "Muscle recorded"), kept, thin, notes.told())
