import numpy as np
import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import MUSCLES, ORIGINS, Bank, Spikes
from npr_simulators.person.case import Case, Lesion
from npr_simulators.person.case_file import load_case
from npr_simulators.person.lesions import lesioned
from npr_simulators.person.reflexes import afferent_share, twins
from npr_simulators.person.shocked import shocked
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.superposition import superpose

SEED = 7
HEALTHY = load_case("healthy")
LEFT, RIGHT = Side.LEFT, Side.RIGHT
EYE, LIPS = (FACIAL_MUSCLES.index(m) for m in (Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS))
BLINK = Shock(Site.SUPRAORBITAL, 15.0, 200.0, 1)
CENTRAL = {"source": "orbicularis_oculi", "target": "orbicularis_oris", "gain": 0.25}
# simulation reference 3.4: one mechanism at a time on 80 % degenerated, 75 % regrown
AFTER = {"degeneration": 0.8, "regrown": 0.75}
MECHANISMS = {
    "none": AFTER,
    "misdirection": AFTER | {"misdirection": 0.40, "prefer": "oculo_oral"},
    "bifurcation": AFTER | {"bifurcation": 0.30, "prefer": "oculo_oral"},
    "ephapse": AFTER | {"ephapse": 0.06},
    "central": AFTER,
}
SEEDS = (7, 8, 9)


def patient(lesion: dict[str, object] | None = None, **values: object) -> Case:
    return Case.model_validate(HEALTHY.model_dump() | {"lesion": lesion or {}, **values})


def halves_of(case: Case, healthy: dict[Side, Bank], seed: int = SEED) -> dict[Side, Bank]:
    return {side: lesioned(bank, case.lesion_of(side, LEFT), seed=seed) for side, bank in healthy.items()}


def only(spikes: Spikes, *origins: str) -> Spikes:
    keep = np.isin(spikes.origin, [ORIGINS.index(name) for name in origins])
    return Spikes(spikes.row[keep], spikes.time_ms[keep], spikes.origin[keep])


def count(spikes: Spikes, *origins: str) -> int:
    return int(only(spikes, *origins).row.size)


def peak_to_peak(bank: Bank, spikes: Spikes, channel: int) -> float:
    return float(np.ptp(superpose(bank, spikes).rendered(0, 2000, 20)[channel])) if spikes.row.size else 0.0


def seen_from_ms(bank: Bank, spikes: Spikes, channel: int) -> float:
    """When the wave first exceeds 10 uV; NaN when it never does."""
    over = np.abs(superpose(bank, spikes).rendered(0, 2000, 20)[channel]) > 10 if spikes.row.size else np.zeros(1, bool)
    return float(np.argmax(over)) / 20 if over.any() else np.nan


@pytest.fixture(scope="module")
def healthy() -> dict[Side, Bank]:
    return {side: healthy_bank(HEALTHY, seed=SEED, side=side, lesion_side=LEFT) for side in Side}


def test_a_shock_depends_on_its_arguments_alone(healthy):
    def give(ordinal: int) -> Spikes:
        return shocked(healthy, HEALTHY, LEFT, Shock(Site.TRUNK, 9, 200, ordinal), seed=SEED)[LEFT]

    first = give(1)
    give(2)
    again = give(1)
    assert np.array_equal(first.row, again.row)
    assert np.array_equal(first.time_ms, again.time_ms)
    assert not np.array_equal(first.time_ms, give(3).time_ms[: first.time_ms.size])


def test_only_the_half_under_the_stimulator_answers(healthy):
    both = shocked(healthy, HEALTHY, RIGHT, Shock(Site.TRUNK, 35, 200, 1), seed=SEED)
    assert both[LEFT].row.size == 0
    assert count(both[RIGHT], "direct") > 1100


def test_the_dead_never_answer_and_the_blocked_do(healthy):
    case = patient({"degeneration": 0.6, "block": 1.0})
    halves = halves_of(case, healthy)
    spikes = shocked(halves, case, LEFT, Shock(Site.TRUNK, 35, 200, 1), seed=SEED)[LEFT]
    assert halves[LEFT].alive[spikes.row].all()
    assert halves[LEFT].blocked[spikes.row].any()
    assert count(spikes, "f_wave") == 0
    blink = shocked(halves, case, LEFT, BLINK, seed=SEED)
    assert blink[LEFT].row.size == 0
    assert count(blink[RIGHT], "r2") > 0


