"""Blink reflex: R1, R2 and R2c of every sweep and channel, and whether a neighbour's response is its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import excursion, first_phase, hinge, reading, volume_conduction
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import Sweeps, lay_out
from npr_daq.analysis.volume_conduction import Conduction
from npr_daq.errors import AnalysisError

R1_MS = (8.0, 20.0)
"""An R1 that begins at its upper limit of 13 ms (clinical reference 4.2) has lasted 3 ms long before the end."""
R2_MS = (25.0, 60.0)
REPRODUCIBLE = 0.6
"""Three of five sweeps."""
LEAST_SWEEPS = 5
BASELINE_MS = (-18.0, -1.0)
LEVEL_MS = ((23.0, 25.0), (75.0, 95.0))
"""Between R1, over by then even where it is late, and R2, and behind R2: a line through the medians of both is the slow
return of R1 and of the artefact."""
R2_LEAST_PART = 0.05
"""An excursion under this part of the R2 is what R1 left."""

CONDUCTED_PERCENT = 25.0
"""Volume conduction stays under this size of the prime mover (clinical reference 6.4: Lapatki 2003)."""
FAR_TIMES = 4.0
COPY, OWN = 0.6, 0.2
"""Shares of the energy explained by copies of the prime movers: from `COPY` on a copy, up to `OWN` not."""

Floats = NDArray[np.float64]


class Origin(StrEnum):
    """Whose response a channel shows."""

    PRIME_MOVER = "prime mover"
    OWN = "own"
    VOLUME_CONDUCTION = "volume conduction"
    CANNOT_TELL = "cannot tell"
    NONE = "no response"


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """One component of the reflex; shapes (..., sweep, channel) and (..., channel); NaN where there is no answer.

    Per sweep: `present`, `onset_latency_ms`, `amplitude_uv` (peak to peak in the window), `area_uv_ms` (rectified, from
    onset to offset, noise area taken off), `duration_ms` (onset to offset). Per channel: `share` of the sweeps that
    show it, `reproducible` (at least 3 of 5, and at least 5 sweeps), `mean_onset_ms` (on the average of the sweeps for
    R1, the median of the sweeps for R2), `first_phase_ms` (hinge on the average of the sweeps, NaN for R2),
    `mean_amplitude_uv` (of the average of the sweeps for R1, mean of the sweeps for R2), `mean_area_uv_ms`,
    `conduction` and `origin` (a word of `Origin`).
    """

    present: NDArray[np.bool_]
    onset_latency_ms: Floats
    amplitude_uv: Floats
    area_uv_ms: Floats
    share: Floats
    reproducible: NDArray[np.bool_]
    mean_onset_ms: Floats
    first_phase_ms: Floats
    mean_amplitude_uv: Floats
    mean_area_uv_ms: Floats
    conduction: Conduction
    origin: NDArray[np.str_]
    duration_ms: Floats

    @property
    def synkinetic(self) -> NDArray[np.bool_]:
        """Reproducible, and neither the prime mover's nor volume conduction: shape (..., channel)."""
        return np.asarray(self.reproducible & (self.origin == Origin.OWN))


@dataclass(frozen=True, slots=True, eq=False)
class BlinkReflex:
    """R1 and R2 of every channel; in the channels of the side that was not stimulated `r2` is R2c."""

    r1: Component
    r2: Component
    noise_uv: Floats


