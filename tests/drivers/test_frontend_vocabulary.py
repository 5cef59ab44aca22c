"""Numbers on the wire and numbers in the house: never looser, never drifting."""

from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from npr_daq.recording import PulseResult
from npr_daq.stimulus import StimulusLimits
from npr_daq.wire.messages import Event, StimReport
from npr_daq.wire.stimulation import NOT_MEASURED_UA
from npr_daq.wire.tables import DeviceState, EventCode, Interlock, PulseCode, Register
from npr_drivers.frontend.vocabulary import (
    event_of,
    interlock_words,
    limits_of,
    registers_of,
    report_of,
    shown_as_armed,
)

LIMITS = st.builds(
    StimulusLimits,
    max_current_ma=st.floats(0.1, 100),
    max_width_us=st.floats(1, 5000),
    max_charge_uc=st.floats(0.01, 100),
    max_energy_mj=st.floats(0.1, 1000),
    max_rate_hz=st.floats(0.01, 200),
    max_rms_density_ma_cm2=st.floats(0.1, 10),
)


@given(LIMITS)
def test_what_is_written_is_never_looser_than_asked(asked):
    held = limits_of(registers_of(asked), electrode_area_cm2=asked.electrode_area_cm2)
    for name in (f.name for f in fields(StimulusLimits) if f.name.startswith("max_")):
        assert getattr(held, name) <= getattr(asked, name) * (1 + 1e-9) + 1e-9, name


@given(LIMITS)
def test_limits_read_back_and_written_again_do_not_drift(asked):
    once = registers_of(asked)
    held = limits_of(once, electrode_area_cm2=0.5)
    assert registers_of(held) == once
    assert shown_as_armed(held) == shown_as_armed(asked)


def test_a_rate_of_nothing_is_the_longest_interval():
    values = registers_of(StimulusLimits(max_rate_hz=0.0))
    assert values[Register.MIN_INTERVAL_US] == 0xFFFF_FFFF


def test_no_interval_is_no_limit_of_the_rate():
    values = registers_of(StimulusLimits()) | {Register.MIN_INTERVAL_US: 0}
    assert limits_of(values, electrode_area_cm2=0.5).max_rate_hz == float("inf")


def test_what_the_device_says_by_itself_is_printable():
    told = event_of(Event(EventCode.BUTTON, 0, 0, DeviceState.SAFE, Interlock(0), 0, "\x1b[31mpressed\r\n\x00"))
    assert told.text == "[31mpressed"
    assert event_of(Event(EventCode.BUTTON, 0, 0, DeviceState.SAFE, Interlock(0), 0, "\x1b\r")).text == "button: SAFE"


def test_interlocks_in_words():
    assert interlock_words(Interlock(0)) == ""
    assert interlock_words(Interlock.E_STOP | Interlock.CALIBRATION_CRC) == "e stop, calibration crc"


def test_a_pulse_that_nobody_measured_counts_as_commanded_and_is_no_stimulus():
    for result in (PulseCode.ABORTED, PulseCode.OK):
        report = report_of(StimReport(5, 100, 0, 1, 20_000, NOT_MEASURED_UA, 0, 0, 0, 0xFFFF, result, 0))
        assert (report.measured_ma, report.width_us, report.load_ohm) == (20.0, 0.0, 0.0)
        assert report.result is PulseResult.ABORTED


def test_a_pulse_that_did_not_begin_has_no_current():
    report = report_of(StimReport(5, 100, 0, 1, 20_000, 0, 0, 0, 0, 0xFFFF, PulseCode.ABORTED, 0))
    assert (report.measured_ma, report.result) == (0.0, PulseResult.ABORTED)
