"""What each muscle answered at one site: measures of the average, amplitudes sweep by sweep, and whether it repeats."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import definitions, evoked
from npr_daq.analysis.layout import BASELINE_MS
from npr_daq.analysis.response import PRESENT_SD
from npr_daq.findings import hum
from npr_daq.findings.concordance import agreeing, enough
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.series import Series

Floats = NDArray[np.float64]

REPEATS_T = 3.0
"""Mean over standard error of the leave-one-out amplitudes from which a response counts as repeating [proposal]."""


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """One muscle's answer. Latencies are corrected for the channel's delay; NaN where there is no answer.

    Measured from the sweeps that agree: `kept` (sweep,) says which of the series they are, `sweeps_mv` and `shifts_ms`
    are theirs. Where too few agree (`scattered`) all are measured and none is set aside. `noise_uv` is that of the
    average, `sweep_noise_uv` that of one sweep on the amplitude path, `raw_noise_uv` that of one sweep before any
    filter. `doubt_uv` is the SD of what the removal of the artefact may have left in the peak to peak, alike in all
    sweeps. `hum_uv` is the hum of the average, peak to peak, None where it could not be judged. `other_onsets_ms` holds
    the onset by the definitions of `analysis.definitions`, `disagreement` whether the hinge lies elsewhere.
    """

    elicited: bool
    onset_ms: float
    peak_ms: float
    negative_mv: float
    peak_to_peak_mv: float
    area_mv_ms: float
    duration_ms: float
    start_mv: float
    noise_uv: float
    sweep_noise_uv: float
    raw_noise_uv: float
    doubt_uv: float
    hum_uv: float | None
    snr_latency: float
    other_onsets_ms: Mapping[str, float]
    disagreement: bool
    phases: int
    polyphasic: bool
    flags: tuple[str, ...]
    sweeps_mv: Floats
    shifts_ms: Floats
    kept: NDArray[np.bool_]
    agree: int

    @property
    def snr_amplitude(self) -> float:
        """Negative peak over noise, both of the average on the amplitude path (clinical reference 6.5)."""
        return _over(self.negative_mv, self.noise_uv)

    @property
    def snr_sweep(self) -> float:
        """Negative peak over the noise of one sweep before any filter, the scale of clinical reference 2.3."""
        return _over(self.negative_mv, self.raw_noise_uv)

    @property
    def set_aside(self) -> int:
        """How many sweeps of the series were not measured because they differ from the rest."""
        return int(self.kept.size - self.kept.sum())

    @property
    def scattered(self) -> bool:
        """Whether too few sweeps agree to stand for the series."""
        return self.set_aside == 0 and self.agree < self.kept.size

    @property
    def noise_limit_mv(self) -> float:
        """Peak to peak of the smallest response that the noise of the average lets through: 5 SD either way."""
        return 2.0 * PRESENT_SD * self.noise_uv / 1e3

    @property
    def scatter_limit_mv(self) -> float:
        """Peak to peak of the smallest response that the scatter of the sweeps lets count as repeating."""
        known = self.sweeps_mv[np.isfinite(self.sweeps_mv)]
        return REPEATS_T * float(known.std(ddof=1) / np.sqrt(known.size)) if known.size > 1 else float("inf")


def _over(signal_mv: float, noise_uv: float) -> float:
    return signal_mv * 1e3 / noise_uv if noise_uv > 0 else float("inf")


def responses(series: Series, parameters: Parameters) -> tuple[Response, ...]:
    """One `Response` per channel of `series`, in channel order; the series must have at least one sweep."""
    everything = np.ones(series.count, dtype=bool)
    found = _measured(series, everything, parameters)
    return tuple(_concordant(series, row, one, parameters) for row, one in enumerate(found))


def _concordant(series: Series, row: int, first: Response, parameters: Parameters) -> Response:
    """The answer of the sweeps that agree, measured again where others were set aside."""
    group = agreeing(
        first.sweeps_mv,
        first.shifts_ms,
        noise_mv=first.sweep_noise_uv / 1e3,
        negative_mv=first.negative_mv,
        parameters=parameters,
    )
    agree = int(group.sum())
    if agree == group.size or not enough(group, parameters):
        return replace(first, agree=agree)
    [again] = _measured(series.only(row, group, parameters.window_ms), group, parameters)
    return replace(again, agree=agree)


def _measured(series: Series, kept: NDArray[np.bool_], parameters: Parameters) -> list[Response]:
    """Every channel of `series`; `kept` is what its sweeps are of the whole series."""
    window = parameters.window_ms
    measured = evoked.measure(
        series.average_uv, rate_hz=series.rate_hz, stimulus_sample=series.average_stimulus, window_ms=window
    )
    per_sweep = series.single_sweeps_mv(window)
    flags = measured.flag_names()
    average, at = series.average_uv, series.average_stimulus
    others = definitions.latencies(average, rate_hz=series.rate_hz, stimulus_sample=at, window_ms=window)
    apart = definitions.disagrees(measured.onset_latency_ms, others.ten_percent_ms, snr_db=measured.snr_db)
    shape = definitions.phases(average, rate_hz=series.rate_hz, stimulus_sample=at, window_ms=window)
    raw = _raw_noise_uv(series)
    hums = hum.peaks_to_peaks_uv([series.time_ms(row) for row in range(len(series.channels))], series.average_uv)
    found = []
    for row in range(len(series.channels)):
        amplitudes = np.asarray(per_sweep[row], dtype=float)
        noise_uv = float(measured.noise_uv[row])
        found.append(
            Response(
                elicited=bool(measured.present[row]) and repeats(amplitudes, parameters),
                onset_ms=float(measured.onset_latency_ms[row]),
                peak_ms=float(measured.peak_latency_ms[row]),
                negative_mv=float(measured.negative_peak_mv[row]),
                peak_to_peak_mv=float(measured.peak_to_peak_mv[row]),
                area_mv_ms=float(measured.negative_area_mv_ms[row]),
                duration_ms=float(measured.negative_duration_ms[row]),
                start_mv=float(measured.start_uv[row]) / 1e3,
                noise_uv=noise_uv,
                sweep_noise_uv=noise_uv * float(np.sqrt(series.count)),
                raw_noise_uv=float(raw[row]),
                doubt_uv=_doubt_uv(series, row, float(measured.peak_read_ms[row]), float(measured.trough_read_ms[row])),
                hum_uv=hums[row],
                snr_latency=float(10.0 ** (measured.snr_db[row] / 20.0)),
                other_onsets_ms={name: float(getattr(others, name)[row]) for name in definitions.NAMES},
                disagreement=bool(apart[row]),
                phases=int(shape.count[row]),
                polyphasic=bool(shape.polyphasic[row]),
                flags=tuple(flags[row]),
                sweeps_mv=amplitudes,
                shifts_ms=np.asarray(series.shifts_samples[row], dtype=float) * 1e3 / series.rate_hz,
                kept=kept,
                agree=int(kept.sum()),
            )
        )
    return found


def _doubt_uv(series: Series, row: int, peak_ms: float, trough_ms: float) -> float:
    doubt = None if series.cleaned is None else series.cleaned.doubt(row)
    return 0.0 if doubt is None else doubt.between(peak_ms, trough_ms)


def _raw_noise_uv(series: Series) -> Floats:
    """Median over the sweeps of the robust SD of the unfiltered baseline, shape (channel,) (clinical reference 2.1)."""
    first = float(series.stimulus_sample.min())
    low, high = (max(0, int(first + ms * series.rate_hz / 1e3)) for ms in BASELINE_MS)
    baseline = series.uv[..., low : high + 1]
    middle = np.median(baseline, axis=-1, keepdims=True)
    return np.asarray(np.median(1.4826 * np.median(np.abs(baseline - middle), axis=-1), axis=-1))


def repeats(amplitudes_mv: Floats, parameters: Parameters) -> bool:
    """Whether a response comes back sweep after sweep.

    Leave-one-out amplitudes of noise alone scatter about zero, because the peak instants come from the other sweeps.
    """
    finite = amplitudes_mv[np.isfinite(amplitudes_mv)]
    if finite.size < parameters.min_sweeps:
        return False
    error = finite.std(ddof=1) / np.sqrt(finite.size)
    return bool(finite.mean() > REPEATS_T * error) and int(np.sum(finite > 0)) >= parameters.min_sweeps
