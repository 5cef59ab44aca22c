"""How much of a muscle's signal may be another muscle's, seen from afar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from npr_daq.errors import AnalysisError

REACH_MS = 4.0
"""Largest delay of a copy: volume conduction has none, and electrodes see a muscle's ends a few milliseconds apart."""
STEP_MS = 0.5
"""Delays between the copies: twice as dense as a band of 450 Hz needs."""
RIDGE = 1e-3
SHARE_LIMIT = 0.08
"""Share of the slave from which it may be cross-talk: set on simulated faces, seeds 1000 to 1003 (misrouting up to
0.05, doubled cross-talk of neighbours 0.16 to 0.25 where it was strong enough to matter)."""
SEEN_PART = 1 / 6
"""Least part of a cross-talk's power that is predictable: 0.17 and more of the excess of those with doubled cross-talk,
seeds 1000 to 1083. What is predictable, times six, is the most that may be cross-talk."""
PIECE = 512
"""Columns of one matrix product, so small that BLAS stays in the calling thread."""
LARGEST_COEFFICIENT_PART = 0.5
"""Part of the slave's power from which a copy of known size refuses the verdict (clinical reference 5.5)."""

Floats = NDArray[np.float64]


def predictable_share(
    signals_uv: ArrayLike, *, master: int, rate_hz: float, noise_uv2: ArrayLike = 0.0, reach_ms: float = REACH_MS
) -> Floats:
    """Share of each channel's power that a filtered copy of the master's raw signal explains, 0 to 1, shape (channel,).

    `signals_uv` has shape (repetition, channel, time): plateaus, band-passed and *not* rectified, shorter ones filled
    up with NaN; `master` is the channel that should move, `noise_uv2` (channel,) the mean square of rest, which no
    master can explain and which is taken off the power.

    The copy is the best linear filter of the master with delays up to `reach_ms` either way (Wiener, least squares).
    The filter that predicts a repetition is fitted to the other repetitions, so that chance likeness does not count.
    The share grows with volume conduction and stays near zero for muscles that are active together, because their
    motor units fire at times of their own. NaN with fewer than two repetitions, and where the channel is not above its
    noise; 1 for the master itself. Raises `AnalysisError` for shapes that do not fit. Source: clinical reference 5.4
    (cross-talk test); a correlation at zero lag does not separate (Farina 2004).
    """
    data = np.asarray(signals_uv)
    if data.ndim != 3 or data.dtype.kind not in "fiu" or not -data.shape[1] <= master < data.shape[1]:
        raise AnalysisError(f"Plateaus of shape {data.shape} need (repetition, channel, time) and a known master.")
    n_repetitions, n_channels = data.shape[:2]
    step = max(1, int(STEP_MS * rate_hz / 1e3))
    taps = 2 * max(1, round(reach_ms * rate_hz / 1e3 / step)) + 1
    gram = np.zeros((n_repetitions, taps, taps))
    cross = np.zeros((n_repetitions, taps, n_channels))
    total = np.zeros((n_repetitions, n_channels))
    count = np.zeros(n_repetitions)
    for index in range(n_repetitions):
        gram[index], cross[index], total[index], count[index] = _products(data[index], master, taps, step)
    used = count > 4 * taps
    noise = np.broadcast_to(np.asarray(noise_uv2, dtype=np.float64), (n_channels,))
    share = np.full(n_channels, np.nan)
    if used.sum() < 2:
        return share
    gram, cross, total, count = gram[used], cross[used], total[used], count[used]
    others = gram.sum(axis=0) - gram
    steady = (RIDGE * np.trace(others, axis1=1, axis2=2) / taps + 1e-30)[:, None, None] * np.eye(taps)
    weights = np.linalg.solve(others + steady, cross.sum(axis=0) - cross)
    explained = 2 * np.einsum("rtc,rtc->rc", weights, cross) - np.einsum("rtc,rts,rsc->rc", weights, gram, weights)
    energy = total.sum(axis=0) - count.sum() * noise
    known = energy > 0.25 * count.sum() * noise
    with np.errstate(invalid="ignore", divide="ignore"):
        share[known] = np.clip(explained.sum(axis=0)[known] / energy[known], 0.0, 1.0)
    share[master] = 1.0
    return share


def _products(signals: NDArray[Any], master: int, taps: int, step: int) -> tuple[Floats, Floats, Floats, float]:
    """Of one repetition (channel, time): copies with copies, copies with channels, channels' energy, columns used."""
    known = np.isfinite(signals).all(axis=0)
    whole = np.where(known, signals, 0.0).astype(signals.dtype)
    width = (taps - 1) * step + 1
    if whole.shape[1] < width + PIECE:
        return np.zeros((taps, taps)), np.zeros((taps, len(whole))), np.zeros(len(whole)), 0.0
    copies = sliding_window_view(whole[master], width)[:, ::step]
    half = width // 2
    pieces = len(copies) // PIECE
    columns = slice(half, half + pieces * PIECE)
    # The copies of one column, turned so that a positive delay means the channel is later; order does not matter here.
    rows = copies[: pieces * PIECE].reshape(pieces, PIECE, taps)
    answers = whole[:, columns].reshape(len(whole), pieces, PIECE)
    turned = np.ascontiguousarray(rows.transpose(0, 2, 1))
    gram = np.matmul(turned, rows).sum(axis=0, dtype=np.float64)
    cross = np.matmul(turned, answers.transpose(1, 2, 0)).sum(axis=0, dtype=np.float64)
    energy = np.einsum("cpt,cpt->c", answers, answers)
    return gram, cross, energy.astype(np.float64), float(known[columns].sum())


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """The slave's power without the copy, and what part of it the copy is; shapes of the arguments."""

    power_uv2: Floats
    part: Floats


def taken_off(slave_uv2: ArrayLike, master_uv2: ArrayLike, *, coefficient: ArrayLike, most: float = 1.0) -> Copied:
    """Power of the slave without a copy of the master of known size: P_k^2 - c^2 P_m^2, in uV^2.

    `coefficient` is c = A(m | stimulate b) / A(own muscle of b | b) of the same visit, a ratio of amplitudes (not
    percent); NaN where it was not measured: then nothing is taken off and `part` is NaN. At most the part `most` of the
    slave's power is taken off. Source: clinical reference 5.5.
    """
    slave, master, ratio = (np.asarray(each, dtype=np.float64) for each in (slave_uv2, master_uv2, coefficient))
    copy = np.square(ratio) * np.maximum(master, 0.0)
    known = np.isfinite(copy)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(known, copy / np.where(slave > 0, slave, np.nan), np.nan)
    off = np.minimum(np.where(known, copy, 0.0), most * np.maximum(slave, 0.0))
    return Copied(
        np.asarray(slave - off), np.asarray(np.broadcast_to(part, np.broadcast_shapes(part.shape, off.shape)))
    )
