"""The patient asks to stop: no further shock at that site, nothing proved, what was taken stays, the rest goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from npr_daq.engine.run import RunState
from npr_daq.operator import Answer, AnswerKind, PromptKind

MakeRig = Callable[..., Any]
WORDS = "the patient asked to stop, discomfort 8 of 10"


def stop_after(rig: Any, fires: int) -> None:
    """ENOUGH once, as soon as `fires` shocks were given."""
    pressed: list[int] = []

    def keys() -> Answer | None:
        if rig.device.fires >= fires and not pressed and rig.device.delivered[-1:] and not rig.device._scheduled:
            pressed.append(rig.device.fires)
            return Answer(AnswerKind.ENOUGH, WORDS)
        return None

    rig.operator.keys = keys


def shocks_at(rig: Any, step: str) -> list[int]:
    return [s.n for s in rig.journal.sweeps if s.step == step]


def test_in_the_search_it_ends_without_a_plateau_and_the_other_site_goes_on(rig: Any) -> None:
    stop_after(rig, 4)
    outcome = rig.run()
    assert (outcome.state, outcome.cause, outcome.pauses) == (RunState.FINISHED, "complete", 0)
    first, second = outcome.results
    ended, other = outcome.results[first], outcome.results[second]
    assert not ended.proved
    assert ended.reason.startswith(WORDS)
    assert rig.journal.searches[first]["proved"] is False
    assert rig.journal.searches[first]["reason"].startswith(WORDS)
    assert len(shocks_at(rig, first)) == 4
    assert not [s for s in rig.journal.sweeps if s.step == first and s.role == "accept"]
    assert other.proved
    (event,) = [e for e in rig.journal.events if e.kind == "enough"]
    assert event.detail == {"step": first, "reason": WORDS}
    judged = next(p for p in rig.operator.asked if p.kind is PromptKind.JUDGE)
    assert AnswerKind.REDO not in judged.choices
    assert WORDS in judged.text


def test_in_the_series_the_plateau_stands_with_the_sweeps_there_are(rig: Any) -> None:
    whole = type(rig)()
    whole.run()
    first = next(iter(whole.journal.searches))
    search = [s for s in whole.journal.sweeps if s.step == first and s.role in ("search", "confirm")]
    stop_after(rig, len(search) + 2)
    outcome = rig.run()
    assert (outcome.state, outcome.cause) == (RunState.FINISHED, "complete")
    assert outcome.results[first].proved
    assert len(shocks_at(rig, first)) == len(search) + 2


def test_before_the_first_shock_the_site_is_skipped_with_the_reason(rig: Any) -> None:
    pressed: list[int] = []

    def keys() -> Answer | None:
        if not pressed and rig.operator.asked:
            pressed.append(1)
            return Answer(AnswerKind.ENOUGH, WORDS)
        return None

    rig.operator.keys = keys
    outcome = rig.run()
    assert outcome.cause == "complete"
    assert len(outcome.results) == 1
    (skipped,) = [e for e in rig.journal.events if e.kind == "skipped"]
    assert skipped.detail["reason"] == WORDS


@pytest.mark.parametrize("fires", range(1, 24, 3))
@pytest.mark.parametrize("grain", [1, 1_000_000])
def test_whenever_it_comes_the_books_are_closed_and_it_is_safe(make_rig: MakeRig, fires: int, grain: int) -> None:
    """Also in the middle of a shock; `rig.run` checks the books and that no number was fired twice."""
    rig = make_rig()
    rig.device.grain = grain
    pressed: list[int] = []

    def keys() -> Answer | None:
        if rig.device.fires == fires and not pressed:
            pressed.append(1)
            return Answer(AnswerKind.ENOUGH, WORDS)
        return None

    rig.operator.keys = keys
    outcome = rig.run()
    assert (outcome.state, outcome.cause) == (RunState.FINISHED, "complete")
    assert pressed
    assert [e.kind for e in rig.journal.events].count("enough") == 1


def test_a_stop_outweighs_it(rig: Any) -> None:
    rig.device.on_take = lambda: rig.stop.request("interrupted") if rig.device.fires == 3 else None
    rig.operator.keys = lambda: Answer(AnswerKind.ENOUGH, WORDS) if rig.device.fires == 3 else None
    assert rig.run().cause == "interrupted"
    assert not [e for e in rig.journal.events if e.kind == "enough"]
