"""Affected against healthy side: the ratio Q, its twins, their intervals and the verdict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from npr_daq.analysis.contraction import Rest
from npr_daq.analysis.crosstalk import taken_off
from npr_daq.analysis.repetitions import OWN_TIMES_NOISE, Flaw, Repetitions
from npr_daq.analysis.resampling import bca_interval, holm, t_interval
from npr_daq.analysis.verdict import LEAST_REPETITIONS, QUIET_TIMES_NOISE, Evidence, decided
from npr_daq.errors import AnalysisError

HEALTHY_CORRECTION = 0.5
"""Part of the healthy slave's power that a known copy may take off: more would make Q too large."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Affected against healthy side of one or more pairs; shapes (...) and (..., 2); NaN where there is no answer.

    `q` (S3) and its `q_ci95` by t, `q_bca_ci95` by bootstrap, `q_db`; `q_censored` where the healthy slave was floored
    at its noise: then q is a lower bound; where both slaves always were, it is the ratio of the floors and has no
    interval. `normalised_q` is Z_a / Z_h. `gain_ratio` is G_a / G_h, `correlation_change` the difference of atanh r*,
    `duration_change_ms` that of the slave's durations, each with its interval. `p_value` is that of q = 1,
    `significant` after Holm over the pairs of the call. `copied_part` is the part of the affected slave's power that a
    cross-talk coefficient explains, `predictable_share` (..., 2) what the raw masters explain, affected and healthy.
    `log_q` (..., repetition) are ln Q of the accepted repetitions, `accepted` and `total` their number and that of
    all. `verdict` is a word of `Verdict`, `reasons` a tuple of sentences.
    """

    q: Floats
    q_ci95: Floats
    q_bca_ci95: Floats
    q_db: Floats
    q_censored: NDArray[np.bool_]
    normalised_q: Floats
    normalised_q_ci95: Floats
    gain_ratio: Floats
    gain_ratio_ci95: Floats
    correlation_change: Floats
    correlation_change_ci95: Floats
    duration_change_ms: Floats
    duration_change_ci95_ms: Floats
    p_value: Floats
    significant: NDArray[np.bool_]
    copied_part: Floats
    predictable_share: Floats
    log_q: Floats
    accepted: NDArray[np.int64]
    total: NDArray[np.int64]
    verdict: NDArray[np.str_]
    reasons: NDArray[np.object_]


def compare(
    affected: Repetitions,
    healthy: Repetitions,
    *,
    cutoff: ArrayLike | None = None,
    crosstalk: ArrayLike | None = None,
) -> Comparison:
    """The side ratio Q with its interval, what goes with it, and the verdict of each pair.

    Both sides come from `measure`, recorded together: repetition j of one is repetition j of the other. `cutoff` (...)
    is the published one of a declared pair (`OCULAR_ORAL`, `ORAL_OCULAR`), None or NaN for other pairs: verdict `no
    reference`. `crosstalk` (...) is the coefficient c of branch stimulation, a ratio of amplitudes, None or NaN where
    not measured; its copy of the master is taken off both slaves in quadrature, off the healthy one at most half.

    Of every repetition that the healthy side did well and the affected side has usable signals of, d_j = ln P_k,a - ln
    P_k,h; Q = exp(mean d), interval exp(mean +- t s / sqrt K). P is floored at the upper 95 % limit of rest, the
    affected side's at the lower of both sides', so that tone is not taken for following. Z_a / Z_h divides by the
    ratio of the own maxima, with its own error (Welch); it is reported where both reach 10 x noise, noise being the
    quieter side's rest. Raises `AnalysisError` where the sides do not fit. Source: clinical reference 5.3 (S3), 5.4,
    5.5.
    """
    a, h = affected, healthy
    if a.slave_uv.shape != h.slave_uv.shape:
        raise AnalysisError(f"The sides have {a.slave_uv.shape} and {h.slave_uv.shape} pairs and repetitions.")
    shape = a.slave_uv.shape[:-1]
    limit, c = (
        np.broadcast_to(np.nan if each is None else np.asarray(each, dtype=np.float64), shape)
        for each in (cutoff, crosstalk)
    )
    off_a = taken_off(a.slave_power_uv2, a.master_uv**2, coefficient=c[..., None])
    off_h = taken_off(h.slave_power_uv2, h.master_uv**2, coefficient=c[..., None], most=HEALTHY_CORRECTION)
    counted = h.accepted & a.usable & np.isfinite(off_a.power_uv2) & np.isfinite(off_h.power_uv2)
    floor_h = h.rest.upper_uv2
    floor_a = np.minimum(a.rest.upper_uv2, floor_h)
    noise = np.minimum(a.rest.rms_uv, h.rest.rms_uv)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = counted & (off_h.power_uv2 < floor_h[..., None])
        d = 0.5 * np.log(np.maximum(off_a.power_uv2, floor_a[..., None]))
        level = np.where(counted, d, np.nan)
        d = d - 0.5 * np.log(np.maximum(off_h.power_uv2, floor_h[..., None]))
        noisy = low & (off_a.power_uv2 < floor_a[..., None])
        silent: NDArray[np.bool_] = np.asarray(~(counted & ~noisy).any(axis=-1))
    d = np.where(counted, d, np.nan)
    mean, ci, p = t_interval(d)
    p = np.where(silent, np.nan, p)
    count = counted.sum(axis=-1)
    own, own_error, own_free = _own_ratio(a, h, noise)
    norm_ci = _widened(mean, ci, own, own_error, own_free, count)
    least, least_ci = _bounded(mean, ci, a, h, noise, count)
    _, most_ci = (-each for each in _bounded(-mean, -ci[..., ::-1], h, a, noise, count))
    both = counted & a.accepted
    g, g_ci, _ = t_interval(np.where(both, _log(a.gain) - _log(h.gain), np.nan))
    z = [np.arctanh(np.clip(each.peak_correlation, -0.999, 0.999)) for each in (a, h)]
    r, r_ci, _ = t_interval(np.where(both, z[0] - z[1], np.nan))
    long, long_ci, _ = t_interval(np.where(counted, a.slave_duration_ms - h.slave_duration_ms, np.nan))
    copied, _, _ = t_interval(np.where(counted, off_a.part, np.nan))
    of_level = t_interval(level)
    share = np.stack([a.predictable_share, h.predictable_share], axis=-1)
    risen = np.where(counted, off_a.power_uv2, np.nan)
    evidence = Evidence(
        q=np.exp(mean),
        ci=np.exp(ci),
        normalised=np.exp(mean - own),
        normalised_ci=np.exp(norm_ci),
        least=np.exp(least),
        least_ci=np.exp(least_ci),
        most_ci=np.exp(most_ci[..., ::-1]),
        own_known=np.isfinite(own),
        censored=np.asarray(low.any(axis=-1)),
        slave_uv=np.exp(of_level[0]),
        slave_upper_uv=np.exp(of_level[1][..., 1]),
        noise_uv=noise,
        risen_uv2=t_interval(risen)[0],
        risen_error_uv2=_rest_error(a.rest, counted.sum(axis=-1)),
        healthy_uv=np.sqrt(np.maximum(t_interval(np.where(counted, off_h.power_uv2, np.nan))[0], floor_h)),
        own_ratio=np.exp(own),
        share=share,
        copied=copied,
        coefficient_known=np.isfinite(c),
        master_weak=np.asarray((counted & (a.flaw == Flaw.WEAK)).any(axis=-1)),
        master_still=_still(a, h, counted),
        accepted=counted.sum(axis=-1),
        total=(h.flaw != Flaw.MISSING).sum(axis=-1),
    )
    verdict, reasons = decided(evidence, limit)

    def heard(interval: Floats) -> Floats:
        """The ratio of two floors is the same in every repetition, and no interval comes of that."""
        return np.where(silent[..., None], np.nan, interval)

    return Comparison(
        q=evidence.q,
        q_ci95=heard(evidence.ci),
        q_bca_ci95=heard(np.exp(bca_interval(d))),
        q_db=20 * mean / np.log(10),
        q_censored=evidence.censored,
        normalised_q=evidence.normalised,
        normalised_q_ci95=heard(evidence.normalised_ci),
        gain_ratio=np.exp(g),
        gain_ratio_ci95=np.exp(np.where((both.sum(axis=-1) >= LEAST_REPETITIONS)[..., None], g_ci, np.nan)),
        correlation_change=r,
        correlation_change_ci95=r_ci,
        duration_change_ms=long,
        duration_change_ci95_ms=long_ci,
        p_value=p,
        significant=holm(p),
        copied_part=copied,
        predictable_share=share,
        log_q=d,
        accepted=evidence.accepted,
        total=evidence.total,
        verdict=verdict,
        reasons=reasons,
    )


def asymmetry(q: ArrayLike) -> tuple[Floats, Floats]:
    """Smaller side over larger side, and asymmetry index, both in percent, of ratios affected / healthy; any shape.

    AI = 100 (larger - smaller) / (larger + smaller). Of a muscle in its own task (the pair of a master with itself)
    they compare with those of healthy people. Source: clinical reference 5.4, 7 (W13, n = 154).
    """
    size = np.exp(-np.abs(_log(np.asarray(q, dtype=np.float64))))
    return 100 * size, 100 * (1 - size) / (1 + size)


def _still(a: Repetitions, h: Repetitions, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the affected master was at noise, the quieter side's rest, in every repetition that counts.

    Held against its own rest a contracted muscle that moves would be taken for a paralysed one.
    """
    noise = np.fmin(a.master_rest.rms_uv, h.master_rest.rms_uv)[..., None]
    with np.errstate(invalid="ignore"):
        at_noise = a.master_uv < QUIET_TIMES_NOISE * noise
    return np.asarray(counted.any(axis=-1) & (at_noise | ~counted).all(axis=-1))


