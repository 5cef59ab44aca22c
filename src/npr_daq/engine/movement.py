"""The work of a step of rest or movements, pure: ready, record, repeat what was bad, and what leaving it means."""

from dataclasses import replace

from npr_daq.engine import movement_prompts as prompts
from npr_daq.engine.continuous_steps import ContinuousSeries, MovementSeries, RestRecording
from npr_daq.engine.effects import Ask, Effect, Move, RecordEvent, RecordRest, Tell
from npr_daq.engine.events import Repeated
from npr_daq.engine.prompts import progress, step_begins
from npr_daq.engine.state import Awaiting, ExamState, FaceProgress
from npr_daq.errors import IllegalTransition
from npr_daq.operator import Answer, AnswerKind, Notice, PromptKind

Step = tuple[ExamState, tuple[Effect, ...]]


def arrive(state: ExamState, step: ContinuousSeries) -> Step:
    """Begin the step. One answer of the operator begins a row of movements; the others follow by themselves."""
    before = state.plan.steps[state.step_index - 1] if state.step_index else None
    follows = isinstance(step, MovementSeries) and isinstance(before, MovementSeries)
    face = FaceProgress(ready=follows and state.in_row)
    state, effects = work(replace(state, face=face), step, face)
    return state, (Tell(step_begins(state, step)), *effects)


def work(state: ExamState, step: ContinuousSeries, face: FaceProgress) -> Step:
    """What comes next in this step."""
    state = replace(state, face=face)
    if isinstance(step, RestRecording):
        if not face.ready:
            return replace(state, awaiting=Awaiting.READY), (Ask(prompts.relax(state, step)),)
        return replace(state, awaiting=Awaiting.RECORDED), (RecordRest(step, _capture(step, face)),)
    if not face.ready:
        return replace(state, awaiting=Awaiting.READY), (Ask(prompts.move(state, step)),)
    if len(face.good) < step.repetitions and face.here < step.most:
        told: tuple[Effect, ...] = () if face.here else (Tell(prompts.begins(step)),)
        effect = Move(step, _capture(step, face), face.tries + 1, len(face.good))
        return replace(state, awaiting=Awaiting.REPEATED), (*told, effect)
    if len(face.good) < step.repetitions:
        return replace(state, awaiting=Awaiting.JUDGE), (Ask(prompts.judge(step, face)),)
    return accept(state, step, face)


def repeated(
    state: ExamState, step: MovementSeries, face: FaceProgress, event: Repeated
) -> tuple[ExamState, FaceProgress]:
    """The step after one more repetition."""
    good = face.good if event.flaws else (*face.good, event.number)
    flaws = (*face.flaws, event.flaws[0]) if event.flaws else face.flaws
    face = replace(face, tries=event.number, here=face.here + 1, good=good, flaws=flaws)
    return replace(state, repetitions=state.repetitions + (not event.flaws)), face


def accept(state: ExamState, step: ContinuousSeries, face: FaceProgress) -> Step:
    """What was recorded stands."""
    left = _leave(state, face)
    told: tuple[Effect, ...] = (Tell(progress(left)),)
    if isinstance(step, MovementSeries):
        told = (Tell(prompts.accepted(step, face)), *told)
    return left, told


def redo(state: ExamState, step: MovementSeries, face: FaceProgress, reason: str) -> Step:
    """The task once more; what was good stays good."""
    record = RecordEvent(
        "redone", f"{step.name} once more: {reason}".rstrip(": "), {"step": step.name, "reason": reason}
    )
    state, effects = work(state, step, replace(resumed(face), here=0, flaws=()))
    return state, (record, *effects)


def enough(state: ExamState, step: ContinuousSeries, face: FaceProgress, reason: str) -> Step:
    """No more of this step; the repetitions that were good stay."""
    said = f"{step.name} ended: {reason}"
    told = (
        RecordEvent("enough", said, {"step": step.name, "reason": reason}),
        Tell(Notice("warning", said, {"step": step.name})),
    )
    left, effects = accept(state, step, face)
    return left, (*told, *effects)


def skip(state: ExamState, step: ContinuousSeries, face: FaceProgress, reason: str) -> Step:
    """Leave the step without a result: the repetitions that were good are put aside."""
    said = f"{step.name} skipped" + (f": {reason}" if reason else "")
    aside = tuple(
        RecordEvent(
            "repetition marked",
            f"{step.name}, repetition {number}: skipped",
            {"step": step.name, "repetition": number, "reason": f"skipped: {reason}".rstrip(": ")},
        )
        for number in face.good
    )
    record = RecordEvent("skipped", said, {"step": step.name, "reason": reason})
    left = _leave(replace(state, repetitions=state.repetitions - len(face.good)), face)
    return left, (*aside, record, Tell(Notice("warning", said, {"step": step.name})), Tell(progress(left)))


def resumed(face: FaceProgress) -> FaceProgress:
    """The step after the stream was stopped: it goes on in a recording of its own."""
    return replace(face, pass_number=face.pass_number + 1)


def answered(state: ExamState, step: ContinuousSeries, face: FaceProgress, prompt: PromptKind, answer: Answer) -> Step:
    """What follows the operator's answer; raises IllegalTransition for one that was not asked for."""
    match (prompt, answer.kind):
        case (PromptKind.RELAX | PromptKind.MOVE, AnswerKind.DONE):
            return work(state, step, replace(face, ready=True))
        case (PromptKind.RELAX | PromptKind.MOVE | PromptKind.JUDGE, AnswerKind.SKIP):
            return skip(state, step, face, answer.reason)
        case (PromptKind.JUDGE, AnswerKind.ACCEPT):
            return accept(state, step, face)
        case (PromptKind.JUDGE, AnswerKind.REDO) if isinstance(step, MovementSeries):
            return redo(state, step, face, answer.reason)
        case _:
            raise IllegalTransition(f"run: the answer {answer.kind} does not answer the prompt {prompt}")


def _capture(step: ContinuousSeries, face: FaceProgress) -> str:
    """The name of the recording of this pass."""
    return step.name if face.pass_number == 1 else f"{step.name}_{face.pass_number}"


def _leave(state: ExamState, face: FaceProgress) -> ExamState:
    return replace(state, face=None, in_row=face.ready, step_index=state.step_index + 1, awaiting=Awaiting.NOTHING)
