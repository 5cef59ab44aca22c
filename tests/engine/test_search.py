"""The supramaximal search ends, stays under the cap, and proves a plateau only where there is one."""

from collections.abc import Callable
from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from npr_daq.anatomy import SUPPLIES, Branch, Muscle
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.search import RULES, Finished, SearchSettings, Shock, State, next_shock, settings_for
from npr_daq.engine.signs import moved_in_search, moved_in_series, over_stimulation
from npr_daq.recording import Role

NASALIS = (Muscle.NASALIS,)
Nerve = Callable[[Muscle, float], float]


def response(size_mv: float, noise_uv: float = 4.0) -> Response:
    present = size_mv * 1e3 * 0.6 >= 5 * noise_uv
    return Response(present, size_mv, 0.6 * size_mv, 3.0, noise_uv)


def logistic(plateau_mv: float, half_ma: float, spread: float = 0.12) -> Nerve:
    return lambda muscle, ma: plateau_mv / (1 + exp(-min(700.0, max(-700.0, log(ma / half_ma) / spread))))


def search(
    nerve: Nerve, settings: SearchSettings, noise: np.random.Generator | None = None, noise_uv: float = 4.0
) -> tuple[list[Reading], Finished, list[Shock]]:
    history: list[Reading] = []
    shocks: list[Shock] = []
    while True:
        after = next_shock(history, settings)
        if isinstance(after, Finished):
            return history, after, shocks
        shocks.append(after)
        responses = {}
        for muscle in settings.watched:
            size = nerve(muscle, after.current_ma)
            if noise is not None:
                size = abs(size * (1 + 0.003 * noise.standard_normal()) + 2**0.5 * noise_uv / 1e3 * noise.normal())
            responses[muscle] = response(size, noise_uv)
        history.append(Reading(after.current_ma, responses))
        assert len(history) <= settings.max_shocks


def settings(watched: tuple[Muscle, ...] = NASALIS, cap_ma: float = 25.0, **kw: float) -> SearchSettings:
    return settings_for(watched, start_ma=kw.get("start_ma", 2.0), cap_ma=cap_ma, max_shocks=int(kw.get("most", 60)))


def test_starts_at_2_ma_and_steps_by_half_at_most_3_ma_while_silent() -> None:
    _, _, shocks = search(lambda m, ma: 0.0, settings(cap_ma=40.0))
    currents = [s.current_ma for s in shocks]
    assert currents[:6] == pytest.approx([2, 3, 4.5, 6.75, 9.75, 12.75])
    assert currents[-1] == 40.0


def test_steps_by_a_fifth_at_least_half_a_milliamp_and_two_at_once_where_it_is_steep() -> None:
    history, _, shocks = search(logistic(2.0, 4.0), settings())
    steep = 0
    for number, (lower, upper) in enumerate(pairwise(history)):
        a, b = lower.responses[Muscle.NASALIS], upper.responses[Muscle.NASALIS]
        if not a.present:
            continue
        before = history[number - 1].responses[Muscle.NASALIS]
        if before.present and a.size_mv >= 1.5 * before.size_mv:
            steep += 1
            least = max(1.2 * lower.current_ma, lower.current_ma + 0.5)
            assert upper.current_ma == pytest.approx(
                max(least, min(1.44 * lower.current_ma, lower.current_ma + 3)), abs=0.0051
            )
        else:
            assert upper.current_ma == pytest.approx(max(1.2 * lower.current_ma, lower.current_ma + 0.5), abs=0.0051)
        assert b.size_mv >= a.size_mv
    assert steep
    assert any("steep" in s.why["rule"] for s in shocks)


def test_a_healthy_branch_is_proved_at_three_currents_or_more() -> None:
    history, verdict, shocks = search(logistic(2.0, 4.1), settings())
    assert verdict.proved
    assert verdict.elicited
    assert verdict.confirmation is history[-1]
    assert shocks[-1].role is Role.CONFIRM
    own = verdict.evidence["muscles"]["nasalis"]
    assert own["proved"]
    assert len(own["plateau_ma"]) >= 3
    assert own["plateau_ma"][-1] >= 1.2 * own["plateau_ma"][0]
    assert all(abs(g) < 5 for g in own["growth_percent"])
    assert own["peak_to_peak_mv"][-1] == pytest.approx(2.0, rel=0.01)
    assert len(history) <= 12


