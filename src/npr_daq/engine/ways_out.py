"""The ways out of RUNNING, pure: a fault, a stop, a pause, the end. Each makes safe before anything else."""

from dataclasses import replace

from npr_daq.engine import events as ev
from npr_daq.engine import prompts
from npr_daq.engine.effects import Ask, Close, Effect, MakeSafe, RecordEvent, RecordOutcome, Salvage, Tell
from npr_daq.engine.run import RunEvent, RunState, after
from npr_daq.engine.state import Awaiting, ExamState
from npr_daq.operator import Notice

Step = tuple[ExamState, tuple[Effect, ...]]


def fail(state: ExamState, error: Exception, text: str) -> Step:
    """A fault: salvage what there is; it keeps its first cause."""
    run = after(state.run, RunEvent.FAULT)
    effects: list[Effect] = [MakeSafe(), *abandon(state, text)]
    effects += [RecordEvent("fault", text), Tell(Notice("fault", text)), Salvage()]
    state = replace(
        state,
        run=run,
        pending=None,
        # A fault keeps its first cause.
        error=state.error if state.error is not None else error,
        cause=state.cause or "fault",
        awaiting=Awaiting.SALVAGED,
    )
    return state, tuple(effects)


def stop(state: ExamState, event: ev.StopPressed) -> Step:
    """A stop: close in good order."""
    run = after(state.run, RunEvent.STOP)
    if run is RunState.SALVAGING:
        return replace(state, run=run), ()
    if state.run is RunState.STOPPING:
        # It broke into the closing: that is begun again.
        return state, (MakeSafe(), Close())
    words = {"operator": "stopped by the operator", "interrupted": "interrupted", "terminated": "terminated"}
    text = words[event.cause] + (f": {event.text}" if event.text else "")
    effects = (MakeSafe(), *abandon(state, text), RecordEvent("stop", text, {"cause": event.cause}), Close())
    return replace(state, run=run, pending=None, cause=event.cause, awaiting=Awaiting.CLOSED), effects


def pause(state: ExamState, text: str, kind: str, *, why: str = "asked") -> Step:
    """A pause; going on needs the operator. `kind` is trip, paused or latched, `why` as in `prompts.paused`."""
    run = after(state.run, RunEvent.PAUSE)
    latched = kind == "latched"
    at = state.step if state.site is not None or state.face is not None else None
    ask = Ask(prompts.latched(text) if latched else prompts.paused(text, why=why, step=at))
    told = Notice("trip" if kind == "trip" else "paused", text, {"trips": state.trips + (kind == "trip")})
    effects = (MakeSafe(), *abandon(state, text), RecordEvent(kind, text), Tell(told), ask)
    awaiting = Awaiting.LATCHED if latched else Awaiting.PAUSED
    return replace(state, run=run, pending=None, pauses=state.pauses + 1, awaiting=awaiting), effects


def abandon(state: ExamState, text: str) -> tuple[Effect, ...]:
    """Close the books of a shock whose intent was on its way and that was not fired.

    From `Fire` on the books are kept where the device is: only there is known how it ended.
    """
    if state.pending is None or state.awaiting is not Awaiting.INTENT:
        return ()
    return (RecordOutcome(state.pending.stim_seq, "refused", f"not fired: {text}"),)


def end(state: ExamState) -> Step:
    """The run is over; tell how it ended."""
    said = {
        "complete": "The exam is complete",
        "operator": "The exam was stopped by the operator",
        "interrupted": "The exam was interrupted",
        "terminated": "The exam was terminated",
    }.get(state.cause, f"The exam ended with a fault: {state.error}")
    detail = {"cause": state.cause, "shocks": state.shocks, "trips": state.trips, "sites": len(state.results)}
    return replace(state, awaiting=Awaiting.NOTHING), (Tell(Notice("end", said, detail)),)
