"""Operators: the terminal's keys, the script's caution, JSON lines, training."""

import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from npr_daq.anatomy import Branch, Side
from npr_daq.operator import Answer, AnswerKind, Notice, Prompt, PromptKind
from npr_daq.operators.judging import PATIENT_STOPPED, numbers_line, reasons_for, repeating_response
from npr_daq.operators.keyboard import ESCAPE, Keyboard, forget_lines, split_keys
from npr_daq.operators.script import ScriptedOperator
from npr_daq.operators.terminal import KEYS, NOT_NOW, TerminalOperator
from npr_daq.operators.training import TrainedOperator
from npr_daq.operators.watched import JsonLines, WatchedOperator


class Keys(Keyboard):
    """A keyboard that plays back `presses`."""

    def __init__(self, *presses: str) -> None:
        super().__init__()
        self.presses = list(presses)

    def key(self, timeout_s: float) -> str:
        return self.presses.pop(0) if self.presses else ""

    def forget(self) -> str:
        return ""


def terminal(*presses: str) -> tuple[TerminalOperator, io.StringIO]:
    screen = io.StringIO()
    return TerminalOperator(Console(file=screen, width=100), Keys(*presses)), screen


JUDGE = Prompt(
    PromptKind.JUDGE,
    "left buccal: 5 sweeps",
    (AnswerKind.ACCEPT, AnswerKind.REDO, AnswerKind.NO_RESPONSE, AnswerKind.SKIP),
)


@pytest.mark.parametrize(
    ("key", "answer"), [("\n", AnswerKind.ACCEPT), ("\r", AnswerKind.ACCEPT), ("r", AnswerKind.REDO)]
)
def test_one_key_answers(key: str, answer: AnswerKind) -> None:
    operator, screen = terminal(key)
    assert operator.ask(JUDGE) == Answer(answer)
    assert "left buccal" in screen.getvalue()
    assert "Esc stop" in screen.getvalue()


def test_escape_always_stops() -> None:
    operator, _ = terminal(ESCAPE)
    assert operator.ask(JUDGE).kind is AnswerKind.STOP


def test_keys_that_are_no_choice_are_ignored() -> None:
    operator, _ = terminal("y", "g", "q", "", "R")
    assert operator.ask(JUDGE).kind is AnswerKind.REDO


def test_no_response_asks_for_a_reason() -> None:
    operator, screen = terminal("n", "9", "1")
    assert operator.ask(JUDGE) == Answer(AnswerKind.NO_RESPONSE, PATIENT_STOPPED)
    assert "B back" in screen.getvalue()


@pytest.mark.parametrize("key", ["n", "s"])
def test_escape_at_the_reason_stops_the_exam(key: str) -> None:
    operator, screen = terminal(key, ESCAPE)
    assert operator.ask(JUDGE).kind is AnswerKind.STOP
    assert screen.getvalue().count("Esc stop") == 2


def test_back_asks_the_question_again() -> None:
    operator, screen = terminal("s", "b", "\n")
    assert operator.ask(JUDGE) == Answer(AnswerKind.ACCEPT)
    assert screen.getvalue().count(JUDGE.text) == 2


def test_a_stop_request_at_the_reason_stops() -> None:
    operator, _ = terminal("n")
    causes = iter([None, "interrupted"])
    operator.stopped = lambda: next(causes)
    assert operator.ask(JUDGE) == Answer(AnswerKind.STOP, "interrupted")


def judged(**detail: Any) -> Prompt:
    return Prompt(JUDGE.kind, JUDGE.text, JUDGE.choices, step="s", detail=detail)


ANSWERS = {"nasalis": {"present": 5, "peak_to_peak_mv": 2.154}, "mentalis": {"present": 1, "peak_to_peak_mv": 3.0}}


