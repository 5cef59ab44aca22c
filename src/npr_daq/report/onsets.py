"""The onsets as a table: interval, other definitions, phases, and how the stimulus artefact was taken off."""

from dataclasses import dataclass

from npr_daq.anatomy import Branch
from npr_daq.findings.artefact import SATURATED
from npr_daq.findings.findings import Findings
from npr_daq.findings.rows import ConductionRow
from npr_daq.report import words

METHODS = {
    "template": "template",
    "bi_exponential": "exponentials",
    "none": "none to take off",
    SATURATED: "amplifier at its limit",
    "": "–",
}
"""How the artefact was taken off, in words."""


@dataclass(frozen=True, slots=True)
class OnsetLine:
    """One response: every cell as text."""

    side: str
    branch: str
    muscle: str
    onset: str
    interval: str
    others: tuple[str, str, str]
    phases: str
    artefact: str
    left: str
    remark: str


def onset_lines(findings: Findings) -> tuple[OnsetLine, ...]:
    """Every response with a latency, in the order of the findings."""
    return tuple(_line(row) for row in findings.conduction if row.onset_latency_ms is not None)


def _line(row: ConductionRow) -> OnsetLine:
    interval = row.onset_ci95_ms
    account = row.artefact
    left = (
        f"{account.residual_uv:.1f} of {account.noise_uv:.1f}"
        if account.residual_uv is not None and account.noise_uv is not None
        else "–"
    )
    remarks = ["onset doubtful: look at the trace"] * row.disagreement
    remarks += ["polyphasic"] * row.polyphasic + ["artefact not proved removed"] * (account.proved is False)
    return OnsetLine(
        side=row.side,
        branch=words.BRANCHES[Branch(row.branch)],
        muscle=words.muscle_words(row.muscle),
        onset=words.number(row.onset_latency_ms, 2),
        interval="" if interval is None else f"[{interval[0]:.2f}–{interval[1]:.2f}]",
        others=(
            words.number(row.ten_percent_ms, 2),
            words.number(row.three_sd_back_ms, 2),
            words.number(row.tangent_ms, 2),
        ),
        phases="–" if row.phases is None else str(row.phases),
        artefact=METHODS.get(account.method, account.method.replace("_", " ")),
        left=left,
        remark="; ".join(remarks),
    )
