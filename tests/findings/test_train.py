"""Repetitive stimulation: the decrement of every train, what movement and losses do to it, and the rate as given."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import DEFAULT
from npr_daq.findings.train import trains

FADING = (1.0, 0.9, 0.84, 0.8, 0.82, 0.83)
STEADY = (1.0,) * 6
MUSCLE = Muscle.NASALIS


def step(kinds: ModuleType, courses=(FADING, STEADY), *, mv: float = 2.0, moved: bool = False, lost: int | None = None):
    shocks = []
    for train, course in enumerate(courses, 1):
        for pulse, part in enumerate(course, 1):
            wave = kinds.direct(MUSCLE, mv * part)
            if moved and pulse > 1:
                wave = kinds.direct(MUSCLE, 0.6 * mv * part) + kinds.direct(MUSCLE, 0.6 * mv, late_ms=1.2)
            shock = kinds.Shock(waves={(Side.LEFT, MUSCLE): wave}, why={"train": train, "pulse": pulse})
            if lost == pulse:
                shock.reject_reasons = ("clipped",)
            shocks.append(shock)
    settings = {"muscles": ["nasalis"], "count": 6, "trains": len(courses), "train_rate_hz": 3.0}
    return kinds.step("train", Side.LEFT, Branch.BUCCAL, shocks, **settings)


def made(kinds: ModuleType, *args, spaced: int = 6667, **settings):
    return trains(kinds.recording([step(kinds, *args, **settings)], spaced=spaced), DEFAULT)


def test_one_row_per_train_with_its_decrement(kinds: ModuleType) -> None:
    fading, steady = made(kinds)
    assert (fading.train, fading.count, fading.muscle, fading.site) == (1, 6, "nasalis", "buccal")
    assert fading.definition == "peak-to-peak amplitude, fourth over first"
    assert fading.rate_hz == pytest.approx(3.0, abs=0.001)
    assert fading.decrement_percent == pytest.approx(20.0, abs=1.0)
    assert fading.lowest_percent == pytest.approx(20.0, abs=1.0)
    assert fading.area_decrement_percent == pytest.approx(20.0, abs=2.0)
    assert fading.first_mv == fading.amplitudes_mv[0] == pytest.approx(3.2, rel=0.02)
    assert np.divide(fading.amplitudes_mv, fading.first_mv) == pytest.approx(FADING, abs=0.01)
    assert (fading.quality.accepted, fading.quality.reasons) == (True, ())
    assert abs(steady.decrement_percent) < 1.0


def test_the_lowest_may_be_another_than_the_fourth(kinds: ModuleType) -> None:
    [row] = made(kinds, ((1.0, 0.9, 0.8, 0.85, 0.7, 0.6),))
    assert row.decrement_percent == pytest.approx(15.0, abs=1.0)
    assert row.lowest_percent == pytest.approx(30.0, abs=1.0)


def test_movement_is_rejected_with_its_numbers(kinds: ModuleType) -> None:
    [row] = made(kinds, (STEADY,), moved=True)
    assert not row.quality.accepted
    assert row.quality.reasons[0].startswith("movement: the second response differs by")
    assert row.decrement_percent is not None


def test_a_lost_response_leaves_the_others_where_they_are(kinds: ModuleType) -> None:
    [row] = made(kinds, (FADING,), lost=4)
    assert row.decrement_percent is None
    assert row.amplitudes_mv[3] is None
    assert row.amplitudes_mv[4] == pytest.approx(0.82 * 3.2, rel=0.02)
    assert "response 4 of the train was lost" in row.quality.reasons
    assert not row.quality.accepted


def test_nothing_there_and_too_much_noise(kinds: ModuleType) -> None:
    [empty] = made(kinds, (STEADY,), mv=0.0)
    assert (empty.decrement_percent, empty.quality.accepted) == (None, False)
    assert "not elicited" in empty.quality.reasons
    [noisy] = made(kinds, (STEADY,), mv=0.03)
    assert not noisy.quality.accepted
    assert any(reason.startswith("noise alone gives a decrement of") for reason in noisy.quality.reasons)


def test_a_train_at_another_rate_says_so(kinds: ModuleType) -> None:
    [row] = made(kinds, (STEADY,), spaced=10_000)
    assert row.rate_hz == pytest.approx(2.0, abs=0.001)
    assert "given at 2.00 Hz, 3 Hz were asked for" in row.quality.reasons


def with_onsets(kinds: ModuleType, **changes):
    """A fading train of which the shocks after the third come otherwise."""
    found = kinds.recording([step(kinds, (FADING,))], spaced=6667)
    sweeps = [replace(s, **{k: getattr(s, k) + v for k, v in changes.items()}) for s in found.sweeps[-3:]]
    [row] = trains(replace(found, sweeps=(*found.sweeps[:-3], *sweeps)), DEFAULT)
    return row


def test_a_train_that_was_broken_off_and_gone_on_with_is_none(kinds: ModuleType) -> None:
    row = with_onsets(kinds, stream_id=1)
    assert (row.rate_hz, row.quality.accepted) == (None, False)
    assert row.quality.reasons == ("broken off and gone on with: the time between its parts is not known",)


def test_one_long_interval_is_found_where_the_mean_rate_is_as_asked(kinds: ModuleType) -> None:
    row = with_onsets(kinds, first_sample=3000)
    assert row.rate_hz == pytest.approx(3.0, rel=0.1)
    assert row.quality.reasons == ("not regular: shocks up to 483 ms apart, 333 ms were asked for",)


def test_three_responses_are_no_train(kinds: ModuleType) -> None:
    one = step(kinds, ((1.0, 0.9, 0.8),))
    one["record"]["count"] = 3
    [row] = trains(kinds.recording([one]), DEFAULT)
    assert row.decrement_percent is None
    assert row.quality.reasons[0] == "3 responses in a train; a decrement takes 4"
