"""The control endpoint: hands, voice and time beside the wire, and the operator who uses them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.errors import Closed, UsageError
from npr_daq.montage import standard_montage
from npr_daq.operator import Answer, AnswerKind, Notice, Prompt, PromptKind
from npr_daq.wire.link import Link
from npr_daq.wire.messages import Data, Hello, StreamStart
from npr_daq.wire.tables import DeviceState, SampleFormat
from npr_simulators.assembly import build_bench
from npr_simulators.bench import Bench
from npr_simulators.faults import FaultScript
from npr_simulators.instruments import Instruments
from npr_simulators.mishaps import Mishaps
from npr_simulators.operator import SimulatedOperator
from npr_simulators.options import Options
from npr_simulators.outbox import ALL_BYTES_MAX, DATA_BYTES_MAX, Outbox, Outgoing
from npr_simulators.pace import LockStep
from npr_simulators.person.sites import Site


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = build_bench(Options(patient="branch_loss", seed=2, side=Side.RIGHT), now_s=0.0)
    yield made
    made.close()


@pytest.fixture
def ears(rig: Any) -> tuple[Bench, Any, Any]:
    """A bench whose face remembers how it was held and what it was asked for, and what went to the truth file."""
    instruments = Instruments({"frontend": rig.device})
    bench = Bench(
        options=Options(),
        face=rig.face,
        instruments=instruments,
        paces={"frontend": LockStep()},
        mishaps=Mishaps(instruments, rig.face, FaultScript()),
        truth=rig.truth,
    )
    return bench, rig.face, rig.truth


def test_how_the_stimulator_is_held_reaches_the_face(ears: tuple[Bench, Any, Any]) -> None:
    bench, face, _ = ears
    held = {"op": "place", "side": "left", "site": "supraorbital", "offset_mm": 4, "anode_first": True}
    assert bench.answer(held) == {"placed": ["left", "supraorbital"]}
    assert face.placed == (Side.LEFT, Site.SUPRAORBITAL)
    assert face.where == {"offset_mm": 4.0, "anterior_mm": None, "anode_first": True}


def test_a_movement_is_asked_for_while_it_is_recorded_and_its_truth_is_kept(
    ears: tuple[Bench, Any, Any],
) -> None:
    bench, face, truth = ears
    smile = {"op": "cue", "task": "smile_open", "effort": 0.5, "seconds": 4}
    with pytest.raises(UsageError, match="no stream runs"):
        bench.answer(smile)
    assert bench.answer({"op": "cue", "task": "rest"}) == {"task": "rest"}
    begin(bench)
    bench.device.advance(700)
    assert bench.answer(smile) == {"task": "smile_open", "stream_id": 1, "sample": 700}
    assert face.cued == ("smile_open", 0.5, 4.0, 1, 700, 20_000.0)
    assert truth.lines == [{"boot_id": 77, "task": "smile_open", "sample": 700}]
    for wrong in ({"task": "juggle"}, {"effort": 1.5}, {"effort": "much"}, {"seconds": -1}):
        with pytest.raises(UsageError):
            bench.answer(smile | wrong)


def test_a_movement_is_cued_at_the_sample_that_was_named_if_it_is_near(ears: tuple[Bench, Any, Any]) -> None:
    bench, face, truth = ears
    smile = {"op": "cue", "task": "smile_open", "effort": 1, "seconds": 3}
    begin(bench)
    bench.device.advance(5000)
    for sample in (3000, 5000, 5000 + 60 * 20_000):
        assert bench.answer(smile | {"sample": sample}) == {"task": "smile_open", "stream_id": 1, "sample": sample}
        assert face.cued == ("smile_open", 1.0, 3.0, 1, sample, 20_000.0)
    assert truth.lines[0]["sample"] == 3000
    for wrong, says in (
        (2999, "0.1 s behind the newest one, 5000; .* give 3000 to 1205000, or leave sample out"),
        (1_205_001, "60 s ahead of the newest one"),
        (-1, "whole number"),
        ("now", "whole number"),
    ):
        with pytest.raises(UsageError, match=says):
            bench.answer(smile | {"sample": wrong})
    assert len(truth.lines) == 3


def test_a_movement_with_a_sample_is_the_same_whenever_it_was_asked_for() -> None:
    def told(asked_at: int) -> NDArray[np.int32]:
        made = build_bench(Options(patient="healthy", seed=2), now_s=0.0)
        link = Link()
        made.device.receive(link.send(Hello(1, 0, 1)), 0.0)
        made.device.receive(link.send(StreamStart(2000, 0xFFFF, SampleFormat.I24, 80)), 0.0)
        made.device.advance(asked_at)
        made.answer({"op": "cue", "task": "smile_open", "effort": 1, "seconds": 1, "sample": 400})
        made.device.advance(2400)
        frames = [link.receive(frame.wire) for frame in made.device.wire.take_outgoing()]
        made.close()
        blocks = [each.message.counts for got in frames for each in got if isinstance(each.message, Data)]
        return np.concatenate(blocks, axis=1)

    early, late = told(80), told(590)
    smile = standard_montage().row(Side.LEFT, Muscle.ZYGOMATICUS)
    assert np.array_equal(early, late)
    assert early[smile, 1400:2000].std() > 5 * early[smile, 400:700].std()


def test_a_wrong_field_is_told_and_lost_in_no_silence(ears: tuple[Bench, Any, Any]) -> None:
    bench, face, _ = ears
    for request, says in (
        (
            {"op": "place", "side": "left", "site": "trunk", "anterior": 3},
            "no field 'anterior'; did you mean",
        ),
        ({"op": "lift", "side": "left"}, "'lift' has no field 'side'; it takes none"),
        ({"op": "voice", "x" * 5000: 1}, "it takes none"),
        ({"op": "cue"}, "task None is not one of"),
        ({"op": "cue", "task": "rest", "effort": "much"}, "effort 'much' is not a number of 0 to 1"),
    ):
        with pytest.raises(UsageError, match=says) as refused:
            bench.answer(request)
        assert len(str(refused.value)) < 400
    assert not hasattr(face, "where")  # nobody has held the stimulator there


def test_what_the_patient_says_is_said_once(ears: tuple[Bench, Any, Any]) -> None:
    bench, face, _ = ears
    face.said = [{"said": "hurts", "score": 6.5, "ordinal": 3}]
    assert bench.answer({"op": "voice"}) == {"said": [{"said": "hurts", "score": 6.5, "ordinal": 3}]}
    assert bench.answer({"op": "voice"}) == {"said": []}


def begin(bench: Bench) -> None:
    link = Link()
    bench.device.receive(link.send(Hello(1, 0, 1)), 0.0)
    bench.device.receive(link.send(StreamStart(20_000, 0xFFFF, SampleFormat.I24, 80)), 0.0)


def test_hands_move_the_stimulator_and_the_electrodes(bench: Bench) -> None:
    assert bench.answer({"op": "status"})["placed"] is None
    assert bench.answer({"op": "place", "side": "right", "site": "buccal"}) == {"placed": ["right", "buccal"]}
    assert bench.face.placed == (Side.RIGHT, Branch.BUCCAL)
    loosened = {"op": "electrode", "side": "left", "muscle": "mentalis", "action": "loosen"}
    assert bench.answer(loosened) == {"loose": ["left.mentalis"]}
    assert bench.answer(loosened | {"action": "fix"}) == {"loose": []}
    assert bench.answer({"op": "lift"}) == {"placed": None}
    assert bench.answer({"op": "cue", "task": "rest", "effort": 0}) == {"task": "rest"}


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"op": "dance"}, "known are"),
        ({"op": "place", "side": "left", "site": "elbow"}, "trunk"),
        ({"op": "place", "side": "up", "site": "trunk"}, "left"),
        ({"op": "electrode", "side": "left", "muscle": "mentalis", "action": "kick"}, "loosen"),
        ({"op": "cue", "task": "smile_open"}, "no stream runs"),
        ({"op": "cue", "task": "juggle"}, "is not one of rest"),
        ({"op": "cue", "task": ["rest"]}, "is not one of rest"),
        ({"op": "place", "side": "left", "site": "trunk", "offset_mm": -1}, "0 to 30"),
        ({"op": "place", "side": "left", "site": "trunk", "anterior_mm": True}, "0 to 30"),
        ({"op": "place", "side": "left", "site": "trunk", "anode_first": 1}, "neither true nor false"),
        ({"op": "run_to", "stream_id": 1, "sample": 5}, "never started"),
        ({"op": "run_to", "stream_id": 1, "sample": -5}, "whole number"),
        ({"op": "run_to", "stream_id": True, "sample": 5}, "whole number"),
        ({"op": "fault", "layer": "moon", "what": "full"}, "frame"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_can(bench: Bench, request_: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        bench.answer(request_)


def test_the_patient_answers_for_itself_with_the_lesion_on_its_side(bench: Bench) -> None:
    told = bench.answer({"op": "intake"})["intake"]
    assert told["affected"] == "right"
    assert told["consent"] is True
    assert set(told["contraindications"].values()) == {False}


def test_time_is_granted_and_never_taken_back(bench: Bench) -> None:
    begin(bench)
    device = bench.device
    assert bench.target_ticks(1e9) == device.ticks
    assert bench.answer({"op": "run_to", "stream_id": 1, "sample": 800}) == {"running": True, "stream_id": 1}
    assert bench.target_ticks(0.0) == 800 * 50
    bench.answer({"op": "run_to", "stream_id": 1, "sample": 100})
    assert bench.target_ticks(0.0) == 800 * 50
    device.advance(800)
    device.stop_stream(flush=True)
    assert bench.answer({"op": "run_to", "stream_id": 1, "sample": 900})["running"] is False
    begin(bench)
    assert bench.target_ticks(0.0) == device.ticks


def test_the_stop_button_and_the_reset_control(bench: Bench) -> None:
    assert bench.answer({"op": "press_stop"}) == {"state": "FAULT"}
    bench.answer({"op": "reset_device"})
    assert bench.device.clear_fault()
    assert bench.device.state is DeviceState.SAFE


def test_faults_wait_for_their_stimulus_or_second(bench: Bench) -> None:
    bench.answer({"op": "fault", "layer": "skin", "what": "loosen", "side": "left", "muscle": "nasalis", "at_s": 1.0})
    bench.answer({"op": "fault", "layer": "frame", "what": "drop", "at_stimulus": 2})
    bench.answer({"op": "fault", "layer": "link", "what": "disconnect", "at_stimulus": 2})
    assert bench.mishaps.due_by_time() == bench.mishaps.due_by_stimulus() == []
    assert bench.mishaps.next_ticks() == 1_000_000
    bench.device.delivered.append(2)
    (pulled,) = bench.mishaps.due_by_stimulus()
    assert pulled.layer == "link"
    for stimuli, left in (((), b"abc\0"), ((1, 3), b"abc\0"), ((2,), b""), ((2,), b"abc\0")):
        assert bench.mishaps.spoiled(Outgoing(b"abc\0", samples=True, stimuli=stimuli), "frontend") == left
    bench.device.ticks = 1_000_000
    (loose,) = bench.mishaps.due_by_time()
    bench.mishaps.strike(loose)
    assert bench.face.loose == {standard_montage().row(Side.LEFT, Muscle.NASALIS)}
    assert bench.mishaps.next_ticks() == 1 << 62


def test_the_outbox_is_bounded_and_finishes_what_it_began() -> None:
    box = Outbox()
    box.put(Outgoing(b"half-sent samples", samples=True))
    box.put(Outgoing(b"samples", samples=True))
    box.put(Outgoing(b"answer", samples=False))
    box.sent(4)
    box.drop_samples()
    assert bytes(box.next() or b"") == b"-sent samples"
    box.sent(13)
    assert bytes(box.next() or b"") == b"answer"
    box.sent(6)
    assert (box.next(), box.unsent_bytes) == (None, 0)
    for _ in range(3000):
        box.put(Outgoing(bytes(1000), samples=False))
    assert box.full
    assert DATA_BYTES_MAX < box.unsent_bytes <= ALL_BYTES_MAX
    assert box.dropped_frames == 3000 - box.unsent_bytes // 1000


class Deaf:
    """A control client that only remembers; `said` is what the patient says next."""

    def __init__(self, *said: dict[str, Any]) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.said = list(said)

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        self.calls.append((op, fields))
        return {"said": [self.said.pop(0)]} if op == "voice" and self.said else {}


EVERY = tuple(AnswerKind)


def prompt(kind: PromptKind, **rest: Any) -> Prompt:
    return Prompt(kind, "?", rest.pop("choices", EVERY), **rest)


def test_the_simulated_operator_does_what_hands_and_voice_do() -> None:
    client = Deaf()
    operator = SimulatedOperator(client)  # type: ignore[arg-type]
    assert operator.ask(prompt(PromptKind.PLACE, side=Side.LEFT, site=Branch.BUCCAL)).kind is AnswerKind.DONE
    assert operator.ask(prompt(PromptKind.RELAX)).kind is AnswerKind.DONE
    assert client.calls == [("place", {"side": "left", "site": "buccal"}), ("cue", {"task": "rest", "effort": 0.0})]
    assert operator.ask(prompt(PromptKind.CONFIRM_CURRENT)).kind is AnswerKind.CONFIRM
    assert operator.ask(prompt(PromptKind.LATCHED)).kind is AnswerKind.STOP
    assert operator.ask(prompt(PromptKind.PLACE)).kind is AnswerKind.STOP
    assert operator.interrupt() is None


def test_the_simulated_operator_asks_for_one_redo_per_series() -> None:
    operator = SimulatedOperator(Deaf())  # type: ignore[arg-type]
    bad = prompt(PromptKind.JUDGE, side=Side.LEFT, site=Branch.TRUNK, step="a", detail={"concordant": False})
    other = prompt(PromptKind.JUDGE, side=Side.RIGHT, site=Branch.TRUNK, step="a", detail={"concordant": False})
    good = prompt(PromptKind.JUDGE, side=Side.LEFT, site=Branch.TRUNK, step="b", detail={"concordant": True})
    answers = [operator.ask(p).kind for p in (good, bad, bad, other, bad)]
    accept, redo = AnswerKind.ACCEPT, AnswerKind.REDO
    assert answers == [accept, redo, accept, redo, accept]


def test_the_simulated_operator_resumes_once_and_never_gives_a_forbidden_answer() -> None:
    operator = SimulatedOperator(Deaf())  # type: ignore[arg-type]
    paused = prompt(PromptKind.PAUSED)
    assert [operator.ask(paused).kind for _ in range(3)] == [AnswerKind.RESUME, AnswerKind.STOP, AnswerKind.STOP]
    narrow = prompt(PromptKind.JUDGE, choices=(AnswerKind.NO_RESPONSE,))
    assert operator.ask(narrow).kind is AnswerKind.STOP


def test_the_simulated_operator_tries_a_site_once_more_and_then_skips_it_and_goes_on() -> None:
    operator = SimulatedOperator(Deaf())  # type: ignore[arg-type]
    why = {"why": "evidence", "reason": "clipped: right.nasalis"}
    one, other = (prompt(PromptKind.PAUSED, side=side, site=Branch.TRUNK, step=str(side), detail=why) for side in Side)
    answers = [operator.ask(p) for p in (one, one, other, other)]
    assert [a.kind for a in answers] == [AnswerKind.RESUME, AnswerKind.SKIP] * 2
    assert answers[1].reason == "tried again in vain: clipped: right.nasalis"
    assert operator.ask(prompt(PromptKind.PAUSED)).kind is AnswerKind.RESUME
    assert operator.ask(prompt(PromptKind.PAUSED)).kind is AnswerKind.STOP


def test_the_simulated_operator_listens_after_every_shock() -> None:
    client = Deaf({"said": "hurts", "score": 4.2, "ordinal": 1}, {"said": "stop", "score": 8.6, "ordinal": 2})
    operator = SimulatedOperator(client)  # type: ignore[arg-type]
    heard = []
    for _ in range(3):
        operator.tell(Notice("sweep", "a sweep"))
        operator.tell(Notice("progress", "on it goes"))
        heard.append((operator.interrupt(), operator.ask(prompt(PromptKind.CONFIRM_CURRENT)).reason))
    assert [op for op, _ in client.calls] == ["voice"] * 3
    enough = Answer(AnswerKind.ENOUGH, "the patient asked to stop, discomfort 9 of 10")
    assert [answer for answer, _ in heard] == [None, enough, None]
    assert "discomfort 4 of 10" in heard[0][1]


def test_a_simulator_that_has_gone_is_not_the_operators_to_report() -> None:
    class Gone:
        def call(self, op: str, **fields: Any) -> dict[str, Any]:
            raise Closed("the simulator has gone")

    operator = SimulatedOperator(Gone())  # type: ignore[arg-type]
    operator.tell(Notice("sweep", "a sweep"))
    assert operator.interrupt() is None


CUE = {"task": "smile_open", "hold_s": 3.0, "sample": 12_345, "stream_id": 1, "rate_hz": 2000.0}


@pytest.mark.parametrize(("wall", "named"), [(None, {}), (True, {}), (False, {"sample": 12_345})])
def test_the_simulated_operator_says_every_cue_at_its_sample_where_it_grants_time(
    wall: bool | None, named: dict[str, int]
) -> None:
    client = Deaf()
    operator = SimulatedOperator(client, None if wall is None else Time(wall))  # type: ignore[arg-type]
    assert operator.ask(prompt(PromptKind.MOVE)).kind is AnswerKind.DONE
    operator.tell(Notice("cue", "Smile and show the teeth", CUE))
    operator.tell(Notice("release", "and let go"))
    assert client.calls == [("cue", {"task": "smile_open", "effort": 1.0, "seconds": 3.0, **named})]


class Time:
    def __init__(self, wall: bool) -> None:
        self.wall = wall


def test_the_simulated_operator_presses_on_what_a_repetition_names_as_loose_and_listens() -> None:
    client = Deaf()
    operator = SimulatedOperator(client)  # type: ignore[arg-type]
    named = ("too weak", "loose electrode: left orbicularis oculi", "loose electrode: third eye")
    for flaws in (named, (), None, 3):
        operator.tell(Notice("repetition", "judged", {"flaws": flaws}))
    fixed = {"side": "left", "muscle": "orbicularis_oculi", "action": "fix"}
    assert client.calls == [("electrode", fixed), *[("voice", {})] * 4]


def test_the_simulated_operator_has_a_movement_made_once_more() -> None:
    operator = SimulatedOperator(Deaf())  # type: ignore[arg-type]
    detail = {"kind": "movement", "task": "pucker", "good": 3, "wanted": 5, "concordant": False, "flaws": {}}
    one, other = (prompt(PromptKind.JUDGE, step=step, detail=detail) for step in ("04_movement", "05_movement"))
    answers = [operator.ask(each) for each in (one, one, other)]
    assert [a.kind for a in answers] == [AnswerKind.REDO, AnswerKind.ACCEPT, AnswerKind.REDO]
    assert answers[0].reason == "3 good repetitions of 5"


@pytest.mark.parametrize("answer", [Closed("the simulator has gone"), TypeError("no object"), None])
def test_no_news_raises_out_of_the_simulated_operator(answer: Exception | None) -> None:
    class Strange:
        def call(self, op: str, **fields: Any) -> Any:
            if answer is not None:
                raise answer
            return {"said": [7]}

    operator = SimulatedOperator(Strange(), Time(wall=False))  # type: ignore[arg-type]
    for notice in (Notice("cue", "smile", CUE), Notice("cue", "smile", {"sample": "?"}), Notice("repetition", "bad")):
        operator.tell(notice)
    assert operator.interrupt() is None
