"""Stretches of rows: runs above a level, and sums between two places that differ from row to row."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def longest_runs(
    rows: Floats, level: Floats, *, least: int, joined: int, after: Floats, before: Floats
) -> tuple[Floats, Floats]:
    """Begin and end, in columns, of the run above `level` with the most area, for each row (row, column); NaN without.

    Runs have at least `least` columns; runs with gaps of less than `joined` are one. Only those count that end after
    `after` and begin before `before`. The crossings are interpolated.
    """
    n_rows, n = rows.shape
    begin, end = np.full(n_rows, np.nan), np.full(n_rows, np.nan)
    above = np.zeros((n_rows, n + 2), dtype=np.int8)
    with np.errstate(invalid="ignore"):
        above[:, 1:-1] = rows > level[:, None]
    change = np.diff(above, axis=1)
    # Every row begins and ends below, so that starts and stops pair off in the order of the flat array.
    row, start = np.nonzero(change == 1)
    _, stop = np.nonzero(change == -1)
    long = stop - start >= least
    row, start, stop = row[long], start[long], stop[long]
    if not len(row):
        return begin, end
    apart = np.ones(len(row), dtype=bool)
    apart[1:] = (row[1:] != row[:-1]) | (start[1:] - stop[:-1] >= joined)
    first = np.flatnonzero(apart)
    last = np.append(first[1:], len(row)) - 1
    row, start, stop = row[first], start[first], stop[last]
    kept = (stop > after[row]) & (start < before[row])
    row, start, stop = row[kept], start[kept], stop[kept]
    if not len(row):
        return begin, end
    running = np.zeros((n_rows, n + 1))
    np.cumsum(np.maximum(np.nan_to_num(rows - level[:, None]), 0.0), axis=1, out=running[:, 1:])
    area = running[row, stop] - running[row, start]
    order = np.lexsort((area, row))
    best = order[np.append(np.flatnonzero(np.diff(row[order])), len(order) - 1)]
    row, start, stop = row[best], start[best], stop[best]

    def crossing(below: NDArray[np.int64], over: NDArray[np.int64]) -> Floats:
        inside = (below >= 0) & (below < n)
        low, high = rows[row, np.clip(below, 0, n - 1)], rows[row, over]
        with np.errstate(invalid="ignore", divide="ignore"):
            part = (level[row] - low) / (high - low)
        return np.where(inside & np.isfinite(part), below + (over - below) * part, over)

    begin[row], end[row] = crossing(start - 1, start), crossing(stop, stop - 1)
    return begin, end


def mean_square(rows: Floats, span: Floats) -> tuple[Floats, Floats]:
    """Mean square and mean of each row (row, column) over the whole columns within its `span` (row, 2); NaN without."""
    columns = np.arange(rows.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = (columns >= span[:, :1]) & (columns <= span[:, 1:])
        count = inside.sum(axis=1)
        value = np.where(inside, rows, 0.0)
        return np.einsum("ij,ij->i", value, value) / count, value.sum(axis=1) / count
