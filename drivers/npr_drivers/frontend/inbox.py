"""What has come from the device and waits to be taken: bounded, in order, safe between two threads."""

import threading
import time
from collections import deque
from dataclasses import replace

from npr_daq.device.contracts import Block, DeviceEvent, Item
from npr_daq.errors import Closed, TransportError

DEFAULT_SAMPLES = 600_000
"""30 s at 20 kHz."""


class Inbox:
    """A queue of blocks, reports and events under a condition.

    It holds at most `hold_samples` samples: a reader who falls behind loses the oldest blocks, is told by an
    `overflow` event, and finds the loss in `missing_before` of the next block, as on the wire. Reports and events
    are never dropped.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: deque[Item] = deque()
        self._held = 0
        self._limit = DEFAULT_SAMPLES
        self._failure: TransportError | None = None
        self._overflowing = False

    def hold_samples(self, count: int) -> None:
        """Set how many samples per channel are held."""
        with self._changed:
            self._limit = count

    def put(self, item: Item) -> None:
        """Append `item`; from the reader thread."""
        with self._changed:
            self._append(item)
            self._changed.notify_all()

    def fail(self, error: TransportError, event: DeviceEvent | None = None) -> None:
        """The line has ended: `event` is the last item, then every `take` raises Closed from `error`. Once."""
        with self._changed:
            if self._failure is None:
                if event is not None:
                    self._items.append(event)
                self._failure = error
                self._changed.notify_all()

    def take(self, timeout_s: float) -> list[Item]:
        """Everything that waits, in order of arrival; waits up to `timeout_s` for the first item."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not self._items:
                if self._failure is not None:
                    raise Closed(str(self._failure)) from self._failure
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return []
                self._changed.wait(left_s)
            taken = list(self._items)
            self._items.clear()
            self._held = 0
            self._overflowing = False
            return taken

    def _append(self, item: Item) -> None:
        if self._failure is not None:
            return
        self._items.append(item)
        if isinstance(item, Block):
            self._held += item.counts.shape[-1]
            if self._held > self._limit:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        kept: list[Item] = []
        while self._held > self._limit and self._items:
            item = self._items.popleft()
            if isinstance(item, Block) and self._items:
                self._held -= item.counts.shape[-1]
                self._book(item)
            else:
                kept.append(item)
        self._items.extendleft(reversed(kept))
        if not self._overflowing:
            self._overflowing = True
            text = f"the host did not take samples in time and holds {self._limit} at most: the oldest are lost"
            self._items.append(DeviceEvent("overflow", text))

    def _book(self, dropped: Block) -> None:
        """Add what was dropped to the gap before the next block of the same stream."""
        for position, item in enumerate(self._items):
            if isinstance(item, Block):
                if item.stream_id == dropped.stream_id:
                    lost = dropped.missing_before + dropped.counts.shape[-1]
                    self._items[position] = replace(item, missing_before=item.missing_before + lost)
                return
