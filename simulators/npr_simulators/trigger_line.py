"""The trigger line from a stimulator to an amplifier, and what the truth file says of a delivered pulse."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from npr_daq.anatomy import Branch, Side
from npr_simulators.amplifier import Stream
from npr_simulators.counter_stream import CounterStream
from npr_simulators.person.sites import Site
from npr_simulators.pulse import SUBSAMPLE_STEPS, Pulse, reading_error_us

Placed = tuple[Side, Site | Branch] | None
TRIGGER_INPUT = 1 << 20
"""Added to a pulse's number: the draws of the amplifier's timer are not those of the stimulator's."""


@dataclass(slots=True, eq=False)
class Echo:
    """A pulse `of` the stimulator as `seen` by the amplifier's `stream`, on that stream's counter."""

    of: Pulse
    stream: Stream
    seen: Pulse

    @staticmethod
    def heard(pulse: Pulse, own: Stream | CounterStream, ear: Stream, *, seed: int) -> "Echo":
        """`pulse`, counted by `own`, as `ear` counts it: both counters run on the one clock.

        The edge lies where it lies; the amplifier reads it with a timer of its own.
        """
        # In 1/65536 of a sample of the other counter.
        ticks_x65536 = own.ticks_at(pulse.onset_sample) * SUBSAMPLE_STEPS
        ticks_x65536 += pulse.subsample_steps * own.ticks_per_sample
        steps = (ticks_x65536 - ear.start_ticks * SUBSAMPLE_STEPS) // ear.ticks_per_sample
        sample, fraction = divmod(steps, SUBSAMPLE_STEPS)
        seen = replace(
            pulse,
            onset_sample=sample,
            subsample_steps=fraction,
            rate_hz=ear.rate_hz,
            reading_error_us=reading_error_us(seed, pulse.stim_seq, TRIGGER_INPUT + pulse.number),
            preparation=None,
        )
        return Echo(pulse, ear, seen)


class Listener(Protocol):
    """The amplifier at the far end, as far as the line knows it."""

    boot_id: int
    stream: Stream | CounterStream | None


class TriggerLine:
    """A stimulator's trigger output. With no `amplifier` at its end the stimulator shows its own pulses."""

    def __init__(self, *, seed: int) -> None:
        self.amplifier: Listener | None = None
        self._seed = seed
        self._echo: Echo | None = None

    def forget(self) -> None:
        """What was worked out for the amplifier is void."""
        self._echo = None

    def shown(self, pulse: Pulse, own: Stream | CounterStream) -> tuple[Pulse, Stream | CounterStream]:
        """`pulse` as the stream counts it that shows the response, and that stream.

        A stream that has begun or ended since the last call makes the pulse's preparation void.
        """
        ear = self.amplifier.stream if self.amplifier is not None else None
        if not isinstance(ear, Stream):
            if self._echo is not None:
                self._echo = None
                pulse.preparation, pulse.ready = None, False
            return pulse, own
        if self._echo is None or self._echo.of is not pulse or self._echo.stream is not ear:
            self._echo = Echo.heard(pulse, own, ear, seed=self._seed)
            pulse.ready = False
        return self._echo.seen, ear

    def truth(self, pulse: Pulse, own: Stream | CounterStream, *, boot_id: int, placed: Placed) -> dict[str, Any]:
        """The truth line of a delivered pulse, by the counter of the stream that shows its response.

        Where another instrument records, it also says who, and where the stimulator's own counter was.
        """
        shown, shows = self.shown(pulse, own)
        line = _delivered(shown, shows, boot_id=boot_id, placed=placed if pulse.touches else None)
        if shows is not own and self.amplifier is not None:
            counted = {"stream_id": own.stream_id, "sample": pulse.onset_sample, "subsample": pulse.subsample}
            line |= {"amplifier_boot_id": self.amplifier.boot_id, "stimulator": counted}
        return line


def _delivered(shown: Pulse, stream: Stream | CounterStream, *, boot_id: int, placed: Placed) -> dict[str, Any]:
    return {
        "stim_seq": shown.stim_seq,
        "pulse": shown.number,
        "boot_id": boot_id,
        "stream_id": stream.stream_id,
        "sample": shown.onset_sample,
        "subsample": shown.subsample,
        "current_ma": shown.delivered_ma if shown.touches else 0.0,
        "width_us": shown.width_us,
        "result": "ok" if shown.touches else "open",
        "side": None if placed is None else str(placed[0]),
        "site": None if placed is None else str(placed[1]),
        "channels": shown.truth,
    }
