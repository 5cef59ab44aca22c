"""The memory line: its faults do exactly what the script says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import Closed, TimedOut
from npr_daq.testing.transports import beside, read_exactly
from npr_daq.transport.memory import CloseAt, Drop, Flip, Split, memory_pair


def drain(end):
    got = bytearray()
    while piece := end.read(65536, 0.0):
        got += piece
    return bytes(got)


def test_drop_loses_exactly_those_bytes():
    near, far = memory_pair(near_to_far=[Drop(at=3, count=4)])
    near.write(b"01234")
    near.write(b"56789")
    assert drain(far) == b"012789"


def test_flip_turns_the_bits_of_one_byte():
    near, far = memory_pair(far_to_near=[Flip(at=6, mask=0x81)])
    far.write(b"\x00" * 5)
    far.write(b"\x00" * 5)
    assert drain(near) == b"\x00" * 6 + b"\x81" + b"\x00" * 3


def test_split_ends_a_read_before_that_byte():
    near, far = memory_pair(near_to_far=[Split(2), Split(5)])
    near.write(b"0123456789")
    assert [far.read(100, 0.0) for _ in range(3)] == [b"01", b"234", b"56789"]


def test_without_splits_pieces_arrive_joined():
    near, far = memory_pair()
    near.write(b"ab")
    near.write(b"cd")
    assert far.read(100, 0.0) == b"abcd"


def test_close_at_delivers_what_came_before_and_breaks_both_ways():
    near, far = memory_pair(near_to_far=[CloseAt(4)])
    near.write(b"012345678")
    assert far.read(100, 1.0) == b"0123"
    for end in (near, far):
        with pytest.raises(Closed, match="the far end has gone"):
            end.read(1, 1.0)
        with pytest.raises(Closed):
            end.write(b"x")


def test_the_queue_is_bounded():
    near, far = memory_pair(capacity=10)
    near.write(b"0123456789")
    with beside(lambda: near.write(b"abcdefghijklmnop")):
        assert read_exactly(far, 26) == b"0123456789abcdefghijklmnop"


def test_a_full_queue_times_out(monkeypatch):
    monkeypatch.setattr("npr_daq.transport.memory.WRITE_TIMEOUT_S", 0.01)
    near, _ = memory_pair(capacity=4)
    with pytest.raises(TimedOut, match="2 bytes are unsent"):
        near.write(b"012345")


@given(
    data=st.binary(max_size=300),
    cuts=st.lists(st.integers(1, 299), max_size=5),
    flips=st.lists(st.tuples(st.integers(0, 299), st.integers(1, 255)), max_size=3, unique_by=lambda f: f[0]),
    step=st.integers(1, 50),
)
def test_any_chunking_gives_the_same_bytes(data, cuts, flips, step):
    near, far = memory_pair(near_to_far=[*(Split(c) for c in cuts), *(Flip(a, m) for a, m in flips)])
    for start in range(0, len(data), step):
        near.write(data[start : start + step])
    expected = bytearray(data)
    for at, mask in flips:
        if at < len(data):
            expected[at] ^= mask
    assert drain(far) == bytes(expected)