def test_a_healthy_branch_has_no_lateral_response(healthy):
    """Acceptance (f) of simulation reference 7."""
    spikes = shocked(healthy, HEALTHY, LEFT, Shock(Site.ZYGOMATIC, 12, 200, 1), seed=SEED)[LEFT]
    assert count(spikes, "axon_reflex", "ephaptic") == 0
    direct = only(spikes, "direct")
    assert np.mean(healthy[LEFT].target[direct.row] == EYE) > 0.97


def test_a_healthy_blink_is_early_on_one_side_late_on_both_and_in_the_eye_alone(healthy):
    both = shocked(healthy, HEALTHY, LEFT, BLINK, seed=SEED)
    assert count(both[RIGHT], "r1") == 0
    r1 = only(both[LEFT], "r1")
    assert 9.8 < r1.time_ms.min() < 11.6
    assert peak_to_peak(healthy[LEFT], r1, EYE) > 100
    assert set(healthy[LEFT].target[r1.row]) == {EYE}
    # what the mouth's channel shows of it is cross-talk
    assert peak_to_peak(healthy[LEFT], r1, LIPS) < 0.04 * peak_to_peak(healthy[LEFT], r1, EYE)
    for side in Side:
        late = only(both[side], "r2")
        assert 32 < late.time_ms.min() < 39
        assert set(healthy[side].pool[late.row]) == {EYE}


def test_the_blink_needs_a_current_that_reaches_the_nerve(healthy):
    shares = [afferent_share(HEALTHY, Shock(Site.SUPRAORBITAL, i, 200, 1)) for i in (0, 1, 3, 4.2, 6, 15)]
    assert shares == sorted(shares)
    assert shares[1] < 0.01
    assert shares[-1] > 0.99
    assert afferent_share(HEALTHY, Shock(Site.TRUNK, 15, 200, 1)) == 0
    weak = shocked(healthy, HEALTHY, LEFT, Shock(Site.SUPRAORBITAL, 1.0, 200, 1), seed=SEED)
    assert count(weak[LEFT], "r1", "direct") == 0


def test_r2_habituates_and_r1_does_not(healthy):
    def answer(since_ms: float) -> tuple[int, int]:
        found = [
            shocked(healthy, HEALTHY, LEFT, Shock(Site.SUPRAORBITAL, 15, 200, n, since_ms=since_ms), seed=SEED)[LEFT]
            for n in range(4)
        ]
        return sum(count(s, "r1") for s in found), sum(count(s, "r2") for s in found)

    early, late = answer(500.0), answer(20_000.0)
    assert early[0] == late[0]
    assert early[1] < 0.7 * late[1]


def test_the_arc_of_the_blink_is_the_persons_own(healthy):
    def answer(**blink) -> dict[Side, Spikes]:
        case = HEALTHY.model_copy(update={"blink": HEALTHY.blink.model_copy(update=blink)})
        return shocked(healthy, case, LEFT, BLINK, seed=SEED)

    usual, later = answer(), answer(r1_later_ms=1.0, r2_later_ms=2.0, r2c_later_ms=-3.0)
    for side, origin, ms in ((LEFT, "r1", 1.0), (LEFT, "r2", 2.0), (RIGHT, "r2", -3.0)):
        before, after = only(usual[side], origin), only(later[side], origin)
        np.testing.assert_allclose(after.time_ms, before.time_ms + ms)
    none = answer(r1=0.0, r2c=0.0)
    assert count(none[LEFT], "r1") == count(none[RIGHT], "r2") == 0
    assert count(none[LEFT], "r2") == count(usual[LEFT], "r2")


def test_excitability_enlarges_the_reflexes_of_its_own_half(healthy):
    excitable = patient({"reflex_gain": 2.0})
    counts = {}
    for name, case in (("plain", HEALTHY), ("excitable", excitable)):
        both = [shocked(healthy, case, LEFT, Shock(Site.SUPRAORBITAL, 15, 200, n), seed=SEED) for n in range(6)]
        counts[name] = [sum(count(b[s], o) for b in both) for s, o in ((LEFT, "r1"), (LEFT, "r2"), (RIGHT, "r2"))]
    assert counts["excitable"][0] == pytest.approx(2 * counts["plain"][0], rel=0.2)
    assert counts["excitable"][1] == pytest.approx(2 * counts["plain"][1], rel=0.2)
    assert counts["excitable"][2] == counts["plain"][2]


