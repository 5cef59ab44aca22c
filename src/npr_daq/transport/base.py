"""What a byte transport promises; drivers know nothing else about a line."""

from typing import Protocol, Self, runtime_checkable

READ_BYTES = 65536
"""A good `max_bytes`: a pty or a USB bridge hands over what it has, never more than this."""

WRITE_TIMEOUT_S = 1.0
"""How long a write may wait for a far end that does not read."""


@runtime_checkable
class Transport(Protocol):
    """A two-way stream of bytes without message borders.

    One thread may read while another writes, and any thread may close; a read that waits then ends with `Closed`.
    Two reads, or two writes, at the same time are not promised to work.
    """

    description: str

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """At most `max_bytes` of what has arrived; waits up to `timeout_s` for the first byte only.

        `b""` means that nothing came in time; no byte is ever lost by a time-out. Raises Closed when the far end has
        gone and everything that it sent has been read, or when this end was closed.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`, in bounded time.

        Raises TimedOut when the far end does not take it, Closed when it has gone. In both cases none, some or all of
        `data` may have arrived.
        """
        ...

    def close(self) -> None:
        """Give the line back; harmless twice and from any thread."""
        ...


@runtime_checkable
class OpenableTransport(Transport, Protocol):
    """A transport that an address names; what the entry points of `npr_daq.transports` hold."""

    @classmethod
    def open(cls, address: str) -> Self:
        """Open the line; raises OpenError with the address, the cause and what to do."""
        ...
