"""Alignment of repeated sweeps to their mean."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import hinge, reading
from npr_daq.analysis.conditioning import low_pass
from npr_daq.analysis.layout import WINDOW_MS, Layout, Sweeps, lay_out
from npr_daq.errors import AnalysisError

STEPS = 3
LARGEST_MS = 1.0
WORTHWHILE_MS = 0.1
ABOVE_NOISE = 3.0

Floats = NDArray[np.float64]


def align(
    sweeps_uv: ArrayLike,
    *,
    rate_hz: float,
    stimulus_sample: ArrayLike,
    window_ms: tuple[float, float] = WINDOW_MS,
) -> tuple[Floats, Floats]:
    """Mean of repeated sweeps after each is moved onto the others, and how late each one was.

    `sweeps_uv` has shape (..., sweep, time) in microvolts; `stimulus_sample` may be fractional and broadcasts over
    (..., sweep). Gives the aligned mean (..., time), unfiltered, whose stimulus lies at the mean of `stimulus_sample`
    over the sweep axis, and the shifts (..., sweep) in samples: the response latency of each sweep minus the mean
    latency, differences between the stimulus samples already taken out.

    Three Gauss-Newton steps for delay and size of each sweep against the mean on the latency path, then an
    interpolation by FFT. Where the noise would make a shift uncertain by more than 0.1 ms, or a shift leaves
    +-1 ms, the sweep stays where its stimulus puts it. Sweeps with a gap take no part: their shift is NaN; a mean of
    none is NaN.
    Source: analysis reference 3b (relative latency), 3d.
    """
    series = Series.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
    placed, shifts = moved(series)
    return _mean(placed).reshape(*series.leading, -1), shifts.reshape(*series.leading, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Repeats: `sweeps` (series, sweep, time), `stimulus` (series, sweep) and `reference` (series,) in samples."""

    sweeps: Floats
    stimulus: Floats
    reference: Floats
    leading: tuple[int, ...]
    rate_hz: float
    window_ms: tuple[float, float]

    @classmethod
    def check(
        cls, sweeps_uv: ArrayLike, *, rate_hz: float, stimulus_sample: ArrayLike, window_ms: tuple[float, float]
    ) -> "Series":
        """The input as series of repeats; `AnalysisError` says in a sentence what is wrong with it."""
        flat = Sweeps.check(sweeps_uv, rate_hz=rate_hz, stimulus_sample=stimulus_sample, window_ms=window_ms)
        if not flat.leading or flat.leading[-1] == 0:
            raise AnalysisError("Repeated sweeps need the shape (..., sweep, time) with at least one sweep.")
        n_sweeps = flat.leading[-1]
        sweeps = flat.rows.reshape(-1, n_sweeps, flat.rows.shape[-1]).astype(np.float64)
        stimulus = flat.stimulus.reshape(-1, n_sweeps)
        return cls(sweeps, stimulus, stimulus.mean(axis=-1), flat.leading[:-1], flat.rate_hz, flat.window_ms)

    def layout(self, index: int) -> Layout:
        """Where baseline and window lie in the mean of series `index`."""
        column = int(np.rint(self.reference[index]))
        return lay_out(self.sweeps.shape[-1], column, rate_hz=self.rate_hz, window_ms=self.window_ms)


def moved(series: Series) -> tuple[Floats, Floats]:
    """Sweeps moved onto their common mean, and the shifts (series, sweep) that were taken out beyond the stimulus's."""
    whole = np.asarray(np.isfinite(series.sweeps).all(axis=-1))
    result = np.full(series.sweeps.shape, np.nan)
    shifts = np.full(series.stimulus.shape, np.nan)
    if not whole.any():
        return result, shifts
    sweeps = series.sweeps[whole]
    offset = (series.stimulus - series.reference[:, None])[whole]
    # All rows at once: many short series would pay for each filter's and each transform's setting up.
    smooth = np.empty(series.sweeps.shape)
    smooth[whole] = low_pass(_advance(sweeps, offset), rate_hz=series.rate_hz, corner_hz=hinge.CORNER_HZ)
    for index in np.flatnonzero(whole.any(axis=1)):
        where = series.layout(int(index))
        kept = whole[index]
        shifts[index, kept] = _delays(smooth[index, kept, where.first : where.stop], series, where)
    result[whole] = _advance(sweeps, offset + shifts[whole])
    return result, shifts


