"""Two ends of a line inside one process, with scripted faults; public, for tests of drivers and simulators."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from npr_daq.errors import Closed, TimedOut
from npr_daq.transport.base import WRITE_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Drop:
    """Lose `count` bytes from byte `at` on (0 is the first byte sent in this direction)."""

    at: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Flip:
    """Turn the bits of `mask` in byte `at`."""

    at: int
    mask: int = 0x01


@dataclass(frozen=True, slots=True)
class Split:
    """No read crosses byte `at`: it ends before it, and the next begins with it."""

    at: int


@dataclass(frozen=True, slots=True)
class CloseAt:
    """The line breaks when byte `at` would be sent: the bytes before it arrive, then both ends are closed."""

    at: int


Fault = Drop | Flip | Split | CloseAt


class _Pipe:
    """One direction: a bounded queue of pieces under a condition, with the faults of its script."""

    def __init__(self, faults: Sequence[Fault], capacity: int) -> None:
        self.changed = threading.Condition()
        self.pieces: list[bytes] = []
        self.waiting = 0
        self.sent = 0
        self.broken = False
        self.capacity = capacity
        self._faults = tuple(faults)

    def room(self) -> int:
        return self.capacity - self.waiting

    def put(self, data: bytes) -> None:
        """Queue `data` after the faults that fall into it; the condition is held."""
        first, end = self.sent, self.sent + len(data)
        for fault in self._faults:
            if isinstance(fault, CloseAt) and first <= fault.at < end:
                end = fault.at
                self.broken = True
        kept = bytearray(data[: end - first])
        lost: set[int] = set()
        cuts: set[int] = set()
        for fault in self._faults:
            match fault:
                case Flip(at, mask) if first <= at < end:
                    kept[at - first] ^= mask
                case Drop(at, count):
                    lost.update(range(max(at, first), min(at + count, end)))
                case Split(at) if first < at < end:
                    cuts.add(at)
                case _:
                    pass
        self.sent = end
        for begin, stop in zip((first, *sorted(cuts)), (*sorted(cuts), end), strict=True):
            piece = (
                bytes(kept[i - first] for i in range(begin, stop) if i not in lost)
                if lost
                else bytes(kept[begin - first : stop - first])
            )
            if piece:
                self.pieces.append(piece)
                self.waiting += len(piece)

    def get(self, max_bytes: int) -> bytes:
        """What is waiting; the condition is held. Without a script, pieces are joined as a real line does."""
        if any(isinstance(fault, Split) for fault in self._faults):
            taken = self.pieces.pop(0)
        else:
            taken = b"".join(self.pieces)
            self.pieces.clear()
        if len(taken) > max_bytes:
            self.pieces.insert(0, taken[max_bytes:])
            taken = taken[:max_bytes]
        self.waiting -= len(taken)
        return taken


class MemoryTransport:
    """One end of a `memory_pair`."""

    def __init__(self, description: str, incoming: _Pipe, outgoing: _Pipe) -> None:
        self.description = description
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See `Transport.read`."""
        pipe = self._incoming
        deadline = time.monotonic() + timeout_s
        with pipe.changed:
            while True:
                self._refuse_after_close()
                if max_bytes <= 0:
                    return b""
                if pipe.waiting:
                    taken = pipe.get(max_bytes)
                    pipe.changed.notify_all()
                    return taken
                if pipe.broken:
                    raise Closed(f"{self.description}: the far end has gone; reconnect")
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return b""
                pipe.changed.wait(left_s)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        pipe = self._outgoing
        deadline = time.monotonic() + WRITE_TIMEOUT_S
        with pipe.changed:
            while data:
                self._refuse_after_close()
                if pipe.broken:
                    raise Closed(f"{self.description}: the far end has gone; reconnect")
                room = pipe.room()
                if room > 0:
                    pipe.put(data[:room])
                    data = data[room:]
                    pipe.changed.notify_all()
                    continue
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise TimedOut(f"{self.description}: the far end does not read; {len(data)} bytes are unsent")
                pipe.changed.wait(left_s)
            self._refuse_after_close()
        if pipe.broken:
            _break(self._incoming)

    def close(self) -> None:
        """See `Transport.close`; the far end reads what was sent before, then finds the line closed."""
        self._closed = True
        _break(self._incoming)
        _break(self._outgoing)

    def _refuse_after_close(self) -> None:
        if self._closed:
            raise Closed(f"{self.description} was closed at this end; open it again")


def _break(pipe: _Pipe) -> None:
    with pipe.changed:
        pipe.broken = True
        pipe.changed.notify_all()


def memory_pair(
    *,
    near_to_far: Sequence[Fault] = (),
    far_to_near: Sequence[Fault] = (),
    capacity: int = 1 << 20,
) -> tuple[MemoryTransport, MemoryTransport]:
    """Near and far end of one line. `capacity` bytes wait in each direction before a write has to wait."""
    out, back = _Pipe(near_to_far, capacity), _Pipe(far_to_near, capacity)
    return MemoryTransport("memory:near", back, out), MemoryTransport("memory:far", out, back)
