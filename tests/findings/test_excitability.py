"""Thresholds by the staircase's record, checked on the sweeps, and the difference of the sides, which flags nothing."""

from dataclasses import replace
from types import ModuleType

import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import DEFAULT
from npr_daq.findings.excitability import excitability
from npr_daq.recording import Role

CURRENTS = (1.0, 1.45, 2.1, 3.0, 3.0, 2.5, 2.8, 2.8)


def step(kinds: ModuleType, side: Side, threshold: float, *, silent: bool = False):
    """A staircase whose mentalis answers 0.2 mV from `threshold` on."""
    shocks = []
    for current in (round(part * threshold / 2.8, 2) for part in CURRENTS):
        answers = current >= threshold and not silent
        waves = {(side, Muscle.MENTALIS): kinds.direct(Muscle.MENTALIS, 0.2)} if answers else {}
        shocks.append(kinds.Shock(current_ma=current, waves=waves, role=Role.SEARCH))
    return kinds.step("excitability", side, Branch.MARGINAL_MANDIBULAR, shocks, widths_us=[200.0])


def record(threshold: float | None, **more):
    found = {"width_us": 200.0, "threshold_ma": threshold, "low_ma": None, "high_ma": threshold, "reversals": 2}
    if threshold is not None:
        found |= {"low_ma": round(2.5 * threshold / 2.8, 2), "muscles": ["mentalis"]}
    return {"proved": threshold is not None, "reason": "ended", "thresholds": [{**found, **more}]}


def made(kinds: ModuleType, left: float, right: float, *, affected: str = "left", silent: bool = False, **records):
    steps = [step(kinds, Side.LEFT, left, silent=silent), step(kinds, Side.RIGHT, right)]
    searches = {
        steps[0]["record"]["name"]: records.get("left_record", record(left)),
        steps[1]["record"]["name"]: record(right),
    }
    return excitability(kinds.recording(steps, affected=affected, searches=searches), DEFAULT)


def test_threshold_bracket_and_difference(kinds: ModuleType) -> None:
    left, right = made(kinds, 5.6, 2.8)
    assert (left.side, left.site, left.muscle, left.width_us) == ("left", "marginal_mandibular", "mentalis", 200.0)
    assert (left.threshold_ma, left.low_ma, left.high_ma) == (5.6, 5.0, 5.6)
    assert (left.shocks, left.reversals, left.verdict, left.reasons) == (8, 2, "present", ())
    assert left.difference_ma == pytest.approx(2.8)
    assert right.difference_ma is None


def test_the_classical_limit_is_stated_and_flags_nothing(kinds: ModuleType) -> None:
    left, _ = made(kinds, 7.0, 2.8)
    assert left.difference_ma == pytest.approx(4.2)
    assert left.verdict == "present"
    assert left.reasons == ("a difference of 3.5 mA or more is the classical limit, stated from memory: no flag",)


def test_no_response_and_no_end(kinds: ModuleType) -> None:
    absent, right = made(kinds, 5.6, 2.8, silent=True, left_record=record(None))
    assert (absent.verdict, absent.threshold_ma, absent.difference_ma) == ("absent", None, None)
    assert absent.reasons[0] == "no response that repeats up to 6 mA"
    assert "no threshold of both sides to compare" in absent.reasons
    assert right.verdict == "present"
    unended, _ = made(kinds, 5.6, 2.8, left_record={"proved": False, "reason": "stopped", "thresholds": []})
    assert (unended.verdict, unended.threshold_ma, unended.reasons[0]) == ("undetermined", None, "stopped")
    assert unended.reversals == 2


def test_a_staircase_that_was_broken_off_is_not_absent(kinds: ModuleType) -> None:
    begun = record(None, finished=False, low_ma=2.1) | {"reason": "the patient asked to stop"}
    left, _ = made(kinds, 5.6, 2.8, left_record=begun)
    assert (left.verdict, left.threshold_ma, left.low_ma) == ("undetermined", None, 2.1)
    assert left.reasons[0] == "the patient asked to stop"


def test_the_operators_word_stands_against_the_record_and_both_are_told(kinds: ModuleType) -> None:
    left, _ = made(kinds, 5.6, 2.8, left_record=record(5.6) | {"operator": "the masseter twitched"})
    assert (left.verdict, left.threshold_ma, left.difference_ma) == ("absent", None, None)
    assert left.reasons[:2] == (
        "not elicited: no response by the operator's word (the masseter twitched)",
        "contradiction: the staircase found a response that repeats at 5.6 mA",
    )


@pytest.mark.parametrize("left", ["skipped", "done once more"])
def test_a_record_of_what_was_put_aside_is_no_threshold(kinds: ModuleType, left: str) -> None:
    found = kinds.recording(
        [step(kinds, Side.LEFT, 2.8)], searches={f"excitability_left_{Branch.MARGINAL_MANDIBULAR}": record(2.8)}
    )
    aside = [replace(s, role=Role.REJECTED, reject_reasons=("skipped: loose",)) for s in found.sweeps]
    more = [replace(s, why={"pass": 2}) for s in found.sweeps[:2]] if left == "done once more" else []
    [row] = excitability(replace(found, sweeps=(*aside, *more)), DEFAULT)
    assert (row.verdict, row.threshold_ma) == ("undetermined", None)
    assert row.reasons[0] == ("done once more, and left before it was over" if more else "put aside: skipped: loose")


def test_a_pass_that_was_put_aside_before_is_no_later_one(kinds: ModuleType) -> None:
    """An exam that was gone on with after a break counts its passes from one again."""
    found = kinds.recording(
        [step(kinds, Side.LEFT, 2.8)], searches={f"excitability_left_{Branch.MARGINAL_MANDIBULAR}": record(2.8)}
    )
    before = [replace(s, role=Role.REJECTED, why={"pass": 2}) for s in found.sweeps[:2]]
    [row] = excitability(replace(found, sweeps=(*before, *found.sweeps)), DEFAULT)
    assert (row.verdict, row.threshold_ma) == ("present", 2.8)


def test_sweeps_that_hold_nothing_at_the_threshold_are_told(kinds: ModuleType) -> None:
    left, _ = made(kinds, 5.6, 2.8, silent=True)
    assert "read again, 0 of 2 sweeps at the threshold hold a response" in left.reasons


@pytest.mark.parametrize("affected", ["both", "none"])
def test_without_one_affected_side(kinds: ModuleType, affected: str) -> None:
    left, right = made(kinds, 5.6, 2.8, affected=affected)
    assert right.difference_ma is None
    if affected == "both":
        assert left.difference_ma is None
        assert left.reasons == ("both sides are affected: there is no healthy side to compare with",)
    else:
        assert left.difference_ma == pytest.approx(2.8)
