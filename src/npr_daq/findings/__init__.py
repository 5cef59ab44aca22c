"""Findings: the analysis applied to a recording, named, gated and with provenance."""

from npr_daq.findings.compute import compute
from npr_daq.findings.findings import Findings
from npr_daq.findings.parameters import DEFAULT, Parameters
from npr_daq.findings.table import TableView

__all__ = ["DEFAULT", "Findings", "Parameters", "TableView", "compute"]
