"""Blink reflex: clinical reference 4.2, and cross-talk by 6.4."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import reflex
from npr_daq.analysis.reflex import Origin
from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import AnalysisError

EYE = 1


@pytest.fixture(scope="module")
def eyes(shocks):
    return [shocks.channel(Muscle.ORBICULARIS_OCULI, side) for side in Side]


def measured(shocks, eyes, name, count=6, seed=1):
    sweeps = shocks.sweeps(name, shocks.Site.SUPRAORBITAL, count, seed=seed)
    return reflex.measure(sweeps, prime_movers=eyes, **shocks.SAMPLING)


@pytest.fixture(scope="module")
def healthy(shocks, eyes):
    return measured(shocks, eyes, "healthy")


@pytest.fixture(scope="module")
def synkinetic(shocks, eyes):
    return measured(shocks, eyes, "synkinetic_12m")


def test_4_2_r1_on_the_stimulated_side_alone_and_r2_on_both(healthy, eyes):
    here, there = eyes
    assert healthy.r1.reproducible[here]
    assert not healthy.r1.reproducible[there]
    assert healthy.r2.reproducible[[here, there]].all()
    assert 9.0 < healthy.r1.mean_onset_ms[here] < 12.5
    assert 9.0 < healthy.r1.first_phase_ms[here] < 12.5
    assert (np.abs(healthy.r2.mean_onset_ms[[here, there]] - 35.5) < 5).all()


def test_a_healthy_face_has_no_synkinetic_response(healthy):
    assert not healthy.r1.synkinetic.any()
    assert not healthy.r2.synkinetic.any()


def test_neighbours_that_see_the_eye_are_not_called_their_own(healthy, shocks):
    zygomaticus = shocks.channel(Muscle.ZYGOMATICUS)
    assert healthy.r1.reproducible[zygomaticus]
    assert healthy.r1.origin[zygomaticus] == Origin.VOLUME_CONDUCTION
    assert healthy.r2.origin[zygomaticus] in (Origin.VOLUME_CONDUCTION, Origin.CANNOT_TELL)


def test_misdirected_axons_give_r1_and_r2_at_the_mouth(synkinetic, shocks):
    mouth = [shocks.channel(m) for m in (Muscle.ORBICULARIS_ORIS, Muscle.ZYGOMATICUS, Muscle.DEPRESSOR_ANGULI_ORIS)]
    assert synkinetic.r1.synkinetic[mouth].sum() >= 2
    assert synkinetic.r2.synkinetic[mouth].all()


def test_a_central_pattern_gives_r2_at_the_mouth_but_no_r1(shocks, eyes):
    found = measured(shocks, eyes, "central_synkinesis")
    mouth = shocks.channel(Muscle.ORBICULARIS_ORIS)
    assert found.r2.synkinetic[mouth]
    assert not found.r1.synkinetic[mouth]


def test_noise_is_no_reflex(shocks):
    rng = np.random.default_rng(3)
    found = reflex.measure(shocks.noise(rng, (100, 6, 4)), prime_movers=[0], **shocks.SAMPLING)
    assert found.r1.present.mean() < 0.005
    assert found.r2.present.mean() < 0.01
    assert not found.r1.reproducible.any()
    assert not found.r2.reproducible.any()


def test_area_is_without_the_area_of_the_noise(shocks):
    rng = np.random.default_rng(4)
    sweeps = shocks.noise(rng, (6, 1), rms_uv=10.0)
    burst = slice(shocks.STIMULUS + 600, shocks.STIMULUS + 1000)
    sweeps[..., burst] += 100 * np.sin(2 * np.pi * 0.1 * np.arange(400) / 20 * 2)
    found = reflex.measure(sweeps, prime_movers=[0], **shocks.SAMPLING)
    assert found.r2.reproducible.all()
    # 20 ms of a 200 Hz sine of 100 uV: mean 2/pi, less the mean of 10 uV of noise low-passed at 1.5 kHz.
    assert found.r2.mean_area_uv_ms[0] == pytest.approx(20 * (200 / np.pi - 3.1), rel=0.05)
    assert found.r2.mean_onset_ms[0] == pytest.approx(30.0, abs=0.4)


@settings(max_examples=15, deadline=None)
@given(part=st.floats(0.06, 0.2), sign=st.sampled_from([-1, 1]), seed=st.integers(0, 999))
def test_a_scaled_copy_is_volume_conduction_with_its_coefficient(shocks, part, sign, seed):
    rng = np.random.default_rng(seed)
    sweeps = np.zeros((6, 2, shocks.N_TIME))
    at = slice(shocks.STIMULUS + 600, shocks.STIMULUS + 1000)
    raw = rng.standard_normal((6, 440))
    sweeps[:, 0, at] = 150 * np.stack([np.convolve(r, np.hanning(41) / 4.4, "valid") for r in raw])
    sweeps[:, 1] = sign * part * sweeps[:, 0]
    sweeps += rng.standard_normal(sweeps.shape)
    found = reflex.measure(sweeps, prime_movers=[0], **shocks.SAMPLING).r2
    assert found.origin.tolist() == [Origin.PRIME_MOVER, Origin.VOLUME_CONDUCTION]
    assert found.conduction.coefficient[1, 0] == pytest.approx(sign * part, abs=0.01)
    assert found.conduction.copied[1] > 0.9
    assert abs(found.conduction.lag_ms[1]) <= 0.1


def test_fewer_than_five_sweeps_reproduce_nothing_and_gaps_do_not_count(shocks, eyes, healthy):
    sweeps = shocks.sweeps("healthy", shocks.Site.SUPRAORBITAL, 6)
    few = reflex.measure(sweeps[:4], prime_movers=eyes, **shocks.SAMPLING)
    assert not few.r2.reproducible.any()
    assert few.r2.share[EYE] == 1.0
    sweeps[2, :, 700] = np.nan
    gap = reflex.measure(sweeps, prime_movers=eyes, **shocks.SAMPLING)
    assert not gap.r2.present[2].any()
    assert np.isnan(gap.r2.onset_latency_ms[2]).all()
    assert gap.r2.mean_onset_ms[EYE] == pytest.approx(healthy.r2.mean_onset_ms[EYE], abs=1.0)


def test_leading_axes_and_refusals(shocks, eyes, healthy):
    sweeps = shocks.sweeps("healthy", shocks.Site.SUPRAORBITAL, 6)
    both = reflex.measure(np.stack([sweeps, sweeps]), prime_movers=eyes, **shocks.SAMPLING)
    assert both.r1.present.shape == (2, 6, 16)
    np.testing.assert_allclose(both.r1.mean_onset_ms[1], healthy.r1.mean_onset_ms)
    with pytest.raises(AnalysisError, match="sweep, channel, time"):
        reflex.measure(sweeps[0], prime_movers=eyes, **shocks.SAMPLING)
    with pytest.raises(AnalysisError, match="known movers"):
        reflex.measure(sweeps, prime_movers=[16], **shocks.SAMPLING)
