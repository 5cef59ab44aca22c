"""Protocols: what a clinician reads and edits as TOML, as strict models."""

from npr_daq.protocol.file import load_protocol, names
from npr_daq.protocol.model import ConductionStep, ImpedanceStep, Limits, PlannedSide, Protocol, Step
from npr_daq.protocol.words import describe

__all__ = [
    "ConductionStep",
    "ImpedanceStep",
    "Limits",
    "PlannedSide",
    "Protocol",
    "Step",
    "describe",
    "load_protocol",
    "names",
]
