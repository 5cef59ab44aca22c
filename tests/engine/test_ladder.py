"""The ladder of a reflex: up to two answers of three, never above its cap, never back."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from npr_daq.anatomy import Muscle
from npr_daq.engine.ladder import HITS, RUNG_FACTOR, next_rung
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.search import Finished, SearchSettings, Shock
from npr_daq.recording import Role

EYE = (Muscle.ORBICULARIS_OCULI,)


def bounds(*, start_ma: float = 5.0, cap_ma: float = 15.0, most: int = 30) -> SearchSettings:
    return SearchSettings(EYE, start_ma, cap_ma, cap_ma, most)


def reading(current_ma: float, *, answers: bool, valid: bool = True) -> Reading:
    return Reading(current_ma, {EYE[0]: Response(answers, 0.2, 0.1, 11.0, 4.0)}, valid=valid)


def ladder(answers: Callable[[float], bool], settings: SearchSettings) -> tuple[list[Shock], Finished]:
    history: list[Reading] = []
    shocks: list[Shock] = []
    while isinstance(after := next_rung(history, settings), Shock):
        shocks.append(after)
        history.append(reading(after.current_ma, answers=answers(after.current_ma)))
    return shocks, after


def test_a_reflex_that_comes_at_once_takes_two_shocks() -> None:
    shocks, verdict = ladder(lambda ma: True, bounds())
    assert [s.current_ma for s in shocks] == [5.0, 5.0]
    assert verdict.proved
    assert verdict.threshold_ma == 5.0
    assert verdict.reason == "a reflex answered 2 of 2 shocks"
    assert all(s.role is Role.SEARCH and s.why["rule"] for s in shocks)


def test_two_of_three_at_one_current_end_it_and_two_misses_raise_it() -> None:
    turns = iter([False, True, False, True, False, True])
    shocks, verdict = ladder(lambda ma: next(turns), bounds())
    assert [s.current_ma for s in shocks] == [5.0, 5.0, 5.0, 6.5, 6.5, 6.5]
    assert verdict.threshold_ma == 6.5
    assert verdict.evidence["rungs"] == [
        {"current_ma": 5.0, "shocks": 3, "answered": 1},
        {"current_ma": 6.5, "shocks": 3, "answered": 2},
    ]


def test_no_reflex_ends_at_the_cap_and_says_so() -> None:
    shocks, verdict = ladder(lambda ma: False, bounds())
    assert shocks[-1].current_ma == 15.0
    assert not verdict.proved
    assert not verdict.elicited
    assert verdict.reason == "no reflex up to 15 mA"


def test_an_invalid_shock_is_given_again_at_the_same_current() -> None:
    after = next_rung([reading(5.0, answers=True, valid=False)], bounds())
    assert isinstance(after, Shock)
    assert after.current_ma == 5.0
    again = next_rung([reading(5.0, answers=True), reading(5.0, answers=False, valid=False)], bounds())
    assert isinstance(again, Shock)
    assert again.why["answered"] == 1


@examples(deadline=None)
@given(
    start_ma=st.floats(0.1, 15.0),
    cap_ma=st.floats(15.0, 40.0),
    most=st.integers(1, 40),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 1000),
)
def test_any_reflex_ends_within_bounds(start_ma: float, cap_ma: float, most: int, share: float, seed: int) -> None:
    dice = np.random.default_rng(seed)
    shocks, verdict = ladder(
        lambda ma: bool(dice.random() < share), bounds(start_ma=start_ma, cap_ma=cap_ma, most=most)
    )
    currents = [s.current_ma for s in shocks]
    assert len(shocks) <= most
    assert currents == sorted(currents)
    assert max(currents) <= cap_ma
    assert max(Counter(currents).values()) <= 3
    assert all(b <= RUNG_FACTOR * a + 0.0051 for a, b in pairwise(currents))
    assert verdict.proved == (verdict.evidence["rungs"][-1]["answered"] >= HITS)
    if verdict.proved:
        assert verdict.threshold_ma == pytest.approx(currents[-1])
