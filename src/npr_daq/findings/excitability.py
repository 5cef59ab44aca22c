"""Nerve excitability: the lowest current that a site answers, by the record of its staircase, and side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from npr_daq.analysis import evoked
from npr_daq.anatomy import HEADLINE, SUPPLIES, Branch, Muscle
from npr_daq.findings.late_rows import ABSENT, PRESENT, ExcitabilityRow
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.placed import settings_of
from npr_daq.findings.rows import CONTRADICTION, OPERATORS_WORD
from npr_daq.findings.series import shocks_of
from npr_daq.findings.symmetry import compared_sides
from npr_daq.findings.table import TableView
from npr_daq.recording import Recording, Role, Sweep

EXCITABILITY = "excitability"
UNDETERMINED = "undetermined"

CLASSICAL_MA = 3.5
"""Classical limit of the difference of the sides (clinical reference 2.4 [T]: from memory; it never flags)."""

SAME_MA = 0.011
"""Currents are recorded in steps of 0.01 mA."""


def excitability(recording: Recording, parameters: Parameters) -> TableView[ExcitabilityRow]:
    """One row per site and pulse width of every step of thresholds; the affected side's rows have the difference."""
    rows: list[ExcitabilityRow] = []
    for step in recording.steps:
        if recording.kind_of(step) == EXCITABILITY:
            rows += _step(recording, step, parameters)
    return TableView(ExcitabilityRow, _compared(rows, str(recording.header.get("affected"))))


def _step(recording: Recording, step: str, parameters: Parameters) -> list[ExcitabilityRow]:
    sweeps = [s for s in recording.sweeps if s.step == step]
    search = recording.searches.get(step, {})
    aside = _put_aside(sweeps, search)
    ended = aside or str(search.get("reason") or "the staircase of this step is not recorded")
    records = {} if aside else {float(r["width_us"]): r for r in search.get("thresholds", ())}
    word = None if aside else search.get("operator")
    settings = settings_of(recording, step)
    widths = [float(w) for w in settings.get("widths_us") or dict.fromkeys(s.stimulus.width_us for s in sweeps)]
    rows = []
    for width in widths:
        here = [s for s in sweeps if s.stimulus.width_us == width]
        row = _row(recording, width, here or sweeps, len(here), records.get(width), ended, parameters)
        rows.append(row if word is None else _by_word(row, str(word)))
    return rows


def _put_aside(sweeps: Sequence[Sweep], search: Mapping[str, Any]) -> str:
    """Why the record of a staircase is not that of the last pass at its site; empty where it is."""
    stand = [s for s in sweeps if s.role is not Role.REJECTED]
    if not stand:
        return f"put aside: {sweeps[-1].reject_reasons[-1] if sweeps[-1].reject_reasons else 'by the operator'}"
    if max(int(s.why.get("pass") or 1) for s in stand) > int(search.get("pass") or 1):
        return "done once more, and left before it was over"
    return ""


def _by_word(row: ExcitabilityRow, word: str) -> ExcitabilityRow:
    """No response because the operator said so; what the staircase found is said beside it."""
    said = [f"{OPERATORS_WORD} ({word})"]
    if row.threshold_ma is not None:
        said.append(f"{CONTRADICTION}the staircase found a response that repeats at {row.threshold_ma:.3g} mA")
    return replace(row, threshold_ma=None, verdict=ABSENT, reasons=tuple(said))


def _row(
    recording: Recording,
    width_us: float,
    sweeps: Sequence[Sweep],
    shocks: int,
    record: Mapping[str, Any] | None,
    ended: str,
    parameters: Parameters,
) -> ExcitabilityRow:
    side, site = sweeps[-1].stimulus.side, sweeps[-1].stimulus.site
    headline = str(HEADLINE[site]) if isinstance(site, Branch) else ""
    record = record or {}
    answered = [str(m) for m in record.get("muscles") or ()]
    threshold = record.get("threshold_ma")
    plain = ExcitabilityRow(
        side=str(side),
        site=str(site),
        muscle=answered[0] if answered else headline,
        width_us=width_us,
        threshold_ma=None,
        low_ma=record.get("low_ma"),
        high_ma=record.get("high_ma"),
        shocks=shocks,
        reversals=int(record.get("reversals", _reversals(sweeps if shocks else ()))),
    )
    if not record or not record.get("finished", True):
        # A staircase that was broken off says nothing about the currents above it.
        return replace(plain, verdict=UNDETERMINED, reasons=(ended,))
    if threshold is None:
        highest = max((s.stimulus.current_ma for s in sweeps), default=0.0)
        return replace(plain, verdict=ABSENT, reasons=(f"no response that repeats up to {highest:.3g} mA",))
    reasons = []
    if plain.low_ma is None:
        reasons.append("the lowest current given answers: the threshold may lie lower")
    given = [s for s in sweeps if abs(s.stimulus.current_ma - threshold) <= SAME_MA]
    repeats = _answers(recording, given, parameters)
    if repeats < 2:
        reasons.append(f"read again, {repeats} of {len(given)} sweeps at the threshold hold a response")
    return replace(
        plain,
        threshold_ma=float(threshold),
        high_ma=plain.high_ma or threshold,
        verdict=PRESENT,
        reasons=tuple(reasons),
    )


def _reversals(sweeps: Sequence[Sweep]) -> int:
    """How often the current changed its direction."""
    steps = np.diff([s.stimulus.current_ma for s in sweeps])
    signs = np.sign(steps[np.abs(steps) > SAME_MA])
    return int((np.diff(signs) != 0).sum())


def _answers(recording: Recording, given: Sequence[Sweep], parameters: Parameters) -> int:
    """In how many of the sweeps the muscle that answers most often does."""
    given = [s for s in given if s.valid]
    if not given or not isinstance(given[0].stimulus.site, Branch):
        return 0
    supplied: Sequence[Muscle] = SUPPLIES[given[0].stimulus.site]
    side = given[0].stimulus.side
    channels = tuple(c for c in recording.montage.channels if c.side == side and c.muscle in supplied)
    if not channels:
        return 0
    shocks = shocks_of(recording, tuple(given), channels)
    found = evoked.measure(
        shocks.uv, rate_hz=given[0].rate_hz, stimulus_sample=shocks.stimulus, window_ms=parameters.window_ms
    )
    return int(found.present.sum(axis=1).max())


def _compared(rows: Sequence[ExcitabilityRow], affected: str) -> list[ExcitabilityRow]:
    """The rows, those of the affected side with what they have over those of the other."""
    sides = compared_sides(affected)
    if isinstance(sides, str):
        return [replace(row, reasons=(*row.reasons, sides)) for row in rows]
    done = []
    for row in rows:
        if row.side != sides[0]:
            done.append(row)
            continue
        other = next((o for o in rows if (o.side, o.site, o.width_us) == (sides[1], row.site, row.width_us)), None)
        if row.threshold_ma is None or other is None or other.threshold_ma is None:
            done.append(replace(row, reasons=(*row.reasons, "no threshold of both sides to compare")))
            continue
        difference = row.threshold_ma - other.threshold_ma
        said = list(row.reasons)
        if row.muscle != other.muscle:
            said.append(f"the threshold of the {sides[1]} side is that of {other.muscle.replace('_', ' ')}")
        if abs(difference) >= CLASSICAL_MA:
            said.append(
                f"a difference of {CLASSICAL_MA:g} mA or more is the classical limit, stated from memory: no flag"
            )
        done.append(replace(row, difference_ma=difference, reasons=tuple(said)))
    return done
