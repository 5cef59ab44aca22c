"""What one shock does to the two halves of a face: every activation of an endplate, and how it came about."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle, Side
from npr_simulators.person import reflexes
from npr_simulators.person.bank import ORIGINS, Bank, Floats, Spikes
from npr_simulators.person.case import Case
from npr_simulators.person.conduction import facial, from_branch_ms, from_trunk_ms
from npr_simulators.person.course import central_now, effective
from npr_simulators.person.excitation import (
    FLUCTUATION,
    STANDARD_US,
    activation_ms,
    advance_mm,
    plateau_ma,
    rheobase_ma,
    supplied,
    weiss,
)
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.streams import stream

DECREMENT_STEPS = (0.0, 0.45, 0.8, 1.0)
"""Share of the whole decrement at the 1st, 2nd, 3rd and every later shock of a train [A]."""


def shocked(
    banks: Mapping[Side, Bank],
    case: Case,
    side: Side,
    shock: Shock,
    *,
    seed: int,
    lesion_side: Side = Side.LEFT,
) -> dict[Side, Spikes]:
    """The answer of both halves to `shock` at `side`: direct, axon reflex, ephaptic, F wave; R1 and R2 of the blink.

    A function of the arguments alone: the ordinal finds the luck of this shock, whatever was given before it.
    """
    if shock.site is Site.SUPRAORBITAL:
        return {
            half: _blink(bank, case, side, shock, seed, lesion_here=half is lesion_side) for half, bank in banks.items()
        }
    answer = _motor(banks[side], case, shock, seed, lesion_here=side is lesion_side)
    return {half: answer if half is side else Spikes.joined([]) for half in banks}


def plateau(bank: Bank, case: Case, site: Site) -> Spikes:
    """Full recruitment from a cathode on the best spot: every living axon under `site`, no other, and no jitter."""
    shock = Shock(site, plateau_ma(bank, case, site), STANDARD_US, 0)
    rows = np.flatnonzero(supplied(bank, site) & bank.alive)
    times = np.empty(0) if site is Site.SUPRAORBITAL else _arrival_ms(bank, case, shock)[1][rows]
    return Spikes(rows, times, np.zeros(rows.shape, np.int8))


def _arrival_ms(bank: Bank, case: Case, shock: Shock) -> tuple[Floats, Floats]:
    """When each row's impulse starts and when it reaches the endplate, each (row,), ms from the cathodal edge."""
    rheobase = rheobase_ma(bank, case, shock)
    start = activation_ms(bank, rheobase, shock)
    ahead = advance_mm(rheobase * weiss(bank, shock.width_us), shock) / bank.velocity_m_s
    trunk = shock.site is Site.TRUNK
    delay = from_trunk_ms(bank) if trunk else from_branch_ms(bank, head_size=case.build.head_size)
    return start, start + delay - np.where(facial(bank), ahead, 0.0)


def _motor(bank: Bank, case: Case, shock: Shock, seed: int, *, lesion_here: bool) -> Spikes:
    fibre, fibres = _fibres(bank)
    luck = stream(seed, "shock", bank.side, shock.ordinal)
    fluctuation, jitter = luck.standard_normal((2, fibres))
    f_luck = luck.random(fibres)
    threshold = rheobase_ma(bank, case, shock) * weiss(bank, shock.width_us)
    fired = bank.alive & (shock.current_ma >= threshold * (1 + FLUCTUATION * fluctuation[fibre]))
    start, arrival = _arrival_ms(bank, case, shock)
    lesion = effective(case, case.lesion if lesion_here else case.other_side)
    direct = np.flatnonzero(fired)
    late = Spikes.joined(
        [
            Spikes(direct, arrival[direct], np.full(direct.shape, ORIGINS.index("direct"), np.int8)),
            reflexes.axon_reflex(bank, case, shock, fired, start),
            reflexes.ephaptic_spread(bank, shock, fired, stream(seed, "ephapse", bank.side).random(fibres)[fibre]),
            reflexes.f_wave(bank, case, shock, fired, start, luck=f_luck[bank.axon], gain=lesion.reflex_gain),
        ]
    )
    spikes = Spikes(late.row, late.time_ms + bank.jitter_ms[late.row] * jitter[fibre[late.row]], late.origin)
    return _transmitted(bank, spikes, lesion.decrement, shock.in_train, seed)


def _blink(bank: Bank, case: Case, side: Side, shock: Shock, seed: int, *, lesion_here: bool) -> Spikes:
    afferents = reflexes.afferent_share(case, shock)
    gain = effective(case, case.lesion if lesion_here else case.other_side).reflex_gain
    rng = stream(seed, "blink", side, bank.side, shock.ordinal)
    arc = case.blink
    eye = Muscle.ORBICULARIS_OCULI
    pools = {eye: 1.0}
    if lesion_here:
        pools |= {c.target: c.gain for c in central_now(case) if c.source is eye}
    parts = []
    if bank.side is side:
        early = gain * arc.r1
        parts.append(reflexes.blink_r1(bank, afferents=afferents, gain=early, later_ms=arc.r1_later_ms, rng=rng))
    crossed = bank.side is not side
    parts.append(
        reflexes.blink_r2(
            bank,
            pools,
            afferents=afferents,
            gain=gain * (arc.r2c if crossed else arc.r2),
            later_ms=reflexes.R2_CROSSING_MS + arc.r2c_later_ms if crossed else arc.r2_later_ms,
            since_ms=shock.since_ms,
            rng=stream(seed, "blink r2", side, bank.side, shock.ordinal),
        )
    )
    return Spikes.joined(parts)


def _transmitted(bank: Bank, spikes: Spikes, decrement: float, in_train: int, seed: int) -> Spikes:
    """The spikes whose junction still transmits in a train: always the same weakest ones fail."""
    fails = decrement * DECREMENT_STEPS[min(in_train, len(DECREMENT_STEPS) - 1)]
    if fails == 0:
        return spikes
    fibre, fibres = _fibres(bank)
    keep = stream(seed, "junction", bank.side).random(fibres)[fibre[spikes.row]] >= fails
    keep |= ~facial(bank)[spikes.row]
    return Spikes(spikes.row[keep], spikes.time_ms[keep], spikes.origin[keep])


def _fibres(bank: Bank) -> tuple[NDArray[np.intp], int]:
    """A number for every row that no lesion changes, and how many there are: luck belongs to a fibre, not to a row."""
    axons = int(bank.axon.max(initial=-1)) + 1
    return bank.axon + axons * bank.second, 2 * axons
