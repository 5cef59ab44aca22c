"""Rest and movements: recorded without a hole, cued, judged at once, repeated where they were bad."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from npr_daq.calibration import MISSING
from npr_daq.engine.plan import MovementSeries, Plan, RestRecording
from npr_daq.engine.run import RunState
from npr_daq.expression import Task
from npr_daq.operator import Answer, AnswerKind, PromptKind
from npr_daq.protocol.file import parse_protocol

RATE = 2_000


@dataclass
class Faces:
    """Judges by what it was told: flaws by the ordinal of the repetition in the exam."""

    flaws: dict[int, tuple[str, ...]] = field(default_factory=dict)
    rests: list[tuple[int, ...]] = field(default_factory=list)
    judged: list[tuple[Task, int, int, int]] = field(default_factory=list)

    def learn_rest(self, counts: Any, rate_hz: float) -> None:
        self.rests.append(counts.shape)

    def judge(
        self, task: Task, counts: Any, rate_hz: float, *, cue_sample: int, release_sample: int
    ) -> tuple[str, ...]:
        self.judged.append((task, counts.shape[1], cue_sample, release_sample))
        return self.flaws.get(len(self.judged), ())


@pytest.fixture
def faced(make_rig: Callable[..., Any]) -> Any:
    """Ten seconds of rest, then two expressions, three times each."""
    rig = make_rig(faces=Faces())
    steps = (
        RestRecording("rest", 10.0),
        MovementSeries("eyes", Task.CLOSE_EYES_TIGHTLY, 3, 2, hold_s=3.0, rest_s=5.0),
        MovementSeries("lips", Task.PUCKER, 3, 2, hold_s=3.0, rest_s=5.0),
    )
    rig.faceplan = replace(rig.plan(), steps=steps)
    return rig


def repetitions(rig: Any, step: str = "") -> list[dict[str, Any]]:
    return [e.detail for e in rig.journal.events if e.kind == "repetition" and (not step or e.detail["step"] == step)]


def stored(rig: Any, name: str) -> np.ndarray:
    """The samples of a capture as recovery would join them."""
    order = [c.name for c in rig.journal.captures]
    begun = rig.journal.captures[order.index(name)]
    later = [c for c in rig.journal.captures[order.index(name) + 1 :] if c.stream_id == begun.stream_id]
    end = later[0].first_sample if later else 10**9
    parts, at = [], begun.first_sample
    for stream_id, first, counts in rig.journal.frames:
        if stream_id == begun.stream_id and begun.first_sample <= first < end:
            assert first == at, "a hole, or an overlap"
            parts.append(counts)
            at = first + counts.shape[1]
    return np.concatenate(parts, axis=1)


def test_every_repetition_is_cued_recorded_and_judged(faced: Any) -> None:
    outcome = faced.run(faced.faceplan)
    assert outcome.state is RunState.FINISHED
    assert faced.operator.kinds() == [PromptKind.RELAX, PromptKind.MOVE]
    assert faced.faces.rests == [(16, 10 * RATE)]
    assert [r["repetition"] for r in repetitions(faced, "eyes")] == [1, 2, 3]
    assert [r["accepted"] for r in repetitions(faced)] == [True] * 6
    assert [c.name for c in faced.journal.captures] == ["rest", "eyes", "lips"]
    assert stored(faced, "rest").shape == (16, 10 * RATE)
    for row in repetitions(faced):
        assert row["release_sample"] - row["cue_sample"] == 3 * RATE
    cues = [row["cue_sample"] for row in repetitions(faced, "eyes")]
    assert np.diff(cues).tolist() == [8 * RATE, 8 * RATE]
    lead = cues[0] - faced.journal.captures[1].first_sample
    assert lead == 2 * RATE
    assert stored(faced, "eyes").shape[1] >= lead + 2 * 8 * RATE + 3 * RATE
    # One second before the cue, one and a half after the release.
    assert faced.faces.judged[0] == (Task.CLOSE_EYES_TIGHTLY, round(5.5 * RATE), RATE, 4 * RATE)
    assert [n.kind for n in faced.operator.told if n.kind in ("cue", "release", "repetition")][:3] == [
        "cue",
        "release",
        "repetition",
    ]
    assert not faced.device.delivered


def test_a_repetition_is_durable_before_it_is_told(faced: Any) -> None:
    told = []
    faced.operator.tell = lambda notice: told.append((notice.kind, list(faced.log)))
    faced.run(faced.faceplan)
    logs = [log for kind, log in told if kind == "repetition"]
    assert logs
    for log in logs:
        last = max(k for k, entry in enumerate(log) if entry == ("event", "repetition"))
        assert ("sync",) in log[last:]


def test_a_bad_repetition_is_named_and_made_again(faced: Any) -> None:
    faced.faces.flaws = {2: ("too weak",)}
    faced.run(faced.faceplan)
    rows = repetitions(faced, "eyes")
    assert [r["accepted"] for r in rows] == [True, False, True, True]
    assert rows[1]["flaws"] == ["too weak"]
    told = [n for n in faced.operator.notices("repetition") if not n.detail["accepted"]]
    assert len(told) == 1
    assert "too weak" in told[0].text
    assert PromptKind.JUDGE not in faced.operator.kinds()


@pytest.mark.parametrize(
    ("answer", "eyes", "marked"),
    [(AnswerKind.ACCEPT, 5, 0), (AnswerKind.SKIP, 5, 2), (AnswerKind.REDO, 6, 0)],
)
def test_too_few_good_ones_are_a_question(faced: Any, answer: AnswerKind, eyes: int, marked: int) -> None:
    faced.faces.flaws = dict.fromkeys((2, 3, 4), ("no burst after the cue",))
    faced.operator.script[PromptKind.JUDGE] = [Answer(answer, "tired"), Answer(AnswerKind.ACCEPT)]
    outcome = faced.run(faced.faceplan)
    assert outcome.state is RunState.FINISHED
    asked = next(p for p in faced.operator.asked if p.kind is PromptKind.JUDGE)
    assert asked.detail["good"] == 2
    assert asked.detail["flaws"] == {"no burst after the cue": 3}
    assert len(repetitions(faced, "eyes")) == eyes
    assert len(repetitions(faced, "lips")) == 3
    assert sum(e.kind == "repetition marked" for e in faced.journal.events) == marked


def test_the_technician_marks_the_last_repetition(faced: Any) -> None:
    def keys() -> Answer | None:
        if len(repetitions(faced)) == 2 and not faced.device.__dict__.setdefault("pressed", False):
            faced.device.pressed = True
            return Answer(AnswerKind.REDO, "the patient laughed")
        return None

    faced.operator.keys = keys
    faced.run(faced.faceplan)
    marked = [e.detail for e in faced.journal.events if e.kind == "repetition marked"]
    assert [(m["step"], m["repetition"], m["reason"]) for m in marked] == [("eyes", 2, "the patient laughed")]
    assert len(repetitions(faced, "eyes")) == 4


@pytest.mark.parametrize("key", [AnswerKind.PAUSE, AnswerKind.ENOUGH, AnswerKind.STOP])
def test_a_mark_stands_although_the_rest_is_broken_into(faced: Any, key: AnswerKind) -> None:
    faced.device.grain = 5
    pressed = iter([Answer(AnswerKind.REDO, "the patient laughed"), Answer(key, "water")])
    faced.operator.keys = lambda: next(pressed, None) if len(repetitions(faced)) == 2 else None
    faced.run(faced.faceplan)
    marked = [e.detail for e in faced.journal.events if e.kind == "repetition marked"]
    assert [(m["step"], m["repetition"], m["reason"]) for m in marked] == [("eyes", 2, "the patient laughed")]
    assert len(repetitions(faced, "eyes")) == (4 if key is AnswerKind.PAUSE else 2)


def test_what_breaks_off_later_counts_no_repetition_twice(faced: Any) -> None:
    tell = faced.operator.tell

    def told(notice: Any) -> None:
        tell(notice)
        if notice.kind == "progress" and notice.detail["repetitions"] == 3:
            raise KeyboardInterrupt

    faced.operator.tell = told
    assert faced.run(faced.faceplan).cause == "interrupted"
    assert [n.detail["repetitions"] for n in faced.operator.notices("progress")][-1] == len(repetitions(faced)) == 3


def test_after_a_pause_the_task_goes_on_in_a_recording_of_its_own(faced: Any) -> None:
    pressed = iter([Answer(AnswerKind.PAUSE, "water")])

    def keys() -> Answer | None:
        return next(pressed, None) if len(repetitions(faced)) == 1 else None

    faced.operator.keys = keys
    outcome = faced.run(faced.faceplan)
    assert outcome.state is RunState.FINISHED
    assert outcome.pauses == 1
    assert [c.name for c in faced.journal.captures] == ["rest", "eyes", "eyes_2", "lips"]
    assert [(r["repetition"], r["capture"]) for r in repetitions(faced, "eyes")] == [
        (1, "eyes"),
        (2, "eyes_2"),
        (3, "eyes_2"),
    ]
    assert faced.operator.kinds() == [PromptKind.RELAX, PromptKind.MOVE, PromptKind.PAUSED]


def test_skipping_at_the_pause_puts_the_task_aside(faced: Any) -> None:
    pressed = iter([Answer(AnswerKind.PAUSE, "pain")])
    faced.operator.keys = lambda: next(pressed, None) if len(repetitions(faced)) == 1 else None
    faced.operator.script[PromptKind.PAUSED] = [Answer(AnswerKind.SKIP, "pain")]
    assert faced.run(faced.faceplan).state is RunState.FINISHED
    marked = [e.detail for e in faced.journal.events if e.kind == "repetition marked"]
    assert [(m["step"], m["repetition"]) for m in marked] == [("eyes", 1)]
    assert len(repetitions(faced, "lips")) == 3


def test_enough_ends_the_task_and_keeps_what_was_good(faced: Any) -> None:
    pressed = iter([Answer(AnswerKind.ENOUGH, "tired")])
    faced.operator.keys = lambda: next(pressed, None) if len(repetitions(faced)) == 2 else None
    assert faced.run(faced.faceplan).state is RunState.FINISHED
    assert len(repetitions(faced, "eyes")) == 2
    assert len(repetitions(faced, "lips")) == 3
    assert not [e for e in faced.journal.events if e.kind == "repetition marked"]


def test_a_skipped_beginning_asks_again_before_the_next_task(faced: Any) -> None:
    faced.operator.script[PromptKind.MOVE] = [Answer(AnswerKind.SKIP, "cannot"), Answer(AnswerKind.DONE)]
    faced.run(faced.faceplan)
    assert faced.operator.kinds() == [PromptKind.RELAX, PromptKind.MOVE, PromptKind.MOVE]
    assert not repetitions(faced, "eyes")


def test_a_gap_is_stored_as_missing_samples(faced: Any) -> None:
    faced.device.holes = [(6_000, 6_400)]
    faced.run(faced.faceplan)
    rest = stored(faced, "rest")
    assert rest.shape == (16, 10 * RATE)
    assert np.flatnonzero(rest[0] == MISSING).tolist() == list(range(6_000, 6_400))
    event = next(e for e in faced.journal.events if e.kind == "rest")
    assert event.detail["missing_samples"] == 400
    assert "400 samples of the rest are missing" in "\n".join(n.text for n in faced.operator.notices("warning"))


def test_a_stop_makes_safe_and_keeps_what_came(faced: Any) -> None:
    faced.operator.keys = lambda: Answer(AnswerKind.STOP, "") if len(repetitions(faced)) == 1 else None
    outcome = faced.run(faced.faceplan)
    assert (outcome.state, outcome.cause) == (RunState.FINISHED, "operator")
    assert faced.since("stop")
    assert stored(faced, "eyes").shape[1] > 8 * RATE
    end = faced.operator.notices("end")
    assert end


def test_envelopes_are_told_while_it_runs_and_only_if_wanted(faced: Any) -> None:
    faced.run(faced.faceplan)
    frames = faced.operator.notices("envelope")
    seconds = (10 + 2 * (2 + 3 * 8)) * 1.0
    assert 15 * seconds <= len(frames) <= 21 * seconds
    assert len(frames[0].detail["uv"]) == len(frames[0].detail["names"]) == 16


def test_progress_counts_repetitions(faced: Any) -> None:
    faced.run(faced.faceplan)
    counts = [(n.detail["repetitions"], n.detail["repetitions_expected"]) for n in faced.operator.notices("progress")]
    assert counts[-1] == (6, 6)
    assert (1, 6) in counts
    left = [n.detail["time_left_s"] for n in faced.operator.notices("progress")]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


def test_shocks_follow_movements_at_their_own_rate(make_rig: Callable[..., Any]) -> None:
    rig = make_rig(faces=Faces())
    shocks: Plan = rig.plan()
    plan = replace(shocks, steps=(MovementSeries("lips", Task.PUCKER, 1, 0, hold_s=1.0, rest_s=3.0), *shocks.steps))
    assert rig.run(plan).state is RunState.FINISHED
    assert rig.device.delivered
    assert {s.rate_hz for s in rig.journal.sweeps} == {20_000}


def test_the_plan_of_movements_stimulates_nothing(make_rig: Callable[..., Any]) -> None:
    text = """
