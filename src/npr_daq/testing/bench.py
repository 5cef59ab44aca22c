"""An open front-end with its clock, as the contract suite and other tests hold it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from npr_daq.anatomy import Branch, Side
from npr_daq.device.contracts import Block, Clock, FrontEnd, Item, Stream
from npr_daq.recording import PulseReport
from npr_daq.stimulus import Stimulus, StimulusLimits

PATIENT_S = 10.0
LEAD_MS = 40
"""FIRE names a sample this far ahead; 20 ms is the least."""


@dataclass(slots=True)
class Bench:
    """An open front-end with the clock that lets its samples run; the stimulator is where it may fire."""

    device: FrontEnd
    clock: Clock
    end_sample: int = 0

    def start(self, rate_hz: int | None = None, channels: tuple[int, ...] | None = None) -> Stream:
        """Start a stream of all channels at the fastest rate."""
        told = self.device.capabilities
        self.end_sample = 0
        return self.device.start(
            max(told.rates_hz) if rate_hz is None else rate_hz,
            tuple(range(told.channel_count)) if channels is None else channels,
        )

    def run(self, stream: Stream, milliseconds: float) -> list[Item]:
        """Let `milliseconds` of samples pass and take them; the last blocks of a stream before may come first."""
        self.end_sample += round(milliseconds * stream.rate_hz / 1e3)
        self.clock.run_to(stream.stream_id, self.end_sample)
        return self.until(
            lambda items: any(
                b.stream_id == stream.stream_id and b.end_sample >= self.end_sample for b in blocks(items)
            )
        )

    def until(self, enough: Callable[[list[Item]], object]) -> list[Item]:
        """Take until `enough` is true of everything taken; fails after 10 s of wall time."""
        taken: list[Item] = []
        deadline = time.monotonic() + PATIENT_S
        while not enough(taken):
            assert time.monotonic() < deadline, f"waited {PATIENT_S:g} s; {len(taken)} items came"
            taken += self.device.take(0.05)
            self.device.progress()
        return taken

    def shock(self, stream: Stream, stim_seq: int, stimulus: Stimulus, limits: StimulusLimits) -> list[Item]:
        """Configure, arm and fire once; everything taken until a little after the pulse."""
        self.device.configure(stimulus)
        self.device.arm(limits)
        self.device.fire(stim_seq, self.ahead(stream))
        taken = self.run(stream, 2 * LEAD_MS)
        if not reports(taken):
            taken += self.until(reports)
        return taken

    def ahead(self, stream: Stream) -> int:
        """A sample that FIRE may name now."""
        newest = self.device.status().sample_index if self.clock.wall else self.end_sample
        return newest + round(LEAD_MS * stream.rate_hz / 1e3)


BenchMaker = Callable[[], AbstractContextManager[Bench]]
"""Opens one bench and closes its front-end afterwards."""

PULSE = Stimulus(Side.LEFT, Branch.TRUNK, current_ma=5.0, width_us=200.0)
LIMITS = StimulusLimits(max_current_ma=20.0, max_rate_hz=1.0)


def blocks(items: list[Item]) -> list[Block]:
    """The blocks among `items`."""
    return [i for i in items if isinstance(i, Block)]


def reports(items: list[Item]) -> list[PulseReport]:
    """The pulse reports among `items`."""
    return [i for i in items if isinstance(i, PulseReport)]
