"""Matrix products of many rows in pieces that BLAS does not spread over threads of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL = 262_144
"""Multiplications up to which OpenBLAS stays in the calling thread.

Its threads wait for each other by spinning: on a busy machine, or beside our own two threads, that costs several times
the product itself.
"""


def times(rows: NDArray[Any], matrix: NDArray[Any], out: NDArray[Any]) -> None:
    """`out` (row, column) = `rows` (row, inner) @ `matrix` (inner, column), piece by piece; `out` may be a view.

    A row's product has the same bits wherever the row stands and whatever stands beside it: what is left over is
    filled up to a whole piece, because BLAS takes another way, and rounds otherwise, for a single row.
    """
    inner, columns = matrix.shape
    piece = max(1, SMALL // (inner * columns))
    whole = len(rows) - len(rows) % piece
    if whole:
        stacked = rows[:whole].reshape(-1, piece, inner)
        np.matmul(stacked, matrix, out=out[:whole].reshape(-1, piece, columns))
    if whole < len(rows):
        filled = np.zeros((piece, inner), dtype=rows.dtype)
        filled[: len(rows) - whole] = rows[whole:]
        out[whole:] = (filled @ matrix)[: len(rows) - whole]
