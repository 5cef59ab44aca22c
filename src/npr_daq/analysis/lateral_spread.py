"""Lateral spread: reproducible late responses in muscles that the stimulated branch does not supply."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import first_phase, hinge, reading, volume_conduction
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import Layout, Sweeps, lay_out
from npr_daq.analysis.volume_conduction import Conduction
from npr_daq.errors import AnalysisError

WINDOW_MS = (7.5, 20.0)
DIRECT_MS = (1.5, 7.0)
PRESENT_SD = 3.0
SHARE = 0.6
"""Three of five sweeps."""
LEAST_SWEEPS = 5
LATENCY_SD_MS = 1.0
CONDUCTED_PERCENT = 25.0
"""Volume conduction stays under this size of the mover (clinical reference 6.4: Lapatki 2003)."""
COPY = 0.6
"""Share of a channel's energy that copies of the movers must explain to be volume conduction."""
NEW_TIMES = 3.0
ADDED = 1.2
LARGEST_LAG_MS = 3.0
"""A late response so many times as large as the early one of its muscle is no tail of that."""
TAIL_MS = (1.0, 12.0)
"""Time constants that a slow return may have."""

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """What the late window of a muscle shows."""

    PRESENT = "present"
    ABSENT = "absent"
    CANNOT_TELL = "cannot tell"
    """A late response under three times the early one of its muscle: its tail, perhaps, or made by the removal."""
    OWN_BRANCH = "own branch"
    """The stimulated branch supplies the muscle: a late response of it is an F wave."""
    TOO_FEW = "too few sweeps"


@dataclass(frozen=True, slots=True, eq=False)
class LateralSpread:
    """Late responses of muscles; shapes (..., sweep, muscle) and (..., muscle); NaN where there is no answer.

    `present`, `latency_ms` per sweep. Per muscle: `share` of the sweeps, `latency_mean_ms` and `latency_sd_ms` of those
    that show it, `amplitude_uv` (peak to peak of the mean of all sweeps in the late window), `reproducible` (3 of 5,
    at least 5 sweeps, latency SD under 1 ms), `removed_uv` (largest value in the late window of what was taken off: the
    movers' copies and the slow return), `direct_uv` (peak to peak of the muscle in the early window as recorded),
    `conduction` of the late window as recorded, `verdict` a word of `Verdict`, `lateral_spread` where it is `PRESENT`.
    `noise_uv`: SD without a response, jitter included.
    """

    present: NDArray[np.bool_]
    latency_ms: Floats
    share: Floats
    latency_mean_ms: Floats
    latency_sd_ms: Floats
    amplitude_uv: Floats
    removed_uv: Floats
    direct_uv: Floats
    noise_uv: Floats
    reproducible: NDArray[np.bool_]
    verdict: NDArray[np.str_]
    lateral_spread: NDArray[np.bool_]
    conduction: Conduction


