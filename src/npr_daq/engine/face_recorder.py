"""Records the face at rest and moving: continuous captures, cues, live envelopes, and the judgement of a repetition."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.live_envelope import LiveEnvelope
from npr_daq.calibration import MISSING, Calibration
from npr_daq.device.contracts import Block
from npr_daq.engine import movement_prompts as prompts
from npr_daq.engine.continuous_steps import CONTINUOUS_RATE_HZ, LEAD_S, MovementSeries, RestRecording
from npr_daq.engine.effects import Move, RecordRest
from npr_daq.engine.events import Repeated, RestRecorded
from npr_daq.engine.ports import ExamJournal, FaceMeasurement
from npr_daq.engine.stream import Bench
from npr_daq.engine.sweeper import Window
from npr_daq.operator import Notice, Operator
from npr_daq.recording import Capture

BEFORE_S, AFTER_S = 1.0, 1.5
"""Around cue and release, what a repetition is judged by."""
SPARE_S = 0.1
"""Left of the rest when the next cue is prepared."""
FRAME_S = 0.05
"""Between two envelopes that are told; the samples between are filtered together."""
STORED_S = 0.1
"""Samples are written in stretches of this length."""
DURABLE_S = 1.0
"""How much of a recording a power cut may take."""
MARKED = "marked as bad"

Note = Callable[[str, str, Mapping[str, Any]], None]


@dataclass(slots=True)
class _Open:
    """The capture that is being written: where it begins, up to where it is stored, what waits to be stored."""

    name: str
    stream_id: int
    rate_hz: float
    first: int
    stored: int
    durable: int
    wanted: int
    """What lies beyond is not stored: how far a device runs ahead differs from run to run."""
    waiting: list[NDArray[np.int32]] = field(default_factory=list)
    due: int = 0
    """Where the last repetition's rest ends, which is where the next cue comes; 0 before the first."""


