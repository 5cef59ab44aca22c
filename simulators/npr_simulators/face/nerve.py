"""Which axons a shock fires and when their motor units answer: Weiss, distance, latency, selectivity of branches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch
from npr_simulators.face.patient import Patient
from npr_simulators.face.streams import stream
from npr_simulators.face.units import BRANCHES, Units
from npr_simulators.face.waveform import Floats

RHEOBASE_MA = 1.0
PER_MM2 = 0.0115
"""Current-distance law I = I0 (1 + k rho^2) (simulation reference, section 2)."""
FLUCTUATION = 0.0165
"""Relative spread of a single axon's threshold from shock to shock (Hales, Lin and Bostock 2004)."""
BRANCH_GAP_MM = 30.0
"""Distance between neighbouring branches under the skin: at 8 mm depth a neighbour needs 7 times the current."""
BRANCH_SITE_MM = 18.5
"""How far along the path from the stylomastoid foramen a branch is stimulated: where the trunk divides."""
TERMINAL_MM = 15.0
TERMINAL_SLOWING = 0.40
JITTER_MS = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Volley:
    """The answer of one half of the face: who fired, and when each potential starts (ms from the edge)."""

    fired: NDArray[np.bool_]
    arrival_ms: Floats


def rheobase_ma(units: Units, patient: Patient, site: Branch) -> Floats:
    """Rheobase of every axon for a cathode at `site`, shape (unit,)."""
    if site is Branch.TRUNK:
        square_mm2 = np.full(units.theta.shape, patient.nerve.trunk_depth_mm**2)
    else:
        offset_mm = BRANCH_GAP_MM * np.abs(units.branch - BRANCHES.index(site))
        square_mm2 = patient.nerve.branch_depth_mm**2 + offset_mm**2
    return RHEOBASE_MA * (1 + PER_MM2 * square_mm2) * units.theta


def threshold_ma(units: Units, patient: Patient, site: Branch, *, width_us: float) -> Floats:
    """Mean threshold of every axon, shape (unit,): Weiss, I = rheobase (1 + chronaxie / width)."""
    return rheobase_ma(units, patient, site) * (1 + units.chronaxie_ms / (width_us / 1e3))


def supplied(units: Units, site: Branch) -> NDArray[np.bool_]:
    """Units of the muscles that `site` supplies."""
    return np.isin(units.muscle, [FACIAL_MUSCLES.index(muscle) for muscle in SUPPLIES[site]])


def plateau_ma(units: Units, patient: Patient, site: Branch) -> float:
    """A current at 0.2 ms that is supramaximal for every axon of `site`: 20 % above the highest threshold."""
    thresholds = threshold_ma(units, patient, site, width_us=200.0)
    return 1.2 * float(thresholds[supplied(units, site)].max())


def shocked(
    units: Units, patient: Patient, site: Branch, *, current_ma: float, width_us: float, seed: int, key: tuple[str, int]
) -> Volley:
    """One shock. `key` (side, ordinal) finds its threshold fluctuation and jitter, whatever was drawn before."""
    luck = stream(seed, "shock", *key).standard_normal((2, units.theta.size))
    threshold = threshold_ma(units, patient, site, width_us=width_us) * (1 + FLUCTUATION * luck[0])
    fired = units.alive & (current_ma >= threshold)
    arrival = arrival_ms(units, patient, site, current_ma=current_ma, width_us=width_us) + JITTER_MS * luck[1]
    return Volley(fired, arrival)


def plateau(units: Units, patient: Patient, site: Branch, *, alive: NDArray[np.bool_]) -> Volley:
    """Full recruitment: every `alive` axon that `site` supplies, no other, at the plateau current; no jitter."""
    current_ma = plateau_ma(units, patient, site)
    return Volley(supplied(units, site) & alive, arrival_ms(units, patient, site, current_ma=current_ma))


def arrival_ms(units: Units, patient: Patient, site: Branch, *, current_ma: float, width_us: float = 200.0) -> Floats:
    """When each unit's potential starts: activation, myelinated path, terminal, junction (simulation reference 1.2, 2).

    A stronger shock excites sooner (charging of the membrane) and further along the nerve (virtual cathode). Axons that
    the current cannot excite get the longest activation; they are not in the volley.
    """
    width_ms = width_us / 1e3
    rheobase = rheobase_ma(units, patient, site)
    strength = np.maximum(current_ma / rheobase, 1 + 1e-9)
    activation = np.minimum(units.chronaxie_ms * np.log(strength / (strength - 1)), width_ms + 0.15)
    over_threshold = strength / (1 + units.chronaxie_ms / width_ms)
    advance_mm = np.clip(6 * (np.sqrt(over_threshold) - 1), 0, 15)
    start_mm = 0.0 if site is Branch.TRUNK else BRANCH_SITE_MM * patient.nerve.head_size
    myelinated = (units.path_mm - start_mm - TERMINAL_MM - advance_mm) / units.velocity_m_s
    terminal = TERMINAL_MM * units.terminal / (TERMINAL_SLOWING * units.velocity_m_s)
    arrival: Floats = activation + myelinated + terminal + units.junction_ms
    return arrival
