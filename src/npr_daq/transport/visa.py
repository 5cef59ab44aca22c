"""Byte streams named by VISA resource strings, through pyvisa with pyvisa-py."""

import os
import socket
from typing import Any, Self

from npr_daq.errors import OpenError
from npr_daq.quoting import shortened
from npr_daq.transport.base import Transport
from npr_daq.transport.lines import socket_line
from npr_daq.transport.serial import DEFAULT_BAUD, line_of, open_error
from npr_daq.transport.tcp import CONNECT_TIMEOUT_S, host_and_port


class VisaTransport:
    """A `TCPIP::HOST::PORT::SOCKET` or `ASRLPORT::INSTR` resource of pyvisa-py as a plain byte stream.

    pyvisa opens, configures and closes the resource; the bytes move over the socket or port inside its session.
    viRead cannot carry a stream (measured with pyvisa-py 0.8): on ASRL it reads byte by byte; on SOCKET it holds data
    back until the line is idle and spins when the far end has gone; viWrite on SOCKET waits without end for a far end
    that does not read; and what viRead had gathered when it times out is lost.
    """

    def __init__(self, line: Transport) -> None:
        self._line = line
        self.description = line.description

    @classmethod
    def open(cls, address: str) -> Self:
        """Open the resource; raises OpenError: bad resource string, absent, busy, refused, no byte stream."""
        import pyvisa
        from pyvisa import rname
        from pyvisa.constants import InterfaceType

        description = f"visa:{shortened(address)}"
        try:
            kind = rname.ResourceName.from_string(address)
        except rname.InvalidResourceName as error:
            raise OpenError(
                f"cannot open {description}: this is no VISA resource; write TCPIP::10.0.0.5::4242::SOCKET "
                "or ASRL/dev/ttyACM0::INSTR"
            ) from error
        streams = {(InterfaceType.tcpip, "SOCKET"), (InterfaceType.asrl, "INSTR")}
        if (kind.interface_type_const, kind.resource_class) not in streams:
            raise OpenError(
                f"cannot open {description}: a {kind.interface_type} {kind.resource_class} resource carries messages, "
                "not a byte stream; use its SOCKET or ASRL resource"
            )
        if kind.resource_class == "SOCKET":
            _check_port(description, kind)
        try:
            resource: Any = pyvisa.ResourceManager("@py").open_resource(address, open_timeout=_milliseconds())
            session: Any = resource.visalib.sessions[resource.session]
        except Exception as error:  # pyvisa-py raises bare Exception for a failed connection
            raise _open_error(description, address, error) from error
        try:
            if isinstance(session.interface, socket.socket):
                return cls(_socket_stream(description, resource, session.interface))
            return cls(_port_stream(description, resource, session.interface))
        except (OSError, ValueError) as error:
            resource.close()
            raise _open_error(description, address, error) from error

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See `Transport.read`."""
        return self._line.read(max_bytes, timeout_s)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        self._line.write(data)

    def close(self) -> None:
        """See `Transport.close`."""
        self._line.close()


def _check_port(description: str, kind: Any) -> None:
    # pyvisa-py would leave an open socket behind.
    try:
        host_and_port(f"{kind.host_address}:{kind.port}")
    except ValueError as error:
        raise OpenError(f"cannot open {description}: {error}; write TCPIP::10.0.0.5::4242::SOCKET") from error


def _socket_stream(description: str, resource: Any, link: socket.socket) -> Transport:
    # pyvisa-py takes a refused connection for a made one: the socket knows better.
    refused = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if refused:
        raise OSError(refused, os.strerror(refused))
    link.getpeername()
    return socket_line(description, link, resource.close)


def _port_stream(description: str, resource: Any, port: Any) -> Transport:
    # pyvisa-py opens ports at 9600 and not exclusively; a second opener would steal bytes.
    port.exclusive = True
    port.baudrate = DEFAULT_BAUD
    return line_of(description, port, hang_up=resource.close)


def _open_error(description: str, address: str, cause: Exception) -> OpenError:
    if address.upper().startswith("ASRL"):
        return open_error(description, address[len("ASRL") :].partition("::")[0], cause)
    if isinstance(cause, ConnectionRefusedError):
        why = "nothing listens on that port; switch the device on or correct the resource"
    else:
        why = f"{shortened(str(cause), 200)}; check cable, network and resource"
    return OpenError(f"cannot open {description}: {why}")


def _milliseconds() -> int:
    return round(CONNECT_TIMEOUT_S * 1000)
