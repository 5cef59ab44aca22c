"""The running device as the runner sees it: samples, reports, events, and waits that are counted in samples."""

from collections.abc import Callable

from npr_daq.device.contracts import Block, Clock, DeviceEvent, FrontEnd, Stream
from npr_daq.engine import events as ev
from npr_daq.engine.ports import ExamJournal, StopRequest
from npr_daq.engine.sweeper import KEEP_MS, Sweeper, Window
from npr_daq.errors import IllegalTransition
from npr_daq.montage import Montage
from npr_daq.operator import AnswerKind, Operator
from npr_daq.recording import Event, PulseReport

POLL_S = 0.05
"""Longest wait for one item; a stop is seen within it."""
STALL_S = 3.0
"""Waited without a sample after which the samples have stopped."""
SLOW_HZ, SLOW_KEEP_MS = 5_000, 2_000.0
"""Below this rate samples are kept for longer, so that a window may begin before the cue that comes next."""
SAME_PRESS_S = 1.0
"""A key that ends a step and is held down, or pressed twice, does not end the next one as well."""
GRANT_MS = 10.0
"""Granted beyond what is waited for, because a device sends whole blocks."""


_RANKS: tuple[type[ev.Event], ...] = (ev.Tripped, ev.PausePressed, ev.Enough, ev.Latched, ev.StopPressed)
"""What the operator wants is never lost behind what the device did by itself; a latched fault only behind a stop."""


class Interruption(Exception):
    """A wait ended early because of `event`."""

    def __init__(self, event: ev.Event) -> None:
        super().__init__(type(event).__name__)
        self.event = event