def test_reaching_the_cap_alone_proves_nothing() -> None:
    history, verdict, _ = search(logistic(2.0, 30.0), settings())
    assert history[-1].current_ma == 25.0
    assert not verdict.proved
    assert verdict.elicited
    assert "cap of 25 mA" in verdict.reason
    assert not verdict.evidence["muscles"]["nasalis"]["proved"]


def test_a_truncated_step_at_the_cap_is_no_step() -> None:
    top = settings(cap_ma=13.0)
    flat = [Reading(ma, {Muscle.NASALIS: response(2.0)}) for ma in (10.8, 12.96, 13.0)]
    grown = [Reading(2.0, {Muscle.NASALIS: response(0.1)}), Reading(9.0, {Muscle.NASALIS: response(1.5)})]
    verdict = next_shock(grown + flat, top)
    assert isinstance(verdict, Finished)
    assert not verdict.proved


def test_the_foot_of_the_curve_needs_a_third_flat_step() -> None:
    history = [Reading(ma, {Muscle.NASALIS: response(0.10)}) for ma in (3.0, 3.6, 4.32)]
    after = next_shock(history, settings())
    assert isinstance(after, Shock)
    assert after.why["flat_steps"] == 2
    history.append(Reading(after.current_ma, {Muscle.NASALIS: response(0.10)}))
    verdict = next_shock(history, settings())
    assert isinstance(verdict, Finished)
    assert verdict.proved


def test_every_muscle_that_answers_must_have_stopped_growing() -> None:
    def nerve(muscle: Muscle, ma: float) -> float:
        return logistic(2.0, 4.0 if muscle is Muscle.NASALIS else 9.0)(muscle, ma)

    both = (Muscle.NASALIS, Muscle.ORBICULARIS_ORIS)
    history, verdict, _ = search(nerve, settings(both, cap_ma=40.0))
    alone, _, _ = search(nerve, settings(NASALIS, cap_ma=40.0))
    assert verdict.proved
    assert history[-1].current_ma > alone[-1].current_ma * 1.5
    assert history[-1].responses[Muscle.ORBICULARIS_ORIS].size_mv == pytest.approx(2.0, rel=0.03)


def test_a_muscle_that_never_answers_does_not_hold_up_the_others() -> None:
    def nerve(muscle: Muscle, ma: float) -> float:
        return 0.0 if muscle is Muscle.FRONTALIS else logistic(2.0, 8.0)(muscle, ma)

    _, verdict, _ = search(nerve, settings(SUPPLIES[Branch.TRUNK], cap_ma=40.0))
    assert verdict.proved
    assert not verdict.evidence["muscles"]["frontalis"]["present"]
    assert not verdict.evidence["muscles"]["frontalis"]["proved"]


def test_invalid_shocks_are_no_evidence_and_are_given_again() -> None:
    first = Reading(2.0, {Muscle.NASALIS: response(2.0)}, valid=False)
    after = next_shock([first], settings())
    assert isinstance(after, Shock)
    assert after.current_ma == 2.0
    ended = next_shock([first] * 60, settings())
    assert isinstance(ended, Finished)
    assert (ended.proved, ended.evidence["invalid"]) == (False, 60)


def test_the_other_side_starts_below_the_healthy_threshold_and_stays_near_its_plateau() -> None:
    _, healthy, _ = search(logistic(2.0, 4.1), settings())
    assert healthy.threshold_ma is not None
    mine = settings_for(NASALIS, start_ma=2.0, cap_ma=25.0, max_shocks=60, reference=healthy)
    assert mine.start_ma == pytest.approx(0.7 * healthy.threshold_ma, abs=0.0051)
    assert mine.silent_cap_ma == pytest.approx(min(25.0, 1.5 * healthy.current_ma), abs=0.0051)
    _, dead, shocks = search(lambda m, ma: 0.0, mine)
    assert not dead.elicited
    assert max(s.current_ma for s in shocks) == pytest.approx(mine.silent_cap_ma)
    assert dead.current_ma == pytest.approx(mine.silent_cap_ma)


