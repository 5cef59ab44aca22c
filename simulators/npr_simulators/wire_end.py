"""The device's end of the line: frames in and out, sequence numbers, damaged frames, samples that found no room."""

from npr_daq.wire.link import Link, Received
from npr_daq.wire.messages import Message
from npr_simulators.amplifier import Block
from npr_simulators.outbox import DATA_BYTES_MAX, Outgoing

GARBAGE_TOLD_S = 1.0
"""Shortest time between two accounts of damaged frames."""


class WireEnd:
    """Bytes to messages and messages to frames.

    `queued_bytes` is what waits behind this end, as its owner last said. Where `drops_when_full` is set, samples
    that find no room are lost and counted; elsewhere the owner must not ask for more of them.
    """

    def __init__(self, now_s: float) -> None:
        self.queued_bytes = 0
        self.drops_when_full = False
        self.lost_samples = 0
        self._link = Link()
        self._outgoing: list[Outgoing] = []
        self._outgoing_bytes = 0
        self._greeted = False
        self._bad_told = 0
        self._bad_told_s = now_s - GARBAGE_TOLD_S

    def receive(self, data: bytes) -> list[Received]:
        """The frames that `data` completes."""
        return self._link.receive(data)

    def damaged(self, now_s: float) -> int:
        """Frames rejected since this last gave a number above 0; 0 within a second of that."""
        bad = self._link.reader.bad_frames - self._bad_told
        if bad == 0 or now_s - self._bad_told_s < GARBAGE_TOLD_S:
            return 0
        self._bad_told += bad
        self._bad_told_s = now_s
        return bad

    def say(self, message: Message, *, re: int | None = None) -> None:
        """Send a message; `re` is the request that it answers."""
        self._put(self._link.send(message, re=re), samples=False)

    def has_room(self) -> bool:
        """Whether samples may be sent."""
        return not self.drops_when_full or self.queued_bytes + self._outgoing_bytes <= DATA_BYTES_MAX

    def send_block(self, block: Block) -> None:
        """Send samples."""
        self._put(self._link.send_data(block.payload), samples=True, stimuli=block.stimuli)

    def take_outgoing(self) -> list[Outgoing]:
        """The frames that have been made since the last call, in order."""
        frames, self._outgoing = self._outgoing, []
        self._outgoing_bytes = 0
        return frames

    def take_greeting(self) -> bool:
        """Whether a new session has begun since the last call."""
        greeted, self._greeted = self._greeted, False
        return greeted

    def new_session(self) -> None:
        """Fresh sequence numbers; nothing that waits reaches the new host. The half-read frame is kept."""
        reader = self._link.reader
        self._link = Link()
        self._link.reader = reader
        self.take_outgoing()
        self._greeted = True
        self.lost_samples = 0

    def lost(self) -> None:
        """The line has gone, and with it what was half read or not yet sent."""
        self._link = Link()
        self._bad_told = 0
        self.take_outgoing()
        self.lost_samples = 0

    def _put(self, wire: bytes, *, samples: bool, stimuli: tuple[int, ...] = ()) -> None:
        self._outgoing.append(Outgoing(wire, samples, stimuli))
        self._outgoing_bytes += len(wire)
