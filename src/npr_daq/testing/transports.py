"""What every transport must do, one small test a clause; subclass and give `make_pair`."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from npr_daq.errors import Closed, TimedOut
from npr_daq.testing.far_ends import Pair, PairMaker
from npr_daq.transport.base import Transport

SMALL = bytes(range(256))
"""Every byte value: line disciplines eat 0x03, 0x0A, 0x0D, 0x11, 0x13, 0x1A and 0x7F, VISA stops at 0x0A."""

LARGE = (b"\x0a\x00\x0d\x11" + SMALL + b"\x0a" * 33) * 11_000
"""3.2 MB, more than any buffer on the way."""

PATIENT_S = 5.0


def read_exactly(transport: Transport, size: int, *, at_once: int = 65536) -> bytes:
    """Read until `size` bytes have come; TimedOut when the line falls silent before."""
    got = bytearray()
    while len(got) < size:
        piece = transport.read(min(at_once, size - len(got)), PATIENT_S)
        if not piece:
            raise TimedOut(
                f"{transport.description}: {len(got)} of {size} bytes came, then nothing for {PATIENT_S:g} s"
            )
        got += piece
    return bytes(got)


class TransportContract:
    """The contract of `npr_daq.transport.base.Transport`.

    A subclass overrides the fixture `make_pair` to return a `PairMaker`; every clause gets a fresh pair.
    """

    @pytest.fixture
    def make_pair(self) -> PairMaker:
        """The maker of connected pairs under test."""
        raise NotImplementedError

    @pytest.fixture
    def pair(self, make_pair: PairMaker) -> Iterator[Pair]:
        """A connected pair."""
        with make_pair() as made:
            yield made

    def test_satisfies_the_protocol(self, pair: Pair) -> None:
        """It has read, write, close and a description."""
        assert isinstance(pair.near, Transport)
        assert pair.near.description

    def test_reads_every_byte_value_unchanged(self, pair: Pair) -> None:
        """No byte is special."""
        pair.far.write(SMALL)
        assert read_exactly(pair.near, len(SMALL)) == SMALL

    def test_writes_every_byte_value_unchanged(self, pair: Pair) -> None:
        """No byte is special, in the other direction."""
        pair.near.write(SMALL)
        assert read_exactly(pair.far, len(SMALL)) == SMALL

    def test_nothing_comes_back_as_an_echo(self, pair: Pair) -> None:
        """What is written is not read again."""
        pair.near.write(b"hello\r\n")
        assert read_exactly(pair.far, 7) == b"hello\r\n"
        assert pair.near.read(64, 0.02) == b""

    def test_read_returns_what_is_there_without_waiting_for_more(self, pair: Pair) -> None:
        """`max_bytes` is a ceiling, not a wish: latency stays bounded."""
        pair.far.write(b"abc")
        begun = time.monotonic()
        got = read_exactly(pair.near, 3)
        assert got == b"abc"
        assert time.monotonic() - begun < PATIENT_S / 2

    def test_read_returns_no_more_than_asked_and_keeps_the_rest(self, pair: Pair) -> None:
        """The rest waits for the next read."""
        pair.far.write(b"abcdef")
        first = pair.near.read(2, PATIENT_S)
        assert 1 <= len(first) <= 2
        assert first + read_exactly(pair.near, 6 - len(first)) == b"abcdef"

    def test_time_out_returns_nothing_and_keeps_the_line(self, pair: Pair) -> None:
        """A time-out is no error and loses nothing."""
        assert pair.near.read(64, 0.01) == b""
        assert pair.near.read(64, 0.0) == b""
        pair.far.write(b"late")
        assert read_exactly(pair.near, 4) == b"late"

    def test_time_outs_in_the_middle_of_a_transfer_lose_no_byte(self, pair: Pair) -> None:
        """Many tiny time-outs against a dribbling far end."""
        sent = SMALL * 8

        def dribble() -> None:
            for start in range(0, len(sent), 61):
                pair.far.write(sent[start : start + 61])

        got = bytearray()
        with beside(dribble):
            deadline = time.monotonic() + PATIENT_S
            while len(got) < len(sent) and time.monotonic() < deadline:
                got += pair.near.read(4096, 0.0005)
        assert bytes(got) == sent

    def test_reads_megabytes_in_order(self, pair: Pair) -> None:
        """More than every buffer on the way."""
        with beside(lambda: _write_in_pieces(pair.far, LARGE)):
            assert read_exactly(pair.near, len(LARGE)) == LARGE

    def test_writes_megabytes_in_order(self, pair: Pair) -> None:
        """One write of any size arrives whole while the far end reads."""
        with beside(lambda: pair.near.write(LARGE)):
            assert read_exactly(pair.far, len(LARGE)) == LARGE

    def test_both_directions_at_once(self, pair: Pair) -> None:
        """One thread reads while another writes."""
        some = LARGE[:400_000]
        with (
            beside(lambda: _write_in_pieces(pair.far, some)),
            beside(lambda: _write_in_pieces(pair.near, some)),
            beside(lambda: read_exactly(pair.far, len(some))),
        ):
            assert read_exactly(pair.near, len(some)) == some

    def test_empty_write_sends_nothing(self, pair: Pair) -> None:
        """It is allowed, and harmless."""
        pair.near.write(b"")
        assert pair.far.read(64, 0.01) == b""

    def test_write_to_a_far_end_that_does_not_read_times_out(self, pair: Pair) -> None:
        """Bounded time, never a hang."""
        begun = time.monotonic()
        with pytest.raises(TimedOut):
            _write_for_ever(pair.near)
        assert time.monotonic() - begun < 2 * PATIENT_S

    def test_close_twice_is_harmless(self, pair: Pair) -> None:
        """As often as one likes."""
        pair.near.close()
        pair.near.close()

    def test_read_after_close_raises_closed(self, pair: Pair) -> None:
        """Not a foreign error, not an empty answer."""
        pair.near.close()
        with pytest.raises(Closed):
            pair.near.read(64, 0.01)

    def test_write_after_close_raises_closed(self, pair: Pair) -> None:
        """Not a foreign error, not a silent loss."""
        pair.near.close()
        with pytest.raises(Closed):
            pair.near.write(b"x")

    def test_close_wakes_a_waiting_read(self, pair: Pair) -> None:
        """A reader thread ends when another thread closes."""
        failures: list[Exception] = []

        def wait_long() -> None:
            try:
                pair.near.read(64, 60.0)
            except Closed as error:
                failures.append(error)

        reader = threading.Thread(target=wait_long)
        reader.start()
        pair.near.close()
        reader.join(PATIENT_S)
        assert not reader.is_alive()
        assert len(failures) == 1

    def test_far_end_closing_raises_closed(self, pair: Pair) -> None:
        """A reader is told, soon, and every time it asks."""
        pair.far.close()
        for _ in range(2):
            with pytest.raises(Closed):
                _read_until_closed(pair.near)

    def test_write_after_the_far_end_closed_raises_closed(self, pair: Pair) -> None:
        """Perhaps not the first write, but soon."""
        pair.far.close()
        with pytest.raises(Closed):
            _talk_until_closed(pair.near)

    def test_closing_is_seen_at_the_far_end(self, pair: Pair) -> None:
        """The device can notice that its host has gone."""
        pair.near.close()
        with pytest.raises(Closed):
            _read_until_closed(pair.far)


def _read_until_closed(transport: Transport) -> None:
    deadline = time.monotonic() + PATIENT_S
    while time.monotonic() < deadline:
        transport.read(4096, 0.05)


def _talk_until_closed(transport: Transport) -> None:
    for _ in range(100):
        transport.write(b"anyone?")
        transport.read(64, 0.01)


def _write_for_ever(transport: Transport) -> None:
    for _ in range(16):
        transport.write(LARGE)


def _write_in_pieces(transport: Transport, data: bytes) -> None:
    for start in range(0, len(data), 997):
        transport.write(data[start : start + 997])


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Run `work` in a thread beside the block; a failure there fails the block."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed to the thread that asserts
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(2 * PATIENT_S)
    assert not thread.is_alive(), "the other side of the transfer is stuck"
    if failures:
        raise failures[0]
