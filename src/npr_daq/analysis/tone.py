"""Tone: how active the muscles are at rest, affected against healthy side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from npr_daq.analysis import contraction
from npr_daq.errors import AnalysisError

LEAST_SECONDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """Rest of each muscle, shape (...), intervals (..., 2); NaN with fewer than 5 usable seconds.

    `affected_uv` and `healthy_uv` are RMS, with noise; `ratio` affected / healthy; `left_out` (..., 2) the share of
    frames that were blinks or twitches, affected and healthy; `seconds` how many both sides had.
    """

    affected_uv: Floats
    healthy_uv: Floats
    affected_ci95_uv: Floats
    healthy_ci95_uv: Floats
    ratio: Floats
    ratio_ci95: Floats
    left_out: Floats
    seconds: NDArray[np.int64]


def measure(affected_uv: ArrayLike, healthy_uv: ArrayLike, *, rate_hz: float) -> Tone:
    """Resting tone of each muscle: RMS at rest of both sides, and their ratio with its 95 % interval.

    Both are (..., time), microvolts as recorded, the same shape, recorded together; NaN where samples are missing. The
    RMS of 20 to 450 Hz in single seconds are the units, blinks and twitches left out; means and intervals are of their
    logarithms, so that `ratio` is the geometric mean of the ratios second by second. Neighbouring seconds resemble each
    other: the effective number is n (1 - r) / (1 + r) with r their correlation, where that is positive.
    Raises `AnalysisError` where the shapes differ. Source: clinical reference 5.2, 5.4 (N_eff).
    """
    one, other = np.asarray(affected_uv), np.asarray(healthy_uv)
    if one.shape != other.shape:
        raise AnalysisError(f"The sides have rest of shapes {one.shape} and {other.shape}; both must be the same.")
    return of_envelopes(*(contraction.envelope(each, rate_hz=rate_hz) for each in (one, other)))


def of_envelopes(affected_uv: Floats, healthy_uv: Floats) -> Tone:
    """As `measure`, of the envelopes (..., frame) of rest."""
    logs, left_out = zip(*(_seconds(each) for each in (affected_uv, healthy_uv)), strict=True)
    both = np.isfinite(logs[0]) & np.isfinite(logs[1])
    parts = [_interval(np.where(both, each, np.nan)) for each in (*logs, logs[0] - logs[1])]
    (a, a_ci), (h, h_ci), (d, d_ci) = parts
    return Tone(
        affected_uv=np.exp(a),
        healthy_uv=np.exp(h),
        affected_ci95_uv=np.exp(a_ci),
        healthy_ci95_uv=np.exp(h_ci),
        ratio=np.exp(d),
        ratio_ci95=np.exp(d_ci),
        left_out=np.stack(left_out, axis=-1),
        seconds=both.sum(axis=-1),
    )


def _seconds(envelope_uv: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the RMS of each second, (..., second), and the share of frames left out, (...)."""
    length = round(contraction.ENVELOPE_HZ)
    whole = envelope_uv.shape[-1] // length
    frames = envelope_uv[..., : whole * length]
    calm = contraction.calm_frames(frames)
    cut = (*frames.shape[:-1], whole, length)
    kept = calm.reshape(cut)
    with np.errstate(invalid="ignore", divide="ignore"):
        power = np.where(kept, frames.reshape(cut), 0.0) ** 2
        mean = power.sum(axis=-1) / np.where(kept.sum(axis=-1) >= length / 2, kept.sum(axis=-1), np.nan)
        left_out = 1 - calm.sum(axis=-1) / np.isfinite(frames).sum(axis=-1)
        return 0.5 * np.log(np.where(mean > 0, mean, np.nan)), left_out


def _interval(logs: Floats) -> tuple[Floats, Floats]:
    """Mean (...) and 95 % interval (..., 2) of (..., second), for as many seconds as they are worth."""
    known = np.isfinite(logs)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.where(count >= LEAST_SECONDS, count, np.nan)
        mean = np.where(known, logs, 0.0).sum(axis=-1) / n
        away = np.where(known, logs - mean[..., None], 0.0)
        squares = np.square(away).sum(axis=-1)
        alike = np.where(squares > 0, (away[..., 1:] * away[..., :-1]).sum(axis=-1) / squares, 0.0)
        alike = np.clip(alike, 0.0, 0.9)
        worth = np.maximum(n * (1 - alike) / (1 + alike), 2.0)
        half = special.stdtrit(worth - 1, 0.975) * np.sqrt(squares / (n - 1) / worth)
    return mean, np.stack([mean - half, mean + half], axis=-1)
