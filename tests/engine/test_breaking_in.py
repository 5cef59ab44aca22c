"""Broken into: Ctrl-C as an exception, mistakes of the program, gaps in the noise. The books are closed anyway."""

from collections.abc import Callable
from typing import Any

from npr_daq.engine.run import RunState
from npr_daq.errors import TimedOut
from npr_daq.operator import Answer, AnswerKind, PromptKind
from npr_daq.recording import PulseResult

MakeRig = Callable[..., Any]


class TestCtrlCAsAnException:
    def test_while_a_pulse_is_due(self, rig: Any) -> None:
        real, raised = rig.device.take, []

        def take(timeout_s: float) -> Any:
            if rig.device.fires == 3 and not raised:
                raised.append(1)
                raise KeyboardInterrupt
            return real(timeout_s)

        rig.device.take = take
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.error) == (RunState.FINISHED, "interrupted", None)
        assert set(rig.journal.intents) == {s.stim_seq for s in rig.journal.sweeps} | set(rig.journal.outcomes)

    def test_again_and_again_still_ends_with_the_books_closed(self, rig: Any) -> None:
        """The pulse is reported, then every call to the device is broken off."""
        real_take, real_safe, raised = rig.device.take, rig.device.make_safe, []

        def take(timeout_s: float) -> Any:
            if 43 in rig.device.delivered and len(raised) < 2:
                raised.append(1)
                items = real_take(timeout_s)
                if len(raised) == 2:
                    raise KeyboardInterrupt
                return items
            return real_take(timeout_s)

        def make_safe() -> bool:
            if len(raised) == 2:
                raised.append(1)
                raise KeyboardInterrupt
            return bool(real_safe())

        rig.device.grain = 1
        rig.device.take, rig.device.make_safe = take, make_safe
        outcome = rig.run()
        assert (outcome.state, outcome.cause) == (RunState.FINISHED, "interrupted")
        assert set(rig.journal.intents) == {s.stim_seq for s in rig.journal.sweeps} | set(rig.journal.outcomes)
        assert rig.journal.outcomes.get(43, "delivered") == "delivered"

    def test_during_the_closing_still_closes(self, rig: Any) -> None:
        real, raised = rig.device.stop, []

        def stop() -> None:
            if len(rig.operator.notices("accepted")) == 2 and not raised:
                raised.append(1)
                raise KeyboardInterrupt
            real()

        rig.device.stop = stop
        outcome = rig.run()
        assert (outcome.state, outcome.cause, outcome.error) == (RunState.FINISHED, "complete", None)
        assert rig.log[-2:] == [("sync",), ("make_safe",)]

    def test_while_salvaging_still_salvages(self, rig: Any) -> None:
        rig.device.faults = {3: "silent"}
        real, raised = rig.device.stop, []

        def stop() -> None:
            if rig.journal.outcomes and not raised:
                raised.append(1)
                raise KeyboardInterrupt
            real()

        rig.device.stop = stop
        outcome = rig.run()
        assert (outcome.state, raised) == (RunState.FAULTED, [1])
        assert isinstance(outcome.error, TimedOut)


def test_a_program_that_breaks_while_a_pulse_is_due_leaves_no_open_books(rig: Any) -> None:
    def keys() -> Any:
        if rig.device.fires == 3:
            raise RuntimeError("the callback broke")
        return None

    rig.operator.keys, rig.device.grain = keys, 1
    outcome = rig.run()
    assert (outcome.state, str(outcome.error)) == (RunState.FAULTED, "the callback broke")
    assert rig.journal.outcomes == {43: "refused"}
    assert rig.journal.reports[43].result is PulseResult.ABORTED


def test_a_mistake_in_the_decisions_is_a_fault_not_a_crash(rig: Any) -> None:
    rig.responses = lambda sweep, muscles: {}
    outcome = rig.run()
    assert outcome.state is RunState.FAULTED
    assert isinstance(outcome.error, KeyError)
    assert rig.log[-1][0] == "make_safe"


class TestGapsInTheNoise:
    def lose(self, rig: Any, times: int) -> list[int]:
        """Two blocks of each of the first `times` recordings of noise are lost."""
        real, lost, seen = rig.device.take, [], [0]

        def take(timeout_s: float) -> Any:
            kept = []
            for item in real(timeout_s):
                if hasattr(item, "counts") and not rig.device.fires:
                    seen[0] += 1
                    if len(lost) < 2 * times and seen[0] % 100 in (50, 51):
                        lost.append(item.first_sample)
                        continue
                kept.append(item)
            return kept

        rig.device.take = take
        return lost

    def test_are_recorded_once_more(self, rig: Any) -> None:
        lost = self.lose(rig, 1)
        outcome = rig.run()
        assert (outcome.state, len(lost), len(rig.journal.captures)) == (RunState.FINISHED, 2, 2)
        assert rig.journal.captures[0].first_sample > lost[-1]
        told = [e for e in rig.journal.events if e.kind == "noise"]
        assert [e.detail["missing_samples"] for e in told] == [0, 0]
        assert not [n for n in rig.operator.notices("warning") if "noise" in n.text]

    def test_that_come_again_are_warned_of(self, rig: Any) -> None:
        self.lose(rig, 2)
        outcome = rig.run()
        assert outcome.state is RunState.FINISHED
        (warning,) = [n for n in rig.operator.notices("warning") if "noise" in n.text]
        assert warning.text.startswith("400 samples of the noise at ")

    def test_that_leave_nothing_pause(self, make_rig: MakeRig) -> None:
        rig = make_rig(measured=False)
        real, most = rig.device.take, [80]

        def take(timeout_s: float) -> Any:
            kept = []
            for item in real(timeout_s):
                if hasattr(item, "counts") and most[0] > 0 and item.first_sample // 200 % 5 == 2:
                    most[0] -= 1
                    continue
                kept.append(item)
            return kept

        rig.device.take = take
        rig.operator.script[PromptKind.PAUSED] = [Answer(AnswerKind.STOP)]
        outcome = rig.run()
        assert (outcome.cause, rig.device.fires) == ("operator", 0)
        (paused,) = [p for p in rig.operator.asked if p.kind is PromptKind.PAUSED]
        assert "could not be read" in paused.text
