"""Halves of a device: what each refuses, and what happens where both stand before one patient."""

import json
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from npr_daq.errors import UsageError
from npr_daq.wire.calibration_block import unpack_calibration
from npr_daq.wire.messages import (
    CalData,
    CalRead,
    Data,
    DescData,
    DescRead,
    Disarm,
    Disarmed,
    FireAccepted,
    ImpedanceRequest,
    RegRead,
    RegValue,
    RegWrite,
    StreamStart,
    StreamStarted,
)
from npr_daq.wire.tables import DeviceState, MarkerCode, NakCode, Register, SampleFormat
from npr_simulators.instruments import Instruments
from npr_simulators.kinds import AMPLIFIER, FRONTEND, KINDS, STIMULATOR, kinds_from
from npr_simulators.pulse import MARKER_JITTER_US

MakeRig = Callable[..., Any]


class Pair:
    """An amplifier and a stimulator with one face and one clock, each with a host of its own."""

    def __init__(self, make_rig: MakeRig, *, apart_ticks: int = 0) -> None:
        self.amplifier = make_rig(kind=AMPLIFIER)
        self.stimulator = make_rig(kind=STIMULATOR, shares=self.amplifier)
        self.face, self.truth = self.amplifier.face, self.amplifier.truth
        self.both = Instruments({"amplifier": self.amplifier.device, "stimulator": self.stimulator.device})
        for rig in (self.amplifier, self.stimulator):
            rig.hello()
        self.stimulator.stream(mask=0)
        self.run(apart_ticks)
        self.amplifier.stream()

    def run(self, ticks: int) -> None:
        target = self.both.ticks + ticks
        while self.both.step(target):
            pass
        for rig in (self.amplifier, self.stimulator):
            rig.hear()

    def shoot(self, at_sample: int, stim_seq: int = 1) -> None:
        self.stimulator.program()
        self.stimulator.arm()
        self.stimulator.ask(self.stimulator.shot(stim_seq, at_sample), FireAccepted)

    def markers(self, rig: Any) -> list[tuple[Any, int, int, int]]:
        return [
            (m.kind, block.first_sample + m.sample_offset, m.subsample_q16, m.stim_seq)
            for block in rig.all(Data)
            for m in block.markers
        ]


@pytest.fixture
def pair(make_rig: MakeRig) -> Pair:
    return Pair(make_rig, apart_ticks=12_345)


def test_an_amplifier_says_what_it_is_and_cannot_stimulate(make_rig: MakeRig) -> None:
    rig = make_rig(kind=AMPLIFIER)
    ident = rig.hello()
    assert (ident.minor, ident.channel_count, ident.hard_limits.max_current_ua) == (1, 16, 0)
    assert ident.serial.endswith("A")
    block = unpack_calibration(rig.ask(CalRead(0, 2048), CalData).data)
    assert (block.valid, len(block.channels), len(block.ranges)) == (True, 16, 0)
    assert rig.ask(RegRead(Register.ELECTRODE_AREA_MM2), RegValue).value == 0
    assert rig.ask(RegWrite(Register.MAX_CURRENT_UA, 0), RegValue).value == 0
    assert rig.refused(RegWrite(Register.MAX_CURRENT_UA, 1)).code is NakCode.LIMIT
    for current_ua in (20_000, 0):
        assert rig.refused(rig.pulse(current_ua)).code is NakCode.VALUE
    assert rig.state is DeviceState.SAFE
    assert rig.ask(Disarm(), Disarmed).state is DeviceState.SAFE
    rig.stream()
    rig.run_to(160)
    assert rig.counts().shape == (16, 160)


