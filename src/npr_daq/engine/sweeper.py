"""Cut windows out of the stream: blocks in, complete windows out; a gap is a gap, a window is never shorter."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from npr_daq.calibration import MISSING
from npr_daq.device.contracts import Block
from npr_daq.recording import Gap, Marker, MarkerKind

PRE_MS = 20.0
POST_MS = 100.0
KEEP_MS = 500.0
"""How far back samples are kept for a window that is asked for late."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Samples [first_sample, first_sample + width) of one stream; `counts` int32 (channel, time), `MISSING` in gaps.

    `key` is the stimulus number, or the name that the window was asked for with. `onset` is the stimulus onset in
    samples from the first column, by the in-band marker where it came, else by the device's report. `clipped` has bit
    k set where row k clipped.
    """

    key: int | str
    stream_id: int
    first_sample: int
    counts: NDArray[np.int32]
    onset: float
    clipped: int
    reject_reasons: tuple[str, ...]


@dataclass(slots=True)
class _Open:
    key: int | str
    first: int
    width: int
    onset: float = 0.0
    markers: int = 0
    reported: float | None = None
    reasons: list[str] = field(default_factory=list)


class Sweeper:
    """Windows of -20..+100 ms around every stimulus marker, and any other stretch that is asked for.

    Pure: what comes out depends on the samples alone, not on how they were chunked.
    """

    def __init__(
        self,
        *,
        channels: int,
        rate_hz: float,
        pre_ms: float = PRE_MS,
        post_ms: float = POST_MS,
        keep_ms: float = KEEP_MS,
    ) -> None:
        self.channels = channels
        self.rate_hz = rate_hz
        self.pre = round(pre_ms * rate_hz / 1e3)
        self.post = round(post_ms * rate_hz / 1e3)
        self._keep = round(keep_ms * rate_hz / 1e3)
        self._blocks: deque[Block] = deque()
        self._open: list[_Open] = []
        self._stream_id: int | None = None
        self._end: int | None = None
        self._gaps: list[Gap] = []

    @property
    def end_sample(self) -> int:
        """One past the last sample that has come; 0 before the first."""
        return self._end or 0

    def restart(self, stream_id: int) -> list[Window]:
        """Begin a new stream; windows that were open are completed with what there was, and rejected."""
        done = [self._cut(w, "the stream was restarted") for w in self._open]
        self._open, self._stream_id, self._end = [], stream_id, None
        self._blocks.clear()
        return done

    def want(self, name: str, *, first_sample: int, width: int) -> None:
        """Ask for a stretch without a stimulus, from now on or up to what is kept back."""
        self._open.append(_Open(name, first_sample, width, markers=1))

    def expect(self, stim_seq: int, *, sample: int, subsample: float) -> list[Window]:
        """The device reports stimulus `stim_seq` at this sample: its window is cut even where the marker is lost.

        A marker that says otherwise by half a sample or more rejects the sweep. Windows that are complete by this.
        """
        window = self._window(stim_seq, sample, subsample)
        window.reported = sample + subsample
        if window.markers == 0:
            window.onset = sample + subsample - window.first
        return self._complete()

    def feed(self, block: Block) -> list[Window]:
        """Take one block; the windows that it completes, in the order of their ends."""
        done: list[Window] = []
        if block.stream_id != self._stream_id:
            done = self.restart(block.stream_id)
        start = block.first_sample
        expected = self._end if self._end is not None else start - block.missing_before
        if start > expected:
            self._gaps.append(Gap(block.stream_id, expected, start - expected, "samples lost on the way"))
        if block.end_sample > expected:
            self._blocks.append(block)
            self._end = block.end_sample
        for marker in block.markers:
            if marker.kind is MarkerKind.STIMULUS:
                self._mark(marker)
        done += self._complete()
        self._prune()
        return done

    def take_gaps(self) -> list[Gap]:
        """Gaps found since the last call."""
        found, self._gaps = self._gaps, []
        return found

    def _window(self, stim_seq: int, sample: int, subsample: float) -> _Open:
        for window in self._open:
            if window.key == stim_seq:
                return window
        window = _Open(stim_seq, sample - self.pre, self.pre + self.post)
        self._open.append(window)
        return window

    def _mark(self, marker: Marker) -> None:
        window = self._window(marker.stim_seq, marker.sample, marker.subsample)
        onset = marker.sample + marker.subsample - window.first
        if window.markers and abs(onset - window.onset) >= 0.5:
            window.reasons.append("two stimulus markers disagree")
        elif not window.markers:
            window.onset = onset
        window.markers += 1

    def _complete(self) -> list[Window]:
        end = self.end_sample
        ready = [w for w in self._open if w.first + w.width <= end]
        if not ready:
            return []
        ready.sort(key=lambda w: (w.first + w.width, str(w.key)))
        self._open = [w for w in self._open if w.first + w.width > end]
        return [self._cut(w) for w in ready]

    def _cut(self, window: _Open, why: str | None = None) -> Window:
        counts = np.full((self.channels, window.width), MISSING, dtype=np.int32)
        first, last = window.first, window.first + window.width
        covered, clipped, position = 0, 0, first
        for block in self._blocks:
            low, high = max(position, block.first_sample), min(last, block.end_sample)
            if low >= high:
                continue
            at = block.first_sample
            counts[:, low - first : high - first] = block.counts[:, low - at : high - at]
            covered, clipped, position = covered + high - low, clipped | block.clipped, high
        reasons = list(window.reasons)
        if covered < window.width:
            reasons.append(f"{window.width - covered} samples are missing")
        if why is not None:
            reasons.append(why)
        if window.markers == 0:
            reasons.append("the stimulus marker is missing")
        elif window.reported is not None and abs(window.reported - first - window.onset) >= 0.5:
            reasons.append("the stimulus marker and the device's report disagree")
        return Window(
            key=window.key,
            stream_id=self._stream_id if self._stream_id is not None else 0,
            first_sample=first,
            counts=counts,
            onset=window.onset,
            clipped=clipped,
            reject_reasons=tuple(reasons),
        )

    def _prune(self) -> None:
        needed = self.end_sample - self._keep
        if self._open:
            needed = min(needed, min(w.first for w in self._open))
        while self._blocks and self._blocks[0].end_sample <= needed:
            self._blocks.popleft()
