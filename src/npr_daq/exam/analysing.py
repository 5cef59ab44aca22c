"""Findings from a recording with the edits that were made to it, and the checksum by which they are known again."""

import hashlib
from dataclasses import replace

from npr_daq.findings import Findings, Parameters, compute
from npr_daq.findings.marks import in_force, marks_of
from npr_daq.recording import Recording
from npr_daq.reference import Norms
from npr_daq.storage.edits import Edits
from npr_daq.storage.text import canonical_json


def analysed(
    recording: Recording, parameters: Parameters, raw_sha256: str | None, chain: Edits, *, norms: Norms | None = None
) -> Findings:
    """The findings with the marks of `chain` that are in force; their provenance names the head of the chain.

    Without a mark in force they are those that `compute` gives. RecordingError for an edit that makes no sense.
    """
    marks = in_force(marks_of(chain.entries))
    found = compute(recording, parameters=parameters, raw_sha256=raw_sha256, marks=marks, norms=norms)
    if not marks:
        return found
    edits = {"head": chain.head, **found.provenance["edits"]}
    return replace(found, provenance={**found.provenance, "edits": edits})


def findings_sha256(findings: Findings) -> str:
    """SHA-256 over the findings as canonical JSON: keys sorted, no spaces, ASCII."""
    return hashlib.sha256(canonical_json(findings.to_dict()).encode()).hexdigest()