def test_a_stimulator_counts_samples_and_has_no_channels(make_rig: MakeRig) -> None:
    rig = make_rig(kind=STIMULATOR)
    ident = rig.hello()
    assert (ident.minor, ident.channel_count, ident.hard_limits.max_current_ua) == (1, 0, 50_000)
    block = unpack_calibration(rig.ask(CalRead(0, 2048), CalData).data)
    assert (block.valid, len(block.channels), len(block.ranges)) == (True, 0, 1)
    described = json.loads(zlib.decompress(rig.ask(DescRead(0, 2048), DescData).data))
    assert (described["channels"], described["minor"]) == ([], 1)
    assert rig.ask(RegRead(Register.CHANNEL_COUNT), RegValue).value == 0
    assert rig.refused(ImpedanceRequest(1, 30)).code is NakCode.VALUE
    start = StreamStart(20_000, 0, SampleFormat.I24, 255)
    for wrong in (
        StreamStart(20_000, 1, SampleFormat.I24, 255),
        StreamStart(19_999, 0, SampleFormat.I24, 255),
        StreamStart(20_000, 0, SampleFormat.I24, 0),
    ):
        assert rig.refused(wrong).code is NakCode.VALUE
    rig.ask(start, StreamStarted)
    assert rig.refused(start).code is NakCode.BUSY
    rig.run_to(600)
    blocks = rig.all(Data)
    assert [(b.first_sample, b.counts.shape) for b in blocks] == [(0, (0, 255)), (255, (0, 255))]


def test_a_stimulator_alone_delivers_and_its_truth_is_kept(make_rig: MakeRig) -> None:
    rig = make_rig(kind=STIMULATOR)
    rig.hello()
    rig.stream(mask=0)
    rig.program()
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    rig.run_to(1100)
    (report,) = rig.reports()
    (line,) = rig.truth.lines
    assert (line["stim_seq"], line["sample"], line["result"]) == (1, 1000, "ok")
    assert line["channels"] == {"left.frontalis": {"app": {"pp_uv": pytest.approx(2000, rel=0.01)}}}
    marker = next(m for block in rig.all(Data) for m in block.markers)
    assert (marker.kind, marker.stim_seq, marker.subsample_q16) == (MarkerCode.STIMULUS, 1, report.subsample_q16)
    assert "stimulator" not in line


def test_a_pulse_of_the_stimulator_is_a_marker_and_a_response_at_the_amplifier(pair: Pair) -> None:
    pair.shoot(2000)
    pair.run(300_000)
    (report,) = pair.stimulator.reports()
    own = pair.stimulator.device.stream
    ear = pair.amplifier.device.stream
    assert (own.start_ticks, ear.start_ticks) == (0, 12_345)
    # On the one clock: 50 ticks a sample at either end.
    (line,) = pair.truth.lines
    onset = (2000 + line["stimulator"]["subsample"]) * 50
    seen = (onset - 12_345) / 50
    assert pair.markers(pair.stimulator) == [(MarkerCode.STIMULUS, 2000, report.subsample_q16, 1)]
    ((kind, sample, read, number),) = pair.markers(pair.amplifier)
    assert (kind, sample, number) == (MarkerCode.TTL_RISING, int(seen), 0)
    assert 0 <= read < 65536
    assert abs(read / 65536 - seen % 1) < 5 * MARKER_JITTER_US / 50
    assert read != report.subsample_q16
    counts = pair.amplifier.counts()
    rest = np.abs(counts[:, : int(seen) - 5]).max()
    answer = counts[15, int(seen) + 60 : int(seen) + 100]  # 3 to 5 ms
    assert answer.min() < -50 * rest
    assert (line["stream_id"], line["sample"]) == (1, int(seen))
    assert line["subsample"] == pytest.approx(seen % 1, abs=2e-5)
    assert line["stimulator"]["sample"] == 2000
    assert (line["boot_id"], line["amplifier_boot_id"]) == (78, 77)
    assert len(pair.face.shocks) == 1