def lateral_spread(
    sweeps_uv: ArrayLike,
    *,
    movers: Sequence[int],
    rate_hz: float,
    stimulus_sample: float,
    window_ms: tuple[float, float] = WINDOW_MS,
    direct_ms: tuple[float, float] = DIRECT_MS,
) -> LateralSpread:
    """Judge the late window of every muscle while one branch is stimulated.

    `sweeps_uv` has shape (..., sweep, muscle, time), microvolts as recorded, the artefact taken off; `movers` are
    the muscles on that axis which the stimulated branch supplies; `stimulus_sample` is one for all.

    Two things that are no late response are taken off first: copies of the movers (volume conduction, direct response
    and F wave alike), with weights fitted to `direct_ms` over all sweeps, delays as in `volume_conduction`; and a slow
    return, an exponential through value and slope at the start of the window. Present in a sweep: 3 SD, the jitter of
    the direct response included; reproducible by the rule of 3 of 5 sweeps with a latency SD under 1 ms. What is left
    may still be the tail of a response to current spread: only a late response of three times the muscle's early one is
    called present, a smaller one cannot be told from a tail. Where copies of the movers explain 60 % of the late window
    as recorded and it is at most 25 % of their size, it is volume conduction (absent).
    Low-passed at 1.5 kHz. Onset: the hinge on the first phase, of either polarity, of the mean of the sweeps; each
    sweep is later than that by where it is most like the mean of the others.
    Raises `AnalysisError` for shapes and windows that do not fit. Source: clinical reference 4.3, 5.5.
    """
    data = np.asarray(sweeps_uv)
    checked = Sweeps.check(data, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    if data.ndim < 3 or not data.shape[-3]:
        raise AnalysisError(f"Sweeps of shape {data.shape} need (..., sweep, muscle, time) with at least one sweep.")
    column = round(float(stimulus_sample))
    n_time = data.shape[-1]
    late = columns(lay_out(n_time, column, rate_hz=rate_hz, window_ms=window_ms))
    early = columns(lay_out(n_time, column, rate_hz=rate_hz, window_ms=direct_ms))
    smooth = low_pass(data.astype(np.float64), rate_hz=rate_hz, corner_hz=hinge.CORNER_HZ).astype(np.float64)
    quiet = lay_out(n_time, column, rate_hz=rate_hz, window_ms=window_ms)
    before = (quiet.first + quiet.baseline[0], quiet.first + quiet.baseline[1])
    smooth -= np.median(smooth[..., slice(*before)], axis=-1, keepdims=True)
    conduction = volume_conduction.judge(smooth, movers=movers, rate_hz=rate_hz, window=late, baseline=before)
    series = smooth.reshape(-1, *data.shape[-3:])
    rest = np.stack([beyond(one, movers, rate_hz=rate_hz, early=early, late=late) for one in series])
    sigma = _noise(rest, before=before, early=early)

    high = np.abs(rest[..., slice(*late)]).max(axis=-1)
    present = np.nan_to_num(high) > PRESENT_SD * sigma
    whole = np.isfinite(high)
    count = whole.sum(axis=1)
    mean = np.where(whole[..., None], rest, 0.0).sum(axis=1) / np.maximum(count, 1)[..., None]
    steady = np.sqrt(np.square(sigma).mean(axis=1) / np.maximum(count, 1)).reshape(-1)
    onset = first_phase.take_off(mean.reshape(-1, n_time), steady, late).column.reshape(count.shape)
    later = _later(rest, whole, late, rate_hz)
    latency = np.where(present, (onset[:, None] - stimulus_sample) / rate_hz * 1e3 + later, np.nan)
    known = np.isfinite(latency)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = present.sum(axis=1) / count
        centre = np.where(known, latency, 0).sum(axis=1) / known.sum(axis=1)
        spread = np.where(known, latency - centre[:, None], 0.0)
        deviation = np.sqrt(np.square(spread).sum(axis=1) / (known.sum(axis=1) - 1))
        as_recorded = np.where(whole[..., None], series, 0.0).sum(axis=1) / count[..., None]
    reproducible = (share >= SHARE) & (count >= LEAST_SWEEPS) & (deviation < LATENCY_SD_MS)
    reproducible &= known.sum(axis=1) >= SHARE * count
    amplitude = np.ptp(mean[..., slice(*late)], axis=-1)
    direct = np.ptp(as_recorded[..., slice(*early)], axis=-1)
    verdict = np.where(reproducible, Verdict.PRESENT.value, Verdict.ABSENT.value).astype(LONGEST_WORD)
    recorded = np.ptp(as_recorded[..., slice(*late)], axis=-1)
    # What is larger after the removal than before it, the removal has made.
    unsure = (amplitude < NEW_TIMES * direct) | (amplitude > ADDED * recorded)
    verdict[reproducible & unsure] = Verdict.CANNOT_TELL
    copied = conduction.filtered.reshape(verdict.shape) >= COPY
    verdict[copied & (conduction.size_percent.reshape(verdict.shape) <= CONDUCTED_PERCENT)] = Verdict.ABSENT
    verdict[count < LEAST_SWEEPS] = Verdict.TOO_FEW
    verdict[:, list(movers)] = Verdict.OWN_BRANCH
    per_sweep, per_muscle = data.shape[:-1], (*checked.leading[:-2], data.shape[-2])
    return LateralSpread(
        present=present.reshape(per_sweep),
        latency_ms=latency.reshape(per_sweep),
        share=share.reshape(per_muscle),
        latency_mean_ms=centre.reshape(per_muscle),
        latency_sd_ms=deviation.reshape(per_muscle),
        amplitude_uv=amplitude.reshape(per_muscle),
        removed_uv=np.abs((as_recorded - mean)[..., slice(*late)]).max(axis=-1).reshape(per_muscle),
        direct_uv=direct.reshape(per_muscle),
        noise_uv=sigma.mean(axis=1).reshape(per_muscle),
        reproducible=reproducible.reshape(per_muscle),
        verdict=verdict.reshape(per_muscle),
        lateral_spread=(verdict == Verdict.PRESENT).reshape(per_muscle),
        conduction=conduction,
    )


LONGEST_WORD = f"<U{max(map(len, Verdict))}"


def columns(where: Layout) -> tuple[int, int]:
    """The columns of the window counted from the start of the sweep."""
    return where.first + where.window[0], where.first + where.window[1]


def beyond(
    sweeps: Floats, movers: Sequence[int], *, rate_hz: float, early: tuple[int, int], late: tuple[int, int]
) -> Floats:
    """Sweeps (sweep, muscle, time) without copies of the movers and without the slow return; movers keep their own."""
    whole = np.isfinite(sweeps).all(axis=(1, 2))
    rest = np.full(sweeps.shape, np.nan)
    if whole.any():
        kept = sweeps[whole]
        fitted = volume_conduction.copies(kept, movers, rate_hz=rate_hz, columns=early)
        found = volume_conduction.weights(fitted, kept[..., slice(*early)])
        found[:, list(movers)] = 0.0
        every = volume_conduction.copies(kept, movers, rate_hz=rate_hz, columns=(0, sweeps.shape[-1]))
        rest[whole] = kept - np.einsum("ik,sit->skt", found, every)
        rest[whole] -= _slow_return(rest[whole], late, rate_hz)
    return rest


def _slow_return(rest: Floats, late: tuple[int, int], rate_hz: float) -> Floats:
    """Exponential from the start of the late window on, through value and slope of the mean sweep 1.5 ms before."""
    reach = max(4, round(1.5 * rate_hz / 1e3))
    mean = rest.mean(axis=0)
    stretch = mean[:, late[0] - reach : late[0] + 1]
    at = np.arange(-reach, 1)
    slope = (stretch * (at - at.mean())).sum(axis=-1) / np.square(at - at.mean()).sum()
    value = stretch.mean(axis=-1) - slope * at.mean()
    per_ms = rate_hz / 1e3
    with np.errstate(divide="ignore", invalid="ignore"):
        constant = np.where(value * slope < 0, -value / slope / per_ms, np.nan)
    constant = np.clip(np.nan_to_num(constant, nan=TAIL_MS[0]), *TAIL_MS)
    after = np.maximum(np.arange(rest.shape[-1]) - late[0], 0) / per_ms
    tail = value[:, None] * np.exp(-after / constant[:, None])
    tail[:, : late[0]] = 0.0
    return np.asarray(tail)


def _later(rest: Floats, whole: NDArray[np.bool_], late: tuple[int, int], rate_hz: float) -> Floats:
    """Milliseconds (series, sweep, muscle) by which each sweep is later than the others, within 3 ms, by likeness."""
    kept = np.where(whole[..., None], rest, 0.0)
    others = (kept.sum(axis=1, keepdims=True) - kept)[..., slice(*late)]
    reach = round(LARGEST_LAG_MS * rate_hz / 1e3)
    columns = np.arange(*late)
    lags = np.arange(-reach, reach + 1)
    inside = ((columns + lag).clip(0, rest.shape[-1] - 1) for lag in lags)
    alike = np.stack([np.einsum("...t,...t->...", kept[..., at], others) for at in inside])
    return np.asarray(lags[alike.argmax(axis=0)] / rate_hz * 1e3)


def _noise(rest: Floats, *, before: tuple[int, int], early: tuple[int, int]) -> Floats:
    """SD without a response (series, sweep, muscle): noise of the baseline, and the jitter of the direct response."""
    quiet = rest[..., slice(*before)]
    flat = quiet.reshape(-1, quiet.shape[-1])
    _, sigma = reading.median_and_sigma(flat)
    noise = np.asarray(sigma, dtype=np.float64).reshape(quiet.shape[:-1])
    if rest.shape[1] < 2:
        return noise
    direct = rest[..., slice(*early)]
    jitter = np.quantile(np.nanvar(direct, axis=1, ddof=1), 0.9, axis=-1)
    extra = np.maximum(jitter[:, None] - np.square(noise), 0.0)
    return np.asarray(np.hypot(noise, np.sqrt(extra)))
