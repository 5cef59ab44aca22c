"""Voluntary EMG: band-pass, RMS envelope, what rest looks like, and the burst of each repetition."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal, special

from npr_daq.analysis.conditioning import capped
from npr_daq.analysis.spans import longest_runs, mean_square
from npr_daq.errors import AnalysisError

BAND_HZ = (20.0, 450.0)
"""Limits of the facial EMG (van Boxtel 2001)."""
ENVELOPE_HZ = 100.0
WINDOW_MS = 100.0
ONSET_SD = 3.0
"""Above the mean of rest (Hodges & Bui 1996 compared 1 to 3)."""
ONSET_MS = 50.0
"""How long at least a burst lasts (Hodges & Bui 1996 compared 10 to 100 ms at other rates)."""
JOINED_MS = 300.0
"""Bursts that are no further apart are one: a held expression trembles."""
PLATEAU_S = 2.0
SEGMENT_S = 1.0
"""Rest is judged in pieces of this length, which is that of a plateau."""
BLINK_MAD = 5.0
"""Frames so many scaled median deviations above the median of rest are blinks and twitches, and are left out."""
PADDING_S = 0.1
GAP_EDGE_S = 0.025
"""How far beyond a gap the band-pass still remembers what was filled in."""
BLOCK_SAMPLES = 1 << 21

Floats = NDArray[np.float64]


def band_pass(emg_uv: ArrayLike, *, rate_hz: float, band_hz: tuple[float, float] = BAND_HZ) -> NDArray[Any]:
    """EMG between the limits of `band_hz`, without delay.

    `emg_uv` has shape (..., time), microvolts as recorded, NaN where samples are missing; the result has the same
    shape, float32 for float32 and float64 for anything else. Butterworth of order 2 at each limit, forward and back
    (effective order 4), corners capped at 0.45 x `rate_hz`. Missing samples stay NaN, with 25 ms on either side. Work
    memory is that of some million samples, whatever the length.

    Raises `AnalysisError` for signals of another kind, and for fewer than 0.1 s of them.
    Source: clinical reference 5.2 (2).
    """
    data = _signals(emg_uv, rate_hz)
    out = np.empty(data.shape, dtype=np.float32 if data.dtype == np.float32 else np.float64)
    rows, filtered = data.reshape(-1, data.shape[-1]), out.reshape(-1, data.shape[-1])
    n = rows.shape[1]
    padding = min(round(PADDING_S * rate_hz), n - 1)
    if n < round(PADDING_S * rate_hz):
        raise AnalysisError(f"{n} samples at {rate_hz:g} Hz are too short to filter; give at least {PADDING_S:g} s.")
    sos = band_sections(float(rate_hz), *(float(corner) for corner in band_hz)).astype(out.dtype)
    run: Any = signal.sosfiltfilt
    step = max(1, BLOCK_SAMPLES // n)
    for first in range(0, len(rows), step):
        block = rows[first : first + step].astype(out.dtype)
        lost = ~np.isfinite(block)
        for row in np.flatnonzero(lost.any(axis=1)):
            _bridge(block[row], lost[row])
        # Electrode offsets of millivolts would cost single precision its last digits.
        block -= block.mean(axis=1, keepdims=True, dtype=np.float64).astype(out.dtype)
        filtered[first : first + step] = run(sos, block, axis=-1, padlen=padding)
        for row in np.flatnonzero(lost.any(axis=1)):
            reach = 2 * round(GAP_EDGE_S * rate_hz) + 1
            wide = np.convolve(lost[row], np.ones(reach), mode="same") > 0.5
            filtered[first + row, wide] = np.nan
    return out


def envelope(
    emg_uv: ArrayLike, *, rate_hz: float, band_hz: tuple[float, float] | None = BAND_HZ, window_ms: float = WINDOW_MS
) -> Floats:
    """RMS envelope in microvolts, 100 frames a second.

    `emg_uv` has shape (..., time), microvolts as recorded; the result (..., frame): frame k is the RMS over
    `window_ms` around 10 k ms after the first sample, over what there is of the window at the ends; NaN where a sample
    of the window is missing. With `band_hz` None the signal is taken as already filtered. Raises as `band_pass`.
    Source: clinical reference 5.2 (3).
    """
    data = _signals(emg_uv, rate_hz)
    rows = data.reshape(-1, data.shape[-1])
    n_frames = int(data.shape[-1] * ENVELOPE_HZ / rate_hz)
    half = max(1, round(window_ms / 2e3 * ENVELOPE_HZ))
    if n_frames < 1:
        raise AnalysisError(f"{data.shape[-1]} samples at {rate_hz:g} Hz are less than one frame of the envelope.")
    edges = np.rint(np.arange(n_frames + 1) * rate_hz / ENVELOPE_HZ).astype(np.int64)
    count = np.diff(edges).astype(np.float64)
    out = np.empty((len(rows), n_frames))
    step = max(1, BLOCK_SAMPLES // rows.shape[1])
    for first in range(0, len(rows), step):
        block = rows[first : first + step]
        if band_hz is not None:
            block = band_pass(block, rate_hz=rate_hz, band_hz=band_hz)
        out[first : first + step] = _smoothed(_squares(block, edges), count, half)
    return out.reshape(*data.shape[:-1], n_frames)


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """Rest of each channel, shape (...): mean square, its 95 % limit, and what the onset of a burst is told from.

    `power_uv2` is the mean square N, `upper_uv2` the upper 95 % limit of that estimate, `spread_uv2` the SD of the mean
    square of single seconds, `segments` how many seconds there were, `mean_uv` and `sd_uv` those of the envelope,
    `left_out` the share of frames that were blinks or twitches.
    """

    power_uv2: Floats
    upper_uv2: Floats
    spread_uv2: Floats
    segments: NDArray[np.int64]
    mean_uv: Floats
    sd_uv: Floats
    left_out: Floats

    @property
    def threshold_uv(self) -> Floats:
        """Mean plus 3 SD of the envelope: what a burst is above."""
        return np.asarray(self.mean_uv + ONSET_SD * self.sd_uv)

    @property
    def rms_uv(self) -> Floats:
        """Square root of the mean square."""
        return np.sqrt(self.power_uv2)


def rest(envelope_uv: ArrayLike) -> Rest:
    """Noise and tone of the muscles at rest, from their envelope (..., frame); NaN frames do not count.

    Single seconds are the units: the limit is mean + t SD / sqrt(n). Frames more than 5 scaled median deviations above
    the median are blinks and twitches and do not count. NaN with fewer than two whole seconds.
    Source: clinical reference 5.2 (3, 4), 5.4.
    """
    frames = np.asarray(envelope_uv, dtype=np.float64)
    if frames.ndim == 0 or not frames.shape[-1]:
        raise AnalysisError("Rest needs an envelope with its frames on the last axis.")
    rows = frames.reshape(-1, frames.shape[-1])
    known = np.isfinite(rows)
    calm = calm_frames(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        count = calm.sum(axis=1)
        value = np.where(calm, rows, 0.0)
        mean = value.sum(axis=1) / count
        sd = np.sqrt((np.where(calm, rows - mean[:, None], 0.0) ** 2).sum(axis=1) / (count - 1))
        length = round(SEGMENT_S * ENVELOPE_HZ)
        whole = rows.shape[1] // length
        cut = slice(0, whole * length)
        inside = calm[:, cut].reshape(len(rows), whole, length).sum(axis=2)
        power = (value[:, cut] ** 2).reshape(len(rows), whole, length).sum(axis=2) / inside
        good = inside >= length / 2
        n = good.sum(axis=1)
        centre = np.where(good, power, 0.0).sum(axis=1) / n
        spread = np.sqrt((np.where(good, power - centre[:, None], 0.0) ** 2).sum(axis=1) / (n - 1))
        centre = np.where(n >= 2, centre, np.nan)
        upper = centre + special.stdtrit(n - 1.0, 0.975) * spread / np.sqrt(n)
        left_out = 1 - count / known.sum(axis=1)
    shape = frames.shape[:-1]
    numbers = (part.reshape(shape) for part in (mean, sd, left_out))
    return Rest(
        centre.reshape(shape),
        upper.reshape(shape),
        np.where(n >= 2, spread, np.nan).reshape(shape),
        n.astype(np.int64).reshape(shape),
        *numbers,
    )


def calm_frames(envelope_uv: Floats) -> NDArray[np.bool_]:
    """Which frames of rest (..., frame) are neither missing nor a blink or twitch."""
    known = np.isfinite(envelope_uv)
    filled = np.where(known.any(axis=-1, keepdims=True), envelope_uv, 0.0)
    middle = np.nanmedian(filled, axis=-1, keepdims=True)
    wide = 1.4826 * np.nanmedian(np.abs(filled - middle), axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(known & (envelope_uv <= middle + BLINK_MAD * wide))


@dataclass(frozen=True, slots=True, eq=False)
class Bursts:
    """The burst of each row of the envelope, shape (...); times in ms from the first frame, NaN where there is none.

    `plateau_ms` (..., 2) is the middle of the burst, at most 2 s of it; `plateau_uv` its RMS, with rest not yet taken
    off, and `variation` the SD of the envelope over its mean there.
    """

    found: NDArray[np.bool_]
    onset_ms: Floats
    offset_ms: Floats
    plateau_ms: Floats
    plateau_uv: Floats
    variation: Floats

    @property
    def duration_ms(self) -> Floats:
        """Offset minus onset; both markers are where a window of 100 ms crosses the threshold."""
        return np.asarray(self.offset_ms - self.onset_ms)


def bursts(
    envelope_uv: ArrayLike,
    *,
    threshold_uv: ArrayLike,
    cue_ms: ArrayLike = 0.0,
    release_ms: ArrayLike = np.inf,
    plateau_s: float = PLATEAU_S,
    joined_ms: float = JOINED_MS,
) -> Bursts:
    """The burst that answers the cue in every row of the envelope (..., frame).

    `threshold_uv` (`Rest.threshold_uv`), `cue_ms` and `release_ms` broadcast against (...). A burst is above the
    threshold for at least 50 ms; those less than `joined_ms` apart are one. Taken is the one with the most area of
    those that begin before the release and end after the cue; onset and offset are interpolated between frames. A burst
    at the edge of the row has that edge for its marker. Source: clinical reference 5.2 (4, 5).
    """
    frames = np.asarray(envelope_uv, dtype=np.float64)
    shape = frames.shape[:-1]
    level, cue, release = (
        np.broadcast_to(np.asarray(each, dtype=np.float64), shape).ravel()
        for each in (threshold_uv, cue_ms, release_ms)
    )
    rows = frames.reshape(-1, frames.shape[-1])
    per_ms = ENVELOPE_HZ / 1e3
    begin, end = longest_runs(
        rows,
        level,
        least=round(ONSET_MS * per_ms),
        joined=round(joined_ms * per_ms),
        after=cue * per_ms,
        before=release * per_ms,
    )
    found = np.isfinite(begin)
    times = np.stack([begin, end], axis=-1) / per_ms
    middle, half = times.mean(axis=-1), np.minimum(plateau_s * 1e3, times[:, 1] - times[:, 0]) / 2
    plateau = np.stack([middle - half, middle + half], axis=-1)
    power, mean = mean_square(rows, plateau * per_ms)
    with np.errstate(invalid="ignore", divide="ignore"):
        variation = np.sqrt(np.maximum(power - mean**2, 0.0)) / mean
    return Bursts(
        found.reshape(shape),
        times[:, 0].reshape(shape),
        times[:, 1].reshape(shape),
        plateau.reshape(*shape, 2),
        np.sqrt(power).reshape(shape),
        variation.reshape(shape),
    )


def _signals(emg_uv: ArrayLike, rate_hz: float) -> NDArray[Any]:
    data = np.asarray(emg_uv)
    if data.ndim == 0 or data.dtype.kind not in "fiu" or not data.shape[-1]:
        raise AnalysisError(f"EMG must be real numbers with time on the last axis, not {data.dtype} {data.shape}.")
    if not (np.isfinite(rate_hz) and rate_hz >= ENVELOPE_HZ):
        raise AnalysisError(f"The sampling rate is {rate_hz} Hz; an envelope needs at least {ENVELOPE_HZ:g}.")
    return data


@lru_cache(maxsize=8)
def band_sections(rate_hz: float, low_hz: float, high_hz: float) -> Floats:
    """Second-order sections of one pass of the band-pass; raises `AnalysisError` for a band that does not exist."""
    if not 0 < low_hz < capped(high_hz, rate_hz):
        raise AnalysisError(f"A band from {low_hz:g} to {high_hz:g} Hz does not exist at {rate_hz:g} samples a second.")
    band = (low_hz, capped(high_hz, rate_hz))
    return np.asarray(signal.butter(2, band, "bandpass", fs=rate_hz, output="sos"), dtype=np.float64)


def _bridge(row: NDArray[Any], lost: NDArray[np.bool_]) -> None:
    """Fill the missing samples of one row in place with straight lines; a row of nothing becomes zero."""
    if lost.all():
        row[:] = 0
        return
    columns = np.arange(len(row))
    row[lost] = np.interp(columns[lost], columns[~lost], row[~lost])


def _squares(block: NDArray[Any], edges: NDArray[np.int64]) -> Floats:
    """Sum of squares between neighbouring `edges`, (row, frame), summed in double precision over the frames."""
    steps = np.diff(edges)
    if (steps == steps[0]).all():
        cut = block[:, : edges[-1]].reshape(len(block), len(steps), steps[0])
        cut = cut if cut.dtype.kind == "f" else cut.astype(np.float64)
        return np.asarray(np.einsum("rfs,rfs->rf", cut, cut), dtype=np.float64)
    return np.asarray(np.add.reduceat(np.square(block[:, : edges[-1]].astype(np.float64)), edges[:-1], axis=1))


def _smoothed(squares: Floats, count: Floats, half: int) -> Floats:
    """RMS over `half` frames on either side of the start of each frame."""
    n = squares.shape[1]
    lost = ~np.isfinite(squares)
    low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half, n)

    def summed(values: Floats) -> Floats:
        running = np.zeros((len(values), n + 1))
        np.cumsum(values, axis=1, out=running[:, 1:])
        return running[:, high] - running[:, low]

    out = np.sqrt(np.maximum(summed(np.where(lost, 0.0, squares)), 0.0) / summed(count[None]))
    if lost.any():
        out[summed(lost.astype(np.float64)) > 0.5] = np.nan
    return out
