"""Size and extent of a response: peaks, negative area and durations, by the formulae of clinical reference 2.2."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import reading

Floats = NDArray[np.floating[Any]]

CORNER_HZ = 3000.0
"""Zero-phase low-pass of the amplitude path (interface: "Python")."""

END_SD = 3.0
END_PART = 0.02
POSITIVE_PART = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Extremes:
    """Per row: fractional columns and values of the highest and lowest point of the upright response in the window."""

    peak_column: NDArray[np.float64]
    peak: NDArray[np.float64]
    trough_column: NDArray[np.float64]
    trough: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """Per row: columns of the end of the negative phase and of the response, and the negative area in unit x sample."""

    negative_end: NDArray[np.float64]
    end: NDArray[np.float64]
    negative_area: NDArray[np.float64]


def extremes(upright: Floats, window: tuple[int, int]) -> Extremes:
    """Highest and lowest point in the window, each with a parabola through its neighbours.

    `upright` (row, time): the low-passed response, baseline at zero, negative peak upwards.
    """
    start, stop = window
    inside = upright[:, start:stop]
    peak_column, peak = reading.vertex(upright, inside.argmax(axis=1) + start)
    trough_column, trough = reading.vertex(upright, inside.argmin(axis=1) + start)
    return Extremes(peak_column, peak, trough_column, trough)


def extent(
    upright: Floats,
    sigma: Floats,
    *,
    onset: NDArray[np.float64],
    peak_column: NDArray[np.float64],
    negative_peak: NDArray[np.float64],
    window: tuple[int, int],
) -> Extent:
    """Ends and negative area of the response of each row.

    The negative phase ends at the first return to zero after the peak; the response ends at the last crossing of
    max(3 SD, 2 % of the negative peak) in either direction. Where a response does not return to zero
    inside the window, the end of the response ends its negative phase too. The area is the integral from `onset` to
    the end of the negative phase (trapezoids, with the broken steps at both ends). NaN where `onset` is NaN.
    Source: clinical reference 2.2 (D_n, D_t, S_n).
    """
    start, stop = window
    inside = upright[:, start:stop]
    columns = np.arange(start, stop, dtype=np.float32)
    below = inside <= 0
    below &= columns > peak_column.astype(np.float32)[:, None]
    first, returned = reading.first_true(below)
    negative_end = reading.crossing_after(upright, np.maximum(first + start - 1, 0), np.zeros(len(upright)))
    level = np.maximum(END_SD * sigma, END_PART * negative_peak)
    last, beyond = reading.last_true(np.abs(inside) > level[:, None].astype(upright.dtype))
    last += start
    sign = np.sign(upright[np.arange(len(upright)), last]).astype(np.float64)
    end = np.where(last == stop - 1, last, reading.crossing_after(upright, last, sign * level))
    end[~beyond] = np.nan
    negative_end = np.where(returned, negative_end, end)
    known = np.isfinite(onset) & np.isfinite(negative_end)
    known &= negative_end > onset
    area = np.full(len(upright), np.nan)
    if known.any():
        picked = np.flatnonzero(known)
        area[picked] = _integral(upright, picked, onset[picked], negative_end[picked])
    lost = ~np.isfinite(onset)
    negative_end[lost] = np.nan
    end[lost] = np.nan
    return Extent(negative_end, end, area)


def initial_positive(
    upright: Floats,
    sigma: Floats,
    *,
    onset: NDArray[np.float64],
    negative_peak: NDArray[np.float64],
    window: tuple[int, int],
) -> NDArray[np.bool_]:
    """Whether the row dips below -max(3 SD, 5 % of the negative peak) between the window's start and `onset`.

    Source: clinical reference 2.2 ("Initial positivity").
    """
    n_rows, n_time = upright.shape
    start, _ = window
    until = np.where(np.isfinite(onset), onset, start).astype(np.int64) + 1
    begin = np.arange(n_rows) * n_time
    pairs = np.stack([begin + start, begin + np.clip(until, start + 1, n_time - 1)], axis=1).reshape(-1)
    lowest = np.minimum.reduceat(upright.reshape(-1), pairs)[::2]
    limit = np.maximum(END_SD * sigma, POSITIVE_PART * negative_peak)
    return np.asarray((lowest < -limit) & np.isfinite(onset))


def _integral(
    rows: Floats, row: NDArray[np.int64], begin: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Integral of `rows[row]` between two fractional columns, in unit x sample; `end` lies after `begin`."""
    n_time = rows.shape[1]
    first = np.ceil(begin).astype(np.int64)
    last = np.floor(end).astype(np.int64)
    at_begin, at_end = reading.value_at(rows, begin, index=row), reading.value_at(rows, end, index=row)
    at_first, at_last = (rows[row, column].astype(np.float64) for column in (first, last))
    pairs = np.stack([first, np.minimum(last + 1, n_time - 1)], axis=1) + row[:, None] * n_time
    whole = np.add.reduceat(rows.reshape(-1), pairs.reshape(-1), dtype=np.float64)[::2]
    whole -= 0.5 * (at_first + at_last)
    whole += 0.5 * (first - begin) * (at_begin + at_first) + 0.5 * (end - last) * (at_last + at_end)
    # Both columns inside one step: a single broken trapezoid.
    return np.where(last < first, 0.5 * (end - begin) * (at_begin + at_end), whole)
