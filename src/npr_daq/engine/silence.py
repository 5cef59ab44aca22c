"""The artefact of one site, learned from shocks that nothing answered and taken off those that follow."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import artefact
from npr_daq.analysis.artefact import Template
from npr_daq.errors import AnalysisError

RECOVERY_MS = 0.6
"""After the pulse's end: an anti-alias filter rings for half a millisecond behind an edge; that is no relaxation."""
LEAST_GAP_SAMPLES = 7
LEFT_BY_TEMPLATE = 0.10
LEFT_BY_EXPONENTIALS = 0.35
"""What the correction may leave of the artefact in the window, as a part of what it took off. Of 400 sweeps without an
answer (simulated patients, seeds 11, 12) 90 % of those with a template left less than .13; without, .3 to .4."""

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Shocked:
    """One shock as recorded: `uv` (row, time), `stimulus` (row,) in samples, and the pulse."""

    uv: Floats
    stimulus: NDArray[np.float64]
    rate_hz: float
    width_us: float
    current_ma: float


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """`uv` (row, time) without its artefact, and of each row (row,):

    `holds`: something is there that no decay draws. `known`: the artefact was known, or there was none; else it was
    guessed from the silent gap. `left_uv`: what of it may be left in the window.
    """

    uv: Floats
    holds: Mask
    known: Mask
    left_uv: NDArray[np.float64]


@dataclass(slots=True)
class Silence:
    """Shocks without an answer at the site that is worked on; another `key` begins anew.

    The key names the site and the pass: a stimulator that was put on again has another artefact.
    """

    key: object = None
    answered: bool = False
    shocks: list[Shocked] = field(default_factory=list)
    silent: list[Mask] = field(default_factory=list)
    template: Template | None = None

    def at(self, key: object) -> None:
        """Work at the site `key` from now on."""
        if key != self.key:
            self.key, self.answered, self.template = key, False, None
            self.shocks, self.silent = [], []

    def clean(self, shock: Shocked, *, window_ms: tuple[float, float]) -> Cleaned:
        """`shock` without its artefact: by the template where there is one, else by exponentials.

        Where the pulse leaves no silent gap before 1.3 ms the sweep comes back as it was.
        """
        rows = len(shock.uv)
        recovery = _recovery_ms(shock.width_us, shock.rate_hz)
        if recovery is None:
            return Cleaned(shock.uv, np.ones(rows, dtype=bool), np.ones(rows, dtype=bool), np.zeros(rows))
        template = (
            self.template if self.template is not None and len(self.template.template_uv_per_ma) == rows else None
        )
        done = artefact.correct(
            shock.uv,
            rate_hz=shock.rate_hz,
            stimulus_sample=shock.stimulus,
            pulse_width_us=shock.width_us,
            template_uv=None if template is None else template.template_uv_per_ma,
            template_sample=None if template is None else template.stimulus_sample,
            recovery_ms=recovery,
        )
        holds = artefact.hold_responses(
            shock.uv,
            rate_hz=shock.rate_hz,
            stimulus_sample=shock.stimulus,
            pulse_width_us=shock.width_us,
            window_ms=window_ms,
            recovery_ms=recovery,
        )
        known = np.asarray(done.method != artefact.Method.BI_EXPONENTIAL)
        first, last = (int(shock.stimulus.mean() + ms * shock.rate_hz / 1e3) for ms in window_ms)
        taken = np.ptp((shock.uv - done.corrected_uv)[:, first : last + 1].astype(np.float64), axis=1)
        left = np.where(known, LEFT_BY_TEMPLATE, LEFT_BY_EXPONENTIALS) * taken
        return Cleaned(done.corrected_uv, np.asarray(holds), known, left)

    def learn(self, shock: Shocked, silent: Mask, *, answered: bool, window_ms: tuple[float, float]) -> None:
        """Take the `silent` rows (row,) of this shock into the template; from the first answer on nothing more."""
        self.answered = self.answered or answered
        if self.answered or not silent.any() or (self.shocks and self.shocks[0].uv.shape != shock.uv.shape):
            return
        self.shocks.append(shock)
        self.silent.append(silent)
        recovery = _recovery_ms(shock.width_us, shock.rate_hz)
        if recovery is None:
            return
        uv = np.stack([s.uv for s in self.shocks], axis=1).astype(np.float64)
        uv[~np.stack(self.silent, axis=1)] = np.nan
        try:
            made = artefact.subthreshold_template(
                uv,
                rate_hz=shock.rate_hz,
                stimulus_sample=np.stack([s.stimulus for s in self.shocks], axis=1),
                pulse_width_us=shock.width_us,
                current_ma=np.array([s.current_ma for s in self.shocks]),
                window_ms=window_ms,
                recovery_ms=recovery,
            )
        except AnalysisError:
            return
        made.template_uv_per_ma[made.holds_response] = np.nan
        self.template = made


def _recovery_ms(width_us: float, rate_hz: float) -> float | None:
    """How long after the pulse the gap begins; None where 1.3 ms leave it no `LEAST_GAP_SAMPLES`."""
    room = artefact.SILENT_UNTIL_MS - width_us / 1e3 - LEAST_GAP_SAMPLES * 1e3 / rate_hz
    return None if room < artefact.RECOVERY_MS else min(RECOVERY_MS, room)
