"""Late responses, reflexes, trains and thresholds: what each kind of step gives at its site, and how it is stopped."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from npr_daq.engine.run import RunState
from npr_daq.operator import Answer, AnswerKind, PromptKind
from npr_daq.recording import Role

MakeRig = Callable[..., Any]

HEAD = 'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
STEPS = {
    "late": 'kind = "late"\nsite = "zygomatic"\nsweeps = 5\n',
    "reflex": 'kind = "reflex"\nsite = "supraorbital"\nsweeps = 5\n',
    "train": 'kind = "train"\nsite = "buccal"\nmuscles = ["nasalis"]\ncount = 5\ntrains = 2\nrest_s = 5.0\n',
    "excitability": 'kind = "excitability"\nsite = "temporal"\n',
}


@pytest.fixture
def at(make_rig: MakeRig, tmp_path: Path) -> MakeRig:
    """A rig with one step of a kind at each of `sides`."""

    def made(kind: str, sides: tuple[str, ...] = ("healthy",), **more: Any) -> Any:
        file = tmp_path / f"{kind}.toml"
        file.write_text(HEAD + "".join(f'[[step]]\nside = "{side}"\n{STEPS[kind]}' for side in sides))
        rig = make_rig(protocol=str(file), **more)
        rig.operator.script[PromptKind.CONFIRM_TRAIN] = [Answer(AnswerKind.CONFIRM, "yes")]
        if kind == "train":
            rig.least_s = 0.33
        return rig

    return made


def roles(rig: Any) -> Counter[Role]:
    return Counter(s.role for s in rig.journal.sweeps)


def in_trains(rig: Any) -> list[Any]:
    return [s for s in rig.journal.sweeps if s.why["rule"] == "train"]


@pytest.mark.parametrize("kind", list(STEPS))
def test_every_shock_has_its_kind_and_its_reason(at: MakeRig, kind: str) -> None:
    rig = at(kind)
    outcome = rig.run()
    assert (outcome.state, outcome.cause) == (RunState.FINISHED, "complete")
    assert {s.why["kind"] for s in rig.journal.sweeps} == {kind}
    assert all(s.why["rule"] for s in rig.journal.sweeps)
    (step,) = rig.plan().sites
    assert outcome.shocks <= step.max_shocks
    assert max(s.stimulus.current_ma for s in rig.journal.sweeps) <= step.cap_ma
    (evidence,) = outcome.results.values()
    assert evidence.evidence["kind"] == kind


class TestLate:
    def test_the_sweeps_are_given_above_the_first_maximal_current_and_not_judged(self, at: MakeRig) -> None:
        rig = at("late")
        outcome = rig.run()
        assert roles(rig)[Role.ACCEPT] == 5
        assert Role.REJECTED not in roles(rig)
        (verdict,) = outcome.results.values()
        foot = verdict.evidence["muscles"]["orbicularis_oculi"]["plateau_ma"][0]
        (given,) = {s.stimulus.current_ma for s in rig.journal.sweeps if s.role is Role.ACCEPT}
        assert given == pytest.approx(1.2 * foot, abs=0.0051)

    def test_where_nothing_answers_three_sweeps_are_enough(self, at: MakeRig) -> None:
        rig = at("late", nerve=lambda *a: 0.0)
        outcome = rig.run()
        assert roles(rig)[Role.ACCEPT] == 3
        assert outcome.state is RunState.FINISHED


class TestReflex:
    def test_two_answers_end_the_ladder_and_shocks_are_ten_seconds_apart(self, at: MakeRig) -> None:
        rig = at("reflex", least_s=10.0)
        rig.run()
        assert roles(rig) == {Role.SEARCH: 2, Role.ACCEPT: 5}
        assert "notch" in rig.operator.asked[0].text


class TestExcitability:
    def test_the_bracket_of_each_side_is_kept_and_nothing_is_given_after_it(self, at: MakeRig) -> None:
        rig = at("excitability", ("healthy", "affected"))
        outcome = rig.run()
        assert set(roles(rig)) == {Role.SEARCH}
        healthy, affected = outcome.results.values()
        for verdict in (healthy, affected):
            (row,) = verdict.evidence["thresholds"]
            assert row["low_ma"] < row["threshold_ma"] == row["high_ma"] <= 1.05 * row["low_ma"] + 0.02
        assert affected.evidence["shocks"] < healthy.evidence["shocks"] <= 11
        said = [n.text for n in rig.operator.notices("accepted")]
        assert said[0].endswith(healthy.reason)
        assert "threshold" in said[0]


class TestTrains:
    def test_each_is_confirmed_and_given_at_its_rate_after_its_rest(self, at: MakeRig) -> None:
        rig = at("train")
        rig.run()
        prompts = [p for p in rig.operator.asked if p.kind is PromptKind.CONFIRM_TRAIN]
        assert [p.detail["train"] for p in prompts] == [1, 2]
        shots = in_trains(rig)
        assert [(s.why["train"], s.why["pulse"]) for s in shots] == [(t, p) for t in (1, 2) for p in range(1, 6)]
        rows = [e.detail for e in rig.journal.events if e.kind == "train"]
        assert [row["regular"] for row in rows] == [True, True]
        assert all(row["rate_hz"] == pytest.approx(3.0, rel=0.001) for row in rows)
        onsets = [at for _, at in rig.device.onsets][-10:]
        assert onsets[0] - [at for _, at in rig.device.onsets][-11] >= 5 * 20_000
        assert onsets[5] - onsets[4] >= 5 * 20_000

    def test_the_device_holds_the_limits_of_single_shocks_until_the_first_is_confirmed(self, at: MakeRig) -> None:
        rig = at("train", ("healthy", "affected"))
        seen: list[tuple[int, float]] = []
        real = rig.device.set_limits

        def set_limits(limits: Any) -> Any:
            seen.append((len(rig.journal.sweeps), limits.max_rate_hz))
            return real(limits)

        rig.device.set_limits = set_limits
        rig.run()
        searched = len([s for s in rig.journal.sweeps if "right" in s.step and s.why["rule"] != "train"])
        both = len([s for s in rig.journal.sweeps if "right" in s.step])
        assert [rate for _, rate in seen] == pytest.approx([1.0, 4.8, 1.0, 4.8])
        assert [given for given, _ in seen[:3]] == [0, searched, both]

    def test_a_fast_one_is_not_armed_before_the_device_allows_it(self, at: MakeRig, tmp_path: Path) -> None:
        rig = at("train")
        file = tmp_path / "train.toml"
        file.write_text(file.read_text() + "train_rate_hz = 5.0\n")
        rig.least_s, rig.clock.wall, rig.device.wall_step = 0.2, True, 200
        armed: list[float] = []
        real = rig.device.arm

        def arm(limits: Any) -> None:
            if limits.max_rate_hz > 1:
                armed.append((rig.device._position - rig.device.onsets[-1][1]) * limits.max_rate_hz / 20_000)
            real(limits)

        rig.device.arm = arm
        rig.run()
        assert len(armed) == 10
        assert min(armed) >= 1
        assert all(e.detail["regular"] for e in rig.journal.events if e.kind == "train")

    def test_none_without_the_confirmation(self, at: MakeRig) -> None:
        rig = at("train")
        rig.operator.script[PromptKind.CONFIRM_TRAIN] = [Answer(AnswerKind.REFUSE, "no")]
        outcome = rig.run()
        assert not in_trains(rig)
        assert outcome.state is RunState.FINISHED

    def test_none_where_nothing_answers(self, at: MakeRig) -> None:
        rig = at("train", nerve=lambda *a: 0.0)
        rig.run()
        assert PromptKind.CONFIRM_TRAIN not in rig.operator.kinds()
        assert not in_trains(rig)

    @pytest.mark.parametrize("kind", [AnswerKind.STOP, AnswerKind.PAUSE, AnswerKind.ENOUGH])
    def test_a_key_in_mid_train_disarms_first_and_nothing_goes_on_by_itself(
        self, at: MakeRig, kind: AnswerKind
    ) -> None:
        rig = at("train")
        pressed: list[int] = []

        def keys() -> Answer | None:
            if len(in_trains(rig)) == 2 and not pressed:
                pressed.append(len(rig.log))
                return Answer(kind, "now")
            return None

        rig.operator.keys = keys
        rig.operator.script[PromptKind.PAUSED] = [Answer(AnswerKind.STOP, "no more")]
        outcome = rig.run()
        after = [entry[0] for entry in rig.log[pressed[0] :]]
        assert "make_safe" in after
        assert "fire" not in after
        assert not {"arm", "intent", "configure"} & set(after[: after.index("make_safe")])
        assert len(in_trains(rig)) == 2
        assert outcome.state is RunState.FINISHED
        assert outcome.cause == ("complete" if kind is AnswerKind.ENOUGH else "operator")

    def test_what_is_left_of_a_broken_train_is_confirmed_once_more_and_the_train_is_said_to_limp(
        self, at: MakeRig
    ) -> None:
        rig = at("train")
        pressed: list[int] = []

        def keys() -> Answer | None:
            if len(in_trains(rig)) == 2 and not pressed:
                pressed.append(1)
                return Answer(AnswerKind.PAUSE, "a moment")
            return None

        rig.operator.keys = keys
        rig.run()
        prompts = [p for p in rig.operator.asked if p.kind is PromptKind.CONFIRM_TRAIN]
        assert [(p.detail["train"], p.detail["count"]) for p in prompts] == [(1, 5), (1, 3), (2, 5)]
        assert "broken off: its last 3 shocks" in prompts[1].text
        rows = [e.detail for e in rig.journal.events if e.kind == "train"]
        assert [row["regular"] for row in rows] == [False, True]
        (warned,) = rig.operator.notices("warning")
        assert warned.text.endswith("5 shocks at 3.00 Hz; broken off in between: not all intervals are known")
        assert len(in_trains(rig)) == 10

    def test_one_that_was_ended_early_says_how_much_of_it_was_given_and_no_rate_that_it_kept(self, at: MakeRig) -> None:
        rig = at("train")
        keys = [Answer(AnswerKind.ENOUGH, "enough")]
        rig.operator.keys = lambda: keys.pop() if keys and len(in_trains(rig)) == 3 else None
        rig.run()
        (warned,) = (n for n in rig.operator.notices("warning") if n.text.startswith("train 1"))
        assert warned.text.endswith("3 of 5 shocks at 3.00 Hz")
        assert warned.detail["regular"] is False

    def test_the_record_of_the_search_says_in_which_pass_it_was_made(self, at: MakeRig) -> None:
        rig = at("excitability")
        rig.operator.script[PromptKind.JUDGE] = [Answer(AnswerKind.REDO, "once more"), Answer(AnswerKind.ACCEPT)]
        outcome = rig.run()
        (verdict,) = outcome.results.values()
        assert verdict.evidence["pass"] == 2