class Bench:
    """Device, clock, operator's keys and stop flag behind one kind of wait.

    Every wait is for a sample. Between two looks at the device it looks for a stop, a key and a trip, and raises
    `Interruption`. Not thread-safe: the runner's thread owns it.
    """

    def __init__(
        self,
        *,
        device: FrontEnd,
        clock: Clock,
        operator: Operator,
        journal: ExamJournal,
        stop: StopRequest,
        montage: Montage,
        rate_hz: int,
        host_ns: Callable[[], int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self.device = device
        self.clock = clock
        self.montage = montage
        self._operator = operator
        self._journal = journal
        self._stop = stop
        self._channels = tuple(c.index for c in montage.channels)
        self._rate_hz = rate_hz
        self._host_ns = host_ns
        self._monotonic_s = monotonic_s
        self._held: ev.Event | None = None
        self._ended_s: float | None = None
        """When a person last ended a step."""
        self.silent_s = 0.0
        """How long was waited for samples since the last one came."""
        self.armed = False
        """Whether the device is meant to be armed: then SAFE is a surprise."""
        self.stream: Stream | None = None
        self.sweeper = Sweeper(channels=len(self._channels), rate_hz=float(rate_hz))
        self.granted = 0
        self.reports: dict[int, PulseReport] = {}
        self.windows: dict[int | str, Window] = {}
        self.listener: Callable[[Block], None] | None = None
        """Gets every block of the running stream: for continuous recording."""
        self.marked = ""
        """The operator's word that the last repetition was bad; empty where there is none."""

    @property
    def now(self) -> int:
        """One past the last sample that has come."""
        return self.sweeper.end_sample

    @property
    def ahead(self) -> int:
        """The latest sample that the device may have reached, as far as the host can know."""
        return self.now if self.clock.wall else max(self.now, self.granted)

    def samples(self, ms: float) -> int:
        """Milliseconds as samples."""
        rate = self.stream.rate_hz if self.stream is not None else float(self._rate_hz)
        return round(ms * rate / 1e3)

    def start(self, rate_hz: int | None = None) -> Stream:
        """Start the stream if it does not run at `rate_hz`, by default that of shocks."""
        wanted = self._rate_hz if rate_hz is None else rate_hz
        if self.stream is not None and self.stream.rate_hz != wanted:
            self.stop_stream()
        if self.stream is None:
            self.stream = self.device.start(wanted, self._channels)
            keep_ms = KEEP_MS if self.stream.rate_hz >= SLOW_HZ else SLOW_KEEP_MS
            self.sweeper = Sweeper(channels=len(self._channels), rate_hz=self.stream.rate_hz, keep_ms=keep_ms)
            self.sweeper.restart(self.stream.stream_id)
            self.granted, self.silent_s = 0, 0.0
            self.reports.clear()
            self.windows.clear()
        return self.stream

    def stop_stream(self) -> None:
        """Stop the stream; harmless when it does not run."""
        self.listener = None
        if self.stream is not None:
            self.stream = None
            self.device.stop()

    def wait_until(self, sample: int) -> None:
        """Let the device run until `sample` has come. Raises Interruption; Tripped when samples stop coming.

        In lock-step the grant depends on `sample` alone, never on what happens to have arrived: same seed, same bytes.
        """
        self.run_to(sample)
        while self.now < sample:
            self.pump(POLL_S)
            self.check()

    def run_to(self, sample: int) -> None:
        """Allow the device to reach `sample`, and a block beyond."""
        stream = self.started()
        target = sample + self.samples(GRANT_MS)
        if target > self.granted:
            self.granted = target
            self.clock.run_to(stream.stream_id, target)

    def started(self) -> Stream:
        """The running stream."""
        if self.stream is None:
            raise IllegalTransition("the stream was waited for before it was started")
        return self.stream

    def pump(self, timeout_s: float) -> None:
        """Take what has come: windows and reports are kept, events written, trips held for `check`."""
        came, began_s = False, self._monotonic_s()
        for item in self.device.take(timeout_s):
            match item:
                case Block():
                    came = True
                    self._block(item)
                case PulseReport():
                    self.reports[item.stim_seq] = item
                    if self.stream is not None:
                        expected = self.sweeper.expect(
                            item.stim_seq, sample=item.onset_sample, subsample=item.subsample
                        )
                        self._keep(expected)
                case DeviceEvent():
                    self._event(item)
        # A host that was suspended meanwhile has waited no longer than it meant to.
        waited_s = min(self._monotonic_s() - began_s, 2.0 * timeout_s)
        self.silent_s = 0.0 if came else self.silent_s + waited_s
        if self.silent_s >= STALL_S and self.stream is not None:
            self.silent_s = 0.0
            self.hold(ev.Tripped(f"no samples came for {STALL_S:g} s"))

    def check(self) -> None:
        """Raise Interruption if anything wants the run to stop or pause; of several the one that matters most."""
        if self._stop.cause is not None:
            self.hold(ev.StopPressed(self._stop.cause))
        pressed = self._operator.interrupt()
        if pressed is not None:
            if pressed.kind is AnswerKind.STOP:
                self.hold(ev.StopPressed("operator", pressed.reason))
            if pressed.kind is AnswerKind.PAUSE:
                self.hold(ev.PausePressed(pressed.reason or "the operator asked for it"))
            if pressed.kind is AnswerKind.ENOUGH and not self._same_press():
                self.hold(ev.Enough(pressed.reason or "the operator ended it"))
            if pressed.kind is AnswerKind.REDO:
                self.marked = pressed.reason or "marked by the operator"
        held = self.settled()
        if isinstance(held, ev.Enough) and self.clock.wall:
            self._ended_s = self._monotonic_s()
        if held is not None:
            raise Interruption(held)

    def _same_press(self) -> bool:
        """Whether the key that has just ended a step is still being pressed; each press prolongs it."""
        if self._ended_s is None or self._monotonic_s() - self._ended_s >= SAME_PRESS_S:
            return False
        self._ended_s = self._monotonic_s()
        return True

    def check_stop(self) -> None:
        """Raise Interruption for a stop only: while the run is paused, nothing less can interrupt it."""
        if self._stop.cause is not None:
            raise Interruption(ev.StopPressed(self._stop.cause))
        if isinstance(self._held, ev.StopPressed):
            raise Interruption(self._held)

    def hold(self, event: ev.Event) -> None:
        """Keep an interruption for the next `check`: stop, latched, enough, pause, trip, of equal ones the first."""
        if self._held is None or _RANKS.index(type(event)) > _RANKS.index(type(self._held)):
            self._held = event

    @property
    def held(self) -> ev.Event | None:
        """The interruption that waits, if any."""
        return self._held

    def settled(self, event: ev.Event | None = None) -> ev.Event | None:
        """The most important of `event` and what is held, which is held no longer."""
        if event is not None:
            self.hold(event)
        held, self._held = self._held, None
        return held

    def release(self) -> None:
        """Forget a held interruption: it has been dealt with."""
        self._held = None

    def _block(self, block: Block) -> None:
        if self.stream is None or block.stream_id != self.stream.stream_id:
            return
        self._keep(self.sweeper.feed(block))
        for gap in self.sweeper.take_gaps():
            self._journal.gap(gap)
        if self.listener is not None:
            self.listener(block)

    def _keep(self, windows: list[Window]) -> None:
        for window in windows:
            self.windows[window.key] = window

    def _event(self, event: DeviceEvent) -> None:
        self._journal.event(
            Event(
                kind=f"device {event.kind}",
                text=event.text,
                stream_id=self.stream.stream_id if self.stream is not None else 0,
                sample=self.now,
                host_ns=self._host_ns(),
                detail={"state": event.state, "interlocks": event.interlocks},
            )
        )
        if event.state == "FAULT":
            self.hold(ev.Latched(event.text))
        elif (
            event.kind == "watchdog"
            or (event.kind == "interlock" and event.interlocks)
            or (event.kind == "state" and event.state == "SAFE" and self.armed)
        ):
            self.hold(ev.Tripped(event.text))
