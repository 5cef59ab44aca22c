"""Measure single sweeps between two shocks; here and in `silence` the engine meets the analysis."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import evoked
from npr_daq.anatomy import Muscle, Side, own_branch
from npr_daq.calibration import MISSING, Calibration
from npr_daq.engine.reading import Response
from npr_daq.engine.silence import Shocked, Silence
from npr_daq.engine.sweeper import POST_MS, PRE_MS
from npr_daq.errors import AnalysisError
from npr_daq.montage import Montage
from npr_daq.recording import Capture, Sweep

FLOOR_SD = 4.0
"""Robust SDs above the usual peak to peak of an empty sweep that a response must reach."""

EARLY_FROM_MS, EARLY_MS = 1.2, 2.2
"""Where the masseter is looked for (clinical reference 6.2: direct trigeminal responses begin at 1.8 to 2.1 ms)."""
EARLY_OWN_MS = 1.9
"""The end of it where the stimulated branch supplies the muscle itself: that answers from 2.0 ms on."""
EARLY_LEAST_MV, EARLY_SD = 0.020, 6.0


@dataclass(frozen=True, slots=True)
class EvokedMeasurement:
    """Measures rows of `montage` in microvolts by `calibration`.

    The group delay of each channel moves its stimulus sample, so that latencies are those at the skin.
    """

    montage: Montage
    calibration: Calibration
    silence: Silence = field(default_factory=Silence, compare=False)

    def responses(self, sweep: Sweep, muscles: tuple[Muscle, ...]) -> dict[Muscle, Response]:
        """The answers of `muscles` on the stimulated side, the artefact taken off.

        Present is what stands out of the noise and of what may be left of the artefact. Shocks without an answer teach
        the artefact of their site: give the sweeps in the order of their shocks.
        """
        monitor = self._monitor(sweep.stimulus.side)
        channels = muscles if monitor is None or monitor in muscles else (*muscles, monitor)
        rows, device = self._rows(sweep.stimulus.side, channels)
        delay = np.asarray(self.calibration.delay_ms(device), dtype=np.float64)
        shock = Shocked(
            uv=self.calibration.to_microvolts(sweep.counts[rows], device),
            stimulus=np.broadcast_to(sweep.onset + delay * sweep.rate_hz / 1e3, (len(rows),)),
            rate_hz=sweep.rate_hz,
            width_us=sweep.stimulus.width_us,
            current_ma=sweep.stimulus.current_ma,
        )
        self.silence.at((sweep.step, sweep.why.get("pass"), channels))
        clean = self.silence.clean(shock, window_ms=evoked.WINDOW_MS)
        found = evoked.measure(clean.uv, rate_hz=sweep.rate_hz, stimulus_sample=shock.stimulus)
        present = found.present & (clean.holds | clean.known) & (1e3 * found.peak_to_peak_mv > clean.left_uv)
        watched = present[: len(muscles)]
        self.silence.learn(shock, ~present & ~clean.holds, answered=bool(watched.any()), window_ms=evoked.WINDOW_MS)
        early = (np.nan, np.inf, np.nan)
        if monitor is not None:
            row = channels.index(monitor)
            early = self._early(sweep, clean.uv[row], shock.stimulus[row], monitor, left_uv=float(clean.left_uv[row]))
        early_mv, limit_mv, until_ms = early
        return {
            muscle: Response(
                present=bool(watched[row]),
                peak_to_peak_mv=float(found.peak_to_peak_mv[row]),
                negative_peak_mv=float(found.negative_peak_mv[row]),
                onset_latency_ms=float(found.onset_latency_ms[row]),
                noise_uv=float(found.noise_uv[row]),
                early_mv=early_mv,
                early_limit_mv=limit_mv,
                early_until_ms=until_ms,
            )
            for row, muscle in enumerate(muscles)
        }

    def _monitor(self, side: Side) -> Muscle | None:
        """The muscle whose channel sees most of the masseter: its own where there is one, else the one over it."""
        there = {channel.muscle for channel in self.montage.channels if channel.side is side}
        return next((m for m in (Muscle.MASSETER, Muscle.ZYGOMATICUS) if m in there), None)

    def _early(
        self, sweep: Sweep, uv: NDArray[np.floating[Any]], stimulus: float, monitor: Muscle, *, left_uv: float
    ) -> tuple[float, float, float]:
        """Deflection of the monitor's channel before a facial muscle can answer, its limit, both mV, and until when."""
        own = own_branch(monitor) is sweep.stimulus.site
        until_ms = EARLY_OWN_MS if own else EARLY_MS
        found = evoked.measure(uv, rate_hz=sweep.rate_hz, stimulus_sample=stimulus, window_ms=(EARLY_FROM_MS, until_ms))
        size, noise = float(found.peak_to_peak_mv), float(found.noise_uv)
        return size, max(EARLY_LEAST_MV, EARLY_SD * noise / 1e3, left_uv / 1e3), until_ms

    def floors_mv(self, noise: Capture, side: Side, muscles: tuple[Muscle, ...]) -> dict[Muscle, float]:
        """What empty sweeps cut from `noise` reach: median plus 4 robust SD, so that a burst in some of them is none.

        Mains hum turns within a sweep, and its short baseline does not show it: against 5 SD of the baseline alone
        several percent of empty sweeps look like responses. Stretches with a gap do not count; AnalysisError where
        none is whole.
        """
        rows, device = self._rows(side, muscles)
        width, pre = (round(ms * noise.rate_hz / 1e3) for ms in (PRE_MS + POST_MS, PRE_MS))
        count = noise.counts.shape[-1] // width
        stretches = noise.counts[rows, : count * width].reshape(len(rows), count, width)
        whole = ~(stretches == MISSING).any(axis=(0, 2))
        if not whole.any():
            raise AnalysisError(f"of {count} stretches of {PRE_MS + POST_MS:g} ms none came without a gap")
        signals = self.calibration.to_microvolts(noise.counts[rows, : count * width], device)
        empty = signals.reshape(len(rows), count, width)[:, whole]
        sizes = evoked.measure(empty, rate_hz=noise.rate_hz, stimulus_sample=float(pre)).peak_to_peak_mv
        return {muscle: _floor(row) for muscle, row in zip(muscles, sizes, strict=True)}

    def _rows(self, side: Side, muscles: tuple[Muscle, ...]) -> tuple[list[int], tuple[int, ...]]:
        rows = [self.montage.row(side, muscle) for muscle in muscles]
        return rows, tuple(self.montage.channels[row].index for row in rows)


def _floor(sizes: NDArray[np.float64]) -> float:
    """Median plus 4 robust SD of what could be read; AnalysisError where nothing could."""
    read = sizes[np.isfinite(sizes)]
    if not read.size:
        raise AnalysisError("nothing could be read in it")
    middle = np.median(read)
    return float(middle + FLOOR_SD * 1.4826 * np.median(np.abs(read - middle)))
