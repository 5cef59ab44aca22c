"""Every installed transport, and the memory line, under the public contract."""

from contextlib import AbstractContextManager

import pytest

from npr_daq.device.registry import installed, load
from npr_daq.testing.far_ends import Pair, PairMaker, in_memory, loopback_pair, pty_pair
from npr_daq.testing.transports import TransportContract


def _serial() -> AbstractContextManager[Pair]:
    return pty_pair(load("transports", "serial").open)


def _tcp() -> AbstractContextManager[Pair]:
    return loopback_pair(lambda port: load("transports", "tcp").open(f"127.0.0.1:{port}"))


def _visa_socket() -> AbstractContextManager[Pair]:
    return loopback_pair(lambda port: load("transports", "visa").open(f"TCPIP::127.0.0.1::{port}::SOCKET"))


def _visa_port() -> AbstractContextManager[Pair]:
    return pty_pair(lambda name: load("transports", "visa").open(f"ASRL{name}::INSTR"))


MAKERS: dict[str, tuple[PairMaker, ...]] = {
    "serial": (_serial,),
    "tcp": (_tcp,),
    "visa": (_visa_socket, _visa_port),
}
CASES = [maker for name in installed("transports") for maker in MAKERS.get(name, ())]


def test_every_installed_transport_has_a_far_end_here():
    assert set(installed("transports")) <= set(MAKERS), "add a far end for the new transport: no transport is left out"


@pytest.mark.parametrize("make_pair", [*CASES, in_memory], ids=lambda maker: maker.__name__.strip("_"))
class TestTransports(TransportContract):
    pass
