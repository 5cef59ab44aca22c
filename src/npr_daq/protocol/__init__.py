"""Protocols: what a clinician reads and edits as TOML, as strict models."""

from npr_daq.protocol.file import load_protocol, names
from npr_daq.protocol.model import (
    ConductionStep,
    ContinuousStep,
    CrosstalkStep,
    ExcitabilityStep,
    ImpedanceStep,
    IncludeStep,
    LateStep,
    Limits,
    MovementStep,
    PlannedSide,
    Protocol,
    ReflexStep,
    RestStep,
    Step,
    StimulatingStep,
    TrainStep,
)
from npr_daq.protocol.words import describe

__all__ = [
    "ConductionStep",
    "ContinuousStep",
    "CrosstalkStep",
    "ExcitabilityStep",
    "ImpedanceStep",
    "IncludeStep",
    "LateStep",
    "Limits",
    "MovementStep",
    "PlannedSide",
    "Protocol",
    "ReflexStep",
    "RestStep",
    "Step",
    "StimulatingStep",
    "TrainStep",
    "describe",
    "load_protocol",
    "names",
]
