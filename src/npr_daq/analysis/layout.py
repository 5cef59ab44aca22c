"""Where in a sweep the baseline and the response window lie, counted in samples from the stimulus."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.errors import AnalysisError

BASELINE_MS = (-8.0, -1.0)
"""Clinical reference 2.1: the baseline is the median over this stretch."""

WINDOW_MS = (1.5, 20.0)
"""The response window in ms after the stimulus, where the caller names no other (interface: "Python")."""

MARGIN_MS = 2.0
"""Kept on either side for the filters: 13 time constants of the slower low-pass."""

BASELINE_LEAST = 5
WINDOW_LEAST = 8
SHORT_BELOW_MS = 3.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a sweep that the measures use; all ranges are half-open, `first` and `stop` in columns of the sweep.

    `baseline` and `window` count from `first`. `short_baseline` and `short_window` say that the sweep held less than
    was asked for.
    """

    first: int
    stop: int
    baseline: tuple[int, int]
    window: tuple[int, int]
    short_baseline: bool
    short_window: bool


def lay_out(n_time: int, stimulus_column: int, *, rate_hz: float, window_ms: tuple[float, float]) -> Layout:
    """The layout of sweeps of `n_time` samples whose stimulus lies nearest to `stimulus_column`.

    The baseline shrinks to what exists; where less than 3 ms of it lie before -1 ms, it runs up to one sample before
    the stimulus. Raises `AnalysisError` when fewer than 5 samples precede the stimulus or fewer than 8 lie in the
    window.
    """
    per_ms = rate_hz / 1e3
    low = max(0, stimulus_column + round(BASELINE_MS[0] * per_ms))
    high = stimulus_column + round(BASELINE_MS[1] * per_ms) + 1
    wanted = round((BASELINE_MS[1] - BASELINE_MS[0]) * per_ms) + 1
    short = high - low < wanted
    if high - low < max(BASELINE_LEAST, SHORT_BELOW_MS * per_ms):
        high = stimulus_column
    if high - low < BASELINE_LEAST or high > n_time:
        raise AnalysisError(
            f"The stimulus is at sample {stimulus_column} of a sweep of {n_time} samples at {rate_hz:g} Hz; at least "
            f"{BASELINE_LEAST} samples before it are needed as a baseline. Keep more of the sweep."
        )
    start = stimulus_column + int(np.ceil(window_ms[0] * per_ms))
    end = stimulus_column + int(np.floor(window_ms[1] * per_ms)) + 1
    # One column beyond the window is kept for interpolation.
    stop_at = min(end, n_time - 1)
    if start < 1 or stop_at - start < WINDOW_LEAST:
        raise AnalysisError(
            f"The sweep ends {(n_time - 1 - stimulus_column) / per_ms:.2f} ms after the stimulus and holds "
            f"{max(stop_at - start, 0)} samples of the window {window_ms[0]:g}-{window_ms[1]:g} ms; at least "
            f"{WINDOW_LEAST} are needed. Choose another window or keep longer sweeps."
        )
    margin = int(np.ceil(MARGIN_MS * per_ms))
    first = max(0, min(low, start) - margin)
    stop = min(n_time, max(stop_at, high) + 1 + margin)
    return Layout(
        first=first,
        stop=stop,
        baseline=(low - first, high - first),
        window=(start - first, stop_at - first),
        short_baseline=short,
        short_window=stop_at < end,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Sweeps:
    """Checked input: `rows` (row, time) as given, `stimulus` (row,) in samples, `leading` the shape to give back."""

    rows: NDArray[Any]
    stimulus: NDArray[np.float64]
    leading: tuple[int, ...]
    rate_hz: float
    window_ms: tuple[float, float]

    @classmethod
    def check(
        cls, sweeps_uv: ArrayLike, *, rate_hz: float, stimulus_sample: ArrayLike, window_ms: tuple[float, float]
    ) -> "Sweeps":
        """The input as rows; `AnalysisError` says in a sentence what is wrong with it."""
        data = np.asarray(sweeps_uv)
        if data.ndim == 0 or data.dtype.kind not in "fiu":
            raise AnalysisError(
                f"Sweeps must be real microvolts with time on the last axis, not {data.dtype} of shape {data.shape}."
            )
        if data.shape[-1] == 0:
            raise AnalysisError("The sweeps hold no samples. Keep more of the sweep.")
        if not (np.isfinite(rate_hz) and rate_hz > 0):
            raise AnalysisError(f"The sampling rate is {rate_hz} Hz; give a positive number of samples per second.")
        if len(window_ms) != 2 or not (0 <= window_ms[0] < window_ms[1] < np.inf):
            raise AnalysisError(f"The window {window_ms} ms is not a start and a later end in ms after the stimulus.")
        leading = data.shape[:-1]
        given = np.asarray(stimulus_sample, dtype=np.float64)
        try:
            stimulus = np.broadcast_to(given, leading)
        except ValueError as cause:
            raise AnalysisError(
                f"stimulus_sample has shape {given.shape}, which does not fit the leading axes {leading} of the sweeps."
            ) from cause
        if not np.isfinite(stimulus).all():
            raise AnalysisError("stimulus_sample holds a value that is not finite; give the sample of every stimulus.")
        rows = data.reshape(-1, data.shape[-1])
        return cls(rows, stimulus.reshape(-1), leading, float(rate_hz), (float(window_ms[0]), float(window_ms[1])))

    @property
    def columns(self) -> NDArray[np.int64]:
        """The column nearest to each row's stimulus, shape (row,)."""
        return np.rint(self.stimulus).astype(np.int64)
