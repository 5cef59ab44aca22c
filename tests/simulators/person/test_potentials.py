"""The forward model against a slow sum in double precision, and what physics demands of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person import axons, electrodes
from npr_simulators.person.bank import Floats
from npr_simulators.person.case import Case, Intake
from npr_simulators.person.potentials import Fibres, unit_potentials

CASE = Case(
    version=2,
    name="somebody",
    teaches="-",
    expect="-",
    cell="-",
    intake=Intake(age_years=40, sex="female", affected="none", cause="none"),
)
FAR = np.array([1e5, 0.0])


def one_fibre(*, depth_mm: float = 3.5, velocity: float = 3.2, halves: tuple[float, float] = (24, 18)) -> Fibres:
    return Fibres(
        velocity_mm_ms=np.array([velocity]),
        endplate_mm=np.zeros((1, 1, 2)),
        halves_mm=np.array([[halves]], float),
        depth_mm=np.full((1, 1), depth_mm),
        angle_rad=np.array([0.0]),
    )


def slow_sum(
    point_mm: Floats, *, depth_mm: float, velocity: float, halves: tuple[float, float], finer: int = 16
) -> Floats:
    """phi(t) in microvolt at one point, simulation reference 1.3, as written there, on a grid `finer` times as fine."""
    n, dt = 512 * finer, 0.05 / finer
    t = np.arange(n) * dt
    z = velocity * t / 0.65
    slope = velocity / 0.65 * 96 * (3 * z**2 - z**3) * np.exp(-z)
    response = np.zeros(n)
    for sign, length in zip((1, -1), halves, strict=True):
        rel = velocity * t - sign * point_mm[0]
        gate = 1 / (1 + np.exp(np.clip((velocity * t - length) / 0.15, -40, 40)))
        response -= rel / (rel**2 + 5 * (point_mm[1] ** 2 + depth_mm**2)) ** 1.5 * gate
    k = 2 * 0.014**2 * 1.01 / (4 * 0.063)
    return 1e3 * k * dt * np.convolve(slope, response)[:n:finer]


def disc_sum(where: Floats, **fibre: float) -> Floats:
    corners = [where + d for d in ((3, 0), (-3, 0), (0, 3), (0, -3))]
    return np.mean([slow_sum(corner, depth_mm=3.5, halves=(24, 18), **fibre) for corner in corners], axis=0)


@pytest.mark.parametrize("point", [(6.0, 2.0), (22.0, 1.0), (50.0, 8.0), (0.0, 60.0), (-70.0, 0.0)])
@pytest.mark.parametrize("velocity", [2.5, 4.0])
def test_a_disc_sees_what_the_formula_says_at_its_four_points(point: tuple[float, float], velocity: float):
    where = np.array(point)
    seen = unit_potentials(one_fibre(velocity=velocity), np.stack([where, FAR])[None])[0, 0]
    expected = disc_sum(where, velocity=velocity)
    assert np.abs(seen - expected).max() < 0.01 * np.ptp(expected)


def test_channels_are_g1_minus_g2():
    pair = np.array([[[6.0, 2.0], [-9.0, 4.0]], [[0.0, 0.0], [60.0, 30.0]]])
    seen = unit_potentials(one_fibre(), pair)[0]
    for channel, (g1, g2) in zip(seen, pair, strict=True):
        expected = disc_sum(g1, velocity=3.2) - disc_sum(g2, velocity=3.2)
        assert np.abs(channel - expected).max() < 0.01 * np.ptp(expected)


def test_another_angle_turns_the_fibre():
    along, across = np.array([[[6.0, 2.0], FAR]]), np.array([[[-2.0, 6.0], FAR]])
    turned = replace(one_fibre(), angle_rad=np.array([np.pi / 2]))
    assert np.allclose(unit_potentials(one_fibre(), along), unit_potentials(turned, across), atol=1e-5)


def test_over_the_endplate_the_first_deflection_is_negative_and_biphasic():
    seen = unit_potentials(one_fibre(), np.array([[[0.0, 0.0], [0.0, 22.0]]]))[0, 0]
    first = seen[np.flatnonzero(np.abs(seen) > 0.1 * np.abs(seen).max())[0]]
    assert first < 0
    assert seen.max() > 0.2 * -seen.min()


def test_two_electrodes_on_one_spot_see_nothing():
    spot = np.array([[[5.0, 3.0], [5.0, 3.0]]])
    assert np.abs(unit_potentials(one_fibre(), spot)).max() < 1e-4


@settings(max_examples=30, deadline=None)
@given(st.floats(1, 12), st.floats(0.5, 5), st.floats(2.2, 4.5))
def test_a_deeper_fibre_gives_less(depth: float, more: float, velocity: float):
    pair = np.array([[[0.0, 0.0], [22.0, 0.0]]])
    near, far = (np.ptp(unit_potentials(one_fibre(depth_mm=d, velocity=velocity), pair)) for d in (depth, depth + more))
    assert far < near


def test_the_units_of_a_muscle_hold_nothing_above_4_khz_and_end_within_a_template():
    for muscle in (Muscle.NASALIS, Muscle.PLATYSMA):
        k = FACIAL_MUSCLES.index(muscle)
        units = axons.draw_units(CASE, muscle, seed=3, side=Side.LEFT)
        waves = unit_potentials(units.fibres, electrodes.nominal()[k : k + 1])[:, 0].astype(float)
        power = np.abs(np.fft.rfft(waves, 1024)) ** 2
        assert power[:, 205:].sum() < 1e-6 * power.sum()
        assert np.abs(waves[:, -20:]).max() < 1e-3 * np.abs(waves).max()
