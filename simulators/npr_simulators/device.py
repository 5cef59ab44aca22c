"""The simulated instrument: the device's end of EMGSTIM/1, with no transport and no clock of its own."""

from collections.abc import Callable, Iterator

from npr_daq.wire.messages import Event, StimReport
from npr_daq.wire.tables import DeviceState, EventCode, Interlock, MarkerCode, PulseCode
from npr_simulators.amplifier import Stream
from npr_simulators.answers import Answers
from npr_simulators.channel_faults import ChannelFaults
from npr_simulators.counter_stream import CounterStream
from npr_simulators.kinds import FRONTEND, Kind
from npr_simulators.limits import HARD, NO_OUTPUT, Limits
from npr_simulators.memory import TICKS_HZ
from npr_simulators.patient_face import PatientFace
from npr_simulators.pulse import Pulse
from npr_simulators.states import LATCHED, TOLD_BY_NAK, Move
from npr_simulators.stimulator import Stimulator
from npr_simulators.trigger_line import TriggerLine
from npr_simulators.truth import NoTruth, TruthSink
from npr_simulators.watchdog import Watchdog, WatchdogTrip
from npr_simulators.wire_end import WireEnd

SLICE_SAMPLES = 1600
"""Most samples of one `step`: about a millisecond of work, so that the input is looked at often."""


