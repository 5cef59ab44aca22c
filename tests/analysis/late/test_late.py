"""F wave and lateral spread: clinical reference 4.3."""

import numpy as np
import pytest

from npr_daq.analysis import late
from npr_daq.analysis.lateral_spread import Verdict
from npr_daq.anatomy import Muscle
from npr_daq.errors import AnalysisError

DAO = 5
COUNT = 20


def f_series(shocks, seed, *, without=()):
    made = shocks.sweeps("healthy", shocks.Site.MARGINAL_MANDIBULAR, COUNT, seed=seed, current_ma=20.0, without=without)
    return made[:, DAO]


@pytest.fixture(scope="module")
def f_waves(shocks):
    series = np.stack([f_series(shocks, seed) for seed in (1, 2, 3, 4)])
    return late.measure(series, **shocks.SAMPLING)


@pytest.fixture(scope="module")
def truth_ms(shocks):
    out = np.full((4, COUNT), np.nan)
    for row, seed in enumerate((1, 2, 3, 4)):
        bank = shocks.face("healthy", seed).banks[shocks.Side.LEFT]
        for k in range(COUNT):
            shock = {"seed": seed, "ordinal": k, "current_ma": 20.0}
            spikes = shocks.spikes("healthy", shocks.Site.MARGINAL_MANDIBULAR, **shock)[shocks.Side.LEFT]
            mine = (spikes.origin == shocks.ORIGINS.index("f_wave")) & (bank.target[spikes.row] == DAO)
            out[row, k] = spikes.time_ms[mine].min() if mine.any() else np.nan
    return out


def test_4_3_first_f_wave(f_waves, truth_ms):
    assert f_waves.enough.all()
    np.testing.assert_allclose(f_waves.minimum_ms, np.nanmin(truth_ms, axis=1), atol=0.35)
    # First units that hide in the jitter of the direct response make the mean late.
    np.testing.assert_allclose(f_waves.mean_ms, np.nanmean(truth_ms, axis=1), atol=0.35)
    spread_ms = np.nanmax(truth_ms, axis=1) - np.nanmin(truth_ms, axis=1)
    np.testing.assert_allclose(f_waves.chronodispersion_ms, spread_ms, atol=0.8)
    # Small F waves hide too, so persistence is too low, never much too high.
    more = f_waves.persistence_percent - 100 * np.isfinite(truth_ms).mean(axis=1)
    assert ((more > -35) & (more < 6)).all()
    assert (f_waves.chronodispersion_ms > 0).all()
    assert (f_waves.persistence_percent > 50).all()


def test_amplitude_is_a_few_percent_of_the_direct_response(f_waves):
    assert ((f_waves.f_over_m_percent > 2) & (f_waves.f_over_m_percent < 8)).all()
    assert (f_waves.direct_mv > 1.5).all()


def test_the_tail_of_the_direct_response_is_no_f_wave(shocks):
    series = np.stack([f_series(shocks, seed, without=("f_wave",)) for seed in (1, 2, 3, 4)])
    found = late.measure(series, **shocks.SAMPLING)
    assert (found.tail_uv > 500).all()
    assert found.present.mean() < 0.03


def test_an_artefact_and_a_response_equal_in_every_sweep_are_no_f_wave(shocks, make_response):
    rng = np.random.default_rng(8)
    t_ms = (np.arange(shocks.N_TIME) - shocks.STIMULUS) / 20.0
    tail = np.where(t_ms > 0, 800 * np.exp(-np.maximum(t_ms, 0) / 6), 0.0)
    axon = make_response(onset_ms=9.0, peak_uv=200.0, stimulus_sample=shocks.STIMULUS, n_time=shocks.N_TIME)
    direct = make_response(peak_uv=3000.0, stimulus_sample=shocks.STIMULUS, n_time=shocks.N_TIME)
    size = rng.normal(1, 0.03, (COUNT, 1))
    sweeps = size * (direct + tail + axon) + shocks.noise(rng, (COUNT,))
    found = late.measure(sweeps, **shocks.SAMPLING)
    assert found.present.mean() <= 0.05
    assert found.tail_certain


def test_noise_alone_and_too_few_sweeps(shocks):
    found = late.measure(shocks.noise(np.random.default_rng(1), (50, 10)), **shocks.SAMPLING)
    assert found.present.mean() < 0.02
    few = late.measure(shocks.noise(np.random.default_rng(1), (2,)), **shocks.SAMPLING)
    assert np.isnan(few.persistence_percent)
    assert not few.enough


def test_a_sweep_with_a_gap_does_not_count(shocks):
    series = f_series(shocks, 2)
    series[3, 600] = np.nan
    found = late.measure(series, **shocks.SAMPLING)
    assert found.sweeps == COUNT - 1
    assert not found.present[3]
    assert np.isnan(found.latency_ms[3])


@pytest.fixture(scope="module")
def spread(shocks):
    """Both people, zygomatic stimulation at 6 mA, five sweeps of the left half."""
    return {
        name: late.lateral_spread(
            shocks.sweeps(name, shocks.Site.ZYGOMATIC, 6, current_ma=6.0)[:, shocks.LEFT],
            movers=[shocks.channel(Muscle.ORBICULARIS_OCULI)],
            **shocks.SAMPLING,
        )
        for name in ("healthy", "synkinetic_12m")
    }


def test_4_3_no_lateral_spread_in_a_healthy_face(spread):
    assert not spread["healthy"].lateral_spread.any()
    assert spread["healthy"].verdict[1] == Verdict.OWN_BRANCH


def test_4_3_axon_reflex_shows_in_the_muscle_of_another_branch(spread, shocks):
    found = spread["synkinetic_12m"]
    dao = shocks.channel(Muscle.DEPRESSOR_ANGULI_ORIS)
    assert found.lateral_spread[dao]
    assert found.amplitude_uv[dao] == pytest.approx(48, rel=0.1)
    assert 7.5 < found.latency_mean_ms[dao] < 9.0
    assert found.latency_sd_ms[dao] < 1.0
    assert not found.lateral_spread[shocks.channel(Muscle.FRONTALIS)]


def test_lateral_spread_needs_five_sweeps_and_reproduction(shocks, make_response):
    rng = np.random.default_rng(5)
    wave = make_response(onset_ms=10.0, peak_uv=40.0, stimulus_sample=shocks.STIMULUS, n_time=shocks.N_TIME)
    direct = make_response(peak_uv=2000.0, stimulus_sample=shocks.STIMULUS, n_time=shocks.N_TIME)
    sweeps = shocks.noise(rng, (6, 2))
    sweeps[:, 0] += direct
    sweeps[:, 1] += wave
    asked = {"movers": [0], **shocks.SAMPLING}
    found = late.lateral_spread(sweeps, **asked)
    assert found.verdict.tolist() == [Verdict.OWN_BRANCH, Verdict.PRESENT]
    assert found.latency_mean_ms[1] == pytest.approx(10.0, abs=0.25)
    assert late.lateral_spread(sweeps[:4], **asked).verdict[1] == Verdict.TOO_FEW
    sweeps[:4, 1] -= wave
    assert late.lateral_spread(sweeps, **asked).verdict[1] == Verdict.ABSENT


def test_refusals(shocks):
    with pytest.raises(AnalysisError, match="sweep, muscle, time"):
        late.lateral_spread(np.zeros((3, 2400)), movers=[0], **shocks.SAMPLING)
    with pytest.raises(AnalysisError, match="at least one sweep"):
        late.measure(np.zeros(2400), **shocks.SAMPLING)
