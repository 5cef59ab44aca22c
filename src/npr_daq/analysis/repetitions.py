"""Measures of every repetition of an expression on one side: what the slave did while the master moved."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis.contraction import ENVELOPE_HZ, Bursts, Rest
from npr_daq.analysis.following import cocontraction, follow, without_rest
from npr_daq.analysis.spans import mean_square

MASTER_TIMES_NOISE = 5.0
"""A master below this is too weak (clinical reference 5.2, 6)."""
OWN_TIMES_NOISE = 10.0
"""An own maximum below this normalises nothing (clinical reference 5.3, S5)."""
SERIES_PART = 0.4
"""RMS of a series of short bursts over that of the bursts: a seventh of the time is burst [proposal]."""
VARIATION_MAD = 2.5
VARIATION_LEAST = 0.35
"""A plateau that varies less is steady, however little the others vary: few repetitions make a narrow median."""
AROUND_MS = 500.0
"""Envelopes are compared over the master's burst and so much on either side (clinical reference 5.3, S6)."""
SHORTEST_PLATEAU_MS = 500.0

Floats = NDArray[np.float64]


class Flaw(StrEnum):
    """Why a repetition is not accepted."""

    NONE = ""
    MISSING = "not done"
    GAP = "samples missing"
    SATURATED = "saturated"
    NO_BURST = "no burst after the cue"
    SHORT = "held too short"
    WEAK = "too weak"
    UNSTEADY = "not held steadily"
    BLINKS = "blinks cover half of the plateau"
    OTHER = "another movement"


@dataclass(frozen=True, slots=True, eq=False)
class Repetitions:
    """One side of one or more pairs, master m and slave k; shapes (..., repetition), NaN where there is no answer.

    Plateaus with rest taken off (0 where not above it): `slave_uv` P_k (S1), `master_uv` P_m (S2), and the signed power
    `slave_power_uv2`. `gain` P_k / P_m (S4); `normalised_percent` Z (S5); `correlation` (S6); `peak_correlation` and
    `lag_ms` (S7; positive: the slave is later); `slope` and `r_squared` (S8); `master_duration_ms`,
    `slave_duration_ms`, `duration_ratio`, `overlap` (S9); `onset_difference_ms` (slave minus master); `cocontraction`
    (S11); `coefficient` SC = max(0, r*) min(1, Z / 100) (S12). `flaw` says why a repetition is not `accepted`;
    `usable` ones have a plateau without gaps or saturation, however weak the master.

    Of the pair (...): `rest` and `master_rest` (`Rest`), `predictable_share` (`crosstalk.predictable_share`; NaN where
    not asked for). `own_uv` (..., own repetition): plateaus of the slave in the task in which it is the prime mover,
    rest taken off. `plateau_ms` (..., repetition, 2) from the start of the window.
    """

    slave_uv: Floats
    master_uv: Floats
    slave_power_uv2: Floats
    gain: Floats
    normalised_percent: Floats
    correlation: Floats
    peak_correlation: Floats
    lag_ms: Floats
    slope: Floats
    r_squared: Floats
    master_duration_ms: Floats
    slave_duration_ms: Floats
    duration_ratio: Floats
    overlap: Floats
    onset_difference_ms: Floats
    cocontraction: Floats
    coefficient: Floats
    flaw: NDArray[np.str_]
    accepted: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    plateau_ms: Floats
    rest: Rest
    master_rest: Rest
    predictable_share: Floats
    own_uv: Floats


def plateau_power(envelope_uv: ArrayLike, *, plateau_ms: ArrayLike) -> tuple[Floats, Floats]:
    """Mean square (...) and SD over mean (...) of the envelopes (..., frame) within `plateau_ms` (..., 2)."""
    frames = np.asarray(envelope_uv, dtype=np.float64)
    leading = frames.shape[:-1]
    span = np.broadcast_to(np.asarray(plateau_ms, dtype=np.float64), (*leading, 2))
    power, mean = mean_square(frames.reshape(-1, frames.shape[-1]), span.reshape(-1, 2) * ENVELOPE_HZ / 1e3)
    with np.errstate(invalid="ignore", divide="ignore"):
        variation = np.sqrt(np.maximum(power - mean**2, 0.0)) / mean
    return power.reshape(leading), variation.reshape(leading)


