"""Reference values: the published numbers that ship with the program, and a laboratory's own in their place."""

from npr_daq.reference.file import load_norms, parse_norms, shipped_norms
from npr_daq.reference.norms import QUANTITIES, Norm, Norms

__all__ = ["QUANTITIES", "Norm", "Norms", "load_norms", "parse_norms", "shipped_norms"]
