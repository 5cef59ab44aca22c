"""The class of CPU that numbers were computed on: the same class and versions give the same bits."""

import platform

import numpy as np


def cpu_class() -> str:
    """The machine's architecture and the widest vector instructions that NumPy uses on it, `x86_64 AVX512_ICL`."""
    known = np.show_config(mode="dicts") or {}
    simd = known.get("SIMD Extensions", {})
    widest = [*simd.get("baseline", []), *simd.get("found", [])][-1:]
    return " ".join([platform.machine(), *map(str, widest)])
