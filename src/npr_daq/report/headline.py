"""The first sentences on movements, late responses, reflexes, trains, thresholds and spread: no diagnosis."""

from npr_daq.analysis.lateral_spread import Verdict
from npr_daq.anatomy import Branch, Side
from npr_daq.findings.findings import Findings
from npr_daq.findings.late_rows import (
    F_WAVE,
    LATERAL_SPREAD,
    PRESENT,
    TOO_FEW,
    LateRow,
    ReflexRow,
    SpreadMatrixRow,
    TrainRow,
)
from npr_daq.report import late_sheets, reflex_sheets, spread_map, synkinesis_words, words
from npr_daq.report.reflex_sheets import components, difference_ms, is_spreading, latency
from npr_daq.report.wording import side_of

LISTED = 5
"""Differences of the spread matrix that a sentence names; the others stand in the table."""


def headlines(findings: Findings, *, movements: bool = True) -> list[str]:
    """Draft sentences, one for each kind of measurement that the exam has; those on movements and rest if asked for."""
    return [
        *(synkinesis_words.sentences(findings) if movements else ()),
        *_f_waves(findings),
        *_lateral(findings),
        *_blink(findings),
        *_trains(findings),
        *_thresholds(findings),
        *_matrix(findings),
    ]


def _named(findings: Findings, side: Side | str) -> str:
    """`affected (left)` or the bare side."""
    word, _, rest = side_of(findings, Side(side)).partition(", ")
    return f"{word} side ({rest})" if rest else f"{word} side"


def _f_waves(findings: Findings) -> list[str]:
    said = []
    for branch, muscle in late_sheets.places(findings, F_WAVE):
        rows = [late_sheets.row_of(findings, side, branch, muscle) for side in words.sides(findings)[:2]]
        parts = [f"{_named(findings, row.side)} {_f_wave(row)}" for row in rows if row is not None]
        place = f"{words.muscle_words(muscle)} ({words.BRANCHES[branch].lower()} branch)"
        said.append(f"F wave, {place}: {'; '.join(parts)}.")
    return said


def _f_wave(row: LateRow) -> str:
    if row.verdict != PRESENT:
        return row.verdict
    minimum = "no latency" if row.minimum_ms is None else f"minimum {row.minimum_ms:.1f} ms"
    return f"present in {words.number(row.persistence_percent, 0)} % of {row.sweeps} sweeps, {minimum}"


def _lateral(findings: Findings) -> list[str]:
    rows = [row for row in findings.late if row.response == LATERAL_SPREAD]
    if not rows:
        return []
    parts = []
    for side in words.sides(findings)[:2]:
        tried = [row for row in rows if row.side == side]
        mine = [row for row in tried if row.verdict != TOO_FEW]
        if not mine:
            parts += [f"{_named(findings, side)} {TOO_FEW}"] if tried else []
            continue
        present = [_pair(row) for row in mine if row.verdict == PRESENT]
        unsure = sum(row.verdict == Verdict.CANNOT_TELL for row in mine)
        text = f"{_named(findings, side)} {len(present) or 'none'} of {len(mine)} pairs"
        text += f" ({'; '.join(present)})" if present else ""
        parts.append(text + (f", {unsure} cannot be told" if unsure else ""))
    return [f"Lateral spread (branch → muscle): {'; '.join(parts)}."]


def _pair(row: LateRow) -> str:
    place = f"{words.site_words(row.stimulated).lower()} → {words.muscle_words(row.recorded)}"
    return f"{place} at {words.number(row.mean_ms, 1)} ms, {words.number(row.amplitude_uv, 0)} µV"


def _blink(findings: Findings) -> list[str]:
    if not len(findings.reflex):
        return []
    first, second, _, _ = words.sides(findings)
    parts = []
    for component, rows in components(findings).items():
        values = [
            f"{side_of(findings, side).partition(',')[0]} eye {_ms(row, component)}"
            for side, row in zip((first, second), rows, strict=True)
        ]
        delta = difference_ms(findings, component)
        difference = "" if delta is None else f" (difference {words.signed(delta, 1)} ms)"
        parts.append(f"{component} {', '.join(values)}{difference}")
    return [f"Blink reflex: {'; '.join(parts)}.", _spreading(findings)]


def _ms(row: ReflexRow | None, component: str) -> str:
    if row is None:
        return "not tested"
    value = latency(row, component)
    if value is not None:
        return f"{value:.1f} ms"
    return TOO_FEW if row.verdict == TOO_FEW else "not elicited"


