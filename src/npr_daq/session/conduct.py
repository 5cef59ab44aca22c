"""Run a protocol at a bench, and seal the exam whatever happened on the way."""

import os
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from npr_daq.errors import PlanError, RecordingError, SafetyTrip, UsageError
from npr_daq.intake import Affected, Intake, allowed_stimulation, check_affected, load_intake, parse_intake
from npr_daq.operator import Operator
from npr_daq.session.bench import Bench
from npr_daq.session.header import header_for
from npr_daq.session.resume import Resumption
from npr_daq.session.sites import ELECTRODES, Notes, electrodes_event
from npr_daq.stimulus import StimulusLimits

if TYPE_CHECKING:
    from npr_daq.engine.outcome import Outcome
    from npr_daq.engine.plan import Plan
    from npr_daq.engine.ports import StopRequest
    from npr_daq.exam.exam import Exam
    from npr_daq.protocol import Protocol


@dataclass(frozen=True, slots=True)
class ExamResult:
    """How an exam ended: the sealed file, the engine's outcome."""

    path: Path
    outcome: "Outcome"


def prepare(
    protocol_name: str | Path, bench: Bench, *, affected: Affected, intake: Intake | None
) -> tuple["Protocol", "Plan", Intake]:
    """Load the protocol, ask the intake and compile the plan. Nothing moves.

    A protocol that stimulates nothing needs no intake and no stimulator. Raises ProtocolFileError, PlanError (a limit,
    a muscle), SafetyTrip (an unanswered or forbidding answer).
    """
    from npr_daq.engine.plan import Precautions, compile_plan
    from npr_daq.protocol import load_protocol

    protocol = load_protocol(protocol_name)
    _check_halves(protocol, bench)
    if intake is None and bench.simulator is not None:
        intake = bench.simulator.intake()
    if intake is None:
        if protocol.stimulates:
            raise SafetyTrip("stimulation is refused: no intake; give --intake FILE.toml or answer the prompts")
        intake = Intake()
    check_affected(intake, affected)
    precautions = Precautions()
    if protocol.stimulates:
        allowed = allowed_stimulation(intake)
        precautions = Precautions(
            forbidden_sites=allowed.forbidden,
            no_trains=allowed.no_trains,
            max_rate_hz=allowed.max_rate_hz,
            cautions=allowed.cautions,
        )
    limits = bench.device.capabilities.device_limits or StimulusLimits()
    plan = compile_plan(protocol, montage=bench.montage, affected=affected, limits=limits, precautions=precautions)
    return protocol, plan, intake


def _check_halves(protocol: "Protocol", bench: Bench) -> None:
    """Half an instrument cannot do what needs both."""
    can = bench.device.capabilities
    if can.channel_count == 0:
        raise PlanError(f"{can.model} has no channels, so nothing can be recorded; connect an amplifier or a front-end")
    if not can.can_stimulate and protocol.stimulates:
        raise PlanError(
            f"{can.model} has no stimulator, and {protocol.name} stimulates; connect a front-end, "
            "or run a protocol of rest and movements (synkinetic_correlation, tone)"
        )


def conduct(
    protocol_name: str | Path,
    bench: Bench,
    *,
    subject: str,
    affected: Affected,
    operator: Operator,
    out: str | Path = "exams",
    intake: Intake | None = None,
    confirmed_cautions: Mapping[str, str] | None = None,
    stop: "StopRequest | None" = None,
    live: bool = True,
    sites: Notes | None = None,
    resume: Resumption | None = None,
) -> ExamResult:
    """Run a protocol and seal what was recorded, whatever happened on the way.

    Ctrl-C and SIGTERM are requests on `stop`: disarm first, then seal; a second one does not wait for the sealing, and
    `recover` finishes it. With `live` the operator is told what every muscle does during movements. The outcome says
    how the run ended. `sites` are notes on the places of the electrodes. With `resume` only what that exam left is
    done, and the new file holds both parts; the earlier file is not changed. Raises before anything moves for a wrong
    plan, and RecordingError (exit 5) when the folder or the disk cannot take the exam.
    """
    from npr_daq.engine.runner import StopRequest, run
    from npr_daq.exam.seal import seal
    from npr_daq.storage.journal import Journal

    protocol, plan, intake = prepare(protocol_name, bench, affected=affected, intake=intake)
    check_subject(subject)
    confirmed = dict(confirmed_cautions or {})
    if open_cautions := [caution for caution in plan.precautions.cautions if caution not in confirmed]:
        raise SafetyTrip(
            f"stimulation is refused: not confirmed by the operator: {'; '.join(open_cautions)}; "
            "confirm each caution by name, with who confirmed it"
        )
    todo = plan
    if resume is not None:
        resume.check_fits(bench)
        todo = resume.left_of(plan)
    folder = ensure_folder(out)
    exam_id = str(uuid.uuid4())
    header = header_for(exam_id, protocol, bench, subject=subject, affected=affected, intake=intake, operator=operator)
    if bench.device.capabilities.can_stimulate:
        # Whatever the protocol does, a stimulator that is there holds the limits of this exam.
        read_back = bench.device.set_limits(plan.limits)
        header["limits"] = {"plan": asdict(plan.limits), "device": asdict(read_back)}
    header["cautions_confirmed"] = confirmed
    header["steps"] = plan.records() if resume is None else resume.records(plan)
    if sites is not None:
        header[ELECTRODES] = {"notes": dict(sites)}
    if resume is not None:
        header["resumed_from"] = resume.record()
        # The electrodes are where they were, unless somebody says otherwise now.
        if kept := resume.header.get(ELECTRODES):
            header.setdefault(ELECTRODES, kept)
    path = folder / f"{exam_id[:8]}-{protocol.name}.jrn"
    stop = stop or StopRequest()
    journal = Journal.create(path, header, need_bytes=_need_bytes(todo, resume))
    with _signals(stop):
        if resume is not None:
            resume.write(journal)
        if sites is not None:
            journal.event(electrodes_event(sites))
        outcome = run(
            todo,
            device=bench.device,
            clock=bench.clock,
            operator=operator,
            journal=journal,
            stop=stop,
            live=live,
            first_n=1 if resume is None else resume.first_n,
            faces=None if resume is None else resume.faces(bench),
        )
        try:
            journal.close(clean=outcome.error is None)
        except RecordingError as error:
            # The disk failed at the very end: what is durable is sealed all the same, and the failure is told.
            outcome = replace(outcome, error=outcome.error or error)
        return ExamResult(seal(path, first_cause=outcome.error), outcome)


