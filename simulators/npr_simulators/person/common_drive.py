"""The slow and the 10 to 30 Hz fluctuation that all motor units of one pool share."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Side
from npr_simulators.person.bank import MUSCLES
from npr_simulators.person.streams import stream

PERIOD_MS = 65536
"""The fluctuation repeats after this, longer than any movement; each stream begins at another point of it."""
SLOW_HZ = (0.05, 3.0)
FAST_HZ = (10.0, 30.0)
SHARED_BETWEEN_HALVES = 0.5
"""[A] Share of its variance that a pool has in common with the same pool of the other half."""

Waves = NDArray[np.float32]


class CommonDrive:
    """Unit-variance noise of every pool of one half at 1 ms, found by time; arrays are (pool, ms).

    One noise pair for each central pool (simulation reference 4.1).
    """

    def __init__(self, *, seed: int, side: Side, visit: int = 1) -> None:
        self._seed = seed
        self._visit = visit
        self._begins: dict[int, int] = {}
        self._slow = self._pools(side, "slow", SLOW_HZ)
        self._fast = self._pools(side, "fast", FAST_HZ)

    def at(self, stream_id: int, first_ms: int, n: int) -> tuple[Waves, Waves]:
        """Slow and fast noise for `n` milliseconds from `first_ms` of a stream on."""
        if stream_id not in self._begins:
            rng = stream(self._seed, "common drive", self._visit, stream_id)
            self._begins = {stream_id: int(rng.integers(PERIOD_MS))}
        when = (self._begins[stream_id] + first_ms + np.arange(n)) % PERIOD_MS
        return self._slow[:, when], self._fast[:, when]

    def _pools(self, side: Side, band: str, hz: tuple[float, float]) -> Waves:
        waves = np.empty((len(MUSCLES), PERIOD_MS), np.float32)
        for pool, muscle in enumerate(MUSCLES):
            both = _noise(self._seed, ("common drive", band, muscle, "both"), hz)
            own = _noise(self._seed, ("common drive", band, muscle, side), hz)
            waves[pool] = SHARED_BETWEEN_HALVES**0.5 * both + (1 - SHARED_BETWEEN_HALVES) ** 0.5 * own
        return waves


def _noise(seed: int, words: tuple[str, ...], hz: tuple[float, float]) -> Waves:
    # made on the spectrum: exactly the band, exactly unit variance, and it closes on itself
    bin_hz = 1e3 / PERIOD_MS
    low, high = (max(1, round(f / bin_hz)) for f in hz)
    rng = stream(seed, *words)
    spectrum = np.zeros(PERIOD_MS // 2 + 1, np.complex128)
    spectrum[low:high] = rng.standard_normal(high - low) + 1j * rng.standard_normal(high - low)
    wave = np.fft.irfft(spectrum, PERIOD_MS)
    out: Waves = (wave / wave.std()).astype(np.float32)
    return out
