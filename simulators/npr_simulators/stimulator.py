"""The stimulator half of the device: program, two-step arming, one FIRE per token, pulses and their reports."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from npr_daq.machine import Machine
from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    Fire,
    StimProgram,
    StimReport,
    limits_crc,
)
from npr_daq.wire.tables import DeviceState, NakCode, PulseCode
from npr_simulators.limits import Denied, Limits
from npr_simulators.memory import TICKS_HZ
from npr_simulators.pulse import SUBSAMPLE_STEPS, Pulse, load_ohm, onset_jitter, output_gain, reading_error_us
from npr_simulators.states import LIVE, MOVES, REFUSED, Move

CHALLENGE_TICKS = 2 * TICKS_HZ
TOKEN_TICKS = 300 * TICKS_HZ
AHEAD_MIN_MS = 20
AHEAD_MAX_S = 10
HIGH_VOLTAGE = 400
UNKNOWN_LOAD = 0xFFFF


class SampleClock(Protocol):
    """The running stream, as far as a stimulator needs one: FIRE names a sample."""

    rate_hz: int

    def sample_at(self, ticks: int) -> int:
        """Samples that are complete at `ticks` of the device clock."""
        ...

    def ticks_at(self, sample: int) -> int:
        """The device clock at which the counter reaches `sample`."""
        ...


@dataclass(slots=True)
class Stimulator:
    """State, limits and pulses. Device time is given as ticks; `random_u32` draws challenges and tokens."""

    seed: int
    random_u32: Callable[[], int]
    limits: Limits = field(default_factory=Limits)
    machine: Machine[DeviceState, Move] = field(default_factory=lambda: Machine("device", MOVES, DeviceState.BOOT))
    program: StimProgram | None = None
    token: int = 0
    armed_ticks: int = 0
    last_stim_seq: int = 0
    last_onset_ticks: int | None = None
    pulses: deque[Pulse] = field(default_factory=deque)
    reports: list[StimReport] = field(default_factory=list)
    _challenge: ArmChallenge | None = None
    _challenge_ticks: int = 0
    _drawn: set[int] = field(default_factory=lambda: {0})

    @property
    def state(self) -> DeviceState:
        """The device's state."""
        return self.machine.state

    @property
    def live(self) -> bool:
        """Whether the high voltage is on."""
        return self.state in LIVE

    @property
    def rested_ticks(self) -> int:
        """The device clock from which on the next onset may be: the interval in force after the last one."""
        if self.last_onset_ticks is None:
            return 0
        return self.last_onset_ticks + self.limits.min_interval_us * TICKS_HZ // 1_000_000

    @property
    def expiry_ticks(self) -> int:
        """The device clock at which the living token dies of age."""
        return self.armed_ticks + TOKEN_TICKS

    def accept(self, program: StimProgram) -> None:
        """Check and keep a program; raises Denied and keeps the old one."""
        self.void_challenge()
        self.limits.check(program)
        self.program = program
        self.machine.fire(Move.PROGRAM)

    def void_challenge(self) -> None:
        """No CONFIRM can follow the last REQUEST any more."""
        self._challenge = None

    def challenge(self, request: ArmRequest, ticks: int) -> ArmChallenge:
        """First step of arming; a new challenge replaces the old one."""
        if self.program is None or request.program_id != self.program.program_id:
            held = "none" if self.program is None else str(self.program.program_id)
            raise Denied(NakCode.PROGRAM, f"program {request.program_id} is not the one held ({held})")
        self.limits.check(self.program)
        self._challenge = ArmChallenge(
            challenge=self._unpredictable(),
            max_current_ua=self.limits.max_current_ua,
            max_charge_nc=self.limits.max_charge_nc,
            min_interval_us=self.limits.min_interval_us,
            max_pulses=min(self.limits.max_pulses, 0xFFFF),
        )
        self._challenge_ticks = ticks
        return self._challenge

    def answer_challenge(self, request: ArmConfirm, ticks: int) -> None:
        """Check the second step of arming; a challenge serves once, right or wrong. Raises Denied."""
        asked, self._challenge = self._challenge, None
        if asked is None or request.challenge != asked.challenge:
            raise Denied(NakCode.CHALLENGE, "there is no such challenge; ask for a new one")
        if ticks - self._challenge_ticks > CHALLENGE_TICKS:
            raise Denied(NakCode.CHALLENGE, "the challenge is older than 2 s; ask for a new one")
        shown = limits_crc(asked.max_current_ua, asked.max_charge_nc, asked.min_interval_us, asked.max_pulses)
        if request.limits_crc != shown:
            raise Denied(NakCode.LIMITS_DIFFER, "the confirmed limits are not those that the device enforces")

    def arm(self, ticks: int) -> ArmToken:
        """The high voltage goes on; gives the token of one FIRE."""
        self.machine.fire(Move.ARM)
        self.token = self._unpredictable()
        self.armed_ticks = ticks
        return ArmToken(self.token)

    def fire(self, request: Fire, stream: SampleClock | None, ticks: int) -> None:
        """Spend a stimulus number and let its pulses wait for their samples.

        Raises Denied: then nothing has changed, nothing will be delivered, and the number is not spent.
        """
        if self.state is DeviceState.BOOT:
            raise Denied(NakCode.STATE, "FIRE while BOOT")
        if request.stim_seq == 0:
            raise Denied(NakCode.VALUE, "stimulus numbers begin at 1")
        if request.stim_seq <= self.last_stim_seq:
            raise Denied(NakCode.REUSED, f"number {request.stim_seq} is spent; the last was {self.last_stim_seq}")
        if (code := REFUSED[Fire].get(self.state)) is not None:
            raise Denied(code, f"FIRE while {self.state.name}")
        if stream is None:
            raise Denied(NakCode.STATE, "no stream is running, so no sample can be named")
        if request.arm_token != self.token:
            raise Denied(NakCode.TOKEN, "the token is not the living one")
        if self.program is None or request.program_id != self.program.program_id:
            raise Denied(NakCode.PROGRAM, f"program {request.program_id} is not the one that was armed")
        self._check_sample(request.at_sample, stream, ticks)
        self.machine.fire(Move.FIRE)
        self.last_stim_seq = request.stim_seq
        self.reports = []
        self.pulses = deque(self._pulses(self.program, request, stream))

    def _check_sample(self, at_sample: int, stream: SampleClock, ticks: int) -> None:
        newest = stream.sample_at(ticks) - 1
        earliest = newest + AHEAD_MIN_MS * stream.rate_hz // 1000
        latest = newest + AHEAD_MAX_S * stream.rate_hz
        if at_sample < earliest:
            raise Denied(NakCode.LATE, f"sample {at_sample} is before {earliest}, the earliest possible one")
        if at_sample > latest:
            raise Denied(NakCode.LIMIT, f"sample {at_sample} is behind {latest}, 10 s ahead")
        if self.last_onset_ticks is not None and stream.ticks_at(at_sample) < self.rested_ticks:
            interval_us = (stream.ticks_at(at_sample) - self.last_onset_ticks) * 1_000_000 // TICKS_HZ
            text = f"{interval_us} us after the last onset, the limit is {self.limits.min_interval_us} us"
            raise Denied(NakCode.REFRACTORY, text)

    def _pulses(self, program: StimProgram, request: Fire, stream: SampleClock) -> list[Pulse]:
        gain, load = output_gain(self.seed), load_ohm(self.seed)
        first = request.at_sample * SUBSAMPLE_STEPS + onset_jitter(self.seed, request.stim_seq)
        pulses = []
        for number in range(program.count):
            later = number * program.period_us * stream.rate_hz * SUBSAMPLE_STEPS // 1_000_000
            sample, steps = divmod(first + later, SUBSAMPLE_STEPS)
            pulses.append(
                Pulse(
                    stim_seq=request.stim_seq,
                    number=number,
                    program_id=program.program_id,
                    current_ua=program.phases[0].current_ua,
                    width_us=program.phases[0].duration_us,
                    total_us=sum(p.duration_us for p in program.phases),
                    onset_sample=sample,
                    subsample_steps=steps,
                    gain=gain,
                    rate_hz=stream.rate_hz,
                    reading_error_us=reading_error_us(self.seed, request.stim_seq, number),
                    load_ohm=load,
                )
            )
        return pulses

    def report(self, pulse: Pulse, result: PulseCode) -> StimReport:
        """The report of `pulse`, kept until the next number is spent."""
        measured = pulse.measured_ua if pulse.begun else 0
        flowed = measured != 0
        report = StimReport(
            stim_seq=pulse.stim_seq,
            onset_sample=pulse.onset_sample,
            subsample_q16=pulse.marker_steps,
            program_id=pulse.program_id,
            commanded_ua=pulse.current_ua,
            measured_ua=measured,
            measured_width_ns=pulse.width_us * 1000 if flowed else 0,
            charge_nc=round(measured * pulse.width_us / 1000),
            compliance_v=HIGH_VOLTAGE if pulse.begun else 0,
            load_ohm_x10=round(pulse.load_ohm / 10) if flowed else UNKNOWN_LOAD,
            result=result,
            pulse=pulse.number,
        )
        self.reports.append(report)
        return report

    def finish(self) -> None:
        """The last pulse has ended: the high voltage goes off, the token is dead."""
        self.token = 0
        self.machine.fire(Move.DONE)

    def leave(self, move: Move) -> list[StimReport]:
        """Go by DISARM, SAFE or FAULT: no token lives, and the pulse that is due or running is aborted and reported."""
        self.token = 0
        self.void_challenge()
        self.machine.fire(move)
        if move is not Move.DISARM:
            self.program = None
        aborted = [self.report(pulse, PulseCode.ABORTED) for pulse in list(self.pulses)[:1]]
        self.pulses.clear()
        return aborted

    def _unpredictable(self) -> int:
        while (number := self.random_u32()) in self._drawn:
            pass
        self._drawn.add(number)
        return number
