"""Findings with their values put beside a set of reference values, which is kept whole in the provenance."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from npr_daq.findings.findings import Findings
from npr_daq.findings.norms import against
from npr_daq.reference import Norms


def beside_norms(findings: Findings, norms: Norms, intake: Mapping[str, Any] | None) -> Findings:
    """`findings` with the table `norms` made anew from their own rows and the age told at intake."""
    age = (intake or {}).get("age_years")
    return replace(
        findings,
        norms=against(findings.conduction, findings.symmetry, norms, age_years=age),
        provenance={**findings.provenance, "reference": norms.to_dict()},
    )
