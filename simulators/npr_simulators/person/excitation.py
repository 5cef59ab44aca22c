"""Which axons a current excites, how soon and how far along: Weiss, distance, polarity (simulation reference 2)."""

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Branch
from npr_simulators.person.bank import Bank, Floats
from npr_simulators.person.case import BRANCHES, Build, Case
from npr_simulators.person.conduction import facial
from npr_simulators.person.sites import Shock, Site

RHEOBASE_MA = 1.0
PER_MM2 = 0.0115
"""Current-distance law I = I0 (1 + k rho^2)."""
FLUCTUATION = 0.0165
"""Relative spread of one axon's threshold from shock to shock (Hales, Lin and Bostock 2004)."""
BRANCH_DEPTH_MM = MappingProxyType(
    {
        Site.TEMPORAL: 12.3,
        Site.ZYGOMATIC: 12.2,
        Site.BUCCAL: 13.4,
        Site.MARGINAL_MANDIBULAR: 10.7,
        Site.CERVICAL: 12.4,
    }
)
"""Depths at which five units of one muscle, a contraction that is just seen [A], need the current of Park and Paik 1982
relative to the trunk's 1.82 mA at 16 mm: 1.38, 1.32, 1.50, 1.21, 1.33 mA (clinical reference 7, W10). Calibrated to
those ratios, not measured depths."""
MIN_DEPTH_MM = 2.0
NEIGHBOUR = 3.5
"""Rheobase of an axon n branches away is 1 + 3.5 n times as high [A]."""
REVERSED = 3.0
REVERSED_MM = 22.0
"""Anode first: thresholds three times as high, and the cathode lies 22 mm further back [A]."""
MASSETER_MM = 42.0
MASSETER_DEPTH_MM = 10.0
MASSETER_NEAREST_MM = 12.0
LATEST_MS = 0.15
ADVANCE_MM = 6.0
MAX_ADVANCE_MM = 15.0
STANDARD_US = 200.0
SURE = 1.1
"""Six times the threshold fluctuation: at this factor an axon fires every time."""


def depth_mm(build: Build, site: Site) -> float:
    """Depth of the nerve under the cathode: scaled by the head, more under fat (simulation reference 2)."""
    if site is Site.TRUNK:
        depth = build.trunk_depth_mm
    else:
        depth = BRANCH_DEPTH_MM[site] if build.branch_depth_mm is None else build.branch_depth_mm
    return max(depth * build.head_size + build.fat_mm, MIN_DEPTH_MM)


def supplied(bank: Bank, site: Site) -> NDArray[np.bool_]:
    """Rows whose axon runs under `site`, shape (row,); none under the supraorbital site."""
    if site is Site.TRUNK:
        return facial(bank)
    if site is Site.SUPRAORBITAL:
        return np.zeros(bank.branch.shape, dtype=bool)
    return np.asarray(bank.branch == branch_index(site))


def branch_index(site: Site) -> int:
    """Index of a branch's site among the five branches, 0 temporal to 4 cervical."""
    return BRANCHES.index(Branch(site.value))


def rheobase_ma(bank: Bank, case: Case, shock: Shock) -> Floats:
    """Rheobase of every row under this cathode, shape (row,). Facial rows only for the trunk and branches."""
    square_mm2 = depth_mm(case.build, shock.site) ** 2 + shock.offset_mm**2
    away = 0 if shock.site is Site.TRUNK else np.abs(bank.branch - branch_index(shock.site))
    nerve = (1 + PER_MM2 * square_mm2) * (1 + NEIGHBOUR * away)
    scale = case.build.head_size
    ahead_mm = max(MASSETER_MM * scale - shock.anterior_mm, MASSETER_NEAREST_MM)
    masseter = 1 + PER_MM2 * (ahead_mm**2 + (MASSETER_DEPTH_MM + case.build.fat_mm) ** 2)
    polarity = REVERSED if shock.anode_first else 1.0
    out: Floats = RHEOBASE_MA * polarity * np.where(facial(bank), nerve, masseter) * bank.theta
    return out


def weiss(bank: Bank, width_us: float) -> Floats:
    """Threshold over rheobase for a pulse of `width_us`, shape (row,): 1 + chronaxie / width."""
    out: Floats = 1 + bank.chronaxie_ms / (width_us / 1e3)
    return out


def threshold_ma(bank: Bank, case: Case, shock: Shock) -> Floats:
    """Mean threshold of every row for this pulse, shape (row,)."""
    return rheobase_ma(bank, case, shock) * weiss(bank, shock.width_us)


def activation_ms(bank: Bank, rheobase: Floats, shock: Shock) -> Floats:
    """From the cathodal edge to the impulse, shape (row,): a membrane charges sooner in a stronger current."""
    strength = np.maximum(shock.current_ma / rheobase, 1 + 1e-4)
    charging = bank.chronaxie_ms * np.log(strength / (strength - 1))
    out: Floats = np.minimum(charging, shock.width_us / 1e3 + LATEST_MS)
    return out


def advance_mm(threshold: Floats, shock: Shock) -> Floats:
    """How far the impulse starts ahead of the cathode, shape (row,): the virtual cathode grows with the current."""
    over = np.maximum(shock.current_ma / threshold, 1.0)
    ahead: Floats = np.clip(ADVANCE_MM * (np.sqrt(over) - 1), 0, MAX_ADVANCE_MM)
    return ahead - REVERSED_MM if shock.anode_first else ahead


def plateau_ma(bank: Bank, case: Case, site: Site, *, width_us: float = STANDARD_US) -> float:
    """Current at which every living axon under `site` fires every time; as if all lived where none does.

    For a cathode on the best spot. The supraorbital site has no muscle response and gets 0.
    """
    under = supplied(bank, site)
    if not under.any():
        return 0.0
    chosen = under & bank.alive
    thresholds = threshold_ma(bank, case, Shock(site, 0.0, width_us, 0))
    return SURE * float(thresholds[chosen if chosen.any() else under].max())
