"""Where a stimulator can be held, and how one shock is given."""

from dataclasses import dataclass
from enum import StrEnum


class Site(StrEnum):
    """The trunk, the five branches of the facial nerve, and the supraorbital nerve of the blink reflex."""

    TRUNK = "trunk"
    TEMPORAL = "temporal"
    ZYGOMATIC = "zygomatic"
    BUCCAL = "buccal"
    MARGINAL_MANDIBULAR = "marginal_mandibular"
    CERVICAL = "cervical"
    SUPRAORBITAL = "supraorbital"


@dataclass(frozen=True, slots=True)
class Shock:
    """One pulse through the skin. `ordinal` is the key of every random draw of this shock.

    `offset_mm` is the distance of the cathode from the best spot across the nerve, `anterior_mm` how far it slid toward
    the masseter; `anode_first` has the electrodes the wrong way round. `since_ms` is the time since the last shock at
    this site (infinite for the first), `in_train` how many shocks came before it less than a second apart.
    """

    site: Site
    current_ma: float
    width_us: float
    ordinal: int
    offset_mm: float = 0.0
    anterior_mm: float = 0.0
    anode_first: bool = False
    since_ms: float = float("inf")
    in_train: int = 0
