"""Prompts and notices of rest and movements, in words, with the numbers beside them."""

from collections import Counter
from collections.abc import Sequence

from npr_daq.engine.continuous_steps import LEAD_S, MovementSeries, RestRecording
from npr_daq.engine.state import ExamState, FaceProgress
from npr_daq.expression import SPOKEN, task_words
from npr_daq.operator import AnswerKind, Notice, Prompt, PromptKind
from npr_daq.protocol.words import counted


def relax(state: ExamState, step: RestRecording) -> Prompt:
    """The resting face is recorded next."""
    return Prompt(
        PromptKind.RELAX,
        f"The face at rest is recorded for {step.seconds:g} s: eyes open, lips together, no talking.",
        (AnswerKind.DONE, AnswerKind.SKIP),
        step=step.name,
        detail={"seconds": step.seconds, "time_left_s": state.time_left_s},
    )


def move(state: ExamState, step: MovementSeries) -> Prompt:
    """A row of movements comes next; one question for all of them."""
    row = [step]
    for following in state.plan.steps[state.step_index + 1 :]:
        if not isinstance(following, MovementSeries):
            break
        row.append(following)
    tasks = [str(each.task) for each in row]
    many = counted(len(tasks), "expression") if len(tasks) > 1 else task_words(step.task)
    return Prompt(
        PromptKind.MOVE,
        f"Movements: {many}, {step.repetitions} times each; hold {step.hold_s:g} s, relax {step.rest_s:g} s. "
        f"First: {SPOKEN[step.task].lower()}. Start when the patient is ready.",
        (AnswerKind.DONE, AnswerKind.SKIP),
        step=step.name,
        detail={
            "tasks": tasks,
            "repetitions": step.repetitions,
            "hold_s": step.hold_s,
            "rest_s": step.rest_s,
            "time_left_s": state.time_left_s,
        },
    )


def begins(step: MovementSeries) -> Notice:
    """Which task comes."""
    return Notice(
        "next",
        f"Next: {SPOKEN[step.task].lower()}",
        {
            "step": step.name,
            "task": str(step.task),
            "in_s": LEAD_S,
            "repetitions": step.repetitions,
            "most": step.most,
        },
    )


def judge(step: MovementSeries, face: FaceProgress) -> Prompt:
    """Repetitions are missing; accept what there is, make them again, or leave the task out."""
    flaws = dict(Counter(face.flaws).most_common())
    told = ", ".join(f"{word} ({count})" for word, count in flaws.items())
    return Prompt(
        PromptKind.JUDGE,
        f"{task_words(step.task).capitalize()}: {len(face.good)} of {step.repetitions} repetitions are good"
        f"{f'; {told}' if told else ''}. Accept?",
        (AnswerKind.ACCEPT, AnswerKind.REDO, AnswerKind.SKIP),
        step=step.name,
        detail={
            "kind": str(step.kind),
            "task": str(step.task),
            "good": len(face.good),
            "wanted": step.repetitions,
            "concordant": False,
            "flaws": flaws,
        },
    )


def cue(step: MovementSeries, *, number: int, good: int, sample: int, stream_id: int, rate_hz: float) -> Notice:
    """Say it now."""
    return Notice(
        "cue",
        SPOKEN[step.task],
        {
            "step": step.name,
            "task": str(step.task),
            "repetition": number,
            "good": good,
            "wanted": step.repetitions,
            "hold_s": step.hold_s,
            "rest_s": step.rest_s,
            "sample": sample,
            "stream_id": stream_id,
            "rate_hz": rate_hz,
        },
    )


def release(step: MovementSeries, *, number: int) -> Notice:
    """Let go."""
    detail = {"step": step.name, "task": str(step.task), "repetition": number, "rest_s": step.rest_s}
    return Notice("release", "Relax", detail)


def repeated(step: MovementSeries, *, number: int, good: int, flaws: Sequence[str]) -> Notice:
    """A repetition is judged and durable; `good` counts it."""
    said = "; ".join(flaws) if flaws else "good"
    return Notice(
        "repetition",
        f"{task_words(step.task)}, repetition {number}: {said}",
        {
            "n": number,
            "step": step.name,
            "task": str(step.task),
            "repetition": number,
            "accepted": not flaws,
            "flaws": list(flaws),
            "good": good,
            "wanted": step.repetitions,
        },
    )


def accepted(step: MovementSeries, face: FaceProgress) -> Notice:
    """A task is over."""
    bad = len(face.flaws)
    more = f" ({counted(bad, 'bad one')} made again)" if bad and len(face.good) >= step.repetitions else ""
    text = f"{task_words(step.task).capitalize()}: {len(face.good)} of {step.repetitions} repetitions{more}"
    detail = {"step": step.name, "task": str(step.task), "good": len(face.good), "wanted": step.repetitions}
    return Notice("accepted", text, detail)