def _spreading(findings: Findings) -> str:
    parts = []
    for side in words.sides(findings)[:2]:
        rows = [row for row in findings.reflex if row.side == side and row.muscle != reflex_sheets.EYE]
        found = list(dict.fromkeys(words.muscle_words(row.muscle) for row in rows if is_spreading(row)))
        if rows and all(row.verdict == TOO_FEW for row in rows):
            parts.append(f"{_named(findings, side)} {TOO_FEW}")
        elif rows:
            parts.append(f"{_named(findings, side)} {', '.join(found) or 'none'}")
    return f"Muscles besides the orbicularis oculi that answer the blink: {'; '.join(parts)}." if parts else ""


def _trains(findings: Findings) -> list[str]:
    said = []
    for site, muscle in dict.fromkeys((row.site, row.muscle) for row in findings.train):
        parts = []
        definition = ""
        for side in words.sides(findings)[:2]:
            rows = [r for r in findings.train if (r.side, r.site, r.muscle) == (side, site, muscle)]
            used = [r for r in rows if r.quality.accepted and r.decrement_percent is not None]
            definition = used[0].definition if used else definition
            if rows:
                parts.append(f"{_named(findings, side)} {_decrement(used, len(rows))}")
        place = f"{words.muscle_words(muscle)} ({words.site_words(site).lower()})"
        said.append(f"Decrement, {place}{', ' + definition if definition else ''}: {'; '.join(parts)}.")
    return said


def _decrement(used: list[TrainRow], count: int) -> str:
    values = [row.decrement_percent for row in used if row.decrement_percent is not None]
    if not values:
        return f"none of {count} trains acceptable"
    mean = sum(values) / len(values)
    each = f" ({', '.join(words.signed(v, 1) for v in values)})" if len(values) > 1 else ""
    return f"{words.signed(mean, 1)} % over {len(values)} of {count} trains{each}"


def _thresholds(findings: Findings) -> list[str]:
    rows = [row for row in findings.excitability if row.difference_ma is not None]
    if not len(findings.excitability):
        return []
    lacking = [
        f"{row.side} {words.site_words(row.site).lower()}" for row in findings.excitability if row.threshold_ma is None
    ]
    one = words.sides(findings)[2]
    names = {"A": "affected − healthy", "L": "left − right"}[one]
    told = [f"{words.site_words(r.site).lower()} {words.signed(r.difference_ma, 2)} mA" for r in rows]
    said = [f"Thresholds, {names}: {', '.join(told)}."] if told else ["Thresholds: no site has one on both sides."]
    open_ = [f"{r.side} {words.site_words(r.site).lower()}" for r in findings.excitability
             if r.threshold_ma is not None and r.low_ma is None]  # fmt: skip
    if open_:
        said.append(f"The lowest current given was answered, so that the threshold may lie lower: {', '.join(open_)}.")
    return said + ([f"No threshold found: {', '.join(lacking)}."] if lacking else [])


def _matrix(findings: Findings) -> list[str]:
    said = []
    for window in spread_map.WINDOWS:
        rows = [r for r in findings.spread_matrix if r.window == window and r.side == spread_map.DIFFERENCE]
        known = [r for r in rows if r.remainder_percent is not None]
        if not known:
            continue
        clear = sorted(filter(spread_map.is_clear, known), key=lambda r: -abs(r.remainder_percent or 0.0))
        name = "affected − healthy" if words.sides(findings)[2] == "A" else "left − right"
        told = ", ".join(_difference(row) for row in clear[:LISTED]) or "none"
        rest = len(clear) - LISTED
        more = f"; {rest} smaller {'one' if rest == 1 else 'ones'} in the table" if rest > 0 else ""
        said.append(
            f"Evoked spread, {window} window, {name} in percentage points of the muscle’s own response, volume "
            f"conduction taken off; of {len(known)} pairs, differences of at least {spread_map.QUIET_PERCENT:g} whose "
            f"interval holds no zero: {told}{more}.{_unproved(findings) if clear else ''}"
        )
    return said


def _unproved(findings: Findings) -> str:
    """Which branches a spread cannot be laid to, because more current might have done more there."""
    open_ = dict.fromkeys(
        f"{row.side} {words.site_words(row.branch).lower()}"
        for row in findings.conduction
        if row.branch != Branch.TRUNK and row.peak_to_peak_mv is not None and not row.supramaximal.proved
    )
    return f" Not proved supramaximal: {', '.join(open_)}." if open_ else ""


def _difference(row: SpreadMatrixRow) -> str:
    low, high = row.remainder_ci95_percent or (None, None)
    place = f"{words.site_words(row.stimulated).lower()} → {words.muscle_words(row.recorded)}"
    spreads = ", current spread" * any("current spread" in reason for reason in row.reasons)
    ends = f"[{words.signed(low, 1)} to {words.signed(high, 1)}]"
    return f"{place} {words.signed(row.remainder_percent, 1)} {ends}{spreads}"
