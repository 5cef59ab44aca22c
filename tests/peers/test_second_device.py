"""A second device in C, written from docs/wire/emgstim-1.md alone, before the project's driver and the document."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.device.contracts import Block, DeviceEvent, FrontEnd, Item, WallClock
from npr_daq.device.registry import open_device
from npr_daq.errors import NprError, Refused, SafetyTrip
from npr_daq.recording import MarkerKind, PulseReport, PulseResult
from npr_daq.stimulus import Stimulus, StimulusLimits
from npr_daq.testing.bench import Bench, BenchMaker
from npr_daq.testing.frontends import FrontEndContract

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = [pytest.mark.peer, pytest.mark.skipif(COMPILER is None, reason="not run: no C compiler")]

SOURCE = Path(__file__).parent / "emgstim_device.c"
ROOT = Path(__file__).parents[2]
STATES = ("BOOT", "SAFE", "CONFIGURED", "ARMED", "FIRING", "REFRACTORY", "FAULT")
LIMITS = StimulusLimits(max_rate_hz=5.0)
STIMULUS = Stimulus(Side.LEFT, next(iter(Branch)), 20.0)
PATIENCE_S = 5.0


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("peer") / "emgstim_device"
    subprocess.run(
        [COMPILER, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", made, SOURCE], check=True, timeout=60
    )
    return made


class Peer:
    """The running device: its port, and its two switches."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self.port: int = json.loads(process.stdout.readline())["port"]

    def press_stop(self) -> None:
        self._process.send_signal(signal.SIGUSR2)

    def act(self) -> None:
        self._process.send_signal(signal.SIGUSR1)


