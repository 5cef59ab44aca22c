"""Pure signal analysis: arrays and rates in, frozen results out; the last axis is time.

Its public modules (`npr_daq.analysis.evoked` and the others of `__all__`) are imported on first use.
"""

from importlib import import_module
from types import ModuleType

__all__ = [
    "artefact",
    "coherence",
    "conditioning",
    "contraction",
    "crosstalk",
    "definitions",
    "evoked",
    "excitability",
    "expressions",
    "late",
    "live_envelope",
    "onset_interval",
    "recruitment",
    "reflex",
    "symmetry",
    "synkinesis",
    "tone",
    "train",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"npr_daq.analysis.{name}")
    raise AttributeError(f"module 'npr_daq.analysis' has no attribute {name!r}")
