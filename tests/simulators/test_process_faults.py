"""Scripted faults in a real process: spoiled frames, a pulled plug, a hang, a death."""

import contextlib
import json
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.device.contracts import Block, FrontEnd
from npr_daq.device.registry import open_device
from npr_daq.recording import PulseReport
from npr_daq.stimulus import Stimulus, StimulusLimits
from npr_daq.wire.link import Link
from npr_daq.wire.messages import Data, Hello, Ident, Message, StreamStart, StreamStarted
from npr_daq.wire.tables import SampleFormat
from npr_simulators.control import ControlClient, LockStepClock
from npr_simulators.launch import Launched, launch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and signals are those of Unix")
PATIENCE_S = 20.0
REST = 20_100
"""Samples after an onset at which the device arms again: its interval is 1 s."""


class Ear:
    """Opens the line, starts a stream, and grants time."""

    def __init__(self, path: str, control: ControlClient) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.link = Link()
        self.blocks: list[Data] = []
        self.clock = LockStepClock(control)
        self._ask(Hello(1, 0, 1), Ident)
        self.stream = self._ask(StreamStart(20_000, 1, SampleFormat.I24, 80), StreamStarted)

    def _ask(self, message: Message, kind: type[Any]) -> Any:
        os.write(self.fd, self.link.send(message))
        while True:
            for found in self.listen():
                if isinstance(found, kind):
                    return found

    def listen(self, seconds: float = PATIENCE_S) -> list[Message]:
        assert select.select([self.fd], [], [], seconds)[0], "silence"
        messages = [r.message for r in self.link.receive(os.read(self.fd, 65536)) if r.message is not None]
        self.blocks += [m for m in messages if isinstance(m, Data)]
        return messages

    def run_to(self, sample: int) -> None:
        self.clock.run_to(self.stream.stream_id, sample)
        while not self.blocks or self.blocks[-1].first_sample + 80 < sample:
            self.listen()

    def close(self) -> None:
        os.close(self.fd)


def path_of(running: Launched) -> str:
    return running.uri.partition("serial:")[2].partition("?")[0]


def test_a_fault_of_a_frame_at_a_stimulus_hits_the_frame_of_its_marker_and_no_other(tmp_path: Path) -> None:
    """Over the whole driver: the sweep of that stimulus, and of no other, has a hole around its marker."""
    script = tmp_path / "faults.json"
    faults = [{"layer": "frame", "what": what, "at_stimulus": n} for what, n in (("drop", 2), ("flip", 4))]
    script.write_text(json.dumps(faults))
    with launch("healthy", faults=script) as running, ControlClient(running.control) as control:
        device = open_device(running.uri)
        try:
            onsets, gaps, markers = shocks(device, control, 5)
        finally:
            device.close()
    assert markers == {n: onset for n, onset in onsets.items() if n not in (2, 4)}
    assert len(gaps) == 2
    for n, (first, end) in zip((2, 4), gaps, strict=True):
        assert end - first == 80
        assert first <= onsets[n] < end


def shocks(
    device: FrontEnd, control: ControlClient, count: int
) -> tuple[dict[int, int], list[tuple[int, int]], dict[int, int]]:
    """Give single shocks in lock-step: onsets as reported, the samples that never came, onsets as marked."""
    control.call("place", side="left", site="trunk")
    limits = device.set_limits(StimulusLimits())
    stream, clock = device.start(20_000, tuple(range(16))), LockStepClock(control)
    onsets: dict[int, int] = {}
    gaps: list[tuple[int, int]] = []
    markers: dict[int, int] = {}
    came = 0
    for n in range(1, count + 1):
        device.configure(Stimulus(Side.LEFT, Branch.TRUNK, 5.0))
        device.arm(limits)
        # Far enough ahead for many blocks to be made in the same stretch of work as the onset, and never at an edge.
        at = n * 24_037
        device.fire(n, at)
        clock.run_to(stream.stream_id, at + REST)
        while came < at + REST or n not in onsets:
            device.progress()
            for item in device.take(0.05):
                match item:
                    case PulseReport():
                        onsets[item.stim_seq] = item.onset_sample
                    case Block():
                        if item.missing_before:
                            gaps.append((item.first_sample - item.missing_before, item.first_sample))
                        came = item.first_sample + item.counts.shape[1]
                        markers |= {m.stim_seq: m.sample for m in item.markers}
    return onsets, gaps, markers


def test_faults_by_script_and_by_hand(tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    script.write_text(json.dumps([{"layer": "frame", "what": "drop", "at_s": 0.02, "count": 2}]))
    link = tmp_path / "line"
    with launch("healthy", faults=script, link=link) as running, ControlClient(running.control) as control:
        ear = Ear(path_of(running), control)
        ear.run_to(400)
        ear.run_to(800)
        starts = [b.first_sample for b in ear.blocks]
        assert sorted(set(range(0, 800, 80)) - set(starts)) == [400, 480]
        assert ear.link.gaps[1] == 2
        control.call("fault", layer="frame", what="flip")
        ear.run_to(1600)
        assert ear.link.reader.bad_frames == 1
        control.call("fault", layer="link", what="disconnect")
        assert select.select([ear.fd], [], [], PATIENCE_S)[0]
        with contextlib.suppress(OSError):  # a line that was hung up ends or fails
            assert os.read(ear.fd, 1) == b""
        ear.close()
        assert control.call("status")["streaming"] is False
        again = Ear(os.readlink(link), control)
        again.run_to(80)
        control.call("fault", layer="process", what="hang", seconds=0.5)
        began = time.monotonic()
        again.run_to(160)
        assert time.monotonic() - began > 0.3
        again.close()
        control.call("fault", layer="process", what="exit")
        assert running.process.wait(PATIENCE_S) == -9
