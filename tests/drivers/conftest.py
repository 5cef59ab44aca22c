"""A scripted device at the far end of a memory line: it answers as the wire document says, unless told otherwise."""

import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager

import numpy as np
import pytest

from npr_daq.calibration import Calibration, ChannelCalibration, RangeCalibration
from npr_daq.errors import TransportError
from npr_daq.transport.memory import memory_pair
from npr_daq.wire.calibration_block import pack_calibration
from npr_daq.wire.link import Link
from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    CalData,
    CalRead,
    Clear,
    Cleared,
    Data,
    Disarm,
    Disarmed,
    EStop,
    Fire,
    FireAccepted,
    HardLimits,
    Heartbeat,
    Hello,
    Ident,
    ImpedanceReply,
    ImpedanceRequest,
    Nak,
    Reading,
    RegRead,
    RegValue,
    RegWrite,
    Status,
    StimProgram,
    StimProgrammed,
    StreamStart,
    StreamStarted,
    StreamStop,
    StreamStopped,
)
from npr_daq.wire.tables import DeviceState, Interlock, Register
from npr_drivers.frontend.driver import Frontend

TOKEN, CHALLENGE, BOOT_ID = 0xCAFEF00D, 0x0BADCAFE, 77
HARD = HardLimits(50_000, 25_000, 100_000, 100_000, 500, 4_000, 100)


def calibration_block(*, channels=16):
    """A good block."""
    amplifier = ChannelCalibration(4.768, 0.0, 0.0, 1.7, 1_000_000)
    output = RangeCalibration(1.0, 0.0, 50_000, 0)
    return pack_calibration(Calibration("FAKE-1", 1, 0, (amplifier,) * channels, (output,), b""))


class FakeDevice:
    """Answers in its own thread. `script[Kind]` replaces an answer: a message, a callable, or None for silence."""

    def __init__(self, far):
        self.far = far
        self.link = Link()
        self.script = {}
        self.heard = []
        self.beats = []
        self.said = threading.Condition()
        self.state = DeviceState.SAFE
        self.interlocks = Interlock(0)
        self.simulated = True
        self.last_stim_seq = 41
        self.block = calibration_block()
        self.registers = dict(zip((r for r in Register if r.writable), _values(HARD), strict=True))
        self.registers[Register.ELECTRODE_AREA_MM2] = 50
        self.stream_id = 0
        self.sending = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def say(self, *messages):
        """Send messages unasked."""
        with self.sending:
            self.far.write(b"".join(self.link.send(m) for m in messages))

    def data(self, first_sample, samples=80, *, channels=16, markers=(), value=0):
        """One DATA with constant counts."""
        return Data(first_sample, np.full((channels, samples), value, np.int32), markers=tuple(markers))

    def kinds(self):
        """Names of the requests so far, without heartbeats."""
        return [type(m).__name__ for m in self.heard]

    def forget(self):
        """Begin a new transcript."""
        self.heard.clear()
        self.beats.clear()

    def wait_for(self, enough, timeout_s=5.0):
        """Wait until `enough()` after something was heard."""
        with self.said:
            assert self.said.wait_for(enough, timeout_s), f"the host sent {self.kinds()}"

    def _run(self):
        try:
            while True:
                for received in self.link.receive(self.far.read(65536, 1.0)):
                    message = received.message
                    with self.said:
                        (self.beats if isinstance(message, Heartbeat) else self.heard).append(message)
                        self.said.notify_all()
                    answer = self._answer(message)
                    if answer is not None:
                        with self.sending:
                            self.far.write(self.link.send(answer, re=received.seq))
        except TransportError:
            pass

    def _answer(self, message):
        kind = type(message)
        if kind in self.script:
            answer = self.script[kind]
            return answer(message) if callable(answer) else answer
        return self.ANSWERS[kind](self, message)

    def status(self, message):
        """Its own account."""
        return Status(
            getattr(message, "host_ns", 0), 5, 0, self.state, self.interlocks, self.last_stim_seq, 3650, 0, 64
        )

    def _ident(self, message):
        self.state = DeviceState.SAFE if self.state is not DeviceState.FAULT else self.state
        return Ident(
            1, 3, message.host_nonce, BOOT_ID, 0, "FAKE-1", "fw 1", "fake front-end", 16, (2000, 20000), HARD,
            self.simulated, 1_000_000, self.last_stim_seq, unknown=((200, b"new"),),
        )  # fmt: skip

    def _write(self, message):
        self.registers[message.register] = message.value
        return RegValue(message.register, message.value)

    def _cal(self, message):
        part = self.block[message.offset : message.offset + min(message.length, 100)]
        return CalData(message.offset, len(self.block), part)

    def _started(self, message):
        self.stream_id += 1
        return StreamStarted(message.rate_hz, 1, self.stream_id, 0)

    def _to(self, state, answer):
        self.state = state
        return answer

    def _challenge(self, message):
        r = self.registers
        return ArmChallenge(
            CHALLENGE,
            r[Register.MAX_CURRENT_UA],
            r[Register.MAX_CHARGE_NC],
            r[Register.MIN_INTERVAL_US],
            r[Register.MAX_PULSES],
        )

    def _fired(self, message):
        self.last_stim_seq = message.stim_seq
        return self._to(DeviceState.FIRING, FireAccepted(message.stim_seq, message.at_sample))

    def _disarmed(self, message):
        if self.state in (DeviceState.ARMED, DeviceState.FIRING, DeviceState.REFRACTORY):
            self.state = DeviceState.CONFIGURED
        return Disarmed(self.state)

    def _stopped(self, message):
        self.state = DeviceState.FAULT
        return self.status(message)

    def _impedance(self, message):
        rows = [c for c in range(32) if message.channel_mask >> c & 1]
        return ImpedanceReply(
            message.channel_mask, message.freq_hz, tuple(Reading(1000 * (c + 1), 2000 * (c + 1), 0) for c in rows)
        )

    ANSWERS: Mapping[type, Callable] = {
        Hello: _ident,
        Heartbeat: status,
        RegRead: lambda self, m: RegValue(m.register, self.registers[m.register]),
        RegWrite: _write,
        CalRead: _cal,
        StreamStart: _started,
        StreamStop: lambda self, m: StreamStopped(self.stream_id, 0),
        ImpedanceRequest: _impedance,
        StimProgram: lambda self, m: self._to(DeviceState.CONFIGURED, StimProgrammed(m.program_id)),
        ArmRequest: _challenge,
        ArmConfirm: lambda self, m: self._to(DeviceState.ARMED, ArmToken(TOKEN)),
        Disarm: _disarmed,
        Fire: _fired,
        EStop: _stopped,
        Clear: lambda self, m: self._to(DeviceState.SAFE, Cleared(DeviceState.SAFE)),
    }


