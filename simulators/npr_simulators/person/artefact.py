"""The stimulus artefact: the pulse as the electrodes see it, and the slow tails that skin and leads add."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, HEADLINE, Branch, Side
from npr_simulators.person.case import Case
from npr_simulators.person.electrodes import nominal
from npr_simulators.person.muscles import ANATOMY, MIDLINE_MM
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.streams import stream

Floats = NDArray[np.float64]

TRUNK_UV_PER_MA = np.array([100.0, 150.0, 200.0, 300.0, 250.0, 300.0, 200.0, 500.0])
"""Pulse height in the channels of the stimulated half, frontalis to platysma, cathode at the trunk (reference 5)."""
TAIL_SHARES, TAIL_MS = (0.02, 0.004), (1.2, 8.0)
"""Tails that begin when the pulse ends, against its direction (simulation reference 5)."""
SPREAD = 0.15
"""[A] SD of the logarithm of a channel's pulse height, and of its tails, about those values."""
BRANCH_MM = 45.0
"""A branch is stimulated so far before its muscle (simulation reference 3.4)."""
SUPRAORBITAL_MM = (80.0, 58.0)
"""[A] The notch in the brow, as in `muscles.ANATOMY`."""
NEAR_MM = 60.0
"""[A] The field falls with the third power of the distance (a dipole's), but not to nearer than about this: near the
electrodes the anode is turned about the cathode until the artefact is least (clinical reference 6.1)."""
LOOSE_PULSE, LOOSE_TAILS = 3.0, 5.0
"""[A] With a bad contact more of the pulse's common mode comes through."""


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """a(t) = height (rect(0, width) - sum of share_k exp(-(t - width) / tau_k)), t from the edge of the first phase.

    `height_uv` has shape (16,), `shares` (16, 2).
    """

    height_uv: Floats
    shares: Floats
    width_ms: float

    def __call__(self, t_ms: Floats, aperture_ms: float = 0.0) -> Floats:
        """Microvolt, shape (16, n): the exact mean over `aperture_ms` about each instant; 0 gives the instant."""
        t = np.asarray(t_ms, float)
        if aperture_ms <= 0:
            tails = np.exp(-np.clip(t - self.width_ms, 0, None) / np.array(TAIL_MS)[:, None]) * (t >= self.width_ms)
            pulse = ((t >= 0) & (t < self.width_ms)).astype(float)
            return np.asarray(self.height_uv[:, None] * (pulse - self.shares @ tails))
        ends = t + aperture_ms / 2 * np.array([[-1], [1]])
        pulse = np.clip(ends, 0, self.width_ms)
        after = np.clip(ends - self.width_ms, 0, None)
        tails = np.stack([-tau * np.expm1(-after / tau) for tau in TAIL_MS])
        shape = (pulse[1] - pulse[0]) - self.shares @ (tails[:, 1] - tails[:, 0])
        return np.asarray(self.height_uv[:, None] * shape / aperture_ms)


def of_shock(
    case: Case, side: Side, shock: Shock, *, seed: int, visit: int = 1, loose: frozenset[int] = frozenset()
) -> Artefact:
    """What the electrodes see of `shock` itself, given at `side`; `skin.artefact` 1 is that of the study.

    A function of the arguments; proportional to the current, and reversed with it.
    """
    rng = stream(seed, "artefact", visit, side, shock.site)
    height = shock.current_ma * case.skin.artefact * gains_uv_per_ma(case, side, shock)
    height *= np.exp(rng.normal(0, SPREAD, 16)) * rng.choice([-1.0, 1.0], 16) * (-1 if shock.anode_first else 1)
    shares = np.array(TAIL_SHARES) * np.exp(rng.normal(0, SPREAD, (16, len(TAIL_SHARES))))
    bad = sorted(loose)
    height[bad] *= LOOSE_PULSE
    shares[bad] *= LOOSE_TAILS
    return Artefact(height, shares, shock.width_us / 1e3)


def gains_uv_per_ma(case: Case, side: Side, shock: Shock) -> Floats:
    """Typical pulse height in the 16 channels by where the cathode is, microvolt per milliampere, shape (16,)."""
    pairs = nominal().mean(axis=1)
    far = pairs * (-1, 1) + (2 * MIDLINE_MM, 0)
    mm = np.concatenate([pairs, far]) * case.build.head_size
    across = np.array([0.0, shock.offset_mm])
    cathode = site_mm(shock.site) * case.build.head_size + (shock.anterior_mm, 0) + across
    from_here, usual = _softened(mm - cathode), np.tile(_softened(pairs), 2)
    gains = np.tile(TRUNK_UV_PER_MA, 2) * (usual / from_here) ** 3
    return gains if side is Side.LEFT else np.roll(gains, len(FACIAL_MUSCLES))


def site_mm(site: Site) -> Floats:
    """Where the cathode is held for `site`, x anterior and y cranial of the stylomastoid foramen, on a usual head."""
    if site is Site.TRUNK:
        return np.zeros(2)
    if site is Site.SUPRAORBITAL:
        return np.array(SUPRAORBITAL_MM)
    muscle = np.array(ANATOMY[HEADLINE[Branch(site.value)]].centre_mm, float)
    return np.asarray(muscle * max(0.0, 1 - BRANCH_MM / float(np.hypot(*muscle))))


def _softened(mm: Floats) -> Floats:
    return np.asarray(np.hypot(np.hypot(mm[:, 0], mm[:, 1]), NEAR_MM))
