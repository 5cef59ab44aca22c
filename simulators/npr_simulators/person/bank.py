"""The motor-unit bank of one half of the face: one row per axon branch and the muscle unit that it drives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side

Floats = NDArray[np.float64]
MUSCLES: tuple[Muscle, ...] = tuple(Muscle)
"""Pools and targets are indices in this tuple; the last one is the masseter, which the trigeminal nerve drives."""
ACROSS: tuple[Muscle, ...] = (Muscle.NASALIS, Muscle.ORBICULARIS_ORIS, Muscle.MENTALIS)
"""Muscles of the other half whose electrodes lie near enough to the midline to see this half."""
REACH = len(FACIAL_MUSCLES) + len(ACROSS)
RATE_KHZ = 20.0
TEMPLATE_SAMPLES = 512
DEAD, INTACT, REGENERATED = 0, 1, 2
TRIGEMINAL = -1


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Bank:
    """Rows sorted by `target`; every array has shape (row,), `templates_uv` (row, channel, sample).

    `axon` is equal for the two branches of one bifurcated axon. `pool` is what the brain commands, `target` the muscle
    that answers; they differ for a misdirected axon. `branch` is the nerve branch the fibre runs in below the trunk
    (0 temporal to 4 cervical, -1 trigeminal). `crossed` units lie across the midline and count as the other half's
    muscle. `theta` is the threshold over that of the median axon; `terminal` the relative slowness of the last 15 mm.
    Templates: `RATE_KHZ`, G1 - G2, sample 0 is the activation of the endplate; channels are the eight of this half in
    the order of `FACIAL_MUSCLES`, then `ACROSS` of the other half. Dead rows keep their numbers, not their template.
    """

    side: Side
    axon: NDArray[np.intp]
    pool: NDArray[np.intp]
    target: NDArray[np.intp]
    branch: NDArray[np.intp]
    crossed: NDArray[np.bool_]
    second: NDArray[np.bool_]
    """The added branch of a bifurcated axon."""
    rank: Floats
    """Size rank 0 (smallest) to 1."""
    velocity_m_s: Floats
    path_mm: Floats
    terminal: Floats
    junction_ms: Floats
    dispersion_ms: Floats
    jitter_ms: Floats
    theta: Floats
    chronaxie_ms: Floats
    state: NDArray[np.int8]
    blocked: NDArray[np.bool_]
    ephaptic: NDArray[np.bool_]
    healthy_units: NDArray[np.intp]
    """Units of each muscle before any lesion, shape (9,)."""
    templates_uv: NDArray[np.float32]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Rows whose axon conducts below the lesion."""
        return np.asarray(self.state != DEAD)

    def of(self, muscle: Muscle) -> slice:
        """The rows that drive `muscle`."""
        index = MUSCLES.index(muscle)
        return slice(*np.searchsorted(self.target, (index, index + 1)))


@dataclass(frozen=True, slots=True, eq=False)
class Spikes:
    """Activations of endplates: `row` of a bank and `time_ms` (from the cathodal edge, or from a stated instant).

    `origin` says how each came about, an index in `ORIGINS`.
    """

    row: NDArray[np.intp]
    time_ms: Floats
    origin: NDArray[np.int8]

    @staticmethod
    def joined(parts: "list[Spikes]") -> "Spikes":
        """All spikes of `parts`; empty for none."""
        if not parts:
            return Spikes(np.empty(0, np.intp), np.empty(0), np.empty(0, np.int8))
        return Spikes(
            np.concatenate([p.row for p in parts]),
            np.concatenate([p.time_ms for p in parts]),
            np.concatenate([p.origin for p in parts]),
        )


ORIGINS = ("direct", "axon_reflex", "ephaptic", "f_wave", "r1", "r2", "voluntary")


def channel_rows(side: Side) -> tuple[int, ...]:
    """Rows of the standard montage (left 0 to 7, right 8 to 15) that the template channels of `side` belong to."""
    near = 0 if side is Side.LEFT else len(FACIAL_MUSCLES)
    far = len(FACIAL_MUSCLES) - near
    return (*range(near, near + len(FACIAL_MUSCLES)), *(far + FACIAL_MUSCLES.index(m) for m in ACROSS))