def ensure_folder(out: str | Path) -> Path:
    """Make the folder for exam files; raises RecordingError (exit 5) where that cannot be."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise RecordingError(
            f"the folder {folder} cannot be made: {cause.strerror}; choose another with --out"
        ) from cause
    return folder


SWEEP_BYTES = 16 * 2400 * 4
"""One stored sweep of the reference front-end: 16 channels, 120 ms at 20 kHz, 32 bits."""


CHANNEL_BYTES_S = 16 * 2_000 * 4
"""A second of rest or movement: 16 channels, 2 kHz, 32 bits."""


def _need_bytes(plan: "Plan", resume: Resumption | None = None) -> int:
    """Room for all that may be recorded, in journal and exam file together (storage reference 1.7: 2.5 times the data).

    Every allowed shock, every allowed repetition, and what is copied from an earlier part.
    """
    shocks = sum(site.max_shocks for site in plan.sites)
    seconds = sum(step.longest_s for step in plan.continuous)
    earlier = 0
    if resume is not None:
        recording = resume.recording
        earlier = sum(s.counts.nbytes for s in recording.sweeps) + sum(c.counts.nbytes for c in recording.captures)
    return int(2.5 * (SWEEP_BYTES * shocks + CHANNEL_BYTES_S * seconds + earlier))


def check_subject(subject: str) -> None:
    """Subject codes are pseudonyms: letters, digits, dash, underscore; no spaces, at most 32 characters."""
    if not subject or len(subject) > 32 or not all(c.isalnum() or c in "-_" for c in subject) or not subject.isascii():
        raise UsageError(
            f"the subject code {subject!r} is not a code: use letters, digits, - and _, at most 32 characters, "
            "for example P-0042; never a name"
        )


def run_exam(
    protocol: str | Path,
    bench: Bench,
    *,
    subject: str,
    affected: Affected,
    out: str | Path = "exams",
    intake: Intake | Mapping[str, Any] | str | Path | None = None,
    operator: Operator | None = None,
    confirmed_cautions: Mapping[str, str] | None = None,
    sites: Mapping[str, str] | None = None,
) -> "Exam":
    """Run `protocol` at `bench` and open the sealed exam.

    `intake` may be an Intake, a mapping, or the path of a TOML file; a simulated patient answers for itself when it
    is None. `operator` is the simulated one by default and must be given on hardware; then `confirmed_cautions` says
    who confirmed each caution of the intake (pregnancy, epilepsy, anticoagulation, a pacemaker). A protocol that
    stimulates nothing needs no intake. `sites` are notes on the places of the electrodes by channel ("left.nasalis") or
    for "all". Raises the outcome's error after sealing; what was acknowledged is in the file named in the message's
    notes.
    """
    from npr_daq.exam.exam import open_exam
    from npr_daq.protocol import load_protocol

    answers = _as_intake(intake)
    if operator is None and bench.simulator is not None:
        # The simulated operator takes over every caution of a simulated patient.
        answers = answers or bench.simulator.intake()
        if load_protocol(protocol).stimulates:
            confirmed_cautions = dict.fromkeys(allowed_stimulation(answers).cautions, "simulated operator")
    result = conduct(
        protocol,
        bench,
        subject=subject,
        affected=affected,
        operator=operator or bench.automatic_operator(),
        out=out,
        intake=answers,
        confirmed_cautions=confirmed_cautions,
        sites=sites,
    )
    if result.outcome.error is not None:
        result.outcome.error.add_note(f"what was recorded is sealed in {result.path}")
        raise result.outcome.error
    return open_exam(result.path)


def _as_intake(intake: Intake | Mapping[str, Any] | str | Path | None) -> Intake | None:
    if intake is None or isinstance(intake, Intake):
        return intake
    if isinstance(intake, Mapping):
        return parse_intake(intake, source="intake")
    return load_intake(intake)


@contextmanager
def _signals(stop: "StopRequest") -> Iterator[None]:
    """Ctrl-C and SIGTERM become stop requests that the runner sees within one wait; disarming comes first there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    causes: dict[int, Literal["interrupted", "terminated"]] = {signal.SIGINT: "interrupted"}
    if os.name == "posix":
        causes[signal.SIGTERM] = "terminated"
        causes[signal.SIGHUP] = "terminated"

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.cause is not None:
            raise KeyboardInterrupt
        stop.request(causes[number])

    before = {number: signal.signal(number, asked) for number in causes}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
