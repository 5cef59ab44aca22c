"""Protocols: what a clinician reads and edits as TOML, as strict models."""

from npr_daq.protocol.file import load_protocol, names
from npr_daq.protocol.model import (
    ConductionStep,
    ExcitabilityStep,
    ImpedanceStep,
    LateStep,
    Limits,
    PlannedSide,
    Protocol,
    ReflexStep,
    Step,
    StimulatingStep,
    TrainStep,
)
from npr_daq.protocol.words import describe

__all__ = [
    "ConductionStep",
    "ExcitabilityStep",
    "ImpedanceStep",
    "LateStep",
    "Limits",
    "PlannedSide",
    "Protocol",
    "ReflexStep",
    "Step",
    "StimulatingStep",
    "TrainStep",
    "describe",
    "load_protocol",
    "names",
]
