"""Reading rows between samples: values, crossings and extremes, for all rows at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

LAST_BIT = np.array([max((bit for bit in range(8) if byte >> (7 - bit) & 1), default=0) for byte in range(256)])
"""Place of the last set bit of a byte, the highest bit being the first."""


def value_at(rows: Floats, column: NDArray[np.float64], *, index: Ints | None = None) -> NDArray[np.float64]:
    """Values of `rows` (row, time) at fractional columns (row,) or (row, point), by linear interpolation.

    With `index` (row,) the columns are those of `rows[index]`, which is not copied for it. Columns outside the rows
    take the end value; a NaN column gives NaN.
    """
    n_rows, n_time = rows.shape
    index = np.arange(n_rows) if index is None else index
    wanted = column if column.ndim == 2 else column[:, None]
    known = np.isfinite(wanted)
    place = np.clip(np.where(known, wanted, 0.0), 0, n_time - 1)
    left = np.minimum(place.astype(np.int64), n_time - 2)
    part = place - left
    left += index[:, None] * n_time
    flat = rows.reshape(-1)
    low = flat.take(left).astype(np.float64)
    low += part * (flat.take(left + 1) - low)
    low[~known] = np.nan
    return np.asarray(low if column.ndim == 2 else low[:, 0])


def first_true(mask: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
    """Column of the first True of each row (0 where none), and whether there is one."""
    column = mask.argmax(axis=-1)
    return column, mask[np.arange(len(mask)), column]


def last_true(mask: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
    """Column of the last True of each row (0 where none), and whether there is one."""
    # Eight columns to a byte: the search from the right, which goes against the order of memory, is of an eighth.
    packed = np.packbits(mask, axis=1)
    byte, found = first_true(packed[:, ::-1] != 0)
    byte = packed.shape[1] - 1 - byte
    column = 8 * byte + LAST_BIT[packed[np.arange(len(mask)), byte]]
    return np.where(found, column, 0), found


def crossing_after(rows: Floats, column: Ints, level: Floats) -> NDArray[np.float64]:
    """Fractional column at which the straight line from `column` to the next sample meets `level`, all (row,)."""
    index = np.arange(len(rows))
    left = rows[index, column].astype(np.float64)
    right = rows[index, np.minimum(column + 1, rows.shape[1] - 1)].astype(np.float64)
    step = right - left
    part = np.divide(level - left, step, out=np.zeros_like(step), where=step != 0)
    return np.asarray(column + np.clip(part, 0.0, 1.0))


def vertex(rows: Floats, column: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fractional column and value of the parabola through an extreme sample and its two neighbours, both (row,).

    A sample that is no extreme among its neighbours (the edge of a window) is given back as it is.
    """
    index = np.arange(len(rows))
    middle = rows[index, column].astype(np.float64)
    before = rows[index, np.maximum(column - 1, 0)].astype(np.float64)
    after = rows[index, np.minimum(column + 1, rows.shape[1] - 1)].astype(np.float64)
    bend = before - 2 * middle + after
    extreme = (before - middle) * (after - middle) >= 0
    extreme &= (bend != 0) & (column > 0) & (column < rows.shape[1] - 1)
    offset = np.divide(0.5 * (before - after), bend, out=np.zeros_like(bend), where=extreme)
    return column + offset, middle - 0.25 * (before - after) * offset


def median_and_sigma(rows: Floats) -> tuple[Floats, Floats]:
    """Median and 1.4826 x median absolute deviation of each row, both (row,) (clinical reference 2.1)."""
    ordered = np.sort(rows, axis=1)
    half, odd = divmod(rows.shape[1], 2)
    middle = ordered[:, half] if odd else 0.5 * (ordered[:, half - 1] + ordered[:, half])
    deviation = _nearest(ordered, middle, half + 1)
    if not odd:
        deviation = 0.5 * (_nearest(ordered, middle, half) + deviation)
    return middle, 1.4826 * deviation


def _nearest(ordered: Floats, middle: Floats, count: int) -> Floats:
    """Distance of the `count`-th nearest value to `middle`, all (row,).

    In sorted rows the nearest values stand side by side: the narrowest such stretch around `middle` holds them.
    """
    below = middle[:, None] - ordered[:, : ordered.shape[1] - count + 1]
    above = ordered[:, count - 1 :] - middle[:, None]
    return np.asarray(np.fmin.reduce(np.maximum(below, above), axis=1))
