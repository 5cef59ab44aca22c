"""What the simulated front-end answers to each request (wire specification, sections 4 to 6)."""

import zlib
from typing import TYPE_CHECKING

from npr_daq.calibration import Calibration
from npr_daq.wire.calibration_block import pack_calibration, unpack_calibration
from npr_daq.wire.link import Received
from npr_daq.wire.messages import (
    ArmConfirm,
    ArmRequest,
    CalData,
    CalRead,
    Clear,
    Cleared,
    DescData,
    DescRead,
    Disarm,
    Disarmed,
    EStop,
    Fire,
    FireAccepted,
    Heartbeat,
    Hello,
    Ident,
    ImpedanceRequest,
    Message,
    Nak,
    RegRead,
    RegWrite,
    Status,
    StimProgram,
    StimProgrammed,
    StreamStart,
    StreamStarted,
    StreamStop,
    StreamStopped,
)
from npr_daq.wire.tables import MINOR, VERSION, Interlock, NakCode, Register
from npr_simulators.amplifier import Stream, check_start, measured_impedance
from npr_simulators.counter_stream import CounterStream, check_counter_start
from npr_simulators.kinds import Kind
from npr_simulators.limits import ELECTRODE_AREA_MM2, Denied
from npr_simulators.memory import (
    CHANNEL_COUNT,
    FIRMWARE,
    RATES_HZ,
    TICKS_HZ,
    Registers,
    calibration_block,
    descriptor,
    piece,
    serial_number,
)
from npr_simulators.outbox import DATA_BYTES_MAX
from npr_simulators.states import BEFORE_HELLO, FORBIDS_ARMING, REFUSED, Move
from npr_simulators.stimulator import HIGH_VOLTAGE

if TYPE_CHECKING:
    from npr_simulators.device import SimulatedFrontend

FRAME_BYTES = 4096
TEMPERATURE_CC = 3150


