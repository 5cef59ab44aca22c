"""The answer of the whole face to one shock, ready to be sampled by the front-end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from npr_daq.anatomy import Side
from npr_simulators.person.bank import RATE_KHZ, Bank, Floats
from npr_simulators.person.case import Case
from npr_simulators.person.shocked import shocked
from npr_simulators.person.sites import Shock
from npr_simulators.person.truth import Half, Supply, apparent, channel_truth

Artefact = Callable[[Floats, float], Floats]
"""Microvolt, shape (16, n), at instants in ms from the cathodal edge, each a mean over a width in ms."""


@dataclass(frozen=True, slots=True, eq=False)
class Evoked:
    """What one shock does to all sixteen channels; times are ms from the cathodal edge, microvolt G1 - G2.

    Both halves answer: the stimulated one, and the other one where it is supplied across the midline or blinks.
    """

    halves: Mapping[Side, Half]
    supplies: Mapping[Side, Supply]
    names: tuple[str, ...]
    artefact: Artefact

    @classmethod
    def of(
        cls,
        banks: Mapping[Side, Bank],
        case: Case,
        side: Side,
        shock: Shock,
        *,
        seed: int,
        lesion_side: Side,
        supplies: Mapping[Side, Supply],
        names: tuple[str, ...],
        artefact: Artefact,
    ) -> "Evoked":
        """Let `shock` at `side` act on `banks`, whose `supplies` are known; a function of the arguments alone."""
        answers = shocked(banks, case, side, shock, seed=seed, lesion_side=lesion_side)
        halves = {half: Half.of(bank, answers[half]) for half, bank in banks.items()}
        return cls(halves, supplies, names, artefact)

    def render(self, t_ms: Floats) -> Floats:
        """Muscle response of all channels, microvolt, shape (16, n), exact at the instants of an even grid.

        The grid's rate is 20 kHz, or over or times a whole number. Raises ValueError for instants that are not even.
        """
        t = np.asarray(t_ms, float)
        step = (t[-1] - t[0]) / (t.size - 1) if t.size > 1 else 1 / RATE_KHZ
        ratio = step * RATE_KHZ
        ratio = round(ratio) if ratio >= 1 else 1 / round(1 / ratio) if ratio > 0 else 0
        if ratio == 0 or not np.allclose(t, t[0] + np.arange(t.size) * (ratio / RATE_KHZ), rtol=0, atol=1e-6):
            raise ValueError(f"instants {step:g} ms apart are no even grid of {RATE_KHZ:g} kHz over or times a number")
        return apparent(self.halves, float(t[0]), t.size, RATE_KHZ / ratio)

    def render_artefact(self, t_ms: Floats, width: float = 0.0) -> Floats:
        """Stimulus artefact, microvolt, shape (16, n): the mean over `width` ms about each instant (0: at it)."""
        return self.artefact(np.asarray(t_ms, float), width)

    def truth(self) -> dict[str, dict[str, Any]]:
        """Per channel name what really happened (`docs/truth.md`); JSON-safe."""
        return channel_truth(self.halves, self.supplies, names=self.names)
