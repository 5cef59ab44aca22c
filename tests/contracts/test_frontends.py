"""The reference driver against a simulator process under the public contract, over every kind of line."""

import os
from contextlib import contextmanager
from dataclasses import replace

import pytest

from npr_daq.device.contracts import DeviceEvent
from npr_daq.device.registry import load, open_device, parse_uri
from npr_daq.errors import Closed, Refused
from npr_daq.testing.bench import LIMITS, PULSE, Bench, blocks, reports
from npr_daq.testing.frontends import FrontEndContract

FRONTEND = load("simulators", "frontend")


@pytest.fixture(scope="module", params=["pty", "tcp:127.0.0.1:0"], ids=["pty", "tcp"])
def served(request):
    """One simulator process for all clauses; every clause connects anew, as hosts do."""
    if request.param == "pty" and not hasattr(os, "openpty"):
        pytest.skip("not run: there is no pty on this system")
    launched = FRONTEND.launch("healthy", seed=1, listen=request.param)
    try:
        yield launched
    finally:
        launched.stop()


@contextmanager
def connected(uri, control):
    client = FRONTEND.connect(control)
    client.call("place", side="left", site="trunk")
    bench = Bench(open_device(uri), FRONTEND.clock(client))
    try:
        # Device time stands still between streams, so the rest after the last clause's shock has to be let pass.
        stream = bench.start()
        bench.run(stream, 1100)
        bench.device.stop()
        yield bench
    finally:
        bench.device.close()
        client.close()


class TestFrontendOnSimulator(FrontEndContract):
    @pytest.fixture
    def open_bench(self, served):
        return lambda: connected(served.uri, served.control)


def test_the_same_device_through_visa(served):
    uri = parse_uri(served.uri)
    if uri.transport == "serial":
        resource = f"ASRL{uri.address}::INSTR"
    else:
        host, port = uri.address.rsplit(":", 1)
        resource = f"TCPIP::{host}::{port}::SOCKET"
    with connected(replace(uri, transport="visa", address=resource), served.control) as bench:
        limits = bench.device.set_limits(LIMITS)
        stream = bench.start()
        taken = bench.run(stream, 1000)
        taken += bench.shock(stream, bench.device.last_stim_seq() + 1, PULSE, limits)
        assert sum(b.missing_before for b in blocks(taken)) == 0
        assert reports(taken)[0].trusted(PULSE.current_ma)


def test_the_device_is_identified_by_asking(served):
    with connected(replace(parse_uri(served.uri), driver=None), served.control) as bench:
        assert bench.device.capabilities.driver == "frontend"
        assert bench.device.capabilities.simulated


def trips(items):
    return [i for i in items if isinstance(i, DeviceEvent) and i.kind == "watchdog"]


def test_without_progress_the_device_makes_itself_safe(served):
    with connected(served.uri, served.control) as bench:
        limits = bench.device.set_limits(LIMITS)
        stream = bench.start()
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        taken = []
        while not trips(taken):  # nobody calls progress(): 300 ms of wall time later
            got = bench.device.take(5.0)
            assert got, "the watchdog did not bite"
            taken += got
        assert trips(taken)[0].state == "SAFE"
        with pytest.raises(Refused, match="not armed"):
            bench.device.fire(bench.device.last_stim_seq() + 1, bench.ahead(stream))
        assert bench.device.make_safe()
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        bench.device.disarm()


def test_a_simulator_that_dies_is_a_lost_line():
    launched = FRONTEND.launch("healthy", seed=1)
    try:
        with connected(launched.uri, launched.control) as bench:
            stream = bench.start()
            bench.run(stream, 50)
            launched.process.kill()
            launched.process.wait(5.0)
            taken = []
            while not [i for i in taken if isinstance(i, DeviceEvent)]:
                taken += bench.device.take(5.0)
            assert taken[-1].kind == "lost"
            with pytest.raises(Closed):
                bench.device.take(0.0)
            assert bench.device.make_safe() is False
    finally:
        launched.stop()
