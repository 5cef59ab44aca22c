"""A host's end of the wire in memory, a face that is trivial to predict, and a device between them."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.wire.link import Link
from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    Data,
    EStop,
    Event,
    Fire,
    Heartbeat,
    Hello,
    Ident,
    Message,
    Nak,
    Phase,
    Status,
    StimProgram,
    StimProgrammed,
    StimReport,
    StreamStart,
    StreamStarted,
    limits_crc,
)
from npr_daq.wire.tables import DeviceState, SampleFormat
from npr_simulators.device import SimulatedFrontend
from npr_simulators.kinds import FRONTEND, Kind

R = TypeVar("R", bound=Message)


class PlainResponse:
    """Channel k answers with (k + 1) x 100 uV/mA in a triangle 2 to 6 ms after the edge."""

    def __init__(self, current_ma: float) -> None:
        self.current_ma = current_ma

    def render(self, t_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        shape = np.clip(1 - np.abs(t_ms - 4.0) / 2.0, 0.0, None)
        return -np.arange(1, 17)[:, None] * 100.0 * self.current_ma * shape

    def render_artefact(self, t_ms: NDArray[np.float64], width: float = 0.0) -> NDArray[np.float64]:
        return np.where((t_ms >= 0) & (t_ms < 0.3), 500.0, 0.0) * np.ones((16, 1))

    def truth(self) -> Mapping[str, Any]:
        return {"left.frontalis": {"app": {"pp_uv": 100.0 * self.current_ma}}}


class PlainFace:
    """A background that tells which sample of which stream it is, modulo small numbers."""

    def __init__(self) -> None:
        self.placed: tuple[Side, Branch] | None = (Side.LEFT, Branch.TRUNK)
        self.loose: frozenset[int] = frozenset()
        self.shocks: list[tuple[float, float, int]] = []
        self.timed: list[tuple[bool, float]] = []
        self.said: list[Mapping[str, Any]] = []
        self.hums: list[float] = []
        self.coughs: list[tuple[int, float]] = []

    name = "plain"
    tasks = ("rest", "smile_open")

    def place(self, side: Side, site: Any, **where: Any) -> None:
        self.placed = (side, site)
        self.where = where

    def cue(
        self, *, task: str, effort: float, seconds: float, stream_id: int, sample: int, rate_hz: float
    ) -> Mapping[str, Any]:
        self.cued = (task, effort, seconds, stream_id, sample, rate_hz)
        return {"task": task, "sample": sample}

    def voice(self) -> list[Mapping[str, Any]]:
        said, self.said = self.said, []
        return said

    def lift(self) -> None:
        self.placed = None

    def wake(self) -> None:
        self.awake = True

    def disturb(self, *, hum: float) -> None:
        self.hums.append(hum)

    def cough(self, stream_id: int, second: float) -> None:
        self.coughs.append((stream_id, second))

    def loosen(self, side: Side, muscle: Muscle) -> None:
        self.loose |= {list(Muscle).index(muscle) + 8 * (side is Side.RIGHT)}

    def fix(self, side: Side, muscle: Muscle) -> None:
        self.loose -= {list(Muscle).index(muscle) + 8 * (side is Side.RIGHT)}

    def impedance_kohm(self) -> NDArray[np.float64]:
        rows = np.full((16, 2), 2.5)
        rows[sorted(self.loose), 0] = 250.0
        return rows

    def answers(self) -> Mapping[str, Any]:
        return {}

    def evoke(
        self, *, current_ma: float, width_us: float, ordinal: int, reversed: bool = False, at_s: float = 0.0
    ) -> PlainResponse | None:
        self.shocks.append((current_ma, width_us, ordinal))
        self.timed.append((reversed, at_s))
        return None if self.placed is None else PlainResponse(current_ma)

    def background(self, stream_id: int, first_sample: int, n: int, rate_hz: float) -> NDArray[np.float32]:
        sample = np.arange(first_sample, first_sample + n)
        rows = np.arange(16)[:, None]
        return ((sample * 7 + rows * 3 + stream_id) % 11 - 5).astype(np.float32)

    def header(self) -> Mapping[str, Any]:
        return {"patient": "plain", "seed": 0}

    def plateau_truth(self) -> Mapping[str, Any]:
        return {}


class Lines:
    """A truth sink that remembers, and how much had been sent by then."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, Any]] = []
        self.told: Callable[[], None] = lambda: None

    def write(self, line: Mapping[str, Any]) -> None:
        self.told()
        self.lines.append(line)


