"""From the wire's integers to the house's values, and back: limits, reports, events, status, capabilities."""

from collections.abc import Mapping
from math import ceil, floor

from npr_daq.device.contracts import Capabilities, DeviceEvent, DeviceStatus, Sync
from npr_daq.quoting import shortened
from npr_daq.recording import PulseReport, PulseResult
from npr_daq.stimulus import StimulusLimits
from npr_daq.wire.messages import ArmChallenge, Event, Ident, Status, StimReport
from npr_daq.wire.stimulation import NOT_MEASURED_UA
from npr_daq.wire.tables import DeviceState, EventCode, Interlock, PulseCode, Register

VERIFIED: dict[str, str | None] = {
    "L0": "golden frames of the wire document",
    "L1": "own simulator, and a second device written from the wire document alone (tests/peers)",
    "L4": None,
}
"""Levels of the devices reference 13.1. No foreign peer can exist for an own protocol, and no hardware was there."""

U32 = 0xFFFF_FFFF
TOLD_CHARACTERS = 200
_ROUNDING = 1e-6
_RESULTS: dict[int, PulseResult] = {
    PulseCode.OK: PulseResult.OK,
    PulseCode.COMPLIANCE: PulseResult.COMPLIANCE,
    PulseCode.OPEN: PulseResult.OPEN,
    PulseCode.SHORT: PulseResult.SHORT,
    PulseCode.ABORTED: PulseResult.ABORTED,
}
_EVENTS: dict[int, str] = {
    EventCode.STATE: "state",
    EventCode.INTERLOCK: "interlock",
    EventCode.WATCHDOG: "watchdog",
    EventCode.OVERFLOW: "overflow",
    EventCode.BUTTON: "button",
    EventCode.GARBAGE: "garbage",
    EventCode.TOKEN: "state",
    EventCode.STREAM: "state",
}


def told(text: str) -> str:
    """Text of the device as it may stand in a message, a terminal or a file: printable, one line, 200 characters."""
    return shortened(text, TOLD_CHARACTERS)


def at_most(value: float) -> int:
    """A ceiling as a u32, rounded to the safe side; a millionth of a unit forgives binary fractions."""
    return max(0, min(U32, floor(value + _ROUNDING)))


def at_least(value: float) -> int:
    """A floor (an interval) as a u32, rounded to the safe side."""
    return max(0, min(U32, ceil(value * (1.0 - 1e-9))))


def interval_us(rate_hz: float) -> int:
    """The shortest interval of `rate_hz` in microseconds; a rate of 0 is the longest that a u32 holds."""
    return at_least(1e6 / rate_hz) if rate_hz > 0 else U32


def registers_of(limits: StimulusLimits) -> dict[Register, int]:
    """What is written for `limits`: never looser. Single shocks only: one pulse per FIRE."""
    return {
        Register.MAX_CURRENT_UA: at_most(limits.max_current_ma * 1e3),
        Register.MAX_CHARGE_NC: at_most(limits.max_charge_uc * 1e3),
        Register.MAX_ENERGY_UJ: at_most(limits.max_energy_mj * 1e3),
        Register.MIN_INTERVAL_US: interval_us(limits.max_rate_hz),
        Register.MAX_WIDTH_US: at_most(limits.max_width_us),
        Register.MAX_RMS_DENSITY_UA_CM2: at_most(limits.max_rms_density_ma_cm2 * 1e3),
        Register.MAX_PULSES: 1,
    }


def limits_of(values: Mapping[Register, int], *, electrode_area_cm2: float) -> StimulusLimits:
    """The limits that registers hold (those in force, or the hard ones under the same keys)."""
    interval = values[Register.MIN_INTERVAL_US]
    return StimulusLimits(
        max_current_ma=values[Register.MAX_CURRENT_UA] / 1e3,
        max_width_us=float(values[Register.MAX_WIDTH_US]),
        max_charge_uc=values[Register.MAX_CHARGE_NC] / 1e3,
        max_energy_mj=values[Register.MAX_ENERGY_UJ] / 1e3,
        max_rate_hz=1e6 / interval if interval else float("inf"),
        max_rms_density_ma_cm2=values[Register.MAX_RMS_DENSITY_UA_CM2] / 1e3,
        electrode_area_cm2=electrode_area_cm2,
    )


def hard_values(ident: Ident) -> dict[Register, int]:
    """The hard limits of IDENT under the keys of the limits in force."""
    hard = ident.hard_limits
    return {
        Register.MAX_CURRENT_UA: hard.max_current_ua,
        Register.MAX_CHARGE_NC: hard.max_charge_nc,
        Register.MAX_ENERGY_UJ: hard.max_energy_uj,
        Register.MIN_INTERVAL_US: hard.min_interval_us,
        Register.MAX_WIDTH_US: hard.max_width_us,
        Register.MAX_RMS_DENSITY_UA_CM2: hard.max_rms_density_ua_cm2,
        Register.MAX_PULSES: hard.max_pulses,
    }


