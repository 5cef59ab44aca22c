"""Wait until a descriptor can be read or written, and be woken from another thread."""

import selectors
import socket


class Readiness:
    """The two waits of one descriptor: one for the reading thread, one for the writing thread.

    After `wake()` every wait returns False at once, for good: it is how `close()` reaches a thread that waits.
    """

    def __init__(self, descriptor: int) -> None:
        self._woken = False
        # A socket pair rather than a pipe, because Windows can only select sockets.
        self._bell, self._button = socket.socketpair()
        self._readers = selectors.DefaultSelector()
        self._readers.register(descriptor, selectors.EVENT_READ, data=True)
        self._readers.register(self._bell, selectors.EVENT_READ, data=False)
        self._writers = selectors.DefaultSelector()
        self._writers.register(descriptor, selectors.EVENT_WRITE, data=True)
        self._writers.register(self._bell, selectors.EVENT_READ, data=False)

    def readable(self, timeout_s: float) -> bool:
        """Whether there is something to read (or the far end has gone) within `timeout_s`."""
        return self._wait(self._readers, timeout_s)

    def writable(self, timeout_s: float) -> bool:
        """Whether there is room to write (or the far end has gone) within `timeout_s`."""
        return self._wait(self._writers, timeout_s)

    def wake(self) -> None:
        """End every wait, now and later; harmless twice."""
        if not self._woken:
            self._woken = True
            self._button.send(b"!")

    def close(self) -> None:
        """Free the descriptors; no wait may be under way."""
        self._readers.close()
        self._writers.close()
        self._bell.close()
        self._button.close()

    def _wait(self, selector: selectors.BaseSelector, timeout_s: float) -> bool:
        if self._woken:
            return False
        return any(key.data for key, _ in selector.select(max(0.0, timeout_s))) and not self._woken