def test_f_waves_come_after_the_direct_answer_at_the_published_latency(healthy):
    """Clinical reference 7, W9: first 8.97 +- 0.53 ms in the depressor anguli oris, chronodispersion 0.80 +- 0.31."""
    firsts = []
    rows = range(*healthy[LEFT].of(Muscle.DEPRESSOR_ANGULI_ORIS).indices(10**6))
    for ordinal in range(20):
        shock = Shock(Site.MARGINAL_MANDIBULAR, 20, 200, ordinal)
        late = only(shocked(healthy, HEALTHY, LEFT, shock, seed=SEED)[LEFT], "f_wave")
        times = late.time_ms[np.isin(late.row, rows)]
        firsts += [times.min()] if times.size else []
    assert len(firsts) > 14
    assert min(firsts) == pytest.approx(8.97, abs=0.53)
    assert 0.3 < max(firsts) - min(firsts) < 1.5


@pytest.mark.parametrize("side", list(Side))
def test_an_axon_reflex_needs_a_twin_that_the_shock_missed(healthy, side):
    case = patient(MECHANISMS["bifurcation"], other_side=MECHANISMS["bifurcation"])
    halves = halves_of(case, healthy)
    bank = halves[side]
    twin = twins(bank)
    forked = np.flatnonzero(twin >= 0)
    assert np.array_equal(twin[twin[forked]], forked)
    spikes = shocked(halves, case, side, Shock(Site.ZYGOMATIC, 12, 200, 1), seed=SEED)[side]
    direct, reflex = only(spikes, "direct").row, only(spikes, "axon_reflex")
    assert reflex.row.size > 5
    assert not set(reflex.row) & set(direct)
    assert set(twin[reflex.row]) <= set(direct)
    assert np.all((reflex.time_ms > 5) & (reflex.time_ms < 16))
    strong = shocked(halves, case, side, Shock(Site.TRUNK, 90, 200, 1), seed=SEED)[side]
    assert count(strong, "axon_reflex") == 0


def test_an_ephapse_needs_a_branch_and_grows_with_the_current(healthy):
    case = patient(AFTER | {"ephapse": 0.3})
    halves = halves_of(case, healthy)

    def answer(site: Site, current: float) -> Spikes:
        return only(shocked(halves, case, LEFT, Shock(site, current, 200, 1), seed=SEED)[LEFT], "ephaptic")

    numbers = [answer(Site.ZYGOMATIC, current).row.size for current in (2.0, 5.0, 12.0)]
    assert numbers[0] == 0
    assert numbers[0] < numbers[1] < numbers[2]
    assert answer(Site.TRUNK, 60).row.size == 0
    spikes = answer(Site.ZYGOMATIC, 12.0)
    assert EYE not in halves[LEFT].target[spikes.row]
    assert spikes.time_ms.min() > 6


def test_a_train_lowers_the_answer_from_the_second_to_the_fourth_shock(healthy):
    case = patient({"decrement": 0.4})

    def fired(in_train: int) -> set[int]:
        shock = Shock(Site.TRUNK, 35, 200, 1, in_train=in_train)
        return set(only(shocked(healthy, case, LEFT, shock, seed=SEED)[LEFT], "direct").row.tolist())

    trains = [fired(n) for n in range(6)]
    assert trains[0] > trains[1] > trains[2] > trains[3]
    assert trains[3] == trains[4] == trains[5]
    assert len(trains[3]) / len(trains[0]) == pytest.approx(0.6, abs=0.04)
    rested = shocked(healthy, HEALTHY, LEFT, Shock(Site.TRUNK, 35, 200, 1, in_train=3), seed=SEED)[LEFT]
    assert count(rested, "direct") == len(trains[0])


def test_the_lesion_side_says_whose_excitability_it_is(healthy):
    case = patient({"decrement": 0.5})
    shock = Shock(Site.TRUNK, 35, 200, 1, in_train=3)
    counts = {s: count(shocked(healthy, case, RIGHT, shock, seed=SEED, lesion_side=s)[RIGHT], "direct") for s in Side}
    assert counts[RIGHT] < 0.6 * counts[LEFT]


