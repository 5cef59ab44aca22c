"""The staircase ends below the cap and within its shocks, and its bracket holds the threshold of a logistic nerve."""

from collections.abc import Callable
from math import exp, log

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from npr_daq.anatomy import Muscle
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.search import Finished, SearchSettings, Shock
from npr_daq.engine.staircase import FINE, LEAST_MA, finish_staircase, next_step
from npr_daq.recording import Role

N = Muscle.NASALIS
FLOOR_MV = 0.03
"""What is smaller is not present in these readings."""

Nerve = Callable[[float], float]


def logistic(half_ma: float, spread: float = 0.12, plateau_mv: float = 2.0) -> Nerve:
    return lambda ma: plateau_mv / (1 + exp(-min(700.0, max(-700.0, log(ma / half_ma) / spread))))


def true_threshold(half_ma: float, spread: float = 0.12, plateau_mv: float = 2.0) -> float:
    """The current at which that nerve's response reaches the floor."""
    return float(half_ma * (FLOOR_MV / (plateau_mv - FLOOR_MV)) ** spread)


def bounds(*, start_ma: float = 1.0, cap_ma: float = 25.0, most: int = 60) -> SearchSettings:
    return SearchSettings((N,), start_ma, cap_ma, cap_ma, most)


def read(shock: Shock, size_mv: float, *, onset_ms: float = 3.0, valid: bool = True) -> Reading:
    return Reading(
        shock.current_ma, {N: Response(size_mv >= FLOOR_MV, size_mv, 0.6 * size_mv, onset_ms, 4.0)}, valid=valid
    )


def staircase(
    nerve: Nerve,
    settings: SearchSettings,
    widths_us: tuple[float, ...] = (200.0,),
    answer: Callable[..., Reading] = read,
) -> tuple[list[Shock], Finished]:
    history: list[Reading] = []
    shocks: list[Shock] = []
    while isinstance(after := next_step(history, settings, widths_us), Shock):
        shocks.append(after)
        charge = (after.width_us or 200.0) / 200.0
        history.append(answer(after, nerve(after.current_ma * charge)))
        assert len(history) <= settings.max_shocks
    return shocks, after


@examples(deadline=None)
@given(half_ma=st.floats(0.5, 20.0), spread=st.floats(0.02, 0.4), start_ma=st.floats(0.1, 8.0))
@example(half_ma=4.1, spread=0.12, start_ma=1.0)
def test_the_bracket_holds_the_threshold_and_is_narrow(half_ma: float, spread: float, start_ma: float) -> None:
    true = true_threshold(half_ma, spread)
    shocks, verdict = staircase(logistic(half_ma, spread), bounds(start_ma=start_ma))
    row = verdict.evidence["thresholds"][0]
    if true >= 24.9 or true <= LEAST_MA + 0.01:
        return
    assert verdict.proved
    assert row["low_ma"] < true * (1 + 1e-9)
    assert true <= row["high_ma"] * (1 + 1e-9)
    assert row["high_ma"] == row["threshold_ma"] == verdict.threshold_ma
    assert row["high_ma"] <= FINE * row["low_ma"] + 0.0201
    assert len(shocks) == row["shocks"] == len(row["currents_ma"]) == len(row["answered"])


def test_it_takes_ten_shocks_and_seven_on_the_other_side() -> None:
    shocks, verdict = staircase(logistic(4.1), bounds())
    assert len(shocks) <= 11
    assert verdict.threshold_ma is not None
    other, again = staircase(logistic(4.1), bounds(start_ma=0.7 * verdict.threshold_ma))
    assert len(other) <= 8
    assert again.threshold_ma == pytest.approx(verdict.threshold_ma, rel=FINE - 1 + 0.01)


def test_every_shock_says_its_phase_and_its_bracket() -> None:
    shocks, verdict = staircase(logistic(4.1), bounds())
    assert {s.role for s in shocks} == {Role.SEARCH}
    rules = [s.why["rule"].removeprefix("staircase: ") for s in shocks]
    assert rules[0] == "up"
    assert list(dict.fromkeys(rules))[:3] == ["up", "again", "halve"]
    for shock, rule in zip(shocks, rules, strict=True):
        if rule == "halve":
            assert shock.why["low_ma"] < shock.current_ma < shock.why["high_ma"]
    assert verdict.reason.startswith(f"threshold {verdict.threshold_ma:g} mA at 200 us, not at ")


def test_a_first_current_that_is_answered_leads_down() -> None:
    shocks, verdict = staircase(logistic(1.5), bounds(start_ma=6.0))
    assert "staircase: down" in [s.why["rule"] for s in shocks]
    assert verdict.proved
    assert verdict.evidence["thresholds"][0]["low_ma"] < true_threshold(1.5) <= verdict.current_ma


def test_a_nerve_that_answers_to_the_least_current_has_no_lower_end() -> None:
    shocks, verdict = staircase(lambda ma: 1.0, bounds())
    assert min(s.current_ma for s in shocks) == LEAST_MA
    assert verdict.threshold_ma == LEAST_MA
    assert verdict.evidence["thresholds"][0]["low_ma"] is None


