"""A table of findings as storage sees it: named columns with units, and nothing about what they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of equal length by name, with the unit of each where it has one.

    A column is one-dimensional numbers, booleans or texts (None is stored as NaN or an empty text), or
    two-dimensional numbers whose first axis is the row.
    """

    columns: Mapping[str, NDArray[Any] | Sequence[Any]]
    units: Mapping[str, str] = field(default_factory=dict)
