"""The talk with one front-end: a reader thread that decodes, matches replies to requests, and keeps the beat."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from npr_daq.errors import Closed, Refused, TimedOut, TransportError, WireError
from npr_daq.transport.base import READ_BYTES, Transport
from npr_daq.wire.link import Link, Received
from npr_daq.wire.messages import Heartbeat, Message, Nak
from npr_daq.wire.tables import Chan, NakCode
from npr_drivers.frontend.vocabulary import told

REPLY_S = 3.0
"""How long a reply may take. The device answers within 100 ms (wire document 4); the rest is for a busy host."""
BEAT_S = 0.100
"""Between two heartbeats (devices reference 3.6)."""
LOOK_S = 0.020
"""The longest the reader waits before it looks at the beat again."""
SILENT_S = 2.0
"""A device that owes answers and says nothing for this long is gone: twice what its slowest answer takes (wire
document 5.7), and before a runner that only misses samples gives up on them (3 s), so that the line is what has failed.
Safety does not hang on it: its own watchdog has long made it safe."""
SILENT_BEATS = 10
DAMAGE_S = 1.0
"""Shortest time between two accounts of damage, so that a noisy line cannot flood the runner."""

R = TypeVar("R", bound=Message)


class _Pending:
    """A request under way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.reply: Message | None = None
        self.failure: TransportError | None = None