def test_a_lone_peak_of_noise_is_no_threshold_and_lifts_no_bound() -> None:
    bounds = SearchSettings(NASALIS, start_ma=2.0, cap_ma=25.0, silent_cap_ma=4.5, max_shocks=60)
    sizes = {2.0: 0.08, 3.0: 0.0, 2.5: 0.0, 3.75: 0.0, 4.5: 0.08}
    history: list[Reading] = []
    while not isinstance(after := next_shock(history, bounds), Finished):
        again = any(r.current_ma == after.current_ma for r in history)
        history.append(Reading(after.current_ma, {Muscle.NASALIS: response(0.0 if again else sizes[after.current_ma])}))
    assert [r.current_ma for r in history] == [2.0, 2.5, 3.75, 4.5, 4.5]
    assert (after.elicited, after.threshold_ma, after.current_ma) == (False, None, 4.5)


def test_a_lone_response_below_the_bound_does_not_lead_above_it() -> None:
    bounds = SearchSettings(NASALIS, start_ma=2.0, cap_ma=25.0, silent_cap_ma=12.0, max_shocks=60)
    silent, lone = (Reading(ma, {Muscle.NASALIS: response(mv)}) for ma, mv in ((8.0, 0.0), (11.0, 0.08)))
    after = next_shock([silent, lone], bounds)
    assert isinstance(after, Shock)
    assert after.current_ma == 12.0
    ended = next_shock([silent, lone, Reading(12.0, {Muscle.NASALIS: response(0.0)})], bounds)
    assert isinstance(ended, Finished)
    assert not ended.elicited
    beyond = next_shock([silent, lone, Reading(12.0, {Muscle.NASALIS: response(0.08)})], bounds)
    assert isinstance(beyond, Shock)
    assert beyond.current_ma > 12.0


def test_the_last_steps_below_the_cap_are_equal_and_all_of_them_count() -> None:
    for half_ma in np.linspace(4.0, 14.0, 41):
        history, verdict, _ = search(logistic(2.0, half_ma, 0.08), settings())
        if history[-1].current_ma == 25.0:
            a, b, c = (r.current_ma for r in history[-3:])
            assert c / b >= 1.15
            assert b / a >= 1.15
            assert c / b == pytest.approx(b / a, rel=0.2)
        if half_ma < 13.0:
            assert verdict.proved


def test_flat_below_the_other_sides_plateau_is_the_foot_of_the_curve() -> None:
    """Two units of a dying nerve fire at 3 mA, the other forty from 9 mA on."""

    def dying(muscle: Muscle, ma: float) -> float:
        return 0.16 + logistic(0.4, 9.5, 0.04)(muscle, ma)

    _, healthy, _ = search(logistic(2.0, 7.0), settings())
    assert healthy.proved
    mine = settings_for(NASALIS, start_ma=2.0, cap_ma=25.0, max_shocks=60, reference=healthy)
    history, verdict, shocks = search(dying, mine)
    assert verdict.proved
    assert verdict.current_ma >= 0.8 * healthy.current_ma - 0.01
    assert history[-1].responses[Muscle.NASALIS].size_mv == pytest.approx(0.56, rel=0.02)
    assert any("foot" in s.why["rule"] for s in shocks)


def test_the_rules_are_asked_from_top_to_bottom_and_one_always_holds() -> None:
    for state in (State.BEGIN, State.SILENT, State.ANSWERING):
        assert [r.when for r in RULES if r.state is state][-1] in ("no shock that counts yet", "below it", "else")
    assert all((r.raise_to is None) != (r.ends is None) for r in RULES)


def early(ma: float, size_mv: float, *, limit_mv: float = 0.02) -> Reading:
    answer = Response(True, 1.0, 0.6, 3.0, 2.0, early_mv=size_mv, early_limit_mv=limit_mv, early_until_ms=2.2)
    return Reading(ma, {Muscle.NASALIS: answer})


