"""Section 4 of the specification: two links talk, numbers run per channel, loss is counted and never repaired."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import WireError
from npr_daq.wire.data import Data, DataMarker, pack_data
from npr_daq.wire.framing import Frame, FrameReader, encode_frame
from npr_daq.wire.link import Link
from npr_daq.wire.messages import (
    ArmConfirm,
    ArmRequest,
    BadMessage,
    Disarmed,
    EStop,
    Event,
    HardLimits,
    Heartbeat,
    Hello,
    Ident,
    Message,
    Nak,
    RegRead,
    Status,
)
from npr_daq.wire.tables import Chan, DeviceState, EventCode, Interlock, MarkerCode, MessageType, NakCode, Register

STATUS = Status(0, 1, 2, DeviceState.SAFE, Interlock(0), 0, 2500, 0, 60)
IDENT = Ident(1, 0, 7, 8, 9, "s", "f", "m", 16, (20_000,), HardLimits(1, 2, 3, 4, 5, 6, 7), True, 1_000_000, 0)
EVENT = Event(EventCode.BUTTON, 1, 2, DeviceState.SAFE, Interlock(0), 1, "go")

host_messages = st.sampled_from(
    [Hello(1, 0, 5), Heartbeat(7), RegRead(Register.TICKS_HZ), ArmRequest(3), ArmConfirm(1, 2), EStop()]
)


@given(st.lists(host_messages, max_size=12), st.lists(st.integers(0, 400), max_size=8))
def test_what_one_end_sends_the_other_receives_whatever_the_chunking(sent, cuts):
    host, device = Link(), Link()
    stream = b"".join(host.send(message) for message in sent)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    got = [r for a, b in pairwise(edges) for r in device.receive(stream[a:b])]
    assert [r.message for r in got] == sent
    assert [r.seq for r in got] == list(range(1, len(sent) + 1))
    assert all(r.error is None and not r.reply and r.chan == Chan.CONTROL for r in got)
    assert sum(device.gaps.values()) == sum(device.repeats.values()) == 0


def test_a_reply_names_its_request():
    host, device = Link(first_seq=65535), Link()
    wanted = host.next_seq()
    (asked,) = device.receive(host.send(Heartbeat(1)))
    assert asked.seq == wanted == 65535
    (answer,) = host.receive(device.send(STATUS, re=asked.seq))
    assert answer.reply
    assert answer.message == Status(0, 1, 2, DeviceState.SAFE, Interlock(0), 0, 2500, 0, 60, re=65535)
    assert host.next_seq() == 0


def test_without_re_a_reply_keeps_its_own():
    (got,) = Link().receive(Link().send(Disarmed(DeviceState.SAFE, re=9)))
    assert got.message == Disarmed(DeviceState.SAFE, re=9)


def test_a_refusal_carries_both_flags():
    (frame,) = FrameReader().feed(Link().send(Nak(NakCode.LATE, "too late"), re=3))
    assert (frame.type, frame.flags, frame.chan) == (MessageType.NAK, 3, Chan.CONTROL)


@pytest.mark.parametrize("message", [EVENT, Heartbeat(1)])
def test_re_on_a_message_that_answers_nothing_is_refused_and_spends_no_number(message):
    link = Link()
    with pytest.raises(WireError, match="no reply"):
        link.send(message, re=1)
    assert link.next_seq(message.chan) == 1


def test_a_message_that_cannot_be_packed_spends_no_number():
    link = Link()
    with pytest.raises(WireError):
        link.send(ArmRequest(-1))
    assert link.next_seq() == 1


def test_each_channel_counts_for_itself():
    device, host = Link(), Link()
    block = Data(0, np.zeros((1, 2), np.int32))
    stream = [STATUS, block, EVENT, block, block, EVENT, STATUS]
    got = host.receive(b"".join(device.send(message) for message in stream))
    assert [(r.chan, r.seq) for r in got] == [(0, 1), (1, 1), (2, 1), (1, 2), (1, 3), (2, 2), (0, 2)]
    assert sum(host.gaps.values()) == 0


@given(st.lists(st.booleans(), min_size=2, max_size=40), st.integers(0, 65535))
def test_lost_frames_are_counted_across_the_wrap(arrives, first_seq):
    device, host = Link(first_seq=first_seq), Link()
    frames = [device.send(EVENT) for _ in arrives]
    kept = [i for i, there in enumerate(arrives) if there]
    host.receive(b"".join(frames[i] for i in kept))
    between = kept[-1] - kept[0] + 1 - len(kept) if kept else 0
    assert host.gaps[Chan.EVENT] == between
    assert host.repeats[Chan.EVENT] == 0


def test_a_repeated_frame_is_counted_and_still_delivered():
    device, host = Link(), Link()
    once = device.send(EVENT)
    assert len(host.receive(once + once)) == 2
    assert (host.gaps[Chan.EVENT], host.repeats[Chan.EVENT]) == (0, 1)


def test_a_new_hello_begins_the_numbers_anew_without_a_count():
    device = Link()
    first = Link()
    device.receive(first.send(Hello(1, 0, 1)) + first.send(Heartbeat(1)) + first.send(Heartbeat(2)))
    again = Link(first_seq=40_000)
    device.receive(again.send(Hello(1, 0, 2)) + again.send(Heartbeat(3)))
    assert (device.gaps[Chan.CONTROL], device.repeats[Chan.CONTROL]) == (0, 0)


@pytest.mark.parametrize("first_seq", [1, 30_000, 60_000])
def test_the_answer_to_hello_begins_the_numbers_of_every_channel_anew(first_seq):
    host, before, after = Link(), Link(), Link(first_seq=first_seq)
    host.receive(before.send(EVENT) + before.send(STATUS) + before.send(EVENT))
    host.receive(after.send(IDENT) + after.send(EVENT) + after.send(STATUS))
    assert sum(host.gaps.values()) == sum(host.repeats.values()) == 0
    after.send(EVENT)
    host.receive(after.send(EVENT))
    assert host.gaps[Chan.EVENT] == 1


@pytest.mark.parametrize(
    ("ahead", "counted"),
    [(0, (0, 0)), (1, (1, 0)), (32_767, (32_767, 0)), (32_768, (0, 1)), (65_535, (0, 1))],
)
def test_a_jump_forward_is_below_half_of_the_numbers(ahead, counted):
    host = Link()
    host.receive(Link().send(EVENT))
    host.receive(Link(first_seq=(2 + ahead) & 0xFFFF).send(EVENT))
    assert (host.gaps[Chan.EVENT], host.repeats[Chan.EVENT]) == counted


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(0x66, 0, 0, 5, b""), NakCode.UNSUPPORTED),
        (Frame(MessageType.ESTOP, 0, 0, 5, b"", version=0x20), NakCode.VERSION),
        (Frame(MessageType.HELLO, 0, 0, 5, b"\x01"), NakCode.MALFORMED),
        (Frame(MessageType.DATA, 0, 1, 5, b"\x01"), NakCode.MALFORMED),
        (Frame(MessageType.DATA, 0, 0, 5, pack_data(first_sample=0, counts=np.zeros((1, 1)))), NakCode.MALFORMED),
        (Frame(MessageType.EVENT, 0, 77, 5, EVENT.pack()), NakCode.MALFORMED),
    ],
)
def test_a_bad_message_comes_with_the_refusal_that_answers_it(frame, code):
    (got,) = Link().receive(encode_frame(frame))
    assert got.message is None
    assert got.seq == 5
    assert isinstance(got.error, BadMessage)
    assert got.error.code is code


@given(st.binary(max_size=300))
def test_garbage_never_raises(data):
    link = Link()
    link.receive(data + b"\0")
    (got,) = link.receive(Link().send(EStop()))
    assert got.message == EStop()


def test_a_damaged_frame_shows_as_a_bad_frame_and_as_a_gap():
    device, host = Link(), Link()
    wires = [bytearray(device.send(EVENT)) for _ in range(3)]
    wires[1][9] ^= 0x40
    assert len(host.receive(b"".join(wires))) == 2
    assert (host.reader.bad_frames, host.gaps[Chan.EVENT]) == (1, 1)


def test_send_data_is_send_of_data():
    counts = np.arange(-16, 16, dtype=np.int32).reshape(2, 16)
    marker = DataMarker(3, 1, MarkerCode.STIMULUS, stim_seq=4)
    block = Data(100, counts, over=1, leadoff=2, markers=(marker,))
    by_payload = Link().send_data(block.pack())
    assert Link().send(block) == by_payload
    (got,) = Link().receive(by_payload)
    assert isinstance(got.message, Data)
    np.testing.assert_array_equal(got.message.counts, counts)
    assert got.message.markers == (marker,)


def test_a_block_from_a_higher_minor_version_is_still_a_block():
    payload = pack_data(first_sample=3, counts=np.ones((2, 2), np.int32))
    (got,) = Link().receive(encode_frame(Frame(MessageType.DATA, 0, Chan.DATA, 1, payload, version=0x13)))
    assert isinstance(got.message, Data)
    assert got.message.first_sample == 3


def test_every_request_is_a_message():
    assert all(isinstance(message, Message) for message in (STATUS, EVENT, EStop()))
