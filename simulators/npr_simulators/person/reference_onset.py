"""The reference onset `t_ref`: the simulator's own copy of the hinge estimator, on noise-free waveforms only.

Definition in the analysis reference, section 3a and 3d: zero-phase low-pass at 1.5 kHz, first phase (first run above
30 % of the largest negativity), then least squares of `c + a max(t - onset, 0)^2` over the stretch that ends where
the rise reaches 50 % of the peak and begins `back` before it. This file shares no code with the analysis.
"""

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.bank import Floats
from npr_simulators.person.onsets import last_true

LOW_PASS_HZ = 1500.0
ORDER = 2
HOLD_MS = 2.125
"""The ends are held still for this long before the filter; with the truth's grid it makes 10,000 samples."""
FRACTION = 0.5
RISE_FRACTION = 0.35
BACK_PER_RISE = 1.75
"""`back` over the time from 35 % to the peak; the reference allows 1.5 to 2."""
GRID_MS = 0.0125


def low_passed(waves_uv: Floats, *, rate_khz: float) -> Floats:
    """Zero-phase low-pass at 1.5 kHz along the last axis (Butterworth of order 2, there and back).

    By its squared magnitude in the frequency domain, with the ends held still for 2 ms: nothing to start up, and no
    import of SciPy, which would take longer than everything else at the start of a simulator.
    """
    hold = round(HOLD_MS * rate_khz)
    edges = [(0, 0)] * (waves_uv.ndim - 1) + [(hold, hold)]
    held = np.pad(waves_uv, edges, mode="edge")
    frequency_hz = np.fft.rfftfreq(held.shape[-1], 1 / (rate_khz * 1e3))
    # the bilinear transform's warping, so that it equals the digital filter
    warped = np.tan(np.pi * frequency_hz / (rate_khz * 1e3)) / np.tan(np.pi * LOW_PASS_HZ / (rate_khz * 1e3))
    with np.errstate(over="ignore"):
        gain = 1 / (1 + warped ** (2 * ORDER))
    smooth = np.fft.irfft(np.fft.rfft(held, axis=-1) * gain, held.shape[-1], axis=-1)
    return np.asarray(smooth[..., hold : hold + waves_uv.shape[-1]])


def reference_onsets(upright_uv: Floats, peak: NDArray[np.intp], *, start_ms: float, rate_khz: float) -> Floats:
    """Onset of the first phase of each row in ms, shape (row,); NaN where there is no hinge with a rising leg.

    `upright_uv` (row, time) is filtered, with the negative phase upward; `peak` (row,) is the index of the first
    phase's peak, -1 where there is none. The rate must be at least 300 kHz (15 x 20 kHz).
    """
    found = np.full(len(upright_uv), np.nan)
    rows = np.flatnonzero(peak >= 0)
    height = upright_uv[rows, peak[rows]]
    before = np.arange(upright_uv.shape[1]) < peak[rows, None]
    end = last_true((upright_uv[rows] < FRACTION * height[:, None]) & before)
    foot = last_true((upright_uv[rows] < RISE_FRACTION * height[:, None]) & before)
    stride = max(1, round(GRID_MS * rate_khz))
    for row, top, stop, low in zip(rows, peak[rows], end, foot, strict=True):
        begin = max(0, stop - round(BACK_PER_RISE * (top - max(low, 0))))
        place = _corner(upright_uv[row, begin : stop + 1], stride)
        found[row] = start_ms + (begin + place) / rate_khz
    return found


def _corner(y: Floats, stride: int) -> float:
    """Index of the corner of the best hinge through `y`, fractional; NaN without one."""
    candidates = np.arange(0, y.size - 4 * stride, stride)
    if candidates.size < 3:
        return float("nan")
    residual, slope = _hinge(y, candidates)
    residual[slope <= 0] = np.inf
    best = int(np.argmin(residual))
    if not np.isfinite(residual[best]):
        return float("nan")
    place = float(candidates[best])
    if 0 < best < candidates.size - 1:
        left, middle, right = residual[best - 1 : best + 2]
        bend = left - 2 * middle + right
        if np.isfinite(bend) and bend > 0:
            place += 0.5 * stride * float((left - right) / bend)
    return place


def _hinge(y: Floats, candidates: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Residual sum of squares and leg `a` for an onset at each candidate index; free baseline `c`."""
    n = y.size
    x = np.arange(n, dtype=float)
    # sums over k >= candidate of y, y k and y k^2 give sum y (k - candidate)^2 without a design matrix
    tails = np.cumsum((y * x ** np.arange(3)[:, None])[:, ::-1], axis=1)[:, ::-1][:, candidates]
    o = candidates.astype(float)
    sxy = tails[2] - 2 * o * tails[1] + o**2 * tails[0]
    m = n - 1 - o
    sx = m * (m + 1) * (2 * m + 1) / 6
    sxx = m * (m + 1) * (2 * m + 1) * (3 * m**2 + 3 * m - 1) / 30
    total = float(y.sum())
    cross = sxy - sx * total / n
    spread = sxx - sx**2 / n
    slope = cross / spread
    syy = float((y**2).sum()) - total**2 / n
    return np.asarray(syy - slope * cross), np.asarray(slope)
