"""Names, units and rules of the exam file; `docs/exam_file.md` says the same in words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import MISSING

FORMAT_NAME = "npr-daq exam"
FORMAT_VERSION = "1.0.0"
FORMAT_MAJOR = 1
CONVENTIONS = "CF-1.11"
LIBVER = ("v110", "v110")
"""HDF5 1.10 file format: checksummed metadata, no limit on attribute size, read by every library since 2016."""

RAW_GROUPS = (
    "calibration",
    "channels",
    "continuous",
    "electrodes",
    "events",
    "gaps",
    "impedance",
    "protocol",
    "searches",
    "sweeps",
)
"""Groups that `raw_sha256` covers and that never change."""

OTHER_GROUPS = ("audit", "findings")

COMPUTED_ATTRS = ("Conventions", "format_name", "format_version", "raw_sha256", "config_json", "config_sha256")
"""Root attributes that only the writer sets."""

FILL = np.array([MISSING], np.int32)
"""`_FillValue` of EMG counts, in the shape netCDF gives it."""

DIMENSION_ONLY = "This is a netCDF dimension but not a netCDF variable."
"""How netCDF-4 marks a dimension that has no coordinate values (netCDF-4 file format specification)."""

BOOKKEEPING = frozenset(
    {
        "CLASS",
        "NAME",
        "DIMENSION_LIST",
        "DIMENSION_LABELS",
        "REFERENCE_LIST",
        "_Netcdf4Dimid",
        "_Netcdf4Coordinates",
        "_nc3_strict",
    }
)
"""Attributes that belong to dimension scales and not to the data."""

AttrValue = str | int | float | np.integer[Any] | np.floating[Any] | NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """An array with named dimensions; texts are object arrays of `str`. `chunks` asks for compression."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: Mapping[str, AttrValue] = field(default_factory=dict)
    chunks: tuple[int, ...] | None = None

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return self.values.dtype == object


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Variables that share dimensions; a one-dimensional variable named as its dimension is its coordinate."""

    variables: Mapping[str, Variable] = field(default_factory=dict)
    attrs: Mapping[str, AttrValue] = field(default_factory=dict)


def safe_name(name: str, taken: Mapping[str, Any]) -> str:
    """A group name for `name` that HDF5 and netCDF accept and that is not in `taken` yet."""
    base = re.sub(r"[^A-Za-z0-9_.+-]", "_", name)[:80]
    if not base or not (base[0].isalnum() or base[0] == "_"):
        base = f"_{base}"
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}_{number}"
    return found