def _own_ratio(a: Repetitions, h: Repetitions, noise_uv: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean of ln(own maximum affected / healthy), its squared error and degrees of freedom; NaN where not 10 x
    noise."""
    paired = _log(a.own_uv) - _log(h.own_uv)
    with np.errstate(invalid="ignore"):
        means = [np.exp(t_interval(np.where(np.isfinite(paired), _log(each.own_uv), np.nan))[0]) for each in (a, h)]
        enough = (np.minimum(*means) >= OWN_TIMES_NOISE * noise_uv) & (np.isfinite(paired).sum(axis=-1) >= 2)
    ratio, ci, _ = t_interval(paired)
    count = np.isfinite(paired).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        error = ((ci[..., 1] - ratio) / special.stdtrit(count - 1.0, 0.975)) ** 2
    shape = a.slave_uv.shape[:-1]
    answers = (np.where(enough, each, np.nan) for each in (ratio, error, count - 1.0))
    one, two, three = (np.broadcast_to(each, shape) for each in answers)
    return one, two, three


def _bounded(
    mean: Floats, ci: Floats, weak: Repetitions, strong: Repetitions, noise_uv: Floats, count: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Lower bound of ln(weak / strong), normalised, and its interval, where the own maximum of `weak` alone is below
    10 x noise: nothing is known of it but that it is not above. NaN elsewhere."""
    own, ends, _ = t_interval(_log(strong.own_uv))
    known = np.isfinite(_log(strong.own_uv)).sum(axis=-1)
    least_uv = OWN_TIMES_NOISE * noise_uv
    level = t_interval(_log(weak.own_uv))[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        fits = (np.exp(level) < least_uv) & (np.exp(own) >= least_uv) & (known >= 2)
        error = ((ends[..., 1] - own) / special.stdtrit(known - 1.0, 0.975)) ** 2
        apart = np.where(fits, np.log(least_uv) - own, np.nan)
        limits = _widened(mean, ci, apart, error, known - 1.0, count)
    return mean - apart, limits


def _widened(
    mean: Floats, ci: Floats, own: Floats, own_error: Floats, own_free: Floats, count: NDArray[np.int64]
) -> Floats:
    """Interval of mean - own, two independent means (Welch and Satterthwaite)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        free = count - 1.0
        error = ((ci[..., 1] - mean) / special.stdtrit(np.where(free > 0, free, np.nan), 0.975)) ** 2
        total = error + own_error
        together = total**2 / (error**2 / free + own_error**2 / own_free)
        half = np.where(total > 0, special.stdtrit(together, 0.975) * np.sqrt(total), total)
    return np.stack([mean - own - half, mean - own + half], axis=-1)


def _rest_error(rest: Rest, count: NDArray[np.int64]) -> Floats:
    """SD of the mean power of `count` plateaus of a muscle that does nothing, less the power of rest."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(rest.spread_uv2 * np.sqrt(1 / count + 1 / rest.segments))


def _log(values: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(np.where(values > 0, values, np.nan))
