"""One instrument's wire: the line that a client opens, what waits for it, and what may be wrong with it."""

import selectors
import time
from collections.abc import Callable

from npr_simulators.device import SimulatedFrontend
from npr_simulators.faults import FrameFaults
from npr_simulators.links import Line, LineLost
from npr_simulators.outbox import Outbox, Outgoing

DRAIN_READS = 64


class Wire:
    """Carries bytes between a line and its instrument. Nothing here blocks, whatever the client does.

    `spoil` gives what leaves in place of a frame of samples. `reads_again_s` and `sends_again_s` are the moments at
    which a line that stalls reads or sends again.
    """

    def __init__(
        self,
        name: str,
        line: Line,
        device: SimulatedFrontend,
        selector: selectors.BaseSelector,
        *,
        spoil: Callable[[Outgoing, str], bytes],
        faults: FrameFaults,
    ) -> None:
        self.name = name
        self.line = line
        self.device = device
        self.outbox = Outbox()
        self._selector = selector
        self._spoil = spoil
        self._faults = faults
        self._stream_id = 0
        self._watched: tuple[int, int] | None = None
        self._reads_again_s = 0.0
        self._sends_again_s = 0.0

    def stall(self, direction: str, seconds: float) -> None:
        """Stop reading, sending or both for a while; the line stays up."""
        again_s = time.monotonic() + seconds
        if direction != "sending":
            self._reads_again_s = again_s
        if direction != "reading":
            self._sends_again_s = again_s
        self.forget()

    def again_s(self, now_s: float) -> float:
        """How long until a stalled line must be looked at again; infinite when none is."""
        return min((s - now_s for s in (self._reads_again_s, self._sends_again_s) if s > now_s), default=float("inf"))

    def watch(self) -> None:
        """Wait for what can be dealt with now: input, and room for output where some is held up."""
        now_s = time.monotonic()
        reads, sends = now_s >= self._reads_again_s, now_s >= self._sends_again_s
        held_up = sends and self.line.connected and self.outbox.next() is not None
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if held_up else 0)
        wanted = (self.line.watched(), events) if events else None
        if wanted != self._watched:
            self.forget()
            if wanted is not None:
                self._selector.register(wanted[0], wanted[1], lambda mask: None)
                self._watched = wanted

    def forget(self) -> None:
        """Wait for nothing here."""
        if self._watched is not None:
            self._selector.unregister(self._watched[0])
            self._watched = None

    def drain(self, now_s: float) -> bool:
        """Give the instrument what has come; False where more is there than one turn reads."""
        if time.monotonic() < self._reads_again_s or (not self.line.connected and not self.line.accept()):
            return True
        try:
            for _ in range(DRAIN_READS):
                data = self.line.read()
                if not data:
                    return True
                self.device.receive(data, now_s)
                self.collect()
        except LineLost:
            self.lose()
            return True
        return False

    def collect(self) -> None:
        """Take the frames that the instrument has made."""
        if self.device.wire.take_greeting():
            # a new client: nothing of the old one's may reach it; the delimiter ends a half-sent frame
            self.outbox.clear()
            self.line.discard()
            self._faults.forget()
            self.outbox.put(Outgoing(b"\0", samples=False))
        for frame in self.device.wire.take_outgoing():
            if frame.samples and self._stream_id != self.device.stream_id:
                self._stream_id = self.device.stream_id
                self._faults.forget()
            wire = self._spoil(frame, self.name) if frame.samples else frame.wire
            if wire:
                self.outbox.put(Outgoing(wire, frame.samples))

    def flush(self) -> None:
        """Send what the line takes now."""
        if time.monotonic() < self._sends_again_s:
            return
        try:
            while self.line.connected and (piece := self.outbox.next()) is not None:
                n = self.line.write(piece)
                if not n:
                    return
                self.outbox.sent(n)
        except LineLost:
            self.lose()

    def lose(self) -> None:
        """The line has gone, or is pulled: the instrument makes itself safe; nothing is left for the next client."""
        self.forget()
        self.line.disconnect()
        self.device.link_lost()
        self.device.wire.take_outgoing()
        self._faults.forget()
        self.outbox.clear()

    def close(self) -> None:
        """Close the line; harmless twice."""
        self.forget()
        self.line.close()
