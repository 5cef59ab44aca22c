"""Zero-phase filters over the last axis, in blocks of rows so that the work memory stays small."""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from npr_daq.errors import AnalysisError

CORNER_CAP = 0.45
"""Corner frequencies are capped at this part of the sampling rate (interface: "Python")."""

ORDER = 2
"""Butterworth order of one pass. Forward and back: -6 dB at the corner, 24 dB per octave, no delay."""

BLOCK_ROWS = 512

Floats = NDArray[np.floating[Any]]
Kind = Literal["lowpass", "highpass"]


def capped(corner_hz: float, rate_hz: float) -> float:
    """The corner that is used at this sampling rate: at most 0.45 x `rate_hz` (interface: "Python")."""
    return min(corner_hz, CORNER_CAP * rate_hz)


def low_pass(signals: ArrayLike, *, rate_hz: float, corner_hz: float) -> Floats:
    """Low-pass filter without delay.

    `signals` has shape (..., time), any unit; the result has the same shape, float32 for float32 and float64 for
    anything else. Second-order Butterworth forward and back (effective order 4, -6 dB at the corner), ends extended by
    odd reflection. A row with a sample that is not finite comes back as NaN.

    Raises `AnalysisError` for a rate or corner that is not positive, and for sweeps shorter than the end extension.
    Source: analysis reference 0 item 4, 2c, 3d.
    """
    return _zero_phase(signals, corner_hz, rate_hz, kind="lowpass")


def high_pass(signals: ArrayLike, *, rate_hz: float, corner_hz: float) -> Floats:
    """High-pass filter without delay; shapes, promises and errors as `low_pass`.

    Never above 3 Hz before a latency or an amplitude of a short sweep (analysis reference 3b: 100 Hz moves a 5 SD
    onset by -2.1 ms and takes 31 % of the peak).
    """
    return _zero_phase(signals, corner_hz, rate_hz, kind="highpass")


def sections(corner_hz: float, rate_hz: float, *, kind: Kind = "lowpass") -> NDArray[np.float64]:
    """Second-order sections of one pass of the filter, shape (section, 6), with the corner capped."""
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise AnalysisError(f"The sampling rate is {rate_hz} Hz; give a positive number of samples per second.")
    if not (np.isfinite(corner_hz) and corner_hz > 0):
        raise AnalysisError(f"The corner frequency is {corner_hz} Hz; give a positive frequency.")
    return _designed(float(corner_hz), float(rate_hz), kind).copy()


@lru_cache(maxsize=32)
def _designed(corner_hz: float, rate_hz: float, kind: Kind) -> NDArray[np.float64]:
    """A design takes longer than a filter run over a few short sweeps, and few different ones are asked for."""
    sos = signal.butter(ORDER, capped(corner_hz, rate_hz), kind, fs=rate_hz, output="sos")
    return np.asarray(sos, dtype=np.float64)


def shortest(n_sections: int = 1) -> int:
    """The least number of samples that a filter of `n_sections` sections can be run over."""
    return 3 * (2 * n_sections + 1) + 1


def _zero_phase(signals: ArrayLike, corner_hz: float, rate_hz: float, *, kind: Kind) -> Floats:
    data = np.asarray(signals)
    if data.ndim == 0 or data.dtype.kind not in "fiu":
        raise AnalysisError(f"Signals must be real numbers with time on the last axis, not {data.dtype} {data.shape}.")
    kept = np.float32 if data.dtype == np.float32 else np.float64
    sos = sections(corner_hz, rate_hz, kind=kind)
    if data.shape[-1] < shortest(len(sos)):
        raise AnalysisError(
            f"A signal of {data.shape[-1]} samples is too short to filter; at least {shortest(len(sos))} are needed."
        )
    rows = data.reshape(-1, data.shape[-1])
    out = np.empty(rows.shape, dtype=kept)
    for first in range(0, len(rows), BLOCK_ROWS):
        block: Floats = rows[first : first + BLOCK_ROWS].astype(kept)
        lost = ~np.isfinite(block).all(axis=-1)
        block[lost] = 0.0
        out[first : first + BLOCK_ROWS] = there_and_back(sos, block)
        out[first : first + BLOCK_ROWS][lost] = np.nan
    return out.reshape(data.shape)


def there_and_back(sos: NDArray[np.float64], rows: Floats) -> Floats:
    """Rows (row, time) filtered forward and back in their own precision, without checks.

    What `scipy.signal.sosfiltfilt` does, to the bit, with the state of rest worked out once for each filter.
    """
    coefficients = sos.astype(rows.dtype)
    rest = _at_rest(coefficients.tobytes(), coefficients.dtype.char)
    edge = shortest(len(sos)) - 1
    before = 2 * rows[:, :1] - rows[:, edge:0:-1]
    after = 2 * rows[:, -1:] - rows[:, -2 : -edge - 2 : -1]
    longer = np.concatenate([before, rows, after], axis=1)
    # The stubs know sosfilt in double precision alone; single precision is kept when all arguments have it.
    run: Any = signal.sosfilt
    there, _ = run(coefficients, longer, zi=rest * longer[None, :, :1])
    back, _ = run(coefficients, there[:, ::-1], zi=rest * there[None, :, -1:])
    return np.asarray(back[:, ::-1][:, edge:-edge])


@lru_cache(maxsize=32)
def _at_rest(coefficients: bytes, kind: str) -> Floats:
    """State of the sections after a long time at one, shape (section, 1, 2)."""
    return np.asarray(signal.sosfilt_zi(np.frombuffer(coefficients, dtype=kind).reshape(-1, 6)))[:, None, :]
