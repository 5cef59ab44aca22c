"""Late answers to a shock: axon reflex, ephaptic spread, F wave, and the blink reflex R1 and R2."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle
from npr_simulators.person.bank import MUSCLES, ORIGINS, Bank, Floats, Spikes
from npr_simulators.person.case import Case
from npr_simulators.person.conduction import (
    BRANCH_SITE_MM,
    INTRACRANIAL_M_S,
    LESION_MM,
    branch_leg_mm,
    facial,
    from_nucleus_ms,
    from_trunk_ms,
)
from npr_simulators.person.excitation import MIN_DEPTH_MM, PER_MM2, REVERSED, RHEOBASE_MA, supplied
from npr_simulators.person.sites import Shock, Site

BACKFIRE_MS = 0.6
EPHAPTIC_MS = 2.2
"""Two legs of 45 mm and 0.6 ms stand for branch to lesion to foramen; 2.2 ms is what the transmission at the scar takes
longer than its path (Moller and Jannetta 1985; simulation reference 3.4)."""
EPHAPTIC_SHARE = 0.5
"""A receiver answers once 0 to half of the branch's axons fire, each at a share of its own [A]."""
F_CHANCE = 0.03
F_PROXIMAL_MS = 2.2
F_TURN_MS = 1.0
"""F wave: chance per unit and shock (0.02 to 0.05), conduction from foramen to nucleus, the same for all axons [A], and
the turn at the nucleus [M]. Calibrated, on persons of cohort seed 1, to the mean of the first F latency as measured in
the depressor anguli oris after a shock at the marginal mandibular branch (8.97 ms; clinical reference 7, W9)."""
R1_CHANCE, R1_MS, R1_SPREAD_MS = 0.25, 8.2, 0.35
R2_COUNT, R2_MS, R2_SHAPE, R2_SCALE_MS = 1.4, 30.3, 2.2, 6.0
R2_CROSSING_MS = 1.0
"""Blink arc (simulation reference 4.3); R2 is later on the other side. The times are calibrated, on persons of cohort
seed 1, to the means of R1, R2 and R2c as they are measured (10.9, 35.2, 36.2 ms; clinical reference 7, W11)."""
R2_MAX = 6
R2_HABITUATION, R2_RECOVERY_MS = 0.5, 4000.0
"""An R2 right after another is half as large; it recovers within about ten seconds [A] (clinical reference 1)."""
SUPRAORBITAL_DEPTH_MM = 8.0
AFFERENT_CHRONAXIE_MS = 0.28
AFFERENT_SPREAD = 0.12
"""Supraorbital afferents: half of them fire near 4.2 mA at 0.2 ms, nearly all at 7 mA [A]."""


def axon_reflex(bank: Bank, case: Case, shock: Shock, fired: NDArray[np.bool_], activation: Floats) -> Spikes:
    """Forked axons of which the shock fired one branch only: up to the fork and down the other (reference 3.4)."""
    twin = twins(bank)
    rows = np.flatnonzero((twin >= 0) & ~fired & bank.alive)
    rows = rows[fired[twin[rows]]]
    source = twin[rows]
    up_mm = _upward_mm(bank, case, shock.site)[source] + LESION_MM
    down = LESION_MM / bank.velocity_m_s[rows] + from_trunk_ms(bank)[rows]
    return _spikes(rows, activation[source] + up_mm / bank.velocity_m_s[source] + down, "axon_reflex")


def ephaptic_spread(bank: Bank, shock: Shock, fired: NDArray[np.bool_], luck: Floats) -> Spikes:
    """Impulses that jump to a receiver of another branch at the scar (simulation reference 3.4); none from the trunk.

    `luck` (row,), 0 to 1, is each receiver's own share of the branch that must fire.
    """
    under = supplied(bank, shock.site) & bank.alive
    if shock.site is Site.TRUNK or not under.any():
        return Spikes.joined([])
    share = float(fired[under].mean())
    reached = bank.ephaptic & bank.alive & ~bank.blocked & ~under & ~fired & (EPHAPTIC_SHARE * luck < share)
    rows = np.flatnonzero(reached)
    delay = 2 * BRANCH_SITE_MM / INTRACRANIAL_M_S + BACKFIRE_MS + EPHAPTIC_MS
    return _spikes(rows, delay + from_trunk_ms(bank)[rows], "ephaptic")


def f_wave(
    bank: Bank, case: Case, shock: Shock, fired: NDArray[np.bool_], activation: Floats, *, luck: Floats, gain: float
) -> Spikes:
    """Axons whose cell fires back once the impulse reached it: up, turn, and the whole way down.

    `luck` (row,), 0 to 1, is equal for the rows of one axon; the chance grows with the excitability `gain`.
    """
    rows = np.flatnonzero(fired & facial(bank) & ~bank.second & ~bank.blocked & (luck < F_CHANCE * gain))
    up = _upward_mm(bank, case, shock.site)[rows] / bank.velocity_m_s[rows]
    proximal = 2 * F_PROXIMAL_MS + F_TURN_MS
    return _spikes(rows, activation[rows] + up + proximal + from_trunk_ms(bank)[rows], "f_wave")