def test_no_response_over_one_that_repeats_is_asked_once_more() -> None:
    operator, screen = terminal("n", "\n", "y", "2")
    assert operator.ask(judged(muscles=ANSWERS)).kind is AnswerKind.NO_RESPONSE
    assert "nasalis 2.15 mV" in screen.getvalue()
    for presses, kind in ((("n", "b", "r"), AnswerKind.REDO), (("n", ESCAPE), AnswerKind.STOP)):
        operator, _ = terminal(*presses)
        assert operator.ask(judged(muscles=ANSWERS)).kind is kind


def test_the_doubt_names_the_headline_or_the_largest() -> None:
    muscles = {"nasalis": {"present": 2, "peak_to_peak_mv": 1.0}, "mentalis": {"present": 2, "peak_to_peak_mv": 3.0}}
    assert repeating_response({"muscles": muscles}) == "mentalis 3.00 mV"
    assert repeating_response({"muscles": muscles, "muscle": "nasalis"}) == "nasalis 1.00 mV"
    assert repeating_response({"muscles": {"nasalis": {"present": 1, "peak_to_peak_mv": 1.0}}}) == ""
    assert repeating_response({}) == ""


def test_at_the_cap_is_a_reason_only_at_the_cap() -> None:
    detail = {"current_ma": 25.0, "elicited": False}
    assert reasons_for(AnswerKind.NO_RESPONSE, detail, 25.0)["1"] == "no response at the cap"
    assert reasons_for(AnswerKind.NO_RESPONSE, detail, 40.0)["1"] == "no response up to 25 mA"
    for kind, shown in ((AnswerKind.SKIP, detail), (AnswerKind.NO_RESPONSE, {"current_ma": 25.0, "elicited": True})):
        assert reasons_for(kind, shown, 40.0)["1"] == PATIENT_STOPPED


def test_a_site_left_at_a_pause_is_left_for_what_paused_it() -> None:
    pause = {"why": "evidence", "reason": "2 shocks in a row were no evidence (clipped: left.nasalis)"}
    assert reasons_for(AnswerKind.SKIP, pause, None)["1"] == pause["reason"]
    assert reasons_for(AnswerKind.SKIP, pause | {"why": "asked"}, None)["1"] == PATIENT_STOPPED


def test_the_cap_is_known_from_the_placing() -> None:
    operator, _ = terminal("\n", "n", "1")
    operator.ask(Prompt(PromptKind.PLACE, "place", (AnswerKind.DONE,), step="s", detail={"cap_ma": 25.0}))
    assert operator.ask(judged(current_ma=25.0, elicited=False)).reason == "no response at the cap"


def test_the_numbers_stand_under_the_question() -> None:
    detail = {"muscle": "orbicularis_oculi", "peak_to_peak_mv": 2.154, "onset_latency_ms": 3.131, "growth_percent": 1.6,
              "snr": 60.2, "negative_peak_mv": None}  # fmt: skip
    said = numbers_line(detail, "")
    assert said == "orbicularis oculi: peak to peak 2.15 mV  onset 3.13 ms  growth 2 %  SNR 60"
    assert numbers_line(detail, "peak to peak 2.15 mV").startswith("orbicularis oculi: onset 3.13 ms")
    assert numbers_line({}, "") == ""
    assert "no response" in numbers_line(detail | {"present": 0}, "")
    operator, screen = terminal("\n")
    operator.ask(judged(**detail))
    assert said in screen.getvalue()


def test_a_number_stays_with_its_unit() -> None:
    screen = io.StringIO()
    operator = TerminalOperator(Console(file=screen, width=20), Keys("\n"))
    operator.ask(Prompt(PromptKind.PLACE, "Place it, at most 40 mA.", (AnswerKind.DONE,)))
    assert "\n40 mA.\n" in screen.getvalue()


def test_an_arrow_key_is_not_escape() -> None:
    operator, _ = terminal("\x1b[A", "\n")
    assert operator.ask(JUDGE).kind is AnswerKind.ACCEPT


