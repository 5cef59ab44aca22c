import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import MUSCLES, Bank
from npr_simulators.person.case import Build
from npr_simulators.person.case_file import load_case
from npr_simulators.person.conduction import facial, from_branch_ms, from_nucleus_ms, from_trunk_ms
from npr_simulators.person.excitation import (
    activation_ms,
    advance_mm,
    depth_mm,
    plateau_ma,
    rheobase_ma,
    supplied,
    threshold_ma,
)
from npr_simulators.person.lesions import lesioned
from npr_simulators.person.shocked import plateau, shocked
from npr_simulators.person.sites import Shock, Site

CASE = load_case("healthy")
SEED = 7
NERVE_SITES = [site for site in Site if site is not Site.SUPRAORBITAL]
PUBLISHED_MA = dict(zip(NERVE_SITES, (1.82, 1.38, 1.32, 1.50, 1.21, 1.33), strict=True))


@pytest.fixture(scope="module")
def halves() -> dict[Side, Bank]:
    return {side: healthy_bank(CASE, seed=SEED, side=side, lesion_side=Side.LEFT) for side in Side}


@pytest.fixture(scope="module")
def bank(halves: dict[Side, Bank]) -> Bank:
    return halves[Side.LEFT]


def recruited(halves: dict[Side, Bank], shock: Shock) -> set[int]:
    spikes = shocked(halves, CASE, Side.LEFT, shock, seed=SEED)[Side.LEFT]
    return set(spikes.row[spikes.origin == 0].tolist())


def median_ma(bank: Bank, shock: Shock) -> float:
    return float(np.median(threshold_ma(bank, CASE, shock)[bank.of(Muscle.NASALIS)]))


@given(low=st.floats(1, 40), more=st.floats(1, 2.5), width=st.sampled_from([50.0, 200.0, 1000.0]))
@settings(deadline=None, max_examples=25)
def test_a_stronger_or_a_longer_shock_recruits_everyone_whom_a_weaker_one_did(halves, low, more, width):
    weak = recruited(halves, Shock(Site.TRUNK, low, width, 1))
    assert weak <= recruited(halves, Shock(Site.TRUNK, low * more, width, 1))
    assert weak <= recruited(halves, Shock(Site.TRUNK, low, width * more, 1))


@pytest.mark.parametrize(("width_us", "prototype_ma"), [(50, 25.6), (100, 14.8), (200, 9.3), (500, 5.9), (1000, 4.9)])
def test_strength_and_duration(bank, width_us, prototype_ma):
    assert median_ma(bank, Shock(Site.TRUNK, 1, width_us, 0)) == pytest.approx(prototype_ma, rel=0.10)


@pytest.mark.parametrize(("offset_mm", "prototype_ma"), [(10, 12.0), (15, 15.4), (20, 20.1)])
def test_misplacement_costs_current(bank, offset_mm, prototype_ma):
    shock = Shock(Site.TRUNK, 1, 200, 0, offset_mm=offset_mm)
    assert median_ma(bank, shock) == pytest.approx(prototype_ma, rel=0.10)


def test_anode_first_needs_three_times_the_current_and_comes_later(halves):
    bank = halves[Side.LEFT]
    right, wrong = Shock(Site.TRUNK, 90, 200, 1), Shock(Site.TRUNK, 90, 200, 1, anode_first=True)
    assert median_ma(bank, wrong) == pytest.approx(3 * median_ma(bank, right))
    first = [
        shocked(halves, CASE, Side.LEFT, shock, seed=SEED)[Side.LEFT].time_ms.min()
        for shock in (Shock(Site.TRUNK, 30, 200, 1), wrong)
    ]
    assert 0.25 < first[1] - first[0] < 0.6


def test_neighbouring_branches_are_harder_to_excite_by_their_distance(bank):
    rheobase = rheobase_ma(bank, CASE, Shock(Site.BUCCAL, 1, 200, 0)) / bank.theta
    own = rheobase[bank.of(Muscle.NASALIS)][0]
    assert rheobase[bank.of(Muscle.ORBICULARIS_OCULI)] == pytest.approx(4.5 * own)
    assert rheobase[bank.of(Muscle.FRONTALIS)] == pytest.approx(8 * own)


def test_thresholds_by_site_have_the_published_ratios_to_the_trunk(halves):
    """Clinical reference 7, W10: five units of one muscle are a contraction that is just seen."""

    def seen(site: Site) -> float:
        return float(
            np.mean(
                [
                    min(np.sort(threshold_ma(b, CASE, Shock(site, 1, 200, 0))[b.of(m)])[4] for m in FACIAL_MUSCLES)
                    for b in halves.values()
                ]
            )
        )

    trunk = seen(Site.TRUNK)
    for site, published in PUBLISHED_MA.items():
        assert seen(site) / trunk == pytest.approx(published / 1.82, rel=0.12)


