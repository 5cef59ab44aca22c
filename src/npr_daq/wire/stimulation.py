"""Messages that program, arm, fire and report a stimulus."""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Self
from zlib import crc32

from npr_daq.wire.layout import (
    BadMessage,
    Fixed,
    FixedReply,
    Message,
    closed,
    opened,
    pack_values,
    unpack_head,
)
from npr_daq.wire.tables import ArmOp, Chan, DeviceState, MessageType, ProgramFlag, PulseCode

_PROGRAM = Struct("<HBBIHHI")
_PHASE = Struct("<iI")
_LIMITS = Struct("<IIIH")
NO_FLAGS = ProgramFlag(0)
NOT_MEASURED_UA = -(2**31)
"""`measured_ua` of a pulse that began and was not measured: whether and how much flowed is unknown."""


def limits_crc(max_current_ua: int, max_charge_nc: int, min_interval_us: int, max_pulses: int) -> int:
    """CRC-32 of the 14 limit bytes of ARM, as the operator was shown them; it confirms the arming."""
    return crc32(pack_values(_LIMITS, (max_current_ua, max_charge_nc, min_interval_us, max_pulses)))


@dataclass(frozen=True, slots=True)
class Phase:
    """One rectangular phase; a positive current is cathodal under the distal electrode."""

    current_ua: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class StimProgram(Message):
    """Host: the pulse (or train of `count` pulses, one every `period_us`) that the next FIRE delivers."""

    type: ClassVar[MessageType] = MessageType.STIM_PROGRAM

    program_id: int
    channel: int
    phases: tuple[Phase, ...]
    period_us: int
    count: int
    max_charge_nc: int
    flags: ProgramFlag = NO_FLAGS

    def pack(self) -> bytes:
        """The payload; raises WireError for a value that its field cannot hold."""
        head = pack_values(
            _PROGRAM,
            (
                self.program_id,
                self.channel,
                len(self.phases),
                self.period_us,
                self.count,
                self.max_charge_nc,
                self.flags,
            ),
        )
        return head + b"".join(pack_values(_PHASE, (p.current_ua, p.duration_us)) for p in self.phases)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload; raises BadMessage when it is malformed."""
        head, rest = unpack_head(_PROGRAM, payload, what="StimProgram")
        program_id, channel, count_phases, period_us, count, max_charge_nc, flags = head
        if len(rest) != count_phases * _PHASE.size:
            raise BadMessage(f"StimProgram: {len(rest)} bytes for {count_phases} phases")
        phases = tuple(Phase(*row) for row in _PHASE.iter_unpack(rest))
        return cls(program_id, channel, phases, period_us, count, max_charge_nc, ProgramFlag(flags))


@dataclass(frozen=True, slots=True)
class StimProgrammed(FixedReply):
    """Device: the program passed every check and is the one that ARM may name."""

    type: ClassVar[MessageType] = MessageType.STIM_PROGRAM
    layout: ClassVar[Struct] = Struct("<HH")

    program_id: int


@dataclass(frozen=True, slots=True)
class ArmRequest(Fixed):
    """Host: first step of arming."""

    type: ClassVar[MessageType] = MessageType.ARM
    op: ClassVar[int | None] = ArmOp.REQUEST
    layout: ClassVar[Struct] = Struct("<BH")

    program_id: int


@dataclass(frozen=True, slots=True)
class ArmChallenge(FixedReply):
    """Device: a random number to repeat within 2 s, and the limits that it will enforce."""

    type: ClassVar[MessageType] = MessageType.ARM
    op: ClassVar[int | None] = ArmOp.REQUEST
    layout: ClassVar[Struct] = Struct("<HBIIIIH")

    challenge: int
    max_current_ua: int
    max_charge_nc: int
    min_interval_us: int
    max_pulses: int


@dataclass(frozen=True, slots=True)
class ArmConfirm(Fixed):
    """Host: second step of arming; `limits_crc` is that of the limits the operator was shown."""

    type: ClassVar[MessageType] = MessageType.ARM
    op: ClassVar[int | None] = ArmOp.CONFIRM
    layout: ClassVar[Struct] = Struct("<BII")

    challenge: int
    limits_crc: int


@dataclass(frozen=True, slots=True)
class ArmToken(FixedReply):
    """Device: it is armed; the token serves one FIRE and is never 0."""

    type: ClassVar[MessageType] = MessageType.ARM
    op: ClassVar[int | None] = ArmOp.CONFIRM
    layout: ClassVar[Struct] = Struct("<HBI")

    arm_token: int


@dataclass(frozen=True, slots=True)
class Disarm(Fixed):
    """Host: leave ARMED, and abort a pulse that is due or running."""

    type: ClassVar[MessageType] = MessageType.ARM
    op: ClassVar[int | None] = ArmOp.DISARM
    layout: ClassVar[Struct] = Struct("<B")


@dataclass(frozen=True, slots=True)
class Disarmed(FixedReply):
    """Device: no token is alive; `state` is where it is now."""

    type: ClassVar[MessageType] = MessageType.ARM
    op: ClassVar[int | None] = ArmOp.DISARM
    layout: ClassVar[Struct] = Struct("<HBB")
    words = {"state": closed(DeviceState)}  # noqa: RUF012

    state: DeviceState


@dataclass(frozen=True, slots=True)
class Fire(Fixed):
    """Host: deliver the program once, its first onset at `at_sample` of the running stream."""

    type: ClassVar[MessageType] = MessageType.FIRE
    layout: ClassVar[Struct] = Struct("<IIHQ")

    arm_token: int
    stim_seq: int
    program_id: int
    at_sample: int


@dataclass(frozen=True, slots=True)
class FireAccepted(FixedReply):
    """Device: `stim_seq` is spent and will be delivered at `at_sample` unless aborted; a STIM_REPORT follows."""

    type: ClassVar[MessageType] = MessageType.FIRE
    layout: ClassVar[Struct] = Struct("<HIQ")

    stim_seq: int
    at_sample: int


@dataclass(frozen=True, slots=True)
class StimReport(Fixed):
    """Device, unasked: what one pulse really was; `pulse` counts from 0 within its FIRE.

    `measured_ua` 0 says that nothing flowed, `NOT_MEASURED_UA` that nobody knows.
    """

    type: ClassVar[MessageType] = MessageType.STIM_REPORT
    chan: ClassVar[Chan] = Chan.EVENT
    layout: ClassVar[Struct] = Struct("<IQHHiiIiHHBHx")
    words = {"result": opened(PulseCode)}  # noqa: RUF012

    stim_seq: int
    onset_sample: int
    subsample_q16: int
    program_id: int
    commanded_ua: int
    measured_ua: int
    measured_width_ns: int
    charge_nc: int
    compliance_v: int
    load_ohm_x10: int
    result: PulseCode | int
    pulse: int

    @property
    def subsample(self) -> float:
        """Onset behind `onset_sample`, as a fraction of a sample period in [0, 1)."""
        return self.subsample_q16 / 65536

    @property
    def load_ohm(self) -> int:
        """Load in ohm, in steps of 10."""
        return self.load_ohm_x10 * 10