@pytest.fixture(scope="module")
def table(healthy) -> dict[str, np.ndarray]:
    """Per mechanism and seed: lateral in the lips (uV, ms), R1 in eye and lips (uV), R2 impulses of the lips."""
    found = {}
    for name, lesion in MECHANISMS.items():
        case = patient(lesion, central=[CENTRAL] if name == "central" else [])
        rows = []
        for seed in SEEDS:
            halves = {**healthy, LEFT: lesioned(healthy[LEFT], case.lesion, seed=seed)}
            bank = halves[LEFT]
            side = shocked(halves, case, LEFT, Shock(Site.ZYGOMATIC, 12, 200, 1), seed=seed)[LEFT]
            lateral = only(side, "axon_reflex", "ephaptic")
            blinks = [
                shocked(halves, case, LEFT, Shock(Site.SUPRAORBITAL, 15, 200, n), seed=seed)[LEFT] for n in range(4)
            ]
            r1 = [only(blink, "r1") for blink in blinks]
            spread = [np.count_nonzero(bank.pool[only(blink, "r2").row] == LIPS) for blink in blinks]
            rows.append(
                (
                    peak_to_peak(bank, lateral, LIPS),
                    seen_from_ms(bank, lateral, LIPS),
                    np.mean([peak_to_peak(bank, spikes, EYE) for spikes in r1]),
                    np.mean([peak_to_peak(bank, spikes, LIPS) for spikes in r1]),
                    np.mean(spread),
                )
            )
        found[name] = np.array(rows)
    return found


def test_the_four_mechanisms_separate(table):
    """Acceptance (g): the rows of the table in simulation reference 3.4 keep their pattern."""
    columns = ("lateral", "latency", "eye", "lips", "spread")
    seen = {name: dict(zip(columns, rows.T, strict=True)) for name, rows in table.items()}
    # the lateral response shows what forks or jumps, never a misdirected axon or the brain
    assert np.all(seen["misdirection"]["lateral"] == 0)
    assert np.all(seen["central"]["lateral"] == 0)
    assert np.all(seen["bifurcation"]["lateral"] > 50)
    assert np.all(seen["ephapse"]["lateral"] > 20)
    assert np.all((seen["bifurcation"]["latency"] > 6.5) & (seen["bifurcation"]["latency"] < 11))
    assert np.all((seen["ephapse"]["latency"] > 6.5) & (seen["ephapse"]["latency"] < 11))
    # R1 in the mouth proves a misdirected axon; a forked one shows less of it; an ephapse or the brain none
    in_mouth = {name: found["lips"] / found["eye"] for name, found in seen.items()}
    assert np.all(seen["misdirection"]["lips"] > 40)
    assert np.all(in_mouth["misdirection"] > 0.3)
    assert np.all((in_mouth["bifurcation"] > 0.06) & (in_mouth["bifurcation"] < in_mouth["misdirection"]))
    for clean in ("none", "ephapse", "central"):
        assert np.all(in_mouth[clean] < 0.05)
        assert np.all(seen[clean]["lips"] < 10)
    # the brain spreads R2 only
    assert np.all(seen["central"]["spread"] > 0)
    assert not np.any([found["spread"] for name, found in seen.items() if name != "central"])


def test_r1_of_a_misdirected_axon_arrives_in_the_window_of_r1(healthy):
    case = patient(MECHANISMS["misdirection"])
    halves = halves_of(case, healthy)
    r1 = only(shocked(halves, case, LEFT, BLINK, seed=SEED)[LEFT], "r1")
    wrong = halves[LEFT].target[r1.row] == LIPS
    assert wrong.sum() >= 2
    assert np.all((r1.time_ms[wrong] > 9.5) & (r1.time_ms[wrong] < 15))
    assert set(halves[LEFT].pool[r1.row]) == {MUSCLES.index(Muscle.ORBICULARIS_OCULI)}


def test_both_rows_of_a_forked_axon_carry_the_same_impulse_of_the_brain(healthy):
    case = patient(MECHANISMS["bifurcation"])
    halves = halves_of(case, healthy)
    bank = halves[LEFT]
    r1 = set(only(shocked(halves, case, LEFT, BLINK, seed=SEED)[LEFT], "r1").row.tolist())
    twin = twins(bank)
    forked = [row for row in r1 if twin[row] >= 0]
    assert forked
    assert {int(twin[row]) for row in forked} <= r1


def test_a_lesion_without_extent_changes_nothing(healthy):
    assert halves_of(patient(), healthy)[LEFT] is healthy[LEFT]
    assert Lesion() == patient().lesion