def test_the_masseter_ends_the_search_and_nothing_is_proved() -> None:
    seen = [early(ma, mv) for ma, mv in ((8.0, 0.004), (9.6, 0.006), (11.5, 0.03), (13.8, 0.08))]
    verdict = next_shock(seen, settings())
    assert isinstance(verdict, Finished)
    assert (verdict.proved, verdict.elicited) == (False, True)
    assert verdict.reason.startswith("the masseter answers: a deflection before 2.2 ms")
    assert [s["kind"] for s in verdict.evidence["signs"]] == ["masseter"]
    assert "before 2.2 ms" in verdict.evidence["muscles"]["nasalis"]["reason"]


def test_what_is_left_of_an_artefact_grows_as_the_current_does_and_is_no_masseter() -> None:
    seen = [early(ma, 0.004 * ma) for ma in (4.0, 6.0, 9.0, 11.0)]
    after = next_shock(seen, settings())
    assert not (isinstance(after, Finished) and "masseter" in after.reason)


def test_an_onset_that_jumps_ahead_and_growth_after_a_plateau_are_said() -> None:
    def reading(ma: float, size: float, onset: float) -> Reading:
        return Reading(ma, {Muscle.NASALIS: Response(True, size, 0.6 * size, onset, 2.0)})

    shocks = [(5.0, 0.2, 3.2), (6.0, 0.9, 3.1), (7.2, 1.0, 3.1), (8.6, 1.0, 3.1), (10.4, 1.01, 3.05), (12.4, 1.4, 2.6)]
    kinds = [s.kind for s in over_stimulation([reading(*s) for s in shocks], NASALIS)]
    assert kinds == ["latency_jump", "new_component"]
    assert over_stimulation([reading(*s) for s in shocks[:-1]], NASALIS) == ()


def test_a_fall_at_rising_current_is_a_stimulator_that_moved() -> None:
    shocks = [(5.0, 0.5), (6.0, 1.0), (7.2, 0.7)]
    readings = [Reading(ma, {Muscle.NASALIS: response(mv)}) for ma, mv in shocks]
    (sign,) = moved_in_search(readings, NASALIS)
    assert sign.text == "nasalis fell by 30 % from 6 to 7.2 mA"


@pytest.mark.parametrize(
    ("sizes", "onsets", "text"),
    [
        ([1.0, 1.01, 0.8, 0.81, 0.8], [3.0] * 5, "nasalis changed by -"),
        ([1.0] * 5, [3.0, 3.0, 3.31, 3.3, 3.3], "the onset of nasalis shifted by +0.30 ms"),
        ([1.0, 0.98, 1.01, 1.02, 0.99], [3.0, 3.02, 2.99, 3.0, 3.01], ""),
    ],
)
def test_a_step_within_a_series_is_an_electrode_that_moved(sizes: list[float], onsets: list[float], text: str) -> None:
    answers = [Response(True, s, 0.6 * s, o, 2.0) for s, o in zip(sizes, onsets, strict=True)]
    sign = moved_in_series([Reading(9.0, {Muscle.NASALIS: a}) for a in answers], Muscle.NASALIS)
    assert (sign.text if sign else "").startswith(text)
    assert (sign is None) == (not text)


@examples(deadline=None)
@given(
    answers=st.lists(st.sampled_from([0.0, 0.0, 0.08, 1.0]), max_size=60),
    silent_cap_ma=st.floats(2.0, 25.0),
)
def test_nothing_above_the_bound_of_silence_without_a_response_that_repeats(
    answers: list[float], silent_cap_ma: float
) -> None:
    bounds = SearchSettings(NASALIS, start_ma=2.0, cap_ma=25.0, silent_cap_ma=silent_cap_ma, max_shocks=60)
    history: list[Reading] = []
    for size in answers:
        after = next_shock(history, bounds)
        if isinstance(after, Finished):
            break
        if after.current_ma > silent_cap_ma * (1 + 1e-9) > history[-1].current_ma:
            assert all(r.responses[Muscle.NASALIS].present for r in history[-2:])
        history.append(Reading(after.current_ma, {Muscle.NASALIS: response(size)}))


