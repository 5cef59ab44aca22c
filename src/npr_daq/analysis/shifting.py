"""Rows moved later by fractions of a sample without the ringing of a Fourier shift."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shifted(rows: Floats, late: Floats) -> Floats:
    """Each row (row, time) `late` (row,) samples later, by cubic interpolation between four samples.

    Beyond its ends a row keeps its end value. For smooth stretches beside a pulse, where the exact shift of `alignment`
    would spread the pulse over its neighbours; a stretch that changes within a sample is not reproduced.
    """
    if not late.any():
        return rows.copy()
    whole = np.floor(-late)
    part = (-late - whole)[:, None]
    weights = (
        -part * (part - 1) * (part - 2) / 6,
        (part + 1) * (part - 1) * (part - 2) / 2,
        -(part + 1) * part * (part - 2) / 2,
        (part + 1) * part * (part - 1) / 6,
    )
    columns = np.arange(rows.shape[1]) + whole.astype(np.int64)[:, None]
    out = np.zeros_like(rows)
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        out += weight * np.take_along_axis(rows, np.clip(columns + offset, 0, rows.shape[1] - 1), axis=1)
    return out
