"""What the device keeps in its memory: registers, calibration block, descriptor."""

import json
import zlib
from collections.abc import Mapping

from npr_daq.calibration import Calibration, ChannelCalibration, RangeCalibration
from npr_daq.wire.calibration_block import pack_calibration
from npr_daq.wire.memory import MAX_READ
from npr_daq.wire.messages import RegRead, RegValue, RegWrite
from npr_daq.wire.tables import MINOR, NakCode, Register, RegOp, ValueType
from npr_simulators.limits import ELECTRODE_AREA_MM2, HARD, Denied, Limits
from npr_simulators.sampling import GROUP_DELAY_SAMPLES, LSB_NV

CHANNEL_COUNT = 16
TICKS_HZ = 1_000_000
RATES_HZ = (20_000, 2_000)
MODEL = "simulated EMGSTIM front-end"
FIRMWARE = "npr-simulators 1"
INPUT_KOHM = 1_000_000
CALIBRATED_UNIX_TIME = 1_767_225_600
"""2026-01-01: the same for every simulated device, so that equal seeds give equal blocks."""

_FACTS = {
    Register.TICKS_HZ: TICKS_HZ,
    Register.CHANNEL_COUNT: CHANNEL_COUNT,
    Register.ELECTRODE_AREA_MM2: ELECTRODE_AREA_MM2,
}


def serial_number(seed: int) -> str:
    """The serial number of the device that belongs to `seed`; at most 16 characters."""
    return f"SIM{seed:06d}"[:16]


def calibration_block(serial: str) -> bytes:
    """The EEPROM of the simulated device."""
    channel = ChannelCalibration(
        lsb_nv=LSB_NV,
        offset_nv=0.0,
        gain_ppm_per_k=0.0,
        group_delay_samples=GROUP_DELAY_SAMPLES,
        input_kohm=INPUT_KOHM,
    )
    output = RangeCalibration(ua_per_lsb=1.0, offset_ua=0.0, hard_limit_ua=HARD.max_current_ua, trigger_to_output_ns=0)
    return pack_calibration(
        Calibration(
            serial=serial,
            version=1,
            unix_time=CALIBRATED_UNIX_TIME,
            channels=(channel,) * CHANNEL_COUNT,
            ranges=(output,),
            raw=b"",
        )
    )


_UNITS = (
    ("CURRENT_UA", "uA"),
    ("CHARGE_NC", "nC"),
    ("ENERGY_UJ", "uJ"),
    ("INTERVAL_US", "us"),
    ("WIDTH_US", "us"),
    ("UA_CM2", "uA/cm2"),
    ("PULSES", "pulses"),
    ("TICKS_HZ", "1/s"),
    ("AREA_MM2", "mm2"),
)


def descriptor(channel_names: tuple[str, ...]) -> bytes:
    """Protocol, registers and channels as zlib-compressed JSON (wire specification 5.3)."""
    registers = {
        r.name: {"address": r.value, "unit": next((unit for end, unit in _UNITS if r.name.endswith(end)), "")}
        for r in Register
    }
    described = {"protocol": "EMGSTIM/1", "minor": MINOR, "registers": registers, "channels": channel_names}
    return zlib.compress(json.dumps(described, sort_keys=True).encode())


def piece(block: bytes, offset: int, length: int) -> bytes:
    """`length` bytes from `offset`, fewer at the end; raises Denied beyond it or for too long a read."""
    if length > MAX_READ:
        raise Denied(NakCode.VALUE, f"{length} bytes asked for; at most {MAX_READ} in one read")
    if offset > len(block):
        raise Denied(NakCode.ADDRESS, f"offset {offset} is behind the end at {len(block)}")
    return block[offset : offset + length]


class Registers:
    """Read and written one by one; every register is u32. `facts` are those that differ from the front-end's."""

    def __init__(self, limits: Limits, facts: Mapping[Register, int] | None = None) -> None:
        self._limits = limits
        self._facts = {**_FACTS, **(facts or {})}

    def read(self, request: RegRead) -> RegValue:
        """The value now; raises Denied for an address that is not there."""
        return self._value(self._known(request.register), RegOp.READ)

    def write(self, request: RegWrite) -> RegValue:
        """Write and give back what is in force; raises Denied."""
        if request.value_type is not ValueType.U32:
            raise Denied(NakCode.VALUE, f"every register is a u32, not a {request.value_type.name}")
        register = self._known(request.register)
        if not register.writable:
            raise Denied(NakCode.READ_ONLY, f"register {register.name} cannot be written")
        self._limits.write(register, request.value)
        return self._value(register, RegOp.WRITE)

    def _value(self, register: Register, operation: RegOp) -> RegValue:
        value = self._limits.read(register)
        return RegValue(register, self._facts[register] if value is None else value, operation=operation)

    @staticmethod
    def _known(register: Register | int) -> Register:
        if not isinstance(register, Register):
            raise Denied(NakCode.ADDRESS, f"there is no register 0x{register:04x}")
        return register
