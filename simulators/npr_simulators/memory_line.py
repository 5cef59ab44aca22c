"""A line inside this process: the far end of a memory pair, which a selector can wait for."""

import contextlib
import socket

from npr_daq.errors import Closed
from npr_daq.transport.base import Transport
from npr_daq.transport.memory import MemoryTransport, memory_pair
from npr_simulators.links import READ_BYTES, WRITE_BYTES, LineLost

WAKE_BYTES = 4096


class _Near:
    """The client's end: a memory transport that wakes the far end's selector when something is sent or closed."""

    def __init__(self, end: MemoryTransport, wake: socket.socket) -> None:
        self.description = end.description
        self._end = end
        self._wake = wake

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See `Transport.read`."""
        return self._end.read(max_bytes, timeout_s)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        try:
            self._end.write(data)
        finally:
            self._rouse()

    def close(self) -> None:
        """See `Transport.close`."""
        self._end.close()
        self._rouse()

    def _rouse(self) -> None:
        # full: it is awake already; closed: nobody is there to be woken
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")


class MemoryLine:
    """One client for good: `near` is its end. Once hung up, the line stays down."""

    def __init__(self) -> None:
        near, self._far = memory_pair()
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.settimeout(0.0)
        self.near: Transport = _Near(near, self._wake)
        self.address = near.description
        self._connected = True

    @property
    def connected(self) -> bool:
        """Until either end hangs up."""
        return self._connected

    def watched(self) -> int:
        """What becomes readable when the client has sent something."""
        return self._woken.fileno()

    def accept(self) -> bool:
        """Its one client is there from the start."""
        return False

    def read(self) -> bytes:
        """What the client sent."""
        with contextlib.suppress(BlockingIOError):
            # all wake-ups before the bytes: one that comes in between is for bytes that may still be left
            self._woken.recv(WAKE_BYTES)
        try:
            return self._far.read(READ_BYTES, 0.0)
        except Closed as cause:
            self.disconnect()
            raise LineLost(str(cause)) from cause

    def write(self, data: bytes | memoryview) -> int:
        """Send a piece of `data`; waits up to a second where a mebibyte is still unread."""
        piece = bytes(data[:WRITE_BYTES])
        try:
            self._far.write(piece)
        except Closed as cause:
            self.disconnect()
            raise LineLost(str(cause)) from cause
        return len(piece)

    def discard(self) -> None:
        """The client that greets is the one that was there before: nothing of another's can be under way."""

    def disconnect(self) -> None:
        """Hang up for good."""
        self._connected = False
        self._far.close()

    def close(self) -> None:
        """Hang up and give the descriptors back; harmless twice."""
        self.disconnect()
        self._woken.close()
        self._wake.close()
