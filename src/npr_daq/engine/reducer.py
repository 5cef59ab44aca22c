"""The engine: a pure function from a run's state and an event to the next state and what is to be done."""

from dataclasses import replace

from npr_daq.engine import events as ev
from npr_daq.engine import movement, prompts, site, ways_out
from npr_daq.engine.effects import (
    Acknowledge,
    Close,
    Effect,
    Fire,
    Intend,
    MakeSafe,
    MeasureImpedance,
    RecordEvent,
    RecordImpedance,
    Resume,
    Tell,
)
from npr_daq.engine.plan import ImpedanceReading, MovementSeries, RestRecording, SiteSeries
from npr_daq.engine.run import RunEvent, RunState, after
from npr_daq.engine.state import Awaiting, ExamState, SiteProgress
from npr_daq.errors import IllegalTransition, TimedOut
from npr_daq.operator import Answer, AnswerKind, Notice, PromptKind

DOUBTFUL_IN_A_ROW = 2
REFUSED_IN_A_ROW = 3

Step = tuple[ExamState, tuple[Effect, ...]]

_AWAITED = {
    PromptKind.PLACE: Awaiting.PLACE,
    PromptKind.RELAX: Awaiting.READY,
    PromptKind.MOVE: Awaiting.READY,
    PromptKind.CONFIRM_CURRENT: Awaiting.CONFIRM,
    PromptKind.CONFIRM_TRAIN: Awaiting.TRAIN,
    PromptKind.JUDGE: Awaiting.JUDGE,
    PromptKind.PAUSED: Awaiting.PAUSED,
    PromptKind.LATCHED: Awaiting.LATCHED,
}


def reduce(state: ExamState, event: ev.Event) -> Step:
    """The state after `event`, and the effects to act on, in order.

    Promises: the run moves by `RUN_TABLE` only; every way out of RUNNING has `MakeSafe` before anything else; `Fire`
    follows only the `IntentDurable` of the same number, and no number is used twice. Raises IllegalTransition for an
    event that was not waited for; the state is unchanged then.
    """
    match event:
        case ev.Begin():
            run = after(state.run, RunEvent.BEGIN)
            return advance(replace(state, run=run))
        case ev.Failed():
            return ways_out.fail(state, event.error, event.text)
        case ev.StopPressed():
            return ways_out.stop(state, event)
        case ev.Tripped():
            paused, effects = ways_out.pause(state, event.text, "trip", why="trip")
            return replace(paused, trips=state.trips + 1), effects
        case ev.PausePressed():
            return ways_out.pause(state, event.text, "paused")
        case ev.Latched():
            return ways_out.pause(state, event.text, "latched")
        case ev.Enough():
            return _enough(state, event)
        case ev.Closed():
            _expect(state, Awaiting.CLOSED, event)
            return ways_out.end(replace(state, run=after(state.run, RunEvent.CLOSED)))
        case ev.Salvaged():
            _expect(state, Awaiting.SALVAGED, event)
            return ways_out.end(replace(state, run=after(state.run, RunEvent.SALVAGED)))
        case ev.Answered():
            _expect(state, _AWAITED.get(event.prompt, Awaiting.NOTHING), event)
            return _answered(state, event.prompt, event.answer)
        case ev.Acknowledged():
            _expect(state, Awaiting.ACKNOWLEDGED, event)
            return replace(state, awaiting=Awaiting.RESUMED), (Resume(),)
        case ev.Resumed():
            _expect(state, Awaiting.RESUMED, event)
            return _resumed(state)
        case ev.ImpedanceRead():
            _expect(state, Awaiting.IMPEDANCE, event)
            return _impedance(state, event)
        case ev.RestRecorded() | ev.Repeated():
            return _recorded(state, event)
        case _:
            return _at_site(state, event)


