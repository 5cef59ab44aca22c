"""A front-end, a clock, a journal and an operator in virtual time: what the runner meets in the clinic, in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, log
from typing import Any

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.calibration import Calibration, ChannelCalibration
from npr_daq.device.contracts import (
    Block,
    Capabilities,
    DeviceEvent,
    DeviceStatus,
    Impedance,
    Item,
    Stream,
    Sync,
)
from npr_daq.engine.plan import Plan, compile_plan
from npr_daq.engine.reading import Response
from npr_daq.engine.runner import Outcome, StopRequest, run
from npr_daq.errors import Closed, Refused, TimedOut, WireError
from npr_daq.montage import standard_montage
from npr_daq.operator import Answer, AnswerKind, Notice, Prompt, PromptKind
from npr_daq.protocol import load_protocol
from npr_daq.recording import Marker, MarkerKind, PulseReport, PulseResult, Sweep
from npr_daq.stimulus import Stimulus, StimulusLimits

RATE = 20_000
BLOCK = 200
AHEAD = 400

Log = list[tuple[Any, ...]]


class FakeDevice:
    """Lock-step by default: it sends whole blocks up to the grant, and time stands still beyond.

    `faults` maps the ordinal of a fire (1, 2, ...) to what goes wrong with it: `late`, `silent` (no report), `slow
    report` (1.5 s after the pulse), `weak` (half the current), `cut short` (aborted while it flowed), `abort` (by the
    device, before any current), `gap`, `trip` (watchdog before the pulse), `trip after`, `latch`, `lost` (before the
    pulse), `held up` (the answer came late), `garbled` (delivered, the answer makes no sense), `mute`, `lost after`,
    `stall`, `no marker`, `clip`. A pulse that is due is aborted and reported by `make_safe`.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.capabilities = Capabilities(
            driver="fake",
            model="fake",
            serial="1",
            firmware="1",
            simulated=True,
            sync=Sync.IN_BAND_MARKER,
            sync_uncertainty_ms=0.01,
            channel_count=16,
            rates_hz=(RATE, 2_000),
            can_stimulate=True,
            device_limits=StimulusLimits(),
            boot_id=77,
            ticks_hz=1_000_000,
        )
        channel = ChannelCalibration(1000.0, 0.0, 0.0, 0.0, 1000)
        self.calibration = Calibration("1", 1, 0, (channel,) * 16, (), b"")
        self.faults: dict[int, str] = {}
        self.safe_fails = False
        self.wall_step = 0
        self.wall_s = 0.0
        self.width_scale = 1.0
        self.grain = 1_000_000
        """Blocks that come with one take, at most."""
        self.on_take: Callable[[], None] | None = None
        self.holes: list[tuple[int, int]] = []
        """Samples that never arrive, of every stream."""
        self.render: Callable[[Stimulus, int], np.ndarray] | None = None
        self.state = "SAFE"
        self.interlocks = 0
        self.fires = 0
        self.takes = 0
        self.delivered: list[int] = []
        self.onsets: list[tuple[int, int]] = []
        self._last_seq = 40
        self._lost = False
        self._stalled = False
        self._items: deque[Item] = deque()
        self._stream: Stream | None = None
        self._streams = 0
        self._block_samples = BLOCK
        self._position = 0
        self._grant = 0
        self._stimulus: Stimulus | None = None
        self._scheduled: tuple[int, int, str] | None = None
        self._missing = 0
        self._slow: PulseReport | None = None
        self._after: deque[tuple[int, Stimulus, str]] = deque()

    def start(self, rate_hz: int, channels: Sequence[int]) -> Stream:
        self._line()
        assert self._stream is None, "started twice"
        self._streams += 1
        self._position, self._grant, self._missing, self._stalled = 0, 0, 0, False
        self._stream = Stream(self._streams, rate_hz, 1, tuple(channels))
        self._block_samples = rate_hz // 100
        self.log.append(("start", self._streams))
        return self._stream

    def stop(self) -> None:
        self._line()
        self._stream = None
        self.log.append(("stop",))

    def grant(self, stream_id: int, sample: int) -> None:
        if self._stream is not None and stream_id == self._stream.stream_id:
            self._grant = max(self._grant, sample)

    def take(self, timeout_s: float) -> list[Item]:
        self.takes += 1
        if self.on_take is not None:
            self.on_take()
        if self._lost:
            if self._items:
                items = list(self._items)
                self._items.clear()
                return items
            raise Closed("the line is gone")
        if self.wall_step and timeout_s > 0:
            self._grant = self._position + self.wall_step
        self._advance()
        items = list(self._items)
        self._items.clear()
        if not items:
            self.wall_s += timeout_s
        return items

    def impedance(self, channels: Sequence[int], frequency_hz: int = 30) -> list[Impedance]:
        self._line()
        assert self._stream is None
        self.log.append(("impedance",))
        return [Impedance(c, 3.0 if c else 30.0, 2.5, frequency_hz, bool(c)) for c in channels]

    def status(self) -> DeviceStatus:
        self._line()
        return DeviceStatus(self.state, self.interlocks, self._last_seq, self._position, 0, 30.0, 0)

    def set_limits(self, limits: StimulusLimits) -> StimulusLimits:
        self._line()
        self.log.append(("limits", limits.max_current_ma))
        return limits

    def configure(self, stimulus: Stimulus) -> None:
        self._line()
        assert self.state != "ARMED"
        self.state, self._stimulus = "CONFIGURED", stimulus
        self.log.append(("configure", stimulus.current_ma))

    def arm(self, shown: StimulusLimits) -> None:
        self._line()
        if self.state != "CONFIGURED" or self.interlocks:
            raise Refused(f"arm while {self.state}", code=1)
        self.state = "ARMED"
        self.log.append(("arm",))

    def fire(self, stim_seq: int, at_sample: int) -> None:
        self._line()
        self.fires += 1
        fault = self.faults.get(self.fires, "")
        self.log.append(("fire", stim_seq, at_sample))
        assert self.state == "ARMED"
        if stim_seq <= self._last_seq:
            raise Refused("reused", code=2)
        self._last_seq = stim_seq
        if fault == "late" or at_sample < self._position + AHEAD:
            raise Refused("late", code=3)
        if fault == "lost":
            self._lost = True
            raise Closed("the line went away")
        if fault == "held up":
            self._scheduled = (stim_seq, at_sample, "")
            self._grant = at_sample + 3000
            raise TimedOut("no answer to Fire within 3 s")
        if fault == "mute":
            self._lost = True
            raise TimedOut("no answer to Fire within 3 s")
        self.state = "FIRING"
        if fault in ("trip", "latch"):
            self.state, self._stimulus = ("FAULT" if fault == "latch" else "SAFE"), None
            self.interlocks = 0
            self._items.append(DeviceEvent("watchdog", "no beat for 300 ms", self.state, 1 << 6))
            return
        self._scheduled = (stim_seq, at_sample, fault)
        if fault == "abort":
            self.state = "SAFE"
            self._abort()
        if fault == "garbled":
            self._grant = at_sample + 3000
            self._advance()
            raise WireError("the device answered Fire with Status; FireAccepted was expected")

    def disarm(self) -> None:
        self._line()

    def make_safe(self) -> bool:
        self.log.append(("make_safe",))
        if self._lost or self.safe_fails:
            return False
        if self.state != "FAULT":
            self.state = "SAFE"
        self._abort()
        return True

    def _abort(self) -> None:
        if self._scheduled is not None and self._stimulus is not None:
            seq, at, _ = self._scheduled
            self._items.append(self.report(seq, at, 0.0, PulseResult.ABORTED))
        self._scheduled = None

    def report(self, seq: int, at: int, measured_ma: float, result: PulseResult) -> PulseReport:
        assert self._stimulus is not None
        return PulseReport(
            stim_seq=seq,
            pulse=0,
            onset_sample=at,
            subsample=0.25,
            commanded_ma=self._stimulus.current_ma,
            measured_ma=measured_ma,
            width_us=self._stimulus.width_us * self.width_scale,
            charge_uc=measured_ma * 0.2,
            compliance_v=50,
            load_ohm=1000,
            result=result,
        )

    def acknowledge(self) -> None:
        self.log.append(("acknowledge",))
        if self.interlocks:
            raise Refused("the cause stands", code=4)
        self.state = "SAFE"

    def last_stim_seq(self) -> int:
        self._line()
        return self._last_seq

    def progress(self) -> None:
        self.log.append(("progress",))

    def close(self) -> None:
        self.make_safe()

    def _line(self) -> None:
        if self._lost:
            raise Closed("the line is gone")

    def _advance(self) -> None:
        for _ in range(self.grain):
            if self._stream is None or self._stalled or self._position + self._block_samples > self._grant:
                break
            self._block(self._stream)

    def _block(self, stream: Stream) -> None:
        block = self._block_samples
        first, last = self._position, self._position + block
        self._position = last
        counts = np.zeros((16, block), dtype=np.int32)
        markers: tuple[Marker, ...] = ()
        report: PulseReport | None = None
        dropped, clipped = False, 0
        if self._scheduled is not None and first <= self._scheduled[1] < last:
            seq, at, fault = self._scheduled
            assert self._stimulus is not None
            self._scheduled = None
            self.state = "CONFIGURED"
            self.delivered.append(seq)
            self.onsets.append((stream.stream_id, at))
            current = self._stimulus.current_ma
            measured = current * (0.5 if fault == "weak" else 1.0)
            if fault != "no marker":
                markers = (Marker(stream.stream_id, at, 0.25, MarkerKind.STIMULUS, stim_seq=seq),)
            result = PulseResult.COMPLIANCE if fault == "weak" else PulseResult.OK
            if fault == "cut short":
                measured, result = 0.5 * current, PulseResult.ABORTED
            report = self.report(seq, at, measured, result)
            clipped = 0xFFFF if fault == "clip" else 0
            self._after.append((at, self._stimulus, fault))
        for at, stimulus, fault in self._after:
            if self.render is not None and at < last:
                counts += self.render(stimulus, first - at)
            dropped = dropped or (fault == "gap" and at + 400 <= first < at + 800)
        while self._after and self._after[0][0] + 4000 < first:
            self._after.popleft()
        if any(a <= first < b for a, b in self.holes):
            dropped = True
        if dropped:
            self._missing += block
        else:
            self._items.append(Block(stream.stream_id, first, counts, clipped, 0, markers, self._missing))
            self._missing = 0
        if self._slow is not None and first >= self._slow.onset_sample + 30_000:
            self._items.append(self._slow)
            self._slow = None
        fault = self._after[-1][2] if self._after else ""
        if report is not None:
            if fault == "slow report":
                self._slow = report
            elif fault != "silent":
                self._items.append(report)
            if fault == "trip after":
                self.state = "SAFE"
                self._items.append(DeviceEvent("watchdog", "no beat for 300 ms", "SAFE", 1 << 6))
            if fault == "lost after":
                self._lost = True
                self._stalled = True
            if fault == "stall":
                self._stalled = True


