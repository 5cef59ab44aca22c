"""What the driver sends and makes of the answers, message by message."""

from dataclasses import replace

import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.device.contracts import Block, DeviceEvent
from npr_daq.errors import Closed, PlanError, Refused, SafetyTrip, TimedOut, WireError
from npr_daq.recording import MarkerKind, PulseReport, PulseResult
from npr_daq.stimulus import Stimulus, StimulusLimits
from npr_daq.wire.data import DataMarker
from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    CalRead,
    Clear,
    Disarm,
    Disarmed,
    EStop,
    Event,
    Fire,
    FireAccepted,
    Heartbeat,
    Hello,
    Ident,
    ImpedanceRequest,
    Nak,
    Phase,
    RegRead,
    RegValue,
    RegWrite,
    Status,
    StimProgram,
    StimReport,
    StreamStart,
    limits_crc,
)
from npr_daq.wire.tables import DeviceState, EventCode, Interlock, NakCode, Register, SampleFormat
from npr_drivers.frontend.states import LinkState

PULSE = Stimulus(Side.RIGHT, Branch.BUCCAL, current_ma=8.04, width_us=200.0)
LIMITS = StimulusLimits(max_current_ma=20.0)
TOKEN = 0xCAFEF00D
REPORT = StimReport(42, 1000, 0x4000, 1, 8040, 8000, 200_050, 1600, 180, 210, 0, 0)


def take(device, kind):
    """The first item of `kind`."""
    for _ in range(200):
        for item in device.take(0.05):
            if isinstance(item, kind):
                return item
    raise AssertionError(f"no {kind.__name__} came")


def armed(bench):
    """An opened, limited, programmed and armed driver."""
    device = bench.open()
    limits = device.set_limits(LIMITS)
    device.configure(PULSE)
    device.arm(limits)
    bench.fake.forget()
    return device


# Opening


def test_opening_asks_who_it_is_and_sets_the_default_limits(bench):
    device = bench.open(simulated_hint=False)
    assert device.state is LinkState.READY
    told = device.capabilities
    assert (told.model, told.serial, told.boot_id, told.channel_count) == ("fake front-end", "FAKE-1", 77, 16)
    assert told.simulated
    assert told.bench_only
    assert told.verified["L4"] is None
    assert told.device_limits.max_current_ma == 50.0
    assert device.calibration.valid
    assert device.calibration.raw == bench.fake.block
    assert bench.fake.registers[Register.MAX_CURRENT_UA] == 40_000
    assert bench.fake.registers[Register.MAX_PULSES] == 1


def test_opening_is_hello_first_then_disarmed_before_anything_is_written(bench):
    bench.fake.script = {}
    heard = []
    bench.fake.forget = heard.clear
    bench.open()
    kinds = bench.fake.kinds()
    assert kinds[0] == "Hello"
    assert kinds.index("Disarm") < kinds.index("RegWrite")
    assert not {"ArmRequest", "Fire", "StimProgram"} & set(kinds)