def afferent_share(case: Case, shock: Shock) -> float:
    """Share of the supraorbital afferents that this pulse fires, 0 to 1; none with another site."""
    if shock.site is not Site.SUPRAORBITAL or shock.current_ma <= 0:
        return 0.0
    depth_mm = max(SUPRAORBITAL_DEPTH_MM * case.build.head_size + case.build.fat_mm, MIN_DEPTH_MM)
    rheobase = RHEOBASE_MA * (1 + PER_MM2 * (depth_mm**2 + shock.offset_mm**2)) * (REVERSED if shock.anode_first else 1)
    half_ma = rheobase * (1 + AFFERENT_CHRONAXIE_MS / (shock.width_us / 1e3))
    return float(1 / (1 + (half_ma / shock.current_ma) ** (1 / AFFERENT_SPREAD)))


def blink_r1(bank: Bank, *, afferents: float, gain: float, later_ms: float = 0.0, rng: np.random.Generator) -> Spikes:
    """Early blink reflex: axons of the orbicularis oculi pool, wherever they end (simulation reference 4.3)."""
    axons = _axons(bank)
    fires = rng.random(axons) < min(1.0, R1_CHANCE * gain) * afferents
    spread = rng.standard_normal(axons) * R1_SPREAD_MS
    rows = np.flatnonzero(_commanded(bank, Muscle.ORBICULARIS_OCULI) & fires[bank.axon])
    return _spikes(rows, R1_MS + later_ms + spread[bank.axon[rows]] + from_nucleus_ms(bank)[rows], "r1")


def blink_r2(
    bank: Bank,
    pools: Mapping[Muscle, float],
    *,
    afferents: float,
    gain: float,
    later_ms: float = 0.0,
    since_ms: float,
    rng: np.random.Generator,
) -> Spikes:
    """Late blink reflex of one half: up to six impulses of each axon of `pools` (pool -> share of the drive).

    A central re-weighting of the eye's pool spreads R2, never R1 (simulation reference 3.4). R2 habituates.
    """
    axons = _axons(bank)
    rested = 1 - R2_HABITUATION * np.exp(-since_ms / R2_RECOVERY_MS)
    share = np.zeros(axons)
    for muscle, weight in pools.items():
        share[bank.axon[_commanded(bank, muscle)]] = weight
    counts = np.minimum(rng.poisson(R2_COUNT, axons), R2_MAX)
    keeps = rng.random((R2_MAX, axons))
    more = rng.poisson(R2_COUNT, axons)
    late = R2_MS + later_ms + rng.gamma(R2_SHAPE, R2_SCALE_MS, (R2_MAX, axons))
    # thinning and doubling keep every axon's numbers its own, whatever the drive
    factor = share * afferents * gain * rested
    counts = np.minimum(counts + np.where(factor > 1, more, 0), R2_MAX)
    chance = np.where(factor > 1, factor / 2, factor)
    delay = from_nucleus_ms(bank)
    parts = []
    for k in range(R2_MAX):
        fires = (counts > k) & (keeps[k] < chance)
        rows = np.flatnonzero(bank.alive & ~bank.blocked & facial(bank) & fires[bank.axon])
        parts.append(_spikes(rows, late[k, bank.axon[rows]] + delay[rows], "r2"))
    return Spikes.joined(parts)


def twins(bank: Bank) -> NDArray[np.intp]:
    """The other row of the same axon, shape (row,); -1 for an axon that is not forked."""
    twin = np.full(bank.axon.size, -1)
    second = np.flatnonzero(bank.second)
    first_of = np.full(_axons(bank), -1)
    first = np.flatnonzero(~bank.second)
    first_of[bank.axon[first]] = first
    twin[second] = first_of[bank.axon[second]]
    twin[twin[second]] = second
    return twin


def _commanded(bank: Bank, muscle: Muscle) -> NDArray[np.bool_]:
    """Rows that an impulse of the pool of `muscle` reaches: alive and not blocked on the way."""
    return np.asarray((bank.pool == MUSCLES.index(muscle)) & bank.alive & ~bank.blocked)


def _axons(bank: Bank) -> int:
    return int(bank.axon.max(initial=-1)) + 1


def _upward_mm(bank: Bank, case: Case, site: Site) -> Floats:
    """From the cathode up to the stylomastoid foramen, shape (row,)."""
    if site is Site.TRUNK:
        return np.zeros(bank.path_mm.shape)
    return bank.path_mm - branch_leg_mm(bank, head_size=case.build.head_size)


def _spikes(rows: NDArray[np.intp], time_ms: Floats, origin: str) -> Spikes:
    return Spikes(rows, time_ms, np.full(rows.shape, ORIGINS.index(origin), np.int8))
