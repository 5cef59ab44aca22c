"""Pure signal analysis: arrays and rates in, frozen results out; the last axis is time.

`npr_daq.analysis.evoked`, `.recruitment`, `.symmetry` and `.conditioning` are imported on first use.
"""

from importlib import import_module
from types import ModuleType

__all__ = ["conditioning", "evoked", "recruitment", "symmetry"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"npr_daq.analysis.{name}")
    raise AttributeError(f"module 'npr_daq.analysis' has no attribute {name!r}")
