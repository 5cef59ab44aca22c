"""Section 5 of the specification: every message packs, unpacks, and refuses what is not itself."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import WireError
from npr_daq.wire import messages as m
from npr_daq.wire.framing import Frame
from npr_daq.wire.messages import REPLIES, REQUESTS, UNASKED, BadMessage, decode
from npr_daq.wire.tables import (
    DeviceState,
    EventCode,
    FrameFlag,
    ImpedanceCode,
    Interlock,
    MessageType,
    NakCode,
    ProgramFlag,
    PulseCode,
    Register,
    RegOp,
    SampleFormat,
    ValueType,
)

u8, u16, u32, u64 = (st.integers(0, 2 ** (8 * size) - 1) for size in (1, 2, 4, 8))
i16, i32 = (st.integers(-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1) for size in (2, 4))
short_text = st.text(max_size=40)
states = st.sampled_from(DeviceState)
interlocks = u32.map(Interlock)


def open_enum(words):
    return u8.map(lambda value: words(value) if value in set(words) else value)


registers = u16.map(lambda value: Register(value) if value in set(Register) else value)
RANGES = {
    ValueType.U8: u8,
    ValueType.U16: u16,
    ValueType.U32: u32,
    ValueType.U64: u64,
    ValueType.I32: i32,
}
typed_values = st.sampled_from(ValueType).flatmap(lambda kind: st.tuples(RANGES[kind], st.just(kind)))
readings = st.builds(m.Reading, u32, u32, open_enum(ImpedanceCode))

STRATEGIES: dict[type[m.Message], st.SearchStrategy[m.Message]] = {
    m.Hello: st.builds(m.Hello, u8, u8, u32),
    m.DescRead: st.builds(m.DescRead, u32, u16),
    m.CalRead: st.builds(m.CalRead, u32, u16),
    m.RegRead: st.builds(m.RegRead, registers),
    m.RegWrite: st.builds(lambda r, v: m.RegWrite(r, *v), registers, typed_values),
    m.StreamStart: st.builds(m.StreamStart, u32, u32, st.sampled_from(SampleFormat), u8),
    m.StreamStop: st.builds(m.StreamStop),
    m.ImpedanceRequest: st.builds(m.ImpedanceRequest, u32, u16),
    m.Heartbeat: st.builds(m.Heartbeat, u64, u32),
    m.StimProgram: st.builds(
        m.StimProgram,
        u16,
        u8,
        st.lists(st.builds(m.Phase, i32, u32), max_size=255).map(tuple),
        u32,
        u16,
        u16,
        u32.map(ProgramFlag),
    ),
    m.ArmRequest: st.builds(m.ArmRequest, u16),
    m.ArmConfirm: st.builds(m.ArmConfirm, u32, u32),
    m.Disarm: st.builds(m.Disarm),
    m.Fire: st.builds(m.Fire, u32, u32, u16, u64),
    m.EStop: st.builds(m.EStop),
    m.Clear: st.builds(m.Clear),
    m.Ident: st.builds(
        m.Ident,
        major=u8,
        minor=u8,
        host_nonce=u32,
        boot_id=u32,
        descriptor_crc=u32,
        serial=short_text,
        firmware=short_text,
        model=short_text,
        channel_count=u8,
        rates_hz=st.lists(u32, max_size=10).map(tuple),
        hard_limits=st.builds(m.HardLimits, *[u32] * 7),
        simulated=st.booleans(),
        ticks_hz=u32,
        last_stim_seq=u32,
        unknown=st.lists(
            st.tuples(st.integers(10, 255), st.binary(max_size=20)), max_size=3, unique_by=lambda t: t[0]
        ).map(tuple),
        re=u16,
    ),
    m.DescData: st.builds(m.DescData, u32, u32, st.binary(max_size=200), re=u16),
    m.CalData: st.builds(m.CalData, u32, u32, st.binary(max_size=200), re=u16),
    m.RegValue: st.builds(
        lambda r, v, op, re: m.RegValue(r, *v, op, re=re), registers, typed_values, st.sampled_from(RegOp), u16
    ),
    m.StreamStarted: st.builds(m.StreamStarted, u32, u32, u32, u64, re=u16),
    m.StreamStopped: st.builds(m.StreamStopped, u32, u64, re=u16),
    m.ImpedanceReply: u32.flatmap(
        lambda mask: st.builds(
            m.ImpedanceReply,
            st.just(mask),
            u16,
            st.lists(readings, min_size=mask.bit_count(), max_size=mask.bit_count()).map(tuple),
            re=u16,
        )
    ),
    m.Status: st.builds(m.Status, u64, u64, u64, states, interlocks, u32, i16, u16, u16, re=u16),
    m.StimProgrammed: st.builds(m.StimProgrammed, u16, re=u16),
    m.ArmChallenge: st.builds(m.ArmChallenge, u32, u32, u32, u32, u16, re=u16),
    m.ArmToken: st.builds(m.ArmToken, u32, re=u16),
    m.Disarmed: st.builds(m.Disarmed, states, re=u16),
    m.FireAccepted: st.builds(m.FireAccepted, u32, u64, re=u16),
    m.Cleared: st.builds(m.Cleared, states, re=u16),
    m.Nak: st.builds(m.Nak, open_enum(NakCode), short_text, re=u16),
    m.StimReport: st.builds(m.StimReport, u32, u64, u16, u16, i32, i32, u32, i32, u16, u16, open_enum(PulseCode), u16),
    m.Event: st.builds(m.Event, open_enum(EventCode), u64, u64, states, interlocks, i32, short_text),
}
any_message = st.one_of(*STRATEGIES.values())


def frame_of(message: m.Message, **changes: object) -> Frame:
    flags = FrameFlag.REPLY if message.reply else 0
    return replace(Frame(message.type, int(flags), message.chan, 1, message.pack()), **changes)


def decoded(frame: Frame) -> m.Message | BadMessage:
    try:
        return decode(frame)
    except BadMessage as error:
        return error


def test_every_message_but_data_is_covered_here():
    assert set(STRATEGIES) | {m.Data} == {*REQUESTS, *REPLIES, *UNASKED}


@pytest.mark.parametrize("kind", STRATEGIES, ids=lambda kind: kind.__name__)
def test_round_trip(kind):
    @given(STRATEGIES[kind])
    def check(message):
        back = decode(frame_of(message))
        assert back == message
        assert type(back) is kind

    check()


@given(any_message)
def test_decoded_numbers_have_their_names(message):
    back = decode(frame_of(message))
    for field in fields(message):
        assert type(getattr(back, field.name)) is type(getattr(message, field.name)), field.name


@given(any_message, st.data())
def test_a_cut_payload_is_never_taken_for_a_whole_one(message, data):
    payload = message.pack()
    cut = payload[: data.draw(st.integers(0, max(0, len(payload) - 1)))]
    back = decoded(frame_of(message, payload=cut))
    if isinstance(back, BadMessage):
        assert back.code in (NakCode.MALFORMED, NakCode.UNSUPPORTED)
    else:
        # Only what ends in free text or bytes can be shorter and whole; the frame's `len` and CRC guard those.
        assert isinstance(back, m.Event | m.Nak | m.DescData | m.CalData | m.Ident) or cut == payload
        assert back.pack() == cut or isinstance(back, m.Event | m.Nak)


@given(any_message, st.binary(min_size=1, max_size=9))
def test_trailing_bytes_are_refused(message, extra):
    if isinstance(message, m.Event | m.Nak | m.DescData | m.CalData | m.Ident):
        return
    with pytest.raises(BadMessage):
        decode(frame_of(message, payload=message.pack() + extra))


@given(
    st.integers(0, 255),
    st.integers(0, 7),
    st.integers(0, 3),
    st.binary(max_size=120),
    st.sampled_from([0x10, 0x11, 0x1F]),
)
def test_any_payload_decodes_or_is_a_bad_message(kind, flags, chan, payload, version):
    back = decoded(Frame(kind, flags, chan, 1, payload, version))
    assert isinstance(back, m.Message | WireError)
    assert str(back)


@pytest.mark.parametrize("version", [0x00, 0x20, 0xF0])
def test_another_major_is_refused_by_version(version):
    with pytest.raises(BadMessage) as caught:
        decode(frame_of(m.EStop(), version=version))
    assert caught.value.code is NakCode.VERSION


def test_a_higher_minor_is_accepted():
    assert decode(frame_of(m.EStop(), version=0x1F)) == m.EStop()


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x77, 0, 0, 1, b""),
        Frame(MessageType.ESTOP, int(FrameFlag.MORE), 0, 1, b""),
        Frame(MessageType.STATUS, 0, 0, 1, b""),
        Frame(MessageType.ARM, 0, 0, 1, b"\x09"),
        Frame(MessageType.REG, 0, 0, 1, b"\x00\x00\x01"),
    ],
    ids=["type", "more", "reply", "arm op", "reg op"],
)
def test_unknown_types_and_operations_are_unsupported(frame):
    with pytest.raises(BadMessage) as caught:
        decode(frame)
    assert caught.value.code is NakCode.UNSUPPORTED


@pytest.mark.parametrize(
    "frame",
    [
        Frame(MessageType.ARM, 0, 0, 1, b""),
        Frame(MessageType.ARM, int(FrameFlag.REPLY), 0, 1, b"\x01\x00"),
        Frame(MessageType.ESTOP, 0, 1, 1, b""),
        Frame(MessageType.EVENT, 0, 0, 1, bytes(26)),
        Frame(MessageType.STREAM, 0, 0, 1, m.StreamStart(20000, 1, SampleFormat.I24, 80).pack()[:-2] + b"\x09\x50"),
        Frame(MessageType.REG, 0, 0, 1, b"\x02\x00\x01\x09\x00"),
        Frame(MessageType.CLEAR, int(FrameFlag.REPLY), 0, 1, b"\x00\x00\x63"),
        Frame(MessageType.ESTOP, int(FrameFlag.REPLY), 0, 1, b""),
        Frame(MessageType.ESTOP, int(FrameFlag.ERROR), 0, 1, b""),
        Frame(MessageType.ESTOP, 0x80, 0, 1, b""),
        Frame(MessageType.CLEAR, int(FrameFlag.REPLY) | 0x08, 0, 1, b"\x00\x00\x01"),
        Frame(MessageType.DATA, 0x10, 1, 1, m.Data(0, np.zeros((1, 1), np.int32)).pack()),
    ],
    ids=[
        "no op", "no op in reply", "wrong channel", "event channel", "sample format", "value type", "state",
        "request as reply", "request as error", "unknown flag", "unknown flag of a reply", "unknown flag of data",
    ],
)  # fmt: skip
def test_malformed(frame):
    with pytest.raises(BadMessage) as caught:
        decode(frame)
    assert caught.value.code is NakCode.MALFORMED


@pytest.mark.parametrize(
    "message",
    [
        m.Hello(256, 0, 0),
        m.ArmRequest(-1),
        m.RegWrite(Register.MAX_CURRENT_UA, 2**32),
        m.StimProgram(1, 0, (m.Phase(2**31, 1),), 0, 1, 1),
        m.StimProgram(1, 0, (m.Phase(1, 1),) * 256, 0, 1, 1),
        m.ImpedanceReply(3, 30, ()),
        m.Fire(0, 1, 1, -1),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_value_that_does_not_fit_is_our_error(message):
    with pytest.raises(WireError):
        message.pack()


def test_unpack_of_another_operation_is_refused():
    with pytest.raises(BadMessage):
        m.ArmRequest.unpack(b"\x02\x01\x00")
    with pytest.raises(BadMessage):
        m.RegWrite.unpack(b"\x01\x01\x00\x03\x00\x00\x00\x00")


class TestIdent:
    ident = m.Ident(1, 0, 7, 8, 9, "s", "f", "m", 16, (20000,), m.HardLimits(1, 2, 3, 4, 5, 6, 7), True, 20000, 0, re=3)

    @pytest.mark.parametrize("tag", range(1, 10))
    def test_an_absent_mandatory_tag_is_refused(self, tag):
        payload = self.ident.pack()
        at = 16
        kept = payload[:at]
        while at < len(payload):
            size = 2 + payload[at + 1]
            if payload[at] != tag:
                kept += payload[at : at + size]
            at += size
        with pytest.raises(BadMessage, match="absent"):
            m.Ident.unpack(kept)

    def test_a_doubled_tag_is_refused(self):
        with pytest.raises(BadMessage, match="twice"):
            m.Ident.unpack(self.ident.pack() + b"\x07\x01\x00")

    @pytest.mark.parametrize("tail", [b"\xc8", b"\xc8\x05abc"])
    def test_a_tag_past_the_end_is_refused(self, tail):
        with pytest.raises(BadMessage, match="past the end"):
            m.Ident.unpack(self.ident.pack() + tail)

    def test_a_doubtful_simulated_value_counts_as_simulated(self):
        payload = self.ident.pack()
        assert m.Ident.unpack(payload.replace(b"\x07\x01\x01", b"\x07\x01\x02")).simulated is True
        assert m.Ident.unpack(payload.replace(b"\x07\x01\x01", b"\x07\x01\x00")).simulated is False


@given(st.text(min_size=150, max_size=400))
def test_a_long_text_is_cut_at_a_character(text):
    back = m.Nak.unpack(m.Nak(NakCode.STATE, text).pack())
    assert text.startswith(back.text)
    assert len(back.text.encode()) <= 200


def test_text_that_is_not_utf8_is_still_shown():
    assert m.Nak.unpack(b"\x04\x01\x00no\xff").text == "no\N{REPLACEMENT CHARACTER}"


def test_reports_and_registers_in_units():
    report = m.StimReport(1, 2, 16384, 1, 1, 1, 1, 1, 1, 210, PulseCode.OK, 0)
    assert (report.subsample, report.load_ohm) == (0.25, 2100)
    assert len(report.pack()) == 40
    assert Register.MIN_INTERVAL_US.hard is Register.HARD_MIN_INTERVAL_US
    assert {r for r in Register if r.writable} == {r for r in Register if r.hard}
    assert [r.hard for r in Register if r.writable] == [r for r in Register if r.name.startswith("HARD_")]
