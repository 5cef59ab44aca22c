"""Intervals as rows hold them."""

import numpy as np
from numpy.typing import NDArray


def ends(pair: NDArray[np.float64]) -> tuple[float, float] | None:
    """Lower and upper end, None where one of them is no number."""
    return (float(pair[0]), float(pair[1])) if np.isfinite(pair).all() else None
