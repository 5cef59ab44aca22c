"""The nine simulated muscles: where they lie on the unrolled face, how many motor units, how far from the nerve."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from npr_daq.anatomy import Branch, Muscle, own_branch
from npr_simulators.person.bank import TRIGEMINAL
from npr_simulators.person.case import BRANCHES

MIDLINE_MM = 118.0
"""Where the other half begins, in mm anterior of the stylomastoid foramen along the skin. Assumption."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A muscle of a head of usual size; x is anterior, y cranial, in mm from the stylomastoid foramen (SMF).

    `centre_mm` is the middle of the endplate zone, `along_mm` and `across_mm` the half-extents of the units'
    territories, `angle_deg` the direction of the longer half of the fibres (0 anterior, 90 cranial), `path_mm` the
    nerve from the SMF to the muscle. `peak_to_peak_mv` is that of a median healthy person in the muscle's own channel,
    every unit firing; `entry_spread` says how much more than the average muscle it varies where the nerve enters.
    """

    units: int
    centre_mm: tuple[float, float]
    angle_deg: float
    fibre_mm: float
    depth_mm: float
    along_mm: float
    across_mm: float
    path_mm: float
    peak_to_peak_mv: float
    entry_spread: float = 1.0


ANATOMY: Mapping[Muscle, Anatomy] = MappingProxyType(
    {
        Muscle.FRONTALIS: Anatomy(150, (82, 86), 90, 50, 3.5, 7, 12, 114, 1.5),
        Muscle.ORBICULARIS_OCULI: Anatomy(200, (77, 46), 80, 40, 3.0, 6, 8, 83, 1.9, 0.9),
        Muscle.NASALIS: Anatomy(80, (100, 20), 70, 30, 3.0, 5, 6, 113, 3.8, 1.4),
        Muscle.ZYGOMATICUS: Anatomy(120, (66, 12), 130, 55, 5.0, 6, 6, 90, 2.6),
        Muscle.ORBICULARIS_ORIS: Anatomy(180, (97, -8), 10, 36, 3.5, 7, 7, 98.5, 2.8, 1.25),
        Muscle.DEPRESSOR_ANGULI_ORIS: Anatomy(90, (82, -37), 255, 40, 3.5, 6, 6, 96, 2.6),
        Muscle.MENTALIS: Anatomy(90, (104, -38), 80, 29, 4.0, 5, 6, 106, 2.8),
        Muscle.PLATYSMA: Anatomy(250, (50, -66), 245, 65, 3.0, 9, 18, 93, 1.8),
        Muscle.MASSETER: Anatomy(120, (38, -8), 75, 40, 12.0, 8, 9, 0, 0.6),
    }
)
"""Units, fibres and nerve paths: simulation reference 1.1, 1.2; places and territories are assumptions.

Calibrated, not predicted: the paths of orbicularis oculi, nasalis and orbicularis oris, so that the hinge onsets of
healthy people after a supramaximal shock at the trunk have the means of Park 1981 (2.70, 2.97 ms) and of clinical
reference 7 W3 (3.15 ms), with `entry_spread` for their SDs (anatomy has 101, 100 and 97 mm); the size of nasalis, so
that 95 % of healthy people exceed 2 mV (W7). The other sizes are orientation values (clinical reference 3)."""


def branch_index(muscle: Muscle) -> int:
    """The nerve branch of `muscle` as in `Bank.branch`: 0 temporal to 4 cervical, `TRIGEMINAL` for the masseter."""
    branch: Branch | None = own_branch(muscle)
    return TRIGEMINAL if branch is None else BRANCHES.index(branch)
