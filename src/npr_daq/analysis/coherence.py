"""Coherence of all pairs of channels at once: one transform for each channel, one matrix product for each frequency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from scipy import fft, signal

from npr_daq.errors import AnalysisError

SEGMENT_S = 0.5
OVERLAP = 0.5
HIGHEST_HZ = 100.0
BANDS_HZ = ((5.0, 15.0), (15.0, 30.0), (30.0, 60.0))
CHUNK = 16
"""Segments that are transformed at once: what bounds the work memory."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CrossSpectra:
    """Sums of Z Z^H over the segments of one or more recordings.

    `frequency_hz` (frequency,); `matrix` (..., frequency, channel, channel), complex, the element (i, k) being the sum
    of Z_i conj(Z_k); `segments` how many there were, `independent` how many independent ones they are worth.
    """

    frequency_hz: Floats
    matrix: NDArray[np.complex128]
    segments: NDArray[np.int64]
    independent: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Coherence:
    """Coherence |S_ik|^2 / (S_ii S_kk) of all pairs.

    `value` (..., frequency, channel, channel), 0 to 1, NaN without segments; `limit95` (...) what 5 % of frequencies
    exceed where there is none; `bands` (..., band, channel, channel) the means over `BANDS_HZ`.
    """

    frequency_hz: Floats
    value: Floats
    limit95: Floats
    bands: Floats


def spectra(
    signals_uv: ArrayLike,
    *,
    rate_hz: float,
    segment_s: float = SEGMENT_S,
    overlap: float = OVERLAP,
    highest_hz: float = HIGHEST_HZ,
) -> CrossSpectra:
    """Cross-spectra of all pairs of channels, from segments of `segment_s` with a Hann window, means taken off.

    `signals_uv` has shape (..., repetition, channel, time), microvolts, as recorded or rectified (a filter changes no
    coherence in its band); segments with missing samples in any channel are left out. Sums over the repetitions.
    Raises `AnalysisError` for shapes and times that do not fit.
    Source: clinical reference 5.3 (S10).
    """
    data = np.asarray(signals_uv)
    length = round(segment_s * rate_hz)
    if data.ndim < 3 or data.dtype.kind not in "fiu" or not 8 <= length <= data.shape[-1] or not 0 <= overlap < 1:
        raise AnalysisError(
            f"Coherence needs (..., repetition, channel, time) with at least {segment_s:g} s, not {data.shape}."
        )
    step = max(1, length - round(overlap * length))
    real = np.float32 if data.dtype == np.float32 else np.float64
    window = signal.windows.hann(length, sym=False).astype(real)
    frequency = fft.rfftfreq(length, 1 / rate_hz)
    kept = int(np.searchsorted(frequency, highest_hz, side="right"))
    leading, channels = data.shape[:-3], data.shape[-2]
    flat = data.reshape(-1, *data.shape[-3:])
    # The stubs know the transform of double precision alone; single precision keeps its own.
    transform: Any = fft.rfft
    matrix = np.zeros((len(flat), kept, channels, channels), dtype=np.complex128)
    segments = np.zeros(len(flat), dtype=np.int64)
    for index, repetitions in enumerate(flat):
        for one in repetitions:
            cut = sliding_window_view(one, length, axis=-1)[:, ::step]
            for first in range(0, cut.shape[1], CHUNK):
                pieces: NDArray[Any] = np.asarray(cut[:, first : first + CHUNK], dtype=real)
                whole = np.isfinite(pieces).all(axis=(0, 2))
                if not whole.any():
                    continue
                pieces = pieces if whole.all() else pieces[:, whole]
                pieces = (pieces - pieces.mean(axis=-1, keepdims=True)) * window
                found = np.ascontiguousarray(transform(pieces, axis=-1)[..., :kept].transpose(2, 0, 1))
                matrix[index] += np.matmul(found, found.conj().transpose(0, 2, 1))
                segments[index] += int(whole.sum())
    worth = segments / _redundancy(window.astype(np.float64), step)
    return CrossSpectra(
        frequency[:kept],
        matrix.reshape(*leading, *matrix.shape[1:]),
        segments.reshape(leading),
        np.maximum(worth, np.minimum(segments, 1)).reshape(leading),
    )


def pooled(parts: Sequence[CrossSpectra]) -> CrossSpectra:
    """All recordings together: the sums of their spectra, so that each counts by its segments (Amjad 1997).

    Raises `AnalysisError` without parts, or where their frequencies differ.
    """
    if not parts or any(len(part.frequency_hz) != len(parts[0].frequency_hz) for part in parts):
        raise AnalysisError("Only cross-spectra of the same frequencies can be pooled, and at least one.")
    return CrossSpectra(
        parts[0].frequency_hz,
        np.sum([part.matrix for part in parts], axis=0),
        np.sum([part.segments for part in parts], axis=0),
        np.sum([part.independent for part in parts], axis=0),
    )


def coherence(found: CrossSpectra) -> Coherence:
    """Coherence of all pairs with its 95 % limit 1 - 0.05^(1/(L - 1)), L the independent segments.

    Overlapping segments with a window count as fewer independent ones, by the correlation that window and overlap give
    them (variance of Welch 1967; Bortel and Sovka 2007 on why overlap needs it). Checked by its false alarms: 5 % of
    frequencies of independent noise, with and without overlap. Without two independent segments the limit is 1.
    """
    power = np.einsum("...ii->...i", found.matrix).real
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.abs(found.matrix) ** 2 / (power[..., :, None] * power[..., None, :])
        limit = np.where(found.independent > 1, 1 - 0.05 ** (1 / (found.independent - 1)), 1.0)
    value = np.where((found.segments > 0)[..., None, None, None], value, np.nan)
    bands = []
    for low, high in BANDS_HZ:
        inside = (found.frequency_hz >= low) & (found.frequency_hz < high)
        shape = (*value.shape[:-3], *value.shape[-2:])
        bands.append(value[..., inside, :, :].mean(axis=-3) if inside.any() else np.full(shape, np.nan))
    return Coherence(found.frequency_hz, value, np.asarray(limit), np.stack(bands, axis=-3))


def _redundancy(window: Floats, step: int) -> float:
    """How many overlapping segments are worth one that does not overlap."""
    length, total = len(window), float(window @ window)
    correlation = [float(window[at:] @ window[: length - at]) / total for at in range(step, length, step)]
    return 1 + 2 * sum(each**2 for each in correlation)
