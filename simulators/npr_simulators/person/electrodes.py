"""Where the electrodes of a half are, and how well they were put there at a visit."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.bank import ACROSS, Floats
from npr_simulators.person.muscles import ANATOMY, MIDLINE_MM
from npr_simulators.person.streams import stream

REFERENCE_MM: Mapping[Muscle, tuple[float, float]] = MappingProxyType(
    {
        Muscle.FRONTALIS: (0, 22),
        Muscle.ORBICULARIS_OCULI: (5.7, -21.3),
        Muscle.NASALIS: (5.7, 21.3),
        Muscle.ZYGOMATICUS: (-15.6, 15.6),
        Muscle.ORBICULARIS_ORIS: (-21.3, -5.7),
        Muscle.DEPRESSOR_ANGULI_ORIS: (-1.9, -21.9),
        Muscle.MENTALIS: (0, -22),
        Muscle.PLATYSMA: (-12.6, -18.0),
    }
)
"""From G1, which sits over the endplate zone, to G2: 22 mm, in the direction that sees least of the other muscles
(x anterior, y cranial). Assumption; over a neighbour a G2 sees up to two thirds of it (simulation reference 1.4)."""


def nominal() -> Floats:
    """G1 and G2 of the eight channels of a half on a head of usual size, shape (8, 2, 2): channel, G1/G2, x/y in mm."""
    g1 = np.array([ANATOMY[muscle].centre_mm for muscle in FACIAL_MUSCLES], float)
    g2 = g1 + np.array([REFERENCE_MM[muscle] for muscle in FACIAL_MUSCLES], float)
    return np.stack([g1, g2], axis=1)


def placed(*, seed: int, side: Side, visit: int, error_mm: float) -> Floats:
    """`nominal` as somebody put it on the skin of `side` at `visit`: electrodes off by `error_mm` (SD)."""
    return nominal() + stream(seed, "electrodes", side, visit).normal(0, 1, (len(FACIAL_MUSCLES), 2, 2)) * error_mm


def reach(*, seed: int, side: Side, visit: int, error_mm: float) -> Floats:
    """Electrodes that see the units of `side`, shape (REACH, 2, 2): its own eight, then `ACROSS`, seen from `side`."""
    near = placed(seed=seed, side=side, visit=visit, error_mm=error_mm)
    far = placed(seed=seed, side=side.other, visit=visit, error_mm=error_mm)
    across = far[[FACIAL_MUSCLES.index(muscle) for muscle in ACROSS]]
    across[..., 0] = 2 * MIDLINE_MM - across[..., 0]
    return np.concatenate([near, across])