def advance(state: ExamState) -> Step:
    """What comes next in a running run that waits for nothing."""
    step = state.step
    match step:
        case None:
            run = after(state.run, RunEvent.COMPLETE)
            return replace(state, run=run, cause="complete", awaiting=Awaiting.CLOSED), (MakeSafe(), Close())
        case ImpedanceReading():
            told = Tell(prompts.step_begins(state, step))
            return replace(state, awaiting=Awaiting.IMPEDANCE), (told, MeasureImpedance(step))
        case RestRecording() | MovementSeries():
            if state.face is None:
                return movement.arrive(state, step)
            return _then_advance(movement.work(state, step, state.face))
        case SiteSeries():
            if state.site is None:
                return site.arrive(state, step)
            return site.work(state, step, state.site)


def _expect(state: ExamState, awaited: Awaiting, event: object) -> None:
    if state.awaiting is not awaited or awaited is Awaiting.NOTHING:
        raise IllegalTransition(
            f"run: {type(event).__name__} while {state.run.name}, which waits for {state.awaiting.name.lower()}"
        )


def _resumed(state: ExamState) -> Step:
    """The operator's word was to go on: with the site, or past it."""
    told = Tell(Notice("resumed", "The run goes on"))
    here, step = state.site, state.step
    # The device may have restarted: its limits are written and read back again.
    fresh = site.resumed(here, step) if here is not None and isinstance(step, SiteSeries) else None
    state = replace(state, run=after(state.run, RunEvent.RESUME), site=fresh, awaiting=Awaiting.NOTHING)
    face = state.face
    if face is not None and isinstance(step, RestRecording | MovementSeries):
        again = replace(state, face=movement.resumed(face))
        moved, effects = _then_advance(movement.skip(state, step, face, face.leave)) if face.leave else advance(again)
    elif here is not None and here.leave and isinstance(step, SiteSeries):
        moved, effects = _then_advance(site.skip(state, step, here.leave))
    else:
        moved, effects = advance(state)
    # Where that was the last step the run ends.
    first = int(_safe_first(effects))
    return moved, (*effects[:first], told, *effects[first:])


def _enough(state: ExamState, event: ev.Enough) -> Step:
    face, at = state.face, state.step
    if face is not None and isinstance(at, RestRecording | MovementSeries):
        moved, effects = _then_advance(movement.enough(state, at, face, event.text))
        return moved, (MakeSafe(), *effects[_safe_first(effects) :])
    if state.site is None:
        return ways_out.pause(state, event.text, "paused")
    step, here = _here(state, event)
    idle = replace(state, pending=None, awaiting=Awaiting.NOTHING)
    moved, effects = site.enough(idle, step, here, event.text)
    effects = (MakeSafe(), *ways_out.abandon(state, event.text), *effects)
    return _then_advance((moved, effects)) if moved.site is None else (moved, effects)


def _impedance(state: ExamState, event: ev.ImpedanceRead) -> Step:
    step = state.step
    assert isinstance(step, ImpedanceReading)
    bad = prompts.bad_electrodes(step, event.rows)
    warnings = tuple(Tell(Notice("warning", text, {"step": step.name})) for text in bad)
    moved, effects = advance(replace(state, step_index=state.step_index + 1, awaiting=Awaiting.NOTHING))
    read = Tell(prompts.impedance_read(step, event.rows, bad))
    return moved, (RecordImpedance(event.rows), read, *warnings, *effects)


