"""What takes the place of findings that could not be computed: empty tables and the reason."""

from npr_daq.findings import account
from npr_daq.findings.findings import Findings
from npr_daq.findings.parameters import DEFAULT
from npr_daq.findings.rows import ConductionRow, DoseRow, SpreadRow, SymmetryRow
from npr_daq.findings.table import TableView
from npr_daq.recording import Recording


def without_findings(recording: Recording, raw_sha256: str | None, cause: Exception) -> Findings:
    """Findings of `recording` without any measurement; the quality warnings say what `cause` was."""
    text = " ".join(str(cause).split()) or "no reason given"
    return Findings(
        exam=account.exam_of(recording),
        provenance=account.provenance(recording, DEFAULT, raw_sha256),
        conduction=TableView(ConductionRow),
        symmetry=TableView(SymmetryRow),
        evoked_spread=TableView(SpreadRow),
        dose=TableView(DoseRow),
        quality={
            "gaps": [],
            "clipped": [],
            "impedances": [],
            "continuous": [],
            "warnings": [
                f"the findings could not be computed ({type(cause).__name__}: {text}); the raw data are sealed"
            ],
        },
    )
