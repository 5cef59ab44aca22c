"""The reducer never leaves its table, never fires without a durable intent, and makes safe before all else."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.engine import effects as fx
from npr_daq.engine import events as ev
from npr_daq.engine.plan import Plan, compile_plan
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.reducer import reduce
from npr_daq.engine.run import RUN_TABLE, RunEvent, RunState, after
from npr_daq.engine.state import Awaiting, ExamState
from npr_daq.errors import Closed, IllegalTransition
from npr_daq.montage import standard_montage
from npr_daq.operator import Answer, AnswerKind, PromptKind
from npr_daq.protocol import load_protocol
from npr_daq.stimulus import StimulusLimits

PROTOCOLS = ("conduction_trunk", "lateral_spread", "blink_reflex", "repetitive", "excitability")
PLANS: dict[str, Plan] = {
    name: compile_plan(load_protocol(name), montage=standard_montage(), affected="left", limits=StimulusLimits())
    for name in PROTOCOLS
}
PLAN = PLANS["conduction_trunk"]
ANSWERS = {
    Awaiting.PLACE: (PromptKind.PLACE, [AnswerKind.DONE, AnswerKind.DONE, AnswerKind.SKIP]),
    Awaiting.CONFIRM: (PromptKind.CONFIRM_CURRENT, [AnswerKind.CONFIRM, AnswerKind.REFUSE]),
    Awaiting.TRAIN: (PromptKind.CONFIRM_TRAIN, [AnswerKind.CONFIRM, AnswerKind.CONFIRM, AnswerKind.REFUSE]),
    Awaiting.JUDGE: (
        PromptKind.JUDGE,
        [AnswerKind.ACCEPT, AnswerKind.REDO, AnswerKind.NO_RESPONSE, AnswerKind.SKIP],
    ),
    Awaiting.PAUSED: (PromptKind.PAUSED, [AnswerKind.RESUME]),
    Awaiting.LATCHED: (PromptKind.LATCHED, [AnswerKind.ACKNOWLEDGE]),
}
PLAIN = {
    Awaiting.LIMITS: ev.LimitsSet(),
    Awaiting.NOISE: ev.NoiseCaptured(),
    Awaiting.ACKNOWLEDGED: ev.Acknowledged(),
    Awaiting.RESUMED: ev.Resumed(),
    Awaiting.CLOSED: ev.Closed(),
    Awaiting.SALVAGED: ev.Salvaged(),
    Awaiting.IMPEDANCE: ev.ImpedanceRead(()),
}


def expected(state: ExamState, data: st.DataObject) -> ev.Event:
    """The event that the runner would send."""
    if state.run is RunState.PLANNED:
        return ev.Begin()
    if state.awaiting in PLAIN:
        return PLAIN[state.awaiting]
    if state.awaiting in ANSWERS:
        prompt, kinds = ANSWERS[state.awaiting]
        if prompt is PromptKind.PAUSED and state.site is not None:
            kinds = [AnswerKind.RESUME, AnswerKind.RESUME, AnswerKind.SKIP]
        return ev.Answered(prompt, Answer(data.draw(st.sampled_from(kinds)), "because"))
    shot = state.pending
    if shot is None:
        return ev.Tripped("nothing was awaited")
    if state.awaiting is Awaiting.PREPARED:
        return ev.Prepared(shot.stim_seq)
    if state.awaiting is Awaiting.INTENT:
        return ev.IntentDurable(shot.stim_seq)
    outcome = data.draw(st.sampled_from(["swept"] * 8 + ["doubtful", "refused", "lost", "explained"]))
    if outcome == "refused":
        return ev.ShotRefused(shot.stim_seq, "late")
    if outcome in ("lost", "explained"):
        return ev.ShotLost(shot.stim_seq, "?", None, explained=outcome == "explained")
    size = data.draw(st.floats(0, 5))
    answer = Response(size > 0.03, size, size * 0.6, 3.0, 4.0)
    valid = outcome == "swept"
    responses = dict.fromkeys(shot.step.watched, answer) if valid else {}
    reading = Reading(shot.stimulus.current_ma, responses, valid=valid, n=shot.n)
    return ev.Swept(shot.stim_seq, reading, valid, shot.stimulus.current_ma)


def unexpected(data: st.DataObject) -> ev.Event:
    """Any event at any time."""
    seq = data.draw(st.integers(38, 80))
    reading = Reading(2.0, {}, valid=False, n=1)
    prompt, kind = data.draw(st.sampled_from(list(PromptKind))), data.draw(st.sampled_from(list(AnswerKind)))
    found: ev.Event = data.draw(
        st.sampled_from(
            [
                ev.Begin(),
                *PLAIN.values(),
                ev.Answered(prompt, Answer(kind)),
                ev.Prepared(seq),
                ev.IntentDurable(seq),
                ev.Swept(seq, reading, False, 1.0),
                ev.ShotRefused(seq, "late"),
                ev.ShotLost(seq, "gone", None, explained=False),
                ev.Tripped("watchdog"),
                ev.Latched("e-stop"),
                ev.PausePressed("p"),
                ev.StopPressed("operator"),
                ev.StopPressed("interrupted"),
                ev.Failed(Closed("gone"), "gone"),
            ]
        )
    )
    return found


class Watch:
    """What must hold over the whole sequence of effects."""

    def __init__(self) -> None:
        self.intended: set[int] = set()
        self.durable: set[int] = set()
        self.fired: list[int] = []
        self.closed: list[int] = []
        self.train_confirmed = False
        self.may_resume = False
        self.held: StimulusLimits | None = None

    def see(self, before: ExamState, event: ev.Event, state: ExamState, effects: Sequence[fx.Effect]) -> None:
        assert state.run is before.run or state.run in RUN_TABLE[before.run].values() or before.run is RunState.PLANNED
        if isinstance(event, ev.IntentDurable):
            assert event.stim_seq in self.intended
            self.durable.add(event.stim_seq)
        if before.run is RunState.RUNNING and state.run is not RunState.RUNNING:
            assert isinstance(effects[0], fx.MakeSafe)
        if state.run in (RunState.STOPPING, RunState.SALVAGING) and before.run is not state.run:
            assert isinstance(effects[0], fx.MakeSafe)
        if state.run is RunState.PAUSED and before.run is not RunState.PAUSED:
            self.may_resume = self.train_confirmed = False
        if before.run is RunState.PAUSED and state.run is RunState.RUNNING:
            assert self.may_resume, "it went on by itself"
        if isinstance(event, ev.Answered) and state is not before:
            if event.answer.kind in (AnswerKind.RESUME, AnswerKind.ACKNOWLEDGE, AnswerKind.SKIP):
                self.may_resume = True
            if event.prompt is PromptKind.CONFIRM_TRAIN and event.answer.kind is AnswerKind.CONFIRM:
                self.train_confirmed = True
        if isinstance(event, ev.Swept) and before.pending is not None and state.pending is not before.pending:
            why = before.pending.why
            self.train_confirmed &= why.get("pulse") != why.get("count", 0)
        for effect in effects:
            if isinstance(effect, fx.SetLimits):
                self.held = effect.limits
            if isinstance(effect, fx.Prepare):
                assert self.held == effect.shot.limits
                assert effect.shot.why["kind"] == effect.shot.step.kind
                assert self.train_confirmed or "train" not in effect.shot.why, "a train that nobody confirmed"
            if isinstance(effect, fx.Intend):
                self.intended.add(effect.shot.stim_seq)
            if isinstance(effect, fx.Fire):
                assert effect.shot.stim_seq in self.durable
                assert state.run is RunState.RUNNING
                self.fired.append(effect.shot.stim_seq)
            if isinstance(effect, fx.Prepare):
                assert 0 < effect.shot.stimulus.current_ma <= effect.shot.step.cap_ma
                assert effect.shot.stim_seq not in self.fired
            if isinstance(effect, fx.RecordOutcome):
                self.closed.append(effect.stim_seq)
        assert len(self.fired) == len(set(self.fired))
        assert len(self.closed) == len(set(self.closed))
        if state.site is not None and not isinstance(event, ev.ShotLost | ev.Swept):
            assert state.site.spent <= max(s.max_shocks for s in state.plan.sites)
        if state.run.final:
            assert not [e for e in effects if not isinstance(e, fx.Tell)]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), chaos=st.sampled_from([0.0, 0.03, 0.3]), name=st.sampled_from(PROTOCOLS))
def test_random_events_never_break_the_rules(data: st.DataObject, chaos: float, name: str) -> None:
    state, watch = ExamState(PLANS[name], next_seq=41, next_n=1), Watch()
    dice = data.draw(st.randoms(use_true_random=False))
    for _ in range(150):
        if state.run.final:
            break
        event = unexpected(data) if dice.random() < chaos else expected(state, data)
        try:
            moved, effects = reduce(state, event)
        except IllegalTransition:
            continue
        watch.see(state, event, moved, effects)
        state = moved


@settings(max_examples=30, deadline=None)
@given(data=st.data(), name=st.sampled_from(PROTOCOLS[:-1]))
def test_an_undisturbed_run_ends_within_its_budget(data: st.DataObject, name: str) -> None:
    plan = PLANS[name]
    state, watch = ExamState(plan, next_seq=41, next_n=1), Watch()
    for _ in range(2400):
        if state.run.final:
            break
        event = expected(state, data)
        if isinstance(event, ev.ShotLost | ev.ShotRefused):
            continue
        moved, effects = reduce(state, event)
        watch.see(state, event, moved, effects)
        state = moved
    assert state.run is RunState.FINISHED
    assert state.cause == "complete"
    assert state.shocks <= sum(s.max_shocks for s in plan.sites)


@given(st.lists(st.sampled_from(list(RunEvent)), max_size=40))
def test_the_run_table_is_closed_and_final_states_stay_final(events: list[RunEvent]) -> None:
    state = RunState.PLANNED
    for event in events:
        try:
            moved = after(state, event)
        except IllegalTransition:
            assert event not in RUN_TABLE[state]
            continue
        assert not state.final
        if event is RunEvent.FAULT:
            assert moved is RunState.SALVAGING
        if moved is RunState.FAULTED:
            assert state is RunState.SALVAGING
        state = moved


def test_a_fault_keeps_its_first_cause() -> None:
    state = ExamState(PLAN, next_seq=1, next_n=1)
    state, _ = reduce(state, ev.Begin())
    first, second = Closed("first"), Closed("second")
    state, _ = reduce(state, ev.Failed(first, "first"))
    state, effects = reduce(state, ev.Failed(second, "second"))
    assert state.error is first
    assert isinstance(effects[0], fx.MakeSafe)
    state, _ = reduce(state, ev.Salvaged())
    assert state.run is RunState.FAULTED
    with pytest.raises(IllegalTransition):
        reduce(state, ev.Failed(second, "second"))


def test_an_event_that_is_not_waited_for_changes_nothing() -> None:
    state, _ = reduce(ExamState(PLAN, next_seq=1, next_n=1), ev.Begin())
    with pytest.raises(IllegalTransition, match="Prepared while RUNNING"):
        reduce(state, ev.Prepared(1))


def test_a_stop_between_intent_and_fire_closes_the_intent_as_refused() -> None:
    state = ExamState(PLAN, next_seq=41, next_n=1)
    events: list[ev.Event] = [
        ev.Begin(),
        ev.ImpedanceRead(()),
        ev.LimitsSet(),
        ev.Answered(PromptKind.PLACE, Answer(AnswerKind.DONE)),
        ev.NoiseCaptured(),
        ev.Prepared(41),
    ]
    for event in events:
        state, effects = reduce(state, event)
    assert isinstance(effects[0], fx.Intend)
    state, effects = reduce(state, ev.StopPressed("terminated"))
    assert isinstance(effects[0], fx.MakeSafe)
    outcome = effects[1]
    assert isinstance(outcome, fx.RecordOutcome)
    assert (outcome.stim_seq, outcome.status) == (41, "refused")
