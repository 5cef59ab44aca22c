"""Every number of EMGSTIM/1 that has a name (`docs/wire/emgstim-1.md`, section 9)."""

from enum import IntEnum, IntFlag

VERSION = 0x10
"""The `ver` of every frame of version 1.x: the major in the high nibble."""
MINOR = 1
"""The minor version of this program, as HELLO and IDENT say it."""


class MessageType(IntEnum):
    """What a frame is; request and reply share the number and differ in the reply flag."""

    HELLO = 0x01
    IDENT = 0x02
    DESC = 0x03
    REG = 0x04
    CAL = 0x05
    STREAM = 0x10
    DATA = 0x11
    IMPEDANCE = 0x12
    HEARTBEAT = 0x20
    STATUS = 0x21
    STIM_PROGRAM = 0x30
    ARM = 0x31
    FIRE = 0x32
    STIM_REPORT = 0x33
    CLEAR = 0x3E
    ESTOP = 0x3F
    EVENT = 0x40
    NAK = 0x7F


class FrameFlag(IntFlag):
    """Bits of a frame's `flags`; `MORE` is reserved in version 1.0."""

    REPLY = 1
    ERROR = 2
    MORE = 4


class Chan(IntEnum):
    """Channels of one link, each with its own sequence numbers in each direction."""

    CONTROL = 0
    DATA = 1
    EVENT = 2
    LOG = 3


class RegOp(IntEnum):
    """First byte of a REG request, third of its reply."""

    READ = 1
    WRITE = 2


class StreamOp(IntEnum):
    """First byte of a STREAM request, third of its reply."""

    STOP = 0
    START = 1


class ArmOp(IntEnum):
    """First byte of an ARM request, third of its reply."""

    REQUEST = 1
    CONFIRM = 2
    DISARM = 3


class NakCode(IntEnum):
    """Why a request was refused; nothing has changed unless the state table says so."""

    UNSUPPORTED = 1
    VERSION = 2
    MALFORMED = 3
    STATE = 4
    LIMIT = 5
    LATE = 6
    REUSED = 7
    TOKEN = 8
    CHALLENGE = 9
    LIMITS_DIFFER = 10
    INTERLOCK = 11
    REFRACTORY = 12
    BUSY = 13
    ADDRESS = 14
    READ_ONLY = 15
    PROGRAM = 16
    VALUE = 17


class DeviceState(IntEnum):
    """States of the device (devices reference 3.6)."""

    BOOT = 0
    SAFE = 1
    CONFIGURED = 2
    ARMED = 3
    FIRING = 4
    REFRACTORY = 5
    FAULT = 6


class EventCode(IntEnum):
    """What the device says without being asked."""

    STATE = 1
    INTERLOCK = 2
    WATCHDOG = 3
    OVERFLOW = 4
    BUTTON = 5
    GARBAGE = 6
    TOKEN = 7
    STREAM = 8


class Tlv(IntEnum):
    """Tags of the values that follow the fixed part of IDENT."""

    SERIAL = 1
    FIRMWARE = 2
    MODEL = 3
    CHANNEL_COUNT = 4
    RATES = 5
    HARD_LIMITS = 6
    SIMULATED = 7
    TICKS_HZ = 8
    LAST_STIM_SEQ = 9


class ValueType(IntEnum):
    """How the value of a register is written."""

    U8 = 1
    U16 = 2
    U32 = 3
    U64 = 4
    I32 = 5


class Register(IntEnum):
    """Registers, all u32: 0x01xx limits in force, 0x011x the hard limits behind them, 0x012x facts."""

    MAX_CURRENT_UA = 0x0100
    MAX_CHARGE_NC = 0x0101
    MAX_ENERGY_UJ = 0x0102
    MIN_INTERVAL_US = 0x0103
    MAX_WIDTH_US = 0x0104
    MAX_RMS_DENSITY_UA_CM2 = 0x0105
    MAX_PULSES = 0x0106
    HARD_MAX_CURRENT_UA = 0x0110
    HARD_MAX_CHARGE_NC = 0x0111
    HARD_MAX_ENERGY_UJ = 0x0112
    HARD_MIN_INTERVAL_US = 0x0113
    HARD_MAX_WIDTH_US = 0x0114
    HARD_MAX_RMS_DENSITY_UA_CM2 = 0x0115
    HARD_MAX_PULSES = 0x0116
    TICKS_HZ = 0x0120
    CHANNEL_COUNT = 0x0121
    ELECTRODE_AREA_MM2 = 0x0122

    @property
    def hard(self) -> "Register | None":
        """The hard limit behind a limit in force; None for a register that is not one."""
        return Register(self + 0x10) if self <= Register.MAX_PULSES else None

    @property
    def writable(self) -> bool:
        """Whether the host may write it."""
        return self.hard is not None


class Interlock(IntFlag):
    """Interlock bits, set while their cause stands or is latched."""

    E_STOP = 1 << 0
    HANDPIECE_OPEN = 1 << 1
    ELECTRODE_OPEN = 1 << 2
    COMPLIANCE = 1 << 3
    HV_RANGE = 1 << 4
    OVER_TEMPERATURE = 1 << 5
    HEARTBEAT_LOST = 1 << 6
    CALIBRATION_CRC = 1 << 7
    CHARGE_BUDGET = 1 << 8
    RATE_LIMIT = 1 << 9
    ISOLATION = 1 << 10
    SELF_TEST = 1 << 11
    HOST_LIMITS_DIFFER = 1 << 12
    CLOCK = 1 << 13
    RX_OVERFLOW = 1 << 14


class ProgramFlag(IntFlag):
    """Flags of a stimulus program."""

    CHARGE_BALANCED = 1


class MarkerCode(IntEnum):
    """`kind` of an in-band marker."""

    STIMULUS = 1
    BLANKING_START = 2
    BLANKING_END = 3
    TTL_RISING = 4
    TTL_FALLING = 5
    BUTTON = 6
    NOTE = 7


class PulseCode(IntEnum):
    """`result` of a pulse report."""

    OK = 0
    COMPLIANCE = 1
    OPEN = 2
    SHORT = 3
    ABORTED = 4


class ImpedanceCode(IntEnum):
    """`status` of one channel's impedance reading."""

    OK = 0
    HIGH = 1
    OPEN = 2
    NOT_MEASURED = 3


class SampleFormat(IntEnum):
    """How samples are written in DATA; all little-endian two's complement."""

    I16 = 0
    I24 = 1
    I32 = 2

    @property
    def width(self) -> int:
        """Bytes per sample of one channel."""
        return self + 2