def test_enter_never_confirms_a_current() -> None:
    operator, _ = terminal("\n", "x")
    prompt = Prompt(PromptKind.CONFIRM_CURRENT, "21 mA", (AnswerKind.CONFIRM, AnswerKind.REFUSE))
    assert operator.ask(prompt).kind is AnswerKind.REFUSE


def test_interrupt_is_escape_or_pause_or_enough() -> None:
    operator, _ = terminal(ESCAPE, "p", "E", "k", "")
    said: list[str] = []
    operator.say = said.append
    kinds = [(answer.kind if (answer := operator.interrupt()) else None) for _ in range(5)]
    assert kinds == [AnswerKind.STOP, AnswerKind.PAUSE, AnswerKind.ENOUGH, None, None]
    assert said == [NOT_NOW]


def test_every_answer_but_stop_and_done_has_a_key() -> None:
    assert {kind for kind, _ in KEYS.values()} == set(AnswerKind) - {AnswerKind.STOP, AnswerKind.DONE}


def test_a_script_never_raises_a_current_or_resumes() -> None:
    operator = ScriptedOperator()
    for kind, expected in ((PromptKind.CONFIRM_CURRENT, AnswerKind.REFUSE), (PromptKind.PAUSED, AnswerKind.STOP)):
        assert operator.ask(Prompt(kind, "", tuple(AnswerKind))).kind is expected


def test_a_view_that_nobody_reads_harms_nothing() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    lost: list[str] = []
    inner = ScriptedOperator()
    operator = WatchedOperator(inner, JsonLines(Closed()), lambda: lost.append("lost"))
    detail = {"n": 1, "stim_seq": 4, "step": "s", "side": "left", "site": "buccal", "current_ma": 2.0, "role": "search"}
    for _ in range(3):
        operator.tell(Notice("sweep", "stored", detail))
    assert lost == ["lost"]
    assert len(inner.told) == 3


def test_a_terminal_that_has_gone_stops() -> None:
    class Gone(Keyboard):
        def key(self, timeout_s: float) -> str:
            raise OSError(5, "Input/output error")

    operator = TerminalOperator(Console(file=io.StringIO()), Gone())
    answers = (operator.ask(JUDGE), operator.interrupt())
    assert [answer.kind for answer in answers if answer] == [AnswerKind.STOP, AnswerKind.STOP]


def test_json_lines_has_stored_sweeps_and_nothing_else() -> None:
    stream = io.StringIO()
    inner = ScriptedOperator()
    operator = WatchedOperator(inner, JsonLines(stream))
    detail = {"n": 1, "stim_seq": 4, "step": "s", "side": "left", "site": "buccal", "current_ma": 2.0, "role": "search"}
    operator.tell(Notice("progress", "", {"shocks": 1}))
    operator.tell(Notice("sweep", "stored", {**detail, "peak_to_peak_mv": 1.0}))
    assert json.loads(stream.getvalue()) == detail
    assert [notice.kind for notice in inner.told] == ["progress", "sweep"]


def test_training_places_the_simulated_stimulator() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    class Endpoint:
        def call(self, op: str, /, **fields: Any) -> dict[str, Any]:
            calls.append((op, fields))
            return {"ok": True}

    operator = TrainedOperator(ScriptedOperator(), Endpoint())
    operator.ask(Prompt(PromptKind.PLACE, "", (AnswerKind.DONE,), side=Side.LEFT, site=Branch.BUCCAL))
    operator.ask(JUDGE)
    assert calls == [("place", {"side": "left", "site": "buccal"})]


def test_in_training_the_person_hears_the_patient_after_every_sweep() -> None:
    said: list[str] = []

    class Endpoint:
        def call(self, op: str, /, **fields: Any) -> dict[str, Any]:
            assert op == "voice"
            return {"said": [{"said": "hurts", "score": 5.0}, {"said": "stop", "score": 8.0}, {"said": "hm"}]}

    operator = TrainedOperator(ScriptedOperator(), Endpoint(), said.append)
    operator.tell(Notice("progress", ""))
    assert said == []
    operator.tell(Notice("sweep", ""))
    assert said == ["the patient: that hurts", "the patient: please stop! (E ends the site)"]


