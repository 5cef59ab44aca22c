"""Tables of repetitive stimulation and of excitability thresholds, both sides in adjacent cells."""

from collections.abc import Callable

from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import ExcitabilityRow, TrainRow
from npr_daq.report import words
from npr_daq.report.paired import Column, Line, Notes, PairedSheet, cells, numbered
from npr_daq.report.threshold_chart import keys
from npr_daq.report.threshold_chart import row_of as threshold_of

Cell = Callable[[TrainRow], str]


def train_sheets(findings: Findings) -> tuple[PairedSheet, ...]:
    """The table of trains; none where no train was given."""
    columns: tuple[tuple[Column, Cell], ...] = (
        (Column("Rate", "Hz"), lambda r: words.number(r.rate_hz, 2)),
        (Column("Shocks"), lambda r: str(r.count)),
        (Column("Current", "mA"), lambda r: words.number(r.current_ma, 1)),
        (Column("First response", "mV", "mV"), lambda r: words.number(r.first_mv, 2)),
        (Column("Decrement", "%", "decr %"), lambda r: _judged(r, r.decrement_percent)),
        (Column("Lowest of 2–5", "%", "low %"), lambda r: words.signed(r.lowest_percent, 1)),
        (Column("Area decrement", "%"), lambda r: words.signed(r.area_decrement_percent, 1)),
        (Column("All responses", "mV", long=True), lambda r: " ".join(words.number(mv, 2) for mv in r.amplitudes_mv)),
    )
    known = dict.fromkeys((r.site, r.muscle, r.train) for r in findings.train)
    if not known:
        return ()
    notes = Notes()
    lines = []
    for site, muscle, train in sorted(known):
        rows = [train_of(findings, side, site, muscle, train) for side in words.sides(findings)[:2]]
        told = [(r.side, r.quality.reasons) for r in rows if r is not None]
        lines.append(
            Line(
                first=f"{words.site_words(site)}, {words.muscle_words(muscle)}",
                second=str(train),
                cells=cells(rows, [of for _, of in columns]),
                notes=numbered(notes, told),
            )
        )
    definitions = sorted({row.definition for row in findings.train if row.definition})
    caption = (
        f"Decrement of the peak-to-peak amplitude in percent of the first response ({', '.join(definitions) or 'none'}"
        "), positive where it shrinks; the area is stated and decides nothing; “!” = measured, not acceptable. "
        "Published limits: nasalis 8 %, frontalis 7 % (Abraham 2017, 122 patients with myasthenia, 182 controls); "
        "healthy nasalis +0.1 ± 3.8 % (2017, n = 23). Orientation; nothing is flagged by it."
    )
    heads = ("Site, muscle", "Train")
    return (PairedSheet("Trains", caption, heads, tuple(c for c, _ in columns), tuple(lines), notes.told()),)


def train_of(findings: Findings, side: str, site: str, muscle: str, train: int) -> TrainRow | None:
    """The row of one train."""
    return next(
        (r for r in findings.train if (r.side, r.site, r.muscle, r.train) == (side, site, muscle, train)), None
    )  # fmt: skip


def _judged(row: TrainRow, value: float | None) -> str:
    text = words.signed(value, 1)
    return text if row.quality.accepted or text == "–" else f"{text} !"


def threshold_sheets(findings: Findings) -> tuple[PairedSheet, ...]:
    """The table of thresholds; none where none was looked for."""
    columns: tuple[tuple[Column, Callable[[ExcitabilityRow], str]], ...] = (
        (Column("Muscle"), lambda r: words.muscle_words(r.muscle)),
        (Column("Threshold", "mA", "mA"), lambda r: words.number(r.threshold_ma, 2)),
        (Column("Bracket", "mA", "bracket"), _bracket),
        (Column("Verdict"), lambda r: r.verdict),
        (Column("Shocks"), lambda r: str(r.shocks)),
        (Column("Reversals"), lambda r: str(r.reversals)),
    )
    found = keys(findings)
    if not found:
        return ()
    first, second, one, two = words.sides(findings)
    notes = Notes()
    lines = []
    for key in found:
        site, width, _ = key
        rows = [threshold_of(findings, side, key) for side in (first, second)]
        difference = next((r.difference_ma for r in rows if r is not None and r.difference_ma is not None), None)
        told = [(r.side, r.reasons) for r in rows if r is not None]
        lines.append(
            Line(
                first=words.site_words(site),
                second=f"{width:g} µs",
                cells=cells(rows, [of for _, of in columns]),
                single=(words.signed(difference, 2),),
                notes=numbered(notes, told),
            )
        )
    caption = (
        f"The lowest current that a muscle of the site answers, by the recorded response; Δ = {one} − {two}. Bracket: "
        "the currents between which it lies. Published thresholds (Park & Paik 1982, 30 adults, visible twitch, "
        "another stimulator) are 1.2 to 1.8 mA without a side difference: not comparable in their absolute size."
    )
    sheet = PairedSheet(
        "Thresholds", caption, ("Site stimulated", "Pulse"), tuple(c for c, _ in columns), tuple(lines),
        notes.told(), single=(Column("Δ", "mA", "Δ mA"),),
    )  # fmt: skip
    return (sheet,)


def _bracket(row: ExcitabilityRow) -> str:
    if row.low_ma is None and row.high_ma is None:
        return "–"
    if row.low_ma is None:
        return f"≤ {words.number(row.high_ma, 2)}"
    return f"> {row.low_ma:.2f}" if row.high_ma is None else f"{row.low_ma:.2f}–{row.high_ma:.2f}"
