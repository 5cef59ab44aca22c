"""Where a regrown axon ends when it loses its way: slots of other muscles that are still empty when it arrives."""

from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Muscle
from npr_simulators.person.bank import MUSCLES, Bank, Floats
from npr_simulators.person.conduction import facial
from npr_simulators.person.streams import stream

Preference = Literal["any", "oculo_oral"]
OCULO_ORAL = MappingProxyType(
    {
        (Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS): 8.0,
        (Muscle.ORBICULARIS_OCULI, Muscle.ZYGOMATICUS): 4.0,
        (Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_OCULI): 6.0,
        (Muscle.ORBICULARIS_ORIS, Muscle.ORBICULARIS_OCULI): 6.0,
        (Muscle.ZYGOMATICUS, Muscle.PLATYSMA): 3.0,
    }
)
"""Weight of a slot of the second muscle for an axon of the first one's pool; others 1 (simulation reference 3.4)."""


def preference(prefer: Preference) -> Floats:
    """Weight of a slot by pool and target, shape (9, 9); 0 on the diagonal, for the own muscle is no wrong one."""
    matrix = np.ones((len(MUSCLES), len(MUSCLES)))
    if prefer == "oculo_oral":
        for (pool, target), weight in OCULO_ORAL.items():
            matrix[MUSCLES.index(pool), MUSCLES.index(target)] = weight
    np.fill_diagonal(matrix, 0.0)
    return matrix


def chosen_slots(
    bank: Bank,
    *,
    wanderers: NDArray[np.intp],
    degenerated: NDArray[np.bool_],
    arrival: Floats,
    strayed: NDArray[np.bool_],
    prefer: Preference,
    seed: int,
) -> NDArray[np.intp]:
    """The row of the healthy `bank` whose slot each of `wanderers` takes, shape (row,); its own row for all others.

    Axons arrive in the order of `arrival`. A degenerated slot is empty until its own axon comes back, for ever when
    that one `strayed`, or until another wanderer took it. Only where no other muscle has an empty slot left does an
    axon share one: a degenerated one first, else any. So the choice never depends on how many arrive later.
    """
    slots = np.arange(bank.target.size)
    if not wanderers.size:
        return slots
    weight = preference(prefer)
    luck = stream(seed, "slots", bank.side).exponential(size=(bank.target.size, bank.target.size))
    ours = facial(bank) & ~bank.crossed
    taken = np.zeros(bank.target.size, dtype=bool)
    for axon in wanderers[np.argsort(arrival[wanderers], kind="stable")].tolist():
        wanted = weight[bank.pool[axon], bank.target]
        open_to = ours & (wanted > 0)
        empty = open_to & degenerated & ~taken & (strayed | (arrival > arrival[axon]))
        for candidates in (empty, open_to & degenerated, open_to):
            if candidates.any():
                # an exponential race: the smallest time over weight wins with a chance in proportion to the weight
                rows = np.flatnonzero(candidates)
                slots[axon] = rows[np.argmin(luck[axon, rows] / wanted[rows])]
                break
        taken[slots[axon]] = True
    return slots
