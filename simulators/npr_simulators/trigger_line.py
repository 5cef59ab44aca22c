"""The trigger line from a stimulator to an amplifier, and what the truth file says of a delivered pulse."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from npr_simulators.amplifier import Stream
from npr_simulators.counter_stream import CounterStream
from npr_simulators.person.sites import Site
from npr_simulators.pulse import SUBSAMPLE_STEPS, Pulse, reading_error_us

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


def delivered(
    shown: Pulse, stream: Stream | CounterStream, *, boot_id: int, placed: tuple[str, Site | str] | None
) -> dict[str, Any]:
    """The truth line of a pulse, by the counter of the stream that shows its response."""
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


def commanded(pulse: Pulse, stream: Stream | CounterStream, *, amplifier_boot_id: int) -> Mapping[str, Any]:
    """Added to the line where another instrument records: where the stimulator's own counter was, and who records."""
    own = {"stream_id": stream.stream_id, "sample": pulse.onset_sample, "subsample": pulse.subsample}
    return {"amplifier_boot_id": amplifier_boot_id, "stimulator": own}
