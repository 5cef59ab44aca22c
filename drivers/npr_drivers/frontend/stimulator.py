"""The stimulating half: limits, program, two-step arming, at most one FIRE per number, and making safe."""

from contextlib import suppress
from math import ceil

from npr_daq.device.contracts import DeviceStatus
from npr_daq.errors import (
    Closed,
    IllegalTransition,
    InstrumentError,
    PlanError,
    Refused,
    SafetyTrip,
    TransportError,
    WireError,
)
from npr_daq.stimulus import Stimulus, StimulusLimits
from npr_daq.wire.link import Received
from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    Clear,
    Cleared,
    Disarm,
    Disarmed,
    EStop,
    Event,
    Fire,
    FireAccepted,
    Heartbeat,
    Ident,
    Phase,
    RegRead,
    RegValue,
    RegWrite,
    Status,
    StimProgram,
    StimProgrammed,
    StimReport,
    limits_crc,
)
from npr_daq.wire.tables import DeviceState, NakCode, Register
from npr_drivers.frontend.conversation import Conversation
from npr_drivers.frontend.vocabulary import (
    ALIVE,
    ON,
    enforced,
    hard_values,
    limits_of,
    registers_of,
    shown_as_armed,
    status_of,
    stricter,
)

OUTPUT = 0
SAFE_S = 0.5
"""How long each step of making safe may take before the next stronger one is tried."""


