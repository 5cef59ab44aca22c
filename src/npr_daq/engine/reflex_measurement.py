"""Measure the reflex answers of single sweeps: on both sides, in the window of R1 and R2."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import evoked
from npr_daq.anatomy import Muscle, Side
from npr_daq.calibration import MISSING, Calibration
from npr_daq.engine.reading import Response
from npr_daq.engine.steps import REFLEX_WINDOW_MS
from npr_daq.engine.sweeper import POST_MS, PRE_MS
from npr_daq.errors import AnalysisError
from npr_daq.montage import Montage
from npr_daq.recording import Capture, Sweep

FLOOR_SD = 4.0
"""Robust SDs above the usual peak to peak of an empty window that a reflex must reach."""


@dataclass(frozen=True, slots=True)
class ReflexMeasurement:
    """Measures rows of `montage` in microvolts by `calibration`, each muscle on the side that answers more."""

    montage: Montage
    calibration: Calibration

    def responses(self, sweep: Sweep, muscles: tuple[Muscle, ...]) -> dict[Muscle, Response]:
        """The answers of `muscles`: of the two sides the present one, of two present ones the larger."""
        by_side = [self._side(sweep, side, muscles) for side in Side]
        return {muscle: max((found[muscle] for found in by_side), key=_strength) for muscle in muscles}

    def floors_mv(self, noise: Capture, side: Side, muscles: tuple[Muscle, ...]) -> dict[Muscle, float]:
        """What empty windows cut from `noise` reach: median plus 4 robust SD, of the noisier side.

        Stretches with a gap do not count; AnalysisError where none is whole.
        """
        width, pre = (round(ms * noise.rate_hz / 1e3) for ms in (PRE_MS + POST_MS, PRE_MS))
        count = noise.counts.shape[-1] // width
        floors = dict.fromkeys(muscles, 0.0)
        for each in Side:
            rows, device = self._rows(each, muscles)
            stretches = noise.counts[rows, : count * width].reshape(len(rows), count, width)
            whole = ~(stretches == MISSING).any(axis=(0, 2))
            if not whole.any():
                raise AnalysisError(f"of {count} stretches of {PRE_MS + POST_MS:g} ms none came without a gap")
            signals = self.calibration.to_microvolts(noise.counts[rows, : count * width], device)
            empty = signals.reshape(len(rows), count, width)[:, whole]
            sizes = evoked.measure(
                empty, rate_hz=noise.rate_hz, stimulus_sample=float(pre), window_ms=REFLEX_WINDOW_MS
            ).peak_to_peak_mv
            for muscle, row in zip(muscles, sizes, strict=True):
                floors[muscle] = max(floors[muscle], _floor(row))
        return floors

    def _side(self, sweep: Sweep, side: Side, muscles: tuple[Muscle, ...]) -> dict[Muscle, Response]:
        rows, device = self._rows(side, muscles)
        found = evoked.measure(
            self.calibration.to_microvolts(sweep.counts[rows], device),
            rate_hz=sweep.rate_hz,
            stimulus_sample=sweep.onset + self.calibration.delay_ms(device) * sweep.rate_hz / 1e3,
            window_ms=REFLEX_WINDOW_MS,
        )
        table = np.stack(
            [found.peak_to_peak_mv, found.negative_peak_mv, found.onset_latency_ms, found.noise_uv], axis=1
        )
        return {
            muscle: Response(bool(present), *(float(value) for value in row))
            for muscle, present, row in zip(muscles, found.present, table, strict=True)
        }

    def _rows(self, side: Side, muscles: tuple[Muscle, ...]) -> tuple[list[int], tuple[int, ...]]:
        rows = [self.montage.row(side, muscle) for muscle in muscles]
        return rows, tuple(self.montage.channels[row].index for row in rows)


def _strength(answer: Response) -> tuple[bool, float]:
    return answer.present, answer.size_mv


def _floor(sizes: NDArray[np.float64]) -> float:
    """Median plus 4 robust SD of what could be read; AnalysisError where nothing could."""
    read = sizes[np.isfinite(sizes)]
    if not read.size:
        raise AnalysisError("nothing could be read in it")
    middle = np.median(read)
    return float(middle + FLOOR_SD * 1.4826 * np.median(np.abs(read - middle)))
