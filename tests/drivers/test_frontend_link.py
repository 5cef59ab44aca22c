"""Heartbeats, lost lines and damaged bytes: what the driver does when the far end is not well."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import Branch, Side
from npr_daq.device.contracts import Block, DeviceEvent
from npr_daq.engine.stream import STALL_S
from npr_daq.errors import Closed, IllegalTransition, NprError
from npr_daq.machine import Machine
from npr_daq.stimulus import Stimulus, StimulusLimits
from npr_daq.transport.memory import CloseAt, Drop, Flip, Split
from npr_daq.wire.framing import Frame, encode_frame
from npr_daq.wire.messages import Event, Heartbeat, Hello, RegRead, RegValue, StreamStart
from npr_daq.wire.tables import DeviceState, EventCode, Interlock, Register
from npr_drivers.frontend.conversation import SILENT_S
from npr_drivers.frontend.states import LINK_TABLE, LinkEvent, LinkState

PULSE = Stimulus(Side.LEFT, Branch.TRUNK, current_ma=5.0)
TOKEN = 0xCAFEF00D


def events(device, kind):
    """Take until an event of `kind` comes; everything of that kind."""
    for _ in range(200):
        found = [i for i in device.take(0.05) if isinstance(i, DeviceEvent) and i.kind == kind]
        if found:
            return found
    raise AssertionError(f"no {kind} event came")


def arm(bench):
    device = bench.open()
    limits = device.set_limits(StimulusLimits())
    device.configure(PULSE)
    device.arm(limits)
    return device


def beats_after(bench, seconds):
    """Move the clock; the tokens of the beats that went out."""
    bench.fake.beats.clear()
    bench.hand.move(seconds)
    # Requests are answered in order: with this answer every earlier beat has been heard.
    bench.device._talk.ask(RegRead(Register.MAX_PULSES), RegValue)
    return [b.arm_token for b in bench.fake.beats]


# Heartbeats


def test_beats_go_every_100_ms_when_not_armed(bench):
    bench.open()
    assert beats_after(bench, 0.05) == []
    assert beats_after(bench, 0.05) == [0]
    assert beats_after(bench, 0.1) == [0]


def test_while_armed_a_beat_needs_fresh_progress(bench):
    device = arm(bench)
    assert beats_after(bench, 0.1) == [TOKEN]
    assert beats_after(bench, 0.1) == []
    device.progress()
    bench.fake.wait_for(lambda: bench.fake.beats)
    assert [b.arm_token for b in bench.fake.beats] == [TOKEN]
    assert beats_after(bench, 0.1) == []


def test_progress_does_not_hurry_the_beat(bench):
    device = arm(bench)
    beats_after(bench, 0.1)
    for _ in range(5):
        device.progress()
    assert beats_after(bench, 0.05) == []


def test_disarmed_beats_go_again_without_progress(bench):
    device = arm(bench)
    beats_after(bench, 0.1)
    device.disarm()
    assert beats_after(bench, 0.1) == [0]


def test_a_beat_tells_the_hosts_clock(bench):
    bench.open()
    beats_after(bench, 0.1)
    assert bench.fake.beats[-1] == Heartbeat(round(bench.hand.now_s * 1e9))


# Lost lines


def test_the_far_end_goes_away(bench):
    device = bench.open()
    device.start(20_000, range(16))
    bench.far.close()
    (lost,) = events(device, "lost")
    assert "the far end has gone" in lost.text
    for _ in range(2):
        with pytest.raises(Closed, match="the far end has gone"):
            device.take(0.0)
    assert device.state is LinkState.LOST
    with pytest.raises(Closed):
        device.status()
    with pytest.raises(Closed):
        device.start(20_000, range(16))
    device.close()
    device.close()
    assert device.state is LinkState.LOST


def test_what_came_before_the_loss_is_taken_first(bench):
    device = bench.open()
    device.start(20_000, range(16))
    bench.fake.say(bench.fake.data(0), bench.fake.data(80))
    bench.far.close()
    got = device.take(1.0)
    while not any(isinstance(i, DeviceEvent) for i in got):
        got += device.take(1.0)
    assert [i.first_sample for i in got if isinstance(i, Block)] == [0, 80]
    assert [i.kind for i in got if isinstance(i, DeviceEvent)] == ["lost"]


def test_a_waiting_request_ends_when_the_line_is_lost(bench):
    device = bench.open()
    bench.fake.script[StreamStart] = lambda m: bench.far.close()
    with pytest.raises(Closed, match="the far end has gone"):
        device.start(20_000, range(16))


def test_a_silent_device_is_lost_after_two_seconds_and_before_its_samples_are_missed(bench):
    assert SILENT_S < STALL_S
    device = bench.open()
    bench.fake.script[Heartbeat] = None
    for _ in range(19):
        bench.hand.move(0.1)
    assert device.state is LinkState.READY
    bench.hand.advance(0.2)
    (lost,) = events(device, "lost")
    assert "silent for" in lost.text
    assert "switch the stimulator off at the device" in lost.text
    assert device.state is LinkState.LOST
    with pytest.raises(Closed, match="silent for"):
        device.take(0.0)


def test_a_clock_that_jumps_loses_nothing(bench):
    """A host that slept owes the device a beat, not the other way round."""
    device = bench.open()
    assert beats_after(bench, 3600.0) == [0]
    assert device.status().state == "SAFE"
    assert device.state is LinkState.READY


def test_no_way_back_from_lost():
    link = Machine("link", LINK_TABLE, LinkState.LOST)
    assert not any(link.can(event) for event in LinkEvent)


@given(st.lists(st.sampled_from(LinkEvent), max_size=30))
def test_fail_from_any_open_state_is_lost_and_nothing_leaves_the_table(steps):
    link = Machine("link", LINK_TABLE, LinkState.CLOSED)
    for event in steps:
        before = link.state
        try:
            after = link.fire(event)
        except IllegalTransition:
            assert link.state is before
            continue
        assert after in LINK_TABLE
        if event is LinkEvent.FAIL:
            assert after is LinkState.LOST
    if link.state not in (LinkState.CLOSED, LinkState.LOST):
        assert link.fire(LinkEvent.FAIL) is LinkState.LOST


# Damage


def test_a_damaged_frame_is_told_and_gives_a_gap(make_bench):
    with make_bench() as bench:
        device = bench.open()
        device.start(20_000, range(16))
        fake = bench.fake
        with fake.sending:
            good = [fake.link.send(fake.data(first)) for first in (0, 80, 160)]
            bad = bytearray(good[1])
            bad[100] ^= 0xFF
            bench.far.write(good[0] + bytes(bad) + good[2])
        (event,) = events(device, "garbage")
        assert event.text == "1 damaged frame(s) were rejected"
        fake.say(fake.data(240))
        device.status()
        got = [b for b in device.take(0.0) if isinstance(b, Block)]
        assert device.counts["repeated_blocks"] == 0
        assert [b.missing_before for b in got] in ([0], [80, 0], [0, 80, 0])


def test_a_lost_event_message_is_told_by_the_sequence(bench):
    device = bench.open()
    fake = bench.fake
    pressed = Event(EventCode.BUTTON, 1, 1, DeviceState.SAFE, Interlock(0), 1, "pressed")
    fake.say(pressed)
    with fake.sending:
        fake.link.send(pressed)  # made, numbered, and never sent
    fake.say(pressed)
    (event,) = events(device, "garbage")
    assert event.text == "1 message(s) never arrived"


def test_bytes_that_mean_nothing_are_told_and_skipped(bench):
    device = bench.open()
    bench.far.write(b"ATZ\r\n\x00" * 3)
    (event,) = events(device, "garbage")
    assert event.text == "3 damaged frame(s) were rejected"
    assert device.status().state == "SAFE"


def test_a_noisy_line_is_told_once_a_second(bench):
    device = bench.open()
    bench.far.write(b"hum\x00")
    assert events(device, "garbage")[0].text == "1 damaged frame(s) were rejected"
    for _ in range(5):
        bench.far.write(b"hum\x00")
        assert beats_after(bench, 0.1) == [0]
    assert device.take(0.0) == []
    bench.hand.move(0.6)
    assert events(device, "garbage")[0].text == "5 damaged frame(s) were rejected"


def test_a_message_of_a_later_version_is_told_and_skipped(bench):
    device = bench.open()
    with bench.fake.sending:
        bench.far.write(encode_frame(Frame(0x55, 0, 2, 1, b"new")))
    assert events(device, "garbage")[0].text == "1 message(s) were not understood"
    assert device.status().state == "SAFE"


def test_a_request_from_the_device_is_harmless(bench):
    device = bench.open()
    bench.fake.say(Hello(1, 0, 5))
    assert device.status().state == "SAFE"


@pytest.mark.parametrize("at", [1, 7, 60, 200])
def test_a_line_that_breaks_while_opening_raises_ours(make_bench, at, monkeypatch):
    monkeypatch.setattr("npr_drivers.frontend.driver.HELLO_S", 0.05)
    with make_bench(far_to_near=[CloseAt(at)]) as bench, pytest.raises(NprError):
        bench.open()


def test_any_splitting_of_the_line_opens_the_same_device(make_bench):
    with make_bench(far_to_near=[Split(n) for n in range(1, 400, 3)]) as bench:
        assert bench.open().capabilities.serial == "FAKE-1"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(
        st.one_of(
            st.builds(Flip, st.integers(0, 900), st.integers(1, 255)),
            st.builds(Drop, st.integers(0, 900), st.integers(1, 40)),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_damage_while_opening_gives_a_device_or_one_of_our_errors(make_bench, faults):
    with pytest.MonkeyPatch.context() as patch, make_bench(far_to_near=faults) as bench:
        patch.setattr("npr_drivers.frontend.driver.HELLO_S", 0.05)
        patch.setattr("npr_drivers.frontend.conversation.REPLY_S", 0.05)
        try:
            device = bench.open()
        except NprError:
            return
        assert device.capabilities.serial == "FAKE-1"
        assert device.calibration.valid
