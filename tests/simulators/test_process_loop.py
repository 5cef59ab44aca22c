"""Simulator processes as a user starts them: `python -m npr_simulators`, over a pty and over TCP."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from npr_daq.wire.link import Link
from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    Data,
    Event,
    Fire,
    FireAccepted,
    Heartbeat,
    Hello,
    Ident,
    Message,
    Phase,
    Status,
    StimProgram,
    StimProgrammed,
    StimReport,
    StreamStart,
    StreamStarted,
    limits_crc,
)
from npr_daq.wire.tables import DeviceState, EventCode, SampleFormat
from npr_simulators.control import ControlClient, LockStepClock
from npr_simulators.launch import Launched, launch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and signals are those of Unix")
R = TypeVar("R", bound=Message)
PATIENCE_S = 20.0


class Host:
    """A host with no driver: it reads with `select` and beats only when told."""

    def __init__(self, uri: str) -> None:
        address, _, query = uri.partition("@")[2].partition("?")
        kind, _, rest = address.partition(":")
        self._socket: socket.socket | None = None
        if kind == "tcp":
            host, _, port = rest.rpartition(":")
            self._socket = socket.create_connection((host, int(port)))
            self.fd = self._socket.fileno()
        else:
            self.fd = os.open(rest, os.O_RDWR | os.O_NOCTTY)
        self.control = ControlClient(query.split("control=")[1].split("&")[0])
        self.clock = LockStepClock(self.control)
        self.link = Link()
        self.heard: list[Message] = []
        self.raw = b""

    def close(self) -> None:
        self.control.close()
        if self._socket is not None:
            self._socket.close()
        elif self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def listen(self, seconds: float = PATIENCE_S) -> list[Message]:
        """The messages that the next bytes complete: none where they are but a part of a frame."""
        assert select.select([self.fd], [], [], seconds)[0], f"silence; last heard {self.heard[-3:]}"
        data = os.read(self.fd, 1 << 16)
        assert data, "the simulator hung up"
        self.raw += data
        new = [r.message for r in self.link.receive(data) if r.message is not None]
        self.heard += new
        return new

    def wait(self, kind: type[R], seconds: float = PATIENCE_S) -> R:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for message in self.listen(seconds):
                if isinstance(message, kind):
                    return message
        raise AssertionError(f"no {kind.__name__}; last heard {self.heard[-3:]}")

    def say(self, message: Message) -> None:
        os.write(self.fd, self.link.send(message))

    def ask(self, message: Message, kind: type[R]) -> R:
        self.say(message)
        return self.wait(kind)

    def begin(self) -> StreamStarted:
        self.ask(Hello(1, 0, 4), Ident)
        return self.ask(StreamStart(20_000, 0xFFFF, SampleFormat.I24, 80), StreamStarted)

    def arm(self, current_ua: int = 20_000) -> int:
        self.ask(StimProgram(1, 0, (Phase(current_ua, 200),), 0, 1, 25_000), StimProgrammed)
        c = self.ask(ArmRequest(1), ArmChallenge)
        crc = limits_crc(c.max_current_ua, c.max_charge_nc, c.min_interval_us, c.max_pulses)
        return self.ask(ArmConfirm(c.challenge, crc), ArmToken).arm_token

    def run_to(self, stream_id: int, sample: int) -> None:
        self.clock.run_to(stream_id, sample)
        while self.end() < sample:
            self.listen()
            self.say(Heartbeat(1))

    def end(self) -> int:
        blocks = [m for m in self.heard if isinstance(m, Data)]
        return blocks[-1].first_sample + blocks[-1].counts.shape[1] if blocks else 0

    def counts(self) -> bytes:
        return b"".join(m.counts.T.tobytes() for m in self.heard if isinstance(m, Data))


@contextlib.contextmanager
def simulator(**options: Any) -> Iterator[Launched]:
    with launch(options.pop("patient", "healthy"), **options) as running:
        yield running


@pytest.fixture(scope="module")
def running() -> Iterator[Launched]:
    """One lock-step simulator for all who only need some session; HELLO begins a new one."""
    with launch("healthy") as process:
        yield process


@contextlib.contextmanager
def host(uri: str) -> Iterator[Host]:
    made = Host(uri)
    try:
        yield made
    finally:
        made.close()


def shock(at: Host) -> bytes:
    """One shock at the left trunk in lock-step; the counts of 6000 samples."""
    at.control.call("place", side="left", site="trunk")
    stream = at.begin()
    token = at.arm()
    at.ask(Fire(token, 1, 1, 2000), FireAccepted)
    at.run_to(stream.stream_id, 1003)
    at.run_to(stream.stream_id, 6000)
    report = next(m for m in at.heard if isinstance(m, StimReport))
    assert (report.stim_seq, report.onset_sample) == (1, 2000)
    return at.counts()


def test_pty_and_tcp_give_equal_bytes_and_truth_is_on_disk(tmp_path: Path) -> None:
    found = []
    for listen in ("pty", "tcp:127.0.0.1:0"):
        truth = tmp_path / f"{listen[:3]}.jsonl"
        with simulator(seed=3, listen=listen, truth=truth) as running, host(running.uri) as client:
            found.append(shock(client))
            lines = [json.loads(line) for line in truth.read_text().splitlines()]
            assert lines[0]["patient"] == "healthy"
            assert lines[0]["seed"] == 3
            assert [line["stim_seq"] for line in lines[1:]] == [1]
            assert lines[1]["channels"]["left.nasalis"]["app"]["pp_uv"] > 500
    assert len(found[0]) == 6000 * 16 * 4
    assert found[0] == found[1]


def test_the_first_line_says_everything_and_sigterm_leaves_nothing_behind(tmp_path: Path) -> None:
    link = tmp_path / "frontend"
    command = [sys.executable, "-m", "npr_simulators", "frontend", "--patient", "healthy", "--seed", "2"]
    process = subprocess.Popen(
        [*command, "--speed", "max", "--link", str(link)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert set(facts) >= {"uri", "uris", "control", "patient", "seed", "speed", "pid"}
        assert facts["uris"] == {"frontend": facts["uri"]}
        assert (facts["patient"], facts["seed"], facts["speed"], facts["pid"]) == ("healthy", 2, "max", process.pid)
        assert facts["uri"] == f"frontend@serial:{os.readlink(link)}?control={facts['control']}"
        control = Path(facts["control"].removeprefix("unix:"))
        assert control.stat().st_mode & 0o777 == 0o600
        assert control.parent.stat().st_mode & 0o777 == 0o700
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert not control.parent.exists()
        assert not link.is_symlink()
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_speed_1_names_itself_in_the_uri_and_runs_on_the_wall_clock() -> None:
    with simulator(speed="1") as running, host(running.uri) as client:
        assert running.uri.endswith("&speed=1")
        began = time.monotonic()
        client.begin()
        while client.end() < 4000:  # 0.2 s
            client.listen()
        assert 0.15 < time.monotonic() - began < 5
        assert client.link.gaps[1] == 0


def test_in_lock_step_not_one_sample_passes_the_grant(running: Launched) -> None:
    with host(running.uri) as client:
        stream = client.begin()
        assert client.ask(Heartbeat(1), Status).sample_index == 0
        client.run_to(stream.stream_id, 777)
        assert client.end() == 777
        assert client.ask(Heartbeat(1), Status).sample_index == 777
        assert client.end() == 777


def test_silence_while_armed_ends_safe_within_310_ms_and_it_says_why(running: Launched) -> None:
    with host(running.uri) as client:
        client.begin()
        token = client.arm()
        client.ask(Heartbeat(1, token), Status)
        last_beat = time.monotonic()
        while not (events := [m for m in client.heard if isinstance(m, Event) and m.code is EventCode.WATCHDOG]):
            client.listen()
        assert time.monotonic() - last_beat < 1.0
        assert events[0].state is DeviceState.SAFE
        assert 300 <= events[0].value < 330
        assert client.ask(Heartbeat(1), Status).state is DeviceState.SAFE


@pytest.mark.parametrize("speed", ["1", "max"])
def test_a_client_that_does_not_read_hangs_nobody(speed: str) -> None:
    with simulator(speed=speed) as running, host(running.uri) as client:
        stream = client.begin()
        if speed == "max":
            client.clock.run_to(stream.stream_id, 400_000)
        status: dict[str, Any] = {"sample": 0}
        end = time.monotonic() + PATIENCE_S
        while status["sample"] < 10_900 and time.monotonic() < end:
            client.say(Heartbeat(1))
            for _ in range(50):
                status = client.control.call("status")
        assert 10_000 < status["sample"] < 400_000
        assert status["state"] == "SAFE"
        if speed == "max":
            client.run_to(stream.stream_id, 60_000)
            assert client.link.gaps[1] == 0


def test_a_tcp_client_leaves_and_the_next_is_taken_with_everything_off() -> None:
    with simulator(listen="tcp:127.0.0.1:0") as running:
        with host(running.uri) as first:
            first.begin()
            first.arm()
        with host(running.uri) as second:
            ident = second.ask(Hello(1, 0, 5), Ident)
            assert second.heard == [ident]
            status = second.ask(Heartbeat(1), Status)
            assert status.state is DeviceState.SAFE
            assert second.control.call("status")["streaming"] is False


def test_a_pty_client_leaves_and_the_next_reads_nothing_stale(running: Launched) -> None:
    with host(running.uri) as first:
        stream = first.begin()
        first.clock.run_to(stream.stream_id, 100_000)
        while first.control.call("status")["sample"] < 5000:
            pass
    with host(running.uri) as second:
        second.say(Hello(1, 0, 6))
        while (ident := second.wait(Ident)).host_nonce != 6:
            pass
        second.heard.clear()  # what was read before the greeting was taken may be the old host's
        assert second.ask(Heartbeat(1), Status).state is DeviceState.SAFE
        assert not any(isinstance(m, Data) for m in second.heard)
        assert ident.last_stim_seq == 0


def test_a_launched_simulator_ends_when_its_parent_is_killed() -> None:
    code = (
        "import sys, time\n"
        "from npr_simulators.launch import launch\n"
        "l = launch('healthy'); print(l.pid, l.control, flush=True); sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        pid, control = parent.stdout.readline().split()
        with ControlClient(control) as client:
            assert client.call("hello")["pid"] == int(pid)
            parent.kill()
            parent.wait()
            client._socket.settimeout(PATIENCE_S)
            assert client._socket.recv(1) == b""
    finally:
        parent.kill()
        parent.communicate()


def test_a_bad_request_to_start_is_one_sentence_and_exit_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "npr_simulators", "frontend", "--patient", "helthy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean 'healthy'" in done.stderr
    assert "Traceback" not in done.stderr
