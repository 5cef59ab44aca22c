"""The answer of the face to one shock, ready to be sampled at any instants."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Side
from npr_simulators.face import artefact, truth
from npr_simulators.face.nerve import Volley
from npr_simulators.face.units import Units
from npr_simulators.face.waveform import Floats, Superposition


@dataclass(frozen=True, slots=True, eq=False)
class Evoked:
    """One shock's answer. Times are ms from the cathodal edge; microvolt G1 - G2, the negative peak is negative.

    `waves` has one superposition per muscle of the stimulated half; `mixing` (16, 8) brings them to the channels.
    """

    side: Side
    site: Branch
    current_ma: float
    width_us: float
    names: tuple[str, ...]
    units: Units
    volley: Volley
    waves: tuple[Superposition, ...]
    mixing: Floats
    artefact_uv: Floats

    @property
    def duration_ms(self) -> float:
        """From this instant on the rendered answer is nought in every channel."""
        return max(wave.span_ms[1] for wave in self.waves)

    def render(self, t_ms: Floats) -> Floats:
        """Muscle response of all channels, microvolt, shape (16, n); exact at any instants, in any order."""
        return np.asarray(self.mixing @ self.muscles(np.asarray(t_ms, float)))

    def render_artefact(self, t_ms: Floats, width: float = 0.0) -> Floats:
        """Stimulus artefact, microvolt, shape (16, n): the mean over `width` ms centred on each instant.

        `width` is one sample of the recording; 0 gives the instantaneous value. Proportional to current; the tail is
        mild, below 1 uV from 2.0 ms on at 20 mA.
        """
        return artefact.render(
            np.asarray(t_ms, float), height_uv=self.artefact_uv, width_ms=self.width_us / 1e3, aperture_ms=width
        )

    def muscles(self, t_ms: Floats) -> Floats:
        """Each muscle of the stimulated half in its own channel, without cross-talk, microvolt, shape (8, n)."""
        return np.stack([wave.at(t_ms) for wave in self.waves])

    def truth(self) -> dict[str, dict[str, Any]]:
        """Per channel name what really happened (interface: "Simulated truth"); JSON-safe."""
        muscles = self.muscles(truth.instants_ms())
        count = len(FACIAL_MUSCLES)
        near = 0 if self.side is Side.LEFT else count
        own = np.zeros((len(self.names), muscles.shape[1]))
        own[near : near + count] = muscles
        first = np.full(len(self.names), np.nan)
        recruited = np.zeros(len(self.names))
        for row, muscle in enumerate(FACIAL_MUSCLES):
            mine = self.units.of(muscle)
            fired = mine & self.volley.fired
            recruited[near + row] = fired.sum() / mine.sum()
            if fired.any():
                first[near + row] = self.volley.arrival_ms[fired].min()
        return truth.channel_truth(
            own_uv=own,
            apparent_uv=self.mixing @ muscles,
            first_arrival_ms=first,
            recruited=recruited,
            names=self.names,
        )