def judged(
    master_uv: Floats,
    slave_uv: Floats,
    *,
    master_rest: Rest,
    slave_rest: Rest,
    master_bursts: Bursts,
    slave_bursts: Bursts,
    plateau_ms: Floats,
    master_noise_uv: Floats,
    slave_noise_uv: Floats,
    own_uv: Floats,
    master_own_uv: Floats,
    predictable_share: Floats,
    saturated: NDArray[np.bool_],
    spoiled: NDArray[np.str_] | None = None,
    held: NDArray[np.bool_] | None = None,
) -> Repetitions:
    """Everything of the envelopes `master_uv` and `slave_uv` (..., repetition, frame), which broadcast.

    Rests (...); bursts (..., repetition); `plateau_ms` (..., repetition, 2); `master_noise_uv` and `slave_noise_uv`
    (...) what "5 x" and "10 x noise" are measured against; `own_uv` and `master_own_uv` (..., own repetition), all NaN
    where there is none; `saturated` (..., repetition); `spoiled` (..., repetition) are flaws known from elsewhere.
    `held` (...) is False where nobody expects a steady plateau.
    Source: clinical reference 5.2 (6), 5.3.
    """
    shape = np.broadcast_shapes(master_uv.shape[:-1], slave_uv.shape[:-1])
    power, _ = plateau_power(slave_uv, plateau_ms=plateau_ms)
    master_power, variation = plateau_power(master_uv, plateau_ms=plateau_ms)
    noise_uv = master_noise_uv
    if held is not None:
        variation = np.where(held[..., None], variation, 0.0)
        noise_uv = np.where(held, noise_uv, SERIES_PART * noise_uv)
    signed = power - slave_rest.power_uv2[..., None]
    slave = np.sqrt(np.maximum(signed, 0.0))
    master = np.sqrt(np.maximum(master_power - master_rest.power_uv2[..., None], 0.0))
    flaw = np.broadcast_to(flaws(master, variation, power, plateau_ms, noise_uv, saturated), shape)
    if spoiled is not None:
        # Of a repetition whose signals are broken nothing else can be said.
        broken = np.isin(flaw, [Flaw.GAP, Flaw.SATURATED]) & (spoiled != Flaw.MISSING)
        flaw = np.where((spoiled != Flaw.NONE) & ~broken, spoiled, flaw)
    usable = np.isin(flaw, [Flaw.NONE, Flaw.WEAK, Flaw.UNSTEADY])
    span = np.stack([master_bursts.onset_ms - AROUND_MS, master_bursts.offset_ms + AROUND_MS], axis=-1)
    e_m, e_k = (
        without_rest(master_uv, _each(master_rest.power_uv2)),
        without_rest(slave_uv, _each(slave_rest.power_uv2)),
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = _each(slave_rest.power_uv2 / master_rest.power_uv2)
        found = follow(e_m, e_k, span_ms=span, noise_ratio=ratio)
        own, master_own = _mean(own_uv), _mean(master_own_uv)
        own = np.where(own >= OWN_TIMES_NOISE * slave_noise_uv, own, np.nan)
        normalised = 100 * slave / own[..., None]
        both = cocontraction(e_m, e_k, span_ms=span, master_own_uv=_each(master_own), slave_own_uv=_each(own))
        gain = np.where(master > 0, slave / master, np.nan)
        long_m, long_k = master_bursts.duration_ms, slave_bursts.duration_ms
        shared = np.minimum(master_bursts.offset_ms, slave_bursts.offset_ms)
        shared = np.maximum(shared - np.maximum(master_bursts.onset_ms, slave_bursts.onset_ms), 0.0)
        overlap = np.where(np.isfinite(long_k), shared / (long_m + long_k - shared), 0.0)
        coefficient = np.maximum(0.0, found.peak_correlation) * np.minimum(1.0, normalised / 100)

    def shaped(values: Floats) -> Floats:
        return np.where(usable, np.broadcast_to(values, shape), np.nan)

    return Repetitions(
        slave_uv=shaped(slave),
        master_uv=shaped(master),
        slave_power_uv2=shaped(signed),
        gain=shaped(gain),
        normalised_percent=shaped(normalised),
        correlation=shaped(found.correlation),
        peak_correlation=shaped(found.peak_correlation),
        lag_ms=shaped(found.lag_ms),
        slope=shaped(found.slope),
        r_squared=shaped(found.r_squared),
        master_duration_ms=shaped(long_m),
        slave_duration_ms=shaped(long_k),
        duration_ratio=shaped(long_k / long_m),
        overlap=shaped(np.where(np.isfinite(long_m), overlap, np.nan)),
        onset_difference_ms=shaped(slave_bursts.onset_ms - master_bursts.onset_ms),
        cocontraction=shaped(both),
        coefficient=shaped(coefficient),
        flaw=flaw,
        accepted=np.asarray(flaw == Flaw.NONE),
        usable=usable,
        plateau_ms=np.broadcast_to(plateau_ms, (*shape, 2)),
        rest=slave_rest,
        master_rest=master_rest,
        predictable_share=np.broadcast_to(predictable_share, shape[:-1]),
        own_uv=own_uv,
    )


def flaws(
    master: Floats,
    variation: Floats,
    slave_power: Floats,
    plateau_ms: Floats,
    noise_uv: Floats,
    saturated: NDArray[np.bool_],
) -> NDArray[np.str_]:
    """The first `Flaw` of each repetition (..., repetition), from plateaus with rest taken off and their variation."""
    long = plateau_ms[..., 1] - plateau_ms[..., 0]
    with np.errstate(invalid="ignore"):
        unsteady = variation > np.maximum(_outlying(variation), VARIATION_LEAST)
        cases = [
            (Flaw.NO_BURST, np.isnan(long)),
            (Flaw.GAP, np.isnan(master) | np.isnan(slave_power)),
            (Flaw.SATURATED, saturated),
            (Flaw.SHORT, long < SHORTEST_PLATEAU_MS),
            (Flaw.WEAK, master < MASTER_TIMES_NOISE * noise_uv[..., None]),
            (Flaw.UNSTEADY, unsteady),
        ]
    conditions = np.broadcast_arrays(*(case[1] for case in cases))
    return np.select(conditions, [np.array(case[0].value) for case in cases], np.array("", dtype="<U40"))


def _outlying(variation: Floats) -> Floats:
    """Median plus 2.5 scaled median deviations of the repetitions (..., 1); infinite where none is known."""
    known = np.isfinite(variation)
    filled = np.where(known.any(axis=-1, keepdims=True), variation, np.inf)
    middle = np.nanmedian(filled, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        away = np.where(np.isinf(filled), 0.0, np.abs(filled - middle))
    return np.asarray(middle + VARIATION_MAD * 1.4826 * np.nanmedian(away, axis=-1, keepdims=True))


def _mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))


def _each(values: Floats) -> Floats:
    """One number of the pair for all its repetitions."""
    return values[..., None]
