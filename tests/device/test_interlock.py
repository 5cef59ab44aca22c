"""The interlock: FIRING from ARMED only, LATCHED left by ACKNOWLEDGE only, whatever happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.device.interlock import INTERLOCK_TABLE, InterlockEvent, InterlockState, interlock
from npr_daq.errors import IllegalTransition


def test_firing_is_entered_from_armed_only() -> None:
    entries = [
        (state, event)
        for state, row in INTERLOCK_TABLE.items()
        for event, after in row.items()
        if after is InterlockState.FIRING
    ]
    assert entries == [(InterlockState.ARMED, InterlockEvent.FIRE)]


def test_latched_is_left_by_acknowledge_only() -> None:
    row = INTERLOCK_TABLE[InterlockState.LATCHED]
    assert [e for e, after in row.items() if after is not InterlockState.LATCHED] == [InterlockEvent.ACKNOWLEDGE]


def test_firing_without_a_report_latches() -> None:
    lock = interlock()
    for event in (InterlockEvent.ARM, InterlockEvent.FIRE, InterlockEvent.EXPIRE):
        lock.fire(event)
    assert lock.state is InterlockState.LATCHED


def test_fire_while_safe_is_refused_and_changes_nothing() -> None:
    lock = interlock()
    with pytest.raises(IllegalTransition, match="FIRE while SAFE"):
        lock.fire(InterlockEvent.FIRE)
    assert lock.state is InterlockState.SAFE


@given(st.lists(st.sampled_from(list(InterlockEvent)), max_size=60))
def test_random_events_never_leave_the_table(events: list[InterlockEvent]) -> None:
    lock = interlock()
    for event in events:
        before = lock.state
        try:
            lock.fire(event)
        except IllegalTransition:
            assert lock.state is before
        else:
            assert INTERLOCK_TABLE[before][event] is lock.state
            if lock.state is InterlockState.FIRING:
                assert before is InterlockState.ARMED
            if before is InterlockState.LATCHED and lock.state is not before:
                assert event is InterlockEvent.ACKNOWLEDGE
