"""npr-daq: instruments, acquisition and analysis for the facial nerve.

    import npr_daq as npr

    with npr.connect("sim:branch_loss") as bench:
        exam = npr.run_exam("conduction_extended", bench, subject="P-0042", affected="left")
    exam.findings.symmetry.to_frame()

Names are imported on first use, so that the command line starts quickly.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "connect": "npr_daq.session",
    "run_exam": "npr_daq.session",
    "Bench": "npr_daq.session",
    "open_exam": "npr_daq.exam.exam",
    "Exam": "npr_daq.exam.exam",
    "NprError": "npr_daq.errors",
}
_MODULES = ("operators", "analysis", "errors")

__all__ = ["Bench", "Exam", "NprError", "analysis", "connect", "errors", "open_exam", "operators", "run_exam"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _MODULES:
        return import_module(f"npr_daq.{name}")
    raise AttributeError(f"module 'npr_daq' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
