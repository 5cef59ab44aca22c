"""What a lesion makes of a healthy bank: death, regrowth, block, slowing, and axons that end in the wrong muscle."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.bank import DEAD, INTACT, RATE_KHZ, REGENERATED, TEMPLATE_SAMPLES, Bank, Floats
from npr_simulators.person.case import ByBranch, Lesion
from npr_simulators.person.conduction import facial
from npr_simulators.person.misrouting import weights
from npr_simulators.person.rewiring import chosen_slots
from npr_simulators.person.streams import stream

REGENERATED_VELOCITY = 0.65
REGENERATED_VELOCITY_SPREAD = 0.10
REGENERATED_THRESHOLD = 1.8
REGENERATED_JITTER = 3.0
REGENERATED_DISPERSION_MS = 0.9
"""A regenerated axon is slow, hard to excite and unsteady (simulation reference 3.2)."""
SECOND_SHARE = 0.5
"""Size of the potential that the added branch of a forked axon drives, over that of the slot it took [A]."""
MAX_SPROUTING = 4.0
POLYPHASIC_FROM = 1.3
COPIES = 4
COPY_SHAPE, COPY_SCALE_MS = 2.0, 1.1
GROUPING = 1.35
"""A reinnervated potential is 1.35 / 4 of the sum of four late copies of the old one (simulation reference 3.3)."""
PER_ROW = tuple(f.name for f in fields(Bank) if f.name not in ("side", "healthy_units"))


def lesioned(bank: Bank, lesion: Lesion, *, seed: int) -> Bank:
    """The half of the face behind `bank` (healthy) with `lesion`; sorted by target, forked axons with a second row.

    Every draw belongs to an axon and is compared with a share, so a lesion that grows never changes who was hit first.
    """
    if lesion == Lesion():
        return bank
    rows = bank.target.size
    rng = stream(seed, "lesion", bank.side)
    dies, regrows, blocks, strays, forks, touches = rng.random((6, rows))
    speed, scatter, late = rng.standard_normal((3, rows))
    nerve = facial(bank)
    degenerated = dies < _shares(bank, lesion.degeneration)
    regrown = degenerated & (regrows < _shares(bank, lesion.regrown))
    wrong = regrown & (strays < lesion.misdirection)
    forked = regrown & ~wrong & (forks < lesion.bifurcation)
    state = np.where(regrown, REGENERATED, np.where(degenerated, DEAD, INTACT)).astype(np.int8)
    slots = chosen_slots(
        bank,
        wanderers=np.flatnonzero(wrong | forked),
        degenerated=degenerated,
        arrival=regrows,
        strayed=degenerated & (strays < lesion.misdirection),
        prefer=lesion.prefer,
        seed=seed,
    )
    slowing = np.where(regrown, REGENERATED_VELOCITY * (1 + REGENERATED_VELOCITY_SPREAD * speed), 1.0)
    moved = np.where(wrong, slots, np.arange(rows))
    changed = replace(
        bank,
        target=bank.target[moved],
        branch=bank.branch[moved],
        path_mm=bank.path_mm[moved],
        crossed=bank.crossed[moved],
        velocity_m_s=bank.velocity_m_s * np.where(nerve, lesion.velocity, 1.0) * np.maximum(slowing, 0.3),
        dispersion_ms=bank.dispersion_ms
        + np.where(nerve, np.abs(scatter) * lesion.dispersion_ms, 0.0)
        + np.where(regrown, np.abs(late) * REGENERATED_DISPERSION_MS, 0.0),
        jitter_ms=bank.jitter_ms * np.where(regrown, REGENERATED_JITTER, 1.0),
        theta=bank.theta * np.where(regrown, REGENERATED_THRESHOLD, 1.0),
        state=state,
        blocked=nerve & (state == INTACT) & (blocks < _shares(bank, lesion.block)),
        ephaptic=nerve & (state != DEAD) & (touches < lesion.ephapse),
        templates_uv=np.where((state != DEAD)[:, None, None], bank.templates_uv[moved], np.float32(0)),
    )
    grown = _with_second_rows(changed, bank, np.flatnonzero(forked), slots)
    return _sorted(_reinnervated(grown, bank, lesion.sprouting, seed=seed))


def _shares(bank: Bank, shares: ByBranch) -> Floats:
    # the masseter's nerve is never part of a facial lesion
    return np.array([*shares.values(), 0.0])[bank.branch]


def _with_second_rows(changed: Bank, healthy: Bank, forked: NDArray[np.intp], slots: NDArray[np.intp]) -> Bank:
    """`changed` and, after it, one row more for every forked axon: the same axon in the slot that it took."""
    if not forked.size:
        return changed
    taken = slots[forked]
    of_axon = {
        f.name: getattr(changed, f.name)[forked] for f in fields(Bank) if f.name not in ("side", "healthy_units")
    }
    of_slot = {
        name: getattr(healthy, name)[taken] for name in ("target", "branch", "path_mm", "terminal", "junction_ms")
    }
    added = of_axon | of_slot
    added["crossed"] = healthy.crossed[taken]
    added["second"] = np.ones(forked.size, dtype=bool)
    added["ephaptic"] = np.zeros(forked.size, dtype=bool)
    added["templates_uv"] = healthy.templates_uv[taken] * np.float32(SECOND_SHARE)
    joined: dict[str, Any] = {n: np.concatenate([getattr(changed, n), more]) for n, more in added.items()}
    return replace(changed, **joined)


def _reinnervated(grown: Bank, healthy: Bank, sprouting: float, *, seed: int) -> Bank:
    """Larger units where survivors adopted orphans, and long polyphasic potentials (simulation reference 3.3)."""
    of_muscle = sprouting_gain(grown, healthy, sprouting)
    gain = np.where(grown.crossed | ~grown.alive, 1.0, of_muscle[grown.target])
    polyphasic = grown.alive & ((grown.state == REGENERATED) | (gain > POLYPHASIC_FROM))
    # two rows of one axon differ, and a row keeps its delays whatever happens to the others
    axons = int(healthy.axon.max(initial=-1)) + 1
    late_ms = stream(seed, "polyphasic", grown.side).gamma(COPY_SHAPE, COPY_SCALE_MS, (2 * axons, COPIES))
    late_ms[:, 0] = 0
    shifts = np.rint(late_ms[grown.axon + axons * grown.second] * RATE_KHZ).astype(np.intp)
    templates = grown.templates_uv * gain.astype(np.float32)[:, None, None]
    for row in np.flatnonzero(polyphasic):
        templates[row] = _late_copies(templates[row], shifts[row])
    return replace(grown, templates_uv=templates)


def sprouting_gain(grown: Bank, healthy: Bank, sprouting: float) -> Floats:
    """How much larger the living units of each muscle became, shape (9,): g = min(4, 1 + s lost / own)."""
    muscles = healthy.healthy_units.size

    def total(bank: Bank) -> Floats:
        return np.bincount(bank.target, np.where(bank.crossed, 0.0, weights(bank)), muscles).astype(np.float64)

    own, before = total(grown), total(healthy)
    lost = np.maximum(before - own, 0.0)
    share: Floats = np.divide(lost, own, out=np.zeros_like(own), where=own > 0)
    gain: Floats = np.minimum(MAX_SPROUTING, 1 + sprouting * share)
    return gain


def _late_copies(template: NDArray[np.float32], shifts: NDArray[np.intp]) -> NDArray[np.float32]:
    out = np.zeros_like(template)
    for shift in np.minimum(shifts, TEMPLATE_SAMPLES - 1).tolist():
        out[:, shift:] += template[:, : TEMPLATE_SAMPLES - shift]
    return out * np.float32(GROUPING / COPIES)


def _sorted(bank: Bank) -> Bank:
    order = np.argsort(bank.target, kind="stable")
    per_row: dict[str, Any] = {name: getattr(bank, name)[order] for name in PER_ROW}
    return replace(bank, **per_row)
