"""The terminal table: one line a row in 80 columns, markers, reasons, simulated data said so."""

from dataclasses import replace
from types import ModuleType

import pytest
from rich.console import Console

from npr_daq.anatomy import Branch, Side
from npr_daq.findings import Findings, compute
from npr_daq.findings.rows import ConductionRow
from npr_daq.findings.table import TableView
from npr_daq.recording import Event, Role
from npr_daq.report.table import conduction_table


@pytest.fixture(scope="module")
def findings(synthetic: ModuleType) -> Findings:
    recording = synthetic.Face(kept={Branch.BUCCAL: 0.4, Branch.TEMPORAL: 0.0}).recording()
    return compute(replace(recording, sweeps=tuple(s for s in recording.sweeps if not _left_cervical(s.stimulus))))


def _left_cervical(stimulus) -> bool:
    return stimulus.site is Branch.CERVICAL and stimulus.side is Side.LEFT


def text(findings: Findings, *, width: int = 80, wide: bool = False) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(conduction_table(findings, width=width, wide=wide))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("wide", [False, True])
def test_every_row_is_one_line_of_at_most_80_columns(findings: Findings, wide: bool) -> None:
    lines = text(findings, wide=wide)
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    first = next(number for number, line in enumerate(lines) if line.startswith("───")) + 1
    rows = lines[first : lines.index("", first)]
    assert len(rows) == (16 if wide else 6)
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == [
        "Trunk", "Temporal", "Zygomatic", "Buccal", "Mandibular", "Cervical"
    ]  # fmt: skip


def test_the_worst_numbers_still_fit(findings: Findings) -> None:
    big = [
        replace(r, onset_latency_ms=19.99, peak_to_peak_mv=88.88, negative_area_mv_ms=888.88)
        for r in findings.conduction
    ]
    worst = replace(
        findings,
        conduction=TableView(ConductionRow, big),
        symmetry=TableView(
            type(findings.symmetry[0]),
            [
                replace(r, percent=188.0, ci95_percent=(111.0, 199.0) if n % 2 else (187.6, 188.4), withheld=None)
                for n, r in enumerate(findings.symmetry)
            ],
        ),
    )
    assert any("188.0[187.6–188.4]" in line for line in text(worst, wide=True))
    assert not any("…" in line for line in text(worst, wide=True))
    assert max(map(len, text(worst, wide=True))) <= 80


def test_headlines_numbers_and_markers(findings: Findings) -> None:
    lines = text(findings)
    trunk = next(line for line in lines if line.startswith("Trunk"))
    assert "nasalis" in trunk
    assert "40.1" in trunk.split()
    temporal = next(line for line in lines if line.startswith("Temporal"))
    assert "NR" in temporal
    assert "withheld (1)" in temporal
    cervical = next(line for line in lines if line.startswith("Cervical"))
    assert "NT" in cervical
    whole = " ".join(" ".join(lines).split())
    assert "SIMULATED DATA" in lines[0]
    assert "A = affected side (left), H = healthy side (right)" in whole
    assert "NR no response; NT not tested" in whole
    assert "cervical platysma: left side not measured" in whole
    assert "not elicited" in whole
    assert "2025-01-01 00:00 UTC" in lines[0]
    assert "recording" in lines[1]
    assert "95 %: noise, artefact left" in whole
    assert "18–21 % (Raslan 1988; not measured here)" in whole
    assert not any(line.startswith("diagnosis") for line in lines)


def test_the_legend_needs_no_second_line(findings: Findings) -> None:
    lines = text(findings)
    start = lines.index("") + 1
    assert [line.split()[0] for line in lines[start : start + 4]] == ["A", "Ratio", "Electrodes", "NR"]


def test_not_completed_is_no_technical_error(synthetic: ModuleType) -> None:
    recording = synthetic.Face(sites=(Branch.BUCCAL,)).recording()
    step = recording.sweeps[-1].step
    skipped = tuple(
        replace(s, role=Role.REJECTED, reject_reasons=("skipped: pain",)) if s.step == step else s
        for s in recording.sweeps
    )
    told = Event("skipped", "Left buccal branch skipped: pain", detail={"step": step, "reason": "pain"})
    lines = text(compute(replace(recording, sweeps=skipped, events=(told,))))
    assert "NC" in next(line for line in lines if line.startswith("Buccal")).split()
    whole = " ".join(" ".join(lines).split())
    assert "NC not completed" in whole
    assert "left side: not completed: skipped: pain" in whole
    assert "TE technical" not in whole


def test_the_operators_word_against_the_sweeps_is_told(synthetic: ModuleType) -> None:
    recording = synthetic.Face(sites=(Branch.BUCCAL,)).recording()
    step = recording.sweeps[-1].step
    searches = {**recording.searches, step: {**recording.searches[step], "operator": "none seen"}}
    whole = " ".join(" ".join(text(compute(replace(recording, searches=searches)))).split())
    assert "left buccal nasalis: contradiction: the sweeps repeat a response of 3.20 mV" in whole


def test_unacceptable_values_carry_a_mark_and_a_reason(synthetic: ModuleType) -> None:
    found = compute(synthetic.Face(sites=(Branch.BUCCAL,), clipped=("left.nasalis",)).recording())
    lines = text(found)
    assert "!" in next(line for line in lines if line.startswith("Buccal"))
    assert any("the amplifier clipped" in line for line in lines)


def test_without_a_healthy_side_the_columns_are_left_and_right(synthetic: ModuleType) -> None:
    found = compute(synthetic.Face(sites=(Branch.BUCCAL,), header={"affected": "both"}).recording())
    lines = text(found)
    assert any("L lat" in line and "R lat" in line for line in lines)
    assert any("L = left, R = right; affected: both" in line for line in lines)


def test_nothing_measured(synthetic: ModuleType) -> None:
    found = compute(replace(synthetic.Face(sites=()).recording(), sweeps=()))
    assert any("nothing was measured" in line for line in text(found))


def test_markup_in_a_subject_code_is_text(findings: Findings) -> None:
    hostile = replace(findings, exam={**findings.exam, "subject": "[red]X[/red]"})
    assert "[red]X[/red]" in text(hostile)[0]
