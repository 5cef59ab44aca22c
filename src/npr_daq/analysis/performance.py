"""What spoils a repetition: a blink in the middle of it, or another movement than the one that was asked for."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from npr_daq.analysis.contraction import ENVELOPE_HZ

BLINK_TIMES = 4.0
"""Product over both sides of how much the eye's envelope is above its median of a second: blinks are bilateral."""
BLINK_LONGEST_MS = 500.0
BLINK_AROUND_MS = 80.0
"""What the window of the envelope and the fall of the burst add on either side."""
LIKE_OTHERS = 0.9
"""Likeness (cosine) to the other repetitions of the task from which a repetition is right in any case."""
LIKER = 0.1
"""By how much more a wrong repetition is like another task."""

Floats = NDArray[np.float64]


def blinks(eye_uv: ArrayLike) -> NDArray[np.bool_]:
    """Frames of blinks (..., frame), from the envelopes (2, ..., frame) of the orbicularis oculi of both sides.

    A blink is a run of at most 0.5 s in which the two sides together are four times their running medians of a second
    (product of both; of a side without values, the other's square), with 80 ms on either side. Begin and end of a
    movement pass for blinks too: ask for the plateau only. Source: clinical reference 5.2 (2); the factor is set on
    simulated faces, seeds 1000 to 1002.
    """
    frames = np.asarray(eye_uv, dtype=np.float64)
    width = round(ENVELOPE_HZ) + 1
    known = np.isfinite(frames)
    filled = np.where(known, frames, 0.0)
    middle = ndimage.median_filter(filled, size=(*(1,) * (filled.ndim - 1), width), mode="nearest")
    with np.errstate(invalid="ignore", divide="ignore"):
        times = np.where(known & (middle > 0), filled / middle, np.nan)
    one, other = (np.where(np.isnan(a), np.where(np.isnan(b), 1.0, b), a) for a, b in (times, times[::-1]))
    high = (one * other >= BLINK_TIMES).reshape(-1, frames.shape[-1])
    # A run is kept where an opening with the longest blink takes it away.
    long = ndimage.binary_opening(high, np.ones((1, round(BLINK_LONGEST_MS / 1e3 * ENVELOPE_HZ)), dtype=bool))
    around = 2 * round(BLINK_AROUND_MS / 1e3 * ENVELOPE_HZ) + 1
    return np.asarray(ndimage.binary_dilation(high & ~long, np.ones((1, around), dtype=bool))).reshape(frames.shape[1:])


def bridged(envelope_uv: ArrayLike, blanked: ArrayLike, *, within: ArrayLike = True) -> Floats:
    """Envelopes (..., frame) with straight lines over the frames `blanked` (broadcast), missing frames staying so.

    Lines begin and end at frames of `within` (broadcast), and are level where there is one such frame on one side only:
    what lies at the edge of a plateau is not drawn to the flank of a blink that reaches over it.
    """
    frames = np.array(envelope_uv, dtype=np.float64)
    rows = frames.reshape(-1, frames.shape[-1])
    holes, inside = (
        np.broadcast_to(np.asarray(each, dtype=bool), frames.shape).reshape(rows.shape) for each in (blanked, within)
    )
    columns = np.arange(rows.shape[1])
    for row in np.flatnonzero(holes.any(axis=1)):
        kept = np.isfinite(rows[row]) & ~holes[row] & inside[row]
        if kept.any():
            filled = holes[row] & np.isfinite(rows[row])
            rows[row, filled] = np.interp(columns[filled], columns[kept], rows[row, kept])
    return rows.reshape(frames.shape)


def other_movement(levels_uv: ArrayLike, *, masters: ArrayLike) -> NDArray[np.bool_]:
    """Which repetitions (task, repetition) look like another task than their own.

    `levels_uv` (task, repetition, muscle) are plateaus of the healthy side, rest taken off, NaN where not done or not
    recorded; `masters` (task,) the prime movers. A repetition is another movement where its pattern over the muscles
    is like the median pattern of another task (cosine) by 0.1 more than like that of its own task's other repetitions,
    and less than 0.9 like these. Tasks that move the same muscles in the same proportion cannot be told apart, and
    tasks with the same master are not held against each other. Needs two other repetitions of the task.
    """
    levels, movers = np.asarray(levels_uv, dtype=np.float64), np.asarray(masters)
    n_tasks, n_repetitions, _ = levels.shape
    recorded = np.isfinite(levels).any(axis=(0, 1))
    patterns = levels[..., recorded]
    done: NDArray[np.bool_] = np.asarray(np.isfinite(patterns).all(axis=-1))
    size = np.sqrt(np.square(np.nan_to_num(patterns)).sum(axis=-1, keepdims=True))
    patterns = np.nan_to_num(patterns) / np.where(size > 0, size, 1.0)
    wrong = np.zeros((n_tasks, n_repetitions), dtype=bool)
    typical = [_typical(patterns[task][done[task]]) for task in range(n_tasks)]
    for task in range(n_tasks):
        foreign = [typical[k] for k in range(n_tasks) if movers[k] != movers[task] and done[k].any()]
        if done[task].sum() < 3 or not foreign:
            continue
        for repetition in np.flatnonzero(done[task]):
            others = done[task].copy()
            others[repetition] = False
            own = float(patterns[task, repetition] @ _typical(patterns[task][others]))
            best = max(float(patterns[task, repetition] @ each) for each in foreign)
            wrong[task, repetition] = own < LIKE_OTHERS and best > own + LIKER
    return wrong


def _typical(patterns: Floats) -> Floats:
    """Median pattern of repetitions (repetition, muscle), of length 1."""
    if not len(patterns):
        return np.zeros(patterns.shape[1])
    middle = np.median(patterns, axis=0)
    return np.asarray(middle / max(float(np.sqrt(middle @ middle)), 1e-12))