def test_depth_follows_head_fat_and_the_override():
    assert depth_mm(Build(), Site.TRUNK) == 16
    assert depth_mm(Build(head_size=1.1, fat_mm=3), Site.TRUNK) == pytest.approx(20.6)
    assert {depth_mm(Build(branch_depth_mm=20), site) for site in NERVE_SITES[1:]} == {20}
    assert depth_mm(Build(branch_depth_mm=2, fat_mm=-3), Site.BUCCAL) == 2


def test_the_masseter_answers_when_the_cathode_slid_forward(halves):
    def share(current_ma: float, anterior_mm: float) -> float:
        rows = recruited(halves, Shock(Site.TRUNK, current_ma, 200, 1, anterior_mm=anterior_mm))
        return len(rows & set(range(*halves[Side.LEFT].of(Muscle.MASSETER).indices(10**6)))) / 120

    assert share(25, 0) == 0
    assert 0.25 < share(50, 0) < 0.75
    assert 0.35 < share(13, 25) < 0.8
    assert share(25, 25) > 0.95


def test_a_stronger_shock_starts_sooner_and_further_along(bank):
    shocks = [Shock(Site.TRUNK, current, 200, 0) for current in (12.0, 20.0, 50.0)]
    rheobase = rheobase_ma(bank, CASE, shocks[0])
    starts = [activation_ms(bank, rheobase, s) for s in shocks]
    ahead = [advance_mm(threshold_ma(bank, CASE, s), s) for s in shocks]
    for weaker, stronger in ((0, 1), (1, 2)):
        assert np.all(starts[weaker] >= starts[stronger])
        assert np.all(ahead[weaker] <= ahead[stronger])
    assert max(s.max() for s in starts) <= 0.35 + 1e-9
    assert max(a.max() for a in ahead) <= 15


@pytest.mark.parametrize("site", NERVE_SITES)
def test_at_the_plateau_current_every_supplied_axon_fires_every_time(halves, site):
    bank = halves[Side.LEFT]
    current = plateau_ma(bank, CASE, site)
    wanted = set(np.flatnonzero(supplied(bank, site)).tolist())
    assert wanted
    for ordinal in range(5):
        assert wanted <= recruited(halves, Shock(site, current, 200, ordinal))
    spikes = plateau(bank, CASE, site)
    assert set(spikes.row.tolist()) == wanted
    assert np.all(spikes.origin == 0)


def test_a_dead_branch_still_has_a_current_but_no_plateau(bank):
    dead = lesioned(bank, CASE.lesion.model_validate({"degeneration": 1.0}), seed=SEED)
    assert plateau_ma(dead, CASE, Site.BUCCAL) == pytest.approx(plateau_ma(bank, CASE, Site.BUCCAL))
    assert plateau(dead, CASE, Site.BUCCAL).row.size == 0
    assert plateau_ma(bank, CASE, Site.SUPRAORBITAL) == 0
    assert plateau(bank, CASE, Site.SUPRAORBITAL).row.size == 0


def test_no_impulse_is_faster_than_the_fastest_axon(halves):
    """Acceptance (c) of simulation reference 7."""
    bank = halves[Side.LEFT]
    for ordinal in range(10):
        spikes = shocked(halves, CASE, Side.LEFT, Shock(Site.TRUNK, 35, 200, ordinal), seed=SEED)[Side.LEFT]
        nerve = facial(bank)[spikes.row]
        assert np.all(spikes.time_ms[nerve] >= bank.path_mm[spikes.row][nerve] / 64 + 0.5)


def test_delays_add_up(bank):
    row = int(bank.of(Muscle.NASALIS).start) + 10
    v = bank.velocity_m_s[row]
    down = 15 * bank.terminal[row] / (0.4 * v) + bank.junction_ms[row]
    assert from_trunk_ms(bank)[row] == pytest.approx((bank.path_mm[row] - 15) / v + down)
    assert from_branch_ms(bank)[row] == pytest.approx(30 / v + down)
    assert from_nucleus_ms(bank)[row] == pytest.approx(from_trunk_ms(bank)[row] + 20 / 51)


def test_the_masseter_answers_within_two_milliseconds(bank):
    delays = from_trunk_ms(bank)[bank.target == MUSCLES.index(Muscle.MASSETER)]
    assert 1.3 < np.median(delays) < 1.9