def _answered(state: ExamState, prompt: PromptKind, answer: Answer) -> Step:
    match answer.kind:
        case AnswerKind.STOP:
            return ways_out.stop(state, ev.StopPressed("operator", answer.reason))
        case AnswerKind.PAUSE if prompt not in (PromptKind.PAUSED, PromptKind.LATCHED):
            return ways_out.pause(state, answer.reason or "the operator asked for it", "paused")
    match (prompt, answer.kind):
        case (PromptKind.PAUSED, AnswerKind.RESUME):
            staying = replace(state.site, leave="") if state.site is not None else None
            face = replace(state.face, leave="") if state.face is not None else None
            return replace(state, site=staying, face=face, awaiting=Awaiting.RESUMED), (Resume(),)
        case (PromptKind.PAUSED, AnswerKind.SKIP) if state.face is not None:
            left = replace(state.face, leave=answer.reason or "skipped by the operator at a pause")
            return replace(state, face=left, awaiting=Awaiting.RESUMED), (Resume(),)
        case (PromptKind.PAUSED, AnswerKind.SKIP) if state.site is not None:
            leaving = replace(state.site, leave=answer.reason or "skipped by the operator at a pause")
            return replace(state, site=leaving, awaiting=Awaiting.RESUMED), (Resume(),)
        case (PromptKind.LATCHED, AnswerKind.ACKNOWLEDGE):
            return replace(state, awaiting=Awaiting.ACKNOWLEDGED), (Acknowledge(),)
    if state.face is not None and isinstance(state.step, RestRecording | MovementSeries):
        idle = replace(state, awaiting=Awaiting.NOTHING)
        return _then_advance(movement.answered(idle, state.step, state.face, prompt, answer))
    step, here = _here(state, answer)
    idle = replace(state, awaiting=Awaiting.NOTHING)
    match (prompt, answer.kind):
        case (PromptKind.PLACE, AnswerKind.DONE):
            return _work(idle, replace(here, placed=True))
        case (PromptKind.PLACE | PromptKind.JUDGE, AnswerKind.SKIP):
            return _then_advance(site.skip(idle, step, answer.reason))
        case (PromptKind.CONFIRM_CURRENT, AnswerKind.CONFIRM):
            confirmed = RecordEvent(
                "confirmed", f"above {step.warn_ma:g} mA at {prompts.where(step)}: {answer.reason}", {"step": step.name}
            )
            moved, effects = _work(idle, replace(here, confirmed=True))
            return moved, (confirmed, *effects)
        case (PromptKind.CONFIRM_CURRENT, AnswerKind.REFUSE):
            moved, effects = site.refuse_current(idle, step, here, here.search.start_ma)
            return _then_advance((moved, effects)) if moved.site is None else (moved, effects)
        case (PromptKind.CONFIRM_TRAIN, AnswerKind.CONFIRM):
            train = here.trains_confirmed + 1
            said = RecordEvent(
                "confirmed", f"train {train} at {prompts.where(step)}: {answer.reason}", {"step": step.name}
            )
            # The first train needs the limits of trains; the device is given them only now.
            moved, effects = _work(idle, replace(here, trains_confirmed=train, limited=here.trains_confirmed > 0))
            return moved, (said, *effects)
        case (PromptKind.CONFIRM_TRAIN, AnswerKind.REFUSE):
            return site.refuse_train(idle, step, here)
        case (PromptKind.JUDGE, AnswerKind.ACCEPT):
            return _then_advance(site.accept(idle, step, here))
        case (PromptKind.JUDGE, AnswerKind.NO_RESPONSE):
            return _then_advance(site.no_response(idle, step, here, answer.reason))
        case (PromptKind.JUDGE, AnswerKind.REDO):
            return site.redo(idle, step, here, answer.reason)
        case _:
            raise IllegalTransition(f"run: the answer {answer.kind} does not answer the prompt {prompt}")


def _recorded(state: ExamState, event: ev.RestRecorded | ev.Repeated) -> Step:
    """A rest or a repetition is over."""
    step, face = state.step, state.face
    idle = replace(state, awaiting=Awaiting.NOTHING)
    match event:
        case ev.RestRecorded() if isinstance(step, RestRecording) and face is not None:
            _expect(state, Awaiting.RECORDED, event)
            return _then_advance(movement.accept(idle, step, face))
        case ev.Repeated() if isinstance(step, MovementSeries) and face is not None:
            _expect(state, Awaiting.REPEATED, event)
            moved, face = movement.repeated(idle, step, face, event)
            told = Tell(prompts.progress(replace(moved, face=face)))
            if event.explained:
                return replace(moved, face=face), (told,)
            moved, effects = _then_advance(movement.work(moved, step, face))
            return moved, (*effects[:1], told, *effects[1:]) if _safe_first(effects) else (told, *effects)
    raise IllegalTransition(f"run: {type(event).__name__} while {state.run.name}, which records no face")


def _safe_first(effects: tuple[Effect, ...]) -> bool:
    """Whether the run ends here: safe first, on this way out of RUNNING as on every other."""
    return bool(effects) and isinstance(effects[0], MakeSafe)


