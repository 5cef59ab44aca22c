"""What moves on the screen of an exam, and what happens when nobody reads it."""

import io
import os
import sys
from typing import Any

import pytest
from rich.console import Console

from npr_daq.cli.progress_view import KEYS, ProgressView
from npr_daq.cli.screen import ExamConsole, say_last
from npr_daq.operator import Notice

SWEEP = {"side": "right", "site": "marginal_mandibular", "current_ma": 25.0, "peak_to_peak_mv": 12.154,
         "onset_latency_ms": 3.131, "valid": True}  # fmt: skip
PROGRESS = Notice("progress", "", {"shocks": 60, "shocks_expected": 172, "time_left_s": 743.2})


def view(*, attended: bool = True, time_words: str = "to go", terminal: bool = False) -> tuple[ProgressView, Any]:
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=terminal, color_system=None)
    return ProgressView(console, attended=attended, time_words=time_words), screen


def test_two_lines_fit_into_80_columns() -> None:
    shown, _ = view(time_words="of simulated time to go")
    shown.show(Notice("sweep", "", SWEEP))
    shown.show(PROGRESS)
    above, below = shown.lines().plain.splitlines()
    assert above == "right marginal mandibular  shock 1    25.0 mA  12.15 mV  3.13 ms"
    assert below == f"{KEYS}   60 of about 172 shocks, 12:23 of simulated time to go"
    assert max(len(above), len(below)) <= 80


def test_before_the_first_shock_no_empty_time() -> None:
    shown, _ = view()
    assert shown.lines().plain == f"starting\n{KEYS}"
    shown.show(Notice("step", "Step 2 of 3: the left trunk", {"step": "s", "side": "left", "site": "trunk"}))
    assert shown.lines().plain == f"Step 2 of 3: the left trunk\n{KEYS}"


def test_keys_only_where_somebody_may_press_them() -> None:
    shown, _ = view(attended=False)
    assert shown.lines().plain.endswith("Ctrl-C stop")


def test_after_the_end_only_the_sealing_is_told() -> None:
    shown, screen = view()
    shown.show(Notice("sweep", "", SWEEP))
    shown.show(Notice("end", "The exam is complete"))
    assert shown.lines().plain == "sealing the exam file ..."
    assert screen.getvalue() == "The exam is complete\n"


def test_a_passing_word_stays_for_a_shock() -> None:
    shown, _ = view()
    shown.say("not now")
    shown.show(Notice("sweep", "", SWEEP))
    assert shown.lines().plain.endswith("not now")
    shown.show(Notice("sweep", "", SWEEP))
    assert shown.lines().plain.endswith(KEYS)


def test_the_newest_shock_stays_above_a_question() -> None:
    shown, screen = view(terminal=True)
    with shown:
        shown.show(Notice("sweep", "", SWEEP | {"peak_to_peak_mv": None, "onset_latency_ms": None}))
        with shown.hidden():
            shown.console.print("the question")
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    question = next(number for number, line in enumerate(lines) if line.endswith("the question"))
    assert lines[question - 1].endswith("shock 1    25.0 mA  no response")


IMPEDANCE = Notice("step", "Step 1 of 2: electrode impedance", {"step": "z"})
NEXT = Notice("step", "Step 2 of 2: the left trunk", {"step": "s", "site": "trunk"})


@pytest.mark.parametrize(
    ("between", "line"),
    [
        ((), "impedance: every channel within the limits"),
        ((Notice("impedance", "impedance: all 16 channels below 5 kohm"),), "impedance: all 16 channels below 5 kohm"),
        ((Notice("warning", "left nasalis: 9.0 kohm", {"step": "z"}),), "warning: left nasalis: 9.0 kohm"),
    ],
)
def test_the_impedance_ends_with_one_line(between: tuple[Notice, ...], line: str) -> None:
    shown, screen = view()
    for notice in (IMPEDANCE, *between, NEXT):
        shown.show(notice)
    assert screen.getvalue() == line + "\n"


def test_a_pause_is_told_by_its_prompt_where_there_is_one() -> None:
    for attended, said in ((True, ""), (False, "paused: a reason\n")):
        shown, screen = view(attended=attended)
        shown.show(Notice("paused", "a reason"))
        assert screen.getvalue() == said


class Broken(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "Input/output error")])
def test_a_console_without_a_reader_tells_once_and_is_silent(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(error))
    console = ExamConsole()
    lost: list[str] = []
    console.when_lost = lambda: lost.append("lost")
    console.print("one")
    console.print("two")
    assert lost == ["lost"]


def test_the_last_sentence_may_have_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(BrokenPipeError()))
    say_last("the exam was stopped")


def test_a_pipe_without_a_reader_ends_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        console = ExamConsole()
        console.print("one")
        stream.write("what is still held")
    assert console.quiet