class Answers:
    """Gives every request exactly one answer, its reply or a NAK."""

    def __init__(self, device: "SimulatedFrontend", *, serial_seed: int, channel_names: tuple[str, ...]) -> None:
        self._device = device
        kind = device.kind
        self._serial = f"{serial_number(serial_seed)[: 16 - len(kind.mark)]}{kind.mark}"
        self._channels = CHANNEL_COUNT if kind.records else 0
        self._calibration = _half(calibration_block(self._serial), kind)
        self._descriptor = descriptor(channel_names if kind.records else ())
        facts = {
            Register.CHANNEL_COUNT: self._channels,
            Register.ELECTRODE_AREA_MM2: ELECTRODE_AREA_MM2 if kind.stimulates else 0,
        }
        self._registers = Registers(device.stimulator.limits, facts)
        self._session = False

    def end_session(self) -> None:
        """The next host has to say HELLO first."""
        self._session = False

    def answer(self, received: Received, now_s: float) -> None:
        """Answer one frame."""
        try:
            reply = self._reply(received, now_s)
        except Denied as refusal:
            reply = Nak(refusal.code, refusal.text)
        if reply is not None:
            self._device.wire.say(reply, re=received.seq)

    def _reply(self, received: Received, now_s: float) -> Message | None:
        message = received.message
        if received.error is not None:
            raise Denied(received.error.code, str(received.error))
        if message is None or type(message) not in REFUSED:
            raise Denied(NakCode.UNSUPPORTED, f"{type(message).__name__} is nothing that a host says")
        device = self._device
        if not self._session and not isinstance(message, BEFORE_HELLO):
            raise Denied(NakCode.STATE, f"{type(message).__name__} before HELLO")
        if not isinstance(message, Fire):  # FIRE looks at its number first (5.10)
            self._check_state(message)
        match message:
            case Hello():
                self._greet(message, received.seq, now_s)
                return None
            case Heartbeat():
                return self._beat(message, now_s)
            case DescRead():
                return DescData(
                    message.offset, len(self._descriptor), piece(self._descriptor, message.offset, message.length)
                )
            case CalRead():
                return CalData(
                    message.offset, len(self._calibration), piece(self._calibration, message.offset, message.length)
                )
            case RegRead():
                return self._registers.read(message)
            case RegWrite():
                # Whether it is then refused or not (5.9).
                device.stimulator.void_challenge()
                return self._registers.write(message)
            case StreamStart():
                return self._start(message, now_s)
            case StreamStop():
                device.stop_stream(flush=True)
                return StreamStopped(device.stream_id, device.samples)
            case ImpedanceRequest():
                if device.streaming:
                    raise Denied(NakCode.BUSY, "impedance is not measured while a stream runs")
                if not device.kind.records:
                    raise Denied(NakCode.VALUE, "there are no channels, so there are no electrodes to measure")
                return measured_impedance(device.face, message)
            case StimProgram():
                device.stimulator.accept(message)
                device.clear_interlocks(Interlock.ELECTRODE_OPEN | Interlock.COMPLIANCE)
                return StimProgrammed(message.program_id)
            case ArmRequest():
                return self._challenge(message)
            case ArmConfirm():
                return self._arm(message, now_s)
            case Disarm():
                for report in device.stimulator.leave(Move.DISARM):
                    device.wire.say(report)
                return Disarmed(device.state)
            case Fire():
                return self._fire(message)
            case EStop():
                device.fault(Interlock.E_STOP)
                return self._status(0)
            case Clear():
                if not device.clear_fault():
                    raise Denied(NakCode.INTERLOCK, "use the reset control of the device first")
                return Cleared(device.state)
        raise Denied(NakCode.UNSUPPORTED, f"{type(message).__name__} is not known")

    def _check_state(self, message: Message) -> None:
        code = REFUSED[type(message)].get(self._device.state)
        if code is None:
            return
        if code is NakCode.REFRACTORY:
            self._device.set_interlocks(Interlock.RATE_LIMIT)
        raise Denied(code, f"{type(message).__name__} while {self._device.state.name}")

    def _greet(self, hello: Hello, seq: int, now_s: float) -> None:
        device = self._device
        if hello.max_major < VERSION >> 4:
            raise Denied(NakCode.VERSION, f"the host speaks up to version {hello.max_major}, this is {VERSION >> 4}")
        aborted = device.new_session(now_s)
        self._session = True
        device.wire.say(
            Ident(
                major=VERSION >> 4,
                minor=MINOR,
                host_nonce=hello.host_nonce,
                boot_id=device.boot_id,
                descriptor_crc=zlib.crc32(self._descriptor),
                serial=self._serial,
                firmware=FIRMWARE,
                model=device.kind.model,
                channel_count=self._channels,
                rates_hz=RATES_HZ,
                hard_limits=device.stimulator.limits.hard,
                simulated=True,
                ticks_hz=TICKS_HZ,
                last_stim_seq=device.stimulator.last_stim_seq,
            ),
            re=seq,
        )
        for report in aborted:
            device.wire.say(report)
        device.clear_interlocks(Interlock.HEARTBEAT_LOST | Interlock.RX_OVERFLOW)

    def _beat(self, beat: Heartbeat, now_s: float) -> Status:
        device = self._device
        device.watchdog.beat(now_s)
        if device.live and beat.arm_token == device.stimulator.token:
            device.watchdog.token_beat(now_s)
        device.clear_interlocks(Interlock.HEARTBEAT_LOST)
        return self._status(beat.host_ns)

    def _status(self, host_ns: int) -> Status:
        device = self._device
        return Status(
            host_ns=host_ns,
            dev_ticks=device.ticks,
            sample_index=device.samples,
            state=device.state,
            interlocks=device.interlocks,
            last_stim_seq=device.stimulator.last_stim_seq,
            temp_cc=TEMPERATURE_CC,
            hv_v=HIGH_VOLTAGE if device.live else 0,
            queue_free=max(0, DATA_BYTES_MAX - device.wire.queued_bytes) // FRAME_BYTES,
        )

    def _start(self, request: StreamStart, now_s: float) -> StreamStarted:
        device = self._device
        (check_start if device.kind.records else check_counter_start)(request)
        if device.streaming:
            raise Denied(NakCode.BUSY, f"stream {device.stream_id} is running; stop it first")
        stream = self._stream(request)
        device.begin_stream(stream, now_s)
        return StreamStarted(request.rate_hz, 1, stream.stream_id, stream.start_ticks)

    def _stream(self, request: StreamStart) -> Stream | CounterStream:
        device = self._device
        stream_id = device.stream_id + 1
        if not device.kind.records:
            return CounterStream(device.face, request, stream_id=stream_id, start_ticks=device.ticks)
        return Stream(
            device.face,
            request,
            stream_id=stream_id,
            start_ticks=device.ticks,
            faults=device.channel_faults,
            blank_ms=device.blank_ms,
        )

    def _challenge(self, request: ArmRequest) -> Message:
        device = self._device
        device.stimulator.void_challenge()
        device.clear_interlocks(Interlock.HOST_LIMITS_DIFFER)
        if device.ticks < device.stimulator.rested_ticks and device.stimulator.last_onset_ticks is not None:
            device.set_interlocks(Interlock.RATE_LIMIT)
            limit_us = device.stimulator.limits.min_interval_us
            raise Denied(NakCode.REFRACTORY, f"less than {limit_us} us after the last onset")
        self._check_interlocks()
        return device.stimulator.challenge(request, device.ticks)

    def _arm(self, request: ArmConfirm, now_s: float) -> Message:
        device = self._device
        try:
            device.stimulator.answer_challenge(request, device.ticks)
        except Denied as refusal:
            if refusal.code is NakCode.LIMITS_DIFFER:
                device.set_interlocks(Interlock.HOST_LIMITS_DIFFER)
            raise
        self._check_interlocks()
        device.watchdog.token_beat(now_s)
        return device.stimulator.arm(device.ticks)

    def _check_interlocks(self) -> None:
        standing = self._device.interlocks & FORBIDS_ARMING
        if standing:
            names = ", ".join(bit.name.lower().replace("_", " ") for bit in standing if bit.name)
            raise Denied(NakCode.INTERLOCK, f"standing: {names}")

    def _fire(self, request: Fire) -> FireAccepted:
        device = self._device
        try:
            device.stimulator.fire(request, device.stream, device.ticks)
        except Denied as refusal:
            if refusal.code is NakCode.REUSED and request.stim_seq == device.stimulator.last_stim_seq:
                for report in device.stimulator.reports:
                    device.wire.say(report)
            elif refusal.code is NakCode.REFRACTORY:
                device.set_interlocks(Interlock.RATE_LIMIT)
            raise
        return FireAccepted(request.stim_seq, request.at_sample)


def _half(block: bytes, kind: Kind) -> bytes:
    """The calibration block with what this kind has of it; byte for byte the same for a device with both halves."""
    whole = unpack_calibration(block)
    return pack_calibration(
        Calibration(
            serial=whole.serial,
            version=whole.version,
            unix_time=whole.unix_time,
            channels=whole.channels if kind.records else (),
            ranges=whole.ranges if kind.stimulates else (),
            raw=b"",
        )
    )
