"""The table of onsets: intervals, other definitions and the artefact in words; the pale trace as recorded."""

from types import ModuleType

from npr_daq.anatomy import Branch
from npr_daq.findings import compute
from npr_daq.report.onsets import METHODS, onset_lines


def test_every_response_with_a_latency_has_a_line(synthetic: ModuleType) -> None:
    findings = compute(synthetic.Face(sites=(Branch.BUCCAL,)).recording())
    lines = onset_lines(findings)
    timed = [row for row in findings.conduction if row.onset_latency_ms is not None]
    assert len(lines) == len(timed) > 0
    for line, row in zip(lines, timed, strict=True):
        assert line.onset == f"{row.onset_latency_ms:.2f}"
        assert line.interval.startswith("[")
        assert line.artefact in METHODS.values()
        assert line.branch in {"Trunk", *(str(b).replace("_", " ").capitalize() for b in Branch)}
        assert line.remark == ""


def test_too_few_sweeps_leave_the_interval_empty(synthetic: ModuleType) -> None:
    assert {
        line.interval for line in onset_lines(compute(synthetic.Face(sites=(Branch.BUCCAL,), accepted=4).recording()))
    } == {""}