class Rig:
    """A device and its host. Wall time is `now_s`; it passes only where a test lets it."""

    program_id = 7

    def __init__(
        self, *, started: bool = True, seed: int = 1, kind: Kind = FRONTEND, shares: "Rig | None" = None
    ) -> None:
        self.face = PlainFace() if shares is None else shares.face
        self.truth = Lines() if shares is None else shares.truth
        self.now_s = 100.0
        self._numbers: Iterator[int] = count(0x1000, 3)
        self.device = SimulatedFrontend(
            self.face,
            seed=seed,
            boot_id=77 if shares is None else 78,
            random_u32=lambda: next(self._numbers),
            now_s=self.now_s,
            truth=self.truth,
            channel_names=tuple(f"c{k}" for k in range(16)),
            kind=kind,
        )
        if started:
            self.device.start()
        self.link = Link()
        self.heard: list[Message] = []
        self.token = 0

    @property
    def state(self) -> DeviceState:
        return self.device.state

    def hear(self) -> list[Message]:
        """What the device has said since the last time."""
        new: list[Message] = []
        for frame in self.device.wire.take_outgoing():
            for received in self.link.receive(frame.wire):
                assert received.error is None
                assert received.message is not None
                new.append(received.message)
        self.device.wire.take_greeting()
        self.heard += new
        return new

    def send(self, message: Message) -> list[Message]:
        """Send and give everything that comes back at once."""
        self.hear()
        self.device.receive(self.link.send(message), self.now_s)
        return self.hear()

    def answer(self, message: Message) -> Message:
        """The one answer to a request."""
        seq = self.link.next_seq()
        answers = [m for m in self.send(message) if m.reply]
        assert len(answers) == 1
        assert answers[0].re == seq  # type: ignore[attr-defined]
        return answers[0]

    def ask(self, message: Message, expected: type[R]) -> R:
        answer = self.answer(message)
        assert isinstance(answer, expected), answer
        return answer

    def refused(self, message: Message) -> Nak:
        return self.ask(message, Nak)

    def all(self, kind: type[R]) -> list[R]:
        return [m for m in self.heard if isinstance(m, kind)]

    def hello(self) -> Ident:
        return self.ask(Hello(1, 0, 0xABCD), Ident)

    def stream(self, rate_hz: int = 20_000, *, mask: int = 0xFFFF, block: int = 80) -> StreamStarted:
        return self.ask(StreamStart(rate_hz, mask, SampleFormat.I24, block), StreamStarted)

    def program(self, current_ua: int = 20_000, *, width_us: int = 200, count: int = 1, period_us: int = 0) -> None:
        self.ask(self.pulse(current_ua, width_us=width_us, count=count, period_us=period_us), StimProgrammed)

    def pulse(
        self, current_ua: int = 20_000, *, width_us: int = 200, count: int = 1, period_us: int = 0
    ) -> StimProgram:
        return StimProgram(self.program_id, 0, (Phase(current_ua, width_us),), period_us, count, 25_000)

    def challenge(self) -> ArmChallenge:
        return self.ask(ArmRequest(self.program_id), ArmChallenge)

    def confirmation(self, c: ArmChallenge) -> ArmConfirm:
        crc = limits_crc(c.max_current_ua, c.max_charge_nc, c.min_interval_us, c.max_pulses)
        return ArmConfirm(c.challenge, crc)

    def arm(self) -> int:
        self.token = self.ask(self.confirmation(self.challenge()), ArmToken).arm_token
        return self.token

    def shot(self, stim_seq: int, at_sample: int) -> Fire:
        return Fire(self.token, stim_seq, self.program_id, at_sample)

    def beat(self, token: int = 0) -> Status:
        return self.ask(Heartbeat(123, token), Status)

    def run_to(self, sample: int) -> list[Message]:
        self.device.advance(sample)
        return self.hear()

    def counts(self) -> NDArray[np.int32]:
        """All samples that have come, shape (channel, time)."""
        return np.concatenate([m.counts for m in self.all(Data)], axis=1)

    def events(self) -> list[Event]:
        return self.all(Event)

    def reports(self) -> list[StimReport]:
        return self.all(StimReport)

    def bring_to(self, state: DeviceState, *, streaming: bool = True) -> None:
        """A running session in `state`, with sample 1000 taken where a stream runs."""
        self.hello()
        if state is DeviceState.BOOT:
            return
        live = state in (DeviceState.ARMED, DeviceState.FIRING, DeviceState.REFRACTORY)
        if streaming or live:
            self.stream()
            self.run_to(1000)
        if state is not DeviceState.SAFE:
            self.program()
        if state is DeviceState.FAULT:
            self.send(EStop())
        if live:
            self.arm()
        if state in (DeviceState.FIRING, DeviceState.REFRACTORY):
            self.answer(self.shot(1, 2000))
        if state is DeviceState.REFRACTORY:
            self.run_to(2100)
        self.hear()
        assert self.state is state


@pytest.fixture
def rig() -> Rig:
    """A device that has just passed its self-test, in no session."""
    return Rig()


@pytest.fixture
def make_rig() -> Callable[..., Rig]:
    """Makes devices that are not alike."""
    return Rig
