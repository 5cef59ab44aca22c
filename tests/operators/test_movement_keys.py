"""Operators while the patient rests and moves: keys, reasons, JSON lines, cues said in training."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from npr_daq.errors import InstrumentError
from npr_daq.operator import Answer, AnswerKind, Notice, Prompt, PromptKind
from npr_daq.operators.keyboard import Keyboard
from npr_daq.operators.script import ScriptedOperator
from npr_daq.operators.terminal import MADE_AGAIN, NO_REPETITION, NOT_NOW, TerminalOperator
from npr_daq.operators.training import TrainedOperator
from npr_daq.operators.watched import JsonLines


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


MOVEMENT = Notice("step", "Step 3", {"step": "s", "kind": "movement", "task": "smile_open"})
CUE = Notice("cue", "Smile", {"step": "s", "task": "smile_open", "repetition": 4, "good": 2, "hold_s": 3.0})


@pytest.mark.parametrize("key", ["\x7f", "\x08"])
def test_backspace_marks_the_last_repetition(key: str) -> None:
    operator, _ = terminal(key, key, key, key)
    said: list[str] = []
    operator.say = said.append
    assert operator.interrupt() is None
    operator.tell(MOVEMENT)
    assert operator.interrupt() is None
    operator.tell(CUE)
    assert operator.interrupt() == Answer(AnswerKind.REDO, "marked by the technician")
    operator.tell(Notice("repetition", "bad already", {"accepted": False}))
    assert operator.interrupt() is None
    assert said == [NOT_NOW, NO_REPETITION, MADE_AGAIN.format(3), NO_REPETITION]


def test_a_key_that_counts_for_nothing_is_told_those_that_count() -> None:
    operator, _ = terminal("z")
    said: list[str] = []
    operator.say = said.append
    operator.tell(MOVEMENT)
    assert operator.interrupt() is None
    assert said == ["not now: Backspace, P, E or Esc only"]


def test_e_ends_a_task_in_the_words_of_movements() -> None:
    operator, _ = terminal("e")
    operator.tell(MOVEMENT)
    assert operator.interrupt() == Answer(AnswerKind.ENOUGH, "ended by the technician")


@pytest.mark.parametrize(
    ("kind", "detail", "choices", "words"),
    [
        (PromptKind.MOVE, {"time_left_s": 520.0}, (AnswerKind.DONE, AnswerKind.SKIP), "Enter start   S skip this"),
        (PromptKind.PAUSED, {"why": "asked"}, (AnswerKind.RESUME, AnswerKind.SKIP), "G resume   S skip"),
        (
            PromptKind.JUDGE,
            {"kind": "movement", "good": 3, "wanted": 5},
            (AnswerKind.ACCEPT, AnswerKind.REDO, AnswerKind.SKIP),
            "Enter accept   R make again   S skip this movement",
        ),
    ],
)
def test_a_movement_is_left_for_reasons_of_its_own(
    kind: PromptKind, detail: dict[str, Any], choices: tuple[AnswerKind, ...], words: str
) -> None:
    operator, screen = terminal("s", "1")
    operator.tell(MOVEMENT)
    answer = operator.ask(Prompt(kind, "text", choices, step="s", detail=detail))
    assert answer == Answer(AnswerKind.SKIP, "the patient cannot make this movement")
    assert words in screen.getvalue()
    assert "stimulator" not in screen.getvalue()
    assert ("about 9 min" in screen.getvalue()) == (kind is PromptKind.MOVE)


def test_rest_starts_with_enter() -> None:
    operator, screen = terminal("\n")
    prompt = Prompt(PromptKind.RELAX, "30 s of rest", (AnswerKind.DONE, AnswerKind.SKIP), step="rest")
    assert operator.ask(prompt) == Answer(AnswerKind.DONE)
    assert "Enter start   S skip the rest   Esc stop" in screen.getvalue()


def test_json_lines_has_stored_repetitions() -> None:
    stream = io.StringIO()
    told = {"n": 2, "step": "s", "task": "smile_open", "repetition": 2, "accepted": False, "flaws": ["too weak"]}
    for notice in (CUE, Notice("envelope", ""), Notice("repetition", "", {**told, "good": 1, "wanted": 5})):
        JsonLines(stream).show(notice)
    assert json.loads(stream.getvalue()) == told


def test_a_script_starts_movements_and_presses_what_it_is_given() -> None:
    operator = ScriptedOperator(presses=[Answer(AnswerKind.REDO, "blink")])
    assert operator.ask(Prompt(PromptKind.MOVE, "", tuple(AnswerKind))).kind is AnswerKind.DONE
    assert [operator.interrupt(), operator.interrupt()] == [Answer(AnswerKind.REDO, "blink"), None]


def test_training_says_the_cues() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    class Endpoint:
        def call(self, op: str, /, **fields: Any) -> dict[str, Any]:
            calls.append((op, fields))
            if op == "cue" and fields["effort"]:
                raise InstrumentError("the patient is busy")
            return {"said": [{"said": "hurts"}]}

    said: list[str] = []
    operator = TrainedOperator(ScriptedOperator(), Endpoint(), said.append)
    operator.ask(Prompt(PromptKind.RELAX, "", (AnswerKind.DONE,)))
    operator.tell(CUE)
    operator.tell(Notice("repetition", ""))
    assert calls == [
        ("cue", {"task": "rest", "effort": 0.0}),
        ("cue", {"task": "smile_open", "effort": 1.0, "seconds": 3.0}),
        ("voice", {}),
    ]
    assert said == ["the patient: that hurts"]