class FaceRecorder:
    """Acts on the effects of rest and movements, for one run; raises Interruption as every wait of the bench does.

    Samples are in the journal within a tenth of a second and durable within one; a repetition and its judgement are
    durable before they are told. With `live` the operator is told what every channel does, 20 times a second.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        operator: Operator,
        journal: ExamJournal,
        measurement: FaceMeasurement,
        calibration: Calibration,
        note: Note,
        live: bool,
    ) -> None:
        self._bench = bench
        self._operator = operator
        self._journal = journal
        self._measurement = measurement
        self._calibration = calibration
        self._note = note
        self._live = live
        self._open: _Open | None = None
        self.ended: Repeated | None = None
        """The repetition that is durable while its rest still runs: it counts, whatever breaks in."""
        self._envelope: LiveEnvelope | None = None
        self._unshown: list[NDArray[np.int32]] = []

    def rest(self, effect: RecordRest) -> RestRecorded:
        """Record the resting face, and learn from it what movements are held against."""
        step = effect.step
        opened = self._begin(effect.capture, step)
        with self._kept_whole():
            window = self._window(step.name, opened.first, opened.first + round(step.seconds * opened.rate_hz))
        self._open = None
        self._measurement.learn_rest(window.counts, opened.rate_hz)
        missing = int(np.count_nonzero(window.counts == MISSING, axis=-1).max(initial=0))
        detail = {
            "step": step.name,
            "capture": effect.capture,
            "first_sample": opened.first,
            "last_sample": window.first_sample + window.counts.shape[1] - 1,
            "missing_samples": missing,
        }
        self._note("rest", f"{step.seconds:g} s of rest", detail)
        self._journal.sync()
        if missing:
            said = f"{missing} samples of the rest are missing: tone and noise are those of the other samples"
            self._operator.tell(Notice("warning", said, {"step": step.name}))
        return RestRecorded()

    def move(self, effect: Move) -> Repeated:
        """One repetition: cue, hold, release; judged, durable and told; then the rest, in which it may be marked."""
        with self._kept_whole():
            repeated = self._move(effect)
        # It is handed over: what breaks off later does not count it once more.
        self.ended = None
        return repeated

    def _move(self, effect: Move) -> Repeated:
        bench, step = self._bench, effect.step
        opened, self.ended = self._open, None
        if opened is None or opened.name != effect.capture or bench.stream is None:
            opened = self._begin(effect.capture, step)
            opened.due = opened.first + self._samples(LEAD_S)
        bench.marked = ""
        cue = max(opened.due, bench.ahead + self._samples(0.02))
        release = cue + self._samples(step.hold_s)
        first, last = cue - self._samples(BEFORE_S), release + self._samples(AFTER_S)
        key = f"{step.name} {effect.number}"
        # Before any wait: a host that was held up finds everything up to the next cue in one piece.
        bench.sweeper.want(key, first_sample=first, width=last - first)
        self._until(cue)
        self._operator.tell(
            prompts.cue(
                step,
                number=effect.number,
                good=effect.good,
                sample=cue,
                stream_id=opened.stream_id,
                rate_hz=opened.rate_hz,
            )
        )
        self._until(release)
        self._operator.tell(prompts.release(step, number=effect.number))
        self._until(last)
        window = bench.windows.pop(key)
        flaws = self._measurement.judge(
            step.task, window.counts, opened.rate_hz, cue_sample=cue - first, release_sample=release - first
        )
        self._kept(effect, opened, cue, release, flaws)
        self.ended = Repeated(effect.number, flaws, explained=True)
        opened.due = release + self._samples(step.rest_s)
        try:
            self._until(max(last, opened.due - self._samples(SPARE_S)))
        finally:
            # The technician's word stands, whatever breaks into the rest.
            flaws = self._marked(effect, flaws)
        return Repeated(effect.number, flaws)

    def _marked(self, effect: Move, flaws: tuple[str, ...]) -> tuple[str, ...]:
        """The flaws of the repetition that is durable, with the technician's word that it was bad."""
        said, self._bench.marked = self._bench.marked, ""
        if not said or flaws:
            return flaws
        step, flaws = effect.step, (MARKED,)
        self.ended = Repeated(effect.number, flaws, explained=True)
        detail = {"step": step.name, "capture": effect.capture, "repetition": effect.number, "reason": said}
        self._note("repetition marked", f"{step.name}, repetition {effect.number}: {said}", detail)
        self._journal.sync()
        self._operator.tell(prompts.repeated(step, number=effect.number, good=effect.good, flaws=flaws))
        return flaws

    def _kept(self, effect: Move, opened: _Open, cue: int, release: int, flaws: tuple[str, ...]) -> None:
        step = effect.step
        self._store(force=True)
        told = prompts.repeated(step, number=effect.number, good=effect.good + (not flaws), flaws=flaws)
        detail = {
            "step": step.name,
            "task": str(step.task),
            "repetition": effect.number,
            "capture": effect.capture,
            "stream_id": opened.stream_id,
            "cue_sample": cue,
            "release_sample": release,
            "accepted": not flaws,
            "flaws": list(flaws),
        }
        self._note("repetition", told.text, detail)
        self._journal.sync()
        self._operator.tell(told)

    def _begin(self, name: str, step: RestRecording | MovementSeries) -> _Open:
        """Start the stream where it does not run, and announce a capture that begins with the next sample."""
        bench = self._bench
        fresh = bench.stream is None or bench.stream.rate_hz != CONTINUOUS_RATE_HZ
        stream = bench.start(CONTINUOUS_RATE_HZ)
        bench.pump(0.0)
        first = bench.ahead
        channels = bench.sweeper.channels
        self._journal.capture(
            Capture(
                name=name,
                step=step.name,
                stream_id=stream.stream_id,
                rate_hz=stream.rate_hz,
                first_sample=first,
                counts=np.zeros((channels, 0), dtype=np.int32),
            )
        )
        self._open = _Open(name, stream.stream_id, stream.rate_hz, first, first, first, first)
        if self._live and (fresh or self._envelope is None):
            self._envelope = LiveEnvelope(channels, rate_hz=stream.rate_hz)
            self._unshown = []
        bench.listener = self._listen
        return self._open

    def _window(self, key: str, first: int, last: int) -> Window:
        self._bench.sweeper.want(key, first_sample=first, width=last - first)
        self._until(last)
        return self._bench.windows.pop(key)

    @contextmanager
    def _kept_whole(self) -> Iterator[None]:
        """Whatever ends the recording, every sample that has come is written."""
        try:
            yield
        finally:
            self._store(force=True)

    def _listen(self, block: Block) -> None:
        """Every block of the stream: into the journal, and onto the screen."""
        if self._open is not None and block.stream_id == self._open.stream_id:
            self._take(block, self._open)
            self._store(force=False)
        if self._envelope is not None:
            self._show(block, self._envelope)

    def _take(self, block: Block, opened: _Open) -> None:
        """What of the block belongs to the capture; samples that never arrived are written as such."""
        expected = opened.stored + sum(part.shape[1] for part in opened.waiting)
        if block.end_sample <= expected:
            return
        lost = block.first_sample - expected
        if lost > 0:
            opened.waiting.append(np.full((block.counts.shape[0], lost), MISSING, dtype=np.int32))
        opened.waiting.append(block.counts[:, max(0, -lost) :])

    def _until(self, sample: int) -> None:
        """Record up to `sample`."""
        if self._open is not None:
            self._open.wanted = max(self._open.wanted, sample)
        self._bench.wait_until(sample)

    def _store(self, *, force: bool) -> None:
        opened = self._open
        if opened is None:
            return
        count = min(sum(part.shape[1] for part in opened.waiting), opened.wanted - opened.stored)
        if count <= 0 or (not force and count < STORED_S * opened.rate_hz):
            return
        joined = np.concatenate(opened.waiting, axis=1)
        self._journal.samples(opened.stream_id, opened.stored, joined[:, :count])
        opened.waiting, opened.stored = [joined[:, count:]], opened.stored + count
        if opened.stored - opened.durable >= DURABLE_S * opened.rate_hz:
            self._journal.sync()
            opened.durable = opened.stored

    def _show(self, block: Block, envelope: LiveEnvelope) -> None:
        self._unshown.append(block.counts)
        if sum(part.shape[1] for part in self._unshown) < self._samples(FRAME_S):
            return
        device = tuple(channel.index for channel in self._bench.montage.channels)
        frames = envelope.push(self._calibration.to_microvolts(np.concatenate(self._unshown, axis=1), device))
        self._unshown = []
        if not frames.shape[1]:
            return
        self._operator.tell(
            Notice(
                "envelope",
                "",
                {
                    "names": self._bench.montage.names,
                    "uv": tuple(float(value) for value in frames[:, -1]),
                    "sample": block.end_sample,
                    "rate_hz": float(CONTINUOUS_RATE_HZ),
                },
            )
        )

    def _samples(self, seconds: float) -> int:
        return self._bench.samples(seconds * 1e3)
