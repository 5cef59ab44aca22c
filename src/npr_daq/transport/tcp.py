"""A TCP connection, for front-ends on Ethernet and simulators where there is no pty."""

import contextlib
import socket
from typing import Self

from npr_daq.errors import OpenError
from npr_daq.quoting import quoted, shortened
from npr_daq.transport.lines import Line, socket_line

CONNECT_TIMEOUT_S = 5.0


class TcpTransport:
    """A connected stream socket; the address is `HOST:PORT` or `[IPV6]:PORT`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.description = line.description

    @classmethod
    def open(cls, address: str) -> Self:
        """Connect; raises OpenError: bad address, unknown host, refused, no answer within 5 s."""
        host, port = split_address(address)
        description = f"tcp:{shortened(address)}"
        try:
            link = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
        except (socket.gaierror, ValueError) as error:
            # A ValueError (UnicodeError) is a name that cannot even be asked for: a label that is empty or too long.
            raise OpenError(f"cannot open {description}: no host is called {quoted(host)}; check the name") from error
        except ConnectionRefusedError as error:
            raise OpenError(
                f"cannot open {description}: nothing listens on port {port}; switch the device on or correct the port"
            ) from error
        except TimeoutError as error:
            raise OpenError(
                f"cannot open {description}: no answer within {CONNECT_TIMEOUT_S:g} s; check cable, network and address"
            ) from error
        except OSError as error:
            raise OpenError(f"cannot open {description}: {error.strerror or error}; check the network") from error
        return cls(from_socket(description, link))

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See `Transport.read`."""
        return self._line.read(max_bytes, timeout_s)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        self._line.write(data)

    def close(self) -> None:
        """See `Transport.close`."""
        self._line.close()


def from_socket(description: str, link: socket.socket) -> Line:
    """The line of a connected socket that this line then owns."""

    def hang_up() -> None:
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        link.close()

    return socket_line(description, link, hang_up)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `[IPV6]:PORT`; raises OpenError for anything else."""
    try:
        return host_and_port(address)
    except ValueError as error:
        raise OpenError(f"cannot open tcp:{shortened(address)}: {error}, as 10.0.0.5:4242") from error


def host_and_port(address: str, *, lowest_port: int = 1) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `[IPV6]:PORT`; raises ValueError that says what an address is."""
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    # The length first: a number of thousands of digits is none for int().
    if colon and host and port.isascii() and port.isdigit() and len(port) <= 5 and lowest_port <= int(port) < 65536:
        return host, int(port)
    raise ValueError(f"the address is HOST:PORT with a port of {lowest_port} to 65535")