title = "t"
purpose = "p"
version = 1
montage = "facial-16"
[[step]]
kind = "rest"
[[step]]
kind = "movement"
task = "pucker"
"""
    protocol = parse_protocol(text, source="t.toml", name="t")
    rig = make_rig()
    from npr_daq.engine.plan import compile_plan
    from npr_daq.montage import standard_montage
    from npr_daq.stimulus import StimulusLimits

    plan = compile_plan(protocol, montage=standard_montage(), affected=rig.affected, limits=StimulusLimits())
    assert [s.name for s in plan.steps] == ["01_rest", "02_movement_pucker"]
    assert plan.records()[1]["task"] == "pucker"
    assert "Nothing stimulates." in str(plan)
    assert plan.worst_case == ()


def test_a_key_that_is_held_down_ends_one_task(faced: Any) -> None:
    """In wall time, where a person presses; the keyboard repeats the key up to thirty times a second."""
    faced.clock.wall = True
    faced.device.grain, faced.device.wall_step = 1, 200
    pressed = iter([Answer(AnswerKind.ENOUGH, "tired")] * 9)
    faced.operator.keys = lambda: next(pressed, None) if len(repetitions(faced)) == 2 else None
    faced.run(faced.faceplan)
    assert [e.detail["step"] for e in faced.journal.events if e.kind == "enough"] == ["eyes"]
    assert len(repetitions(faced, "lips")) == 3


def test_a_host_that_was_held_up_before_a_cue_goes_on(faced: Any) -> None:
    faced.clock.wall = True
    faced.device.wall_step = 200
    held: list[int] = []

    def told(notice: Any) -> None:
        if notice.kind == "next" and not held:
            held.append(1)
        elif notice.kind == "envelope" and held == [1] and faced.device._position > RATE:
            held.append(2)
            # Eight seconds, in which the cue and the release of the first repetition lie.
            faced.device._grant = faced.device._position + 8 * RATE
            faced.device._advance()

    faced.operator.tell = told
    assert faced.run(faced.faceplan).cause == "complete"
    assert held == [1, 2]
    assert len(repetitions(faced, "eyes")) == 3
    assert stored(faced, "eyes").shape[1] >= 25.9 * RATE
