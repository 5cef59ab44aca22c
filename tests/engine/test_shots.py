"""A shock that is interrupted, refused, aborted or unheard of: what it was is said once, and never guessed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from npr_daq.device.contracts import DeviceEvent
from npr_daq.engine.run import RunState
from npr_daq.errors import SafetyTrip, TimedOut
from npr_daq.operator import Answer, AnswerKind, PromptKind
from npr_daq.recording import PulseResult

MakeRig = Callable[..., Any]


def press_while_due(rig: Any, ordinal: int, kind: AnswerKind) -> list[int]:
    """The operator presses once, between FIRE number `ordinal` and its pulse."""
    pressed: list[int] = []

    def keys() -> Answer | None:
        if rig.device.fires == ordinal and rig.device.state == "FIRING" and not pressed:
            pressed.append(1)
            return Answer(kind, "a key")
        return None

    rig.device.grain = 1
    rig.operator.keys = keys
    return pressed


def missed_by_make_safe(rig: Any, pressed: list[int], also: DeviceEvent | None = None) -> None:
    """The pulse that was due is on its way when the device is made safe, and is delivered; `also` happens as well."""
    real, kept = rig.device.make_safe, []

    def make_safe() -> bool:
        due = rig.device._scheduled
        if not pressed or kept:
            return bool(real())
        kept.append(1)
        rig.device._scheduled = None
        confirmed = real()
        rig.device._scheduled = due
        if also is not None:
            rig.device._items.append(also)
        return bool(confirmed)

    rig.device.make_safe = make_safe


class TestWhatTheOperatorWants:
    @pytest.mark.parametrize(
        ("kind", "cause", "pauses"), [(AnswerKind.STOP, "operator", 0), (AnswerKind.PAUSE, "complete", 1)]
    )
    def test_is_not_lost_behind_a_trip(self, rig: Any, kind: AnswerKind, cause: str, pauses: int) -> None:
        missed_by_make_safe(rig, press_while_due(rig, 3, kind), DeviceEvent("interlock", "electrode open", "SAFE", 4))
        outcome = rig.run()
        assert (outcome.cause, outcome.pauses, outcome.trips) == (cause, pauses, 0)
        assert rig.device.fires == 3 or kind is AnswerKind.PAUSE
        assert 43 in {s.stim_seq for s in rig.journal.sweeps}

    @pytest.mark.parametrize(("kind", "cause"), [(AnswerKind.STOP, "operator"), (AnswerKind.PAUSE, "complete")])
    def test_is_not_lost_behind_a_trip_in_the_same_breath(self, rig: Any, kind: AnswerKind, cause: str) -> None:
        pressed: list[int] = []

        def keys() -> Answer | None:
            if len(rig.journal.sweeps) == 3 and not pressed:
                pressed.append(1)
                return Answer(kind)
            return None

        def trip() -> None:
            if len(rig.journal.sweeps) == 3 and not pressed:
                rig.device._items.append(DeviceEvent("interlock", "electrode open", "SAFE", 4))

        rig.operator.keys, rig.device.on_take = keys, trip
        outcome = rig.run()
        assert (outcome.cause, pressed) == (cause, [1])
        assert rig.operator.kinds().count(PromptKind.PAUSED) == (kind is AnswerKind.PAUSE)

    def test_a_stop_outlives_a_pause_for_doubtful_shocks(self, rig: Any) -> None:
        rig.device.faults = {3: "weak", 4: "weak"}
        missed_by_make_safe(rig, press_while_due(rig, 4, AnswerKind.STOP))
        outcome = rig.run()
        assert (outcome.cause, len(rig.journal.sweeps)) == ("operator", 4)
        assert rig.operator.kinds().count(PromptKind.PAUSED) == 0

    def test_a_pause_goes_on_by_one_answer(self, rig: Any) -> None:
        press_while_due(rig, 3, AnswerKind.PAUSE)
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.pauses) == (RunState.FINISHED, "complete", 1)
        assert [k for k in rig.operator.kinds() if k in (PromptKind.PAUSED, PromptKind.LATCHED)] == [PromptKind.PAUSED]
        assert rig.operator.kinds().count(PromptKind.PLACE) == 2


class TestAbortedPulses:
    def test_before_any_current_is_not_delivered(self, rig: Any) -> None:
        press_while_due(rig, 3, AnswerKind.PAUSE)
        outcome = rig.run()
        assert rig.journal.outcomes == {43: "refused"}
        assert rig.journal.reports[43].result is PulseResult.ABORTED
        assert outcome.shocks == len(rig.device.delivered)
        assert sum(d.pulses for d in outcome.doses) == len(rig.device.delivered)
        assert all(d.requested_vs_delivered == pytest.approx(1.0) for d in outcome.doses)

    def test_by_the_device_is_given_again_with_a_new_number(self, rig: Any) -> None:
        rig.device.faults = {3: "abort"}
        outcome = rig.run()
        assert (outcome.state, outcome.pauses, rig.journal.outcomes) == (RunState.FINISHED, 0, {43: "refused"})
        again = rig.journal.intents[44]["stimulus"]
        assert again == rig.journal.intents[43]["stimulus"]

    def test_while_current_flowed_is_delivered_and_no_evidence(self, rig: Any) -> None:
        rig.device.faults = {3: "cut short"}
        outcome = rig.run()
        bad = rig.journal.sweeps[2]
        assert (bad.stim_seq, bad.valid, bad.report.result) == (43, False, PulseResult.ABORTED)
        assert outcome.doses[0].pulses == len([s for s in rig.journal.sweeps if s.step == bad.step])
        assert outcome.results[bad.step].evidence["invalid"] == 1


class TestWaiting:
    """On hardware every poll comes back with a few milliseconds of samples: patience is in samples, not in polls."""

    @pytest.fixture
    def wall(self, rig: Any) -> Any:
        rig.clock.wall = True
        rig.device.grain, rig.device.wall_step = 1, 200
        return rig

    def test_a_late_report_is_waited_for(self, wall: Any) -> None:
        wall.device.faults = {3: "slow report"}
        outcome = wall.run()
        assert (outcome.state, outcome.error, wall.journal.outcomes) == (RunState.FINISHED, None, {})

    def test_a_missing_report_ends_the_wait_after_2_s_of_samples(self, wall: Any) -> None:
        wall.device.faults = {3: "silent"}
        outcome = wall.run()
        assert isinstance(outcome.error, TimedOut)
        (fired,) = [e for e in wall.log if e[0] == "fire" and e[1] == 43]
        assert fired[2] + 42_000 <= wall.device._position <= fired[2] + 46_000

    @pytest.mark.parametrize("kind", [AnswerKind.PAUSE, AnswerKind.STOP])
    def test_a_pulse_that_a_pause_did_not_catch_keeps_its_sweep(self, wall: Any, kind: AnswerKind) -> None:
        missed_by_make_safe(wall, press_while_due(wall, 3, kind))
        wall.run()
        assert wall.journal.sweeps[2].stim_seq == 43
        assert wall.journal.sweeps[2].valid

    def test_a_pulse_without_marker_and_report_ends_too(self, wall: Any) -> None:
        real = wall.device.fire

        def fire(seq: int, at: int) -> None:
            real(seq, at)
            if wall.device.fires == 3:
                wall.device._scheduled = None

        wall.device.fire = fire
        outcome = wall.run()
        assert (outcome.state, wall.journal.outcomes) == (RunState.FAULTED, {43: "unknown"})

    def test_a_report_is_waited_for_in_silence_too(self, rig: Any) -> None:
        """The samples stop right after the window; the wait for the report ends by the clock."""
        rig.clock.wall = True
        rig.device.wall_step, rig.device.faults = 200, {3: "silent"}

        def quiet() -> None:
            due = next((e[2] for e in rig.log if e[:2] == ("fire", 43)), None)
            if due is not None and rig.device._position > due + 2200:
                rig.device._stalled = True

        rig.device.on_take = quiet
        outcome = rig.run()
        assert isinstance(outcome.error, TimedOut)
        assert rig.journal.outcomes == {43: "unknown"}


class TestUnknownShocks:
    def test_count_towards_the_bound_of_the_site(self, rig: Any) -> None:
        """FIRE times out every time, and the device answers only when it is asked for the third time."""
        rig.device.faults = dict.fromkeys(range(1, 200), "held up")
        real, mute = rig.device.make_safe, [0]

        def make_safe() -> bool:
            if rig.log[-1][0] == "fire":
                mute[0] = 3
            mute[0] -= 1
            return real() if mute[0] < 0 else bool(rig.log.append(("make_safe", "mute")))

        rig.device.make_safe = make_safe
        rig.operator.script[PromptKind.PAUSED] = [Answer(AnswerKind.RESUME)]
        outcome = rig.run(rig.plan(max_shocks_per_site=12))
        assert outcome.state is RunState.FINISHED
        assert rig.device.fires == outcome.shocks
        steps = [i["step"] for i in rig.journal.intents.values()]
        assert all(steps.count(step) <= 12 for step in steps)

    def test_an_answer_that_makes_no_sense_says_nothing_about_the_pulse(self, rig: Any) -> None:
        rig.device.faults = {3: "garbled"}
        outcome = rig.run()
        assert (outcome.state, outcome.trips, rig.journal.outcomes) == (RunState.FINISHED, 1, {})
        assert rig.journal.sweeps[2].stim_seq == 43
        assert outcome.shocks == len(rig.device.delivered)

    def test_the_interval_holds_after_a_first_shock_without_a_report(self, rig: Any) -> None:
        rig.device.faults = {1: "silent"}
        told: list[int] = []

        def trip() -> None:
            if rig.device.delivered and not told:
                told.append(1)
                rig.device.state = "SAFE"
                rig.device._items.append(DeviceEvent("watchdog", "no beat", "SAFE", 64))

        rig.device.on_take = trip
        outcome = rig.run()
        assert (outcome.state, rig.journal.outcomes) == (RunState.FINISHED, {41: "unknown"})
        assert [stream for stream, _ in rig.device.onsets[:2]] == [1, 2]
        assert rig.device.onsets[1][1] >= 20_000


class TestTheDose:
    def test_of_a_pulse_whose_line_was_lost_after_its_report(self, rig: Any) -> None:
        rig.device.faults = {3: "lost after"}
        outcome = rig.run()
        assert rig.journal.outcomes == {43: "delivered"}
        assert (outcome.doses[0].pulses, outcome.shocks) == (3, 3)

    def test_of_a_pulse_whose_sweep_could_not_be_written(self, rig: Any) -> None:
        rig.journal.fail_at = 6
        outcome = rig.run()
        assert (outcome.state, outcome.doses[0].pulses, outcome.shocks) == (RunState.FAULTED, 3, 3)

    def test_is_by_the_width_that_the_device_reports(self, rig: Any) -> None:
        rig.device.width_scale = 0.5
        outcome = rig.run()
        dose = outcome.doses[0]
        assert dose.charge_uc == pytest.approx(dose.delivered_ma_sum * 100.0 / 1000.0)


class TestArming:
    def test_not_without_a_confirmed_safe_after_a_refusal(self, rig: Any) -> None:
        rig.device.faults = {3: "late"}
        real, asked = rig.device.make_safe, []

        def make_safe() -> bool:
            asked.append(1)
            return real() and len(asked) > 1

        rig.device.make_safe = make_safe
        outcome = rig.run()
        assert isinstance(outcome.error, SafetyTrip)
        assert "does not confirm that it is safe" in str(outcome.error)
        assert rig.device.fires == 3
        assert rig.journal.outcomes == {43: "refused"}

    def test_a_device_that_is_mute_at_a_pause_may_come_back_before_the_resume(self, rig: Any) -> None:
        pressed: list[int] = []

        def keys() -> Answer | None:
            if len(rig.journal.intents) == 3 and not pressed:
                pressed.append(1)
                rig.device.safe_fails = True
                return Answer(AnswerKind.PAUSE)
            return None

        rig.operator.keys = keys
        rig.operator.on_ask = lambda p: setattr(rig.device, "safe_fails", False)
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.pauses) == (RunState.FINISHED, "complete", 1)
        assert rig.journal.outcomes == {43: "refused"}
        assert "unconfirmed" in [e.kind for e in rig.journal.events]

    def test_not_while_the_interlock_of_the_host_is_latched(self, rig: Any) -> None:
        from npr_daq.device.interlock import InterlockEvent
        from npr_daq.engine import guard

        real = guard.Guard.show_limits

        def show(self: Any, limits: Any) -> None:
            real(self, limits)
            self.move(InterlockEvent.EXPIRE)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(guard.Guard, "show_limits", show)
            outcome = rig.run()
        assert isinstance(outcome.error, SafetyTrip)
        assert "LATCHED" in str(outcome.error)
        assert ("arm",) not in rig.log

    @pytest.mark.parametrize("what", ["max_rate_hz", "max_energy_mj", "max_rms_density_ma_cm2"])
    @pytest.mark.parametrize("held", [1000.0, float("nan")])
    def test_not_with_any_limit_looser_than_asked(self, rig: Any, what: str, held: float) -> None:
        rig.device.set_limits = lambda limits: replace(limits, **{what: held})
        outcome = rig.run()
        assert isinstance(outcome.error, SafetyTrip)
        assert rig.device.fires == 0

    def test_other_limits_than_shown_are_a_fault_and_not_tried_again(self, rig: Any) -> None:
        tried: list[int] = []

        def arm(shown: Any) -> None:
            tried.append(1)
            raise SafetyTrip("the limits that the device enforces are not those shown")

        rig.device.arm = arm
        outcome = rig.run()
        assert (outcome.state, len(tried)) == (RunState.FAULTED, 1)
        assert isinstance(outcome.error, SafetyTrip)
        assert rig.journal.outcomes == {41: "refused"}

    def test_a_stop_between_arming_and_fire_is_seen_before_fire(self, rig: Any) -> None:
        real = rig.device.arm

        def arm(shown: Any) -> None:
            real(shown)
            if len(rig.journal.sweeps) == 2:
                rig.stop.request("terminated")

        rig.device.arm = arm
        outcome = rig.run()
        assert (outcome.cause, rig.device.fires, rig.journal.outcomes) == ("terminated", 2, {43: "refused"})
