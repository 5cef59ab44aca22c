"""What a response measures when a human has moved a marker on its average."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import amplitude, reading
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import WINDOW_MS, Sweeps, lay_out
from npr_daq.errors import AnalysisError

Floats = NDArray[np.float64]

SAME_MS = 1e-3
"""An end found again within this is the end that was measured; the two paths differ in precision."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One response as measured: ms from the stimulus, magnitudes in mV and mV ms, NaN where there is no answer."""

    onset_ms: float
    peak_ms: float
    end_ms: float
    negative_mv: float
    peak_to_peak_mv: float
    area_mv_ms: float

    @property
    def duration_ms(self) -> float:
        """Duration of the negative phase."""
        return self.end_ms - self.onset_ms


def with_markers(
    average_uv: ArrayLike,
    measured: Measured,
    *,
    rate_hz: float,
    stimulus_sample: float,
    window_ms: tuple[float, float] = WINDOW_MS,
    onset_ms: float | None = None,
    peak_ms: float | None = None,
    end_ms: float | None = None,
) -> Measured:
    """`measured` with some markers at other instants, and everything that follows from them read again.

    `average_uv` (time,) is the average in microvolts as recorded, `stimulus_sample` its stimulus; None leaves a marker
    where it was measured, and what depends on no moved marker keeps its value to the last bit. Read on the amplitude
    path of `evoked.measure`, x = baseline - signal:

    - onset: the negative peak is x(peak) - x(onset); the area begins there.
    - negative peak: x(peak) counts from the same foot as before; the peak to peak changes by as much as x(peak); the
      negative phase ends at the first return to zero behind it.
    - end of the negative phase: the area ends there.

    Raises AnalysisError where a marker lies outside the sweep or the markers are out of order. Source: clinical
    reference 2.2 (A_n, A_pp, D_n, S_n).
    """
    if onset_ms is None and peak_ms is None and end_ms is None:
        return measured
    path = _path(average_uv, rate_hz, stimulus_sample, window_ms)
    for given in (onset_ms, peak_ms, end_ms):
        if given is not None and not path.holds(given):
            raise AnalysisError(
                f"a marker at {given:g} ms is outside the sweep, which lasts to {path.last_ms:.2f} ms; move it into it"
            )
    onset = measured.onset_ms if onset_ms is None else onset_ms
    peak = measured.peak_ms if peak_ms is None else peak_ms
    end = measured.end_ms
    if end_ms is not None:
        end = end_ms
    elif peak_ms is not None or not np.isfinite(end):
        found = path.return_after(peak, measured.negative_mv)
        end = end if abs(found - end) < SAME_MS else found
    if (np.isfinite(onset) and not onset < peak) or (np.isfinite(end) and not peak < end):
        raise AnalysisError(
            f"the markers are out of order: onset {onset:.2f} ms, negative peak {peak:.2f} ms, end {end:.2f} ms"
        )
    same = (onset, end) == (measured.onset_ms, measured.end_ms)
    grown_mv = path.at(peak) - path.at(measured.peak_ms)
    return replace(
        measured,
        onset_ms=onset,
        peak_ms=peak,
        end_ms=end,
        negative_mv=measured.negative_mv + grown_mv if onset_ms is None else path.at(peak) - path.at(onset),
        peak_to_peak_mv=measured.peak_to_peak_mv + grown_mv,
        area_mv_ms=measured.area_mv_ms if same else path.area(onset, end),
    )


def growth_mv(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    late_samples: ArrayLike,
    from_ms: float,
    to_ms: float,
) -> Floats:
    """How much higher each sweep is at `to_ms` than at `from_ms`, both of the average, shape (sweep,), in mV.

    `sweeps_uv` (sweep, time) as recorded, `late_samples` (sweep,) how late each one's response is (as `align` gives
    it). Read on the amplitude path at fixed instants, so that noise does not raise it.
    """
    wide = -low_pass(np.asarray(sweeps_uv, np.float64), rate_hz=rate_hz, corner_hz=amplitude.CORNER_HZ) / 1e3
    zero = np.asarray(stimulus_sample, np.float64) + np.asarray(late_samples, np.float64)
    per_ms = rate_hz / 1e3
    return reading.value_at(wide, zero + to_ms * per_ms) - reading.value_at(wide, zero + from_ms * per_ms)


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """The upright amplitude path of one average, millivolts (time,), `stimulus` its column of time zero."""

    upright_mv: Floats
    sigma_mv: float
    stimulus: float
    per_ms: float
    window: tuple[int, int]

    @property
    def last_ms(self) -> float:
        return (len(self.upright_mv) - 1 - self.stimulus) / self.per_ms

    def holds(self, ms: float) -> bool:
        return 0.0 <= ms <= self.last_ms

    def at(self, ms: float) -> float:
        """Value at an instant."""
        return float(reading.value_at(self.upright_mv[None], np.array([self._column(ms)]))[0])

    def return_after(self, peak_ms: float, negative_mv: float) -> float:
        """First return to zero behind a peak, as `evoked.measure` finds it."""
        found = amplitude.extent(
            self.upright_mv[None],
            np.array([self.sigma_mv]),
            # Asked for only to know that there is a response.
            onset=np.array([self.stimulus]),
            peak_column=np.array([self._column(peak_ms)]),
            negative_peak=np.array([negative_mv]),
            window=self.window,
        )
        return float((found.negative_end[0] - self.stimulus) / self.per_ms)

    def area(self, begin_ms: float, end_ms: float) -> float:
        """Integral between two instants, mV ms; the straight lines between samples, broken at both ends."""
        if not (np.isfinite(begin_ms) and np.isfinite(end_ms)):
            return float("nan")
        begin, end = self._column(begin_ms), self._column(end_ms)
        columns = np.array([begin, *range(int(np.floor(begin)) + 1, int(np.ceil(end))), end])
        values = np.interp(columns, np.arange(len(self.upright_mv)), self.upright_mv)
        return float(np.trapezoid(values, columns) / self.per_ms)

    def _column(self, ms: float) -> float:
        return self.stimulus + ms * self.per_ms


def _path(average_uv: ArrayLike, rate_hz: float, stimulus_sample: float, window_ms: tuple[float, float]) -> _Path:
    checked = Sweeps.check(
        np.asarray(average_uv, np.float64)[None],
        rate_hz=rate_hz,
        stimulus_sample=np.array([stimulus_sample]),
        window_ms=window_ms,
    )
    where = lay_out(checked.rows.shape[1], int(checked.columns[0]), rate_hz=rate_hz, window_ms=window_ms)
    wide = low_pass(checked.rows, rate_hz=rate_hz, corner_hz=amplitude.CORNER_HZ)
    low, high = (where.first + column for column in where.baseline)
    middle, sigma = reading.median_and_sigma(wide[:, low:high])
    return _Path(
        upright_mv=np.asarray((middle[0] - wide[0]) / 1e3, np.float64),
        sigma_mv=float(sigma[0]) / 1e3,
        stimulus=stimulus_sample,
        per_ms=rate_hz / 1e3,
        window=(where.first + where.window[0], where.first + where.window[1]),
    )
