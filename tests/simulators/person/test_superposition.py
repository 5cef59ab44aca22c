"""The sum of motor-unit potentials: linear, exact between samples, however late a spike comes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import REACH, Bank, Floats, Spikes
from npr_simulators.person.case import Case, Intake
from npr_simulators.person.overlap import add_spikes, event_templates
from npr_simulators.person.superposition import superpose

CASE = Case(
    version=2,
    name="somebody",
    teaches="-",
    expect="-",
    cell="-",
    intake=Intake(age_years=40, sex="female", affected="none", cause="none"),
)
ROWS = 1288


@pytest.fixture(scope="module")
def bank() -> Bank:
    return healthy_bank(CASE, seed=5, side=Side.LEFT, lesion_side=Side.LEFT)


def spikes(rows: "list[int] | np.ndarray", times_ms: "list[float] | Floats") -> Spikes:
    return Spikes(np.asarray(rows, np.intp), np.asarray(times_ms, float), np.zeros(len(rows), np.int8))


def many(n: int, *, seed: int = 1, last_ms: float = 110.0) -> Spikes:
    rng = np.random.default_rng(seed)
    return spikes(rng.integers(0, ROWS, n), rng.uniform(1, last_ms, n))


def scale(wave: Floats) -> float:
    return float(np.abs(wave).max())


def test_whole_samples_agree_with_overlap_add(bank: Bank):
    rng = np.random.default_rng(3)
    rows, samples = rng.integers(0, ROWS, 400), rng.integers(0, 2200, 400)
    out = np.zeros((3000, REACH), np.float32)
    add_spikes(out, event_templates(bank), rows, samples)
    exact = superpose(bank, spikes(rows, samples / 20)).rendered(0, 3000, 20.0)
    assert np.abs(out.T - exact).max() < 2e-3 * scale(exact)


def test_one_spike_between_samples_is_the_template_between_samples(bank: Bank):
    template = bank.templates_uv[700].astype(float)
    fine = np.fft.irfft(8 * np.fft.rfft(template, 1024), 8 * 1024, axis=-1)
    seen = superpose(bank, spikes([700], [3 + 0.05 * 3 / 8])).rendered(3.0, 600, 20.0)
    expected = np.concatenate([np.zeros((REACH, 1)), fine[:, 5::8][:, :599]], axis=1)
    assert np.abs(seen - expected)[:, 1:].max() < 1e-3 * scale(template)


@settings(max_examples=25, deadline=None)
@given(shift=st.floats(-40, 40), start=st.floats(-5, 60), n=st.integers(1, 40))
def test_moving_all_spikes_and_the_view_together_changes_nothing(bank: Bank, shift: float, start: float, n: int):
    some = many(n, last_ms=50)
    moved = spikes(some.row, some.time_ms + shift)
    here = superpose(bank, some).rendered(start, 700, 20.0)
    there = superpose(bank, moved).rendered(start + shift, 700, 20.0)
    assert np.abs(here - there).max() < 1e-3 * max(scale(superpose(bank, some).rendered(0, 2000, 20.0)), 1e-6)


def test_muscles_sum_to_the_total_and_own_is_their_diagonal(bank: Bank):
    wave = superpose(bank, many(1500))
    parts, total = wave.parts(0, 2800, 20.0), wave.rendered(0, 2800, 20.0)
    assert np.abs(parts.sum(axis=0) - total).max() < 1e-5 * scale(total)  # acceptance (a)
    k = np.arange(len(FACIAL_MUSCLES))
    assert np.abs(parts[k, k] - wave.own(0, 2800, 20.0)).max() < 1e-9 * scale(total)


@settings(max_examples=15, deadline=None)
@given(first=st.integers(1, 300), second=st.integers(1, 300), seed=st.integers(0, 1000))
def test_the_sum_is_linear_and_no_order_matters(bank: Bank, first: int, second: int, seed: int):
    a, b = many(first, seed=seed), many(second, seed=seed + 1)
    together = superpose(bank, Spikes.joined([b, a])).rendered(0, 2800, 20.0)
    apart = superpose(bank, a).rendered(0, 2800, 20.0) + superpose(bank, b).rendered(0, 2800, 20.0)
    assert np.abs(together - apart).max() < 1e-5 * scale(together)


def test_rates_are_views_of_one_sum(bank: Bank):
    wave = superpose(bank, many(300))
    fine, usual, coarse = (
        wave.rendered(1.7, 32_000, 320.0),
        wave.rendered(1.7, 2000, 20.0),
        wave.rendered(1.7, 200, 2.0),
    )
    assert np.allclose(fine[:, ::16], usual, atol=1e-6 * scale(usual))
    assert np.allclose(usual[:, ::10], coarse, atol=1e-6 * scale(usual))


def test_a_spike_at_110_ms_is_whole(bank: Bank):
    early = superpose(bank, spikes([900], [2.0])).rendered(0, 600, 20.0)
    late = superpose(bank, spikes([900], [110.0])).rendered(108.0, 600, 20.0)
    assert scale(early) > 1
    assert np.abs(early - late).max() < 1e-3 * scale(early)


def test_before_the_first_spike_there_is_nothing(bank: Bank):
    wave = superpose(bank, spikes([10, 400, 900], [30.0, 31.0, 40.0]))
    seen = wave.rendered(-5.0, 1400, 20.0)
    assert np.abs(seen[:, :690]).max() < 1e-3 * scale(seen)
    assert not seen[:, :600].any()


def test_no_spikes_give_silence(bank: Bank):
    wave = superpose(bank, Spikes.joined([]))
    assert wave.rendered(0, 100, 20.0).shape == (REACH, 100)
    assert wave.parts(0, 100, 320.0).shape == (9, REACH, 100)
    assert not wave.own(0, 100, 20.0).any()
