"""What a person reads when a line does not open: the address, the cause, what to do."""

import fcntl
import os
import socket
import tty

import pytest

from npr_daq.errors import Closed, OpenError
from npr_daq.transport.serial import SerialTransport, open_error
from npr_daq.transport.tcp import TcpTransport, split_address
from npr_daq.transport.visa import VisaTransport


@pytest.fixture
def pty_name():
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def refusal(opening, address):
    with pytest.raises(OpenError) as caught:
        opening(address)
    return caught.value


@pytest.mark.parametrize(
    ("opening", "address"),
    [(SerialTransport.open, "/dev/no-such-port"), (VisaTransport.open, "ASRL/dev/no-such-port::INSTR")],
)
def test_absent_port(opening, address):
    error = refusal(opening, address)
    assert "/dev/no-such-port" in str(error)
    assert "there is no such port" in str(error)
    assert "plug the device in" in str(error)
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    ("opening", "address"),
    [(SerialTransport.open, "{}"), (VisaTransport.open, "ASRL{}::INSTR")],
    ids=["serial", "visa"],
)
def test_busy_port(pty_name, opening, address):
    first = opening(address.format(pty_name))
    try:
        error = refusal(opening, address.format(pty_name))
    finally:
        first.close()
    assert "busy: another program holds it" in str(error)
    opening(address.format(pty_name)).close()


def test_a_lock_of_another_kind_of_program_is_busy_too(pty_name):
    with open(pty_name, "rb", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "busy" in str(refusal(SerialTransport.open, pty_name))


def test_no_permission_names_the_group():
    error = open_error("serial:/dev/ttyACM0", "/dev/ttyACM0", PermissionError(13, "Permission denied"))
    assert "no permission; join the group that owns /dev/ttyACM0 (often dialout)" in str(error)


def test_a_file_is_no_serial_port(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert "is not a serial port" in str(refusal(SerialTransport.open, str(path)))


@pytest.mark.parametrize(("address", "says"), [("", "without a name"), ("/dev/ttyS0,fast", "'fast' is no baud rate")])
def test_bad_serial_address(address, says):
    assert says in str(refusal(SerialTransport.open, address))


@pytest.mark.parametrize("baud", ["115200", "222222", "12000000"])
def test_any_baud_rate_on_a_pty(pty_name, baud):
    transport = SerialTransport.open(f"{pty_name},{baud}")
    assert transport.description == f"serial:{pty_name}"
    transport.close()


def test_tcp_refused(free_port):
    error = refusal(TcpTransport.open, f"127.0.0.1:{free_port}")
    assert f"nothing listens on port {free_port}" in str(error)
    assert isinstance(error.__cause__, ConnectionRefusedError)


def test_visa_socket_refused(free_port):
    error = refusal(VisaTransport.open, f"TCPIP::127.0.0.1::{free_port}::SOCKET")
    assert "nothing listens on that port" in str(error)


@pytest.mark.parametrize("address", ["host", "host:", ":1", "host:port", "host:0", "host:65536", "host:-1", "host:٣"])
def test_bad_tcp_address(address):
    assert "HOST:PORT" in str(refusal(TcpTransport.open, address))


@pytest.mark.parametrize("host", ["a..b", ".", "a" * 64, "a" * 5000, "\ud800", "a\0b", "[::1"])
def test_a_name_that_no_host_has(host):
    error = refusal(TcpTransport.open, f"{host}:1")
    assert "no host is called" in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize("port", ["9" * 5000, "99999", "²", "000080"])
def test_a_number_that_no_port_has(port):
    for opening, address in ((TcpTransport.open, "127.0.0.1:{}"), (VisaTransport.open, "TCPIP::127.0.0.1::{}::SOCKET")):
        error = refusal(opening, address.format(port))
        assert "a port of 1 to 65535" in str(error)
        assert len(str(error)) < 300


@pytest.mark.parametrize("address", ["X," + "9" * 5000, "X,9999999999", "x" * 5000, "\ud800", "a\0b", "X,²"])
def test_a_port_that_no_machine_has(address):
    assert len(str(refusal(SerialTransport.open, address))) < 600


def test_ipv6_address():
    assert split_address("[::1]:4242") == ("::1", 4242)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("nonsense", "this is no VISA resource"),
        ("TCPIP::127.0.0.1::INSTR", "carries messages, not a byte stream"),
        ("GPIB::9::INSTR", "carries messages, not a byte stream"),
    ],
)
def test_visa_resources_that_are_no_streams(address, says):
    assert says in str(refusal(VisaTransport.open, address))


def test_a_closed_line_says_so(pty_name):
    transport = SerialTransport.open(pty_name)
    transport.close()
    with pytest.raises(Closed, match="was closed at this end"):
        transport.read(1, 0.0)