def test_the_counts_are_those_of_a_front_end_at_the_same_instant(make_rig: MakeRig) -> None:
    """With both counters from 0 the trigger line changes nothing but the markers."""
    pair = Pair(make_rig)
    pair.shoot(2000)
    pair.run(200_000)
    rig = make_rig()
    rig.hello()
    rig.stream()
    rig.program()
    rig.arm()
    rig.ask(rig.shot(1, 2000), FireAccepted)
    rig.run_to(4000)
    assert np.array_equal(pair.amplifier.counts(), rig.counts())


@pytest.mark.parametrize("pieces", [1, 7, 333])
def test_the_size_of_the_steps_changes_no_count(make_rig: MakeRig, pieces: int) -> None:
    pair = Pair(make_rig, apart_ticks=12_345)
    pair.shoot(2000)
    for _ in range(pieces):
        pair.run(-(-200_000 // pieces))
    whole = Pair(make_rig, apart_ticks=12_345)
    whole.shoot(2000)
    whole.run(200_000)
    n = whole.amplifier.counts().shape[1]
    assert np.array_equal(pair.amplifier.counts()[:, :n], whole.amplifier.counts())


def test_every_pulse_of_a_train_is_heard(pair: Pair) -> None:
    pair.stimulator.program(count=3, period_us=120_000)
    pair.stimulator.arm()
    pair.stimulator.ask(pair.stimulator.shot(1, 2000), FireAccepted)
    pair.run(600_000)
    sent, came = pair.markers(pair.stimulator), pair.markers(pair.amplifier)
    assert [sample for _, sample, *_ in sent] == [2000, 4400, 6800]
    assert [b - a for (_, a, *_), (_, b, *_) in pairwise(came)] == [2400, 2400]
    assert [line["pulse"] for line in pair.truth.lines] == [0, 1, 2]
    assert len(pair.face.shocks) == 3


def test_a_stream_that_begins_between_fire_and_pulse_hears_it(pair: Pair) -> None:
    pair.amplifier.device.stop_stream(flush=True)
    pair.shoot(4000)
    pair.run(50_000)
    pair.amplifier.stream()
    pair.run(200_000)
    assert [kind for kind, *_ in pair.markers(pair.amplifier)] == [MarkerCode.TTL_RISING]
    assert pair.truth.lines[0]["stream_id"] == 2


def test_nobody_who_listens_is_no_harm(pair: Pair) -> None:
    pair.shoot(4000)
    pair.run(50_000)
    pair.amplifier.device.stop_stream(flush=True)
    pair.run(200_000)
    assert pair.markers(pair.amplifier) == []
    assert pair.truth.lines[0]["sample"] == 4000
    assert len(pair.stimulator.reports()) == 1


def test_a_lost_amplifier_does_not_stop_the_stimulator_and_the_other_way_round(pair: Pair) -> None:
    pair.shoot(4000)
    pair.amplifier.device.link_lost()
    assert pair.stimulator.state is DeviceState.FIRING
    pair.stimulator.device.link_lost()
    assert pair.stimulator.state is DeviceState.SAFE
    pair.run(300_000)
    assert pair.truth.lines == []


def test_the_clock_is_one(pair: Pair) -> None:
    pair.run(777)
    assert pair.amplifier.device.ticks == pair.stimulator.device.ticks == pair.both.ticks
    assert pair.both.recorder is pair.amplifier.device
    assert pair.both.shocker is pair.stimulator.device


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "known are frontend, amplifier, stimulator"),
        (("toaster",), "known are frontend, amplifier, stimulator"),
        (("frontend", "frontend"), "one set of electrodes"),
        (("frontend", "amplifier"), "one set of electrodes"),
        (("stimulator", "frontend"), "one handpiece"),
    ],
)
def test_what_cannot_stand_before_one_patient(names: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        kinds_from(names)


def test_what_can() -> None:
    assert kinds_from(("stimulator", "amplifier")) == (STIMULATOR, AMPLIFIER)
    assert [kinds_from((name,)) for name in KINDS] == [(FRONTEND,), (AMPLIFIER,), (STIMULATOR,)]
