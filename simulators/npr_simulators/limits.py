"""The device's own limits: hard ones, those in force, and what a stimulus program may not do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from types import MappingProxyType

from npr_daq.wire.messages import HardLimits, StimProgram
from npr_daq.wire.tables import NakCode, ProgramFlag, Register

SKIN_OHM = 1000.0
"""Load assumed for the energy of a pulse before it is delivered."""
ELECTRODE_AREA_MM2 = 50
PHASES_MAX = 8
CHANNELS = 1

HARD = HardLimits(
    max_current_ua=50_000,
    max_charge_nc=25_000,
    max_energy_uj=50_000,
    min_interval_us=100_000,
    max_width_us=500,
    max_rms_density_ua_cm2=10_000,
    max_pulses=50,
)
"""Built into the output stage; nothing that is written goes beyond them."""

NO_OUTPUT = HardLimits(*(0,) * 7)
"""The limits of a device without a stimulator (wire specification 5.15)."""


def _by_register(hard: HardLimits) -> Mapping[Register, int]:
    return MappingProxyType(
        {
            Register.HARD_MAX_CURRENT_UA: hard.max_current_ua,
            Register.HARD_MAX_CHARGE_NC: hard.max_charge_nc,
            Register.HARD_MAX_ENERGY_UJ: hard.max_energy_uj,
            Register.HARD_MIN_INTERVAL_US: hard.min_interval_us,
            Register.HARD_MAX_WIDTH_US: hard.max_width_us,
            Register.HARD_MAX_RMS_DENSITY_UA_CM2: hard.max_rms_density_ua_cm2,
            Register.HARD_MAX_PULSES: hard.max_pulses,
        }
    )


class Denied(Exception):
    """The device refuses a request: the code and the sentence of its NAK."""

    def __init__(self, code: NakCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(slots=True)
class Limits:
    """The limits in force, by register; at boot they are the hard ones."""

    hard: HardLimits = HARD
    values: dict[Register, int] = field(init=False)
    _hard: Mapping[Register, int] = field(init=False)

    def __post_init__(self) -> None:
        self._hard = _by_register(self.hard)
        self.values = {soft: self._hard[hard] for soft in Register if (hard := soft.hard) is not None}

    def read(self, register: Register) -> int | None:
        """A limit in force or a hard one; None for a register that is neither."""
        return self.values.get(register, self._hard.get(register))

    def write(self, register: Register, value: int) -> int:
        """Put a limit in force and return it; raises Denied beyond the hard limit. An interval is a lower limit."""
        assert register.hard is not None
        hard = self._hard[register.hard]
        lower = register is Register.MIN_INTERVAL_US
        if value < hard if lower else value > hard:
            word = "below" if lower else "above"
            raise Denied(NakCode.LIMIT, f"{register.name} {value} is {word} the hard limit of {hard}")
        self.values[register] = value
        return value

    @property
    def max_current_ua(self) -> int:
        """Largest current of a phase."""
        return self.values[Register.MAX_CURRENT_UA]

    @property
    def max_charge_nc(self) -> int:
        """Largest charge of a phase."""
        return self.values[Register.MAX_CHARGE_NC]

    @property
    def min_interval_us(self) -> int:
        """Shortest time from onset to onset."""
        return self.values[Register.MIN_INTERVAL_US]

    @property
    def max_pulses(self) -> int:
        """Most pulses of one FIRE."""
        return self.values[Register.MAX_PULSES]

    def check(self, program: StimProgram) -> None:
        """Raise Denied for a program that makes no sense (`value`) or breaks a limit in force (`limit`)."""
        _check_shape(program, CHANNELS if self.hard.max_current_ua else 0)
        widest = max(p.duration_us for p in program.phases)
        charges_nc = [p.current_ua * p.duration_us / 1e3 for p in program.phases]
        # the interval that separates pulses: the train's own, or the shortest that is allowed between two FIREs
        interval_us = program.period_us if program.count > 1 else self.min_interval_us
        squares = sum((p.current_ua / 1e6) ** 2 * p.duration_us for p in program.phases)
        energy_uj = squares * SKIN_OHM
        density = sqrt(squares / max(interval_us, 1)) * 1e6 / (ELECTRODE_AREA_MM2 / 100.0)
        highest: tuple[tuple[str, float, float, str], ...] = (
            ("current", max(abs(p.current_ua) for p in program.phases), self.max_current_ua, "uA"),
            ("phase width", widest, self.values[Register.MAX_WIDTH_US], "us"),
            ("charge of a phase", max(map(abs, charges_nc)), self.max_charge_nc, "nC"),
            ("charge of a phase", max(map(abs, charges_nc)), program.max_charge_nc, "nC, the program's own"),
            ("energy into 1 kohm", energy_uj, self.values[Register.MAX_ENERGY_UJ], "uJ"),
            ("rms current density", density, self.values[Register.MAX_RMS_DENSITY_UA_CM2], "uA/cm2"),
            ("number of pulses", program.count, self.max_pulses, "pulses"),
        )
        for what, value, top, unit in highest:
            if value > top:
                raise Denied(NakCode.LIMIT, f"{what} {value:g} is above the limit of {top:g} {unit}")
        shortest_us = max(self.min_interval_us, sum(p.duration_us for p in program.phases))
        if program.count > 1 and program.period_us < shortest_us:
            raise Denied(NakCode.LIMIT, f"interval {program.period_us} us is below the limit of {shortest_us} us")
        if program.flags & ProgramFlag.CHARGE_BALANCED and abs(sum(charges_nc)) > 1e-9:
            raise Denied(NakCode.LIMIT, f"net charge {sum(charges_nc):g} nC is above the limit of 0 nC")


def _check_shape(program: StimProgram, outputs: int) -> None:
    if unknown := program.flags & ~int(ProgramFlag.CHARGE_BALANCED):
        raise Denied(NakCode.VALUE, f"program flags 0x{unknown:x} have no meaning")
    if program.channel >= outputs:
        raise Denied(NakCode.VALUE, f"there is no stimulator channel {program.channel}")
    if not 1 <= len(program.phases) <= PHASES_MAX:
        raise Denied(NakCode.VALUE, f"{len(program.phases)} phases; 1 to {PHASES_MAX} are possible")
    if any(p.duration_us == 0 for p in program.phases):
        raise Denied(NakCode.VALUE, "a phase of 0 us")
    if program.count == 0:
        raise Denied(NakCode.VALUE, "a program of 0 pulses")
