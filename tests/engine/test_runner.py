"""Whole exams in virtual time: in order, interrupted, tripped, and with everything that can break."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.calibration import MISSING
from npr_daq.engine.run import RunState
from npr_daq.errors import Closed, IllegalTransition, PlanError, RecordingError, SafetyTrip, TimedOut
from npr_daq.operator import Answer, AnswerKind, PromptKind
from npr_daq.recording import Role

MakeRig = Callable[..., Any]
RIGHT, LEFT = "02_conduction_right_trunk", "03_conduction_left_trunk"


def test_a_trunk_study_of_a_healthy_person(rig: Any) -> None:
    outcome = rig.run()
    assert (outcome.state, outcome.cause, outcome.error) == (RunState.FINISHED, "complete", None)
    assert (outcome.trips, outcome.pauses) == (0, 0)
    assert [k for k, _ in outcome.results.items()] == [RIGHT, LEFT]
    assert all(r.proved for r in outcome.results.values())
    sweeps = rig.journal.sweeps
    assert [s.n for s in sweeps] == list(range(1, outcome.shocks + 1))
    assert all(s.counts.shape == (16, 2400) and s.counts.dtype == np.int32 for s in sweeps)
    assert all(s.onset == 400.25 for s in sweeps)
    assert all(s.valid and s.boot_id == 77 for s in sweeps)
    assert {s.step for s in sweeps} == {RIGHT, LEFT}
    assert rig.device.delivered == [s.stim_seq for s in sweeps]
    assert min(rig.device.delivered) == 41


def test_every_accepted_series_has_five_sweeps_with_the_confirmation(rig: Any) -> None:
    rig.run()
    for step in (RIGHT, LEFT):
        mine = [s for s in rig.journal.sweeps if s.step == step]
        accepted = [s for s in mine if s.role is Role.ACCEPT]
        (confirmed,) = [s for s in mine if rig.journal.judgements.get(s.n, ("",))[0] == "accept"]
        assert confirmed.role is Role.CONFIRM
        assert len(accepted) == 4
        assert {s.stimulus.current_ma for s in accepted} == {confirmed.stimulus.current_ma}
        assert rig.journal.searches[step]["proved"]


def test_the_affected_side_starts_below_the_healthy_threshold(rig: Any) -> None:
    outcome = rig.run()
    first = next(s for s in rig.journal.sweeps if s.step == LEFT)
    assert first.stimulus.current_ma == pytest.approx(0.7 * outcome.results[RIGHT].threshold_ma, abs=0.0051)


def test_noise_is_kept_once_per_step_before_its_first_shock(rig: Any) -> None:
    rig.run()
    assert [(c.step, c.counts.shape) for c in rig.journal.captures] == [(RIGHT, (16, 20_000)), (LEFT, (16, 20_000))]
    first = rig.journal.sweeps[0]
    noise = rig.journal.captures[0]
    assert noise.first_sample + 20_000 <= first.first_sample + first.onset


def test_the_order_of_one_shock(rig: Any) -> None:
    rig.run()
    names = [e[0] for e in rig.log if e[0] != "progress"]
    at = names.index("fire")
    assert names[at - 3 : at + 2] == ["configure", "intent", "arm", "fire", "sweep"]


def test_shocks_are_a_second_apart_and_named_ahead(rig: Any) -> None:
    rig.run()
    onsets = rig.device.onsets
    gaps = [b - a for (_, a), (_, b) in itertools.pairwise(onsets)]
    assert min(gaps) >= 20_000
    assert sorted(gaps)[len(gaps) // 2] <= 20_000 * 1.06


def test_the_same_exam_has_the_same_samples_however_they_arrive(make_rig: MakeRig) -> None:
    def exam(grain: int) -> list[tuple[int, float, int]]:
        rig = make_rig()
        rig.device.grain = grain
        rig.run()
        return [(s.first_sample, s.onset, s.stim_seq) for s in rig.journal.sweeps] + [
            (c.first_sample, 0.0, 0) for c in rig.journal.captures
        ]

    assert exam(1) == exam(3) == exam(1000)


def test_what_the_operator_is_told(rig: Any) -> None:
    outcome = rig.run()
    stored = rig.operator.notices("sweep")
    assert [n.detail["n"] for n in stored] == [s.n for s in rig.journal.sweeps]
    assert {"stim_seq", "step", "side", "site", "current_ma", "role"} <= set(stored[0].detail)
    assert stored[-1].detail["peak_to_peak_mv"] == pytest.approx(2.0, rel=0.01)
    assert "peak_to_peak_mv" not in stored[0].detail
    progress = rig.operator.notices("progress")
    assert progress[-1].detail["shocks"] == progress[-1].detail["shocks_expected"] == outcome.shocks
    assert progress[-1].detail["time_left_s"] == 0.0
    assert progress[0].detail["time_left_s"] > 10
    (warning,) = rig.operator.notices("warning")
    assert warning.text == "left.frontalis: 30.0 kohm, below 10 is needed"
    assert rig.operator.notices("end")[0].detail["cause"] == "complete"
    judged = [p for p in rig.operator.asked if p.kind is PromptKind.JUDGE]
    assert judged[0].detail["concordant"] is True
    assert judged[0].detail["proved"] is True
    assert judged[0].detail["muscles"]["nasalis"]["present"] == 5


def test_sweeps_are_told_only_after_they_are_durable(rig: Any) -> None:
    stored: list[int] = []
    rig.operator.tell = lambda n: stored.append(len(rig.journal.sweeps)) if n.kind == "sweep" else None
    rig.run()
    assert stored == list(range(1, len(rig.journal.sweeps) + 1))


def test_impedances_are_written_by_channel(rig: Any) -> None:
    rig.run()
    assert len(rig.journal.impedances) == 16
    assert rig.journal.impedances[9]["channel"] == 9
    assert rig.journal.impedances[9]["name"] == "right.orbicularis_oculi"


def test_numbering_goes_on_where_a_resumed_exam_stopped(rig: Any) -> None:
    rig.run(first_n=17)
    assert rig.journal.sweeps[0].n == 17


def test_wall_time_runs_the_same_exam(rig: Any) -> None:
    rig.clock.wall = True
    rig.device.wall_step = 1000
    outcome = rig.run()
    assert (outcome.state, outcome.error) == (RunState.FINISHED, None)
    assert all(r.proved for r in outcome.results.values())


def test_the_extended_study_takes_about_a_hundred_and_fifty_shocks(make_rig: MakeRig) -> None:
    rig = make_rig(protocol="conduction_extended")
    outcome = rig.run()
    assert outcome.state is RunState.FINISHED
    assert len(outcome.results) == 12
    assert 120 <= outcome.shocks <= 155
    assert next(d.peak_ma for d in outcome.doses) > 12
    assert all(d.requested_vs_delivered == pytest.approx(1.0) for d in outcome.doses)


def test_real_measurement_of_rendered_waveforms(make_rig: MakeRig) -> None:
    rig = make_rig(measured=False)
    rng = np.random.default_rng(3)
    time_ms = np.arange(0, 400) / 20.0

    def render(stimulus: Any, first: int) -> np.ndarray:
        block = np.zeros((16, 200), dtype=np.int32)
        size = rig.nerve(stimulus.side, stimulus.site, Muscle.NASALIS, stimulus.current_ma)
        shape = -np.sin(2 * np.pi * (time_ms - 3.0) / 8.0) * ((time_ms > 3.0) & (time_ms < 11.0)) * size * 500
        at = first + np.arange(200)
        inside = (at >= 0) & (at < 400)
        block[:, inside] = shape[at[inside]].astype(np.int32)
        return block + rng.normal(0, 4, (16, 200)).astype(np.int32)

    rig.device.render = render
    outcome = rig.run()
    assert outcome.error is None
    assert all(r.proved for r in outcome.results.values())
    told = rig.operator.notices("sweep")[-1].detail
    assert told["peak_to_peak_mv"] == pytest.approx(2.0, rel=0.05)
    assert told["onset_latency_ms"] == pytest.approx(3.0, abs=0.4)


def test_a_nerve_that_is_not_there_is_not_elicited_at_one_and_a_half_times_the_healthy_current(rig: Any) -> None:
    healthy = rig.nerve
    rig.nerve = lambda side, site, m, ma: 0.0 if side is Side.LEFT else healthy(side, site, m, ma)
    outcome = rig.run()
    dead, alive = outcome.results[LEFT], outcome.results[RIGHT]
    assert (dead.elicited, dead.proved) == (False, False)
    accepted = [s for s in rig.journal.sweeps if s.step == LEFT and s.role is Role.ACCEPT]
    assert len(accepted) == 5
    assert accepted[0].stimulus.current_ma == pytest.approx(min(40.0, 1.5 * alive.current_ma), abs=0.01)


def test_the_cap_alone_proves_nothing_and_is_never_exceeded(rig: Any) -> None:
    rig.nerve = lambda side, site, m, ma: 0.001 * ma**2
    outcome = rig.run()
    assert not any(r.proved for r in outcome.results.values())
    assert max(s.stimulus.current_ma for s in rig.journal.sweeps) == 40.0
    assert "cap of 40 mA" in outcome.results[RIGHT].reason


def test_what_an_empty_sweep_reaches_is_no_response(make_rig: MakeRig) -> None:
    loud = make_rig(floor_mv=0.5)
    outcome = loud.run()
    quiet = make_rig().run()
    assert outcome.results[RIGHT].threshold_ma > quiet.results[RIGHT].threshold_ma
    told = [e for e in loud.journal.events if e.kind == "noise"]
    assert told[0].detail["floors_mv"]["nasalis"] == 0.5


class TestTheOperator:
    def test_confirms_above_the_warning_current_once_per_site(self, rig: Any) -> None:
        rig.nerve = lambda side, site, m, ma: 0.001 * ma**2
        rig.run()
        assert rig.operator.kinds().count(PromptKind.CONFIRM_CURRENT) == 2

    def test_refuses_the_current_and_ends_the_search_there(self, rig: Any) -> None:
        rig.nerve = lambda side, site, m, ma: 0.001 * ma**2
        rig.operator.script[PromptKind.CONFIRM_CURRENT] = [Answer(AnswerKind.REFUSE, "it hurts")]
        outcome = rig.run()
        assert max(s.stimulus.current_ma for s in rig.journal.sweeps) <= 20.0
        assert not any(r.proved for r in outcome.results.values())
        assert "refused to go above 20 mA" in outcome.results[RIGHT].reason
        assert rig.journal.searches[RIGHT]["proved"] is False
        assert outcome.state is RunState.FINISHED

    def test_redoes_a_site(self, rig: Any) -> None:
        rig.operator.script[PromptKind.JUDGE] = [Answer(AnswerKind.REDO, "moved"), Answer(AnswerKind.ACCEPT)]
        outcome = rig.run()
        right = [s for s in rig.journal.sweeps if s.step == RIGHT]
        aside = [s for s in right if rig.journal.judgements.get(s.n, ("",))[0] == "rejected"]
        assert len(aside) == len(right) // 2
        assert rig.operator.kinds().count(PromptKind.PLACE) == 3
        assert outcome.results[RIGHT].proved
        assert len(rig.journal.captures) == 2

    def test_is_offered_a_redo_only_while_shocks_are_left(self, rig: Any) -> None:
        rig.operator.script[PromptKind.JUDGE] = [
            Answer(AnswerKind.REDO),
            Answer(AnswerKind.REDO),
            Answer(AnswerKind.REDO),
        ]
        rig.operator.on_ask = lambda p: rig.operator.script.update(
            {PromptKind.JUDGE: [Answer(AnswerKind.REDO if AnswerKind.REDO in p.choices else AnswerKind.ACCEPT)]}
        )
        rig.run(rig.plan(max_shocks_per_site=40))
        for step in (RIGHT, LEFT):
            assert len([s for s in rig.journal.sweeps if s.step == step]) <= 40

    def test_says_that_there_was_no_response(self, rig: Any) -> None:
        rig.operator.script[PromptKind.JUDGE] = [Answer(AnswerKind.NO_RESPONSE, "artefact"), Answer(AnswerKind.ACCEPT)]
        outcome = rig.run()
        assert not outcome.results[RIGHT].elicited
        assert rig.journal.searches[RIGHT]["operator"] == "artefact"

    def test_skips_a_site_before_and_after(self, rig: Any) -> None:
        rig.operator.script[PromptKind.PLACE] = [Answer(AnswerKind.SKIP, "wound"), Answer(AnswerKind.DONE)]
        rig.operator.script[PromptKind.JUDGE] = [Answer(AnswerKind.SKIP, "doubtful")]
        outcome = rig.run()
        assert outcome.state is RunState.FINISHED
        assert outcome.results == {}
        assert {s.step for s in rig.journal.sweeps} == {LEFT}
        assert {j[0] for j in rig.journal.judgements.values()} >= {"rejected"}

    @pytest.mark.parametrize("kind", [PromptKind.PLACE, PromptKind.JUDGE, PromptKind.CONFIRM_CURRENT])
    def test_stops_at_any_prompt(self, rig: Any, kind: PromptKind) -> None:
        rig.operator.script[kind] = [Answer(AnswerKind.STOP, "enough")]
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.error) == (RunState.FINISHED, "operator", None)
        assert rig.log[-1][0] == "make_safe"

    def test_stops_by_a_key_between_shocks(self, rig: Any) -> None:
        rig.operator.keys = lambda: Answer(AnswerKind.STOP, "Esc") if len(rig.journal.sweeps) >= 3 else None
        outcome = rig.run()
        assert (outcome.cause, len(rig.journal.sweeps)) == ("operator", 3)

    def test_pauses_by_a_key_and_goes_on(self, rig: Any) -> None:
        pressed: list[int] = []

        def keys() -> Answer | None:
            if len(rig.journal.sweeps) == 3 and not pressed:
                pressed.append(1)
                return Answer(AnswerKind.PAUSE)
            return None

        rig.operator.keys = keys
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.pauses, outcome.trips) == (RunState.FINISHED, "complete", 1, 0)
        assert rig.operator.kinds().count(PromptKind.PAUSED) == 1

    def test_an_answer_that_answers_nothing_is_a_fault_not_a_shock(self, rig: Any) -> None:
        rig.operator.script[PromptKind.PLACE] = [Answer(AnswerKind.CONFIRM)]
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, IllegalTransition)
        assert rig.device.delivered == []


class TestStopping:
    @pytest.mark.parametrize("cause", ["interrupted", "terminated"])
    @pytest.mark.parametrize("takes", [1, 3, 7, 11, 40, 41, 42, 43, 44, 45, 46, 47, 48, 90])
    def test_a_stop_at_any_moment_makes_safe_first_and_ends_in_order(self, rig: Any, cause: str, takes: int) -> None:
        rig.device.on_take = lambda: rig.stop.request(cause) if rig.device.takes == takes else None
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.error) == (RunState.FINISHED, cause, None)
        names = [e[0] for e in rig.log]
        assert names.index("make_safe") < len(names) - 1 - names[::-1].index("stop") if "start" in names else True
        known = {s.stim_seq for s in rig.journal.sweeps} | set(rig.journal.outcomes)
        assert set(rig.journal.intents) == known

    def test_a_stop_at_a_prompt_is_seen_when_it_is_answered(self, rig: Any) -> None:
        rig.operator.on_ask = lambda p: rig.stop.request("interrupted") if p.kind is PromptKind.JUDGE else None
        assert rig.run().cause == "interrupted"

    def test_ctrl_c_as_an_exception_makes_safe_too(self, rig: Any) -> None:
        def raise_it(prompt: Any) -> None:
            if prompt.kind is PromptKind.JUDGE:
                raise KeyboardInterrupt

        rig.operator.on_ask = raise_it
        assert rig.run().cause == "interrupted"


class TestShocksThatAreNoEvidence:
    def test_a_weak_pulse_is_stored_invalid_and_given_again(self, rig: Any) -> None:
        rig.device.faults = {3: "weak"}
        outcome = rig.run()
        bad, again = rig.journal.sweeps[2:4]
        assert not bad.valid
        assert "not within 10 %" in bad.reject_reasons[0]
        assert again.stimulus.current_ma == bad.stimulus.current_ma
        assert outcome.results[RIGHT].proved
        assert outcome.results[RIGHT].evidence["invalid"] == 1
        assert outcome.doses[0].requested_vs_delivered < 1.0
        assert outcome.pauses == 0

    def test_two_in_a_row_pause(self, rig: Any) -> None:
        rig.device.faults = {3: "weak", 4: "weak"}
        outcome = rig.run()
        assert (outcome.pauses, outcome.trips) == (1, 0)
        assert outcome.state is RunState.FINISHED
        (prompt,) = [p for p in rig.operator.asked if p.kind is PromptKind.PAUSED]
        assert "not within 10 %" in prompt.text

    def test_a_site_is_skipped_at_a_pause_and_the_rest_is_measured(self, rig: Any) -> None:
        rig.device.faults = {3: "weak", 4: "weak"}
        rig.operator.script[PromptKind.PAUSED] = [Answer(AnswerKind.SKIP, "the contact is bad")]
        outcome = rig.run()
        assert outcome.state is RunState.FINISHED
        assert outcome.cause == "complete"
        assert list(outcome.results) == [LEFT]
        (said,) = [e for e in rig.journal.events if e.kind == "skipped"]
        assert said.detail == {"step": RIGHT, "reason": "the contact is bad"}
        assert len([s for s in rig.journal.sweeps if s.step == RIGHT]) == 4
        (prompt,) = [p for p in rig.operator.asked if p.kind is PromptKind.PAUSED]
        assert prompt.choices == (AnswerKind.RESUME, AnswerKind.SKIP)
        assert (prompt.step, prompt.detail["why"]) == (RIGHT, "evidence")

    def test_the_last_site_skipped_at_a_pause_ends_the_run_safe_first(self, make_rig: MakeRig) -> None:
        last = make_rig().run().shocks
        rig = make_rig()
        rig.device.faults = {last - 1: "weak", last: "weak"}
        rig.operator.script[PromptKind.PAUSED] = [Answer(AnswerKind.SKIP, "enough of it")]
        outcome = rig.run()
        assert (outcome.state, outcome.cause, list(outcome.results)) == (RunState.FINISHED, "complete", [RIGHT])
        assert outcome.shocks == last

    def test_a_gap_makes_a_sweep_invalid_never_shorter(self, rig: Any) -> None:
        rig.device.faults = {3: "gap"}
        rig.run()
        bad = rig.journal.sweeps[2]
        assert bad.counts.shape == (16, 2400)
        assert np.count_nonzero(bad.counts[0] == MISSING) == 400
        assert not bad.valid
        assert sum(g.missing for g in rig.journal.gaps) == 400

    def test_clipping_is_kept_and_is_no_evidence(self, rig: Any) -> None:
        rig.device.faults = {3: "clip"}
        outcome = rig.run()
        assert "right.nasalis" in rig.journal.sweeps[2].clipped
        assert outcome.results[RIGHT].evidence["invalid"] == 1

    def test_a_lost_marker_rejects_the_sweep(self, rig: Any) -> None:
        rig.device.faults = {3: "no marker"}
        rig.run()
        assert rig.journal.sweeps[2].reject_reasons == ("the stimulus marker is missing",)

    def test_outliers_of_a_series_are_replaced_and_rejected(self, rig: Any) -> None:
        measure = rig.responses
        rig.responses = lambda sweep, muscles: {
            m: type(r)(r.present, r.peak_to_peak_mv * (1.5 if sweep.n == 12 else 1), r.negative_peak_mv, 3.0, 4.0)
            for m, r in measure(sweep, muscles).items()
        }
        outcome = rig.run()
        assert rig.journal.judgements[12][0] == "rejected"
        assert outcome.state is RunState.FINISHED


class TestRefusals:
    def test_a_late_shock_gets_a_new_number(self, rig: Any) -> None:
        rig.device.faults = {2: "late"}
        outcome = rig.run()
        assert outcome.state is RunState.FINISHED
        assert rig.journal.outcomes == {42: "refused"}
        assert rig.device.delivered[:2] == [41, 43]
        assert (outcome.trips, outcome.pauses) == (0, 0)

    def test_three_refusals_in_a_row_pause(self, rig: Any) -> None:
        rig.device.faults = {2: "late", 3: "late", 4: "late"}
        outcome = rig.run()
        assert (outcome.trips, outcome.pauses) == (0, 1)
        assert outcome.state is RunState.FINISHED

    def test_a_device_that_is_weaker_than_the_plan_is_refused_before_a_shock(self, rig: Any) -> None:
        from dataclasses import replace

        rig.device.set_limits = lambda limits: replace(limits, max_current_ma=30.0)
        outcome = rig.run()
        assert isinstance(outcome.error, PlanError)
        assert rig.device.delivered == []

    def test_a_device_that_holds_looser_limits_is_a_safety_trip(self, rig: Any) -> None:
        from dataclasses import replace

        rig.device.set_limits = lambda limits: replace(limits, max_current_ma=50.0)
        outcome = rig.run()
        assert isinstance(outcome.error, SafetyTrip)
        assert rig.device.delivered == []


class TestTrips:
    @pytest.mark.parametrize("fault", ["trip", "trip after"])
    def test_a_watchdog_trip_pauses_and_the_operator_resumes(self, rig: Any, fault: str) -> None:
        rig.device.faults = {3: fault}
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.trips) == (RunState.FINISHED, "complete", 1)
        (paused,) = [p for p in rig.operator.asked if p.kind is PromptKind.PAUSED]
        assert "no beat for 300 ms" in paused.text
        assert all(r.proved for r in outcome.results.values())
        assert rig.journal.outcomes == ({43: "unknown"} if fault == "trip" else {})
        assert [e for e in rig.log if e[0] == "start"] == [("start", 1), ("start", 2)]
        assert "device watchdog" in [e.kind for e in rig.journal.events]

    def test_a_host_that_was_held_up_pauses_and_never_repeats(self, rig: Any) -> None:
        rig.device.faults = {3: "held up"}
        outcome = rig.run()
        assert (outcome.state, outcome.trips, outcome.pauses) == (RunState.FINISHED, 1, 1)
        assert rig.device.delivered.count(43) <= 1
        assert (43 in {s.stim_seq for s in rig.journal.sweeps}) != (43 in rig.journal.outcomes)

    @pytest.mark.parametrize("call", ["configure", "arm", "set_limits", "impedance"])
    def test_any_late_answer_pauses(self, rig: Any, call: str) -> None:
        real, late = getattr(rig.device, call), [True]

        def once(*args: Any) -> Any:
            if late:
                late.clear()
                raise TimedOut("no answer within 3 s")
            return real(*args)

        setattr(rig.device, call, once)
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.trips) == (RunState.FINISHED, "complete", 1)

    def test_a_trip_and_a_stop_is_a_stop(self, rig: Any) -> None:
        rig.device.faults = {3: "trip"}
        rig.operator.script[PromptKind.PAUSED] = [Answer(AnswerKind.STOP)]
        outcome = rig.run()
        assert (outcome.cause, outcome.trips) == ("operator", 1)
        assert outcome.error is None

    def test_a_latched_fault_asks_for_the_acknowledgement(self, rig: Any) -> None:
        rig.device.faults = {3: "latch"}
        rig.operator.script[PromptKind.LATCHED] = [Answer(AnswerKind.ACKNOWLEDGE)]
        outcome = rig.run()
        assert (outcome.state, outcome.cause) == (RunState.FINISHED, "complete")
        assert ("acknowledge",) in rig.log

    def test_a_latched_fault_and_a_stop(self, rig: Any) -> None:
        rig.device.faults = {3: "latch"}
        outcome = rig.run()
        assert outcome.cause == "operator"
        assert len(rig.device.delivered) == 2

    def test_samples_that_stop_pause_the_run(self, rig: Any) -> None:
        rig.device.faults = {3: "stall"}
        outcome = rig.run()
        assert (outcome.state, outcome.trips) == (RunState.FINISHED, 1)
        assert rig.journal.outcomes == {43: "delivered"}
        assert rig.device.delivered.count(43) == 1

    def test_a_device_that_will_not_confirm_that_it_is_safe_does_not_go_on(self, rig: Any) -> None:
        rig.device.faults = {3: "trip"}
        rig.operator.on_ask = lambda p: setattr(rig.device, "safe_fails", p.kind is PromptKind.PAUSED)
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, SafetyTrip)


class TestFaults:
    def test_a_missing_report_is_unknown_and_never_repeated(self, rig: Any) -> None:
        rig.device.faults = {3: "silent"}
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, TimedOut)
        assert rig.journal.outcomes == {43: "unknown"}
        assert rig.device.fires == 3

    def test_a_device_that_stays_mute_is_a_fault(self, rig: Any) -> None:
        rig.device.faults = {3: "mute"}
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, TimedOut)
        assert rig.journal.outcomes == {43: "unknown"}

    @pytest.mark.parametrize("fault", ["lost", "lost after"])
    def test_a_lost_line_makes_safe_first_then_salvages(self, rig: Any, fault: str) -> None:
        rig.device.faults = {3: fault}
        outcome = rig.run()
        assert (outcome.state, outcome.cause) == (RunState.FAULTED, "fault")
        assert isinstance(outcome.error, Closed)
        fired = next(i for i, e in enumerate(rig.log) if e[:2] == ("fire", 43))
        after = [e[0] for e in rig.log[fired + 1 :] if e[0] != "progress"]
        assert after[0] == "make_safe"
        assert "sync" in after
        assert len(rig.journal.sweeps) == 2
        assert rig.journal.outcomes == {43: "unknown" if fault == "lost" else "delivered"}

    @pytest.mark.parametrize("durable", [1, 2, 5, 6])
    def test_a_full_disk_stops_everything(self, rig: Any, durable: int) -> None:
        rig.journal.fail_at = durable
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, RecordingError)
        assert len(rig.device.delivered) == durable // 2
        assert rig.log[-1][0] == "make_safe"

    def test_an_intent_that_is_not_durable_is_not_fired(self, rig: Any) -> None:
        rig.journal.fail_at = 1
        rig.run()
        assert rig.device.fires == 0

    def test_a_mistake_in_the_program_is_a_fault_not_a_crash(self, rig: Any) -> None:
        def broken(sweep: Any, muscles: Any) -> Any:
            raise ZeroDivisionError("mistake")

        rig.responses = broken
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, ZeroDivisionError)
        assert len(rig.journal.sweeps) == 1
        assert rig.operator.notices("fault")[0].text == "ZeroDivisionError: mistake"

    def test_an_operator_that_breaks_while_salvaging_does_not_stop_it(self, rig: Any) -> None:
        def tell(notice: Any) -> None:
            raise OSError("the screen is gone")

        rig.operator.tell = tell
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, OSError)

    def test_a_device_that_is_gone_before_it_begins(self, rig: Any) -> None:
        rig.device._lost = True
        outcome = rig.run()
        assert outcome.state is RunState.FAULTED
        assert isinstance(outcome.error, Closed)


def test_no_collection_of_garbage_while_armed(rig: Any) -> None:
    import gc

    states: list[bool] = []
    arm, configure = rig.device.arm, rig.device.configure
    rig.device.configure = lambda s: (states.append(gc.isenabled()), configure(s))
    fire = rig.device.fire
    rig.device.fire = lambda seq, at: (states.append(not gc.isenabled()), fire(seq, at))
    rig.device.arm = lambda shown: arm(shown)
    rig.run()
    assert all(states)
    assert gc.isenabled()


def test_both_sides_affected_begins_on_the_left(make_rig: MakeRig) -> None:
    rig = make_rig(affected="both")
    rig.run()
    assert next(s.stimulus.side for s in rig.journal.sweeps) is Side.LEFT
    assert rig.journal.sweeps[0].stimulus.site is Branch.TRUNK
