"""Guards against a dead host: beats count by their arrival on the wall clock, at any speed of the device clock."""

from dataclasses import dataclass

ARMED_S = 0.300
"""Silence that makes a live device safe."""
STREAMING_S = 2.0
"""Silence that stops a stream."""
LOOK_S = 0.010
"""The longest time between two looks while live."""


@dataclass(frozen=True, slots=True)
class WatchdogTrip:
    """A device made safe by silence: when, and the last beat that counted, both wall time of the process clock."""

    text: str
    at_s: float
    last_beat_s: float


@dataclass(slots=True)
class Watchdog:
    """Remembers the last beats; `now_s` is wall time of any origin that never goes back.

    Any heartbeat is a sign of life for the stream; only one with the living token is one for the stimulator. Ask
    only after the input is drained.
    """

    any_beat_s: float
    token_beat_s: float = 0.0

    def beat(self, now_s: float) -> None:
        """A host is there."""
        self.any_beat_s = max(self.any_beat_s, now_s)

    def token_beat(self, now_s: float) -> None:
        """The host that holds the token is there, and its runner makes progress."""
        self.token_beat_s = max(self.token_beat_s, now_s)

    def live_silence_s(self, now_s: float) -> float:
        """How long the holder of the token has been silent."""
        return now_s - self.token_beat_s

    def disarms(self, now_s: float) -> bool:
        """Whether a live device must be made safe."""
        return self.live_silence_s(now_s) >= ARMED_S

    def stops(self, now_s: float) -> bool:
        """Whether a stream must be stopped."""
        return now_s - self.any_beat_s >= STREAMING_S
