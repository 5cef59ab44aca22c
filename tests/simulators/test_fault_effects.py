"""What each fault does to the samples, and that the line's faults in a real process hang nobody."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import npr_daq as npr
from npr_daq.device.contracts import Block, DeviceEvent
from npr_daq.errors import UsageError
from npr_daq.wire.messages import Data
from npr_simulators.control import ControlClient
from npr_simulators.faults import FaultScript, fault_from
from npr_simulators.instruments import Instruments
from npr_simulators.kinds import STIMULATOR
from npr_simulators.launch import launch
from npr_simulators.mishaps import Mishaps
from npr_simulators.sampling import COUNT_MAX, LSB_NV

PATIENCE_S = 20.0
NASALIS = {"side": "left", "muscle": "nasalis"}
ROW = 2


class Struck:
    """A streaming device behind a bench; `run` strikes what is due between its steps, as the process does."""

    def __init__(self, rig: Any, *faults: dict[str, Any]) -> None:
        self.rig = rig
        self.instruments = Instruments({rig.device.kind.name: rig.device})
        self.mishaps = Mishaps(self.instruments, rig.face, FaultScript([fault_from(fault) for fault in faults]))
        rig.hello()
        rig.stream(mask=0xFFFF if rig.device.kind.records else 0)

    def run(self, to_sample: int) -> NDArray[np.int32]:
        target = self.rig.device.ticks_at(to_sample)
        while self.instruments.ticks < target:
            self.instruments.step(min(target, self.mishaps.next_ticks()))
            for fault in (*self.mishaps.due_by_stimulus(), *self.mishaps.due_by_time()):
                self.mishaps.strike(fault)
        self.rig.device.flush_partial_block()
        self.rig.hear()
        counts: NDArray[np.int32] = self.rig.counts()
        return counts

    def flagged(self) -> set[tuple[int, int]]:
        """Rows that some block flags as clipped, with the first sample of that block."""
        return {(row, block.first_sample) for block in self.rig.all(Data) for row in range(16) if block.over >> row & 1}


@pytest.fixture
def struck(make_rig: Callable[..., Any]) -> Callable[..., Struck]:
    return lambda *faults: Struck(make_rig(), *faults)


def undisturbed(make_rig: Callable[..., Any], n: int) -> NDArray[np.int32]:
    return Struck(make_rig()).run(n)


def test_a_stuck_channel_repeats_its_count_and_then_goes_on(struck: Any, make_rig: Any) -> None:
    clean = undisturbed(make_rig, 2000)
    counts = struck({"layer": "amplifier", "what": "stuck", "at_s": 0.02, "seconds": 0.03, **NASALIS}).run(2000)
    held = slice(400, 1000)
    assert set(counts[ROW, held]) == {clean[ROW, 400]}
    counts[ROW, held] = clean[ROW, held]
    assert np.array_equal(counts, clean)


def test_a_gain_that_steps_scales_and_may_clip(struck: Any, make_rig: Any) -> None:
    clean = undisturbed(make_rig, 2000)
    counts = struck({"layer": "amplifier", "what": "gain", "factor": 2.5, "at_s": 0.02, "seconds": 0.03}).run(2000)
    assert np.array_equal(counts[:, 400:1000], np.rint(clean[:, 400:1000] * 2.5).astype(np.int32))
    assert np.array_equal(counts[:, 1000:], clean[:, 1000:])
    much = struck({"layer": "amplifier", "what": "gain", "factor": 1000.0, "at_s": 0.02, "seconds": 9})
    much.rig.program(current_ua=20_000)
    much.rig.arm()
    much.rig.answer(much.rig.shot(1, 1000))
    assert np.abs(much.run(2000)).max() == COUNT_MAX
    assert {row for row, _ in much.flagged()} == set(range(16))


def test_an_input_range_that_shrinks_flags_what_it_clips(struck: Any) -> None:
    bench = struck({"layer": "amplifier", "what": "clip", "level_mv": 0.5, "at_s": 0.0, "seconds": 9, **NASALIS})
    bench.rig.program(current_ua=20_000)
    bench.rig.arm()
    bench.rig.answer(bench.rig.shot(1, 1000))
    counts = bench.run(2000)
    assert np.abs(counts[ROW]).max() == int(0.5e6 / LSB_NV)
    assert np.abs(counts[ROW + 1]).max() > int(0.5e6 / LSB_NV)
    assert {row for row, _ in bench.flagged()} == {ROW}


def test_a_tug_drives_one_input_out_of_range_and_it_comes_back(struck: Any, make_rig: Any) -> None:
    from npr_simulators.tugged import TuggedFace

    rig = make_rig()
    rig.face = rig.device.face = TuggedFace(rig.face)
    bench = Struck(rig, {"layer": "skin", "what": "saturate", "at_s": 0.1, "seconds": 0.05, **NASALIS})
    counts = bench.run(40_000)
    clean = undisturbed(make_rig, 40_000)
    assert np.array_equal(np.delete(counts, ROW, axis=0), np.delete(clean, ROW, axis=0))
    assert np.array_equal(counts[ROW, :2000], clean[ROW, :2000])
    assert counts[ROW, 2000:3000].max() > 0.99 * COUNT_MAX
    assert {row for row, _ in bench.flagged()} == {ROW}
    assert {first for _, first in bench.flagged()} >= {2000, 2400}
    assert np.abs(counts[ROW, 39_000:].astype(float) - clean[ROW, 39_000:]).max() < 0.01 * COUNT_MAX


def test_cough_and_hum_are_the_faces_own(struck: Any) -> None:
    bench = struck(
        {"layer": "skin", "what": "cough", "at_s": 0.05},
        {"layer": "skin", "what": "hum", "at_s": 0.06, "seconds": 0.04, "factor": 7},
        {"layer": "skin", "what": "hum", "at_s": 0.2},
    )
    bench.run(6000)
    face = bench.rig.face
    assert face.coughs == [(1, 0.05)]
    assert face.hums == [7.0, 1.0, 20.0]
    assert bench.mishaps.next_ticks() == 1_200_000


def test_a_disturbance_without_a_stream_is_seen_by_nobody(struck: Any) -> None:
    bench = struck({"layer": "skin", "what": "cough", "at_s": 0.05})
    bench.rig.device.stop_stream(flush=False)
    bench.mishaps.strike(fault_from({"layer": "skin", "what": "cough"}))
    assert bench.rig.face.coughs == []


def test_a_fault_is_refused_where_nothing_can_have_it(make_rig: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="no amplifier here; the instruments are frontend"):
        Struck(make_rig(), {"layer": "frame", "what": "drop", "instrument": "amplifier"})
    stimulator = Struck(make_rig(kind=STIMULATOR))
    for entry in ({"what": "gain", "factor": 2}, {"what": "clip", "instrument": "stimulator"}):
        with pytest.raises(UsageError, match=r"nothing here amplifies|has no channels"):
            stimulator.mishaps.add(fault_from({"layer": "amplifier", **entry}))


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals are those of Unix")
    opened: list[Any] = []

    def start(*faults: dict[str, Any], speed: str = "max") -> tuple[Any, ControlClient]:
        script = tmp_path / "faults.json" if faults else None
        if script is not None:
            script.write_text(json.dumps({"version": 2, "fault": list(faults)}))
        process = launch("healthy", seed=2, speed=speed, faults=script)
        bench = npr.connect(process.uri)
        opened.extend((bench, process))
        assert bench.simulator is not None
        return bench, bench.simulator.client

    yield start
    for thing in opened:
        thing.close() if hasattr(thing, "close") else thing.stop()


def heard(device: Any, seconds: float) -> tuple[list[Block], list[DeviceEvent]]:
    blocks: list[Block] = []
    events: list[DeviceEvent] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        device.progress()
        for item in device.take(0.02):
            blocks += [item] if isinstance(item, Block) else []
            events += [item] if isinstance(item, DeviceEvent) else []
    return blocks, events


def test_swapped_frames_are_a_gap_and_never_numbers(lines: Callable[..., Any]) -> None:
    bench, _ = lines({"layer": "frame", "what": "swap", "at_s": 0.02, "count": 2})
    device = bench.device
    stream = device.start(20_000, tuple(range(16)))
    bench.clock.run_to(stream.stream_id, 4000)
    blocks: list[Block] = []
    while not blocks or blocks[-1].end_sample < 4000:
        blocks += [item for item in device.take(0.5) if isinstance(item, Block)]
    missing = [(b.first_sample, b.missing_before) for b in blocks if b.missing_before]
    assert missing == [(480, 80), (640, 80)]
    assert sum(b.counts.shape[1] for b in blocks) == 4000 - 160
    assert device.counts["repeated_blocks"] == 2


def test_a_stall_of_sending_delays_and_loses_nothing_in_lock_step(lines: Callable[..., Any]) -> None:
    bench, control = lines({"layer": "link", "what": "stall", "direction": "sending", "at_s": 0.05, "seconds": 0.6})
    device = bench.device
    stream = device.start(20_000, tuple(range(16)))
    began = time.monotonic()
    bench.clock.run_to(stream.stream_id, 8000)
    blocks: list[Block] = []
    while not blocks or blocks[-1].end_sample < 8000:
        device.progress()
        blocks += [item for item in device.take(0.2) if isinstance(item, Block)]
        assert control.call("status")["state"] == "SAFE"
        assert time.monotonic() - began < PATIENCE_S
    assert time.monotonic() - began > 0.5
    assert sum(b.counts.shape[1] for b in blocks) == 8000
    assert not any(b.missing_before for b in blocks)


def test_a_stall_of_reading_keeps_the_beats_out_and_the_watchdog_acts(lines: Callable[..., Any]) -> None:
    bench, control = lines(speed="1")
    device = bench.device
    device.start(20_000, tuple(range(16)))
    heard(device, 0.2)
    control.call("fault", layer="link", what="stall", direction="reading", seconds=3.0)
    end = time.monotonic() + PATIENCE_S
    events: list[DeviceEvent] = []
    while control.call("status")["streaming"] and time.monotonic() < end:
        events += heard(device, 0.1)[1]
    assert not control.call("status")["streaming"]
    events += heard(device, 1.5)[1]
    assert any("no heartbeat for 2 s" in event.text for event in events)
    assert device.status().state == "SAFE"