@contextmanager
def running(program: Path, *arguments: str) -> Iterator[Peer]:
    with subprocess.Popen([program, "0", *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Peer(process)
        finally:
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(timeout=PATIENCE_S) == 0


@pytest.fixture
def peer(program: Path) -> Iterator[Peer]:
    with running(program) as peer:
        yield peer


@pytest.fixture
def device(peer: Peer) -> Iterator[FrontEnd]:
    device = open_device(f"frontend@tcp:127.0.0.1:{peer.port}")
    yield device
    device.close()


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, "it did not come"


def collect(device: FrontEnd, done: Callable[[list[Item]], bool]) -> list[Item]:
    items: list[Item] = []

    def enough() -> bool:
        device.progress()
        items.extend(device.take(0.02))
        return done(items)

    until(enough)
    return items


def blocks(items: list[Item], stream_id: int) -> list[Block]:
    return [item for item in items if isinstance(item, Block) and item.stream_id == stream_id]


def refused(act: Callable[[], None]) -> bool:
    try:
        act()
    except Refused:
        return True
    return False


def armed(device: FrontEnd) -> int:
    """Configure, stream, arm; the number of the stream."""
    device.set_limits(LIMITS)
    device.configure(STIMULUS)
    stream = device.start(20_000, range(16))
    collect(device, lambda items: bool(items))
    device.arm(LIMITS)
    assert device.status().state == "ARMED"
    return stream.stream_id


# ---- The project's driver ----


def test_identify_status_and_calibration(device: FrontEnd) -> None:
    said = device.capabilities
    assert (said.serial, said.channel_count, said.rates_hz) == ("EP-0002", 16, (20_000, 2_000))
    assert said.simulated
    assert said.bench_only
    assert said.boot_id != 0
    assert device.calibration.valid
    assert [channel.lsb_nv for channel in device.calibration.channels] == [50.0] * 16
    status = device.status()
    assert (status.state, status.interlocks, status.hv_volt) == ("SAFE", 0, 0)
    assert status.last_stim_seq == device.last_stim_seq() == 0


def test_impedance(device: FrontEnd) -> None:
    read = device.impedance([0, 5, 15], 30)
    assert [(one.channel, one.g1_kohm, one.g2_kohm) for one in read] == [(0, 4.7, 5.2), (5, 5.2, 5.45), (15, 6.2, 5.95)]
    assert all(one.ok and one.frequency_hz == 30 for one in read)


@pytest.mark.parametrize("rate", [20_000, 2_000])
def test_samples_are_continuous(device: FrontEnd, rate: int) -> None:
    for channels in (range(16), (1, 4, 7)):
        stream = device.start(rate, channels)
        assert stream.rate_hz == rate
        items = collect(device, lambda items, n=stream.stream_id: len(blocks(items, n)) >= 5)
        device.stop()
        read = blocks(items, stream.stream_id)
        assert read[0].first_sample == 0
        assert all(after.first_sample == before.end_sample for before, after in pairwise(read))
        assert all(block.counts.shape[0] == len(channels) and block.missing_before == 0 for block in read)
        assert 0 < max(np.abs(block.counts).max() for block in read) <= 80


def test_limits_are_read_back(device: FrontEnd) -> None:
    assert device.set_limits(LIMITS) == LIMITS
    lower = StimulusLimits(max_current_ma=10.0, max_charge_uc=2.0, max_rate_hz=2.0)
    assert device.set_limits(lower) == lower
    assert device.set_limits(LIMITS) == LIMITS


def test_a_pulse_its_marker_its_report_and_its_response(device: FrontEnd) -> None:
    stream = armed(device)
    at = device.status().sample_index + 1_000
    device.fire(1, at)
    assert device.status().last_stim_seq == 1
    items = collect(device, lambda items: any(block.end_sample > at + 300 for block in blocks(items, stream)))
    read = blocks(items, stream)
    (marker,) = [marker for block in read for marker in block.markers]
    (report,) = [item for item in items if isinstance(item, PulseReport)]
    assert (marker.kind, marker.stim_seq, marker.pulse, marker.value) == (MarkerKind.STIMULUS, 1, 0, 20_000)
    assert (report.stim_seq, report.pulse, report.result) == (1, 0, PulseResult.OK)
    assert (marker.sample, marker.subsample) == (report.onset_sample, report.subsample)
    assert report.onset_sample == at
    assert report.measured_ma == pytest.approx(19.95)
    assert report.charge_uc == pytest.approx(report.measured_ma * report.width_us / 1e3, abs=1e-3)
    # The response is biphasic, 1 mV, 3 ms after the onset and later by the group delay, on the channels of one side.
    counts = np.concatenate([block.counts for block in read], axis=1)
    after = counts[:, at - read[0].first_sample :]
    begin = 60 + round(device.calibration.channels[0].group_delay_samples)
    peaks = after[:8, begin + 40], after[:8, begin + 120]
    assert np.allclose(peaks[0], 20_000, atol=100)
    assert np.allclose(peaks[1], -20_000, atol=100)
    assert np.abs(after[:8, :begin]).max() <= 80
    assert np.abs(after[8:]).max() <= 80


def test_reused_late_and_refractory_are_refused(device: FrontEnd) -> None:
    armed(device)
    device.fire(7, device.status().sample_index + 1_000)
    collect(device, lambda items: any(isinstance(item, PulseReport) for item in items))
    with pytest.raises(Refused, match="refractory"):
        device.arm(LIMITS)
    until(lambda: not refused(lambda: device.arm(LIMITS)))
    with pytest.raises(Refused):
        device.fire(7, device.status().sample_index + 1_000)
    with pytest.raises(Refused, match="late"):
        device.fire(8, device.status().sample_index + 100)
    assert device.status().state == "ARMED"
    assert device.status().last_stim_seq == 7
    device.disarm()
    assert device.status().state == "CONFIGURED"


def test_limits_that_were_not_shown_do_not_arm(device: FrontEnd) -> None:
    device.set_limits(LIMITS)
    device.configure(STIMULUS)
    with pytest.raises(SafetyTrip):
        device.arm(StimulusLimits(max_current_ma=30.0, max_rate_hz=5.0))
    assert device.status().state == "CONFIGURED"


def test_make_safe_twice_aborts_a_pulse_that_is_due(device: FrontEnd) -> None:
    armed(device)
    device.fire(1, device.status().sample_index + 10_000)
    assert device.make_safe()
    assert device.make_safe()
    assert device.status().state in ("SAFE", "CONFIGURED")
    assert device.status().hv_volt == 0
    items = collect(device, lambda items: any(isinstance(item, PulseReport) for item in items))
    (report,) = [item for item in items if isinstance(item, PulseReport)]
    assert (report.result, report.measured_ma) == (PulseResult.ABORTED, 0.0)


def test_without_progress_the_watchdog_trips(device: FrontEnd) -> None:
    armed(device)
    items: list[Item] = []
    until(lambda: items.extend(device.take(0.05)) or any(getattr(item, "kind", "") == "watchdog" for item in items))
    (event,) = [item for item in items if isinstance(item, DeviceEvent) and item.kind == "watchdog"]
    assert (event.state, event.interlocks) == ("SAFE", 1 << 6)
    assert device.status().state == "SAFE"
    with pytest.raises(Refused):
        device.fire(1, device.status().sample_index + 1_000)
    assert device.last_stim_seq() == 0


def test_the_stop_latches_until_the_act_on_the_device(peer: Peer, device: FrontEnd) -> None:
    armed(device)
    peer.press_stop()
    collect(device, lambda _: device.status().state == "FAULT")
    assert device.status().interlocks == 1
    with pytest.raises(Refused):
        device.acknowledge()
    with pytest.raises(NprError):
        device.arm(LIMITS)
    assert device.make_safe()
    assert device.status().state == "FAULT"
    peer.act()
    until(lambda: not refused(device.acknowledge))
    assert (device.status().state, device.status().interlocks) == ("SAFE", 0)


def test_a_new_host_finds_the_same_boot_and_the_number_spent(peer: Peer) -> None:
    first = open_device(f"frontend@tcp:127.0.0.1:{peer.port}")
    armed(first)
    first.fire(3, first.status().sample_index + 1_000)
    first.close()
    first.close()
    second = open_device(f"frontend@tcp:127.0.0.1:{peer.port}")
    assert second.capabilities.boot_id == first.capabilities.boot_id
    assert second.last_stim_seq() == 3
    assert second.status().state == "SAFE"
    second.close()


class TestContractOnSecondDevice(FrontEndContract):
    @pytest.fixture
    def open_bench(self, peer: Peer) -> BenchMaker:
        @contextmanager
        def connected() -> Iterator[Bench]:
            device = open_device(f"frontend@tcp:127.0.0.1:{peer.port}")
            try:
                yield Bench(device, WallClock())
            finally:
                device.close()

        return connected


# ---- The document, without the driver ----


def cobs(plain: bytes) -> bytes:
    code = bytearray()
    pieces = plain.split(b"\0")
    for place, piece in enumerate(pieces):
        while len(piece) >= 254:
            code += b"\xff" + piece[:254]
            piece = piece[254:]
            if not piece and place == len(pieces) - 1:
                return bytes(code)
        code += bytes([len(piece) + 1]) + piece
    return bytes(code)


def uncobs(code: bytes) -> bytes:
    plain = bytearray()
    while code:
        size, code = code[0], code[1:]
        plain += code[: size - 1]
        code = code[size - 1 :]
        if size < 255 and code:
            plain.append(0)
    return bytes(plain)


class Host:
    """A host of raw frames; what comes unasked is kept in `unasked` as (type, payload)."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._seq = 0
        self.unasked: list[tuple[int, bytes]] = []

    def close(self) -> None:
        self._socket.close()

    def send(self, wire: bytes) -> None:
        self._socket.sendall(wire)

    def read(self) -> tuple[int, int, bytes]:
        while b"\0" not in self._rest:
            more = self._socket.recv(65536)
            assert more, "the device closed the line"
            self._rest += more
        code, self._rest = self._rest.split(b"\0", 1)
        frame = uncobs(code)
        assert cobs(frame) == code
        assert zlib.crc32(frame[:-4]) == int.from_bytes(frame[-4:], "little")
        assert int.from_bytes(frame[6:8], "little") == len(frame) - 12
        kind, flags = frame[1], frame[2]
        if not flags & 1:
            self.unasked.append((kind, frame[8:-4]))
        return kind, flags, frame[8:-4]

    def answer(self) -> tuple[int, bytes]:
        while True:
            kind, flags, payload = self.read()
            if flags & 1:
                return kind, payload

    def ask(self, kind: int, payload: bytes = b"", *, ver: int = 0x10, flags: int = 0, chan: int = 0) -> bytes | int:
        """The reply after its `re`, or the code of the NAK."""
        self._seq = (self._seq + 1) & 0xFFFF
        frame = struct.pack("<BBBBHH", ver, kind, flags, chan, self._seq, len(payload)) + payload
        self.send(cobs(frame + zlib.crc32(frame).to_bytes(4, "little")) + b"\0")
        came, body = self.answer()
        if came == 0x7F:
            assert int.from_bytes(body[1:3], "little") == self._seq
            return body[0]
        assert int.from_bytes(body[:2], "little") == self._seq
        return body[2:]

    def done(self, kind: int, payload: bytes = b"") -> bytes:
        reply = self.ask(kind, payload)
        assert isinstance(reply, bytes), f"type {kind:#x} refused with code {reply}"
        return reply

    # What the tests ask for, by name.

    def hello(self) -> bytes:
        return self.done(0x01, struct.pack("<BBI", 1, 0, 0x12345678))

    def beat(self, token: int = 0) -> str:
        return STATES[self.done(0x20, struct.pack("<QI", 1, token))[24]]

    def start(self) -> None:
        self.done(0x10, struct.pack("<BIIBB", 1, 20_000, 0xFFFF, 1, 80))

    def challenge(self) -> bytes:
        reply: list[bytes | int] = []
        until(lambda: reply.append(self.ask(0x31, b"\1\7\0")) or reply[-1] != 12)
        assert isinstance(reply[-1], bytes)
        return reply[-1]

    def confirm(self) -> bytes:
        said = self.challenge()
        return b"\2" + said[1:5] + zlib.crc32(said[5:19]).to_bytes(4, "little")

    def fire(self, ahead: int, stim_seq: int, token: int) -> bytes | int:
        sample = int.from_bytes(self.done(0x20, bytes(12))[16:24], "little")
        return self.ask(0x32, struct.pack("<IIHQ", token, stim_seq, 7, sample + ahead))


PROGRAM = struct.pack("<HBBIHHIiIiI", 7, 0, 2, 0, 1, 20_000, 1, 20_000, 200, -20_000, 200)
MESSAGES = {
    "HELLO": (0x01, struct.pack("<BBI", 1, 0, 9)),
    "HEARTBEAT": (0x20, bytes(12)),
    "DESC_READ": (0x03, struct.pack("<IH", 0, 2048)),
    "CAL_READ": (0x05, struct.pack("<IH", 0, 2048)),
    "REG_READ": (0x04, struct.pack("<BH", 1, 0x0120)),
    "REG_WRITE": (0x04, struct.pack("<BHBI", 2, 0x0103, 3, 100_000)),
    "STREAM_START": (0x10, struct.pack("<BIIBB", 1, 2_000, 1, 1, 10)),
    "STREAM_STOP": (0x10, b"\0"),
    "IMPEDANCE": (0x12, struct.pack("<IH", 3, 30)),
    "STIM_PROGRAM": (0x30, PROGRAM),
    "ARM_REQUEST": (0x31, b"\1\7\0"),
    "ARM_CONFIRM": (0x31, b"\2" + bytes(8)),
    "DISARM": (0x31, b"\3"),
    "FIRE": (0x32, struct.pack("<IIHQ", 0, 0xFFFFFFFF, 7, 0)),
    "ESTOP": (0x3F, b""),
    "CLEAR": (0x3E, b""),
}


@pytest.fixture
def host(peer: Peer) -> Iterator[Host]:
    host = Host(peer.port)
    yield host
    host.close()


def state_table() -> dict[str, dict[str, str]]:
    text = (ROOT / "docs" / "wire" / "emgstim-1.md").read_text(encoding="utf-8")
    rows = text.split("<!-- state table: read by a test -->")[1].strip().split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert tuple(cells[0][1:]) == STATES
    return {row[0]: dict(zip(STATES, row[1:], strict=True)) for row in cells[2:]}


class Table:
    """Brings a device into every state, and tries one cell."""

    def __init__(self, peer: Peer, host: Host) -> None:
        self._peer, self._host = peer, host
        self._stim_seq = self._token = 0

    def _leave_fault(self) -> None:
        if self._host.beat() == "FAULT":
            self._peer.act()
            until(lambda: isinstance(self._host.ask(0x3E), bytes))

    def _fire(self, ahead: int) -> None:
        self._stim_seq += 1
        until(lambda: isinstance(self._host.fire(ahead, self._stim_seq, self._token), bytes))

    def reach(self, state: str, *, stream: bool) -> None:
        host = self._host
        host.hello()
        self._leave_fault()
        if stream or state in ("FIRING", "REFRACTORY"):
            host.start()
        if state in ("CONFIGURED", "ARMED", "FIRING", "REFRACTORY"):
            host.done(0x30, PROGRAM)
        if state in ("ARMED", "FIRING", "REFRACTORY"):
            self._token = int.from_bytes(host.done(0x31, host.confirm())[1:], "little")
        if state == "FIRING":
            self._fire(2_000)
        if state == "REFRACTORY":
            self._fire(500)
            host.unasked.clear()
            until(lambda: host.read()[0] == 0x33)
            host.done(0x10, b"\0")
        if state == "FAULT":
            host.done(0x3F)
        assert host.beat() == state

    def try_cell(self, message: str, state: str, cell: str) -> None:
        host = self._host
        self.reach(state, stream=message == "FIRE" and state == "ARMED")
        kind, payload = MESSAGES[message]
        if (message, state) == ("ARM_CONFIRM", "CONFIGURED"):
            payload = host.confirm()
        if (message, state) == ("ARM_REQUEST", "CONFIGURED"):
            host.challenge()
        if (message, state) == ("CLEAR", "FAULT"):
            assert host.ask(kind, payload) == 11
            self._leave_fault()
            answer: bytes | int = b""
        elif (message, state) == ("FIRE", "ARMED"):
            self._stim_seq += 1
            answer = host.fire(2_000, self._stim_seq, self._token)
        else:
            answer = host.ask(kind, payload)
        after = cell.split("-> ")[1] if "->" in cell else state
        said = {4: "NAK state", 12: "NAK refractory"}[answer] if isinstance(answer, int) else "ok"
        assert (said, host.beat()) == (cell.split(" ->")[0], after)


TABLE = state_table()


@pytest.mark.parametrize("message", MESSAGES)
def test_every_cell_of_the_state_table(peer: Peer, host: Host, message: str) -> None:
    table = Table(peer, host)
    for state in STATES[1:]:
        table.try_cell(message, state, TABLE[message][state])


def test_every_cell_of_boot(program: Path) -> None:
    assert set(TABLE) == set(MESSAGES)
    with running(program, "60000") as peer:
        host = Host(peer.port)
        assert host.ask(*MESSAGES["CAL_READ"]) == 4
        assert host.beat() == "BOOT"
        for message in [*(name for name in MESSAGES if name != "ESTOP"), "ESTOP"]:
            answer = host.ask(*MESSAGES[message])
            assert ("NAK state" if answer == 4 else "ok") == TABLE[message]["BOOT"].split(" ->")[0], message
            assert host.beat() == ("FAULT" if message == "ESTOP" else "BOOT")
        host.close()


def test_the_golden_frames_of_the_host_are_all_answered(host: Host) -> None:
    golden = json.loads((ROOT / "tests" / "golden" / "emgstim-1.json").read_text(encoding="utf-8"))
    asked = [one for one in golden["frames"] if one["flags"] == 0 and one["chan"] == 0]
    assert len({one["message"] for one in asked}) == len(MESSAGES)
    for one in asked:
        host.send(b"\0" + bytes.fromhex(one["wire"]))
        kind, body = host.answer()
        re = int.from_bytes(body[1:3] if kind == 0x7F else body[:2], "little")
        assert re == one["seq"], one["name"]
        assert kind != 0x7F or body[0] not in (1, 2, 3), one["name"]
    assert all(kind != 0x40 or payload[0] != 6 for kind, payload in host.unasked)


def test_bad_bytes_are_dropped_and_counted_and_bad_requests_named(host: Host) -> None:
    host.hello()
    good = bytes.fromhex("031020010202020c111581e97df41022110df0feca9950363100")
    for bad in (b"\x05\x11\0", good[:-3] + b"\x01\0", b"\x11" * 5_000 + b"\0", good[4:]):
        host.send(bad)
    until(lambda: host.beat() == "SAFE" and any(k == 0x40 and p[0] == 6 for k, p in host.unasked))
    beat = bytes(12)
    assert host.ask(0x20, beat, ver=0x20) == 2
    assert host.ask(0x20, beat, ver=0x13) != 2
    assert host.ask(0x01, struct.pack("<BBI", 0, 9, 0)) == 2
    assert host.ask(0x6E) == host.ask(0x31, b"\x09") == host.ask(0x20, beat, flags=4) == 1
    assert host.ask(0x21, bytes(41)) == host.ask(0x40, bytes(26)) == host.ask(0x31, flags=4) == 1
    assert host.ask(0x20, beat + b"\0") == host.ask(0x20, beat, chan=2) == host.ask(0x31) == 3
    assert host.ask(0x20, beat, flags=1) == host.ask(0x20, beat, flags=2) == host.ask(0x3F, flags=0x80) == 3
    assert host.ask(0x10, struct.pack("<BIIBB", 1, 2_000, 1, 9, 10)) == 3
    assert host.ask(0x10, struct.pack("<BIIBB", 1, 20_000, 0xFFFF, 1, 84)) == 5
    assert host.ask(0x04, struct.pack("<BHBI", 2, 0x0110, 3, 1)) == 15
    assert host.ask(0x04, struct.pack("<BHBI", 2, 0x0100, 3, 60_000)) == 5
    assert host.ask(0x04, struct.pack("<BHBI", 2, 0x0100, 1, 1)) == 3
    assert host.ask(0x04, struct.pack("<BHBH", 2, 0x0200, 2, 1)) == 17
    assert host.ask(0x04, struct.pack("<BH", 1, 0x0200)) == 14
    assert host.ask(0x05, struct.pack("<IH", 100_000, 2_049)) == 17
    assert host.ask(0x05, struct.pack("<IH", 100_000, 2_048)) == 14
    assert host.ask(0x30, PROGRAM[:3] + b"\0" + PROGRAM[4:]) == host.ask(0x30, PROGRAM[:-8]) == 3
    assert host.ask(0x30, PROGRAM[:12] + b"\3" + PROGRAM[13:]) == 17


def test_a_challenge_serves_once_and_the_limits_must_be_those_shown(host: Host) -> None:
    host.hello()
    host.done(0x30, PROGRAM)
    said = host.challenge()
    wrong = b"\2" + said[1:5] + bytes(4)
    assert host.ask(0x31, wrong) == 10
    assert int.from_bytes(host.done(0x20, bytes(12))[25:29], "little") == 1 << 12
    assert host.ask(0x31, wrong) == 9
    right = host.confirm()
    assert int.from_bytes(host.done(0x20, bytes(12))[25:29], "little") == 0
    host.done(0x04, MESSAGES["REG_WRITE"][1])
    assert host.ask(0x31, right) == 9
    for request, code in ((MESSAGES["REG_WRITE"][1][:4] + bytes(4), 5), (PROGRAM[:8] + bytes(2) + PROGRAM[10:], 17)):
        right = host.confirm()
        assert host.ask(0x04 if code == 5 else 0x30, request) == code
        assert host.ask(0x31, right) == 9, "a refused request voids the challenge too"
    right = host.confirm()
    assert host.ask(0x31, b"\1\xff\xff") == 16
    assert host.ask(0x31, right) == 9
    token = host.done(0x31, host.confirm())[1:]
    assert host.fire(1_000, 1, int.from_bytes(token, "little")) == 4  # no stream runs
    assert host.done(0x31, b"\3") == b"\3\2"


def test_a_spent_number_gives_the_same_report_again(peer: Peer, host: Host) -> None:
    Table(peer, host).reach("REFRACTORY", stream=True)
    (report,) = [payload for kind, payload in host.unasked if kind == 0x33]
    host.unasked.clear()
    host.hello()
    assert host.fire(10_000, 1, 0) == 7
    assert [payload for kind, payload in host.unasked if kind == 0x33] == [report]
    assert host.fire(10_000, 0, 0) == 17
    assert host.ask(0x31, b"\1\7\0") == 4


def test_after_link_loss_hello_comes_first_and_finds_the_device_safe(peer: Peer) -> None:
    first = Host(peer.port)
    Table(peer, first).reach("FIRING", stream=True)
    first.close()
    second = Host(peer.port)
    assert second.ask(*MESSAGES["CAL_READ"]) == second.fire(2_000, 1, 0) == 4
    second.hello()
    (edge,) = [payload for kind, payload in second.unasked if kind == 0x40]
    assert (edge[0], STATES[edge[17]], int.from_bytes(edge[22:26], "little")) == (2, "SAFE", 1 << 6)
    assert second.fire(2_000, 1, 0) == 7
    (report,) = [struct.unpack("<IQHHiiIiHHBHB", payload) for kind, payload in second.unasked if kind == 0x33]
    assert report[4:11] == (20_000, 0, 0, 0, 0, 65_535, 4)
    second.close()


def test_a_train_has_a_report_and_a_marker_for_every_pulse(host: Host) -> None:
    host.hello()
    host.start()
    host.done(0x30, struct.pack("<HBBIHHIiI", 7, 0, 1, 100_000, 3, 20_000, 0, 10_000, 200))
    token = int.from_bytes(host.done(0x31, host.confirm())[1:], "little")
    assert isinstance(host.fire(1_000, 1, token), bytes)
    until(lambda: host.beat(token) == "REFRACTORY")
    host.done(0x10, b"\0")
    reports = [struct.unpack("<IQHHiiIiHHBHB", payload) for kind, payload in host.unasked if kind == 0x33]
    marks = [
        (int.from_bytes(payload[:8], "little") + mark[0], *mark[1:])
        for kind, payload in host.unasked
        if kind == 0x11
        for mark in struct.iter_unpack("<HHBBHIi", payload[20 : 20 + 16 * payload[11]])
    ]
    assert [(report[0], report[10], report[11]) for report in reports] == [(1, 0, 0), (1, 0, 1), (1, 0, 2)]
    assert [report[1] - reports[0][1] for report in reports] == [0, 2_000, 4_000]
    assert marks == [(r[1], r[2], 1, r[11], 7, 1, 10_000) for r in reports]


def test_a_stream_without_beats_stops_after_two_seconds(host: Host) -> None:
    host.hello()
    host.start()
    until(lambda: host.read()[0] == 0x40)
    _, event = host.unasked[-1]
    code, _, samples, state, interlocks, value = struct.unpack("<BQQBIi", event[:26])
    assert (code, STATES[state], interlocks, value) == (8, "SAFE", 0, 1)
    assert samples == pytest.approx(40_000, abs=2_000)
    assert host.done(0x10, b"\0") == struct.pack("<BIQ", 0, 1, samples)
