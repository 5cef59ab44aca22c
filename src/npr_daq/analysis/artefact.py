"""The stimulus artefact: take it off sweeps, build it from sub-threshold sweeps, cancel it by alternating polarity."""

from npr_daq.analysis.polarity import Alternation, alternating
from npr_daq.analysis.removal import Correction, Method, correct, remove
from npr_daq.analysis.silent_gap import RECOVERY_MS, SILENT_UNTIL_MS
from npr_daq.analysis.subthreshold import Template, hold_responses, subthreshold_template

__all__ = [
    "RECOVERY_MS",
    "SILENT_UNTIL_MS",
    "Alternation",
    "Correction",
    "Method",
    "Template",
    "alternating",
    "correct",
    "hold_responses",
    "remove",
    "subthreshold_template",
]
