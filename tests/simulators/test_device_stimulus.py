"""At most once, at its sample, within its limits: the simulated stimulator."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal

from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    Clear,
    Data,
    Disarm,
    Disarmed,
    EStop,
    FireAccepted,
    Heartbeat,
    Message,
    Nak,
    Phase,
    RegRead,
    RegValue,
    RegWrite,
    StimProgram,
    StimReport,
    StreamStop,
    StreamStopped,
)
from npr_daq.wire.tables import (
    DeviceState,
    EventCode,
    Interlock,
    MarkerCode,
    NakCode,
    ProgramFlag,
    PulseCode,
    Register,
    ValueType,
)
from npr_simulators.analog import GROUP_DELAY_MS
from npr_simulators.pulse import onset_jitter, output_gain, reading_error_us

LSB_UV = 40e3 / 2**23


def test_a_pulse_is_delivered_at_its_sample_and_marked_reported_and_told(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    accepted = rig.ask(rig.shot(1, 2000), FireAccepted)
    assert (accepted.stim_seq, accepted.at_sample) == (1, 2000)
    assert rig.state is DeviceState.FIRING
    rig.run_to(5000)
    (report,) = rig.reports()
    steps = onset_jitter(1, 1)
    read = round(steps + reading_error_us(1, 1, 0) * 0.02 * 65536)
    assert (report.stim_seq, report.onset_sample, report.subsample_q16, report.pulse) == (1, 2000, read, 0)
    assert report.result is PulseCode.OK
    assert report.measured_ua == round(20_000 * output_gain(1))
    assert 0 < abs(report.measured_ua / 20_000 - 1) <= 0.005
    (marker,) = [(d.first_sample + m.sample_offset, m) for d in rig.all(Data) for m in d.markers]
    assert marker[0] == 2000
    assert marker[1].kind is MarkerCode.STIMULUS
    assert (marker[1].subsample_q16, marker[1].stim_seq, marker[1].value) == (read, 1, 20_000)
    (line,) = rig.truth.lines
    assert (line["stim_seq"], line["stream_id"], line["sample"]) == (1, 1, 2000)
    assert line["subsample"] == steps / 65536
    assert line["current_ma"] == pytest.approx(20 * output_gain(1))
    assert (line["side"], line["site"], line["boot_id"]) == ("left", "trunk", 77)
    assert rig.face.shocks == [(pytest.approx(20 * output_gain(1)), 200.0, 1)]


def test_the_response_is_added_delayed_by_the_front_end_and_quantised(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    rig.ask(rig.shot(1, 2000), FireAccepted)
    rig.run_to(4960)
    counts = rig.counts()
    sample = np.arange(4960)
    rows = np.arange(16)[:, None]
    skin = ((sample * 7 + rows * 3 + 1) % 11 - 5).astype(float)
    high_pass = signal.bilinear([1, 0], [1, 2 * np.pi * 5], 20_000)
    background = signal.lfilter(*high_pass, skin - skin[:, :1])
    t_ms = (sample - 2000 - onset_jitter(1, 1) / 65536) / 20.0
    t_ms -= GROUP_DELAY_MS
    current = 20 * output_gain(1)
    shape = np.clip(1 - np.abs(t_ms - 4) / 2, 0, None)
    response = signal.lfilter(*high_pass, -(rows + 1) * 100 * current * shape)
    calm = (t_ms < -0.2) | (t_ms > 2.5)
    off_uv = counts * LSB_UV - background - response
    assert np.abs(off_uv[:, t_ms < -0.2]).max() < 0.02
    # the corners of the triangle are rounded, and the high-pass remembers the artefact: 500 uV for 0.3 ms
    assert np.abs(off_uv[:, calm]).max() < 0.02 * 1600 * current
    late = t_ms > 8
    assert np.abs(off_uv[:, late] + 500 * 0.3e-3 * 31.4 * np.exp(-31.4e-3 * t_ms[late])).max() < 0.2


def test_truth_is_written_before_report_and_marker_leave(rig: Any) -> None:
    sent: list[list[Message]] = []
    rig.truth.told = lambda: sent.append(rig.hear())
    rig.bring_to(DeviceState.ARMED)
    rig.ask(rig.shot(1, 2000), FireAccepted)
    rig.run_to(2000 + 400)
    assert len(sent) == 1
    assert not any(isinstance(m, StimReport) or (isinstance(m, Data) and m.markers) for m in sent[0])
    assert rig.reports()


def test_a_number_is_never_spent_twice_and_its_report_comes_again(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    rig.ask(rig.shot(3, 2000), FireAccepted)
    rig.run_to(25_000)
    rig.arm()
    rig.heard.clear()
    assert rig.refused(rig.shot(3, 30_000)).code is NakCode.REUSED
    assert [r.stim_seq for r in rig.reports()] == [3]
    assert isinstance(rig.heard[-1], Nak)
    rig.heard.clear()
    assert rig.refused(rig.shot(2, 30_000)).code is NakCode.REUSED
    assert rig.reports() == []
    assert rig.state is DeviceState.ARMED
    rig.ask(rig.shot(4, 30_000), FireAccepted)
    rig.run_to(32_000)
    assert [line["stim_seq"] for line in rig.truth.lines] == [3, 4]


def test_the_report_can_be_asked_for_with_token_0_in_any_state(rig: Any) -> None:
    rig.bring_to(DeviceState.REFRACTORY)
    rig.hello()
    rig.heard.clear()
    rig.token = 0
    assert rig.refused(rig.shot(1, 9)).code is NakCode.REUSED
    assert [r.result for r in rig.reports()] == [PulseCode.OK]


@pytest.mark.parametrize(
    ("at_sample", "code"), [(999 + 399, NakCode.LATE), (0, NakCode.LATE), (999 + 200_001, NakCode.LIMIT)]
)
def test_a_sample_too_near_or_too_far_is_refused_and_the_token_lives(rig: Any, at_sample: int, code: NakCode) -> None:
    rig.bring_to(DeviceState.ARMED)
    assert rig.refused(rig.shot(1, at_sample)).code is code
    assert rig.state is DeviceState.ARMED
    assert rig.device.stimulator.last_stim_seq == 0
    rig.ask(rig.shot(1, 999 + 400), FireAccepted)


def test_fire_checks_token_program_number_and_stream(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    token = rig.token
    rig.token = token + 1
    assert rig.refused(rig.shot(1, 3000)).code is NakCode.TOKEN
    rig.token = token
    assert rig.refused(rig.shot(0, 3000)).code is NakCode.VALUE
    rig.program_id = 8
    assert rig.refused(rig.shot(1, 3000)).code is NakCode.PROGRAM
    assert rig.device.stimulator.last_stim_seq == 0


def test_without_a_stream_nothing_can_be_fired(rig: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED, streaming=False)
    rig.arm()
    assert rig.refused(rig.shot(1, 3000)).code is NakCode.STATE


def test_a_token_serves_one_fire(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    rig.ask(rig.shot(1, 2000), FireAccepted)
    assert rig.refused(rig.shot(2, 30_000)).code is NakCode.STATE
    rig.run_to(30_000)
    assert rig.state is DeviceState.CONFIGURED
    assert rig.refused(rig.shot(2, 40_000)).code is NakCode.STATE


def test_the_interval_holds_across_disarm_hello_and_a_new_program(rig: Any) -> None:
    rig.bring_to(DeviceState.REFRACTORY)
    rig.ask(Disarm(), Disarmed)
    assert rig.state is DeviceState.CONFIGURED
    rig.program(10_000)
    assert rig.refused(ArmRequest(rig.program_id)).code is NakCode.REFRACTORY
    assert rig.device.interlocks & Interlock.RATE_LIMIT
    rig.run_to(2000 + 2002)
    assert not rig.device.interlocks & Interlock.RATE_LIMIT
    rig.arm()


def test_the_interval_is_the_register_in_force(rig: Any) -> None:
    rig.hello()
    rig.ask(RegWrite(Register.MIN_INTERVAL_US, 1_000_000), RegValue)
    rig.stream()
    rig.program()
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    rig.run_to(1000 + 19_999)
    assert rig.state is DeviceState.REFRACTORY
    rig.run_to(1000 + 20_001)
    assert rig.state is DeviceState.CONFIGURED


def test_a_token_dies_after_five_minutes_of_device_time(make_rig: Callable[..., Any]) -> None:
    rig = make_rig()
    rig.hello()
    rig.stream(2000)
    rig.program()
    rig.arm()
    rig.device.step(299 * 1_000_000)
    while rig.device.step(299 * 1_000_000):
        pass
    assert rig.state is DeviceState.ARMED
    while rig.device.step(301 * 1_000_000):
        pass
    rig.hear()
    assert rig.state is DeviceState.SAFE
    assert [e.code for e in rig.events()] == [EventCode.TOKEN]


def test_a_pulse_in_the_air_is_open_and_no_evidence(rig: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    rig.face.lift()
    rig.device.skin_changed()
    rig.arm()
    rig.ask(rig.shot(1, 2000), FireAccepted)
    rig.run_to(3000)
    (report,) = rig.reports()
    assert (report.result, report.measured_ua, report.charge_nc) == (PulseCode.OPEN, 0, 0)
    assert rig.state is DeviceState.SAFE
    assert rig.device.interlocks & Interlock.ELECTRODE_OPEN
    assert [e.code for e in rig.events()] == [EventCode.INTERLOCK]
    assert rig.truth.lines[0]["current_ma"] == 0.0
    rig.face.place("left", "trunk")
    rig.device.skin_changed()
    assert not rig.device.interlocks & Interlock.ELECTRODE_OPEN


@pytest.mark.parametrize(("leave", "after"), [(Disarm(), DeviceState.CONFIGURED), (EStop(), DeviceState.FAULT)])
def test_leaving_while_a_pulse_is_due_aborts_it(rig: Any, leave: Message, after: DeviceState) -> None:
    rig.bring_to(DeviceState.FIRING)
    rig.answer(leave)
    (report,) = rig.reports()
    assert (report.result, report.measured_ua, report.onset_sample) == (PulseCode.ABORTED, 0, 2000)
    assert rig.state is after
    rig.run_to(8000)
    assert rig.truth.lines == []
    assert not any(d.markers for d in rig.all(Data))
    assert rig.device.stimulator.last_stim_seq == 1


def test_a_train_is_one_fire_with_numbered_pulses(rig: Any) -> None:
    rig.hello()
    rig.stream()
    rig.program(10_000, count=3, period_us=100_000)
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    rig.run_to(8000)
    assert [(r.stim_seq, r.pulse, r.onset_sample) for r in rig.reports()] == [(1, 0, 1000), (1, 1, 3000), (1, 2, 5000)]
    assert [m.pulse for d in rig.all(Data) for m in d.markers] == [0, 1, 2]
    assert len({line["subsample"] for line in rig.truth.lines}) == 1
    assert len({r.subsample_q16 for r in rig.reports()}) == 3
    assert len({ordinal for _, _, ordinal in rig.face.shocks}) == 3


def test_a_stop_within_a_train_keeps_what_was_given(rig: Any) -> None:
    rig.hello()
    rig.stream()
    rig.program(10_000, count=3, period_us=100_000)
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    rig.run_to(2000)
    rig.ask(Disarm(), Disarmed)
    assert [(r.pulse, r.result) for r in rig.reports()] == [(0, PulseCode.OK), (1, PulseCode.ABORTED)]
    assert len(rig.truth.lines) == 1


BAD_PROGRAMS: list[tuple[dict[str, Any], NakCode]] = [
    ({"phases": (Phase(50_001, 200),)}, NakCode.LIMIT),
    ({"phases": (Phase(-50_001, 200),)}, NakCode.LIMIT),
    ({"phases": (Phase(10_000, 501),)}, NakCode.LIMIT),
    ({"max_charge_nc": 3_999}, NakCode.LIMIT),
    ({"count": 51, "period_us": 200_000}, NakCode.LIMIT),
    ({"count": 2, "period_us": 99_999}, NakCode.LIMIT),
    ({"flags": ProgramFlag.CHARGE_BALANCED}, NakCode.LIMIT),
    ({"phases": (Phase(50_000, 500),) * 8}, NakCode.LIMIT),
    ({"phases": ()}, NakCode.VALUE),
    ({"phases": (Phase(1000, 100),) * 9}, NakCode.VALUE),
    ({"phases": (Phase(1000, 0),)}, NakCode.VALUE),
    ({"count": 0}, NakCode.VALUE),
    ({"channel": 1}, NakCode.VALUE),
]


@pytest.mark.parametrize(("changed", "code"), BAD_PROGRAMS)
def test_a_program_beyond_a_limit_is_refused_and_the_old_one_stays(
    rig: Any, changed: dict[str, Any], code: NakCode
) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    fields: dict[str, Any] = {
        "program_id": 9,
        "channel": 0,
        "phases": (Phase(20_000, 200),),
        "period_us": 0,
        "count": 1,
        "max_charge_nc": 25_000,
    }
    assert rig.refused(StimProgram(**(fields | changed))).code is code
    rig.arm()


def test_a_balanced_program_is_accepted(rig: Any) -> None:
    rig.bring_to(DeviceState.SAFE)
    phases = (Phase(20_000, 200), Phase(0, 50), Phase(-20_000, 200))
    assert not isinstance(rig.answer(StimProgram(1, 0, phases, 0, 1, 4000, ProgramFlag.CHARGE_BALANCED)), Nak)


def test_registers_go_down_and_up_again_but_never_beyond_the_hard_limit(rig: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    assert rig.ask(RegWrite(Register.MAX_CURRENT_UA, 15_000), RegValue).value == 15_000
    assert rig.refused(ArmRequest(rig.program_id)).code is NakCode.LIMIT
    assert rig.refused(rig.pulse(15_001)).code is NakCode.LIMIT
    assert rig.ask(RegRead(Register.MAX_CURRENT_UA), RegValue).value == 15_000
    assert rig.refused(RegWrite(Register.MAX_CURRENT_UA, 50_001)).code is NakCode.LIMIT
    assert rig.ask(RegRead(Register.MAX_CURRENT_UA), RegValue).value == 15_000
    assert rig.refused(RegWrite(Register.MIN_INTERVAL_US, 99_999)).code is NakCode.LIMIT
    assert rig.ask(RegWrite(Register.MIN_INTERVAL_US, 2_000_000), RegValue).value == 2_000_000
    assert rig.ask(RegWrite(Register.MAX_CURRENT_UA, 50_000), RegValue).value == 50_000
    rig.arm()


def test_registers_that_cannot_be_written_or_are_not_there(rig: Any) -> None:
    rig.bring_to(DeviceState.SAFE)
    assert rig.refused(RegWrite(Register.HARD_MAX_CURRENT_UA, 1)).code is NakCode.READ_ONLY
    assert rig.refused(RegWrite(Register.TICKS_HZ, 1)).code is NakCode.READ_ONLY
    assert rig.refused(RegWrite(0x0999, 1)).code is NakCode.ADDRESS
    assert rig.refused(RegRead(0x0999)).code is NakCode.ADDRESS
    assert rig.refused(RegWrite(Register.MAX_CURRENT_UA, 1, ValueType.U16)).code is NakCode.VALUE
    for register in Register:
        assert rig.ask(RegRead(register), RegValue).value > 0


def test_arming_needs_the_limits_that_the_device_enforces(rig: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    challenge = rig.challenge()
    assert rig.refused(ArmConfirm(challenge.challenge, 1)).code is NakCode.LIMITS_DIFFER
    assert rig.device.interlocks & Interlock.HOST_LIMITS_DIFFER
    assert rig.refused(rig.confirmation(challenge)).code is NakCode.CHALLENGE
    assert rig.state is DeviceState.CONFIGURED
    rig.arm()
    assert not rig.device.interlocks


def test_a_challenge_lives_two_seconds_of_device_time(rig: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    late = rig.confirmation(rig.challenge())
    rig.run_to(1000 + 40_001)
    assert rig.refused(late).code is NakCode.CHALLENGE
    in_time = rig.confirmation(rig.challenge())
    rig.run_to(41_001 + 40_000)
    assert not isinstance(rig.answer(in_time), Nak)


VOIDING: list[Callable[[Any], Message]] = [
    lambda rig: ArmRequest(rig.program_id),
    lambda rig: rig.pulse(5_000),
    lambda rig: RegWrite(Register.MAX_CURRENT_UA, 50_000),
    lambda rig: Disarm(),
]


@pytest.mark.parametrize("void", VOIDING)
def test_a_challenge_is_void_after(rig: Any, void: Callable[[Any], Message]) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    old: ArmChallenge = rig.challenge()
    assert not isinstance(rig.answer(void(rig)), Nak)
    assert rig.refused(rig.confirmation(old)).code is NakCode.CHALLENGE


def test_a_stale_token_cannot_fire(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    stale = rig.token
    rig.ask(Disarm(), Disarmed)
    fresh = rig.arm()
    assert stale != fresh
    rig.token = stale
    assert rig.refused(rig.shot(1, 5000)).code is NakCode.TOKEN


ACTIONS = st.sampled_from(
    [
        "program",
        "request",
        "confirm",
        "fire",
        "refire",
        "disarm",
        "estop",
        "clear",
        "act",
        "beat",
        "time",
        "hello",
        "stop",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTIONS, max_size=40))
def test_whatever_a_host_does_no_number_is_delivered_twice_and_no_interval_is_short(
    make_rig: Callable[..., Any], actions: list[str]
) -> None:
    rig = make_rig()
    rig.hello()
    rig.stream(2000)
    number, challenge = 0, None
    for action in actions:
        if not rig.device.streaming:
            rig.stream(2000)
        match action:
            case "program":
                rig.answer(rig.pulse())
            case "request":
                answer = rig.answer(ArmRequest(rig.program_id))
                challenge = answer if isinstance(answer, ArmChallenge) else challenge
            case "confirm" if challenge is not None:
                answer = rig.answer(rig.confirmation(challenge))
                rig.token = getattr(answer, "arm_token", rig.token)
            case "fire":
                number += 1
                rig.answer(rig.shot(number, rig.device.samples + 60))
            case "refire":
                rig.answer(rig.shot(number, rig.device.samples + 60))
            case "disarm":
                rig.answer(Disarm())
            case "estop":
                rig.answer(EStop())
            case "clear":
                rig.answer(Clear())
            case "act":
                rig.device.act()
            case "beat":
                rig.answer(Heartbeat(1, rig.token))
            case "time":
                rig.run_to(rig.device.samples + 150)
            case "hello":
                rig.hello()
            case "stop":
                rig.answer(StreamStop())
            case _:
                pass
    spent = [line["stim_seq"] for line in rig.truth.lines]
    assert spent == sorted(set(spent))
    by_stream: dict[int, list[int]] = {}
    for line in rig.truth.lines:
        by_stream.setdefault(line["stream_id"], []).append(line["sample"])
    for samples in by_stream.values():
        assert all(late - early >= 200 for early, late in pairwise(samples))


def test_stopping_the_stream_is_answered_without_one(rig: Any) -> None:
    rig.hello()
    assert rig.ask(StreamStop(), StreamStopped).stream_id == 0