def test_nothing_answers() -> None:
    shocks, verdict = staircase(lambda ma: 0.0, bounds())
    assert shocks[-1].current_ma == 25.0
    assert not verdict.proved
    assert not verdict.elicited
    assert verdict.threshold_ma is None
    assert verdict.reason == "no response up to 25 mA at 200 us"
    row = verdict.evidence["thresholds"][0]
    assert (row["low_ma"], row["high_ma"], row["finished"]) == (25.0, None, True)


def test_a_unit_that_is_active_by_itself_is_no_threshold() -> None:
    """It comes at any time: what answers twice at one current must do so at the same time."""
    moments = iter([3.0, 6.0] * 40)

    def wandering(shock: Shock, size_mv: float) -> Reading:
        return read(
            shock, 0.2 if size_mv < FLOOR_MV else size_mv, onset_ms=next(moments) if size_mv < FLOOR_MV else 4.5
        )

    _, verdict = staircase(logistic(8.0), bounds(), answer=wandering)
    assert verdict.threshold_ma is not None
    assert verdict.threshold_ma > 0.95 * true_threshold(8.0)


def test_the_few_units_of_a_threshold_may_begin_later_than_the_whole() -> None:
    def later(shock: Shock, size_mv: float) -> Reading:
        return read(shock, size_mv, onset_ms=2.1 if size_mv > 0.1 else 3.4)

    _, verdict = staircase(logistic(4.1), bounds(), answer=later)
    row = verdict.evidence["thresholds"][0]
    assert row["low_ma"] < true_threshold(4.1) <= row["high_ma"]


def test_what_repeats_at_one_current_alone_is_no_threshold() -> None:
    """Hum that is alike twice: nothing answers above it, and the way up goes on from there."""
    shocks, verdict = staircase(lambda ma: 0.05 if 2.0 < ma < 2.2 else logistic(8.0)(ma), bounds())
    above = [s.current_ma for s in shocks if s.why["rule"] == "staircase: above"]
    assert above == [pytest.approx(1.2 * 2.1, abs=0.006)]
    assert verdict.threshold_ma is not None
    assert verdict.threshold_ma > 0.95 * true_threshold(8.0)


def test_an_invalid_shock_is_given_again_at_the_same_current() -> None:
    settings = bounds()
    first = next_step([], settings, (200.0,))
    assert isinstance(first, Shock)
    again = next_step([read(first, 1.0, valid=False)], settings, (200.0,))
    assert isinstance(again, Shock)
    assert again.current_ma == first.current_ma
    assert finish_staircase([read(first, 1.0, valid=False)], settings, (200.0,), "ended").evidence["invalid"] == 1


def test_each_width_has_its_own_bracket_and_starts_from_the_last() -> None:
    widths = (200.0, 500.0)
    shocks, verdict = staircase(logistic(4.1), bounds(), widths)
    rows = verdict.evidence["thresholds"]
    assert [row["width_us"] for row in rows] == [200.0, 500.0]
    for row in rows:
        true = true_threshold(4.1) * 200.0 / row["width_us"]
        assert row["low_ma"] < true <= row["high_ma"]
    assert {s.width_us for s in shocks} == set(widths)
    assert rows[1]["shocks"] <= rows[0]["shocks"]


def test_who_ends_it_early_has_the_bracket_so_far() -> None:
    settings = bounds()
    history: list[Reading] = []
    for _ in range(7):
        shock = next_step(history, settings, (200.0,))
        assert isinstance(shock, Shock)
        history.append(read(shock, logistic(4.1)(shock.current_ma)))
    verdict = finish_staircase(history, settings, (200.0,), "the patient asked to stop")
    row = verdict.evidence["thresholds"][0]
    assert not verdict.proved
    assert verdict.threshold_ma is None
    assert row["low_ma"] < true_threshold(4.1) <= row["high_ma"]
    assert verdict.reason == "the patient asked to stop"
    assert not row["finished"]


@examples(deadline=None)
@given(
    half_ma=st.floats(0.05, 100.0),
    cap_ma=st.floats(1.0, 40.0),
    start_ma=st.floats(0.1, 1.0),
    most=st.integers(8, 60),
    seed=st.integers(0, 1000),
    widths_us=st.lists(st.sampled_from([100.0, 200.0, 500.0, 1000.0]), min_size=1, max_size=3).map(tuple),
)
def test_any_nerve_any_noise_ends_within_bounds(
    half_ma: float, cap_ma: float, start_ma: float, most: int, seed: int, widths_us: tuple[float, ...]
) -> None:
    dice = np.random.default_rng(seed)

    def noisy(shock: Shock, size_mv: float) -> Reading:
        return read(
            shock,
            abs(size_mv + 0.02 * float(dice.normal())),
            onset_ms=3.0 + 0.4 * float(dice.normal()),
            valid=bool(dice.random() < 0.9),
        )

    shocks, verdict = staircase(
        logistic(half_ma), bounds(start_ma=start_ma, cap_ma=cap_ma, most=most), widths_us, noisy
    )
    assert all(LEAST_MA <= s.current_ma <= cap_ma for s in shocks)
    assert len(shocks) <= most
    assert verdict.evidence["shocks"] == len(shocks)
    for row in verdict.evidence["thresholds"]:
        if row["low_ma"] is not None and row["high_ma"] is not None:
            assert row["low_ma"] < row["high_ma"]
