"""The repetitions and rests of an exam as they were judged at once and by the technician, placed on one timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from npr_daq.expression import EXPRESSIONS, Task
from npr_daq.findings.continuous import MOVEMENT, REST, Continuous, Placed
from npr_daq.findings.synkinesis_rows import RepetitionRow
from npr_daq.recording import Event, Recording

AT_ONCE, ANALYSIS, TECHNICIAN = "at once", "analysis", "technician"

HOLD_S = (0.3, 20.0)
"""A hold outside of it is no repetition (a protocol asks for 1 to 10 s)."""
LEAST_REST_S = 1.0
"""Between a release and the next cue (a protocol asks for 3 s or more): less leaves no window around a repetition."""
LEAD_MARGIN_S = 0.2

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Try:
    """One repetition: its row, and cue and release on the timeline in seconds."""

    row: RepetitionRow
    at_s: Span


def tries(recording: Recording, laid: Continuous) -> tuple[tuple[Try, ...], tuple[str, ...]]:
    """Every repetition that was made, in order, and in words which of them could not be placed."""
    marked = _marked(recording)
    found: list[Try] = []
    said: list[str] = []
    end_s = float("-inf")
    for event in recording.events:
        if event.kind != "repetition":
            continue
        try:
            one = _read(event.detail, laid)
        except (KeyError, ValueError) as cause:
            said.append(f"a repetition of {_step(event)} is not used: {_why(cause)}")
            continue
        row = one.row
        bad = marked.get((row.step, row.repetition))
        if bad is not None:
            row = replace(row, accepted=False, flaws=(*row.flaws, bad), judged_by=TECHNICIAN)
        # What was recorded later lies later on the timeline.
        if row.accepted and one.at_s[0] < end_s + LEAST_REST_S:
            why = f"it begins less than {LEAST_REST_S:g} s after the one before"
            said.append(f"repetition {row.repetition} of {row.step} is not used: {why}")
            row = replace(row, accepted=False, flaws=(*row.flaws, why), judged_by=ANALYSIS)
        if row.accepted:
            end_s = one.at_s[1]
        found.append(Try(row, one.at_s))
    return tuple(found), tuple(said)


def _marked(recording: Recording) -> dict[tuple[str, int], str]:
    """Reasons of the repetitions that the technician called bad, by step and number."""
    marks = {}
    for event in recording.events:
        if event.kind == "repetition marked":
            number = event.detail.get("repetition")
            if isinstance(number, int):
                reason = str(event.detail.get("reason") or "the technician's word")
                marks[str(event.detail.get("step")), number] = reason
    return marks


def _read(detail: Mapping[str, Any], laid: Continuous) -> Try:
    """One repetition of its event; raises ValueError with the reason where it cannot have been so."""
    step, number = str(detail["step"]), _whole(detail["repetition"])
    task = str(detail["task"])
    if task not in EXPRESSIONS:
        raise ValueError(f"{task!r:.40} is no expression")
    capture = _capture(detail, laid, MOVEMENT)
    cue, release = _whole(detail["cue_sample"]), _whole(detail["release_sample"])
    if not capture.covers(cue, release):
        raise ValueError(f"its cue and release do not lie in the recording {capture.name}")
    hold_s = (release - cue) / capture.rate_hz
    if not HOLD_S[0] <= hold_s <= HOLD_S[1]:
        raise ValueError(f"it lasted {hold_s:.3g} s, which no protocol asks for")
    if capture.task != task:
        raise ValueError(f"it is of {task}, but the recording {capture.name} is of {capture.task or 'no task'}")
    flaws = tuple(str(flaw) for flaw in detail.get("flaws") or ())
    accepted = detail["accepted"] is True
    row = RepetitionRow(
        step=step,
        task=str(Task(task)),
        repetition=number,
        cue_s=capture.inside_s(cue),
        hold_s=hold_s,
        accepted=accepted,
        flaws=flaws,
        judged_by="" if accepted and not flaws else AT_ONCE,
    )
    return Try(row, (capture.at_s(cue), capture.at_s(release)))


def rests(recording: Recording, laid: Continuous) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    """The stretches of rest on the timeline, in seconds, and in words which of them could not be placed."""
    spans, said = [], []
    for event in recording.events:
        if event.kind != "rest":
            continue
        try:
            capture = _capture(event.detail, laid, REST)
            first, last = _whole(event.detail["first_sample"]), _whole(event.detail["last_sample"])
            first, last = max(first, capture.first_sample), min(last, capture.first_sample + capture.samples)
            if not capture.covers(first, last):
                raise ValueError(f"it does not lie in the recording {capture.name}")
            spans.append((capture.at_s(first), capture.at_s(last)))
        except (KeyError, ValueError) as cause:
            said.append(f"a rest of {_step(event)} is not used: {_why(cause)}")
    return tuple(spans), tuple(said)


def leads(made: tuple[Try, ...], laid: Continuous) -> tuple[Span, ...]:
    """What was recorded before the first cue of each movement: rest too, where no rest was recorded by itself."""
    spans = []
    for capture in laid.captures:
        length_s = capture.samples / capture.rate_hz
        inside = [one.at_s[0] for one in made if 0 <= one.at_s[0] - capture.begin_s < length_s]
        if capture.kind == MOVEMENT and inside:
            begin, end = capture.begin_s + LEAD_MARGIN_S, min(inside) - LEAD_MARGIN_S
            if end - begin >= 1.0:
                spans.append((begin, end))
    return tuple(spans)


def _step(event: Event) -> str:
    return str(event.detail.get("step", "an unnamed step"))


def _why(cause: Exception) -> str:
    return f"its event does not say {cause.args[0]}" if isinstance(cause, KeyError) else str(cause)


def _capture(detail: Mapping[str, Any], laid: Continuous, kind: str) -> Placed:
    name = str(detail["capture"])
    capture = next((c for c in laid.captures if c.name == name), None)
    if capture is None or capture.kind != kind:
        raise ValueError(f"there is no recording of {kind} called {name!r:.60}")
    stream = detail.get("stream_id", capture.stream_id)
    if stream != capture.stream_id:
        raise ValueError(f"its samples are of stream {stream}, the recording {name} is of stream {capture.stream_id}")
    return capture


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r:.40} is no whole number")
    return value
