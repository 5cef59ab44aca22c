"""Who commands whom: the share of every muscle's living units that each pool drives (simulation reference 3.4)."""

import numpy as np

from npr_simulators.person.bank import MUSCLES, Bank, Floats


def weights(bank: Bank) -> Floats:
    """Size of every row as its largest potential in any channel, shape (row,), microvolt; 0 for a dead one."""
    largest = np.abs(bank.templates_uv).max(axis=(1, 2)) if bank.target.size else np.empty(0)
    out: Floats = np.where(bank.alive, largest, 0.0).astype(np.float64)
    return out


def misrouting(bank: Bank) -> Floats:
    """W[pool, target]: share of the target's living size that the pool commands, shape (9, 9).

    Columns sum to 1; a column is 0 where nothing lives. A healthy half gives the identity.
    """
    matrix = np.zeros((len(MUSCLES), len(MUSCLES)))
    np.add.at(matrix, (bank.pool, bank.target), weights(bank))
    total = matrix.sum(axis=0)
    out: Floats = np.divide(matrix, total, out=np.zeros_like(matrix), where=total > 0)
    return out


def misrouted_share(bank: Bank) -> Floats:
    """Share of every muscle's living size that a wrong pool commands, shape (9,); 0 where nothing lives."""
    matrix = misrouting(bank)
    out: Floats = matrix.sum(axis=0) - matrix.diagonal()
    return out
