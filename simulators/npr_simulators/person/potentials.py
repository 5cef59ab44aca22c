"""Surface potentials of motor units: travelling dipoles in straight fibres under disc electrodes.

Simulation reference 1.3: phi(t) = K V'(t) (*) sum over both half-fibres of
IR(t) = -(v t - ze) / [(v t - ze)^2 + kappa rho^2]^(3/2) while v t is short of the fibre's end, with V the intracellular
potential of Rosenfalck, so that the waves of endplate and fibre end come out of one sum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_simulators.person.bank import RATE_KHZ, TEMPLATE_SAMPLES, Floats

FIBRE_RADIUS_MM = 0.014
"""About half of a limb fibre's (simulation reference 1.1)."""
SIGMA_IN_S_M, SIGMA_RADIAL_S_M, ANISOTROPY = 1.01, 0.063, 5.0
ACTION_POTENTIAL_MV, ACTION_POTENTIAL_MM = 96.0, 0.65
END_MM = 0.15
"""Over which an action potential dies at the end of its fibre."""
DISC_MM = 3.0
"""The four points that stand for a disc of 9 mm lie this far from its middle."""
LAST_MS = 21.0
"""An action potential ends by then, so that a template holds all of it."""

CONSTANTS = (
    RATE_KHZ,
    FIBRE_RADIUS_MM,
    SIGMA_IN_S_M,
    SIGMA_RADIAL_S_M,
    ANISOTROPY,
    ACTION_POTENTIAL_MV,
    ACTION_POTENTIAL_MM,
    END_MM,
    DISC_MM,
)
"""All that shapes a potential besides its fibres and electrodes."""

Waves = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Fibres:
    """Representative fibres of the units of one muscle: (unit,), or (unit, fibre) and (unit, fibre, 2).

    `endplate_mm` is x, y on the unrolled face; `halves_mm` the lengths from the endplate along `angle_rad` and against
    it; `velocity_mm_ms` is that of the muscle fibre.
    """

    velocity_mm_ms: Floats
    endplate_mm: Floats
    halves_mm: Floats
    depth_mm: Floats
    angle_rad: Floats

    def arrays(self) -> tuple[Floats, ...]:
        """Everything that tells these fibres from others."""
        return self.velocity_mm_ms, self.endplate_mm, self.halves_mm, self.depth_mm, self.angle_rad


def action_potential_slope(velocity_mm_ms: Floats) -> Floats:
    """dV/dt of the intracellular potential in mV/ms, shape (unit, TEMPLATE_SAMPLES); V = 96 z^3 exp(-z) - 90 mV."""
    z_per_ms = velocity_mm_ms[:, None] / ACTION_POTENTIAL_MM
    z = z_per_ms * np.arange(TEMPLATE_SAMPLES) / RATE_KHZ
    return np.asarray(z_per_ms * ACTION_POTENTIAL_MV * (3 * z**2 - z**3) * np.exp(-z))


def unit_potentials(fibres: Fibres, electrodes_mm: Floats) -> Waves:
    """G1 - G2 in microvolt of each unit as if it had one fibre, shape (unit, channel, TEMPLATE_SAMPLES).

    `electrodes_mm` has shape (channel, 2, 2). Sample 0 is the activation of the endplate. Float32.
    """
    points, weights = _discs(electrodes_mm)
    response = np.stack([_impulse_response(fibres, unit, points, weights) for unit in range(fibres.depth_mm.shape[0])])
    slope = action_potential_slope(fibres.velocity_mm_ms).astype(np.float32)
    # one fibre in an infinite medium, doubled by the air above the skin; mV to microvolt
    gain = 2 * 1e3 * FIBRE_RADIUS_MM**2 * SIGMA_IN_S_M / (4 * SIGMA_RADIAL_S_M) / RATE_KHZ
    twice = 2 * TEMPLATE_SAMPLES
    spectrum = np.fft.rfft(response, twice) * np.fft.rfft(np.float32(gain) * slope, twice)[:, None, :]
    return np.ascontiguousarray(np.fft.irfft(spectrum, twice)[..., :TEMPLATE_SAMPLES], dtype=np.float32)


def _discs(electrodes_mm: Floats) -> tuple[Floats, Waves]:
    """Points on the skin (point, 2) and what each adds to each channel (channel, point)."""
    corners = DISC_MM * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], float)
    points = (electrodes_mm[:, :, None] + corners).reshape(-1, 2)
    of_one = np.repeat(np.array([0.25, -0.25], np.float32), len(corners))
    return points, np.kron(np.eye(len(electrodes_mm), dtype=np.float32), of_one)


def _impulse_response(fibres: Fibres, unit: int, points: Floats, weights: Waves) -> Waves:
    """The sum of both half-fibres' dipole weights over the fibres of one unit, shape (channel, TEMPLATE_SAMPLES)."""
    out = np.zeros((len(weights), TEMPLATE_SAMPLES), np.float32)
    velocity = fibres.velocity_mm_ms[unit]
    c, s = np.cos(fibres.angle_rad[unit]), np.sin(fibres.angle_rad[unit])
    offset = points[:, None] - fibres.endplate_mm[unit]  # (point, fibre, 2)
    along = offset[..., 0] * c + offset[..., 1] * s
    across = offset[..., 1] * c - offset[..., 0] * s
    flat = (ANISOTROPY * (across**2 + fibres.depth_mm[unit] ** 2)).astype(np.float32)[..., None]
    for half, direction in enumerate((1.0, -1.0)):
        length = fibres.halves_mm[unit, :, half]
        n = min(TEMPLATE_SAMPLES, int((length.max() + 10 * END_MM) / velocity * RATE_KHZ) + 2)
        travelled = (velocity / RATE_KHZ * np.arange(n)).astype(np.float32)
        past = (travelled - length.astype(np.float32)[:, None]) / np.float32(END_MM)
        gate = (1 / (1 + np.exp(np.clip(past, -40, 40)))) / np.float32(-len(length))
        gate[:, 0] *= 0.5  # the trapezoid's first node
        rel = travelled - (direction * along).astype(np.float32)[..., None]
        square = rel * rel
        square += flat
        rel /= square
        np.sqrt(square, out=square)
        rel /= square
        rel *= gate
        out[:, :n] += weights @ rel.sum(axis=1)
    return out