def _delays(smooth: Floats, series: Series, where: Layout) -> Floats:
    """Delay of each low-passed sweep (sweep, time from `where.first`) against the mean of all, in samples.

    Zero where it is not worth correcting.
    """
    n_sweeps = len(smooth)
    if n_sweeps < 2:
        return np.zeros(n_sweeps)
    middle, sigma = reading.median_and_sigma(smooth[:, slice(*where.baseline)])
    smooth = smooth - middle[:, None]
    inside = slice(*where.window)
    largest = LARGEST_MS * series.rate_hz / 1e3
    # What noise alone would give the slope of a mean: sweeps without a response must not be aligned to their noise.
    quiet = np.gradient(smooth[:, slice(*where.baseline)], axis=1)
    columns = where.window[1] - where.window[0]
    noise_power = columns * float(quiet.var(axis=1).mean()) / n_sweeps
    # Low-passed noise has fewer independent samples than columns.
    independent = min(1.0, 2 * hinge.CORNER_HZ / series.rate_hz)
    delay = np.zeros(n_sweeps)
    worthwhile = np.ones(n_sweeps, dtype=bool)
    circle = _Circle(smooth)
    for _ in range(STEPS):
        shifted = circle.advanced(delay)
        mean = shifted[:, inside].mean(axis=0)
        slope = np.gradient(mean)
        power = float(slope @ slope)
        if power == 0 or not power >= ABOVE_NOISE * noise_power:
            return np.zeros(n_sweeps)
        worthwhile = sigma <= WORTHWHILE_MS * series.rate_hz / 1e3 * np.sqrt((power - noise_power) * independent)
        size = shifted[:, inside] @ mean / float(mean @ mean)
        rest = shifted[:, inside] - size[:, None] * mean
        # A sweep later by d is m(t - d): its rest is -d size m'.
        step = np.divide(-(rest @ slope), size * power, out=np.zeros(n_sweeps), where=size > 0)
        delay = np.clip(delay + step, -2 * largest, 2 * largest)
        good = worthwhile & (np.abs(delay) <= largest) & (size > 0)
        delay = np.where(good, delay - (delay[good].mean() if good.any() else 0.0), 0.0)
    return delay


def _advance(sweeps: Floats, samples: NDArray[Any]) -> Floats:
    """Each row (row, time) moved earlier by a fractional number of samples; the ends are extended by odd reflection."""
    return _Circle(sweeps).advanced(samples)


class _Circle:
    """Rows (row, time) ready to be moved any number of times: extended by odd reflection and transformed once."""

    def __init__(self, sweeps: Floats) -> None:
        self.sweeps = sweeps

    @cached_property
    def _transformed(self) -> tuple[Floats, Floats, Any]:
        """Origin and slope (row, 1) of the line that is taken out, and the spectrum of the rest (row, frequency)."""
        sweeps, pad = self.sweeps, self._pad
        before = 2 * sweeps[:, :1] - sweeps[:, pad:0:-1]
        after = 2 * sweeps[:, -1:] - sweeps[:, -2 : -pad - 2 : -1]
        longer = np.concatenate([before, sweeps, after], axis=1)
        # A straight line between the ends is taken out, so that the circle of the FFT closes without a step.
        slope = (longer[:, -1:] - longer[:, :1]) / (longer.shape[1] - 1)
        origin = longer[:, :1].copy()
        longer -= origin + slope * np.arange(longer.shape[1])
        return origin, slope, np.fft.rfft(longer, axis=1)

    @property
    def _pad(self) -> int:
        return int(min(self.sweeps.shape[-1] - 1, 64))

    def advanced(self, samples: NDArray[Any]) -> Floats:
        """The rows, each moved earlier by a fractional number of samples."""
        if not np.any(samples):
            return self.sweeps.copy()
        origin, slope, spectrum = self._transformed
        n_time, pad = self.sweeps.shape[-1], self._pad
        length = n_time + 2 * pad
        turned = spectrum.copy()
        turned *= np.exp(2j * np.pi * np.fft.rfftfreq(length) * samples[:, None])
        moved = np.fft.irfft(turned, n=length, axis=1)
        moved += origin + slope * (np.arange(length) + samples[:, None])
        return np.asarray(moved[:, pad : pad + n_time])


def _mean(moved: Floats) -> Floats:
    """Mean over the sweeps that have no gap, NaN where there is none, shape (series, time)."""
    whole = np.asarray(np.isfinite(moved).all(axis=-1))
    count = whole.sum(axis=-1)
    total = np.where(whole[..., None], moved, 0.0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count[:, None]
    mean[count == 0] = np.nan
    return np.asarray(mean)
