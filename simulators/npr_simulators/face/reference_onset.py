"""The reference onset `t_ref`: the simulator's own copy of the hinge estimator, on noise-free waveforms only.

Definition in the analysis reference, section 3a and 3d: zero-phase low-pass at 1.5 kHz, first phase (first run above
30 % of the largest negativity), then least squares of `c + a max(t - onset, 0)^2` over the stretch that ends where
the rise reaches 50 % of the peak and begins `back` before it. This file shares no code with the analysis.
"""

import numpy as np

from npr_simulators.face.waveform import Floats

LOW_PASS_HZ = 1500.0
ORDER = 2
EDGE_MS = 2.0
FRACTION = 0.5
PHASE_FRACTION = 0.3
RISE_FRACTION = 0.35
BACK_PER_RISE = 1.75
"""`back` over the time from 35 % to the peak; the reference allows 1.5 to 2."""
GRID_MS = 0.0125


def low_passed(waves_uv: Floats, *, rate_khz: float) -> Floats:
    """Zero-phase low-pass at 1.5 kHz along the last axis (Butterworth of order 2, there and back).

    By its squared magnitude in the frequency domain, with the ends held still for 2 ms: nothing to start up, and no
    import of SciPy, which would take longer than everything else at the start of a simulator.
    """
    hold = round(EDGE_MS * rate_khz)
    edges = [(0, 0)] * (waves_uv.ndim - 1) + [(hold, hold)]
    held = np.pad(waves_uv, edges, mode="edge")
    frequency_hz = np.fft.rfftfreq(held.shape[-1], 1 / (rate_khz * 1e3))
    # the bilinear transform's warping, so that it equals the digital filter
    warped = np.tan(np.pi * frequency_hz / (rate_khz * 1e3)) / np.tan(np.pi * LOW_PASS_HZ / (rate_khz * 1e3))
    with np.errstate(over="ignore"):
        gain = 1 / (1 + warped ** (2 * ORDER))
    smooth = np.fft.irfft(np.fft.rfft(held, axis=-1) * gain, held.shape[-1], axis=-1)
    return smooth[..., hold : hold + waves_uv.shape[-1]]


def first_phase(negativity_uv: Floats) -> int | None:
    """Index of the peak of the first run above 30 % of the maximum; None where nothing is negative."""
    top = float(negativity_uv.max(initial=0.0))
    if top <= 0:
        return None
    above = negativity_uv >= PHASE_FRACTION * top
    begin = int(np.argmax(above))
    after = above[begin:]
    length = int(np.argmin(after)) if not after.all() else after.size
    return begin + int(np.argmax(negativity_uv[begin : begin + length]))


def reference_onset(negativity_uv: Floats, *, start_ms: float, rate_khz: float) -> float | None:
    """Onset of the first phase in ms. `negativity_uv` is filtered, negative phase upward, sampled at `rate_khz`.

    None where there is no phase, or no hinge with a rising leg. The rate must be at least 300 kHz (15 x 20 kHz).
    """
    peak = first_phase(negativity_uv)
    if peak is None:
        return None
    step = 1 / rate_khz
    height = negativity_uv[peak]
    end = _last_below(negativity_uv, peak, FRACTION * height)
    foot = _last_below(negativity_uv, peak, RISE_FRACTION * height)
    back = round(BACK_PER_RISE * (peak - foot))
    begin = max(0, end - back)
    y = negativity_uv[begin : end + 1]
    n = y.size
    stride = max(1, round(GRID_MS / step))
    candidates = np.arange(0, n - 4 * stride, stride)
    if candidates.size < 3:
        return None
    residual, slope = _hinge(y, candidates)
    residual[slope <= 0] = np.inf
    best = int(np.argmin(residual))
    if not np.isfinite(residual[best]):
        return None
    place = float(candidates[best])
    if 0 < best < candidates.size - 1:
        left, middle, right = residual[best - 1 : best + 2]
        bend = left - 2 * middle + right
        if np.isfinite(bend) and bend > 0:
            place += 0.5 * stride * float((left - right) / bend)
    return start_ms + (begin + place) * step


def _last_below(y: Floats, peak: int, level: float) -> int:
    below = np.nonzero(y[:peak] < level)[0]
    return int(below[-1]) if below.size else 0


def _hinge(y: Floats, candidates: np.ndarray) -> tuple[Floats, Floats]:
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
    return syy - slope * cross, slope
