"""`Frontend`: the host's end of EMGSTIM/1 behind the contracts of `npr_daq.device`."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar, Self

from npr_daq.calibration import Calibration
from npr_daq.device.contracts import (
    Capabilities,
    DeviceEvent,
    DeviceStatus,
    Impedance,
    Item,
    Stream,
)
from npr_daq.errors import IllegalTransition, InstrumentError, NprError, Refused, TimedOut, TransportError, WireError
from npr_daq.machine import Machine
from npr_daq.stimulus import Stimulus, StimulusLimits
from npr_daq.transport.base import Transport
from npr_daq.wire.calibration_block import unpack_calibration
from npr_daq.wire.data import Data, largest_block
from npr_daq.wire.link import Received
from npr_daq.wire.memory import MAX_READ
from npr_daq.wire.messages import (
    CalData,
    CalRead,
    Event,
    Hello,
    Ident,
    ImpedanceReply,
    ImpedanceRequest,
    RegRead,
    RegValue,
    Status,
    StimReport,
    StreamStart,
    StreamStarted,
    StreamStop,
    StreamStopped,
)
from npr_daq.wire.tables import MINOR, VERSION, ImpedanceCode, NakCode, Register, SampleFormat
from npr_drivers.frontend.conversation import Conversation
from npr_drivers.frontend.inbox import Inbox
from npr_drivers.frontend.states import LINK_TABLE, LinkEvent, LinkState
from npr_drivers.frontend.stimulator import StimulatorHalf
from npr_drivers.frontend.stream import StreamFollower
from npr_drivers.frontend.vocabulary import VERIFIED as VERIFIED_LEVELS
from npr_drivers.frontend.vocabulary import capabilities_of, event_of, report_of, told

HELLO_S = 0.5
HELLO_TRIES = 4
IMPEDANCE_S = 3.0
"""Wire document 5.7."""
HOLD_S = 30.0
"""How much signal waits for a runner that does not take it."""
BLOCK_S = 0.004
"""Signal per DATA: 80 samples at 20 kHz, at most what one frame carries."""
SLOW_HZ, SLOW_BLOCK_S = 5_000, 0.01
"""Up to this rate, that of movements, nothing is armed against the samples: fewer, longer blocks."""


class Frontend:
    """The reference front-end: 16 EMG channels and one constant-current stimulator with markers in-band.

    Also the half of one: an amplifier, whose `configure` raises PlanError, or a stimulator, whose streams have no
    channels and whose blocks have markers only.

    It owns the transport and one reader thread. Calls come from one thread (the runner's); `progress`, `make_safe`
    and `close` may come from any. A failed line is LOST for good: open the device again for another run.
    """

    VERIFIED: ClassVar[Mapping[str, str | None]] = VERIFIED_LEVELS

    capabilities: Capabilities
    calibration: Calibration

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._link: Machine[LinkState, LinkEvent] = Machine("link", LINK_TABLE, LinkState.CLOSED)
        self._moving = threading.Lock()
        self._inbox = Inbox()
        self._follower: StreamFollower | None = None
        self._ended = False
        self._starting: tuple[int, ...] = ()
        self._reported: set[tuple[int, int]] = set()
        self._stimulator: StimulatorHalf | None = None
        self._counts = {"repeated_blocks": 0, "foreign_blocks": 0, "stray_blocks": 0, "repeated_reports": 0}
        self._talk = Conversation(transport, hear=self._hear, damaged=self._damaged, lost=self._line_lost, clock=clock)

    @classmethod
    def open(
        cls, transport: Transport, *, simulated_hint: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> Self:
        """Identify the device, stop whatever it was doing, read its calibration and limits.

        Delivers nothing. Raises TimedOut when nobody answers, WireError or Refused for another kind of device; the
        transport is closed then.
        """
        frontend = cls(transport, clock=clock)
        try:
            frontend._bring_up(simulated_hint=simulated_hint)
        except BaseException:
            frontend._talk.close()
            raise
        return frontend

    @property
    def state(self) -> LinkState:
        """Where the link is."""
        return self._link.state

    @property
    def counts(self) -> Mapping[str, int]:
        """What was dropped without harm: repeated, foreign and stray blocks, repeated reports."""
        follower = self._follower
        return {
            **self._counts,
            "repeated_blocks": self._counts["repeated_blocks"] + (follower.repeats if follower else 0),
            "foreign_blocks": self._counts["foreign_blocks"] + (follower.foreign if follower else 0),
        }

    def start(self, rate_hz: int, channels: Sequence[int]) -> Stream:
        """See `Amplifier.start`; a running stream is stopped first."""
        self._refuse_after_the_end()
        picked = tuple(channels)
        count = self.capabilities.channel_count
        # A device without channels has a stream all the same: FIRE names its samples (wire document 5.15).
        fits = list(picked) == sorted(set(picked)) and all(0 <= channel < count for channel in picked)
        if not fits or (count and not picked):
            known = f"an ascending choice of 0 to {count - 1}" if count else "the () of a device that has no channels"
            raise Refused(f"channels {picked} are not {known}", code=int(NakCode.VALUE))
        if self._link.state is LinkState.STREAMING:
            self.stop()
        seconds = BLOCK_S if rate_hz > SLOW_HZ else SLOW_BLOCK_S
        block = max(1, min(round(rate_hz * seconds), largest_block(channels=len(picked))))
        request = StreamStart(rate_hz, sum(1 << c for c in picked), SampleFormat.I24, block)
        self._inbox.hold_samples(round(HOLD_S * rate_hz))
        self._starting = picked
        try:
            self._talk.ask(request, StreamStarted)
        except (TimedOut, WireError):
            # It may stream all the same: nothing must run that nobody follows.
            with suppress(InstrumentError, TransportError):
                self._talk.ask(StreamStop(), StreamStopped)
            raise
        self._move(LinkEvent.START)
        assert self._follower is not None  # the reader made it from the same reply
        return self._follower.stream

    def stop(self) -> None:
        """See `Amplifier.stop`."""
        if self._link.state is LinkState.STREAMING:
            self._talk.ask(StreamStop(), StreamStopped)
            self._move(LinkEvent.STOP)

    def take(self, timeout_s: float) -> list[Item]:
        """See `Amplifier.take`."""
        return self._inbox.take(timeout_s)

    def impedance(self, channels: Sequence[int], frequency_hz: int = 30) -> list[Impedance]:
        """See `Amplifier.impedance`; takes up to 3 s."""
        if self._talk.arm_token:
            raise Refused("impedance is not measured while armed; disarm first", code=int(NakCode.STATE))
        mask = sum(1 << c for c in set(channels))
        reply = self._talk.ask(ImpedanceRequest(mask, frequency_hz), ImpedanceReply, timeout_s=IMPEDANCE_S)
        measured = [c for c in range(32) if reply.channel_mask >> c & 1]
        rows = {
            c: Impedance(c, r.g1_ohm / 1e3, r.g2_ohm / 1e3, reply.freq_hz, ok=r.status == ImpedanceCode.OK)
            for c, r in zip(measured, reply.readings, strict=True)
        }
        absent = [c for c in channels if c not in rows]
        if absent:
            raise WireError(f"the device did not measure the channels {absent}; check the head box")
        return [rows[c] for c in channels]

    def status(self) -> DeviceStatus:
        """See `Amplifier.status`."""
        return self._stimulate().status()

    def set_limits(self, limits: StimulusLimits) -> StimulusLimits:
        """See `Stimulator.set_limits`."""
        return self._stimulate().set_limits(limits)

    def configure(self, stimulus: Stimulus) -> None:
        """See `Stimulator.configure`."""
        self._stimulate().configure(stimulus)

    def arm(self, shown: StimulusLimits) -> None:
        """See `Stimulator.arm`. May enable current: nothing flows before `fire`."""
        self._stimulate().arm(shown)

    def fire(self, stim_seq: int, at_sample: int) -> None:
        """See `Stimulator.fire`. Delivers current."""
        self._stimulate().fire(stim_seq, at_sample)

    def disarm(self) -> None:
        """See `Stimulator.disarm`."""
        self._stimulate().disarm()

    def make_safe(self) -> bool:
        """See `Stimulator.make_safe`."""
        return self._stimulator is not None and self._stimulator.make_safe()

    def acknowledge(self) -> None:
        """See `Stimulator.acknowledge`."""
        self._stimulate().acknowledge()

    def last_stim_seq(self) -> int:
        """See `Stimulator.last_stim_seq`; asks the device, and counts what was sent but may not have arrived."""
        stimulator = self._stimulate()
        return max(stimulator.status().last_stim_seq, stimulator.spent)

    def progress(self) -> None:
        """See `Stimulator.progress`."""
        self._talk.progress()

    def close(self) -> None:
        """Make safe, stop, and give the line back; harmless twice and after a lost line."""
        if self._link.state in (LinkState.READY, LinkState.STREAMING):
            self.make_safe()
            # A stream that cannot be stopped stops by itself when its host falls silent.
            with suppress(InstrumentError, TransportError):
                self.stop()
        self._ended = True
        self._talk.close()
        self._inbox.fail(self._talk.closed())
        with self._moving:
            if self._link.can(LinkEvent.CLOSE):
                self._link.fire(LinkEvent.CLOSE)

    def _bring_up(self, *, simulated_hint: bool) -> None:
        self._move(LinkEvent.OPEN)
        self._talk.begin()
        self._move(LinkEvent.OPENED)
        ident = self._identify()
        self._talk.ask(StreamStop(), StreamStopped)
        area_cm2 = self._talk.ask(RegRead(Register.ELECTRODE_AREA_MM2), RegValue).value / 100.0
        # The block counts its delays in samples of the highest rate of IDENT (wire document, section 7).
        fastest = max(ident.rates_hz, default=0)
        block = self._read_calibration()
        self.calibration = replace(block, delay_rate_hz=float(fastest)) if fastest > 0 else block
        self.capabilities = capabilities_of(ident, electrode_area_cm2=area_cm2, simulated_hint=simulated_hint)
        self._stimulator = StimulatorHalf(
            self._talk, ident, electrode_area_cm2=area_cm2, calibrated=self.calibration.valid
        )
        self._stimulator.begin()
        self._move(LinkEvent.IDENTIFIED)

    def _identify(self) -> Ident:
        nonce = secrets.randbits(32)
        last: NprError | None = None
        for _ in range(HELLO_TRIES):
            # HELLO delivers nothing and changes nothing that a second one would not, so it alone may be repeated.
            try:
                ident = self._talk.ask(Hello(VERSION >> 4, MINOR, nonce), Ident, timeout_s=HELLO_S)
            except TimedOut as error:
                last = error
                continue
            if ident.host_nonce != nonce:
                last = WireError("the device answered another host's HELLO")
                continue
            if ident.major != VERSION >> 4:
                raise WireError(f"the device speaks EMGSTIM/{ident.major}, this driver EMGSTIM/{VERSION >> 4}")
            return ident
        raise TimedOut(
            f"nothing that speaks EMGSTIM/1 answered this host's HELLO within {HELLO_S * HELLO_TRIES:g} s; "
            "check power, cable and address, and that no other program uses the line"
        ) from last

    def _read_calibration(self) -> Calibration:
        block = bytearray()
        while True:
            part = self._talk.ask(CalRead(len(block), MAX_READ), CalData)
            if part.offset != len(block) or (not part.data and len(block) < part.total):
                raise WireError(f"the calibration block stops at byte {len(block)} of {part.total}")
            block += part.data
            if len(block) >= part.total:
                calibration = unpack_calibration(bytes(block))
                return replace(calibration, serial=told(calibration.serial))

    def _hear(self, received: Received) -> None:
        """In the reader thread, in order of arrival."""
        match received.message:
            case Data() as data:
                self._hear_data(data)
                return
            case StreamStarted() as started:
                # From here on DATA belongs to this stream: the device sends this reply before its first block.
                self._retire_follower()
                channels = self._starting
                self._follower = StreamFollower(Stream(started.stream_id, started.rate_num, started.rate_den, channels))
            case StreamStopped():
                self._retire_follower()
            case StimReport() as report:
                key = (report.stim_seq, report.pulse)
                if key in self._reported:
                    self._counts["repeated_reports"] += 1
                else:
                    self._reported.add(key)
                    self._inbox.put(report_of(report))
            case Event() as event:
                self._inbox.put(event_of(event))
            case _:
                pass
        if self._stimulator is not None and self._stimulator.hear(received):
            assert isinstance(received.message, Status)
            state = received.message.state.name
            text = f"the device is no longer armed; it is {state}"
            self._inbox.put(DeviceEvent("state", text, state, int(received.message.interlocks)))

    def _hear_data(self, data: Data) -> None:
        if self._follower is None:
            self._counts["stray_blocks"] += 1
            return
        block = self._follower.block(data)
        if block is not None:
            self._inbox.put(block)

    def _retire_follower(self) -> None:
        if self._follower is not None:
            self._counts["repeated_blocks"] += self._follower.repeats
            self._counts["foreign_blocks"] += self._follower.foreign
            self._follower = None

    def _damaged(self, text: str) -> None:
        self._inbox.put(DeviceEvent("garbage", text))

    def _line_lost(self, error: TransportError) -> None:
        with self._moving:
            if self._link.can(LinkEvent.FAIL):
                self._link.fire(LinkEvent.FAIL)
        self._inbox.fail(error, DeviceEvent("lost", str(error)))

    def _move(self, event: LinkEvent) -> None:
        with self._moving:
            self._refuse_after_the_end()
            self._link.fire(event)

    def _refuse_after_the_end(self) -> None:
        if self._link.state is LinkState.LOST or self._ended:
            raise self._talk.closed()

    def _stimulate(self) -> StimulatorHalf:
        if self._stimulator is None:
            raise IllegalTransition(f"the front-end is {self._link.state.name}, not identified; open it first")
        return self._stimulator
