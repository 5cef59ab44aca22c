"""The whole Synkinetic Correlation Test of a continuous recording: every task, every slave, both sides, at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import coherence, contraction, crosstalk, performance, tone
from npr_daq.analysis.coherence import Coherence, CrossSpectra
from npr_daq.analysis.comparison import Comparison, compare
from npr_daq.analysis.contraction import Bursts, Rest
from npr_daq.analysis.repetitions import Flaw, Repetitions, flaws, judged, plateau_power
from npr_daq.analysis.synkinesis import Index, index
from npr_daq.analysis.windows import Expression, Windows, common_plateau, on_plateau, rest_frames, stretches
from npr_daq.errors import AnalysisError

__all__ = ["Examination", "Expression", "examine"]

THREADS = 2
SERIES_LATER_MS = 300.0
"""After the release: a reaction time."""
SERIES_JOINED_MS = 1_500.0
"""Bursts of a series that are less apart belong together: blinks on command come about one a second [proposal]."""
MOST_BLANKED = 0.5

Floats = NDArray[np.float64]


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
    blanked: Floats
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
    eye: int | None = None,
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
    series = np.array([task.series for task in tasks])
    with ThreadPoolExecutor(THREADS) as pool:
        work = partial(contraction.envelope, rate_hz=rate_hz)
        envelopes = np.stack(list(pool.map(work, data.reshape(-1, data.shape[2])))).reshape(2, muscles, -1)
        quiet = envelopes[..., rest_frames(rest_s, envelopes.shape[-1])]
        rests = contraction.rest(quiet)
        cut = Windows.of(tasks, envelopes.shape[-1])
        seen = cut.of_each(envelopes)
        found = _bursts(seen, rests, cut, series)
        lead = np.arange(len(tasks)), masters
        noise = np.fmin(*rests.rms_uv)
        plateau = common_plateau(found, lead, rests)
        seen, bridges = _without_blinks(seen, plateau, eye, tasks)
        begin_s = cut.begin_s[..., None] + plateau / 1e3
        job = partial(_of_task, data, rate_hz=rate_hz, power=rests.power_uv2, rail_uv=rail_uv)
        holes_s = [stretches(each, begin) for each, begin in zip(bridges, cut.begin_s, strict=True)]
        parts = list(pool.map(job, begin_s, masters, holes_s))
    share = np.stack([part.share for part in parts], axis=1)
    saturated = np.stack([part.saturated for part in parts], axis=1)
    blanked = _part(bridges, plateau)
    spoiled = _spoiled(seen, plateau, rests, masters, blanked, saturated[1], cut.done)
    own = _own_maxima(seen, plateau, rests, noise, masters, own_task, saturated, spoiled)
    sides = [
        _side(side, seen, found, rests, plateau, noise, masters, own, share, saturated, spoiled, ~series)
        for side in (0, 1)
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
        blanked=blanked,
        index=_index(comparison, declared),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    spectra: CrossSpectra
    share: Floats
    saturated: NDArray[np.bool_]


def _of_task(
    data: NDArray[Any],
    begin_s: Floats,
    master: int,
    holes_s: list[tuple[int, float, float]],
    *,
    rate_hz: float,
    power: Floats,
    rail_uv: float | None,
) -> _Task:
    """What needs the raw plateaus of one task: `begin_s` (repetition, 2) seconds, power of rest (2, muscle).

    `holes_s` are the blinks (repetition, begin, end), which no prime mover explains.
    """
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
    for row, begin, end in holes_s:
        low, high_edge = (round(at * rate_hz) - int(edges[row, 0]) for at in (begin, end))
        filtered[row, :, max(0, low) : max(0, high_edge)] = np.nan
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


def _bursts(seen: Floats, rests: Rest, cut: Windows, series: NDArray[np.bool_]) -> Bursts:
    """The burst of every window; of a series all bursts together, with a plateau over all of them."""
    limits = rests.threshold_uv[:, None, :, None]
    found = contraction.bursts(seen, threshold_uv=limits, cue_ms=cut.cue_ms, release_ms=cut.release_ms)
    if series.any():
        together = contraction.bursts(
            seen[:, series],
            threshold_uv=limits,
            cue_ms=cut.cue_ms[series],
            release_ms=cut.release_ms[series],
            plateau_s=np.inf,
            joined_ms=SERIES_JOINED_MS,
        )
        for name in Bursts.__slots__:
            getattr(found, name)[:, series] = getattr(together, name)
        # Blinks before the cue and after the release join the series; they are not what was asked for.
        begin, end = cut.cue_ms[series][..., None], cut.release_ms[series][..., None] + SERIES_LATER_MS
        found.plateau_ms[:, series] = np.clip(found.plateau_ms[:, series], begin, end)
    return found


def _without_blinks(
    seen: Floats, plateau: Floats, eye: int | None, tasks: Sequence[Expression]
) -> tuple[Floats, NDArray[np.bool_]]:
    """The windows with blinks on the plateaus bridged, and where they were (task, repetition, frame)."""
    shape = (len(tasks), seen.shape[3], seen.shape[4])
    if eye is None:
        return seen, np.zeros(shape, dtype=bool)
    held = on_plateau(plateau, shape[-1])
    found = performance.blinks(seen[:, :, eye]) & held
    found &= ~np.array([task.eyes for task in tasks])[:, None, None]
    return performance.bridged(seen, found[:, None], within=held[:, None]), found


def _part(bridges: NDArray[np.bool_], plateau: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(bridges.sum(axis=-1) / on_plateau(plateau, bridges.shape[-1]).sum(axis=-1))


def _spoiled(
    seen: Floats,
    plateau: Floats,
    rests: Rest,
    masters: NDArray[np.int64],
    blanked: Floats,
    saturated: NDArray[np.bool_],
    done: NDArray[np.bool_],
) -> NDArray[np.str_]:
    """Flaws of both sides at once (task, repetition): not done, blinks, another movement."""
    power, _ = plateau_power(seen[1], plateau_ms=plateau[:, None])
    levels = np.where(saturated, np.nan, np.sqrt(np.maximum(power - rests.power_uv2[1][:, None], 0.0)))
    other = performance.other_movement(levels.transpose(0, 2, 1), masters=masters)
    with np.errstate(invalid="ignore"):
        covered = blanked > MOST_BLANKED
    words = [Flaw.MISSING.value, Flaw.OTHER.value, Flaw.BLINKS.value]
    return np.select([~done, other, covered], [np.array(w) for w in words], np.array("", dtype="<U40"))


def _own_maxima(
    seen: Floats,
    plateau: Floats,
    rests: Rest,
    noise: Floats,
    masters: NDArray[np.int64],
    own_task: Sequence[int | None],
    saturated: NDArray[np.bool_],
    spoiled: NDArray[np.str_],
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
            out[side, muscle] = np.where(
                np.isin(flaw, [Flaw.NONE, Flaw.WEAK]) & (spoiled[task] == Flaw.NONE), level, np.nan
            )
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
    spoiled: NDArray[np.str_],
    held: NDArray[np.bool_],
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
        spoiled=spoiled[:, None],
        held=held[:, None],
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
