"""An amplifier and a stimulator as one process: two lines, the real driver on each, one patient, one clock."""

import json
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npr_daq as npr
from npr_daq.anatomy import Branch, Side
from npr_daq.device.contracts import Block, Sync
from npr_daq.errors import PlanError, Refused
from npr_daq.recording import Marker, MarkerKind, PulseReport
from npr_daq.session.bench import Bench
from npr_daq.stimulus import Stimulus, StimulusLimits
from npr_daq.wire.link import Link
from npr_daq.wire.messages import Heartbeat, Hello, StreamStart
from npr_daq.wire.tables import SampleFormat
from npr_simulators.control import ControlClient
from npr_simulators.launch import Launched, launch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and signals are those of Unix")
PATIENCE_S = 20.0
BOTH = ("amplifier", "stimulator")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    truth = tmp_path_factory.mktemp("pair") / "truth.jsonl"
    with launch("healthy", seed=4, kinds=BOTH, truth=truth) as process:
        yield process


@pytest.fixture
def benches(running: Launched) -> Iterator[tuple[Bench, Bench]]:
    uris = running.facts["uris"]
    with npr.connect(uris["amplifier"]) as amplifier, npr.connect(uris["stimulator"]) as stimulator:
        yield amplifier, stimulator


def test_the_first_line_names_every_line_and_one_control(running: Launched) -> None:
    uris = running.facts["uris"]
    assert list(uris) == list(BOTH)
    assert running.uri == uris["amplifier"]
    assert all(uri.endswith(f"?control={running.control}") for uri in uris.values())
    assert len({uri.partition("?")[0] for uri in uris.values()}) == 2


def test_each_says_what_it_is(benches: tuple[Bench, Bench]) -> None:
    amplifier, stimulator = (bench.device.capabilities for bench in benches)
    assert (amplifier.can_stimulate, amplifier.channel_count, amplifier.sync) == (False, 16, Sync.TRIGGER_CHANNEL)
    assert (stimulator.can_stimulate, stimulator.channel_count) == (True, 0)
    assert amplifier.boot_id != stimulator.boot_id
    with pytest.raises(PlanError, match="no stimulator"):
        benches[0].device.configure(Stimulus(Side.LEFT, Branch.TRUNK, 5.0))
    with pytest.raises(Refused, match="no channels"):
        benches[1].device.start(20_000, (0,))


def test_a_shock_of_one_is_a_marker_and_a_response_in_the_other(
    running: Launched, benches: tuple[Bench, Bench]
) -> None:
    ears, hand = (bench.device for bench in benches)
    assert benches[0].simulator is not None
    benches[0].simulator.client.call("place", side="left", site="trunk")
    held = hand.set_limits(StimulusLimits())
    counter, samples = hand.start(20_000, ()), ears.start(20_000, tuple(range(16)))
    benches[1].clock.run_to(counter.stream_id, 4_000)
    hand.configure(Stimulus(Side.LEFT, Branch.TRUNK, 20.0))
    hand.arm(held)
    seq = hand.last_stim_seq() + 1
    hand.fire(seq, 10_000)
    benches[1].clock.run_to(counter.stream_id, 14_000)
    markers: list[Marker] = []
    counts: list[Any] = []
    reports: list[PulseReport] = []
    own: list[Marker] = []
    end = time.monotonic() + PATIENCE_S
    while (not reports or sum(c.shape[1] for c in counts) < 13_900) and time.monotonic() < end:
        hand.progress()
        ears.progress()
        for item in ears.take(0.02):
            if isinstance(item, Block):
                markers += item.markers
                counts.append(item.counts)
        for item in hand.take(0.02):
            own += item.markers if isinstance(item, Block) else ()
            reports += [item] if isinstance(item, PulseReport) else []
    assert [(r.stim_seq, r.onset_sample) for r in reports] == [(seq, 10_000)]
    assert [(m.kind, m.stim_seq, m.sample) for m in own] == [(MarkerKind.STIMULUS, seq, 10_000)]
    ((kind, number, at),) = [(m.kind, m.stim_seq, m.sample) for m in markers]
    assert (kind, number) == (MarkerKind.TTL_RISING, 0)
    whole = np.concatenate(counts, axis=1)
    nasalis_uv = ears.calibration.to_microvolts(whole[2:3], (2,))[0]
    answer = nasalis_uv[at + 40 : at + 300]
    assert np.ptp(answer) > 800
    assert np.ptp(answer) > 20 * np.ptp(nasalis_uv[at - 1000 : at - 10]) or np.ptp(nasalis_uv[at - 1000 : at]) < 200
    line = [json.loads(text) for text in Path(running.facts["truth"]).read_text().splitlines()][-1]
    assert (line["stim_seq"], line["stream_id"], line["sample"]) == (seq, samples.stream_id, at)
    assert line["boot_id"] == hand.capabilities.boot_id
    assert line["amplifier_boot_id"] == ears.capabilities.boot_id
    ears.stop()
    hand.stop()


