"""Where the repetitions of a recording lie: windows, rest and plateaus."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.contraction import ENVELOPE_HZ, Bursts, Rest
from npr_daq.errors import AnalysisError

BEFORE_S = 1.0
AFTER_S = 1.5
"""What of the rest around a repetition belongs to its window; less after it where the next cue comes sooner."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Expression:
    """One task: its name, the row of its prime mover, and cue and release of each repetition in seconds.

    With `eyes` the task closes or moves the eyes, so that what looks like a blink belongs to it. A `series` is made of
    short bursts (blinks): its plateau is from the first to the last of them, and nobody expects it to be steady.
    """

    name: str
    master: int
    repetitions_s: tuple[tuple[float, float], ...]
    eyes: bool = False
    series: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Where the windows of the repetitions lie: frames (task, repetition, frame), times of cue and release in them."""

    frames: NDArray[np.int64]
    inside: NDArray[np.bool_]
    begin_s: Floats
    cue_ms: Floats
    release_ms: Floats
    done: NDArray[np.bool_]

    @classmethod
    def of(cls, tasks: Sequence[Expression], n_frames: int) -> "Windows":
        """Windows of all repetitions in a recording of `n_frames`; raises `AnalysisError` where they overlap."""
        count = max(len(task.repetitions_s) for task in tasks)
        times = np.full((len(tasks), count, 2), np.nan)
        for row, task in zip(times, tasks, strict=True):
            if task.repetitions_s:
                row[: len(task.repetitions_s)] = task.repetitions_s
        done = np.isfinite(times).all(axis=-1)
        if not done.any():
            raise AnalysisError("No task has a repetition.")
        inorder = times[done][np.argsort(times[done][:, 0])]
        after = float(np.min(inorder[1:, 0] - inorder[:-1, 1], initial=AFTER_S))
        if after < 0 or (inorder[:, 1] <= inorder[:, 0]).any():
            raise AnalysisError("Repetitions overlap, or are released before their cue.")
        length = round((np.max(inorder[:, 1] - inorder[:, 0]) + BEFORE_S + after) * ENVELOPE_HZ)
        first = np.where(done, np.rint((times[..., 0] - BEFORE_S) * ENVELOPE_HZ), 0).astype(np.int64)
        frames = first[..., None] + np.arange(length)
        last = np.where(done, np.rint((times[..., 1] + after) * ENVELOPE_HZ), 0).astype(np.int64)
        inside = done[..., None] & (frames >= 0) & (frames < np.minimum(n_frames, last[..., None]))
        begin = first / ENVELOPE_HZ
        # One axis for the muscles between task and repetition.
        cue, release = ((1e3 * (times[..., k] - begin))[:, None] for k in (0, 1))
        return cls(np.clip(frames, 0, n_frames - 1), inside, begin, cue, release, done)

    def of_each(self, envelopes: Floats) -> Floats:
        """The windows (side, task, muscle, repetition, frame) of envelopes (side, muscle, frame)."""
        cut = np.where(self.inside, envelopes[:, :, self.frames], np.nan)
        return cut.transpose(0, 2, 1, 3, 4)


def rest_frames(stretches_s: Sequence[tuple[float, float]], n_frames: int) -> NDArray[np.int64]:
    """Frames of the stretches (begin, end) in seconds; raises `AnalysisError` for less than 2 s of them."""
    parts = [np.arange(round(a * ENVELOPE_HZ), round(b * ENVELOPE_HZ)) for a, b in stretches_s]
    frames = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    frames = frames[(frames >= 0) & (frames < n_frames)]
    if len(frames) < 2 * ENVELOPE_HZ:
        raise AnalysisError(f"There are {len(frames) / ENVELOPE_HZ:g} s of rest; at least 2 s are needed.")
    return frames


def common_plateau(found: Bursts, lead: tuple[NDArray[np.int64], NDArray[np.int64]], rests: Rest) -> Floats:
    """Plateau (task, repetition, 2) of the side whose master stands out more from its rest."""
    spans = found.plateau_ms[:, lead[0], lead[1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        # A channel without any noise, such as an unplugged one.
        out = found.plateau_uv[:, lead[0], lead[1]] / rests.rms_uv[:, lead[1]][:, :, None]
    return np.asarray(np.where((np.nan_to_num(out[0]) > np.nan_to_num(out[1]))[..., None], spans[0], spans[1]))


def on_plateau(plateau: Floats, n_frames: int) -> NDArray[np.bool_]:
    """Which frames are on the plateau (task, repetition, 2)."""
    at = np.arange(n_frames) * 1e3 / ENVELOPE_HZ
    with np.errstate(invalid="ignore"):
        return np.asarray((at >= plateau[..., :1]) & (at <= plateau[..., 1:]))


def stretches(bridges: NDArray[np.bool_], begin_s: Floats) -> list[tuple[int, float, float]]:
    """Runs of (repetition, frame) as (repetition, begin, end) in seconds of the recording."""
    edge = np.diff(np.pad(bridges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, first = np.nonzero(edge == 1)
    _, last = np.nonzero(edge == -1)
    return [
        (int(r), float(begin_s[r] + a / ENVELOPE_HZ), float(begin_s[r] + b / ENVELOPE_HZ))
        for r, a, b in zip(row, first, last, strict=True)
    ]