class SimulatedFrontend:
    """Bytes in with their wall time, device time as it is allowed, bytes out; of one `kind`, a front-end by itself.

    `receive` answers requests, `watch` runs the watchdog on wall time, `step` and `advance` let device time pass;
    several instruments on one clock are let run by `Instruments`. `trigger` is the stimulator's trigger line. With
    `blank_ms` the amplifier's input is held for so long from the edge of every pulse.
    Everything it delivers is a function of the face, `seed` and the commands; the transport, the cutting of the input
    and the size of the steps never change a count. A delivered pulse is in `truth` before its marker or report is in
    `wire.take_outgoing()`.
    """

    ticks_hz = TICKS_HZ

    def __init__(
        self,
        face: PatientFace,
        *,
        seed: int,
        boot_id: int,
        random_u32: Callable[[], int],
        now_s: float,
        truth: TruthSink | None = None,
        channel_names: tuple[str, ...] = (),
        kind: Kind = FRONTEND,
        blank_ms: float = 0.0,
    ) -> None:
        self.kind = kind
        self.blank_ms = blank_ms
        self.face = face
        self.boot_id = boot_id
        self.trigger = TriggerLine(seed=seed)
        self.channel_faults = ChannelFaults()
        limits = Limits(HARD if kind.stimulates else NO_OUTPUT)
        self.stimulator = Stimulator(seed=seed, random_u32=random_u32, limits=limits)
        self.watchdog = Watchdog(now_s)
        self.last_trip: WatchdogTrip | None = None
        self.wire = WireEnd(now_s)
        self.stream: Stream | CounterStream | None = None
        self.stream_id = 0
        self.ticks = 0
        self.delivered: list[int] = []
        self.acted = False
        self._truth: TruthSink = truth or NoTruth()
        self._interlocks = Interlock(0)
        self._last_samples = 0
        self._answers = Answers(self, serial_seed=seed, channel_names=channel_names)

    # -- what it is like now

    @property
    def state(self) -> DeviceState:
        """The state of the stimulator, which is the state of the device."""
        return self.stimulator.state

    @property
    def live(self) -> bool:
        """Whether the high voltage is on and the 300 ms watchdog runs."""
        return self.stimulator.live

    @property
    def streaming(self) -> bool:
        """Whether a stream runs."""
        return self.stream is not None

    @property
    def samples(self) -> int:
        """Samples taken in the running stream, or in the last one."""
        return self.stream.sample_at(self.ticks) if self.stream is not None else self._last_samples

    @property
    def rate_hz(self) -> float:
        """Samples per second of the running stream; 0 where none runs."""
        return float(self.stream.rate_hz) if self.stream is not None else 0.0

    @property
    def interlocks(self) -> Interlock:
        """The bits that stand now; the rate limit goes by itself when its interval has passed."""
        if self.ticks >= self.stimulator.rested_ticks:
            self._interlocks &= ~Interlock.RATE_LIMIT
        return self._interlocks

    def ticks_at(self, sample: int) -> int:
        """The device clock at `sample` of the running stream."""
        return self.ticks if self.stream is None else self.stream.ticks_at(sample)

    # -- the line

    def start(self) -> None:
        """The self-test has passed: BOOT -> SAFE."""
        self.stimulator.machine.fire(Move.STARTED)

    def receive(self, data: bytes, now_s: float) -> None:
        """Answer every request that `data` completes; `now_s` is when it arrived."""
        for received in self.wire.receive(data):
            self._answers.answer(received, now_s)
        if bad := self.wire.damaged(now_s):
            self.wire.say(Event(EventCode.GARBAGE, *self._now(), value=bad, text=f"{bad} damaged frame(s) rejected"))

    def new_session(self, now_s: float) -> list[StimReport]:
        """HELLO: fresh sequence numbers, everything off, nothing of the old host left; reports of aborted pulses."""
        self.wire.new_session()
        self.watchdog.beat(now_s)
        self.stop_stream(flush=False)
        return self.stimulator.leave(Move.SAFE)

    def link_lost(self) -> None:
        """The line has gone: abort, SAFE, no stream, at once."""
        self.stimulator.leave(Move.SAFE)
        self.stop_stream(flush=False)
        self._answers.end_session()
        self.wire.lost()

    # -- safety

    def watch(self, now_s: float) -> bool:
        """Compare the clocks; True when a stream was stopped. Call it after the input is drained, every 10 ms."""
        if self.live:
            if self.watchdog.disarms(now_s):
                silent_ms = int(self.watchdog.live_silence_s(now_s) * 1e3)
                self.make_safe(Interlock.HEARTBEAT_LOST)
                text = f"no heartbeat for {silent_ms} ms while live, the limit is 300 ms"
                self.last_trip = WatchdogTrip(text, now_s, self.watchdog.token_beat_s)
                self.wire.say(Event(EventCode.WATCHDOG, *self._now(), value=silent_ms, text=text))
            return False
        if self.stream is None or not self.watchdog.stops(now_s):
            return False
        stream_id = self.stream.stream_id
        self.stop_stream(flush=False)
        if self.state is DeviceState.REFRACTORY:
            self._leave(Move.SAFE)
        text = "no heartbeat for 2 s, the stream was stopped"
        self.wire.say(Event(EventCode.STREAM, *self._now(), value=stream_id, text=text))
        return True

    def make_safe(self, cause: Interlock) -> None:
        """An interlock that does not latch: abort, SAFE where it was live or resting, and say so."""
        if self.live or self.state is DeviceState.REFRACTORY:
            self._leave(Move.SAFE)
        self.set_interlocks(cause)

    def fault(self, cause: Interlock) -> None:
        """An interlock that latches: abort, FAULT, and the operator has not yet acted on it."""
        self._leave(Move.FAULT)
        self.acted = False
        self.set_interlocks(cause)

    def press_stop(self) -> None:
        """Somebody presses the device's own stop button."""
        self.fault(Interlock.E_STOP)

    def act(self) -> None:
        """The operator uses the device's own reset control."""
        self.acted = True

    def clear_fault(self) -> bool:
        """CLEAR: leave FAULT if the operator has acted since; False otherwise."""
        if not self.acted:
            return False
        self.stimulator.machine.fire(Move.CLEAR)
        self.clear_interlocks(LATCHED)
        return True

    def set_interlocks(self, bits: Interlock) -> None:
        """Let `bits` stand; every edge is told but those that a refusal tells."""
        self._edges(bits & ~self.interlocks)

    def clear_interlocks(self, bits: Interlock) -> None:
        """Let `bits` stand no more."""
        self._edges(bits & self.interlocks)

    def skin_changed(self) -> None:
        """The stimulator or an electrode was moved: contact may be back, and what was worked out is void."""
        if self.face.placed is not None:
            self.clear_interlocks(Interlock.ELECTRODE_OPEN)
        self.trigger.forget()
        for pulse in self.stimulator.pulses:
            if not pulse.begun:
                pulse.preparation, pulse.ready = None, False
        if isinstance(self.stream, Stream):
            self.stream.sampler.forget_background()

    # -- the stream

    def begin_stream(self, stream: Stream | CounterStream, now_s: float) -> None:
        """Samples are taken from now on; the silence of the host is counted from now."""
        self.stream = stream
        self.stream_id = stream.stream_id
        self.watchdog.beat(now_s)

    def stop_stream(self, *, flush: bool) -> None:
        """No stream runs afterwards; with `flush` the samples in hand are sent before."""
        if self.stream is None:
            return
        if flush:
            self._emit(partial=True)
        self._last_samples = self.samples
        self.stream = None

    def flush_partial_block(self) -> None:
        """Send the begun block as it is: in lock-step the host gets every sample that it granted."""
        if self.stream is not None:
            self._emit(partial=True)

    # -- time

    def advance(self, to_sample: int) -> None:
        """Let time pass until `to_sample` of the running stream."""
        target = self.ticks_at(to_sample)
        while self.step(target):
            pass

    def step(self, target_ticks: int) -> bool:
        """Let at most a few milliseconds of work be done towards `target_ticks`; True while there is more to do."""
        if self.prepare():
            return True
        self.go(self.reach(target_ticks))
        return self.ticks < target_ticks

    def prepare(self) -> bool:
        """Work out a piece of the response to the next pulse; False when there is nothing to be worked out."""
        if not self.stimulator.pulses or self.stream is None:
            return False
        pulse = self.stimulator.pulses[0]
        shown, stream = self.trigger.shown(pulse, self.stream)
        if pulse.ready:
            return False
        if shown.preparation is None:
            shown.preparation = stream.response_of(shown)
        pulse.ready = next(shown.preparation, "done") == "done"
        if pulse.ready:
            pulse.touches, pulse.truth = shown.touches, shown.truth
        return True

    def reach(self, target_ticks: int) -> int:
        """How far the clock may go in one piece: never past the next thing that is due here."""
        return max(self.ticks, min(target_ticks, self._slice_end(), *self._due()))

    def go(self, ticks: int) -> None:
        """Let the clock be at `ticks`, at most `reach`; what is due there is done, and whole blocks are sent."""
        self.ticks = ticks
        self._act_on_time()
        self._emit(partial=False)

    def _slice_end(self) -> int:
        if self.stream is None:
            return self.ticks + TICKS_HZ * 3600
        return self.ticks + SLICE_SAMPLES * self.stream.ticks_per_sample

    def _due(self) -> Iterator[int]:
        stimulator = self.stimulator
        if stimulator.pulses and self.stream is not None:
            pulse = stimulator.pulses[0]
            onset = self.stream.onset_ticks(pulse)
            yield onset + pulse.total_us * TICKS_HZ // 1_000_000 if pulse.begun else onset
        if self.state is DeviceState.REFRACTORY:
            yield stimulator.rested_ticks
        if self.state is DeviceState.ARMED:
            yield stimulator.expiry_ticks

    def _act_on_time(self) -> None:
        stimulator = self.stimulator
        if stimulator.pulses and self.stream is not None and self.ticks >= next(self._due()):
            pulse = stimulator.pulses[0]
            if pulse.begun:
                self._end(pulse)
            else:
                self._begin(pulse, self.stream)
        if self.state is DeviceState.REFRACTORY and self.ticks >= stimulator.rested_ticks:
            stimulator.machine.fire(Move.RESTED)
        if self.state is DeviceState.ARMED and self.ticks >= stimulator.expiry_ticks:
            self._leave(Move.SAFE)
            self.wire.say(Event(EventCode.TOKEN, *self._now(), text="the arm token is older than 5 min"))

    def _begin(self, pulse: Pulse, stream: Stream | CounterStream) -> None:
        pulse.begun = True
        self.stimulator.last_onset_ticks = stream.onset_ticks(pulse)
        self._truth.write(self.trigger.truth(pulse, stream, boot_id=self.boot_id, placed=self.face.placed))
        self.delivered.append(pulse.stim_seq)
        stream.mark(pulse)
        shown, shows = self.trigger.shown(pulse, stream)
        if isinstance(shows, Stream):
            if shown is not pulse:
                shows.mark(shown, MarkerCode.TTL_RISING)
            shows.add(shown)

    def _end(self, pulse: Pulse) -> None:
        self.stimulator.pulses.popleft()
        self.wire.say(self.stimulator.report(pulse, PulseCode.OK if pulse.touches else PulseCode.OPEN))
        if not pulse.touches:
            self.make_safe(Interlock.ELECTRODE_OPEN)
        elif not self.stimulator.pulses:
            self.stimulator.finish()

    # -- sending

    def _emit(self, *, partial: bool) -> None:
        if self.stream is None:
            return
        for block in self.stream.blocks(self.samples, partial=partial):
            if not self.wire.has_room():
                self.wire.lost_samples += block.samples
                continue
            if lost := self.wire.lost_samples:
                self.wire.lost_samples = 0
                text = f"{lost} samples lost: the host does not read"
                self.wire.say(Event(EventCode.OVERFLOW, *self._now(), value=lost, text=text))
            self.wire.send_block(block)

    def _leave(self, move: Move) -> None:
        for report in self.stimulator.leave(move):
            self.wire.say(report)

    def _edges(self, changed: Interlock) -> None:
        self._interlocks ^= changed
        told = changed & ~TOLD_BY_NAK
        if told:
            names = ", ".join(bit.name.lower().replace("_", " ") for bit in told if bit.name)
            self.wire.say(Event(EventCode.INTERLOCK, *self._now(), value=int(told), text=names))

    def _now(self) -> tuple[int, int, DeviceState, Interlock]:
        return self.ticks, self.samples, self.state, self.interlocks
