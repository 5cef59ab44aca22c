"""The envelopes of every repetition of a task, cut from the captures of a recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import contraction
from npr_daq.anatomy import Muscle, Side
from npr_daq.findings.synkinesis_rows import RepetitionRow
from npr_daq.recording import Capture, Event, Recording

BEFORE_S, AFTER_S = 1.0, 2.0
STEP_S = 0.02
SHORTEST_S = 0.2
NEEDED = {"step", "repetition", "capture", "cue_sample", "release_sample"}

Floats = NDArray[np.float64]
Place = tuple[Side, Muscle]


@dataclass(frozen=True, slots=True, eq=False)
class TaskTraces:
    """The accepted repetitions of one task: `uv` (repetition, time) in microvolts for each recorded place.

    `time_s` (time,) counts from the cue, `hold_s` is how long was asked for, `made` how many repetitions there were.
    """

    task: str
    time_s: Floats
    hold_s: float
    made: int
    uv: Mapping[Place, Floats]

    @property
    def count(self) -> int:
        """How many repetitions are drawn."""
        return max((len(rows) for rows in self.uv.values()), default=0)


def task_traces(
    recording: Recording, task: str, muscles: Sequence[Muscle], rows: Sequence[RepetitionRow]
) -> TaskTraces | None:
    """Envelopes of `muscles` on both sides; None where the recording has no repetition of the task.

    Which repetitions count is what `rows` of the findings say, else what was judged at once.
    """
    tries = [e for e in recording.events if e.kind == "repetition" and e.detail.get("task") == task]
    tries = [e for e in tries if e.detail.keys() >= NEEDED]
    judged = {(row.step, row.repetition): row.accepted for row in rows if row.task == task}
    captures = {c.name: c for c in recording.captures}
    placed = [(e, captures[str(e.detail.get("capture"))]) for e in tries if str(e.detail.get("capture")) in captures]
    placed = [(e, c) for e, c in placed if c.counts.shape[-1] >= SHORTEST_S * c.rate_hz]
    if not placed:
        return None
    hold = max(_seconds(e, c)[1] - _seconds(e, c)[0] for e, c in placed)
    time = np.arange(-BEFORE_S, hold + AFTER_S + STEP_S / 2, STEP_S)
    kept = [(e, c) for e, c in placed if _counts(e, judged)]
    rows_of = {
        (channel.side, channel.muscle): row
        for row, channel in enumerate(recording.montage.channels)
        if channel.muscle in muscles
    }
    places = list(rows_of)
    cut: dict[Place, list[Floats]] = {place: [] for place in places}
    for capture in dict.fromkeys(c for _, c in kept):
        envelopes = _envelopes(recording, capture, [rows_of[place] for place in places])
        for event in (e for e, c in kept if c is capture):
            at = (_seconds(event, capture)[0] + time) * contraction.ENVELOPE_HZ
            for place, envelope in zip(places, envelopes, strict=True):
                frames = np.arange(len(envelope))
                cut[place].append(np.interp(at, frames, envelope, left=np.nan, right=np.nan))
    stacked = {place: np.stack(found) for place, found in cut.items() if found}
    return TaskTraces(task, time, hold, len(tries), stacked)


def _counts(event: Event, judged: Mapping[tuple[str, int], bool]) -> bool:
    key = (str(event.detail.get("step")), int(event.detail.get("repetition", 0)))
    return judged.get(key, bool(event.detail.get("accepted")))


def _seconds(event: Event, capture: Capture) -> tuple[float, float]:
    """Cue and release in seconds of the capture."""
    cue, release = (
        (float(event.detail[name]) - capture.first_sample) / capture.rate_hz
        for name in ("cue_sample", "release_sample")
    )
    return cue, release


def _envelopes(recording: Recording, capture: Capture, rows: Sequence[int]) -> Floats:
    device = tuple(recording.montage.channels[row].index for row in rows)
    uv = recording.calibration.to_microvolts(capture.counts[list(rows)], device)
    return contraction.envelope(uv, rate_hz=capture.rate_hz)
