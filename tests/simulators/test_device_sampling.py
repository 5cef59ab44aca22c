"""Streams, blocks and memory of the simulated front-end; the same commands give the same counts, however they come."""

import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import Muscle, Side
from npr_daq.wire.calibration_block import unpack_calibration
from npr_daq.wire.messages import (
    CalData,
    CalRead,
    Data,
    DescData,
    DescRead,
    FireAccepted,
    Hello,
    ImpedanceReply,
    ImpedanceRequest,
    RegRead,
    StreamStart,
    StreamStarted,
    StreamStop,
    StreamStopped,
)
from npr_daq.wire.tables import ImpedanceCode, NakCode, Register, SampleFormat
from npr_simulators.analog import GROUP_DELAY_MS
from npr_simulators.device import SimulatedFrontend
from npr_simulators.person.case_file import load_case
from npr_simulators.person.face import Face
from npr_simulators.person.sites import Site
from npr_simulators.sampling import COUNT_MAX

BANKS = Face(load_case("healthy"), seed=4).banks


def exam(rig: Any, steps: list[int]) -> bytes:
    """One shock on the simulated patient's face with time granted in `steps`; every count as bytes."""
    rig.hello()
    rig.stream()
    rig.program(30_000)
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    at = 0
    for step in steps:
        at = min(8000, at + step)
        rig.device.advance(at)
        if step % 3 == 0:
            rig.device.flush_partial_block()
        rig.hear()
    rig.run_to(8000)
    blocks = rig.all(Data)
    ends = [block.first_sample + block.counts.shape[1] for block in blocks]
    assert [block.first_sample for block in blocks] == [0, *ends[:-1]]
    counts: np.ndarray[Any, Any] = rig.counts()
    return counts.tobytes()


def patient_rig(make_rig: Callable[..., Any]) -> Any:
    rig = make_rig()
    face = Face(load_case("healthy"), seed=4)
    # the motor units are the same for every rig, and nothing here changes them
    vars(face)["banks"] = BANKS
    face.place(Side.LEFT, Site.TRUNK)
    rig.device = SimulatedFrontend(
        face, seed=4, boot_id=5, random_u32=iter(range(9, 99)).__next__, now_s=0.0, truth=rig.truth
    )
    rig.device.start()
    return rig


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 3000), max_size=12))
def test_the_same_commands_give_the_same_bytes_however_time_is_granted(
    make_rig: Callable[..., Any], steps: list[int]
) -> None:
    whole = exam(patient_rig(make_rig), [8000])
    assert exam(patient_rig(make_rig), steps) == whole


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 60), max_size=10))
def test_requests_may_come_in_any_pieces(make_rig: Callable[..., Any], cuts: list[int]) -> None:
    rig = make_rig()
    wire = rig.link.send(Hello(1, 0, 3)) + rig.link.send(StreamStart(20_000, 3, SampleFormat.I24, 80))
    wire += rig.link.send(RegRead(Register.TICKS_HZ)) + rig.link.send(StreamStop())
    at = 0
    for cut in [*cuts, len(wire)]:
        rig.device.receive(wire[at : at + cut], rig.now_s)
        at += cut
    assert [type(m).__name__ for m in rig.hear()] == ["Ident", "StreamStarted", "RegValue", "StreamStopped"]


@pytest.mark.parametrize("rate_hz", [20_000, 2_000])
def test_both_rates_take_their_samples_in_device_time(rig: Any, rate_hz: int) -> None:
    rig.hello()
    started = rig.stream(rate_hz)
    assert (started.rate_num, started.rate_den, started.stream_id, started.start_ticks) == (rate_hz, 1, 1, 0)
    rig.run_to(800)
    assert rig.device.ticks == 800 * 1_000_000 // rate_hz
    assert rig.counts().shape == (16, 800)


