"""A serial port, a USB-CDC port or a pty, through pyserial."""

import contextlib
import errno
import os
from collections.abc import Callable
from typing import Self

import serial

from npr_daq.errors import Closed, OpenError, TimedOut
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.transport.base import WRITE_TIMEOUT_S, Transport
from npr_daq.transport.lines import descriptor_line

BAUD_DIGITS = 9
DEFAULT_BAUD = 12_000_000
"""The reference front-end's UART rate (wire document, bandwidth table). USB-CDC ports and ptys ignore it."""


class SerialTransport:
    """A raw serial line, held exclusively; the address is `PORT` or `PORT,BAUD`.

    On POSIX the bytes move over the port's descriptor: pyserial's own `write` waits for room even after everything
    has been taken, and its `read` cannot gather more than it was asked for without waiting.
    """

    def __init__(self, line: Transport) -> None:
        self._line = line
        self.description = line.description

    @classmethod
    def open(cls, address: str) -> Self:
        """Open the port raw and exclusive; raises OpenError: absent, busy, no permission, no serial port, bad rate."""
        name, baud = split_address(address)
        try:
            port = serial.Serial(name, baudrate=baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
        except (OSError, ValueError, OverflowError) as error:
            # serial.SerialException is an OSError; a rate that the driver cannot do is a ValueError.
            raise open_error(f"serial:{shown_path(name)}", name, error) from error
        _shorten_latency(port)
        return cls(line_of(f"serial:{shown_path(name)}", port))

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """See `Transport.read`."""
        return self._line.read(max_bytes, timeout_s)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        self._line.write(data)

    def close(self) -> None:
        """See `Transport.close`."""
        self._line.close()


class _PortLine:
    """The same promises where a port has no descriptor to wait on (Windows)."""

    def __init__(self, description: str, port: serial.Serial, hang_up: Callable[[], None]) -> None:
        self.description = description
        self._port = port
        self._hang_up = hang_up
        self._closing = False

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self._refuse_after_close()
        try:
            self._port.timeout = timeout_s
            first = self._port.read(min(1, max_bytes))
            rest = self._port.read(min(self._port.in_waiting, max_bytes - 1)) if first else b""
        except (OSError, TypeError) as error:
            # pyserial raises TypeError when another thread closes the port during a read.
            raise Closed(f"{self.description}: the port has gone ({error}); check the cable and reconnect") from error
        return bytes(first + rest)

    def write(self, data: bytes) -> None:
        self._refuse_after_close()
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise TimedOut(f"{self.description} did not take {len(data)} bytes in {WRITE_TIMEOUT_S:g} s") from error
        except (OSError, TypeError) as error:
            raise Closed(f"{self.description}: the port has gone ({error}); check the cable and reconnect") from error

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._hang_up()

    def _refuse_after_close(self) -> None:
        if self._closing:
            raise Closed(f"{self.description} was closed at this end; open it again")


def line_of(description: str, port: serial.Serial, *, hang_up: Callable[[], None] | None = None) -> Transport:
    """The line of an open pyserial port, which this line then owns; `hang_up` closes it (`port.close` by default)."""
    hang_up = port.close if hang_up is None else hang_up
    if os.name != "posix":
        return _PortLine(description, port, hang_up)
    return descriptor_line(description, port.fileno(), hang_up)


def _shorten_latency(port: serial.Serial) -> None:
    """FTDI bridges hold bytes back for 16 ms unless asked not to; other ports have no such knob and say so."""
    knob = getattr(port, "set_low_latency_mode", None)
    if knob is not None:
        with contextlib.suppress(OSError, ValueError, NotImplementedError):
            knob(low_latency_settings=True)


def split_address(address: str) -> tuple[str, int]:
    """Port name and baud rate of `PORT` or `PORT,BAUD`; raises OpenError for anything else."""
    name, comma, rate = address.partition(",")
    if not name:
        raise OpenError("cannot open a serial port without a name; write serial:/dev/ttyACM0 or serial:COM3")
    if not comma:
        return name, DEFAULT_BAUD
    if not (rate.isascii() and rate.isdigit() and len(rate) <= BAUD_DIGITS and int(rate) > 0):
        raise OpenError(
            f"cannot open serial:{shown_path(name)}: {quoted(rate)} is no baud rate; write PORT,RATE as "
            f"/dev/ttyACM0,{DEFAULT_BAUD}"
        )
    return name, int(rate)


def open_error(description: str, name: str, cause: Exception) -> OpenError:
    """The sentence for a port that did not open: what, why, and what to do."""
    said = shortened(str(cause), 200)
    match getattr(cause, "errno", None):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            why = "there is no such port; plug the device in, switch it on, or correct the name"
        case errno.EACCES | errno.EPERM:
            why = f"no permission; join the group that owns {shown_path(name)} (often dialout), log in again, and retry"
        case errno.EBUSY | errno.EAGAIN:
            why = "it is busy: another program holds it; end that program and retry"
        case errno.EISDIR | errno.ENOTTY:
            why = "it is not a serial port; correct the name"
        case _ if isinstance(cause, ValueError | OverflowError):
            why = f"the port refuses these settings ({said}); name a rate it can do, as PORT,3000000"
        case _ if "configure port" in str(cause):
            # pyserial drops the number of a termios error.
            why = f"it is not a serial port ({said}); correct the name"
        case _:
            why = f"{said}; check the port and retry"
    return OpenError(f"cannot open {description}: {why}")
