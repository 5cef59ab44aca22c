"""Efferent delay of every row of a bank: from the nucleus, the trunk or a branch to the activation of the endplate."""

import numpy as np

from npr_simulators.person.bank import TRIGEMINAL, Bank, Floats

TERMINAL_MM = 15.0
"""The last stretch of an axon, tapering and thinly myelinated (simulation reference 1.2)."""
TERMINAL_SLOWING = 0.40
BRANCH_SITE_MM = 45.0
"""A branch is stimulated this far before its muscle (simulation reference 3.4)."""
LESION_MM = 28.0
"""From the stylomastoid foramen up to the geniculate, where a regenerated axon forks (simulation reference 3.4)."""
INTRACRANIAL_MM = 20.0
INTRACRANIAL_M_S = 51.0
"""Root to foramen as the blink arc counts it (simulation reference 4.3); the lesion leaves its speed alone [A]."""
MASSETER_NERVE_MS = 0.5
"""Cathode to masseter without the junction (simulation reference 2, "Masseter")."""


def facial(bank: Bank) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows that the facial nerve drives, shape (row,)."""
    return np.asarray(bank.branch != TRIGEMINAL)


def terminal_ms(bank: Bank) -> Floats:
    """Time in the tapering terminal, shape (row,)."""
    length_mm = np.minimum(TERMINAL_MM, bank.path_mm)
    out: Floats = length_mm * bank.terminal / (TERMINAL_SLOWING * bank.velocity_m_s)
    return out


def along_ms(bank: Bank, length_mm: Floats) -> Floats:
    """From `length_mm` before the muscle to the endplate, shape (row,), dispersion and junction included.

    The masseter's nerve is one short delay, spread by its thresholds: who is hard to excite lies deeper.
    """
    myelinated_mm = np.maximum(length_mm - TERMINAL_MM, 0.0)
    delay = myelinated_mm / bank.velocity_m_s + terminal_ms(bank) + bank.dispersion_ms
    masseter = MASSETER_NERVE_MS + 0.3 * np.abs(bank.theta - 1)
    out: Floats = bank.junction_ms + np.where(facial(bank), delay, masseter)
    return out


def from_trunk_ms(bank: Bank) -> Floats:
    """From the stylomastoid foramen to the endplate, shape (row,) (simulation reference 1.2)."""
    return along_ms(bank, bank.path_mm)


def from_branch_ms(bank: Bank, *, head_size: float = 1.0) -> Floats:
    """From a branch's site, `BRANCH_SITE_MM` times `head_size` before the muscle, to the endplate, shape (row,)."""
    return along_ms(bank, branch_leg_mm(bank, head_size=head_size))


def branch_leg_mm(bank: Bank, *, head_size: float = 1.0) -> Floats:
    """Length from a branch's site to the muscle, shape (row,); never more than the whole path."""
    out: Floats = np.minimum(bank.path_mm, BRANCH_SITE_MM * head_size)
    return out


def from_nucleus_ms(bank: Bank) -> Floats:
    """From the motor nucleus to the endplate, shape (row,): what a voluntary or reflex impulse travels."""
    return INTRACRANIAL_MM / INTRACRANIAL_M_S + from_trunk_ms(bank)