class StimulatorHalf:
    """Everything that has to do with current. `calibrated` is False where the block's CRC is wrong: no stimulation.

    Current can flow only between `arm` and the report; `arm` names the limits shown to the operator, and the device
    confirms that it enforces the same. A stimulus number is spent by sending it, whatever the answer.
    """

    def __init__(
        self, conversation: Conversation, ident: Ident, *, electrode_area_cm2: float, calibrated: bool
    ) -> None:
        self._talk = conversation
        self._hard = hard_values(ident)
        self._calibrated = calibrated
        self._area_cm2 = electrode_area_cm2
        self._limits = limits_of(self._hard, electrode_area_cm2=electrode_area_cm2)
        self._wanted = StimulusLimits(electrode_area_cm2=electrode_area_cm2)
        self._program_id = 0
        self._programmed = False
        self._arming = False
        self._fired = 0
        self._spent = ident.last_stim_seq

    @property
    def spent(self) -> int:
        """The highest stimulus number that was ever sent, or that the device knows."""
        return self._spent

    def hear(self, received: Received) -> bool:
        """Follow what the device says about being armed; True when it left the armed states without being asked.

        In the reader thread, in order of arrival.
        """
        match received.message:
            case ArmToken(arm_token=token):
                # A token that comes after arming was given up gets no heartbeats, so the device lets it die.
                self._talk.arm_token = token if self._arming else 0
            case Disarmed():
                self._talk.arm_token = 0
            case StimReport(stim_seq=stim_seq) if stim_seq == self._fired:
                # Single shocks only: the report of the one pulse ends the arming. A copy of an old report does not.
                self._fired = 0
                self._talk.arm_token = 0
            case Status(state=state, last_stim_seq=last):
                self._spent = max(self._spent, last)
                return self._follow(state)
            case Event(state=state):
                self._follow(state)
            case _:
                pass
        return False

    def begin(self) -> None:
        """Disarm and set the limits of `StimulusLimits()`; in FAULT that waits for `acknowledge`."""
        self.disarm()
        if self._hard[Register.MAX_CURRENT_UA] and DeviceState[self.status().state] is not DeviceState.FAULT:
            self.set_limits(self._wanted)

    def set_limits(self, limits: StimulusLimits) -> StimulusLimits:
        """Disarm, write every limit, tightened to the hard ones, and return what the device reads back.

        Raises SafetyTrip when a value read back is looser than written.
        """
        self.disarm()
        held = {}
        for register, asked in registers_of(limits).items():
            value = stricter(register, asked, self._hard[register])
            self._talk.ask(RegWrite(register, value), RegValue)
            held[register] = self._talk.ask(RegRead(register), RegValue).value
            if stricter(register, value, held[register]) != held[register]:
                raise SafetyTrip(
                    f"the device keeps {register.name.lower()} at {held[register]} although {value} was written; "
                    "do not stimulate with it"
                )
        self._wanted = limits
        self._limits = limits_of(held, electrode_area_cm2=min(limits.electrode_area_cm2, self._area_cm2))
        return self._limits

    def configure(self, stimulus: Stimulus) -> None:
        """See `Stimulator.configure`."""
        if not self._hard[Register.MAX_CURRENT_UA]:
            raise PlanError("this device has no stimulator; connect the one that has")
        if not self._calibrated:
            raise SafetyTrip("the device's calibration block is damaged; stimulation is refused until it is restored")
        # The device takes the shortest allowed interval for its rms limit (wire document 5.8), so this end does too.
        self._limits.check(stimulus, rate_hz=self._limits.max_rate_hz)
        current_ua, width_us = round(stimulus.current_ma * 1e3), round(stimulus.width_us)
        if current_ua < 1 or width_us < 1:
            raise PlanError(f"a pulse of {stimulus.current_ma:g} mA for {stimulus.width_us:g} us is below one step")
        self.disarm()
        program = StimProgram(
            program_id=self._program_id % 0xFFFF + 1,
            channel=OUTPUT,
            phases=(Phase(current_ua, width_us),),
            period_us=0,
            count=1,
            # The program's own bound is its own charge: a bit turned on the way cannot make it larger.
            max_charge_nc=ceil(current_ua * width_us / 1e3),
        )
        self._programmed = False
        self._talk.ask(program, StimProgrammed)
        self._program_id = program.program_id
        self._programmed = True

    def arm(self, shown: StimulusLimits) -> None:
        """See `Stimulator.arm`; raises SafetyTrip, disarmed, when the device would enforce other limits than shown."""
        if not self._programmed:
            raise IllegalTransition("ARM before a stimulus is programmed; configure first")
        self._arming = True
        try:
            challenge = self._talk.ask(ArmRequest(self._program_id), ArmChallenge)
            seen, meant = shown_as_armed(shown), enforced(challenge)
            if seen != meant:
                raise SafetyTrip(
                    "the limits that the device enforces are not those shown: "
                    f"current, charge, interval, pulses are {_words(meant)} there and {_words(seen)} here; "
                    "set the limits again"
                )
            self._talk.ask(ArmConfirm(challenge.challenge, limits_crc(*seen)), ArmToken)
        except BaseException:
            self._arming = False
            self.make_safe()
            raise
        self._arming = False

    def fire(self, stim_seq: int, at_sample: int) -> None:
        """See `Stimulator.fire`; WireError, and nothing is known, when the device accepted another shock than asked."""
        if stim_seq <= self._spent:
            raise Refused(
                f"stimulus number {stim_seq} is not above {self._spent}, which has been used; nothing was sent",
                code=int(NakCode.REUSED),
            )
        token = self._talk.arm_token
        if not token:
            raise Refused("FIRE while not armed; nothing was sent", code=int(NakCode.TOKEN))
        # Spent before it is sent: whatever happens to the answer, this number never goes out again.
        self._spent = self._fired = stim_seq
        self._talk.progress()
        accepted = self._talk.ask(Fire(token, stim_seq, self._program_id, at_sample), FireAccepted)
        if (accepted.stim_seq, accepted.at_sample) != (stim_seq, at_sample):
            raise WireError(
                f"stimulus {stim_seq} was asked for at sample {at_sample}, the device accepted {accepted.stim_seq} at "
                f"{accepted.at_sample}; what it delivers is unknown: switch the stimulator off at the device"
            )

    def disarm(self) -> None:
        """See `Stimulator.disarm`."""
        self._arming = False
        state = self._talk.ask(Disarm(), Disarmed).state
        if state in ON:
            raise SafetyTrip(f"the device is still {state.name} after DISARM; press its emergency stop")
        read_back = DeviceState[self.status().state]
        if read_back in ON:
            raise SafetyTrip(f"the device reads back {read_back.name} after DISARM; press its emergency stop")
        self._talk.arm_token = 0

    def make_safe(self) -> bool:
        """See `Stimulator.make_safe`: DISARM with read-back, and ESTOP only where that is not confirmed."""
        self._arming = False
        try:
            # A device that refuses DISARM (while it boots) has its output off: the read-back decides.
            with suppress(Refused):
                self._talk.ask(Disarm(), Disarmed, timeout_s=SAFE_S)
            if DeviceState[self.status(timeout_s=SAFE_S).state] not in ON:
                return True
        except Closed:
            return False
        except (InstrumentError, TransportError):
            pass
        finally:
            self._talk.arm_token = 0
        try:
            return self._talk.ask(EStop(), Status, timeout_s=SAFE_S).state not in ON
        except (InstrumentError, TransportError):
            return False

    def acknowledge(self) -> None:
        """See `Stimulator.acknowledge`."""
        self._talk.ask(Clear(), Cleared)
        self._programmed = False
        self.set_limits(self._wanted)

    def status(self, *, timeout_s: float | None = None) -> DeviceStatus:
        """Ask for the device's own account; counts as a heartbeat."""
        beat = Heartbeat(self._talk.now_ns(), self._talk.arm_token)
        return status_of(self._talk.ask(beat, Status, timeout_s=timeout_s))

    def _follow(self, state: DeviceState) -> bool:
        if state in (DeviceState.SAFE, DeviceState.FAULT, DeviceState.BOOT):
            # The device forgets its program on the way to SAFE.
            self._programmed = False
        if self._talk.arm_token and state not in ALIVE:
            self._talk.arm_token = 0
            return True
        return False


def _words(numbers: tuple[int, int, int, int]) -> str:
    current_ua, charge_nc, interval_us, pulses = numbers
    return f"{current_ua / 1e3:g} mA, {charge_nc / 1e3:g} uC, {interval_us / 1e3:g} ms, {pulses}"