@pytest.mark.parametrize(
    ("says", "hint", "simulated"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_simulated_when_either_says_so(bench, says, hint, simulated):
    bench.fake.simulated = says
    assert bench.open(simulated_hint=hint).capabilities.simulated is simulated


def test_nobody_answers(bench, monkeypatch):
    monkeypatch.setattr("npr_drivers.frontend.driver.HELLO_S", 0.02)
    bench.fake.script[Hello] = None
    with pytest.raises(TimedOut, match="nothing that speaks EMGSTIM/1 answered"):
        bench.open()
    assert bench.fake.kinds() == ["Hello"] * 4
    with pytest.raises(Closed):
        bench.near.read(1, 0.0)


def test_hello_alone_is_repeated(bench, monkeypatch):
    monkeypatch.setattr("npr_drivers.frontend.driver.HELLO_S", 0.05)
    answers = iter([None, None])
    bench.fake.script[Hello] = lambda m: next(answers, bench.fake.ANSWERS[Hello](bench.fake, m))
    assert bench.open().state is LinkState.READY


def test_a_stale_answer_with_another_nonce_is_dropped(bench):
    ident = bench.fake.ANSWERS[Hello]
    wrong = iter([1, 1])
    bench.fake.script[Hello] = lambda m: replace(ident(bench.fake, m), host_nonce=m.host_nonce ^ next(wrong, 0))
    assert bench.open().state is LinkState.READY


def test_only_answers_to_another_host_are_no_answer(bench):
    ident = bench.fake.ANSWERS[Hello]
    bench.fake.script[Hello] = lambda m: replace(ident(bench.fake, m), host_nonce=m.host_nonce ^ 1)
    with pytest.raises(TimedOut, match="no other program uses the line") as caught:
        bench.open()
    assert isinstance(caught.value.__cause__, WireError)


def test_a_device_of_another_major_version_is_refused(bench, nak):
    bench.fake.script[Hello] = nak(NakCode.VERSION)
    with pytest.raises(Refused, match="version") as caught:
        bench.open()
    assert caught.value.code == NakCode.VERSION


def test_a_damaged_calibration_block_streams_but_never_stimulates(bench):
    bench.fake.block = bench.fake.block[:-1] + bytes([bench.fake.block[-1] ^ 1])
    device = bench.open()
    assert not device.calibration.valid
    device.start(20_000, range(16))
    with pytest.raises(SafetyTrip, match="calibration block is damaged"):
        device.configure(PULSE)
    assert "StimProgram" not in bench.fake.kinds()


def test_a_device_in_fault_can_be_opened_and_acknowledged(bench):
    bench.fake.state = DeviceState.FAULT
    device = bench.open()
    assert bench.fake.registers[Register.MAX_CURRENT_UA] == 50_000
    assert device.status().state == "FAULT"
    device.acknowledge()
    assert bench.fake.kinds()[0] == "Clear"
    assert bench.fake.registers[Register.MAX_CURRENT_UA] == 40_000


def test_acknowledge_is_refused_while_the_cause_stands(bench, nak):
    device = bench.open()
    bench.fake.script[Clear] = nak(NakCode.INTERLOCK)
    with pytest.raises(Refused, match="interlock; because"):
        device.acknowledge()


# Limits


def test_limits_are_written_and_read_back(bench):
    device = bench.open()
    held = device.set_limits(replace(LIMITS, max_rate_hz=0.3))
    sent = {m.register: m.value for m in bench.fake.heard if isinstance(m, RegWrite)}
    assert sent == {
        Register.MAX_CURRENT_UA: 20_000,
        Register.MAX_CHARGE_NC: 20_000,
        Register.MAX_ENERGY_UJ: 50_000,
        Register.MIN_INTERVAL_US: 3_333_334,
        Register.MAX_WIDTH_US: 500,
        Register.MAX_RMS_DENSITY_UA_CM2: 2_000,
        Register.MAX_PULSES: 1,
    }
    assert bench.fake.kinds() == ["Disarm", *(["RegWrite", "RegRead"] * 7)]
    assert held.max_current_ma == 20.0
    assert held.max_rate_hz == pytest.approx(0.3)
    assert held.max_rate_hz <= 0.3


def test_limits_above_the_hard_ones_are_tightened_before_they_are_sent(bench):
    device = bench.open()
    held = device.set_limits(StimulusLimits(max_current_ma=99.0, max_charge_uc=99.0, max_rate_hz=50.0))
    assert (held.max_current_ma, held.max_charge_uc, held.max_rate_hz) == (50.0, 25.0, 10.0)


@pytest.mark.parametrize(
    ("register", "looser"), [(Register.MAX_CURRENT_UA, 20_001), (Register.MIN_INTERVAL_US, 999_999)]
)
def test_a_limit_read_back_looser_trips(bench, register, looser):
    device = bench.open()
    read = bench.fake.ANSWERS[RegRead]
    bench.fake.script[RegRead] = lambda m: RegValue(register, looser) if m.register == register else read(bench.fake, m)
    with pytest.raises(SafetyTrip, match=register.name.lower()):
        device.set_limits(LIMITS)


# One shock


def test_a_shock_message_by_message(bench):
    device = bench.open()
    limits = device.set_limits(LIMITS)
    bench.fake.forget()
    device.configure(PULSE)
    device.arm(limits)
    device.fire(42, 20_480)
    assert bench.fake.heard == [
        Disarm(),
        StimProgram(1, 0, (Phase(8040, 200),), 0, 1, 1608),
        ArmRequest(1),
        ArmConfirm(0x0BADCAFE, limits_crc(20_000, 20_000, 1_000_000, 1)),
        Fire(TOKEN, 42, 1, 20_480),
    ]
    assert device.last_stim_seq() == 42


def test_a_pulse_above_a_limit_sends_nothing(bench):
    device = bench.open()
    device.set_limits(LIMITS)
    bench.fake.forget()
    with pytest.raises(PlanError, match=r"current 20\.001 mA is above the limit of 20 mA"):
        device.configure(replace(PULSE, current_ma=20.001))
    assert bench.fake.kinds() == []


def test_a_refused_program_cannot_be_armed(bench, nak):
    device = bench.open()
    device.configure(PULSE)
    bench.fake.script[StimProgram] = nak(NakCode.LIMIT)
    with pytest.raises(Refused, match="limit"):
        device.configure(PULSE)
    bench.fake.forget()
    with pytest.raises(Exception, match="configure first"):
        device.arm(LIMITS)
    assert bench.fake.kinds() == []


@pytest.mark.parametrize("field", ["max_current_ua", "max_charge_nc", "min_interval_us", "max_pulses"])
def test_a_challenge_with_other_limits_than_shown_trips_and_disarms(bench, field):
    device = bench.open()
    limits = device.set_limits(LIMITS)
    device.configure(PULSE)
    honest = bench.fake.ANSWERS[ArmRequest]

    def dishonest(message):
        challenge = honest(bench.fake, message)
        return replace(challenge, **{field: getattr(challenge, field) + 1})

    bench.fake.script[ArmRequest] = dishonest
    bench.fake.forget()
    with pytest.raises(SafetyTrip, match="not those shown"):
        device.arm(limits)
    assert bench.fake.kinds() == ["ArmRequest", "Disarm"]


def test_a_token_that_comes_too_late_is_not_fed(bench, monkeypatch):
    device = bench.open()
    limits = device.set_limits(LIMITS)
    device.configure(PULSE)
    monkeypatch.setattr("npr_drivers.frontend.conversation.REPLY_S", 0.05)
    bench.fake.script[ArmConfirm] = None
    with pytest.raises(TimedOut):
        device.arm(limits)
    bench.fake.say(ArmToken(TOKEN, re=9))
    device.status()
    assert device._talk.arm_token == 0
    with pytest.raises(Refused, match="not armed"):
        device.fire(42, 1000)


@pytest.mark.parametrize("used", [41, 40, 0])
def test_a_used_number_is_refused_before_it_is_sent(bench, used):
    device = armed(bench)
    with pytest.raises(Refused, match="is not above 41") as caught:
        device.fire(used, 1000)
    assert caught.value.code == NakCode.REUSED
    assert bench.fake.kinds() == []


def test_a_number_is_spent_by_sending_it_whatever_the_answer(bench, nak):
    device = armed(bench)
    bench.fake.script[Fire] = nak(NakCode.LATE)
    with pytest.raises(Refused, match="late") as caught:
        device.fire(42, 1)
    assert caught.value.code == NakCode.LATE
    with pytest.raises(Refused, match="is not above 42"):
        device.fire(42, 20_000)
    assert bench.fake.kinds() == ["Fire"]


def test_what_the_device_writes_cannot_act_on_a_terminal(bench):
    device = armed(bench)
    bench.fake.script[Fire] = Nak(NakCode.LATE, "\x1b[2J\x1b]0;x\x07la\nte\u202e" + "e" * 3000)
    with pytest.raises(Refused, match=r"late;  ?\[2J") as caught:
        device.fire(42, 1000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_fire_without_an_answer_is_never_sent_again(bench, monkeypatch):
    device = armed(bench)
    bench.fake.script[Fire] = None
    monkeypatch.setattr("npr_drivers.frontend.conversation.REPLY_S", 0.05)
    with pytest.raises(TimedOut, match="no answer to Fire"):
        device.fire(42, 20_000)
    with pytest.raises(Refused):
        device.fire(42, 20_000)
    assert bench.fake.kinds() == ["Fire"]


@pytest.mark.parametrize(("stim_seq", "at_sample"), [(43, 20_000), (42, 20_001), (0, 0)])
def test_another_shock_accepted_than_asked_is_no_refusal(bench, stim_seq, at_sample):
    device = armed(bench)
    bench.fake.script[Fire] = FireAccepted(stim_seq, at_sample)
    with pytest.raises(WireError, match=f"42 was asked for at sample 20000, the device accepted {stim_seq} at "):
        device.fire(42, 20_000)
    assert device.last_stim_seq() == 42


def test_fire_without_arming_sends_nothing(bench):
    device = bench.open()
    with pytest.raises(Refused, match="not armed"):
        device.fire(42, 1000)
    assert bench.fake.kinds() == []


def test_the_report_ends_the_arming_and_a_copy_is_dropped(bench):
    device = armed(bench)
    device.fire(42, 1000)
    bench.fake.say(REPORT, REPORT)
    assert take(device, PulseReport) == PulseReport(
        stim_seq=42,
        pulse=0,
        onset_sample=1000,
        subsample=0.25,
        commanded_ma=8.04,
        measured_ma=8.0,
        width_us=200.05,
        charge_uc=1.6,
        compliance_v=180.0,
        load_ohm=2100.0,
        result=PulseResult.OK,
    )
    device.status()
    assert device.take(0.0) == []
    assert device.counts["repeated_reports"] == 1
    assert device._talk.arm_token == 0


def test_a_copy_of_an_old_report_does_not_disarm(bench):
    device = armed(bench)
    device.fire(42, 1000)
    bench.fake.say(REPORT)
    take(device, PulseReport)
    device.configure(PULSE)
    device.arm(LIMITS)
    bench.fake.say(REPORT)
    device.status()
    assert device._talk.arm_token == TOKEN


@pytest.mark.parametrize("code", [1, 2, 3, 4, 99])
def test_every_result_but_zero_is_not_ok(bench, code):
    device = bench.open()
    bench.fake.say(replace(REPORT, result=code))
    assert take(device, PulseReport).result is not PulseResult.OK


# Making safe


def test_disarm_is_read_back(bench):
    device = armed(bench)
    bench.fake.script[Disarm] = Disarmed(DeviceState.CONFIGURED)
    with pytest.raises(SafetyTrip, match="reads back ARMED"):
        device.disarm()


def test_make_safe_confirmed_needs_no_emergency_stop(bench):
    device = armed(bench)
    assert device.make_safe()
    assert device.make_safe()
    assert bench.fake.kinds() == ["Disarm", "Disarm"]
    assert bench.fake.state is DeviceState.CONFIGURED


def test_make_safe_unconfirmed_ends_in_an_emergency_stop(bench):
    device = armed(bench)
    bench.fake.script[Disarm] = Disarmed(DeviceState.ARMED)
    assert device.make_safe()
    assert bench.fake.kinds() == ["Disarm", "EStop"]
    assert bench.fake.state is DeviceState.FAULT


def test_make_safe_without_any_answer_says_so(bench, monkeypatch):
    monkeypatch.setattr("npr_drivers.frontend.stimulator.SAFE_S", 0.03)
    device = armed(bench)
    bench.fake.script |= {Disarm: None, EStop: None}
    assert device.make_safe() is False
    assert bench.fake.kinds() == ["Disarm", "EStop"]


def test_make_safe_when_disarm_is_refused_asks_for_the_state(bench, nak):
    device = bench.open()
    bench.fake.script[Disarm] = nak(NakCode.STATE)
    assert device.make_safe()
    assert bench.fake.kinds() == ["Disarm"]


def test_make_safe_after_a_lost_line(bench):
    device = armed(bench)
    bench.far.close()
    assert take(device, DeviceEvent).kind == "lost"
    assert device.make_safe() is False
    assert device.make_safe() is False


# What the device says by itself


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (EventCode.STATE, "state"),
        (EventCode.INTERLOCK, "interlock"),
        (EventCode.WATCHDOG, "watchdog"),
        (EventCode.OVERFLOW, "overflow"),
        (EventCode.BUTTON, "button"),
        (EventCode.GARBAGE, "garbage"),
        (EventCode.TOKEN, "state"),
        (EventCode.STREAM, "state"),
        (200, "state"),
    ],
)
def test_events(bench, code, kind):
    device = bench.open()
    bench.fake.say(Event(code, 1, 2, DeviceState.SAFE, Interlock.HANDPIECE_OPEN, 0, "in words"))
    assert take(device, DeviceEvent) == DeviceEvent(kind, "in words", "SAFE", 2)


def test_an_event_without_words_gets_ours(bench):
    device = bench.open()
    bench.fake.say(Event(EventCode.INTERLOCK, 1, 2, DeviceState.SAFE, Interlock.HANDPIECE_OPEN | Interlock.E_STOP))
    assert take(device, DeviceEvent).text == "interlock: SAFE, e stop, handpiece open"


def test_a_watchdog_event_disarms_this_end_too(bench):
    device = armed(bench)
    bench.fake.say(Event(EventCode.WATCHDOG, 1, 2, DeviceState.SAFE, Interlock.HEARTBEAT_LOST))
    take(device, DeviceEvent)
    with pytest.raises(Refused, match="not armed"):
        device.fire(42, 1000)


def test_a_status_that_is_not_armed_any_more_is_told(bench):
    device = armed(bench)
    bench.fake.state = DeviceState.SAFE
    device.status()
    event = take(device, DeviceEvent)
    assert (event.kind, event.state) == ("state", "SAFE")
    assert device._talk.arm_token == 0


def test_status_values(bench):
    device = bench.open()
    bench.fake.script[Heartbeat] = lambda m: Status(
        m.host_ns, 9, 8, DeviceState.CONFIGURED, Interlock.OVER_TEMPERATURE, 7, -150, 400, 3
    )
    status = device.status()
    assert (status.state, status.interlocks, status.last_stim_seq) == ("CONFIGURED", 32, 7)
    assert (status.sample_index, status.dev_ticks, status.temperature_c, status.hv_volt) == (8, 9, -1.5, 400)


# Samples


def test_a_start_without_an_answer_is_followed_by_a_stop(bench, monkeypatch):
    device = bench.open()
    monkeypatch.setattr("npr_drivers.frontend.conversation.REPLY_S", 0.05)
    bench.fake.script[StreamStart] = None
    with pytest.raises(TimedOut):
        device.start(20_000, range(16))
    assert bench.fake.kinds() == ["StreamStart", "StreamStop"]
    assert device.state is LinkState.READY


def test_the_stream_request(bench):
    device = bench.open()
    stream = device.start(20_000, range(16))
    assert bench.fake.heard == [StreamStart(20_000, 0xFFFF, SampleFormat.I24, 80)]
    assert (stream.stream_id, stream.rate_hz, stream.channels) == (1, 20_000.0, tuple(range(16)))
    device.start(2_000, (0, 15))
    assert bench.fake.kinds()[1:] == ["StreamStop", "StreamStart"]
    assert bench.fake.heard[-1] == StreamStart(2_000, 0x8001, SampleFormat.I24, 20)


def test_blocks_and_markers(bench):
    device = bench.open()
    device.start(20_000, range(16))
    stim = DataMarker(5, 0x8000, 1, pulse=0, marker_id=1, stim_seq=42, value=8040)
    strange = DataMarker(6, 0, 99)
    bench.fake.say(bench.fake.data(160, markers=[stim, strange], value=-7))
    block = take(device, Block)
    assert (block.stream_id, block.first_sample, block.end_sample, block.missing_before) == (1, 160, 240, 160)
    assert (block.counts == -7).all()
    (marker,) = block.markers
    assert (marker.stream_id, marker.sample, marker.subsample) == (1, 165, 0.5)
    assert (marker.kind, marker.stim_seq, marker.value) == (MarkerKind.STIMULUS, 42, 8040)


def test_gaps_are_counted_and_repeats_dropped(bench):
    device = bench.open()
    device.start(20_000, range(16))
    fake = bench.fake
    fake.say(*(fake.data(first) for first in (0, 80, 80, 240, 0, 320)))
    fake.say(fake.data(400, channels=3))
    device.status()
    got = [b for b in device.take(0.0) if isinstance(b, Block)]
    assert [(b.first_sample, b.missing_before) for b in got] == [(0, 0), (80, 0), (240, 80), (320, 0)]
    assert device.counts["repeated_blocks"] == 2
    assert device.counts["foreign_blocks"] == 1


def test_blocks_of_an_old_stream_never_reach_the_new_one(bench):
    device = bench.open()
    fake = bench.fake
    fake.say(fake.data(0))
    device.start(20_000, range(16))
    started = fake.ANSWERS[StreamStart]

    def late_block_then_start(message):
        fake.say(fake.data(4000))
        return started(fake, message)

    fake.script[StreamStart] = late_block_then_start
    stream = device.start(20_000, range(16))
    fake.say(fake.data(0))
    block = take(device, Block)
    assert (block.stream_id, block.first_sample, block.missing_before) == (stream.stream_id, 0, 0)
    assert device.counts["stray_blocks"] == 2


def test_impedance(bench):
    device = bench.open()
    rows = device.impedance((3, 1), 85)
    assert bench.fake.heard == [ImpedanceRequest(0b1010, 85)]
    assert [(r.channel, r.g1_kohm, r.g2_kohm, r.frequency_hz, r.ok) for r in rows] == [
        (3, 4.0, 8.0, 85, True),
        (1, 2.0, 4.0, 85, True),
    ]


def test_impedance_while_armed_is_not_even_asked(bench):
    device = armed(bench)
    with pytest.raises(Refused, match="while armed"):
        device.impedance((0,))
    assert bench.fake.kinds() == []


# Answers that break the document


def test_an_answer_of_another_kind(bench):
    device = bench.open()
    bench.fake.script[ImpedanceRequest] = Disarmed(DeviceState.SAFE)
    with pytest.raises(WireError, match="answered ImpedanceRequest with Disarmed; ImpedanceReply was expected"):
        device.impedance((0,))


def test_an_unknown_refusal_code_is_told(bench, nak):
    device = bench.open()
    bench.fake.script[ImpedanceRequest] = nak(250)
    with pytest.raises(Refused, match="code 250") as caught:
        device.impedance((0,))
    assert caught.value.code == 250


def test_a_calibration_that_stops_short(bench):
    bench.fake.script[CalRead] = lambda m: bench.fake.ANSWERS[CalRead](bench.fake, replace(m, length=0))
    with pytest.raises(WireError, match="stops at byte 0"):
        bench.open()


def test_the_challenge_and_ident_of_the_fake_are_the_documents():
    assert limits_crc(40_000, 20_000, 1_000_000, 1) == 0x2BCB4F17
    assert ArmChallenge.reply
    assert Ident.reply