@pytest.mark.parametrize("rate_hz", [20_000, 2_000])
def test_the_delay_is_the_same_time_at_both_rates(rig: Any, rate_hz: int) -> None:
    rig.hello()
    rig.stream(rate_hz)
    rig.program(5_000)
    rig.arm()
    at = rate_hz // 20
    rig.ask(rig.shot(1, at), FireAccepted)
    rig.run_to(at + rate_hz // 20)
    (line,) = rig.truth.lines
    trace = rig.counts()[15] * 40e3 / 2**23
    trace += 2 * np.pi * 5 / rate_hz * np.cumsum(trace)  # what the high-pass took
    t_ms = (np.arange(trace.size) - at - line["subsample"]) * 1e3 / rate_hz
    bump = (t_ms > 1.5) & (t_ms < 6.5)
    assert trace.min() == pytest.approx(-1600 * line["current_ma"], rel=0.2)
    assert np.average(t_ms[bump], weights=trace[bump]) == pytest.approx(4 + GROUP_DELAY_MS, abs=0.01)


def test_streams_are_numbered_and_begin_at_sample_0(rig: Any) -> None:
    rig.hello()
    rig.stream()
    rig.run_to(90)
    stopped = rig.ask(StreamStop(), StreamStopped)
    assert (stopped.stream_id, stopped.end_sample) == (1, 90)
    assert [d.counts.shape[1] for d in rig.all(Data)] == [80, 10]
    rig.heard.clear()
    second = rig.stream()
    assert (second.stream_id, second.start_ticks) == (2, 90 * 50)
    rig.run_to(80)
    assert rig.all(Data)[0].first_sample == 0
    assert rig.refused(StreamStart(20_000, 1, SampleFormat.I24, 80)).code is NakCode.BUSY


@pytest.mark.parametrize(
    ("rate_hz", "mask", "block", "code"),
    [
        (10_000, 0xFFFF, 80, NakCode.VALUE),
        (20_000, 0, 80, NakCode.VALUE),
        (20_000, 0x10000, 80, NakCode.VALUE),
        (20_000, 0xFFFF, 0, NakCode.VALUE),
        (20_000, 0xFFFF, 84, NakCode.LIMIT),
    ],
)
def test_streams_that_cannot_be(rig: Any, rate_hz: int, mask: int, block: int, code: NakCode) -> None:
    rig.hello()
    assert rig.refused(StreamStart(rate_hz, mask, SampleFormat.I24, block)).code is code
    assert rig.stream(block=83).stream_id == 1


def test_a_mask_picks_channels_and_bits_are_by_row(rig: Any) -> None:
    rig.hello()
    rig.face.loosen(Side.RIGHT, Muscle.FRONTALIS)
    rig.ask(StreamStart(20_000, 0b1_0000_0010, SampleFormat.I16, 100), StreamStarted)
    rig.program(50_000)
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    rig.run_to(1200)
    blocks = rig.all(Data)
    assert blocks[0].leadoff == 0b10
    assert blocks[0].counts.shape == (2, 100)
    assert blocks[-1].over == 0b11
    assert blocks[0].over == 0
    assert rig.counts().min() == -(2**15 - 1)


def test_an_input_beyond_40_mv_is_clipped_before_the_high_pass_with_the_bit_set(rig: Any) -> None:
    rig.hello()
    rig.stream(mask=1 << 15)
    rig.program(50_000)
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    rig.run_to(1200)
    assert -COUNT_MAX <= rig.counts().min() < -0.95 * COUNT_MAX
    assert [d.over for d in rig.all(Data)[:5]] == [0] * 5
    assert 1 in {d.over for d in rig.all(Data)}


def test_impedance_tells_the_loose_electrode(rig: Any) -> None:
    rig.hello()
    rig.face.loosen(Side.LEFT, Muscle.ORBICULARIS_OCULI)
    reply = rig.ask(ImpedanceRequest(0b111, 30), ImpedanceReply)
    assert [r.status for r in reply.readings] == [ImpedanceCode.OK, ImpedanceCode.OPEN, ImpedanceCode.OK]
    assert reply.readings[1].g1_ohm == 250_000
    assert reply.freq_hz == 30
    assert rig.refused(ImpedanceRequest(0, 30)).code is NakCode.VALUE
    assert rig.refused(ImpedanceRequest(1 << 16, 30)).code is NakCode.VALUE
    rig.stream()
    assert rig.refused(ImpedanceRequest(1, 30)).code is NakCode.BUSY


def whole(rig: Any, request: Callable[[int, int], Any], reply: type[Any]) -> bytes:
    data = b""
    while True:
        part = rig.ask(request(len(data), 100), reply)
        if not part.data:
            assert len(data) == part.total
            return data
        data += part.data


def test_the_calibration_block_is_whole_and_says_what_the_sampler_does(rig: Any) -> None:
    rig.hello()
    calibration = unpack_calibration(whole(rig, CalRead, CalData))
    assert calibration.valid
    assert calibration.serial == "SIM000001"
    assert len(calibration.channels) == 16
    assert calibration.channels[0].lsb_nv == 40e6 / 2**23
    assert calibration.channels[0].group_delay_samples == pytest.approx(1.6636, abs=1e-4)
    assert calibration.ranges[0].hard_limit_ua == 50_000


def test_the_descriptor_names_registers_and_channels(rig: Any) -> None:
    ident = rig.hello()
    stored = whole(rig, DescRead, DescData)
    assert zlib.crc32(stored) == ident.descriptor_crc
    told = json.loads(zlib.decompress(stored))
    assert told["protocol"] == "EMGSTIM/1"
    assert told["registers"]["MAX_CURRENT_UA"] == {"address": 0x0100, "unit": "uA"}
    assert told["channels"] == [f"c{k}" for k in range(16)]


@pytest.mark.parametrize("read", [CalRead, DescRead])
def test_reads_beyond_the_end_or_too_long(rig: Any, read: Callable[[int, int], Any]) -> None:
    rig.hello()
    assert rig.refused(read(10**6, 10)).code is NakCode.ADDRESS
    assert rig.refused(read(0, 2049)).code is NakCode.VALUE


def test_identity_says_simulated_with_the_hard_limits(rig: Any) -> None:
    ident = rig.hello()
    assert ident.simulated
    assert (ident.channel_count, ident.rates_hz, ident.ticks_hz) == (16, (20_000, 2_000), 1_000_000)
    assert (ident.hard_limits.max_current_ua, ident.hard_limits.min_interval_us) == (50_000, 100_000)
    assert (ident.boot_id, ident.host_nonce, ident.last_stim_seq) == (77, 0xABCD, 0)


def test_a_host_of_no_known_version_is_refused(rig: Any) -> None:
    assert rig.refused(Hello(0, 9, 1)).code is NakCode.VERSION
    assert rig.refused(RegRead(Register.TICKS_HZ)).code is NakCode.STATE
