"""Go on with an exam that ended early: what stands, what is left, and one file that holds both parts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npr_daq.errors import RecordingError, UsageError
from npr_daq.recording import Event, Recording, Role
from npr_daq.session.standing import Standing, completed, standing

if TYPE_CHECKING:
    from npr_daq.engine.plan import Plan
    from npr_daq.engine.ports import FaceMeasurement
    from npr_daq.protocol import Protocol
    from npr_daq.session.bench import Bench
    from npr_daq.storage.journal import Journal

LONGEST_BREAK_H = 12.0
"""Later the electrodes are not where they were, and it is another visit [proposal]."""
MOST_FILES = 50
STREAMS_APART = 1_000_000
"""Added to the stream numbers of the earlier part: a device that was switched off counts its streams from 1 again."""
RESUMED = "resumed exam"
"""The kind of the last event of the part that was copied."""
OF_A_STEP = ("rest", "repetition", "repetition marked", "skipped", "enough")
"""Kinds of event that say what there is of a step."""
ENDS = ("stop", "fault")
BROKEN = "before the break; the step was not complete and is done again"


@dataclass(frozen=True, slots=True, eq=False)
class Resumption:
    """An earlier exam that is gone on with; its file is never changed."""

    path: Path
    recording: Recording
    steps: tuple[Standing, ...]
    ended: str

    @property
    def header(self) -> Mapping[str, Any]:
        """The header of the earlier exam."""
        return self.recording.header

    @property
    def done(self) -> frozenset[str]:
        """Names of the steps that are complete."""
        return frozenset(step.name for step in self.steps if step.done)

    @property
    def first_n(self) -> int:
        """The number of the next sweep."""
        return 1 + max((sweep.n for sweep in self.recording.sweeps), default=0)

    def record(self) -> dict[str, Any]:
        """What the header of the new file keeps of the earlier one, JSON-safe."""
        return {
            "exam_id": self.header.get("exam_id"),
            "created": self.header.get("created"),
            "ended": self.ended,
            "file": self.path.name,
            "recovered": self.recording.recovered,
            "dropped_tail_bytes": self.recording.dropped_tail_bytes,
            "steps_done": [step.name for step in self.steps if step.done],
            "streams_apart": STREAMS_APART,
            "sweeps": len(self.recording.sweeps),
            # What its shocks were given under.
            **{key: self.header.get(key) for key in ("intake", "cautions_confirmed", "operator", "limits")},
            **({"resumed_from": earlier} if (earlier := self.header.get("resumed_from")) else {}),
        }

    def lines(self) -> Iterator[str]:
        """What was done and what is left, in words."""
        yield f"going on with {self.path.name}, begun {self.header.get('created')}, ended {self.ended}"
        wide = max((len(step.name) for step in self.steps), default=0)
        for step in self.steps:
            yield f"  {'done' if step.done else 'left'}  {step.name:<{wide}}  {step.words}".rstrip()

    def left_of(self, plan: "Plan") -> "Plan":
        """`plan` without the steps that are complete, with what each site may still be given.

        Shocks before the break count against the dose of their site. The electrodes are read again.
        """
        from npr_daq.engine.plan import ImpedanceReading, SiteSeries

        steps, omitted = [], dict(plan.omitted)
        for step in plan.steps:
            if step.name in self.done:
                continue
            if isinstance(step, SiteSeries) and (spent := self._spent(step.name)):
                room = step.max_shocks - spent
                if room < step.accepted_sweeps + step.extra_sweeps + 3:
                    omitted[step.name] = f"{spent} of the {step.max_shocks} shocks allowed here were given before"
                    continue
                step = replace(step, max_shocks=room)
            steps.append(step)
        if all(isinstance(step, ImpedanceReading) for step in steps):
            raise UsageError(f"nothing of {plan.protocol!r} is left to do in {self.path.name}; begin without --resume")
        return replace(plan, steps=tuple(steps), omitted=omitted)

    def records(self, plan: "Plan") -> list[Mapping[str, Any]]:
        """What the header of the new file keeps of the steps: those that are complete as they were done.

        A step of before that is not planned today (the intake has changed) stays known: its sweeps are in the file.
        """
        today = {str(record["name"]): record for record in plan.records()}
        before = {str(record["name"]): record for record in self.header.get("steps") or ()}
        kept = {name: record if name in self.done else today.get(name, record) for name, record in before.items()}
        return list((kept | {name: record for name, record in today.items() if name not in kept}).values())

    def check_fits(self, bench: "Bench") -> None:
        """Raises UsageError where the bench is another than before, so that one file could not hold both parts."""
        from npr_daq.storage.codec import calibration_to_json, montage_to_json

        for what, before, now in (
            ("simulated", self.header.get("simulated"), bench.simulated),
            ("montage", self.header.get("montage"), montage_to_json(bench.montage)),
            (
                "calibration of the device",
                self.header.get("calibration"),
                calibration_to_json(bench.device.calibration),
            ),
        ):
            if before != now:
                raise UsageError(
                    f"{self.path.name} cannot be gone on with here: its {what} is not that of this bench; "
                    "use the same instrument, or begin without --resume"
                )

    def faces(self, bench: "Bench") -> "FaceMeasurement":
        """What judges movements, knowing the rest that was recorded before the break."""
        from npr_daq.engine.movement_measurement import MovementMeasurement

        measurement = MovementMeasurement(bench.montage, bench.device.calibration)
        rests = {event.detail.get("capture") for event in self.recording.events if event.kind == "rest"}
        for capture in self.recording.captures:
            if capture.name in rests:
                measurement.learn_rest(capture.counts, capture.rate_hz)
        return measurement

    def write(self, journal: "Journal") -> None:
        """Copy the earlier part into the journal of the new exam, durable on return.

        Sweeps and repetitions of steps that are done again stay as raw data and count for nothing.
        """
        again = {step.name for step in self.steps if not step.done}
        recording = self.recording
        journal.impedance(recording.impedances)
        for gap in recording.gaps:
            journal.gap(replace(gap, stream_id=gap.stream_id + STREAMS_APART))
        for capture in recording.captures:
            name, step = capture.name, capture.step
            if step in again:
                name, step = self._aside(name), self._aside(step)
            journal.capture(replace(capture, name=name, step=step, stream_id=capture.stream_id + STREAMS_APART))
        for event in recording.events:
            journal.event(_moved(event, again, self._aside))
        for name, evidence in recording.searches.items():
            if name in again:
                journal.event(
                    Event("search before the break", f"search of {name}", detail={"evidence": dict(evidence)})
                )
            else:
                journal.search(name, evidence)
        for sweep in recording.sweeps:
            journal.sweep(replace(sweep, stream_id=sweep.stream_id + STREAMS_APART))
            if sweep.step in again:
                journal.judgement(n=sweep.n, role=Role.REJECTED, reason=BROKEN)
        said = f"in two parts with a break between: the first is {self.path.name}, ended {self.ended}"
        journal.event(Event(RESUMED, said, detail=self.record()))
        journal.sync()

    def _spent(self, name: str) -> int:
        """Shocks that the step was given or may have been given."""
        lost = (event.detail.get("intent") for event in self.recording.events if event.kind != "stimulus refused")
        without = [intent for intent in lost if isinstance(intent, Mapping) and intent.get("step") == name]
        return len(without) + sum(sweep.step == name for sweep in self.recording.sweeps)

    def _aside(self, name: str) -> str:
        """What a recording of a step that is done again is called; each break has its own name."""
        breaks, earlier = 1, self.header.get("resumed_from")
        while isinstance(earlier, Mapping):
            breaks, earlier = breaks + 1, earlier.get("resumed_from")
        return f"{name}_before" if breaks == 1 else f"{name}_before_{breaks}"


def _moved(event: Event, again: set[str], aside: Callable[[str], str]) -> Event:
    """An event of the earlier part: on streams of its own; those of steps that are done again under another name."""
    detail = dict(event.detail)
    stream = event.stream_id + STREAMS_APART if event.stream_id else 0
    if isinstance(detail.get("stream_id"), int) and detail["stream_id"]:
        detail["stream_id"] += STREAMS_APART
    kind, text = event.kind, event.text
    if detail.get("step") in again and kind in OF_A_STEP:
        kind = f"{kind} before the break"
        if isinstance(detail.get("capture"), str):
            detail["capture"] = aside(detail["capture"])
    elif kind in ENDS:
        # What ended the earlier part did not end the exam.
        kind, text = f"{kind} before the break", f"before the break: {text}"
    return replace(event, kind=kind, text=text, stream_id=stream, detail=detail)


def find_unfinished(folder: str | Path, *, subject: str, protocol: "Protocol", affected: str) -> Resumption:
    """The newest exam of `subject` by `protocol` in `folder`, which must have ended early; seals its journal first.

    Raises UsageError in one sentence where there is nothing to go on with: no such exam, a complete one, another
    side, another text of the protocol, or a break of more than `LONGEST_BREAK_H` hours.
    """
    place = Path(folder)
    _seal_left_over(place, subject=subject, protocol=protocol.name)
    found = next(
        filter(_whole, map(open_resumption, _newest_first(place, subject=subject, protocol=protocol.name))), None
    )
    if found is None:
        raise UsageError(
            f"there is nothing to resume: {place} has no exam of {subject} by {protocol.name}; "
            "leave --resume away, or name its folder with --out"
        )
    path = found.path
    given = found.header.get("protocol") or {}
    if completed(found.recording):
        raise UsageError(f"there is nothing to resume: {path.name}, the newest exam of {subject}, is complete")
    if found.header.get("affected") != affected:
        raise UsageError(
            f"--affected says {affected}, {path.name} says {found.header.get('affected')}; mend one of them"
        )
    if given.get("text") != protocol.text or dict(given.get("included") or {}) != dict(protocol.included):
        raise UsageError(f"{path.name} was made with another text of {protocol.name}; begin without --resume")
    hours = (datetime.now(UTC) - datetime.fromisoformat(found.ended)).total_seconds() / 3600
    if hours > LONGEST_BREAK_H:
        raise UsageError(
            f"{path.name} ended {hours:.0f} hours ago, above the limit of {LONGEST_BREAK_H:g} hours for a break: "
            "the electrodes are not where they were; begin without --resume"
        )
    if not any(not step.done for step in found.steps):
        raise UsageError(f"there is nothing to resume: every step of {path.name} was done")
    return found


def open_resumption(path: Path) -> Resumption:
    """The exam at `path` as an earlier part; raises RecordingError where it cannot be read."""
    from npr_daq.storage.reader import ExamFile

    with ExamFile(path) as file:
        recording = file.recording()
    last_ns = max((event.host_ns for event in recording.events), default=0)
    # Events carry the wall clock of the host; a journal that was cut off may have none.
    created = datetime.fromisoformat(str(recording.header["created"]))
    ended = max(created, datetime.fromtimestamp(last_ns / 1e9, UTC)) if last_ns else created
    return Resumption(path, recording, standing(recording), ended.isoformat(timespec="seconds"))


def _newest_first(folder: Path, *, subject: str, protocol: str) -> list[Path]:
    from npr_daq.storage.glance import header_of, newest_first

    dated = []
    for path in newest_first(folder, ending=f"-{protocol}.h5", most=MOST_FILES):
        header = header_of(path)
        if header is not None and header.get("subject") == subject:
            dated.append((str(header.get("created", "")), path))
    return [path for _, path in sorted(dated, reverse=True)]


def _whole(found: Resumption) -> bool:
    """False for an exam that was ended while its earlier part was being copied: that part lies whole beside it."""
    if "resumed_from" not in found.header:
        return True
    earlier = found.header["resumed_from"]
    # The part that was copied may itself be the second of two: its own such event says nothing of this copy.
    own = earlier.get("exam_id") if isinstance(earlier, Mapping) else None
    return any(event.kind == RESUMED and event.detail.get("exam_id") == own for event in found.recording.events)


def _seal_left_over(folder: Path, *, subject: str, protocol: str) -> None:
    """Seal the journals that exams of this subject left when their program was ended."""
    from npr_daq.exam.seal import seal
    from npr_daq.storage.durable import nobody_writes
    from npr_daq.storage.glance import newest_first
    from npr_daq.storage.journal_reader import read_journal

    for path in newest_first(folder, ending=f"-{protocol}.jrn", most=MOST_FILES):
        try:
            if read_journal(path).header.get("subject") != subject:
                continue
            with nobody_writes(path):
                pass
        except RecordingError as cause:
            raise RecordingError(f"{cause}; nothing is resumed while it is so") from cause
        seal(path)
