"""The contact of the electrodes with the skin: impedance, its imbalance, and the hum that comes of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.case import Skin
from npr_simulators.person.streams import stream

Floats = NDArray[np.float64]

CHANNELS = 16
LOOSE_KOHM = 250.0
"""Impedance of an electrode that has come loose (simulation reference 5)."""
BETTER_KOHM = (1.5, 2.6)
"""[A] The better electrode of a pair on prepared skin; the other one has the imbalance more."""
IMBALANCE_SPREAD = (0.6, 1.4)
"""[A] Imbalance of a channel over `skin.imbalance_kohm`."""
BODY_MV, INPUT_KOHM, CMRR_DB, LEAD_NA = 60.0, 1e6, 105.0, 0.4
"""Mains on the body and in the leads, input impedance and common-mode rejection (simulation reference 5)."""
BAND_HZ = 5000.0
_BOLTZMANN, _SKIN_K = 1.380649e-23, 308.0


@dataclass(frozen=True, slots=True, eq=False)
class Contact:
    """Impedance in kohm of G1 and G2 of the 16 channels, shape (16, 2), as they were put on at one visit."""

    kohm: Floats

    @classmethod
    def at_visit(cls, skin: Skin, *, seed: int, visit: int) -> "Contact":
        """Electrodes that are put on anew: every visit has its own."""
        rng = stream(seed, "impedance", visit)
        better = rng.uniform(*BETTER_KOHM, CHANNELS)
        pairs = np.stack([better, better + skin.imbalance_kohm * rng.uniform(*IMBALANCE_SPREAD, CHANNELS)], axis=1)
        swapped = rng.random((CHANNELS, 1)) < 0.5
        return cls(np.where(swapped, pairs[:, ::-1], pairs).round(2))

    def loosened(self, rows: frozenset[int]) -> "Contact":
        """The same with G1 of `rows` loose."""
        kohm = self.kohm.copy()
        kohm[sorted(rows), 0] = LOOSE_KOHM
        return Contact(kohm)

    @property
    def imbalance_kohm(self) -> Floats:
        """G1 over G2, either sign, shape (16,)."""
        return np.asarray(self.kohm[:, 0] - self.kohm[:, 1])

    @property
    def hum_uv(self) -> Floats:
        """Mains hum of each channel, microvolt rms, at least 0, shape (16,).

        Common mode that the imbalance turns into a signal, common mode that the amplifier lets through, and the
        displacement current of the leads over the imbalance (simulation reference 5): 0.8 at 1 kohm, 116 at 250.
        """
        gap = np.abs(self.imbalance_kohm)
        return np.asarray(BODY_MV * 1e3 * (gap / INPUT_KOHM + 10 ** (-CMRR_DB / 20)) + LEAD_NA * gap)

    @property
    def thermal_uv(self) -> Floats:
        """Thermal noise of the two electrodes in 5 kHz, microvolt rms, shape (16,)."""
        return np.asarray(np.sqrt(4 * _BOLTZMANN * _SKIN_K * BAND_HZ * self.kohm.sum(axis=1) * 1e3) * 1e6)