def test_the_link_names_and_ports_are_told_apart(tmp_path: Path) -> None:
    link = tmp_path / "line"
    with launch("healthy", kinds=BOTH, link=link) as process:
        for kind in BOTH:
            assert os.readlink(f"{link}-{kind}") in process.facts["uris"][kind]
        assert process.facts["links"] == {kind: f"{link}-{kind}" for kind in BOTH}
    assert not list(tmp_path.iterdir())


class Mute:
    """A client of one line that greets, starts a stream, and never reads."""

    def __init__(self, uri: str, mask: int) -> None:
        path = uri.partition("serial:")[2].partition("?")[0]
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.link = Link()
        self.say(Hello(1, 1, 1))
        self.say(StreamStart(20_000, mask, SampleFormat.I24, 80))

    def say(self, message: Any) -> None:
        data = self.link.send(message)
        if select.select([], [self.fd], [], 0.0)[1]:
            os.write(self.fd, data)

    def close(self) -> None:
        os.close(self.fd)


@pytest.mark.parametrize("speed", ["1", "max"])
def test_clients_that_do_not_read_hang_nobody_on_any_line(speed: str) -> None:
    """Both lines and two control clients stop reading; the control endpoint answers on, and time does as it may."""
    with launch("healthy", kinds=BOTH, speed=speed) as process, ControlClient(process.control) as control:
        uris = process.facts["uris"]
        deaf = [ControlClient(process.control) for _ in range(2)]
        for client in deaf:
            client._socket.settimeout(0.5)
            try:
                for _ in range(3000):
                    client._socket.sendall(b'{"op": "hello"}\n' * 20)
            except OSError:
                pass  # dropped, or full: both are allowed
        mutes = [Mute(uris["amplifier"], 0xFFFF), Mute(uris["stimulator"], 0)]
        while not all(control.call("status", instrument=name)["streaming"] for name in BOTH):
            pass
        if speed == "max":
            for name in BOTH:
                control.call("run_to", stream_id=1, sample=2_000_000, instrument=name)
        slowest, end = 0.0, time.monotonic() + 6.0
        ticks = []
        while time.monotonic() < end:
            for mute in mutes:
                mute.say(Heartbeat(1))
            began = time.monotonic()
            ticks.append(control.call("status")["ticks"])
            slowest = max(slowest, time.monotonic() - began)
            select.select([], [], [], 0.05)
        assert slowest < 1.0
        assert ticks[-1] > 500_000 if speed == "1" else ticks[-1] > 100_000
        for closed in (*mutes, *deaf):
            closed.close()
        assert control.call("status")["state"] == "SAFE"


def test_a_silent_stimulator_host_trips_its_watchdog_while_the_amplifier_streams_on() -> None:
    with launch("healthy", kinds=BOTH) as process:
        uris = process.facts["uris"]
        with npr.connect(uris["amplifier"]) as amplifier:
            ears = amplifier.device
            stream = ears.start(20_000, tuple(range(16)))
            mute = Mute(uris["stimulator"], 0)
            assert amplifier.simulator is not None
            control = amplifier.simulator.client
            while not control.call("status", instrument="stimulator")["streaming"]:
                pass
            while control.call("status", instrument="stimulator")["streaming"]:
                ears.progress()
                select.select([], [], [], 0.05)
            assert control.call("status")["streaming"]
            amplifier.clock.run_to(stream.stream_id, 2_000)
            came = 0
            while came < 1_900:
                came += sum(i.counts.shape[1] for i in ears.take(0.5) if isinstance(i, Block))
            mute.close()