def _values(hard):
    return (
        hard.max_current_ua,
        hard.max_charge_nc,
        hard.max_energy_uj,
        hard.min_interval_us,
        hard.max_width_us,
        hard.max_rms_density_ua_cm2,
        hard.max_pulses,
    )


class Hand:
    """A clock that stands still until it is moved, and knows how often it was looked at."""

    def __init__(self):
        self._now_s = 100.0
        self._looks = 0
        self._looked = threading.Condition()

    def __call__(self):
        with self._looked:
            self._looks += 1
            self._looked.notify_all()
            return self._now_s

    @property
    def now_s(self):
        """What it shows."""
        return self._now_s

    def advance(self, seconds):
        """Move it and go on at once."""
        with self._looked:
            self._now_s += seconds

    def move(self, seconds):
        """Move it, and wait until the reader has gone round twice with the new time (it looks twice a round)."""
        with self._looked:
            self._now_s += seconds
            seen = self._looks
            assert self._looked.wait_for(lambda: self._looks >= seen + 5, 5.0), "the reader does not look"


class FakeBench:
    """A fake device, a clock in the hand, and a driver between."""

    def __init__(self, **faults):
        self.near, self.far = memory_pair(**faults)
        self.fake = FakeDevice(self.far)
        self.hand = Hand()
        self.device = None

    def open(self, **options):
        """Open the driver and begin a new transcript."""
        self.device = Frontend.open(self.near, clock=self.hand, **options)
        self.fake.forget()
        return self.device

    def close(self):
        """Give everything back."""
        if self.device is not None:
            self.device.close()
        self.near.close()
        self.far.close()
        self.fake.thread.join(5.0)


@contextmanager
def _fake_bench(**faults):
    bench = FakeBench(**faults)
    try:
        yield bench
    finally:
        bench.close()


@pytest.fixture
def make_bench():
    """The maker of fake benches with faults on the line."""
    return _fake_bench


@pytest.fixture
def bench():
    """A fake bench, not opened yet."""
    with _fake_bench() as made:
        yield made


@pytest.fixture
def nak():
    """A refusal."""
    return lambda code: Nak(code, "because")
