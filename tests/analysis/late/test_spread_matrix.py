"""Evoked spread matrix: clinical reference 5.5."""

import numpy as np
import pytest

from npr_daq.analysis import spread_matrix
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle
from npr_daq.errors import AnalysisError

BRANCHES = [branch for branch in Branch if branch is not Branch.TRUNK]
SUPPLIED = np.array([[muscle in SUPPLIES[branch] for muscle in FACIAL_MUSCLES] for branch in BRANCHES])
ZYGOMATIC = BRANCHES.index(Branch.ZYGOMATIC)


@pytest.fixture(scope="module")
def matrices(shocks):
    found = {}
    for name in ("healthy", "synkinetic_12m"):
        rows = [
            shocks.sweeps(name, shocks.Site(branch.value), 5, current_ma=6.0)[:, shocks.LEFT] for branch in BRANCHES
        ]
        found[name] = spread_matrix.measure(np.stack(rows), supplied=SUPPLIED, **shocks.SAMPLING)
    return found


def test_5_5_diagonal_is_the_whole_and_the_rest_is_small(matrices):
    early = matrices["healthy"].early
    np.testing.assert_allclose(early.percent[SUPPLIED], 100)
    assert np.nanmax(early.percent[~SUPPLIED]) < 35
    assert (matrices["healthy"].own_mv > 0.3).all()


def test_volume_conduction_has_a_coefficient_and_takes_its_part(matrices, shocks):
    healthy = matrices["healthy"]
    zygomaticus = shocks.channel(Muscle.ZYGOMATICUS)
    eye = shocks.channel(Muscle.ORBICULARIS_OCULI)
    assert healthy.coefficient[ZYGOMATIC, zygomaticus, eye] != 0
    assert healthy.early.copied[ZYGOMATIC, zygomaticus] > 0.3
    assert healthy.early.remainder_mv[ZYGOMATIC, zygomaticus] < healthy.early.as_recorded_mv[ZYGOMATIC, zygomaticus]
    np.testing.assert_allclose(healthy.early.copied[SUPPLIED], 1, atol=0.01)


def test_5_5_late_window_of_the_other_branches_shows_the_synkinesis(matrices, shocks):
    difference = spread_matrix.compare(matrices["synkinetic_12m"], matrices["healthy"])
    dao = shocks.channel(Muscle.DEPRESSOR_ANGULI_ORIS)
    low, high = difference.late_ci95_points[ZYGOMATIC, dao]
    assert 5 < low <= difference.late_points[ZYGOMATIC, dao] <= high
    mentalis = shocks.channel(Muscle.MENTALIS)
    assert abs(difference.late_points[ZYGOMATIC, mentalis]) < 2


def test_interval_of_a_known_part(shocks, make_response):
    rng = np.random.default_rng(2)
    wave = make_response(peak_uv=1000.0, duration_ms=3.5)
    late_wave = make_response(onset_ms=9.0, peak_uv=100.0)
    inside = []
    for _ in range(40):
        sweeps = 10 * rng.standard_normal((2, 6, 2, 1000))
        sweeps[0, :, 0] += wave
        sweeps[1, :, 1] += wave
        sweeps[0, :, 1] += late_wave
        found = spread_matrix.measure(sweeps, supplied=np.eye(2), rate_hz=20_000.0, stimulus_sample=200)
        low, high = found.late.remainder_ci95_percent[0, 1]
        inside.append(low <= 10 <= high)
        assert found.late.remainder_percent[1, 0] < 3
    assert np.mean(inside) >= 0.88


def test_current_spread_is_what_grows_beyond_the_plateau():
    rng = np.random.default_rng(1)
    current = np.repeat(np.arange(2.0, 14.0), 2)
    target = 2 / (1 + np.exp(-(current - 4) / 0.4))
    neighbour = 0.06 * target
    leaking = 0.06 * target + 0.05 * np.maximum(current - 8, 0)
    size = np.stack([target, neighbour, leaking], axis=1) + 0.005 * rng.standard_normal((24, 3))
    found = spread_matrix.current_spread(current, size, target=0)
    assert found.grows.tolist() == [False, False, True]
    assert found.copy[1] == pytest.approx(0.06, abs=0.01)
    assert 4.5 < found.plateau_ma < 6.5
    assert found.growth_mv_per_ma[2] > 0.02
    assert found.growth_ci95_mv_per_ma.shape == (3, 2)


def test_too_few_currents_have_no_answer_and_shapes_are_refused(shocks):
    found = spread_matrix.current_spread([1.0, 2.0, 3.0], np.ones((3, 2)), target=0)
    assert np.isnan(found.plateau_ma)
    assert not found.grows.any()
    with pytest.raises(AnalysisError, match="supplied"):
        spread_matrix.measure(np.zeros((2, 5, 3, 1000)), supplied=np.eye(2), rate_hz=2e4, stimulus_sample=200)
    with pytest.raises(AnalysisError, match="shock, muscle"):
        spread_matrix.current_spread([1.0], np.ones(3), target=0)
