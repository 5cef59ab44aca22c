"""Read and write an open descriptor or socket under the transport's promises."""

import os
import socket
import threading
import time
from collections.abc import Callable

from npr_daq.errors import Closed, TimedOut
from npr_daq.transport.base import WRITE_TIMEOUT_S
from npr_daq.transport.readiness import Readiness


class Line:
    """A non-blocking descriptor with `take` and `put` calls that behave like `recv` and `send`.

    Shared by serial, TCP and VISA: they differ in how the line is opened and in what its errors mean, not in how bytes
    move. `hang_up` gives the descriptor back and is called once, when no read or write is under way any more.
    """

    def __init__(
        self,
        description: str,
        *,
        descriptor: int,
        take: Callable[[int], bytes],
        put: Callable[[memoryview], int],
        hang_up: Callable[[], None],
        write_timeout_s: float = WRITE_TIMEOUT_S,
    ) -> None:
        self.description = description
        self._take = take
        self._put = put
        self._hang_up = hang_up
        self._write_timeout_s = write_timeout_s
        self._ready = Readiness(descriptor)
        self._closing = False
        self._gone: Closed | None = None
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._closed = threading.Lock()

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See `Transport.read`. A pty hands over at most 4 kB a call, so what is waiting is gathered."""
        with self._reading:
            self._refuse_after_close()
            if self._gone is not None:
                raise Closed(str(self._gone)) from self._gone.__cause__
            if max_bytes <= 0 or not self._ready.readable(timeout_s):
                self._refuse_after_close()
                return b""
            return self._gather(max_bytes)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        with self._writing:
            self._refuse_after_close()
            rest = memoryview(data)
            deadline = time.monotonic() + self._write_timeout_s
            while rest:
                try:
                    rest = rest[self._put(rest) :]
                except BlockingIOError:
                    self._wait_for_room(deadline, unsent=len(rest), total=len(data))
                except OSError as error:
                    raise self._far_end_gone(error) from error

    def close(self) -> None:
        """See `Transport.close`. Waits for a read or write under way, which ends at once."""
        self._closing = True
        self._ready_wake()
        with self._closed, self._reading, self._writing:
            if self._hang_up is not _nothing:
                hang_up, self._hang_up = self._hang_up, _nothing
                self._ready.close()
                hang_up()

    def _gather(self, max_bytes: int) -> bytes:
        pieces: list[bytes] = []
        wanted = max_bytes
        while wanted > 0:
            try:
                piece = self._take(wanted)
            except BlockingIOError:
                break
            except OSError as error:
                if pieces:
                    break  # what came before goes out first; the next read meets the error again
                # EIO from a pty or an unplugged port, ECONNRESET from a socket: the same news.
                self._gone = self._far_end_gone(error)
                raise self._gone from error
            if not piece:
                if pieces:
                    break
                self._gone = self._far_end_gone(None)
                raise self._gone
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def _wait_for_room(self, deadline: float, *, unsent: int, total: int) -> None:
        left_s = deadline - time.monotonic()
        if left_s > 0 and self._ready.writable(left_s):
            return
        self._refuse_after_close()
        raise TimedOut(
            f"{self.description} took {total - unsent} of {total} bytes in {self._write_timeout_s:g} s; "
            "the device does not read: check that it is on, and reconnect"
        )

    def _ready_wake(self) -> None:
        with self._closed:
            if self._hang_up is not _nothing:
                self._ready.wake()

    def _refuse_after_close(self) -> None:
        if self._closing:
            raise Closed(f"{self.description} was closed at this end; open it again")

    def _far_end_gone(self, cause: OSError | None) -> Closed:
        why = cause.strerror if cause is not None and cause.strerror else "end of data"
        return Closed(f"{self.description}: the far end has gone ({why}); check cable and power, then reconnect")


def _nothing() -> None:
    """Nothing is left to hang up."""


def descriptor_line(description: str, descriptor: int, hang_up: Callable[[], None]) -> Line:
    """A line over an open POSIX descriptor (serial port, pty), which becomes non-blocking."""
    os.set_blocking(descriptor, False)
    if os.isatty(descriptor):
        _tell_empty_from_ended(descriptor)
    return Line(
        description,
        descriptor=descriptor,
        take=lambda size: os.read(descriptor, size),
        put=lambda rest: os.write(descriptor, rest),
        hang_up=hang_up,
    )


def _tell_empty_from_ended(terminal: int) -> None:
    """With VMIN 0, which pyserial sets, a terminal without data answers like one that has hung up."""
    import termios

    attributes = termios.tcgetattr(terminal)
    attributes[6][termios.VMIN] = 1
    attributes[6][termios.VTIME] = 0
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


def socket_line(description: str, link: socket.socket, hang_up: Callable[[], None]) -> Line:
    """A line over a connected socket, which becomes non-blocking and sends small frames at once."""
    link.settimeout(0.0)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return Line(description, descriptor=link.fileno(), take=link.recv, put=link.send, hang_up=hang_up)
