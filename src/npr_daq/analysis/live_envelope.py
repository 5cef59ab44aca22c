"""The envelope while the samples arrive: what the technician sees of a movement within a tenth of a second."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

from npr_daq.analysis.contraction import BAND_HZ, ENVELOPE_HZ, WINDOW_MS, band_sections
from npr_daq.errors import AnalysisError

Floats = NDArray[np.float64]


class LiveEnvelope:
    """RMS of the last 100 ms of every channel, 100 frames a second, from blocks of any length.

    The band-pass runs forward only, so that frames come some 10 ms later than those of `contraction.envelope` and
    differ from them by a few percent: they are for the eye, and nothing is measured on them. Not safe for two threads
    at once.
    """

    def __init__(self, channels: int, *, rate_hz: float, band_hz: tuple[float, float] = BAND_HZ) -> None:
        self._sos = band_sections(rate_hz, *band_hz)
        self._state: NDArray[Any] = np.zeros((len(self._sos), channels, 2))
        self._rate_hz = rate_hz
        self._taken = 0
        self._frames = 0
        self._open = np.zeros((channels, 0))
        self._bins = np.zeros((channels, round(WINDOW_MS / 1e3 * ENVELOPE_HZ)))
        self._first: Floats | None = None

    def push(self, block_uv: ArrayLike) -> Floats:
        """Frames (channel, frame) that the samples (channel, time), microvolts, complete; often none.

        Missing samples (NaN) count as no change. Raises `AnalysisError` for another number of channels.
        """
        block = np.asarray(block_uv, dtype=np.float64)
        if block.ndim != 2 or len(block) != len(self._bins):
            raise AnalysisError(f"A block of shape {block.shape} must have {len(self._bins)} channels and time.")
        if not block.shape[1]:
            return np.zeros((len(block), 0))
        if self._first is None:
            # Electrode offsets would ring through the filter for seconds.
            self._first = np.nan_to_num(block[:, :1])
        filled = np.where(np.isfinite(block), block - self._first, 0.0)
        run: Any = signal.sosfilt
        passed, self._state = run(self._sos, filled, axis=-1, zi=self._state)
        self._open = np.concatenate([self._open, np.square(passed)], axis=1)
        start, self._taken = self._taken, self._taken + block.shape[1]
        begin = start - (self._open.shape[1] - block.shape[1])
        frames = []
        while (end := round((self._frames + 1) * self._rate_hz / ENVELOPE_HZ)) <= self._taken:
            cut = end - begin
            self._bins = np.roll(self._bins, -1, axis=1)
            self._bins[:, -1] = self._open[:, :cut].mean(axis=1)
            self._open, begin = self._open[:, cut:], end
            self._frames += 1
            frames.append(np.sqrt(self._bins[:, -min(self._frames, self._bins.shape[1]) :].mean(axis=1)))
        return np.stack(frames, axis=1) if frames else np.zeros((len(block), 0))