def test_a_stop_request_ends_a_question_without_a_key() -> None:
    operator, _ = terminal()
    operator.stopped = lambda: "interrupted"
    assert operator.ask(JUDGE).kind is AnswerKind.STOP


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("\x1b", ["\x1b"]),
        ("\x1b\x1b", ["\x1b", "\x1b"]),
        ("p\x1b", ["p", "\x1b"]),
        ("\x1b[A", ["\x1b[A"]),
        ("\x1bOP", ["\x1bOP"]),
        ("\x1b[15~r", ["\x1b[15~", "r"]),
        ("\x1b\x1b[A", ["\x1b", "\x1b[A"]),
        ("rr\n", ["r", "r", "\n"]),
    ],
)
def test_what_comes_at_once_is_split_into_keys(text: str, keys: list[str]) -> None:
    assert split_keys(text) == keys


@pytest.mark.skipif(os.name != "posix", reason="not run: a pseudo-terminal is needed")
@pytest.mark.parametrize("pressed", [b"\x1b", b"\x1b\x1b\x1b", b"p\x1b", b"\n\x1b", b"\x1b[A\x1b"])
def test_escape_is_never_lost_in_a_real_terminal(pressed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import pty

    far, near = pty.openpty()
    with os.fdopen(near, "r+b", buffering=0) as stream, os.fdopen(far, "r+b", buffering=0) as hand:
        monkeypatch.setattr(sys, "stdin", stream)
        with Keyboard() as keyboard:
            operator = TerminalOperator(Console(file=io.StringIO()), keyboard)
            hand.write(pressed)
            answer = operator.ask(JUDGE) if pressed != b"\n\x1b" else operator.interrupt()
            assert answer is not None
            assert answer.kind is AnswerKind.STOP


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The far end of the pseudo-terminal that is stdin."""
    pty = pytest.importorskip("pty", reason="not run: a pseudo-terminal is needed")
    far, near = pty.openpty()
    with os.fdopen(near, "r+b", buffering=0) as stream, os.fdopen(far, "r+b", buffering=0) as pressing:
        monkeypatch.setattr(sys, "stdin", stream)
        yield pressing


def test_what_was_typed_ahead_answers_nothing(hand: Any) -> None:
    with Keyboard() as keyboard:
        operator = TerminalOperator(Console(file=io.StringIO()), keyboard)
        hand.write(b"\n\nr")
        asked = iter([None, None, "interrupted"])
        operator.stopped = lambda: next(asked)
        assert operator.ask(JUDGE) == Answer(AnswerKind.STOP, "interrupted")


def test_an_escape_typed_before_the_question_stops(hand: Any) -> None:
    with Keyboard() as keyboard:
        operator = TerminalOperator(Console(file=io.StringIO()), keyboard)
        hand.write(b"\n\x1b")
        assert operator.ask(JUDGE).kind is AnswerKind.STOP


def test_lines_for_a_while_and_keys_again(hand: Any) -> None:
    with Keyboard() as keyboard:
        with keyboard.lines():
            hand.write(b"yes\n")
            assert sys.stdin.readline() == b"yes\n"
        hand.write(b"g")
        assert keyboard.key(1.0) == "g"
        assert keyboard.forget() == ""


def test_the_end_of_input_is_no_silence(hand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Keyboard() as keyboard:
        hand.write(b"x")
        monkeypatch.setattr(os, "read", lambda fd, size: b"")
        with pytest.raises(OSError, match="end of input"):
            keyboard.key(1.0)


def test_lines_typed_ahead_are_forgotten(hand: Any) -> None:
    hand.write(b"n\nn\n")
    forget_lines()
    hand.write(b"y\n")
    assert sys.stdin.readline() == b"y\n"
