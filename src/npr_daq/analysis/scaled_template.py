"""Templates of the artefact, scaled onto the silent gap of each sweep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from npr_daq.analysis import reading
from npr_daq.analysis.layout import WINDOW_MS, Sweeps, lay_out
from npr_daq.analysis.shifting import shifted
from npr_daq.analysis.silent_gap import SilentGap
from npr_daq.errors import AnalysisError

SMOOTHED_KEEPS = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Per row: the factor of its template, the squares that this explains on the gap, and the tail from the gap on.

    `noise` (row,) is the noise of the template x factor. NaN for a row whose template is missing or flat on the gap.
    """

    factor: Floats
    explained: Floats
    noise: Floats
    tail: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Templates (template, time) with their baseline at zero, the noise of each, and which one each row uses."""

    rows: Floats
    sigma: Floats
    of_row: NDArray[np.int64]
    sample: float

    @classmethod
    def check(cls, template_uv: ArrayLike, sweeps: Sweeps, gap: SilentGap, *, sample: float | None) -> "Templates":
        """The templates as rows; `AnalysisError` says in a sentence what is wrong with them.

        Their noise is the robust SD of the baseline, times the roughness of the sweep after the gap over that of the
        baseline: a template that was smoothed brings less noise than its baseline shows, but at least half of it, which
        is what four parameters fitted to a gap of 16 samples keep.
        """
        given = np.asarray(template_uv, dtype=np.float64)
        n_time = sweeps.rows.shape[1]
        if given.ndim == 0 or given.shape[-1] != n_time:
            raise AnalysisError(f"The template has shape {given.shape}; it needs the {n_time} samples of a sweep.")
        index = np.arange(int(np.prod(given.shape[:-1]))).reshape(given.shape[:-1])
        try:
            of_row = np.broadcast_to(index, sweeps.leading).reshape(-1)
        except ValueError as cause:
            raise AnalysisError(
                f"The template has leading axes {given.shape[:-1]}, which do not fit {sweeps.leading} of the sweeps."
            ) from cause
        at = float(np.mean(sweeps.stimulus)) if sample is None and sweeps.stimulus.size else float(sample or 0.0)
        if not len(of_row):
            return cls(np.zeros((0, n_time)), np.zeros(0), of_row, at)
        rows = given.reshape(-1, n_time)
        column = int(np.rint(at))
        where = lay_out(n_time, column, rate_hz=sweeps.rate_hz, window_ms=WINDOW_MS)
        low, high = (where.first + edge for edge in where.baseline)
        middle, sigma = (np.asarray(each, np.float64) for each in reading.median_and_sigma(rows[:, low:high]))
        before, after = (_roughness(part) for part in (rows[:, low:high], rows[:, column + gap.stop :]))
        ratio = np.divide(after, before, out=np.ones(len(rows)), where=before > 0)
        return cls(rows - middle[:, None], sigma * np.clip(ratio, SMOOTHED_KEEPS, 1.0), of_row, at)

    def on(self, silent: Floats, picked: NDArray[np.int64], stimulus: Floats, *, start: int) -> Scaled:
        """The templates of the rows `picked`, stimulus at `stimulus` (row,), least squares on `silent` (row, point).

        `start` is the column of the gap's first sample in the sweep.
        """
        shape = shifted(self.rows[self.of_row[picked]], stimulus - self.sample)[:, start:]
        on_gap = shape[:, : silent.shape[1]]
        power = np.einsum("ij,ij->i", on_gap, on_gap)
        along = np.einsum("ij,ij->i", on_gap, silent)
        factor = np.divide(along, power, out=np.full(len(power), np.nan), where=power > 0)
        noise = np.abs(factor) * self.sigma[self.of_row[picked]]
        return Scaled(factor, factor * along, noise, factor[:, None] * shape)


def _roughness(rows: Floats) -> Floats:
    """Median size of the second differences of each row: fast noise shows in it, a slow tail does not."""
    return np.asarray(np.median(np.abs(np.diff(rows, 2, axis=1)), axis=1))
