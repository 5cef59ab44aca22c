"""The control endpoint: hands, voice and time beside the wire, and the operator who uses them."""

from collections.abc import Iterator
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.montage import standard_montage
from npr_daq.operator import AnswerKind, Prompt, PromptKind
from npr_daq.wire.link import Link
from npr_daq.wire.messages import Hello, StreamStart
from npr_daq.wire.tables import DeviceState, SampleFormat
from npr_simulators.bench import Bench, build_bench
from npr_simulators.operator import SimulatedOperator
from npr_simulators.options import Options
from npr_simulators.outbox import ALL_BYTES_MAX, DATA_BYTES_MAX, Outbox, Outgoing


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = build_bench(Options(patient="branch_loss", seed=2, side=Side.RIGHT), now_s=0.0)
    yield made
    made.close()


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
        ({"op": "cue", "task": "smile_open"}, "the tasks are rest"),
        ({"op": "cue", "task": ["rest"]}, "the tasks are rest"),
        ({"op": "place", "side": "left", "site": "supraorbital"}, "no blink reflex"),
        ({"op": "place", "side": "left", "site": "trunk", "offset_mm": 4}, "misplaced"),
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
    assert bench.pace.target_ticks(device, 1e9) == device.ticks
    assert bench.answer({"op": "run_to", "stream_id": 1, "sample": 800}) == {"running": True, "stream_id": 1}
    assert bench.pace.target_ticks(device, 0.0) == 800 * 50
    bench.answer({"op": "run_to", "stream_id": 1, "sample": 100})
    assert bench.pace.target_ticks(device, 0.0) == 800 * 50
    device.advance(800)
    device.stop_stream(flush=True)
    assert bench.answer({"op": "run_to", "stream_id": 1, "sample": 900})["running"] is False
    begin(bench)
    assert bench.pace.target_ticks(device, 0.0) == device.ticks


def test_the_stop_button_and_the_reset_control(bench: Bench) -> None:
    assert bench.answer({"op": "press_stop"}) == {"state": "FAULT"}
    bench.answer({"op": "reset_device"})
    assert bench.device.clear_fault()
    assert bench.device.state is DeviceState.SAFE


def test_faults_wait_for_their_stimulus_or_second(bench: Bench) -> None:
    bench.answer({"op": "fault", "layer": "skin", "what": "loosen", "side": "left", "muscle": "nasalis", "at_s": 1.0})
    bench.answer({"op": "fault", "layer": "frame", "what": "drop", "at_stimulus": 2})
    bench.answer({"op": "fault", "layer": "link", "what": "disconnect", "at_stimulus": 2})
    assert bench.due_by_time() == bench.due_by_stimulus() == []
    assert bench.next_fault_ticks() == 1_000_000
    bench.device.delivered.append(2)
    (pulled,) = bench.due_by_stimulus()
    assert pulled.layer == "link"
    for stimuli, left in (((), b"abc\0"), ((1, 3), b"abc\0"), ((2,), b""), ((2,), b"abc\0")):
        assert bench.spoiled(Outgoing(b"abc\0", samples=True, stimuli=stimuli)) == left
    bench.device.ticks = 1_000_000
    (loose,) = bench.due_by_time()
    bench.strike(loose)
    assert bench.face.loose == {standard_montage().row(Side.LEFT, Muscle.NASALIS)}
    assert bench.next_fault_ticks() == 1 << 62


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
    """A control client that only remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        self.calls.append((op, fields))
        return {}


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
