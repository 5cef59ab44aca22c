"""The healthy bank: who its units are, how large each muscle's answer is, what a knob changes and what it leaves."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person import axons, onsets, potentials, sizes
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import ACROSS, INTACT, MUSCLES, REACH, TRIGEMINAL, Bank, Floats, Spikes
from npr_simulators.person.case import Build, Case, Intake
from npr_simulators.person.muscles import ANATOMY
from npr_simulators.person.reference_onset import low_passed, reference_onsets
from npr_simulators.person.shocked import plateau
from npr_simulators.person.sites import Site
from npr_simulators.person.superposition import superpose


def person(*, skin_c: float = 34.0, **build: float) -> Case:
    return Case(
        version=2,
        name="somebody",
        teaches="-",
        expect="-",
        cell="-",
        intake=Intake(age_years=40, sex="female", affected="none", cause="none", skin_temperature_c=skin_c),
        build=Build(**build),
    )


def bank_of(case: Case, *, seed: int = 7, side: Side = Side.LEFT, visit: int = 1) -> Bank:
    return healthy_bank(case, seed=seed, side=side, lesion_side=Side.LEFT, visit=visit)


def from_trunk(bank: Bank) -> Spikes:
    """Every facial axon at once, with the plain delay of simulation reference 1.2."""
    slow = np.minimum(15.0, bank.path_mm)
    time = (bank.path_mm - slow) / bank.velocity_m_s + slow * bank.terminal / (0.4 * bank.velocity_m_s)
    rows = np.flatnonzero((bank.branch != TRIGEMINAL) & ~bank.crossed)
    return Spikes(rows, (time + bank.junction_ms)[rows], np.zeros(rows.size, np.int8))


def parts_mv(bank: Bank) -> Floats:
    """Peak-to-peak of each facial muscle in each channel, shape (8, REACH)."""
    return np.ptp(superpose(bank, from_trunk(bank)).parts(0, 1000, 20.0), axis=-1)[: len(FACIAL_MUSCLES)] / 1e3


@pytest.fixture(scope="module")
def well_placed() -> Bank:
    return bank_of(person(electrode_error_mm=0))


@pytest.fixture(scope="module")
def usual() -> Bank:
    return bank_of(person())


def test_rows_are_sorted_by_target_and_every_array_has_one_entry_for_each(usual: Bank):
    assert (np.diff(usual.target) >= 0).all()
    n = len(usual.target)
    for field in fields(usual):
        value = getattr(usual, field.name)
        if isinstance(value, np.ndarray) and field.name not in ("healthy_units", "templates_uv"):
            assert value.shape == (n,), field.name
    assert usual.templates_uv.shape == (n, REACH, 512)
    assert usual.templates_uv.dtype == np.float32
    assert np.isfinite(usual.templates_uv).all()


def test_nobody_is_ill(usual: Bank):
    assert (usual.state == INTACT).all()
    assert not (usual.blocked | usual.ephaptic | usual.second).any()
    assert (usual.pool == usual.target).all()
    assert (usual.axon == np.arange(len(usual.axon))).all()
    assert (usual.dispersion_ms == 0).all()


def test_the_usual_face_has_1160_facial_units_of_its_own_and_120_of_the_masseter(usual: Bank):
    assert usual.healthy_units.tolist() == [150, 200, 80, 120, 180, 90, 90, 250, 120]
    assert np.bincount(usual.target[~usual.crossed]).tolist() == usual.healthy_units.tolist()
    assert (usual.branch[usual.of(Muscle.MASSETER)] == TRIGEMINAL).all()
    assert set(usual.branch[usual.target < 8].tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("factor", [0.75, 1.5])
def test_motor_units_scale_all_muscles(factor: float):
    counts = [
        len(axons.draw_units(person(motor_units=factor, crossed_supply=0), m, seed=1, side=Side.LEFT).rank)
        for m in MUSCLES
    ]
    assert counts == [round(ANATOMY[m].units * factor) for m in MUSCLES]


def test_units_differ_in_size_speed_threshold_and_delay(usual: Bank):
    for muscle in FACIAL_MUSCLES:
        mine = usual.of(muscle)
        for numbers in (usual.theta, usual.velocity_m_s, usual.terminal, usual.junction_ms, usual.chronaxie_ms):
            assert np.ptp(numbers[mine]) > 0.1 * np.median(numbers[mine])
        size = np.ptp(usual.templates_uv[mine, FACIAL_MUSCLES.index(muscle)], axis=-1)
        assert size.max() > 8 * size.min()


def test_the_fastest_axons_of_nasalis_conduct_as_published(usual: Bank):
    fastest = [axons.draw_units(person(), Muscle.NASALIS, seed=s, side=Side.LEFT).velocity_m_s.max() for s in range(20)]
    assert abs(np.mean(fastest) - 59.6) < 2  # W3: 59.6 +- 4.5 m/s, 20 nerves


def test_equal_arguments_give_equal_banks(usual: Bank):
    again = bank_of(person())
    for field in fields(usual):
        assert np.array_equal(getattr(usual, field.name), getattr(again, field.name)), field.name


def test_without_the_folder_of_templates_the_bank_is_the_same(usual: Bank, tmp_path, monkeypatch):
    monkeypatch.setenv("NPR_DAQ_CACHE", str(tmp_path))
    assert np.array_equal(bank_of(person()).templates_uv, usual.templates_uv)


def test_another_visit_moves_the_electrodes_and_nothing_else(usual: Bank):
    second = bank_of(person(), visit=2)
    for field in fields(usual):
        same = np.array_equal(getattr(usual, field.name), getattr(second, field.name))
        assert same is (field.name != "templates_uv"), field.name
    before, after = parts_mv(usual).diagonal(), parts_mv(second).diagonal()
    assert (before != after).all()
    assert np.allclose(before, after, rtol=0.35)


def test_the_halves_of_a_face_are_not_copies(usual: Bank):
    right = bank_of(person(), side=Side.RIGHT)
    assert right.side is Side.RIGHT
    assert not np.array_equal(usual.velocity_m_s, right.velocity_m_s)


def test_each_muscle_has_its_size_where_its_electrodes_sit_as_they_should(well_placed: Bank):
    wanted = sizes.target_mv(Build(), seed=7, side=Side.LEFT)
    assert np.allclose(parts_mv(well_placed).diagonal(), [wanted[m] for m in FACIAL_MUSCLES], rtol=2e-3)


@given(st.floats(0, 60), st.integers(0, 2**32), st.floats(0.3, 2))
def test_the_halves_differ_by_no_more_than_their_bound(percent: float, seed: int, amplitude: float):
    build = Build(side_difference_percent=percent, amplitude=amplitude)
    left, right = (sizes.target_mv(build, seed=seed, side=side) for side in Side)
    for muscle in FACIAL_MUSCLES:
        pair = left[muscle], right[muscle]
        assert (max(pair) - min(pair)) / max(pair) <= percent / 100 + 1e-9


def test_amplitude_scales_and_fat_weakens():
    plain, strong, fat = (
        sizes.target_mv(b, seed=1, side=Side.LEFT)[Muscle.NASALIS]
        for b in (Build(), Build(amplitude=2), Build(fat_mm=5))
    )
    assert strong == pytest.approx(2 * plain)
    assert 0.7 * plain < fat < 0.9 * plain


def test_neighbours_are_seen_but_never_as_much_as_half_of_the_own_muscle(well_placed: Bank):
    seen = parts_mv(well_placed)
    share = seen[:, : len(FACIAL_MUSCLES)] / seen.diagonal()[:, None]
    np.fill_diagonal(share, 0)
    assert 0.05 < share.max() < 0.25
    assert np.count_nonzero(share > 0.02) >= 8
    across = seen[:, len(FACIAL_MUSCLES) :] / seen.diagonal()[:, None]
    assert 0.01 < across.max() < 0.2


def test_the_cross_talk_knob_scales_what_other_channels_see(well_placed: Bank):
    doubled = bank_of(person(electrode_error_mm=0, crosstalk=2.0))
    for muscle in FACIAL_MUSCLES:
        k, mine = FACIAL_MUSCLES.index(muscle), well_placed.of(muscle)
        near = np.flatnonzero(~well_placed.crossed[mine])
        before, after = well_placed.templates_uv[mine][near], doubled.templates_uv[mine][near]
        assert np.array_equal(before[:, k], after[:, k])
        others = np.delete(np.arange(REACH), k)
        assert np.allclose(2 * before[:, others], after[:, others], rtol=1e-5)
    masseter = well_placed.of(Muscle.MASSETER)
    assert np.array_equal(well_placed.templates_uv[masseter], doubled.templates_uv[masseter])


def test_the_affected_half_can_have_cross_talk_of_its_own():
    case = person(crosstalk_affected=0.0)
    left, right = bank_of(case), bank_of(case, side=Side.RIGHT)
    nasalis = FACIAL_MUSCLES.index(Muscle.NASALIS)
    others = np.delete(np.arange(REACH), nasalis)
    assert not left.templates_uv[left.of(Muscle.NASALIS)][:, others].any()
    assert right.templates_uv[right.of(Muscle.NASALIS)][:, others].any(axis=(1, 2)).all()


def test_units_across_the_midline_are_seen_best_by_the_other_half():
    bank = bank_of(person(crossed_supply=0.2, electrode_error_mm=0))
    assert bank.healthy_units.sum() == 1280
    for muscle in (Muscle.ORBICULARIS_ORIS, Muscle.MENTALIS):
        mine = bank.of(muscle)
        assert np.count_nonzero(bank.crossed[mine]) == round(0.2 * ANATOMY[muscle].units)
        strays = np.ptp(bank.templates_uv[mine][bank.crossed[mine]], axis=-1)
        near, far = FACIAL_MUSCLES.index(muscle), len(FACIAL_MUSCLES) + ACROSS.index(muscle)
        assert np.median(strays[:, far] / strays[:, near]) > 2
        paths = bank.path_mm[mine]
        assert paths[bank.crossed[mine]].min() > paths[~bank.crossed[mine]].max()
    assert not bank_of(person(crossed_supply=0)).crossed.any()


def test_a_cold_skin_slows_and_a_large_head_lengthens(usual: Bank):
    cold = axons.draw_units(person(skin_c=29), Muscle.NASALIS, seed=7, side=Side.LEFT)
    assert np.allclose(cold.velocity_m_s, 0.8 * usual.velocity_m_s[usual.of(Muscle.NASALIS)])
    large = axons.draw_units(person(head_size=1.2), Muscle.NASALIS, seed=7, side=Side.LEFT)
    assert np.allclose(large.path_mm, 1.2 * usual.path_mm[usual.of(Muscle.NASALIS)])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_the_entry_of_the_nerve_varies_only_when_asked_to(seed: int):
    for muscle in (Muscle.NASALIS, Muscle.PLATYSMA):
        still = axons.draw_units(person(), muscle, seed=seed, side=Side.LEFT)
        moved = axons.draw_units(person(latency_error_ms=0.3), muscle, seed=seed, side=Side.LEFT)
        assert not np.array_equal(still.path_mm, moved.path_mm)
        assert np.array_equal(still.velocity_m_s, moved.velocity_m_s)
        assert still.path_mm[0] == pytest.approx(ANATOMY[muscle].path_mm, rel=0.06)


def test_the_masseter_makes_0_6_mv_in_the_channel_that_sees_most(usual: Bank):
    together = usual.templates_uv[usual.of(Muscle.MASSETER), : len(FACIAL_MUSCLES)].sum(axis=0)
    assert np.abs(together).max() == pytest.approx(600, rel=1e-4)


def test_sizes_imply_a_plausible_number_of_fibres(well_placed: Bank):
    # Feinstein 1955 counted about 25 fibres a unit in the platysma; the prototype implied 14 to 51 (reference 1.3)
    for muscle in FACIAL_MUSCLES:
        k = FACIAL_MUSCLES.index(muscle)
        units = axons.draw_units(person(), muscle, seed=7, side=Side.LEFT)
        one = potentials.unit_potentials(units.fibres, np.asarray(axons.electrodes.nominal()[k : k + 1]))
        mine = ~units.crossed
        many = np.ptp(well_placed.templates_uv[well_placed.of(muscle)][mine, k], axis=-1)
        fibres = many / np.ptp(one[mine, 0], axis=-1)
        assert 8 < fibres.mean() < 80, (muscle, fibres.mean())


def test_onsets_at_the_trunk_have_the_means_of_published_healthy_people():
    """Rows W1 to W3 of clinical reference 7, on a few faces of usual size: the whole population is a validation run."""
    case = person()
    found = []
    for seed in range(5):
        bank = bank_of(case, seed=seed)
        wave = superpose(bank, plateau(bank, case, Site.TRUNK))
        seen = wave.rendered(onsets.START_MS, onsets.SAMPLES, onsets.RATE_KHZ)[: len(FACIAL_MUSCLES)]
        upright = -low_passed(seen, rate_khz=onsets.RATE_KHZ)
        first = onsets.first_phase(upright)
        found.append(reference_onsets(upright, first, start_ms=onsets.START_MS, rate_khz=onsets.RATE_KHZ))
    mean = dict(zip(FACIAL_MUSCLES, np.mean(found, axis=0), strict=True))
    assert mean[Muscle.ORBICULARIS_ORIS] == pytest.approx(2.97, abs=0.12)
    assert mean[Muscle.ORBICULARIS_OCULI] == pytest.approx(2.70, abs=0.12)
    assert mean[Muscle.NASALIS] == pytest.approx(3.15, abs=0.15)
