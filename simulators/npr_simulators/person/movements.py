"""One movement as this patient makes it: how late, how hard, how long, and whether it is the one that was asked for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np

from npr_daq.errors import UsageError
from npr_simulators.person.bank import Floats
from npr_simulators.person.case import Case
from npr_simulators.person.streams import stream
from npr_simulators.person.tasks import CONFUSED_WITH, known_task

EARLIEST_MS = 150.0
"""Nobody's face answers a cue sooner: nothing that a cue changes lies nearer to it than this."""
LONGEST_S = 60.0
REACTION_MS, REACTION_SPREAD = 130.0, 0.35
"""[A] Median of what is added to `EARLIEST_MS`, and the SD of its logarithm: a reaction time of 0.2 to 0.5 s."""
RISE_MS, FALL_MS = 120.0, 160.0
"""[A] A brisk start (that of the prototype, simulation reference 4) and a slightly slower end."""
BLINK_RISE_MS, BLINK_HOLD_MS, BLINK_FALL_MS = 35.0, 30.0, 70.0
"""[A] Burst of the orbicularis oculi in a blink, of about a tenth of a second."""
BLINK_MS = BLINK_RISE_MS + BLINK_HOLD_MS + BLINK_FALL_MS
BLINK_EVERY_MS = 900.0
"""[A] A series of voluntary blinks, one after the other."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement in the time of one stream; times are of the drive at the nucleus.

    `effort` 0 to 1 is what the patient really gives. The drive leaves rest `delay_ms` after the cue, is at its plateau
    for `hold_ms` and back at rest after `fall_ms`. In the task "blink" the plateau is a series of bursts.
    """

    stream_id: int
    cue_sample: int
    rate_hz: float
    task: str
    performed: str
    effort: float
    delay_ms: float
    rise_ms: float
    hold_ms: float
    fall_ms: float
    ordinal: int

    @property
    def cue_ms(self) -> float:
        """The cue on the clock of the stream."""
        return self.cue_sample * 1e3 / self.rate_hz

    @property
    def onset_ms(self) -> float:
        """When the drive leaves rest, on the clock of the stream."""
        return self.cue_ms + self.delay_ms

    @property
    def end_ms(self) -> float:
        """When the drive is back at rest, on the clock of the stream."""
        return self.onset_ms + self.rise_ms + self.hold_ms + self.fall_ms

    @property
    def plateau_ms(self) -> tuple[float, float]:
        """First and last instant of the full drive, on the clock of the stream."""
        begin = self.onset_ms + self.rise_ms
        return begin, begin + self.hold_ms

    def envelope(self, t_ms: Floats) -> Floats:
        """Share of the plateau's drive, 0 to 1, at `t_ms` on the clock of the stream; any shape."""
        since = t_ms - self.onset_ms
        if self.performed == "blink":
            # a burst that would outlast the series is not begun
            last = len(self.bursts_ms) - 1
            begun = np.clip(np.floor(since / BLINK_EVERY_MS), 0, last) * BLINK_EVERY_MS
            return _trapezium(since - begun, self.rise_ms, BLINK_HOLD_MS, self.fall_ms)
        return _trapezium(since, self.rise_ms, self.hold_ms, self.fall_ms)

    @property
    def bursts_ms(self) -> list[float]:
        """Onsets of the bursts of a series of blinks, on the clock of the stream; none for any other task."""
        if self.performed != "blink":
            return []
        room = self.rise_ms + self.hold_ms - BLINK_HOLD_MS
        return [
            self.onset_ms + k * BLINK_EVERY_MS for k in range(int((room - self.rise_ms + 1e-9) // BLINK_EVERY_MS) + 1)
        ]

    def as_json(self) -> Mapping[str, Any]:
        """The fields, JSON-safe."""
        return asdict(self)


def blink_envelope(since_ms: Floats) -> Floats:
    """Share of a spontaneous blink's drive, 0 to 1, `since_ms` after its onset; any shape."""
    return _trapezium(since_ms, BLINK_RISE_MS, BLINK_HOLD_MS, BLINK_FALL_MS)


def movement_for(
    case: Case,
    *,
    seed: int,
    ordinal: int,
    task: str,
    effort: float,
    seconds: float,
    stream_id: int,
    cue_sample: int,
    rate_hz: float,
    visit: int = 1,
) -> Movement:
    """What `case` does when asked at `cue_sample` of a stream for `task` with `effort` (0 to 1) for `seconds`.

    `ordinal` counts the cues of a visit; the two are the key of every draw. Raises UsageError for a task that does
    not exist or a number outside its limits.
    """
    known_task(task)
    _within("effort", effort, 0.0, 1.0, "of the maximum")
    _within("seconds", seconds, 0.2, LONGEST_S, "s")
    _within("rate_hz", rate_hz, 100.0, 1e6, "samples a second")
    _within("cue_sample", cue_sample, 0, 2**62, "samples")
    rng = stream(seed, "movement", visit, ordinal)
    mistaken, which, late, early, unlike, slow = rng.random(2).tolist() + rng.standard_normal(4).tolist()
    behaviour = case.behaviour
    slack = behaviour.sloppiness
    performed = task
    if task in CONFUSED_WITH and mistaken < behaviour.wrong_task:
        others = CONFUSED_WITH[task]
        performed = others[int(which * len(others))]
    # a careless patient reacts later, lets go at another time than told, and starts and ends gradually
    delay_ms = EARLIEST_MS + REACTION_MS * float(np.exp(REACTION_SPREAD * late)) * (1 + 2 * slack)
    stop_ms = seconds * 1e3 + EARLIEST_MS + REACTION_MS * float(np.exp(REACTION_SPREAD * early - slack * abs(early)))
    gradual = 1 + 2 * slack * float(np.exp(0.5 * slow))
    rise_ms, fall_ms = RISE_MS * gradual, FALL_MS * gradual
    if performed == "blink":
        rise_ms, fall_ms = BLINK_RISE_MS, BLINK_FALL_MS
    given = effort * behaviour.effort * (1 + behaviour.effort_spread * float(np.clip(unlike, -2.5, 2.5)))
    return Movement(
        stream_id=stream_id,
        cue_sample=int(cue_sample),
        rate_hz=float(rate_hz),
        task=task,
        performed=performed,
        effort=float(np.clip(given, 0.0, 1.0)),
        delay_ms=delay_ms,
        rise_ms=rise_ms,
        hold_ms=max(BLINK_HOLD_MS, stop_ms - delay_ms - rise_ms),
        fall_ms=fall_ms,
        ordinal=ordinal,
    )


def _within(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not (isfinite(value) and low <= value <= high):
        raise UsageError(f"{name} is {value:g}; give {low:g} to {high:g} {unit}")


def _trapezium(since_ms: Floats, rise_ms: float, hold_ms: float, fall_ms: float) -> Floats:
    # with rounded corners: 3x^2 - 2x^3
    up = np.clip(since_ms / rise_ms, 0.0, 1.0)
    down = np.clip((rise_ms + hold_ms + fall_ms - since_ms) / fall_ms, 0.0, 1.0)
    level = np.minimum(up, down)
    out: Floats = level * level * (3 - 2 * level)
    return out
