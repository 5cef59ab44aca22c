"""The line that a client opens: a pseudo-terminal or a loopback TCP port, never blocking."""

import contextlib
import os
import select
import socket
import sys
from pathlib import Path
from typing import Protocol

from npr_daq.errors import OpenError, UsageError
from npr_daq.quoting import quoted, shown_path
from npr_daq.transport.tcp import host_and_port

if sys.platform != "win32":
    import pty
    import tty

READ_BYTES = 65536
WRITE_BYTES = 16384
DISCARD_READS = 64
DISCARD_WAIT_S = 0.001


class LineLost(Exception):
    """The client has gone; said once, by `read` or `write`."""


class Line(Protocol):
    """One line, at most one client at a time; no call blocks."""

    address: str
    """What a device URI says after the driver: `serial:/dev/pts/5`."""

    @property
    def connected(self) -> bool:
        """Whether bytes can be exchanged now."""
        ...

    def watched(self) -> int:
        """The file number to wait on now: the line itself, or the listener when no client is there."""
        ...

    def accept(self) -> bool:
        """Take a waiting client if there is none; True when one came."""
        ...

    def read(self) -> bytes:
        """What has come, b"" when nothing; raises LineLost once when the client has gone."""
        ...

    def write(self, data: bytes | memoryview) -> int:
        """Send what fits now and say how much; raises LineLost once when the client has gone."""
        ...

    def discard(self) -> None:
        """Throw away what was written and not yet read by the client, where the system allows it."""
        ...

    def disconnect(self) -> None:
        """Pull the plug on the client; a new one may come."""
        ...

    def close(self) -> None:
        """Give everything back; harmless twice."""
        ...


class PtyLine:
    """A pseudo-terminal, raw before anyone opens it.

    One slave descriptor stays open here, so that the name survives clients that come and go; who has gone is then
    known by silence alone, as on a real serial port.
    """

    def __init__(self, link: Path | None = None) -> None:
        if sys.platform == "win32":
            raise UsageError("there is no pseudo-terminal on Windows; use --listen tcp:127.0.0.1:0")
        self._link = link
        self._master = self._slave = -1
        self._open()

    def _open(self) -> None:
        try:
            self._master, self._slave = pty.openpty()
        except OSError as cause:
            raise OpenError(f"no pseudo-terminal is free: {cause.strerror}") from cause
        tty.setraw(self._slave)
        for descriptor in (self._master, self._slave):
            os.set_blocking(descriptor, False)
        self.path = os.ttyname(self._slave)
        self.address = f"serial:{self.path}"
        if self._link is not None:
            _replace_symlink(self._link, self.path)

    @property
    def connected(self) -> bool:
        """Always, until closed: nobody can tell who listens on a serial line."""
        return self._master >= 0

    def watched(self) -> int:
        """The master side."""
        return self._master

    def accept(self) -> bool:
        """Nobody has to be taken in."""
        return False

    def read(self) -> bytes:
        """What the client wrote."""
        try:
            return os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as cause:  # EIO: the last slave descriptor is closed
            raise LineLost(str(cause)) from cause

    def write(self, data: bytes | memoryview) -> int:
        """Send what the kernel's buffer of about 20 kB takes."""
        try:
            return os.write(self._master, data[:WRITE_BYTES])
        except BlockingIOError:
            return 0
        except OSError as cause:
            raise LineLost(str(cause)) from cause

    def discard(self) -> None:
        """Read the slave's input away: a flush would leave what the kernel has not yet handed over."""
        for _ in range(DISCARD_READS):
            if not select.select([self._slave], [], [], DISCARD_WAIT_S)[0]:
                return
            with contextlib.suppress(BlockingIOError):
                os.read(self._slave, READ_BYTES)

    def disconnect(self) -> None:
        """Hang up, and open a new pseudo-terminal under the same stable link."""
        self._close_both()
        self._open()

    def close(self) -> None:
        """Hang up and remove the stable link if it is still ours."""
        self._close_both()
        if self._link is not None and self._link.is_symlink() and os.readlink(self._link) == self.path:
            self._link.unlink()

    def _close_both(self) -> None:
        for descriptor in (self._master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._slave = -1


class TcpLine:
    """A TCP port on this machine, one client at a time; the next is taken when the first has gone."""

    def __init__(self, host: str, port: int) -> None:
        self._listener = socket.socket(_family(host), socket.SOCK_STREAM)
        self._client: socket.socket | None = None
        try:
            if sys.platform != "win32":
                self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((host, port))
            self._listener.listen(1)
        except OSError as cause:
            self._listener.close()
            raise OpenError(f"cannot listen on tcp:{host}:{port}: {cause.strerror or cause}") from cause
        self._listener.settimeout(0.0)
        shown = f"[{host}]" if ":" in host else host
        self.address = f"tcp:{shown}:{self._listener.getsockname()[1]}"

    @property
    def connected(self) -> bool:
        """Whether a client is there."""
        return self._client is not None

    def watched(self) -> int:
        """The client, or the listener while there is none."""
        return (self._client or self._listener).fileno()

    def accept(self) -> bool:
        """Take the next client if there is none."""
        if self._client is not None:
            return False
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return False
        client.settimeout(0.0)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        return True

    def read(self) -> bytes:
        """What the client sent."""
        if self._client is None:
            return b""
        try:
            data = self._client.recv(READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as cause:
            self.disconnect()
            raise LineLost(str(cause)) from cause
        if not data:
            self.disconnect()
            raise LineLost("the client closed the connection")
        return data

    def write(self, data: bytes | memoryview) -> int:
        """Send what the socket takes."""
        if self._client is None:
            return 0
        try:
            return self._client.send(data)
        except BlockingIOError:
            return 0
        except OSError as cause:
            self.disconnect()
            raise LineLost(str(cause)) from cause

    def discard(self) -> None:
        """A socket gives nothing back; a client that comes gets a connection of its own."""

    def disconnect(self) -> None:
        """Close the client's connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def close(self) -> None:
        """Close the client and the listener."""
        self.disconnect()
        self._listener.close()


def open_line(listen: str, link: Path | None) -> PtyLine | TcpLine:
    """The line that `pty` or `tcp:HOST:PORT` names; port 0 takes a free one. Only this machine is served.

    Raises UsageError for anything else, OpenError when the port is taken.
    """
    if listen == "pty":
        return PtyLine(link)
    kind, _, rest = listen.partition(":")
    if kind != "tcp":
        raise UsageError(f"--listen {quoted(listen)}: use pty or tcp:HOST:PORT")
    try:
        host, port = host_and_port(rest, lowest_port=0)
    except ValueError as cause:
        raise UsageError(f"--listen {quoted(listen)}: use pty or tcp:HOST:PORT; {cause}") from cause
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError(
            f"--listen {quoted(listen)}: a simulator listens on this machine only; use tcp:127.0.0.1:{port}"
        )
    if link is not None:
        raise UsageError("--link needs --listen pty: a TCP port has no file to link to")
    return TcpLine(host, port)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _replace_symlink(link: Path, target: str) -> None:
    if os.path.lexists(link):
        if not link.is_symlink():
            raise UsageError(
                f"--link {shown_path(link)}: a file of this name exists and is not a link; choose another name"
            )
        link.unlink()
    try:
        link.symlink_to(target)
    except OSError as cause:
        why = cause.strerror or cause
        raise OpenError(f"--link {shown_path(link)}: {why}; give a name in a folder that can be written") from cause
    except ValueError as cause:
        raise UsageError(f"--link {shown_path(link)}: no file can have this name") from cause