def stricter(register: Register, one: int, other: int) -> int:
    """The safer of two values of a limit register."""
    return max(one, other) if register is Register.MIN_INTERVAL_US else min(one, other)


def shown_as_armed(shown: StimulusLimits) -> tuple[int, int, int, int]:
    """The four numbers that an arming confirms, from the limits that the operator was shown."""
    values = registers_of(shown)
    return (
        values[Register.MAX_CURRENT_UA],
        values[Register.MAX_CHARGE_NC],
        values[Register.MIN_INTERVAL_US],
        values[Register.MAX_PULSES],
    )


def enforced(challenge: ArmChallenge) -> tuple[int, int, int, int]:
    """The four numbers that the device says it will enforce."""
    return challenge.max_current_ua, challenge.max_charge_nc, challenge.min_interval_us, challenge.max_pulses


def report_of(report: StimReport) -> PulseReport:
    """The device's report of one pulse; a result that a later version invents is not OK.

    A pulse that was not measured counts as commanded, for the dose, and its result is never OK.
    """
    unknown = report.measured_ua == NOT_MEASURED_UA
    measured_ua = report.commanded_ua if unknown else report.measured_ua
    result = PulseResult.ABORTED if unknown else _RESULTS.get(report.result, PulseResult.ABORTED)
    return PulseReport(
        stim_seq=report.stim_seq,
        pulse=report.pulse,
        onset_sample=report.onset_sample,
        subsample=report.subsample,
        commanded_ma=report.commanded_ua / 1e3,
        measured_ma=measured_ua / 1e3,
        width_us=report.measured_width_ns / 1e3,
        charge_uc=report.charge_nc / 1e3,
        compliance_v=float(report.compliance_v),
        load_ohm=0.0 if unknown else float(report.load_ohm),
        result=result,
    )


def event_of(event: Event) -> DeviceEvent:
    """What the device said by itself; its words, or ours where it gave none."""
    kind = _EVENTS.get(event.code, "state")
    word = event.code.name.lower() if isinstance(event.code, EventCode) else f"event {event.code}"
    bits = interlock_words(event.interlocks)
    text = told(event.text) or f"{word}: {event.state.name}{', ' if bits else ''}{bits}"
    return DeviceEvent(kind, text, event.state.name, int(event.interlocks))


def interlock_words(interlocks: Interlock) -> str:
    """The set bits in words, comma-separated; empty when none is set."""
    return ", ".join(bit.name.lower().replace("_", " ") for bit in Interlock if bit in interlocks and bit.name)


def status_of(status: Status) -> DeviceStatus:
    """The device's account of itself."""
    return DeviceStatus(
        state=status.state.name,
        interlocks=int(status.interlocks),
        last_stim_seq=status.last_stim_seq,
        sample_index=status.sample_index,
        dev_ticks=status.dev_ticks,
        temperature_c=status.temp_cc / 100.0,
        hv_volt=status.hv_v,
    )


def capabilities_of(ident: Ident, *, electrode_area_cm2: float, simulated_hint: bool) -> Capabilities:
    """What the device is, as it says itself; simulated when it says so or the caller knows it.

    An amplifier without a stimulator knows of a stimulus by its trigger input alone.
    """
    stimulates = ident.hard_limits.max_current_ua > 0
    return Capabilities(
        driver="frontend",
        model=told(ident.model),
        serial=told(ident.serial),
        firmware=told(ident.firmware),
        simulated=ident.simulated or simulated_hint,
        sync=Sync.IN_BAND_MARKER if stimulates else Sync.TRIGGER_CHANNEL,
        # The logic that switches the output stamps the marker: less than one sample of the fastest rate.
        sync_uncertainty_ms=1e3 / max(ident.rates_hz, default=1),
        channel_count=ident.channel_count,
        rates_hz=ident.rates_hz,
        can_stimulate=stimulates,
        device_limits=limits_of(hard_values(ident), electrode_area_cm2=electrode_area_cm2),
        boot_id=ident.boot_id,
        ticks_hz=ident.ticks_hz,
        verified=VERIFIED,
        bench_only=True,
    )


ON = frozenset({DeviceState.ARMED, DeviceState.FIRING})
"""States in which current may flow."""
ALIVE = ON | {DeviceState.REFRACTORY}
"""States in which an arming, or what it fired, is still under way."""
