"""Where the pulse of a sweep and the silent gap after it lie, and whether the amplifier was at its limit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.errors import AnalysisError

RECOVERY_MS = 0.3
"""After the pulse's end the amplifier is left this long before its recovery is taken for exponential.

An anti-alias filter rings for longer where it is steep: name a longer `recovery_ms` for such a front-end.
"""

SILENT_UNTIL_MS = 1.3
"""The earliest possible response of a facial muscle, where the caller knows no better (analysis reference 4)."""

BEFORE_MS = 0.1
"""An anti-alias filter may show the pulse this long before the stimulus."""

GAP_LEAST = 6
SATURATED_MS = 0.3
SATURATED_SD = 10.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SilentGap:
    """Columns from that of the stimulus: the pulse's end, the silent gap [first, stop); `run` of a limit in samples."""

    end: int
    first: int
    stop: int
    before: int
    run: int

    @classmethod
    def check(
        cls,
        width_us: float,
        *,
        rate_hz: float,
        silent_until_ms: float = SILENT_UNTIL_MS,
        recovery_ms: float = RECOVERY_MS,
    ) -> "SilentGap":
        """The gap from `recovery_ms` after the pulse to `silent_until_ms` after the stimulus, to the nearest samples.

        Raises `AnalysisError` for a width that is not positive, and for a gap of fewer than 6 samples.
        """
        if not (np.isfinite(width_us) and width_us > 0):
            raise AnalysisError(f"The pulse width is {width_us} us; give a positive width in microseconds.")
        per_ms = rate_hz / 1e3
        end_ms = width_us / 1e3
        # Rounding to nanoseconds: 0.5 ms at 20 kHz is column 10, not 11.
        first = int(np.ceil(round((end_ms + recovery_ms) * per_ms, 6)))
        stop = int(np.floor(round(silent_until_ms * per_ms, 6))) + 1
        if stop - first < GAP_LEAST:
            raise AnalysisError(
                f"The silent gap from {end_ms + recovery_ms:.2f} to {silent_until_ms:.2f} ms holds "
                f"{max(stop - first, 0)} samples at {rate_hz:g} Hz; at least {GAP_LEAST} are needed. "
                "Use a shorter pulse, or name a later silent_until_ms if no response comes before it."
            )
        return cls(
            end=int(np.ceil(round(end_ms * per_ms, 6))),
            first=first,
            stop=stop,
            before=int(np.ceil(BEFORE_MS * per_ms)),
            run=max(3, round(SATURATED_MS * per_ms)),
        )


def saturated(rows: Floats, sigma: Floats, column: int, gap: SilentGap) -> NDArray[np.bool_]:
    """Whether each row stays at its extreme for 0.3 ms after the stimulus, until after the pulse.

    `rows` (row, time) with their baseline at zero, `sigma` (row,) their noise, the stimulus at `column`.
    """
    after = rows[:, column:]
    far = SATURATED_SD * sigma
    flat = np.zeros(len(rows), dtype=bool)
    for extreme in (after.max(axis=1), after.min(axis=1)):
        reached = np.cumsum(after == extreme[:, None], axis=1)
        run = reached[:, gap.run :] - reached[:, : -gap.run] == gap.run
        # Without noise a rectangular pulse has equal samples of its own; a limit holds longer.
        outlasts = np.arange(gap.run, reached.shape[1]) > gap.end
        flat |= (run & outlasts).any(axis=1) & (np.abs(extreme) > far)
    return flat
