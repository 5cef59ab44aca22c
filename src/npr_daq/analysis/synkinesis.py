"""Synkinetic Correlation Test, version 1: how a muscle that should be silent follows one that should move.

The clinic's own formula is not public. This one is put together from published parts (clinical reference 5.1 to 5.4),
and every term is in the result: `measure` one side, `compare` the two, `index` over a declared list of pairs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from npr_daq.analysis import contraction, crosstalk
from npr_daq.analysis.comparison import Comparison, asymmetry, compare
from npr_daq.analysis.contraction import Bursts, Rest
from npr_daq.analysis.repetitions import Flaw, Repetitions, judged, plateau_power
from npr_daq.analysis.resampling import minimal_detectable_change, t_interval
from npr_daq.analysis.verdict import Verdict
from npr_daq.errors import AnalysisError

__all__ = [
    "OCULAR_ORAL",
    "ORAL_OCULAR",
    "VERSION",
    "Comparison",
    "Flaw",
    "Index",
    "Repetitions",
    "Verdict",
    "asymmetry",
    "compare",
    "index",
    "measure",
    "minimal_detectable_change",
]

VERSION = 1
OCULAR_ORAL = 1.62
"""Side ratio from which closing the eyes moves the mouth (Bernardes 2018: sensitivity 100 %, specificity 100 %)."""
ORAL_OCULAR = 1.79
"""Side ratio from which moving the mouth closes the eye (Bernardes 2018: 93.3 %, 95.9 %)."""
Floats = NDArray[np.float64]


def measure(
    master_uv: ArrayLike,
    slave_uv: ArrayLike,
    *,
    rate_hz: float,
    rest_master_uv: ArrayLike,
    rest_slave_uv: ArrayLike,
    own_slave_uv: ArrayLike | None = None,
    own_master_uv: ArrayLike | None = None,
    cue_ms: ArrayLike = 0.0,
    release_ms: ArrayLike = np.inf,
    noise_uv: tuple[ArrayLike, ArrayLike] | None = None,
    rail_uv: float | None = None,
) -> Repetitions:
    """Measures S1 to S9, S11 and S12 of every repetition of a task on one side.

    `master_uv` and `slave_uv` (..., repetition, time), microvolts as recorded, the same leading axes, each repetition
    with some rest before and after, NaN where samples are missing; `rest_master_uv` and `rest_slave_uv` (..., time),
    at least 2 s. `own_slave_uv` (..., own repetition, time) are windows of the task in which the slave is the prime
    mover (for Z and the own-maximum-normalised ratio), `own_master_uv` those of the master (for S11; by default the
    master's own windows). `cue_ms` and `release_ms` (..., repetition) count from the start of the window. `noise_uv`
    are the RMS of master and slave without tone, where the muscles are not silent at rest (the other side's rest,
    say): what "5 x noise" is measured against; rest by default. Samples at or beyond `rail_uv` in size are saturated.

    The plateau is the middle of the master's burst, at most 2 s; a repetition is accepted with a plateau of at least
    0.5 s without gaps, the master at least 5 x noise, held as steadily as the others (2.5 scaled median deviations).
    Blinks are not looked for in single pairs: `expressions.examine` does that. Raises `AnalysisError` for shapes that
    do not fit. Source: clinical reference 5.2, 5.3.
    """
    master, slave = np.asarray(master_uv), np.asarray(slave_uv)
    if master.shape != slave.shape or master.ndim < 2:
        raise AnalysisError(
            f"Master {master.shape} and slave {slave.shape} must both be (..., repetition, time) with the same shape."
        )
    shape = master.shape[:-2]
    rests = [_rest(each, shape, rate_hz) for each in (rest_master_uv, rest_slave_uv)]
    filtered = [contraction.band_pass(each, rate_hz=rate_hz) for each in (master, slave)]
    envelopes = [contraction.envelope(each, rate_hz=rate_hz, band_hz=None) for each in filtered]
    found = [
        contraction.bursts(e, threshold_uv=r.threshold_uv[..., None], cue_ms=cue_ms, release_ms=release_ms)
        for e, r in zip(envelopes, rests, strict=True)
    ]
    plateau = found[0].plateau_ms
    noises = [np.broadcast_to(np.asarray(each, dtype=np.float64), shape) for each in noise_uv or ()]
    noises = noises or [each.rms_uv for each in rests]
    owns = [_own(own_master_uv, rests[0], shape, rate_hz), _own(own_slave_uv, rests[1], shape, rate_hz)]
    if own_master_uv is None:
        power, _ = plateau_power(envelopes[0], plateau_ms=plateau)
        owns[0] = np.sqrt(np.maximum(power - rests[0].power_uv2[..., None], 0.0))
    return judged(
        *envelopes,
        master_rest=rests[0],
        slave_rest=rests[1],
        master_bursts=found[0],
        slave_bursts=found[1],
        plateau_ms=plateau,
        master_noise_uv=noises[0],
        slave_noise_uv=noises[1],
        own_uv=owns[1],
        master_own_uv=owns[0],
        predictable_share=_share(filtered, plateau, rests[1], rate_hz),
        saturated=_saturated((master, slave), found[0], rate_hz, rail_uv),
    )


@dataclass(frozen=True, slots=True)
class Index:
    """Mean of log2 Q over a declared list of pairs, with its 95 % interval; NaN where a pair of the list is missing.

    `pairs` were measured, `censored` of them have a lower bound for their Q: then the index is a lower bound too.
    """

    value: float
    ci95: tuple[float, float]
    pairs: int
    censored: int


def index(log_q: ArrayLike, *, task: ArrayLike, censored: ArrayLike | None = None) -> Index:
    """SCT index: the mean of log2 Q over the pairs, each pair counting the same.

    `log_q` (pair, repetition) as in `Comparison`, `task` (pair,) a number for each pair: pairs of one task share its
    repetitions, so that their mean, repetition by repetition, is what has an error. Degrees of freedom by Welch and
    Satterthwaite over the tasks. The list has to be fixed beforehand: another list is another index.
    Source: clinical reference 5.4 (summary index).
    """
    values, tasks = np.asarray(log_q, dtype=np.float64) / np.log(2), np.asarray(task)
    if values.ndim != 2 or tasks.shape != values.shape[:1] or not len(values):
        raise AnalysisError(f"An index needs log Q as (pair, repetition) and one task for each, not {values.shape}.")
    mean, _, _ = t_interval(values)
    low = int(np.sum(np.asarray(censored, dtype=bool))) if censored is not None else 0
    known = int(np.isfinite(mean).sum())
    if known < len(values):
        return Index(np.nan, (np.nan, np.nan), known, low)
    error, parts = 0.0, 0.0
    for one in np.unique(tasks):
        chosen = values[tasks == one]
        together = chosen.mean(axis=0)
        together = together[np.isfinite(together)]
        if len(together) < 2:
            return Index(float(mean.mean()), (np.nan, np.nan), known, low)
        part = (len(chosen) / len(values)) ** 2 * together.var(ddof=1) / len(together)
        error, parts = error + part, parts + part**2 / (len(together) - 1)
    half = float(special.stdtrit(error**2 / parts, 0.975)) * error**0.5 if error > 0 else 0.0
    centre = float(mean.mean())
    return Index(centre, (centre - half, centre + half), known, low)


def _rest(rest_uv: ArrayLike, shape: tuple[int, ...], rate_hz: float) -> Rest:
    data = np.asarray(rest_uv)
    if data.shape[:-1] != shape:
        raise AnalysisError(f"Rest {data.shape} must be (..., time) with the leading axes {shape} of the repetitions.")
    return contraction.rest(contraction.envelope(data, rate_hz=rate_hz))


def _own(own_uv: ArrayLike | None, rest: Rest, shape: tuple[int, ...], rate_hz: float) -> Floats:
    if own_uv is None:
        return np.full((*shape, 1), np.nan)
    data = np.asarray(own_uv)
    if data.shape[:-2] != shape or data.ndim < 2:
        raise AnalysisError(f"Own-task windows {data.shape} must be (..., repetition, time) with leading axes {shape}.")
    found = contraction.bursts(
        contraction.envelope(data, rate_hz=rate_hz), threshold_uv=rest.threshold_uv[..., None]
    ).plateau_uv
    return np.sqrt(np.maximum(found**2 - rest.power_uv2[..., None], 0.0))


def _share(filtered: list[NDArray[Any]], plateau_ms: Floats, rest: Rest, rate_hz: float) -> Floats:
    shape = filtered[0].shape[:-2]
    pair = np.stack([each.reshape(-1, *each.shape[-2:]) for each in filtered], axis=2)
    columns = np.arange(pair.shape[-1]) * 1e3 / rate_hz
    span = plateau_ms.reshape(len(pair), -1, 1, 2)
    noise = rest.power_uv2.ravel()
    out = np.full(len(pair), np.nan)
    for row, (signals, limits) in enumerate(zip(pair, span, strict=True)):
        inside = (columns >= limits[..., 0]) & (columns < limits[..., 1])
        begin = [int(np.argmax(one[0])) for one in inside]
        length = int(inside.sum(axis=-1).max(initial=0))
        cut = [
            np.where(keep, one, np.nan)[:, b : b + length] for one, keep, b in zip(signals, inside, begin, strict=True)
        ]
        width = max((each.shape[1] for each in cut), default=0)
        filled = np.full((len(cut), 2, max(width, 1)), np.nan, dtype=signals.dtype)
        for each, target in zip(cut, filled, strict=True):
            target[:, : each.shape[1]] = each
        out[row] = crosstalk.predictable_share(filled, master=0, rate_hz=rate_hz, noise_uv2=[0.0, noise[row]])[1]
    return out.reshape(shape)


def _saturated(
    signals: tuple[NDArray[Any], NDArray[Any]], found: Bursts, rate_hz: float, rail_uv: float | None
) -> NDArray[np.bool_]:
    if rail_uv is None:
        return np.zeros(found.found.shape, dtype=bool)
    columns = np.arange(signals[0].shape[-1]) * 1e3 / rate_hz
    inside = (columns >= found.onset_ms[..., None]) & (columns <= found.offset_ms[..., None])
    return np.asarray(((np.maximum(*(np.abs(each) for each in signals)) >= rail_uv) & inside).any(axis=-1))
