"""Tables of the blink reflex: R1, R2, R2c of both stimulated sides at all recorded muscles, and the sides compared."""

from collections.abc import Callable

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import ABSENT, ReflexRow
from npr_daq.report import words
from npr_daq.report.paired import Column, Line, Notes, PairedSheet, cells, numbered, used
from npr_daq.report.wording import side_of

Cell = Callable[[ReflexRow], str]
EYE = Muscle.ORBICULARIS_OCULI
R1, R2, R2C = "R1", "R2", "R2c"


def row_of(findings: Findings, stimulated: Side, side: Side, muscle: str) -> ReflexRow | None:
    """The row of one muscle of one side while one side is stimulated."""
    return next(
        (r for r in findings.reflex if (r.stimulated, r.side, r.muscle) == (stimulated, side, muscle)), None
    )  # fmt: skip


def reflex_sheets(findings: Findings) -> tuple[PairedSheet, ...]:
    """The tables of the blink reflex; none where no reflex was looked for."""
    if not len(findings.reflex):
        return ()
    return (_compared(findings), _every_muscle(findings))


def components(findings: Findings) -> dict[str, tuple[ReflexRow | None, ReflexRow | None]]:
    """R1, R2 and R2c by the eye that is recorded: the rows of first and second side in column order."""
    first, second, _, _ = words.sides(findings)
    own = (row_of(findings, first, first, EYE), row_of(findings, second, second, EYE))
    crossed = (row_of(findings, second, first, EYE), row_of(findings, first, second, EYE))
    return {R1: own, R2: own, R2C: crossed}


def latency(row: ReflexRow | None, component: str) -> float | None:
    """The latency of a component, ms."""
    return None if row is None else row.r1_latency_ms if component == R1 else row.r2_latency_ms


def difference_ms(findings: Findings, component: str) -> float | None:
    """First side minus second (affected minus healthy), ms; None where one of them is missing."""
    one, two = (latency(row, component) for row in components(findings)[component])
    return None if one is None or two is None else one - two


PUBLISHED = {R1: "10.9 ± 0.7", R2: "35.2 ± 3.4", R2C: "36.2 ± 4.0"}
"""54 healthy people (clinical reference W11): for orientation, nothing is flagged by it."""


def _compared(findings: Findings) -> PairedSheet:
    first, second, one, two = words.sides(findings)
    lines = []
    for component, rows in components(findings).items():
        share = [None if r is None else r.r1_share_percent if component == R1 else r.r2_share_percent for r in rows]
        spread = [None if r is None else r.r1_latency_sd_ms if component == R1 else r.r2_latency_sd_ms for r in rows]
        over = [None if r is None or component != R1 else r.r1_over_direct for r in rows]
        by = ("same side stimulated", "same side stimulated", "other side stimulated")[(R1, R2, R2C).index(component)]
        lines.append(
            Line(
                first=component,
                second=by,
                cells=(
                    _pair([_value(row, latency(row, component), 1) for row in rows]),
                    _pair([words.number(value, 1) for value in spread]),
                    _pair([words.number(value, 0) for value in share]),
                    _pair([words.number(value, 1) for value in over]),
                ),
                single=(words.signed(difference_ms(findings, component), 1), PUBLISHED[component]),
            )
        )
    columns = (Column("Latency", "ms", "ms"), Column("its SD", "ms"), Column("In sweeps", "%", "%"), Column("R1/D"))
    thin, kept = used(lines, columns)
    caption = (
        f"Orbicularis oculi; the column says which eye is recorded ({one} = {side_of(findings, first)}, {two} = "
        f"{side_of(findings, second)}). Δ = {one} − {two}. Published: 54 healthy people, mean ± SD; R1 was elicited in "
        "89 %, R2 in 88 %, R2c in 69 % of them. Orientation; nothing is flagged by it."
    )
    return PairedSheet(
        "The two eyes", caption, ("Component", "Stimulated"), kept, thin,
        single=(Column("Δ", "ms", "Δ ms"), Column("Published", "ms")),
    )  # fmt: skip


def _pair(values: list[str]) -> tuple[str, str]:
    one, two = values
    return one, two


def _value(row: ReflexRow | None, value: float | None, digits: int) -> str:
    if row is None:
        return words.NOT_TESTED
    return words.NO_RESPONSE if value is None and row.verdict == ABSENT else words.number(value, digits)


def _every_muscle(findings: Findings) -> PairedSheet:
    columns: tuple[tuple[Column, Cell], ...] = (
        (Column("Response", short="response"), _verdict),
        (Column("R1", "ms", "R1"), lambda r: _with_sd(r.r1_latency_ms, r.r1_latency_sd_ms)),
        (Column("R1", "µV"), lambda r: words.number(r.r1_uv, 0)),
        (Column("R1 in sweeps", "%"), lambda r: words.number(r.r1_share_percent, 0)),
        (Column("R2, R2c", "ms", "R2"), lambda r: _with_sd(r.r2_latency_ms, r.r2_latency_sd_ms)),
        (Column("R2 area", "µV·ms"), lambda r: words.number(r.r2_area_uv_ms, 0)),
        (Column("R2 duration", "ms"), lambda r: words.number(r.r2_duration_ms, 0)),
        (Column("R2 in sweeps", "%"), lambda r: words.number(r.r2_share_percent, 0)),
        (Column("R1/D"), lambda r: words.number(r.r1_over_direct, 1)),
    )
    sides = words.sides(findings)[:2]
    notes = Notes()
    lines = []
    known = {row.muscle for row in findings.reflex}
    for stimulated in sides:
        for muscle in sorted((m for m in FACIAL_MUSCLES if m in known), key=lambda m: m != EYE):
            rows = [row_of(findings, stimulated, side, muscle) for side in sides]
            if not any(rows):
                continue
            told = [(r.side, _worth(r)) for r in rows if r is not None and r.verdict != ABSENT]
            lines.append(
                Line(
                    first=side_of(findings, stimulated),
                    second=words.muscle_words(muscle),
                    cells=cells(rows, [of for _, of in columns]),
                    notes=numbered(notes, told),
                    strong=muscle != EYE and any(r is not None and is_spreading(r) for r in rows),
                )
            )
    thin, kept = used(lines, [column for column, _ in columns])
    currents = sorted({f"{r.stimulated} {r.current_ma:.3g} mA, {r.sweeps} sweeps" for r in findings.reflex
                       if r.current_ma is not None})  # fmt: skip
    caption = (
        f"Supraorbital nerve stimulated: {'; '.join(currents) or 'no usable sweep'}. Latency ± SD over the sweeps; "
        "area rectified, the noise’s taken off. A component counts where it is in at least 3 of 5 sweeps, one in a "
        "muscle other than the orbicularis oculi where it also is not explained by volume conduction from the eyes. "
        "R1/D: R1 over the direct latency of the same eye, where the exam has one."
    )
    return PairedSheet("All recorded muscles", caption, ("Stimulated", "Muscle recorded"), kept, thin, notes.told())


UNREPEATED = "does not repeat"
"""End of a reason that the shares of the sweeps say already."""


def _worth(row: ReflexRow) -> list[str]:
    return [reason for reason in row.reasons if not reason.endswith(UNREPEATED)]


def is_spreading(row: ReflexRow) -> bool:
    """Whether a muscle other than the eye has a blink response of its own."""
    return row.muscle != EYE and row.verdict == "present"


def _verdict(row: ReflexRow) -> str:
    return row.verdict


def _with_sd(value: float | None, spread: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if spread is None else f"{value:.1f} ± {spread:.1f}"
