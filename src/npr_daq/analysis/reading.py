"""Reading rows between samples: values, crossings and extremes, for all rows at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


def value_at(rows: Floats, column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of `rows` (row, time) at fractional columns (row,) or (row, point), by linear interpolation.

    Columns outside the rows take the end value; a NaN column gives NaN.
    """
    n_rows, n_time = rows.shape
    wanted = column if column.ndim == 2 else column[:, None]
    known = np.isfinite(wanted)
    place = np.clip(np.where(known, wanted, 0.0), 0, n_time - 1)
    left = np.minimum(place.astype(np.int64), n_time - 2)
    part = place - left
    left += np.arange(n_rows)[:, None] * n_time
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
    column, found = first_true(mask[:, ::-1])
    return np.where(found, mask.shape[1] - 1 - column, 0), found


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
    middle = _median(rows)
    return middle, 1.4826 * _median(np.abs(rows - middle[:, None]))


def _median(rows: Floats) -> Floats:
    half = rows.shape[1] // 2
    if rows.shape[1] % 2:
        return np.partition(rows, half, axis=1)[:, half]
    parted = np.partition(rows, (half - 1, half), axis=1)
    return 0.5 * (parted[:, half - 1] + parted[:, half])
