"""Frames that wait for the line, with a bound: a client that stops reading costs data, never the simulator."""

from collections import deque
from dataclasses import dataclass

DATA_BYTES_MAX = 512 * 1024
"""Unsent bytes above which samples are dropped (free-running) or not made (lock-step): half a second at full rate."""
ALL_BYTES_MAX = 4 * DATA_BYTES_MAX
"""Unsent bytes above which even answers are dropped: nobody has read for a long time."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One frame as it leaves the device; samples may be given up, answers and events only at the very end.

    `stimuli` are the numbers of the stimuli whose markers are among the samples.
    """

    wire: bytes
    samples: bool
    stimuli: tuple[int, ...] = ()


class Outbox:
    """A queue of frames that is emptied by a writer which takes what it can."""

    def __init__(self) -> None:
        self._frames: deque[Outgoing] = deque()
        self._sent_of_first = 0
        self.unsent_bytes = 0
        self.dropped_frames = 0

    @property
    def full(self) -> bool:
        """Whether no more samples should be made."""
        return self.unsent_bytes > DATA_BYTES_MAX

    def put(self, frame: Outgoing) -> None:
        """Queue one frame, or count it as dropped when even answers have no room."""
        if self.unsent_bytes + len(frame.wire) > ALL_BYTES_MAX:
            self.dropped_frames += 1
            return
        self._frames.append(frame)
        self.unsent_bytes += len(frame.wire)

    def next(self) -> memoryview | None:
        """What is to be written next, None when empty."""
        if not self._frames:
            return None
        return memoryview(self._frames[0].wire)[self._sent_of_first :]

    def sent(self, n: int) -> None:
        """`n` bytes of what `next` gave have left."""
        self.unsent_bytes -= n
        self._sent_of_first += n
        if self._sent_of_first == len(self._frames[0].wire):
            self._frames.popleft()
            self._sent_of_first = 0

    def drop_samples(self) -> None:
        """Forget the samples that have not begun to leave; a half-sent frame is finished."""
        begun = 1 if self._sent_of_first else 0
        kept = [f for i, f in enumerate(self._frames) if i < begun or not f.samples]
        self._frames = deque(kept)
        self.unsent_bytes = sum(len(f.wire) for f in kept) - self._sent_of_first

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()
        self._sent_of_first = 0
        self.unsent_bytes = 0
