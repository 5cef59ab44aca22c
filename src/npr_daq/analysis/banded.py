"""A zero-phase filter over rows of one length as a few narrow matrices, for many rows at once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import products
from npr_daq.analysis.conditioning import sections, there_and_back

LONGEST = 1500
"""Longer rows would need matrices of tens of megabytes; the recursion serves them."""

OUTPUTS = 32
NEGLIGIBLE = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Banded:
    """The filter cut into pieces: outputs [first, last), the inputs [low, high) they need, and the matrix between."""

    pieces: tuple[tuple[int, int, int, int, NDArray[np.float32]], ...]

    def apply(self, rows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Filtered rows, shapes (row, time), into `out`; its columns that were not asked for stay as they were."""
        for first, last, low, high, matrix in self.pieces:
            products.times(rows[:, low:high], matrix, out[:, first:last])


@lru_cache(maxsize=16)
def banded(corner_hz: float, rate_hz: float, n_time: int, wanted: tuple[tuple[int, int], ...]) -> Banded:
    """The forward-and-back low-pass of `conditioning` for rows of `n_time` samples, of which `wanted` are answered.

    `wanted` are half-open ranges of columns; pieces without any of them are left out. A column's answer does not
    depend on which others are wanted: the pieces are cut at the same columns always.
    The matrix is what `conditioning` makes of unit impulses, ends included, so that both agree within float32
    rounding; what is smaller than 1e-8 of the largest entry is left out. Source: analysis reference 2c.
    """
    response = there_and_back(sections(corner_hz, rate_hz), np.eye(n_time))
    needed = np.abs(response) > NEGLIGIBLE * np.abs(response).max()
    pieces = []
    for first in range(0, n_time, OUTPUTS):
        last = min(first + OUTPUTS, n_time)
        if not any(begin < last and first < end for begin, end in wanted):
            continue
        inputs = np.flatnonzero(needed[:, first:last].any(axis=1))
        low, high = int(inputs[0]), int(inputs[-1]) + 1
        matrix = np.ascontiguousarray(response[low:high, first:last], dtype=np.float32)
        pieces.append((first, last, low, high, matrix))
    return Banded(tuple(pieces))
