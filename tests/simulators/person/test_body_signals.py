"""Blinks and heart beats: the same whoever asks, at the rate that the file says."""

import numpy as np
import pytest

from npr_simulators.person.body_signals import BLINK_APART_S, BLINK_CHUNK, BLINK_RATE_HZ, blink_samples
from npr_simulators.person.case import Case


def person(**sections: object) -> Case:
    plain = {
        "version": 2,
        "name": "test",
        "teaches": "a test",
        "expect": "a test",
        "cell": "ratio",
        "intake": {"age_years": 40, "sex": "other", "affected": "none", "cause": "none"},
    }
    return Case.model_validate(plain | sections)


@pytest.mark.parametrize("per_minute", [0.0, 15.0, 60.0])
def test_blinks_come_at_their_rate_and_never_too_near(per_minute: float) -> None:
    case = person(behaviour={"blinks_per_minute": per_minute})
    chunks = 5 * 60 * 20
    found = np.concatenate([blink_samples(case, 3, 1, k) for k in range(chunks)])
    expected = per_minute * 20
    assert abs(found.size - expected) <= 4 * np.sqrt(expected)
    if found.size:
        assert np.diff(found).min() >= BLINK_APART_S * BLINK_RATE_HZ


def test_blinks_are_found_in_their_chunk_in_any_order() -> None:
    case = person()
    chunks = range(400)
    forward = [blink_samples(case, 7, 2, k) for k in chunks]
    for k in reversed(chunks):
        again = blink_samples(case, 7, 2, k)
        np.testing.assert_array_equal(again, forward[k])
        assert ((again >= k * BLINK_CHUNK) & (again < (k + 1) * BLINK_CHUNK)).all()
    other = [blink_samples(case, 7, 3, k) for k in chunks]
    assert [s.tolist() for s in other] != [s.tolist() for s in forward]