class Conversation:
    """Owns the transport and its one reader thread.

    `hear` gets every message in order of arrival, replies included, in the reader thread, before the thread that
    asked goes on: what a reply changes is therefore in place when the next message is heard. `lost` is called once
    when the line fails. `clock` is wall time in seconds that never goes back; heartbeats run on it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        hear: Callable[[Received], None],
        damaged: Callable[[str], None],
        lost: Callable[[TransportError], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._hear = hear
        self._damaged = damaged
        self._lost = lost
        self._clock = clock
        self._link = Link()
        self._sending = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._failure: TransportError | None = None
        self._stopping = False
        self._told = (0, 0, 0)
        self._not_understood = 0
        self._damage_told_s = clock() - DAMAGE_S
        self._token = 0
        self._fresh = False
        self._next_beat_s = clock()
        self._heard_s = clock()
        self._unanswered = 0
        self._reader = threading.Thread(target=self._run, name=f"reader of {transport.description}", daemon=True)

    def begin(self) -> None:
        """End whatever half frame the device may hold, and start listening."""
        self._transport.write(b"\0")
        self._reader.start()

    @property
    def failure(self) -> TransportError | None:
        """Why the line is lost, or None."""
        return self._failure

    @property
    def arm_token(self) -> int:
        """The living token, 0 when not armed; it rides on every heartbeat."""
        return self._token

    @arm_token.setter
    def arm_token(self, token: int) -> None:
        self._fresh = token != 0
        self._token = token

    def now_ns(self) -> int:
        """Host time for a heartbeat."""
        return int(self._clock() * 1e9)

    def progress(self) -> None:
        """The runner is alive: the next heartbeat may go even while armed."""
        self._fresh = True

    def ask(self, message: Message, expected: type[R], *, timeout_s: float | None = None) -> R:
        """Send `message` and wait for its reply.

        Raises Refused with the device's NAK, WireError for a reply of another kind, TimedOut or Closed; after the
        last two the device may or may not have done what was asked. Nothing is ever sent twice.
        """
        wait_s = REPLY_S if timeout_s is None else timeout_s
        pending = _Pending()
        with self._sending:
            if self._failure is not None or self._stopping:
                raise self.closed()
            seq = self._link.next_seq()
            data = self._link.send(message)
            self._pending[seq] = pending
            try:
                self._transport.write(data)
            except TransportError as error:
                del self._pending[seq]
                self._fail(error)
                raise
            if self._failure is not None:
                # The reader failed meanwhile and may have released everybody just before this request joined.
                raise self.closed()
        if not pending.done.wait(wait_s):
            self._pending.pop(seq, None)
            if not pending.done.is_set():
                raise TimedOut(
                    f"{self._transport.description}: no answer to {type(message).__name__} within {wait_s:g} s; "
                    "switch the stimulator off at the device, check it, and reconnect"
                )
        if pending.failure is not None:
            raise Closed(str(pending.failure)) from pending.failure
        return _expect(message, pending.reply, expected)

    def close(self) -> None:
        """Stop the reader and give the line back; harmless twice."""
        self._stopping = True
        self._transport.close()
        if self._reader.is_alive() and threading.current_thread() is not self._reader:
            self._reader.join(2.0)

    def closed(self) -> Closed:
        """Why nothing more can be asked."""
        if self._failure is not None:
            closed = Closed(str(self._failure))
            closed.__cause__ = self._failure
            return closed
        return Closed(f"{self._transport.description} was closed at this end; open it again")

    def _run(self) -> None:
        try:
            while not self._stopping:
                wait_s = min(LOOK_S, max(0.0, self._next_beat_s - self._clock()))
                data = self._transport.read(READ_BYTES, wait_s)
                if data:
                    self._receive(data)
                self._keep_time()
        except TransportError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the thread's outermost loop: a dead reader must not look alive
            failure = Closed(f"{self._transport.description}: the reader failed ({error}); report this")
            failure.__cause__ = error
            self._fail(failure)

    def _receive(self, data: bytes) -> None:
        self._heard_s = self._clock()
        self._unanswered = 0
        for received in self._link.receive(data):
            if received.error is not None:
                self._not_understood += 1
                continue
            self._hear(received)
            if received.reply:
                self._answer(received)
        self._tell_damage(self._heard_s)

    def _tell_damage(self, now_s: float) -> None:
        # The samples number themselves; on the other channels only the sequence shows a loss.
        gaps = self._link.gaps
        missing = sum(gaps.values()) - gaps.get(Chan.DATA, 0)
        seen = (self._link.reader.bad_frames, self._not_understood, missing)
        if seen == self._told or now_s - self._damage_told_s < DAMAGE_S:
            return
        kinds = ("damaged frame(s) were rejected", "message(s) were not understood", "message(s) never arrived")
        parts = [f"{new - old} {what}" for new, old, what in zip(seen, self._told, kinds, strict=True) if new != old]
        self._told, self._damage_told_s = seen, now_s
        self._damaged(", ".join(parts))

    def _answer(self, received: Received) -> None:
        message = received.message
        pending = self._pending.pop(getattr(message, "re", -1), None)
        if pending is not None:
            pending.reply = message
            pending.done.set()

    def _keep_time(self) -> None:
        now = self._clock()
        self._tell_damage(now)
        if self._unanswered >= SILENT_BEATS and now - self._heard_s >= SILENT_S:
            raise TimedOut(
                f"{self._transport.description}: the device has been silent for {now - self._heard_s:.1f} s; "
                "switch the stimulator off at the device, check its power and cable, then reconnect"
            )
        if now < self._next_beat_s or (self._token and not self._fresh):
            return
        self._fresh = False
        self._next_beat_s = now + BEAT_S
        self._unanswered += 1
        with self._sending:
            if not self._stopping:
                self._transport.write(self._link.send(Heartbeat(self.now_ns(), self._token)))

    def _fail(self, error: TransportError) -> None:
        if self._failure is not None or self._stopping:
            self._release(self._failure or error)
            return
        self._failure = error
        self._token = 0
        self._lost(error)
        self._release(error)

    def _release(self, error: TransportError) -> None:
        while self._pending:
            _, pending = self._pending.popitem()
            pending.failure = error
            pending.done.set()


def _expect(request: Message, reply: Message | None, expected: type[R]) -> R:
    asked = type(request).__name__
    if isinstance(reply, Nak):
        word = reply.code.name.lower() if isinstance(reply.code, NakCode) else f"code {reply.code}"
        text = f"the device refused {asked}: {word.replace('_', ' ')}; {told(reply.text)}"
        raise Refused(text, code=int(reply.code))
    if not isinstance(reply, expected):
        raise WireError(f"the device answered {asked} with {type(reply).__name__}; {expected.__name__} was expected")
    return reply
