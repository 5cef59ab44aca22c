"""The inbox: bounded, in order, and honest about what it dropped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.device.contracts import Block, DeviceEvent
from npr_daq.errors import Closed
from npr_daq.testing.transports import beside
from npr_drivers.frontend.inbox import Inbox


def block(first, n, *, stream_id=1, missing=0):
    return Block(stream_id, first, np.zeros((2, n), np.int32), 0, 0, (), missing)


BUTTON = DeviceEvent("button", "pressed")


def test_everything_in_order_of_arrival():
    inbox = Inbox()
    items = [block(0, 10), BUTTON, block(10, 10)]
    for item in items:
        inbox.put(item)
    assert inbox.take(0.0) == items
    assert inbox.take(0.0) == []


def test_a_waiting_take_is_woken():
    inbox = Inbox()
    with beside(lambda: inbox.put(BUTTON)):
        assert inbox.take(5.0) == [BUTTON]


def test_too_many_samples_drop_the_oldest_and_say_so():
    inbox = Inbox()
    inbox.hold_samples(30)
    inbox.put(BUTTON)
    for n in range(5):
        inbox.put(block(10 * n, 10, missing=3 if n == 1 else 0))
    button, overflow, *rest = sorted(inbox.take(0.0), key=lambda i: isinstance(i, Block))
    assert button == BUTTON
    assert overflow.kind == "overflow"
    assert "30 at most" in overflow.text
    assert [(b.first_sample, b.missing_before) for b in rest] == [(20, 23), (30, 0), (40, 0)]


def test_dropped_samples_of_an_old_stream_are_no_gap_of_the_new_one():
    inbox = Inbox()
    inbox.hold_samples(10)
    inbox.put(block(0, 10, stream_id=1))
    inbox.put(block(0, 10, stream_id=2))
    (kept,) = [i for i in inbox.take(0.0) if isinstance(i, Block)]
    assert (kept.stream_id, kept.missing_before) == (2, 0)


def test_one_block_is_always_kept():
    inbox = Inbox()
    inbox.hold_samples(5)
    inbox.put(block(0, 10))
    assert [i.first_sample for i in inbox.take(0.0) if isinstance(i, Block)] == [0]


def test_after_the_end_everything_is_taken_then_closed():
    inbox = Inbox()
    lost = DeviceEvent("lost", "gone")
    inbox.put(BUTTON)
    inbox.fail(Closed("gone"), lost)
    inbox.fail(Closed("again"), lost)
    inbox.put(BUTTON)
    assert inbox.take(0.0) == [BUTTON, lost]
    with pytest.raises(Closed, match="gone") as caught:
        inbox.take(5.0)
    assert isinstance(caught.value.__cause__, Closed)


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=40),
    limit=st.integers(1, 100),
    taken_after=st.sets(st.integers(0, 39)),
)
def test_samples_kept_and_missing_add_up(sizes, limit, taken_after):
    inbox = Inbox()
    inbox.hold_samples(limit)
    first, got = 0, []
    for n, size in enumerate(sizes):
        inbox.put(block(first, size))
        first += size
        if n in taken_after:
            got += inbox.take(0.0)
    got += inbox.take(0.0)
    at = 0
    for item in got:
        if isinstance(item, Block):
            assert item.first_sample == at + item.missing_before
            at = item.end_sample
    assert at == first