def grows(first_mv: float, step_mv: float, noise_uv: float) -> Finished:
    history: list[Reading] = []
    while not isinstance(after := next_shock(history, settings()), Finished):
        size = first_mv + step_mv * len(history)
        history.append(
            Reading(after.current_ma, {Muscle.NASALIS: Response(True, size, 0.5 * size, 3.0, noise_uv)}, n=len(history))
        )
    return after


def test_a_response_that_doubles_in_loud_noise_is_not_proved() -> None:
    verdict = grows(0.06, 0.022, noise_uv=6.0)
    own = verdict.evidence["muscles"]["nasalis"]
    assert own["peak_to_peak_mv"][-1] > 2 * own["peak_to_peak_mv"][3]
    assert (verdict.elicited, verdict.proved, own["proved"]) == (True, False, False)
    assert max(own["allowed_percent"]) <= 10.0
    assert own["total_growth_percent"] > own["total_allowed_percent"]


def test_small_growth_in_every_step_adds_up() -> None:
    flat = [Reading(ma, {Muscle.NASALIS: response(mv)}) for ma, mv in ((8.0, 2.0), (9.6, 2.07), (11.5, 2.14))]
    grown = [Reading(2.0, {Muscle.NASALIS: response(0.1)}), *flat]
    after = next_shock(grown, settings())
    assert isinstance(after, Shock)
    assert after.why["flat_steps"] == 2


def test_noise_that_hides_growth_is_the_reason() -> None:
    verdict = grows(0.06, 0.004, noise_uv=9.0)
    assert not verdict.proved
    assert verdict.reason.endswith("noise hides growth (nasalis)")
    assert verdict.evidence["muscles"]["nasalis"]["reason"] == "noise hides growth"
    assert "reason" not in grows(2.0, 0.5, noise_uv=4.0).evidence["muscles"]["nasalis"]


def test_a_reference_without_a_response_changes_nothing() -> None:
    _, silent, _ = search(lambda m, ma: 0.0, settings())
    assert settings_for(NASALIS, start_ma=2.0, cap_ma=25.0, max_shocks=60, reference=silent) == settings()


@pytest.mark.parametrize("plateau_mv", [2.0, 0.4, 0.12])
def test_noise_does_not_hide_a_plateau_nor_feign_one(plateau_mv: float) -> None:
    short, amplitudes = 0, []
    for seed in range(40):
        noise = np.random.default_rng(seed)
        _, verdict, _ = search(logistic(plateau_mv, 4.1), settings(), noise)
        short += not verdict.proved
        amplitudes.append(logistic(plateau_mv, 4.1)(Muscle.NASALIS, verdict.current_ma) / plateau_mv)
    assert short <= 2
    assert np.mean(np.array(amplitudes) > 0.93) >= 0.95


@examples(deadline=None)
@given(
    plateau_mv=st.floats(0.001, 20.0),
    half_ma=st.floats(0.2, 200.0),
    spread=st.floats(0.01, 1.0),
    noise_uv=st.floats(0.0, 50.0),
    cap_ma=st.floats(2.0, 50.0),
    start_ma=st.floats(0.2, 2.0),
    most=st.integers(8, 60),
    seed=st.integers(0, 1000),
)
def test_any_nerve_any_noise_ends_within_bounds(
    plateau_mv: float,
    half_ma: float,
    spread: float,
    noise_uv: float,
    cap_ma: float,
    start_ma: float,
    most: int,
    seed: int,
) -> None:
    bounds = settings(cap_ma=cap_ma, start_ma=start_ma, most=most)
    history, verdict, shocks = search(
        logistic(plateau_mv, half_ma, spread), bounds, np.random.default_rng(seed), noise_uv
    )
    currents = [s.current_ma for s in shocks]
    assert all(0 < c <= cap_ma * (1 + 1e-12) for c in currents)
    assert currents == sorted(currents)
    assert len(history) <= most
    assert verdict.current_ma == currents[-1]
    if verdict.proved:
        assert len(verdict.evidence["muscles"]["nasalis"]["plateau_ma"]) >= 3
