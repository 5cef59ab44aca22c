"""Which steps of an exam were complete when it ended, read from what it recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from npr_daq.recording import Recording


@dataclass(frozen=True, slots=True)
class Standing:
    """One planned step: whether it needs nothing more, and in words what there is of it."""

    name: str
    kind: str
    done: bool
    words: str


def completed(recording: Recording) -> bool:
    """Whether the exam ended because its protocol was done."""
    return any(event.kind == "end" and event.text == "complete" for event in recording.events)


def standing(recording: Recording) -> tuple[Standing, ...]:
    """Every step of the header that records, in order.

    Done are a rest that was recorded to its end, a movement with all its good repetitions, and every step that the
    operator accepted, ended, or called without response. A step that was skipped is left: it is offered again.
    """
    return tuple(_of(recording, step) for step in recording.header.get("steps") or ())


def _of(recording: Recording, step: Mapping[str, Any]) -> Standing:
    name, kind = str(step["name"]), str(step["kind"])
    mine = [event for event in recording.events if event.detail.get("step") == name]
    skipped = [str(event.detail.get("reason") or "") for event in mine if event.kind == "skipped"]
    judged = {event.detail.get("answer") for event in mine if event.detail.get("prompt") == "judge"}
    accepted = bool(judged & {"accept", "no_response"})
    match kind:
        case "rest":
            done = any(event.kind == "rest" for event in mine)
            words = f"{step.get('seconds', 0):g} s of rest" if done else ""
        case "movement":
            bad = {event.detail.get("repetition") for event in mine if event.kind == "repetition marked"}
            made = {
                e.detail.get("repetition") for e in mine if e.kind == "repetition" and e.detail.get("accepted") is True
            }
            good = len(made - bad)
            wanted = int(step.get("repetitions", 0))
            done = good >= wanted or accepted or any(event.kind == "enough" for event in mine)
            words = f"{good} of {wanted} repetitions"
        case _:
            done = accepted
            shocks = sum(sweep.step == name for sweep in recording.sweeps)
            words = f"{shocks} sweeps, {'accepted' if done else 'not complete'}" if shocks else ""
    if skipped:
        return Standing(name, kind, done=False, words=f"skipped: {skipped[-1]}".rstrip(": "))
    return Standing(name, kind, done, words)