def measure(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: float,
    prime_movers: Sequence[int],
    r1_window_ms: tuple[float, float] = R1_MS,
    r2_window_ms: tuple[float, float] = R2_MS,
    conducted_percent: float = CONDUCTED_PERCENT,
) -> BlinkReflex:
    """Measure the blink reflex in every channel.

    `sweeps_uv` has shape (..., sweep, channel, time), microvolts as recorded, at least 5 ms before the stimulus and up
    to the end of `r2_window_ms`, the artefact taken off (`artefact.correct(..., silent_until_ms=7)` uses all of the
    silence before R1). `prime_movers` are the channels of the orbicularis oculi, of both sides where recorded.

    Present and onset: first sustained (3 ms) excursion beyond 3 SD of the rectified EMG before the stimulus
    (`excursion.sustained`), R1 also on the average of the sweeps. The same measures hold for every channel; `origin`
    says whether a neighbour's response is its own. A neighbour over `conducted_percent` of the strongest prime mover
    (RMS) is its own; below that it is volume conduction where copies of the prime movers, with the weights of the other
    sweeps, explain 60 % of its energy or more; its own where they explain 20 % or less; between, the data cannot tell.
    Channels with a response of their own count as sources too for those a quarter of their size (across the midline).
    For R2 a line from the silence before it to that behind it is taken off every sweep: 5 uV that R1 or the artefact
    left would be an excursion from the window's first sample on; and its excursions must reach 5 % of its largest
    value. Low-passed at 1.5 kHz; nothing is high-passed.
    Raises `AnalysisError` for shapes and windows that do not fit.
    Source: clinical reference 4.2, 6.4.
    """
    data = np.asarray(sweeps_uv)
    Sweeps.check(data, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=r2_window_ms)
    if data.ndim < 3 or not data.shape[-3]:
        raise AnalysisError(f"Sweeps of shape {data.shape} need (..., sweep, channel, time) with at least one sweep.")
    column = round(float(stimulus_sample))
    low, high = (max(0, column + round(edge * rate_hz / 1e3)) for edge in BASELINE_MS)
    baseline = (low, high)
    smooth = low_pass(data.astype(np.float64), rate_hz=rate_hz, corner_hz=hinge.CORNER_HZ).astype(np.float64)
    smooth -= np.median(smooth[..., slice(*baseline)], axis=-1, keepdims=True)
    parts: list[Component] = []
    for name, window_ms in (("r1", r1_window_ms), ("r2", r2_window_ms)):
        where = lay_out(data.shape[-1], column, rate_hz=rate_hz, window_ms=window_ms)
        window = (where.first + where.window[0], where.first + where.window[1])
        if name == "r2":
            smooth = _levelled(smooth, column, rate_hz / 1e3, r2_window_ms)
        conduction = volume_conduction.judge(
            smooth, movers=prime_movers, rate_hz=rate_hz, window=window, baseline=baseline
        )
        parts.append(
            _component(
                smooth,
                conduction,
                averaged=name == "r1",
                movers=list(prime_movers),
                baseline=baseline,
                window=window,
                per_ms=rate_hz / 1e3,
                stimulus=float(stimulus_sample),
                limit=conducted_percent,
            )
        )
    return BlinkReflex(parts[0], parts[1], smooth[..., slice(*baseline)].std(axis=-1))


def _levelled(smooth: Floats, column: int, per_ms: float, window_ms: tuple[float, float]) -> Floats:
    """Sweeps without the line through their two silences; without its start where they end before the second one."""
    before, after = (tuple(column + round(edge * per_ms) for edge in stretch) for stretch in LEVEL_MS)
    if window_ms[0] < LEVEL_MS[0][1]:
        return smooth
    first = np.median(smooth[..., slice(*before)], axis=-1, keepdims=True)
    if window_ms[1] > LEVEL_MS[1][0] or smooth.shape[-1] < after[1]:
        level = np.broadcast_to(first, smooth.shape).copy()
    else:
        last = np.median(smooth[..., slice(*after)], axis=-1, keepdims=True)
        part = (np.arange(smooth.shape[-1]) - sum(before) / 2) / ((sum(after) - sum(before)) / 2)
        level = first + (last - first) * part
    # The baseline before the stimulus has its own level.
    level[..., :column] = 0.0
    return np.asarray(smooth - level)


