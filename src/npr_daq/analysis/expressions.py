"""The whole Synkinetic Correlation Test of a continuous recording: every task, every slave, both sides, at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import coherence, contraction, crosstalk, tone
from npr_daq.analysis.coherence import Coherence, CrossSpectra
from npr_daq.analysis.comparison import Comparison, compare
from npr_daq.analysis.contraction import ENVELOPE_HZ, Bursts, Rest
from npr_daq.analysis.repetitions import Flaw, Repetitions, flaws, judged, plateau_power
from npr_daq.analysis.synkinesis import Index, index
from npr_daq.errors import AnalysisError

BEFORE_S = 1.0
AFTER_S = 1.5
"""What of the rest around a repetition belongs to its window; less after it where the next cue comes sooner."""
THREADS = 2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Expression:
    """One task: its name, the row of its prime mover, and cue and release of each repetition in seconds."""

    name: str
    master: int
    repetitions_s: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """Everything that was measured; (task, muscle) or (task, muscle, repetition).

    `affected` and `healthy` are the measures of every repetition with each muscle as slave of the task's master (the
    master's own row is a control: gain 1); `comparison` their comparison. `affected_uv`, `healthy_uv` and
    `difference_db` (task, muscle) are the heat maps: mean plateaus with rest taken off, and 20 log10 of Q. `coherence`
    of the tasks (task, ...) over all channels, affected muscles first, and `pooled_coherence` of all tasks. `tone`
    (muscle,) of rest. `missing` (2, muscle) is the share of the recording without samples. `index` is over the
    declared pairs.
    """

    affected: Repetitions
    healthy: Repetitions
    comparison: Comparison
    affected_uv: Floats
    healthy_uv: Floats
    difference_db: Floats
    coherence: Coherence
    pooled_coherence: Coherence
    tone: tone.Tone
    missing: Floats
    index: Index


def examine(
    emg_uv: ArrayLike,
    *,
    rate_hz: float,
    rest_s: Sequence[tuple[float, float]],
    tasks: Sequence[Expression],
    own_task: Sequence[int | None],
    cutoffs: ArrayLike,
    coefficients: ArrayLike | None = None,
    rail_uv: float | None = None,
) -> Examination:
    """Analyse one recording of both halves of the face.

    `emg_uv` (2, muscle, time): affected side first, then healthy, the same muscles, microvolts as recorded, NaN where
    samples are missing and in rows that were not recorded. `rest_s` are stretches of rest (begin, end) in seconds,
    together at least 2 s. `own_task` (muscle,) says in which task a muscle is the prime mover, None for none. `cutoffs`
    (task, muscle) are the published cut-offs of the declared pairs, NaN elsewhere; `coefficients` (task, muscle) the
    cross-talk coefficients of branch stimulation, ratios of amplitudes, NaN where not measured.

    The plateau of a repetition is one for both sides: the middle of the burst of the master that stands out more, so
    that a weak prime mover hides nothing. Noise is the quieter side's rest. Work memory beside the recording is a row
    or a task at a time; two threads. Raises `AnalysisError` for what does not fit. Source: clinical reference 5.2 to
    5.5.
    """
    data = np.asarray(emg_uv)
    if data.dtype.kind in "iu":
        data = data.astype(np.float32)
    limits = np.asarray(cutoffs, dtype=np.float64)
    if data.ndim != 3 or len(data) != 2 or not tasks:
        raise AnalysisError(f"A recording of shape {data.shape} must be (2, muscle, time), with at least one task.")
    muscles = data.shape[1]
    if limits.shape != (len(tasks), muscles) or len(own_task) != muscles:
        raise AnalysisError(
            f"{len(tasks)} tasks and {muscles} muscles need cut-offs of that shape and one own task for each muscle."
        )
    masters = np.array([task.master for task in tasks])
    with ThreadPoolExecutor(THREADS) as pool:
        work = partial(contraction.envelope, rate_hz=rate_hz)
        envelopes = np.stack(list(pool.map(work, data.reshape(-1, data.shape[2])))).reshape(2, muscles, -1)
        quiet = envelopes[..., _frames(rest_s, envelopes.shape[-1])]
        rests = contraction.rest(quiet)
        cut = _Windows.of(tasks, envelopes.shape[-1])
        seen = cut.of_each(envelopes)
        found = contraction.bursts(
            seen, threshold_uv=rests.threshold_uv[:, None, :, None], cue_ms=cut.cue_ms, release_ms=cut.release_ms
        )
        lead = np.arange(len(tasks)), masters
        noise = np.fmin(*rests.rms_uv)
        plateau = _common_plateau(found, lead, rests)
        begin_s = cut.begin_s[..., None] + plateau / 1e3
        job = partial(_of_task, data, rate_hz=rate_hz, power=rests.power_uv2, rail_uv=rail_uv)
        parts = list(pool.map(job, begin_s, masters))
    share = np.stack([part.share for part in parts], axis=1)
    saturated = np.stack([part.saturated for part in parts], axis=1)
    own = _own_maxima(seen, plateau, rests, noise, masters, own_task, saturated)
    sides = [
        _side(side, seen, found, rests, plateau, noise, masters, own, share, saturated, cut.done) for side in (0, 1)
    ]
    comparison = compare(sides[0], sides[1], cutoff=limits, crosstalk=coefficients)
    declared = np.nonzero(np.isfinite(limits))
    spectra = [part.spectra for part in parts]
    maps = [_level(each, comparison) for each in sides]
    return Examination(
        affected=sides[0],
        healthy=sides[1],
        comparison=comparison,
        affected_uv=maps[0],
        healthy_uv=maps[1],
        difference_db=comparison.q_db,
        coherence=coherence.coherence(_stacked(spectra)),
        pooled_coherence=coherence.coherence(coherence.pooled(spectra)),
        tone=tone.of_envelopes(*quiet),
        missing=np.isnan(envelopes).mean(axis=-1),
        index=_index(comparison, declared),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """Where the windows of the repetitions lie: frames (task, repetition, frame), times of cue and release in them."""

    frames: NDArray[np.int64]
    inside: NDArray[np.bool_]
    begin_s: Floats
    cue_ms: Floats
    release_ms: Floats
    done: NDArray[np.bool_]

    @classmethod
    def of(cls, tasks: Sequence[Expression], n_frames: int) -> "_Windows":
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


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    spectra: CrossSpectra
    share: Floats
    saturated: NDArray[np.bool_]


def _of_task(
    data: NDArray[Any], begin_s: Floats, master: int, *, rate_hz: float, power: Floats, rail_uv: float | None
) -> _Task:
    """What needs the raw plateaus of one task: `begin_s` (repetition, 2) seconds, power of rest (2, muscle)."""
    muscles = data.shape[1]
    margin = round(contraction.PADDING_S * rate_hz)
    edges = np.rint(np.nan_to_num(begin_s) * rate_hz).astype(np.int64)
    length = int(np.max(edges[:, 1] - edges[:, 0], initial=0))
    plateaus = np.full((len(edges), 2 * muscles, max(length, round(coherence.SEGMENT_S * rate_hz))), np.nan, data.dtype)
    filtered = plateaus.copy()
    flat = data.reshape(2 * muscles, -1)
    for row, (first, last) in enumerate(edges):
        if last - first < 2 * margin:
            continue
        before, after = max(0, first - margin), min(flat.shape[1], last + margin)
        wide = contraction.band_pass(flat[:, before:after], rate_hz=rate_hz)
        plateaus[row, :, : last - first] = flat[:, first:last]
        filtered[row, :, : last - first] = wide[:, first - before : last - before]
    share = np.stack(
        [
            crosstalk.predictable_share(
                filtered[:, side * muscles : (side + 1) * muscles],
                master=master,
                rate_hz=rate_hz,
                noise_uv2=power[side],
            )
            for side in (0, 1)
        ]
    )
    high: NDArray[np.bool_] = np.zeros(plateaus.shape[:2], dtype=bool)
    if rail_uv is not None:
        with np.errstate(invalid="ignore"):
            high = np.asarray((np.abs(plateaus) >= rail_uv).any(axis=-1))
    recorded: NDArray[np.bool_] = np.asarray(np.isfinite(plateaus).any(axis=(0, 2)))
    spectra = coherence.spectra(np.where(recorded[:, None], plateaus, 0), rate_hz=rate_hz)
    return _Task(spectra, share, high.reshape(len(edges), 2, muscles).transpose(1, 2, 0))


def _frames(stretches_s: Sequence[tuple[float, float]], n_frames: int) -> NDArray[np.int64]:
    parts = [np.arange(round(a * ENVELOPE_HZ), round(b * ENVELOPE_HZ)) for a, b in stretches_s]
    frames = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    frames = frames[(frames >= 0) & (frames < n_frames)]
    if len(frames) < 2 * ENVELOPE_HZ:
        raise AnalysisError(f"There are {len(frames) / ENVELOPE_HZ:g} s of rest; at least 2 s are needed.")
    return frames


def _common_plateau(found: Bursts, lead: tuple[NDArray[np.int64], NDArray[np.int64]], rests: Rest) -> Floats:
    """Plateau (task, repetition, 2) of the side whose master stands out more from its rest."""
    spans = found.plateau_ms[:, lead[0], lead[1]]
    out = found.plateau_uv[:, lead[0], lead[1]] / rests.rms_uv[:, lead[1]][:, :, None]
    return np.asarray(np.where((np.nan_to_num(out[0]) > np.nan_to_num(out[1]))[..., None], spans[0], spans[1]))


def _own_maxima(
    seen: Floats,
    plateau: Floats,
    rests: Rest,
    noise: Floats,
    masters: NDArray[np.int64],
    own_task: Sequence[int | None],
    saturated: NDArray[np.bool_],
) -> Floats:
    """Plateaus (side, muscle, repetition) of each muscle in its own task, rest taken off, NaN where flawed or none."""
    out = np.full((*rests.power_uv2.shape, seen.shape[3]), np.nan)
    for muscle, task in enumerate(own_task):
        if task is None:
            continue
        if masters[task] != muscle:
            raise AnalysisError(f"Muscle {muscle} is not the prime mover of task {task}.")
        for side in (0, 1):
            power, variation = plateau_power(seen[side, task, muscle], plateau_ms=plateau[task])
            level = np.sqrt(np.maximum(power - rests.power_uv2[side, muscle], 0.0))
            flaw = flaws(level, variation, power, plateau[task], noise[muscle], saturated[side, task, muscle])
            out[side, muscle] = np.where((flaw == Flaw.NONE) | (flaw == Flaw.WEAK), level, np.nan)
    return out


def _side(
    side: int,
    seen: Floats,
    found: Bursts,
    rests: Rest,
    plateau: Floats,
    noise: Floats,
    masters: NDArray[np.int64],
    own: Floats,
    share: Floats,
    saturated: NDArray[np.bool_],
    done: NDArray[np.bool_],
) -> Repetitions:
    tasks, muscles = np.arange(len(masters)), len(noise)
    shape = (len(masters), muscles)

    def of_rest(index: tuple[Any, ...]) -> Rest:
        values = (getattr(rests, name)[side] for name in Rest.__slots__)
        return Rest(*(np.broadcast_to(each[index], shape) for each in values))

    def of_bursts(index: tuple[Any, ...]) -> Bursts:
        return Bursts(*(getattr(found, name)[side][index] for name in Bursts.__slots__))

    lead = (tasks, masters)
    return judged(
        seen[side][lead][:, None],
        seen[side],
        master_rest=of_rest((masters[:, None],)),
        slave_rest=of_rest((None,)),
        master_bursts=of_bursts((tasks[:, None], masters[:, None])),
        slave_bursts=of_bursts((slice(None),)),
        plateau_ms=plateau[:, None],
        master_noise_uv=noise[masters][:, None],
        slave_noise_uv=noise[None],
        own_uv=np.broadcast_to(own[side], (*shape, own.shape[-1])),
        master_own_uv=own[side][masters][:, None],
        predictable_share=share[side],
        saturated=saturated[side] | saturated[side][lead][:, None],
        done=done[:, None],
    )


def _level(side: Repetitions, comparison: Comparison) -> Floats:
    """Mean plateau over the repetitions that were compared, (task, muscle)."""
    counted = np.isfinite(comparison.log_q)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(counted, side.slave_uv, 0.0).sum(axis=-1) / counted.sum(axis=-1))


def _index(comparison: Comparison, declared: tuple[NDArray[np.int64], ...]) -> Index:
    if not len(declared[0]):
        return Index(np.nan, (np.nan, np.nan), 0, 0)
    return index(comparison.log_q[declared], task=declared[0], censored=comparison.q_censored[declared])


def _stacked(parts: Sequence[CrossSpectra]) -> CrossSpectra:
    return CrossSpectra(
        parts[0].frequency_hz,
        np.stack([part.matrix for part in parts]),
        np.stack([part.segments for part in parts]),
        np.stack([part.independent for part in parts]),
    )
