"""The watchdog and what a lost line does, with injected wall time."""

from typing import Any

import pytest

from npr_daq.wire.messages import ArmRequest, Clear, Cleared, Data, Disarm, EStop, Fire, Heartbeat, Status
from npr_daq.wire.tables import DeviceState, EventCode, Interlock, NakCode, PulseCode

LIVE = (DeviceState.ARMED, DeviceState.FIRING)


def silence(rig: Any, seconds: float) -> None:
    """Let wall time pass without a word, looking every 10 ms."""
    end = rig.now_s + seconds
    while rig.now_s < end - 1e-9:
        rig.now_s = min(end, rig.now_s + 0.010)
        rig.device.watch(rig.now_s)
    rig.hear()


@pytest.mark.parametrize("state", LIVE)
def test_300_ms_of_silence_make_a_live_device_safe_and_it_says_why(rig: Any, state: DeviceState) -> None:
    rig.bring_to(state)
    silence(rig, 0.299)
    assert rig.state is state
    silence(rig, 0.011)
    assert rig.state is DeviceState.SAFE
    assert rig.device.interlocks == Interlock.HEARTBEAT_LOST
    events = rig.events()
    assert [e.code for e in events] == [EventCode.INTERLOCK, EventCode.WATCHDOG]
    assert 300 <= events[-1].value <= 310
    assert events[-1].state is DeviceState.SAFE
    assert "300 ms" in events[-1].text
    assert rig.device.streaming


def test_a_trip_aborts_the_pulse_that_is_due(rig: Any) -> None:
    rig.bring_to(DeviceState.FIRING)
    silence(rig, 0.31)
    (report,) = rig.reports()
    assert report.result is PulseCode.ABORTED
    rig.run_to(4000)
    assert rig.truth.lines == []


@pytest.mark.parametrize("state", LIVE)
def test_beats_with_the_living_token_keep_it_live(rig: Any, state: DeviceState) -> None:
    rig.bring_to(state)
    for _ in range(20):
        silence(rig, 0.1)
        assert rig.beat(rig.token).state is state


def test_beats_with_a_wrong_token_are_answered_but_feed_nothing(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    for _ in range(4):
        silence(rig, 0.1)
        rig.beat(rig.token + 1)
    assert rig.state is DeviceState.SAFE


def test_a_beat_counts_by_its_arrival_before_the_clocks_are_compared(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    rig.now_s += 0.5
    rig.beat(rig.token)
    assert not rig.device.watch(rig.now_s)
    assert rig.state is DeviceState.ARMED


def test_after_a_trip_a_beat_clears_the_interlock_and_the_host_may_begin_again(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    silence(rig, 0.31)
    assert not rig.beat().interlocks
    rig.program()
    rig.arm()
    assert rig.state is DeviceState.ARMED


def test_a_trip_forbids_arming_until_a_beat(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    silence(rig, 0.31)
    rig.program()
    assert rig.refused(ArmRequest(rig.program_id)).code is NakCode.INTERLOCK


def test_two_seconds_of_silence_stop_the_stream(rig: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    silence(rig, 1.99)
    assert rig.device.streaming
    silence(rig, 0.02)
    assert not rig.device.streaming
    (event,) = rig.events()
    assert (event.code, event.value) == (EventCode.STREAM, 1)
    assert rig.state is DeviceState.CONFIGURED
    assert rig.beat().sample_index == 1000


def test_without_a_stream_silence_changes_nothing(rig: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED, streaming=False)
    silence(rig, 5)
    assert rig.state is DeviceState.CONFIGURED
    assert rig.events() == []


def test_silence_in_refractory_ends_safe(rig: Any) -> None:
    rig.bring_to(DeviceState.REFRACTORY)
    silence(rig, 2.01)
    assert rig.state is DeviceState.SAFE
    assert not rig.device.streaming


@pytest.mark.parametrize("state", list(DeviceState)[1:])
def test_a_lost_line_is_safe_at_once_and_the_next_host_must_say_hello(rig: Any, state: DeviceState) -> None:
    rig.bring_to(state)
    rig.device.link_lost()
    assert rig.state is (DeviceState.FAULT if state is DeviceState.FAULT else DeviceState.SAFE)
    assert not rig.device.streaming
    assert rig.refused(Disarm()).code is NakCode.STATE
    ident = rig.hello()
    assert ident.last_stim_seq == (1 if state in (DeviceState.FIRING, DeviceState.REFRACTORY) else 0)


def test_hello_makes_safe_and_fresh_sequence_numbers(rig: Any) -> None:
    rig.bring_to(DeviceState.FIRING)
    rig.link = type(rig.link)(first_seq=500)
    rig.hello()
    assert rig.state is DeviceState.SAFE
    assert not rig.device.streaming
    assert set(rig.link.gaps.values()) == {0}
    assert [r.result for r in rig.reports()] == [PulseCode.ABORTED]


@pytest.mark.parametrize("state", list(DeviceState)[1:])
def test_estop_works_in_every_state_even_with_a_wild_sequence_number(rig: Any, state: DeviceState) -> None:
    rig.bring_to(state)
    streaming = rig.device.streaming
    rig.link._next[0] = 60_000
    assert rig.ask(EStop(), Status).state is DeviceState.FAULT
    assert rig.device.streaming == streaming
    assert rig.device.interlocks & Interlock.E_STOP


def test_a_fault_is_left_by_the_act_on_the_device_and_clear(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    rig.ask(EStop(), Status)
    assert rig.refused(Clear()).code is NakCode.INTERLOCK
    rig.device.act()
    rig.ask(EStop(), Status)
    assert rig.refused(Clear()).code is NakCode.INTERLOCK
    rig.device.act()
    assert rig.ask(Clear(), Cleared).state is DeviceState.SAFE
    assert not rig.device.interlocks
    assert rig.refused(Fire(rig.token, 1, rig.program_id, 9000)).code is NakCode.STATE


def test_the_stop_button_latches_and_is_told(rig: Any) -> None:
    rig.bring_to(DeviceState.ARMED)
    rig.device.press_stop()
    rig.hear()
    (event,) = rig.events()
    assert (event.code, event.state) == (EventCode.INTERLOCK, DeviceState.FAULT)
    assert rig.device.streaming


def test_damaged_input_is_counted_told_once_a_second_and_harms_nothing(rig: Any) -> None:
    rig.bring_to(DeviceState.SAFE)
    rig.device.receive(b"\x05abc\x00" * 3, rig.now_s)
    rig.device.receive(b"\x05abc\x00", rig.now_s + 0.5)
    rig.hear()
    assert [(e.code, e.value) for e in rig.events()] == [(EventCode.GARBAGE, 3)]
    rig.device.receive(rig.link.send(Heartbeat(1)), rig.now_s + 1.5)
    rig.hear()
    assert [e.value for e in rig.events()] == [3, 1]
    assert rig.all(Status)


def test_a_host_that_does_not_read_costs_samples_not_memory(rig: Any) -> None:
    rig.device.wire.drops_when_full = True
    rig.bring_to(DeviceState.SAFE)
    rig.device.wire.queued_bytes = 10**9
    rig.run_to(9000)
    assert rig.all(Data)[-1].first_sample < 1000
    assert rig.events() == []
    rig.device.wire.queued_bytes = 0
    rig.run_to(9200)
    (event,) = rig.events()
    assert event.code is EventCode.OVERFLOW
    assert event.value == 8000
    assert rig.all(Data)[-1].first_sample == 9120