class FakeClock:
    """Grants time to the fake device, or leaves it to itself."""

    def __init__(self, device: FakeDevice) -> None:
        self._device = device
        self.wall = False

    def run_to(self, stream_id: int, sample: int) -> None:
        if not self.wall:
            self._device.grant(stream_id, sample)


class FakeJournal:
    """Remembers everything in order; `fail_at` makes the n-th durable write fail."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.intents: dict[int, Mapping[str, Any]] = {}
        self.sweeps: list[Sweep] = []
        self.outcomes: dict[int, str] = {}
        self.reports: dict[int, PulseReport | None] = {}
        self.captures: list[Any] = []
        self.frames: list[tuple[int, int, Any]] = []
        self.events: list[Any] = []
        self.gaps: list[Any] = []
        self.searches: dict[str, Mapping[str, Any]] = {}
        self.impedances: list[Mapping[str, Any]] = []
        self.judgements: dict[int, tuple[str, str]] = {}
        self.fail_at = 0
        self._durable = 0

    def _sync(self) -> None:
        from npr_daq.errors import RecordingError

        self._durable += 1
        if self._durable == self.fail_at:
            raise RecordingError("the disk is full")

    def intent(self, *, stim_seq: int, step: str, stimulus: Stimulus, role: Any, why: Any, boot_id: int) -> None:
        assert stim_seq not in self.intents
        self.intents[stim_seq] = {"step": step, "stimulus": stimulus, "role": role, "why": dict(why)}
        self.log.append(("intent", stim_seq))
        self._sync()

    def outcome(self, *, stim_seq: int, boot_id: int, status: str, report: Any = None, text: str = "") -> None:
        assert stim_seq in self.intents
        assert stim_seq not in self.outcomes, "two outcomes"
        self.outcomes[stim_seq], self.reports[stim_seq] = status, report
        self.log.append(("outcome", stim_seq, status))

    def sweep(self, sweep: Sweep) -> None:
        self.sweeps.append(sweep)
        self.log.append(("sweep", sweep.n, sweep.stim_seq))
        self._sync()

    def capture(self, capture: Any) -> None:
        self.captures.append(capture)

    def samples(self, stream_id: int, first_sample: int, counts: Any) -> None:
        self.frames.append((stream_id, first_sample, counts))

    def event(self, event: Any) -> None:
        self.events.append(event)
        self.log.append(("event", event.kind))

    def gap(self, gap: Any) -> None:
        self.gaps.append(gap)

    def search(self, step: str, evidence: Mapping[str, Any]) -> None:
        self.searches[step] = evidence

    def impedance(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.impedances += rows

    def judgement(self, *, n: int, role: Any, reason: str) -> None:
        self.judgements[n] = (str(role), reason)

    def sync(self) -> None:
        self.log.append(("sync",))


class FakeOperator:
    """Answers by kind from `script` (a list is used up, the last one stays); presses what `keys` says."""

    name = "fake"

    def __init__(self) -> None:
        self.script: dict[PromptKind, list[Answer]] = {
            PromptKind.PLACE: [Answer(AnswerKind.DONE)],
            PromptKind.RELAX: [Answer(AnswerKind.DONE)],
            PromptKind.MOVE: [Answer(AnswerKind.DONE)],
            PromptKind.CONFIRM_CURRENT: [Answer(AnswerKind.CONFIRM, "tolerated")],
            PromptKind.JUDGE: [Answer(AnswerKind.ACCEPT)],
            PromptKind.PAUSED: [Answer(AnswerKind.RESUME), Answer(AnswerKind.STOP)],
            PromptKind.LATCHED: [Answer(AnswerKind.STOP)],
        }
        self.asked: list[Prompt] = []
        self.told: list[Notice] = []
        self.keys: Callable[[], Answer | None] = lambda: None
        self.on_ask: Callable[[Prompt], None] | None = None

    def ask(self, prompt: Prompt) -> Answer:
        self.asked.append(prompt)
        if self.on_ask is not None:
            self.on_ask(prompt)
        answers = self.script[prompt.kind]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def tell(self, notice: Notice) -> None:
        self.told.append(notice)

    def interrupt(self) -> Answer | None:
        return self.keys()

    def kinds(self) -> list[PromptKind]:
        return [p.kind for p in self.asked]

    def notices(self, kind: str) -> list[Notice]:
        return [n for n in self.told if n.kind == kind]


def healthy_nerve(side: Side, site: Branch, muscle: Muscle, current_ma: float) -> float:
    """Peak to peak in mV: a logistic recruitment, the trunk deeper than the branches."""
    half = 9.3 if site is Branch.TRUNK else 4.1
    return 2.0 / (1 + exp(-log(current_ma / half) / 0.12))


@dataclass
class Rig:
    """Everything that a run needs, and what it left behind."""

    log: Log = field(default_factory=list)
    nerve: Callable[[Side, Branch, Muscle, float], float] = healthy_nerve
    noise_uv: float = 4.0
    floor_mv: float = 0.0
    protocol: str = "conduction_trunk"
    affected: str = "left"
    measured: bool = True
    faces: Any = None
    least_s: float = 1.0
    """Two shocks are never closer than this."""

    def __post_init__(self) -> None:
        self.device = FakeDevice(self.log)
        self.clock = FakeClock(self.device)
        self.journal = FakeJournal(self.log)
        self.operator = FakeOperator()
        self.stop = StopRequest()

    def plan(self, **limits: Any) -> Plan:
        protocol = load_protocol(self.protocol)
        if limits:
            protocol = protocol.model_copy(update={"limits": protocol.limits.model_copy(update=limits)})
        return compile_plan(protocol, montage=standard_montage(), affected=self.affected, limits=StimulusLimits())

    def floors_mv(self, noise: Any, side: Side, muscles: tuple[Muscle, ...]) -> Mapping[Muscle, float]:
        return dict.fromkeys(muscles, self.floor_mv)

    def responses(self, sweep: Sweep, muscles: tuple[Muscle, ...]) -> Mapping[Muscle, Response]:
        found = {}
        for muscle in muscles:
            size = self.nerve(sweep.stimulus.side, sweep.stimulus.site, muscle, sweep.stimulus.current_ma)
            present = size * 600 >= 5 * self.noise_uv
            onset = 3.0 if present else float("nan")
            found[muscle] = Response(present, size, 0.6 * size, onset, self.noise_uv)
        return found

    def run(self, plan: Plan | None = None, *, first_n: int = 1) -> Outcome:
        outcome = run(
            self.plan() if plan is None else plan,
            device=self.device,
            clock=self.clock,
            operator=self.operator,
            journal=self.journal,
            stop=self.stop,
            first_n=first_n,
            measurement=self if self.measured else None,
            faces=self.faces,
            host_ns=lambda: 0,
            monotonic_s=lambda: self.device.wall_s,
        )
        self.check_at_most_once()
        self.check_books(outcome)
        return outcome

    def check_books(self, outcome: Outcome) -> None:
        """Every pulse that is known is in the dose, once; every shock that may have been given is counted."""
        known = list(self.journal.outcomes.values())
        assert sum(d.pulses for d in outcome.doses) == len(self.journal.sweeps) + known.count("delivered")
        assert outcome.shocks == len(self.journal.sweeps) + len(known) - known.count("refused")
        for place, entry in enumerate(self.log):
            assert entry[0] != "outcome" or self.log[place + 1] == ("sync",), "an outcome that is not durable"

    def check_at_most_once(self) -> None:
        """What must hold after every run, however it ended."""
        durable: set[int] = set()
        fired: list[int] = []
        for entry in self.log:
            if entry[0] == "intent":
                durable.add(entry[1])
            if entry[0] == "fire":
                assert entry[1] in durable, "fired without an intent"
                fired.append(entry[1])
        assert len(fired) == len(set(fired)), "a number was fired twice"
        assert len(self.device.delivered) == len(set(self.device.delivered))
        stored = {s.stim_seq for s in self.journal.sweeps}
        assert stored <= set(self.device.delivered)
        assert not stored & set(self.journal.outcomes)
        for (a_stream, a), (b_stream, b) in pairwise(self.device.onsets):
            assert a_stream != b_stream or b - a >= self.least_s * RATE, "two shocks too close"
        assert self.device.state in ("SAFE", "FAULT") or self.device._lost or self.device.safe_fails

    def since(self, what: str) -> list[str]:
        """Names of what was done after the last `what`."""
        names = [entry[0] for entry in self.log]
        return names[len(names) - names[::-1].index(what) :]


@pytest.fixture
def rig() -> Rig:
    """A trunk study on a healthy person."""
    return Rig()


@pytest.fixture
def make_rig() -> Callable[..., Rig]:
    """Rigs made to measure."""
    return Rig
