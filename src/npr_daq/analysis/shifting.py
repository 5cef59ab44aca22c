"""Rows moved later by fractions of a sample without the ringing of a Fourier shift."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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
    n_time = rows.shape[1]
    # Farther than its length no row can be moved, and beyond its ends it has but one value.
    steps = np.clip(whole.astype(np.int64), -n_time - 2, n_time + 2)
    before, after = max(0, 1 - int(steps.min())), max(0, 2 + int(steps.max()))
    # Every moved row is a stretch of the longer one, which costs less to copy than columns to pick one by one.
    stretches = sliding_window_view(np.pad(rows, ((0, 0), (before, after)), mode="edge"), n_time, axis=1)
    index = np.arange(len(rows))
    out = np.zeros_like(rows)
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        out += weight * stretches[index, before + steps + offset]
    return out