def _component(
    smooth: Floats,
    conduction: Conduction,
    *,
    averaged: bool,
    movers: list[int],
    baseline: tuple[int, int],
    window: tuple[int, int],
    per_ms: float,
    stimulus: float,
    limit: float,
) -> Component:
    shape = smooth.shape[:-1]
    rows = smooth.reshape(-1, smooth.shape[-1])
    least = 0.0 if averaged else R2_LEAST_PART
    single = _Read.of(rows, baseline=baseline, window=window, per_ms=per_ms, stimulus=stimulus, least_part=least)
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=-1)).reshape(shape)
    count = whole.sum(axis=-2)
    present = single.present.reshape(shape)
    onset, amplitude, area = (each.reshape(shape) for each in (single.onset_ms, single.amplitude, single.area))
    duration = single.duration_ms.reshape(shape)
    filled = np.where(whole[..., None], smooth, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=-3) / count[..., None]
        share = present.sum(axis=-2) / count
        mean_area = np.where(present, area, 0.0).sum(axis=-2) / present.sum(axis=-2)
        mean_size = np.where(whole, amplitude, 0.0).sum(axis=-2) / count
    reproducible = (share >= REPRODUCIBLE) & (count >= LEAST_SWEEPS)
    channels = count.shape
    phase = np.full(channels, np.nan)
    if averaged:
        flat = np.nan_to_num(mean.reshape(-1, mean.shape[-1]))
        together = _Read.of(flat, baseline=baseline, window=window, per_ms=per_ms, stimulus=stimulus)
        middle, mean_size = together.onset_ms.reshape(channels), together.amplitude.reshape(channels)
        _, sigma = reading.median_and_sigma(flat[:, slice(*baseline)])
        column = first_phase.take_off(flat, np.asarray(sigma, dtype=np.float64), window).column
        phase = np.where(together.present, (column - stimulus) / per_ms, np.nan).reshape(channels)
    else:
        middle = _median(onset)
    judged = _origin(conduction, share > 0, movers, limit)
    _seen_from_afar(
        smooth, judged, conduction.size_percent, movers=movers, baseline=baseline, window=window, rate_hz=per_ms * 1e3
    )
    return Component(
        present=present,
        onset_latency_ms=onset,
        amplitude_uv=amplitude,
        area_uv_ms=area,
        share=share,
        reproducible=reproducible,
        mean_onset_ms=middle,
        first_phase_ms=phase,
        mean_amplitude_uv=mean_size,
        mean_area_uv_ms=mean_area,
        conduction=conduction,
        origin=judged,
        duration_ms=duration,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """Presence, onset, peak to peak and area of rows."""

    present: NDArray[np.bool_]
    onset_ms: Floats
    amplitude: Floats
    area: Floats
    duration_ms: Floats

    @classmethod
    def of(
        cls,
        rows: Floats,
        *,
        baseline: tuple[int, int],
        window: tuple[int, int],
        per_ms: float,
        stimulus: float,
        least_part: float = 0.0,
    ) -> "_Read":
        found = excursion.sustained(rows, baseline=baseline, window=window, rate_hz=per_ms * 1e3, least_part=least_part)
        begin = np.where(found.open_start, window[0], found.begin)
        columns = np.arange(*window)
        inside = rows[:, slice(*window)]
        during = (columns >= begin[:, None]) & (columns <= found.end[:, None])
        over = np.where(during, np.abs(inside) - found.quiet[:, None], 0.0).sum(axis=1) / per_ms
        return cls(
            present=found.found,
            onset_ms=(found.begin - stimulus) / per_ms,
            amplitude=np.ptp(inside, axis=1),
            area=np.where(found.found, over, np.nan),
            duration_ms=(found.end - found.begin) / per_ms,
        )


def _origin(conduction: Conduction, shown: NDArray[np.bool_], movers: list[int], limit: float) -> NDArray[np.str_]:
    """The word of `Origin` for every channel."""
    words = np.full(shown.shape, Origin.CANNOT_TELL.value, dtype=f"<U{max(map(len, Origin))}")
    words[conduction.filtered >= COPY] = Origin.VOLUME_CONDUCTION
    words[conduction.filtered <= OWN] = Origin.OWN
    words[conduction.size_percent > limit] = Origin.OWN
    words[~shown | np.isnan(conduction.size_percent)] = Origin.NONE
    words[..., movers] = np.where(shown[..., movers], Origin.PRIME_MOVER.value, Origin.NONE.value)
    return words


def _seen_from_afar(
    smooth: Floats,
    origin: NDArray[np.str_],
    size_percent: Floats,
    *,
    movers: list[int],
    baseline: tuple[int, int],
    window: tuple[int, int],
    rate_hz: float,
) -> None:
    """Take back `OWN` from channels that copies of four times larger ones, which have their own, explain as well."""
    for place in np.ndindex(origin.shape[:-1]):
        own = np.flatnonzero(origin[place] == Origin.OWN)
        size = size_percent[place]
        for channel in own:
            larger = [int(k) for k in own if size[k] > FAR_TIMES * size[channel]]
            if not larger:
                continue
            known = [*(k for k in movers if np.isfinite(size[k])), *larger]
            again = volume_conduction.judge(
                smooth[place], movers=known, rate_hz=rate_hz, window=window, baseline=baseline
            ).filtered[channel]
            if again > OWN:
                origin[(*place, channel)] = Origin.VOLUME_CONDUCTION if again >= COPY else Origin.CANNOT_TELL


def _median(values: Floats) -> Floats:
    """Median over the sweeps (..., sweep, channel) that have a value; NaN where none has."""
    ordered = np.sort(values, axis=-2)
    known = np.isfinite(values).sum(axis=-2)
    last = np.maximum(known - 1, 0)
    low, high = (np.take_along_axis(ordered, k[..., None, :], axis=-2)[..., 0, :] for k in (last // 2, (last + 1) // 2))
    return np.asarray(0.5 * (low + high))
