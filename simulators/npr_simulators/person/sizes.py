"""How large the units of a half are: each muscle's answer brought to its published size before any lesion."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.bank import Floats
from npr_simulators.person.case import Build
from npr_simulators.person.muscles import ANATOMY
from npr_simulators.person.potentials import Waves
from npr_simulators.person.streams import stream
from npr_simulators.person.superposition import WINDOW, phases

SIZE_RATIO = 12.0
"""Largest over smallest unit of a muscle (Fuglevand form, simulation reference 1.1)."""
PERSON_SD = 0.12
"""Between people, of a muscle's amplitude: SD of its logarithm. Assumption."""
FAT_PER_MM = 0.04
"""Share of the amplitude that each mm of fat takes. Assumption."""


def target_mv(build: Build, *, seed: int, side: Side) -> dict[Muscle, float]:
    """Peak-to-peak of each facial muscle of this half before any lesion, in its own well-placed channel.

    The person's own size, then the side: the larger half is larger than the smaller one by at most
    `build.side_difference_percent` of the larger.
    """
    bound = np.log(1 / (1 - build.side_difference_percent / 100))
    thin = build.amplitude * np.exp(-FAT_PER_MM * build.fat_mm)
    targets: dict[Muscle, float] = {}
    for muscle in FACIAL_MUSCLES:
        person = stream(seed, "size", muscle).normal(0, PERSON_SD)
        between = np.clip(stream(seed, "asymmetry", muscle).normal(0, bound / 2), -bound, bound)
        signed = between / 2 if side is Side.LEFT else -between / 2
        targets[muscle] = float(ANATOMY[muscle].peak_to_peak_mv * thin * np.exp(person + signed))
    return targets


def unit_sizes(rank: Floats) -> Floats:
    """Size of each unit relative to the mean of its muscle: exp(ln(12) rank)."""
    size = np.exp(np.log(SIZE_RATIO) * rank)
    return np.asarray(size / size.mean())


def fibres_per_unit(own_uv: Waves, rank: Floats, time_ms: Floats, *, peak_to_peak_mv: float) -> Floats:
    """Fibres of each unit, so that all of them together make `peak_to_peak_mv` in the muscle's own channel.

    `own_uv` (unit, sample) is what one fibre of each unit gives there, `time_ms` when each endplate is activated.
    """
    spectrum = np.einsum("ub,bu->b", np.fft.rfft(own_uv * unit_sizes(rank)[:, None], WINDOW), _padded(time_ms))
    return np.asarray(unit_sizes(rank) * 1e3 * peak_to_peak_mv / np.ptp(np.fft.irfft(spectrum, WINDOW)))


def masseter_fibres(faces_uv: Waves, rank: Floats, *, peak_mv: float) -> Floats:
    """Fibres of each masseter unit, so that all of them at once reach `peak_mv` in the facial channel that sees most.

    The half-space falls off too fast for so deep a muscle: its size is purely empirical (simulation reference 1.3).
    """
    together = np.einsum("u,uct->ct", unit_sizes(rank), faces_uv)
    return np.asarray(unit_sizes(rank) * 1e3 * peak_mv / np.abs(together).max())


def _padded(time_ms: Floats) -> NDArray[np.complex64]:
    some = phases(time_ms)
    return np.concatenate([some, np.zeros((WINDOW // 2 + 1 - len(some), some.shape[1]), some.dtype)])