def _at_site(state: ExamState, event: ev.Event) -> Step:
    _, here = _here(state, event)
    shot = state.pending
    idle = replace(state, awaiting=Awaiting.NOTHING)
    match event:
        case ev.LimitsSet():
            _expect(state, Awaiting.LIMITS, event)
            return _work(idle, replace(here, limited=True))
        case ev.NoiseCaptured():
            _expect(state, Awaiting.NOISE, event)
            return _work(idle, replace(here, noise=True))
        case ev.Prepared() if shot is not None and shot.stim_seq == event.stim_seq:
            _expect(state, Awaiting.PREPARED, event)
            return replace(state, awaiting=Awaiting.INTENT), (Intend(shot),)
        case ev.IntentDurable() if shot is not None and shot.stim_seq == event.stim_seq:
            _expect(state, Awaiting.INTENT, event)
            return replace(state, awaiting=Awaiting.SHOT), (Fire(shot),)
        case ev.Swept() if shot is not None and shot.stim_seq == event.stim_seq:
            _expect(state, Awaiting.SHOT, event)
            return _swept(replace(idle, pending=None), here, event)
        case ev.ShotRefused() if shot is not None and shot.stim_seq == event.stim_seq:
            _expect(state, Awaiting.SHOT, event)
            state = replace(idle, pending=None, site=replace(here, refused=here.refused + 1))
            if event.explained:
                return state, ()
            if here.refused + 1 >= REFUSED_IN_A_ROW:
                state = replace(state, site=replace(here, refused=0))
                text = f"the device refused {REFUSED_IN_A_ROW} shocks in a row: {event.text}"
                return ways_out.pause(state, text, "paused", why="refused")
            return advance(state)
        case ev.ShotLost() if shot is not None and shot.stim_seq == event.stim_seq:
            _expect(state, Awaiting.SHOT, event)
            given = replace(here, spent=here.spent + (event.delivered is not False))
            state = replace(idle, pending=None, site=given, shocks=state.shocks + (event.delivered is not False))
            if event.explained:
                return state, ()
            return ways_out.fail(state, TimedOut(event.text), event.text)
        case _:
            raise IllegalTransition(
                f"run: {type(event).__name__} while {state.run.name}, which waits for {state.awaiting.name.lower()}"
            )


def _swept(state: ExamState, here: SiteProgress, event: ev.Swept) -> Step:
    here = site.take(here, event.reading, trusted=event.trusted, interval_s=event.interval_s)
    state = replace(state, site=here, next_n=state.next_n + 1, shocks=state.shocks + 1)
    told: tuple[Effect, ...] = (Tell(prompts.progress(state)),)
    if not event.reading.valid:
        said = f"sweep {event.reading.n} is no evidence: {'; '.join(event.reasons)}"
        told += (Tell(Notice("warning", said, {"n": event.reading.n})),)
    if here.doubtful >= DOUBTFUL_IN_A_ROW:
        state = replace(state, site=replace(here, doubtful=0))
        text = f"{DOUBTFUL_IN_A_ROW} shocks in a row were no evidence ({'; '.join(event.reasons)})"
        moved, effects = ways_out.pause(state, text, "paused", why="evidence")
        # Safe first, on this way out of RUNNING as on every other.
        return moved, (effects[0], *told, *effects[1:])
    moved, effects = advance(state)
    return moved, (*told, *effects)


def _here(state: ExamState, event: object) -> tuple[SiteSeries, SiteProgress]:
    if not isinstance(state.step, SiteSeries) or state.site is None or state.run is not RunState.RUNNING:
        raise IllegalTransition(f"run: {type(event).__name__} while {state.run.name}, which is at no site")
    return state.step, state.site


def _work(state: ExamState, here: SiteProgress) -> Step:
    return advance(replace(state, site=here))


def _then_advance(left: Step) -> Step:
    """Go on to the next step after one was left; as it was where none was."""
    state, effects = left
    if state.awaiting is not Awaiting.NOTHING:
        return left
    moved, more = advance(state)
    # The last step's judgement is written before the end; leaving RUNNING still makes safe before it.
    if _safe_first(more):
        return moved, (more[0], *effects, *more[1:])
    return moved, (*effects, *more)
