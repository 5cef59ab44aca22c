"""The moving face on the screen: what stands there for given notices, and what it may cost."""

import io
import re
from typing import Any

import pytest
from rich.console import Console

from npr_daq.cli.envelope_view import EnvelopeView
from npr_daq.cli.face_course import FaceCourse
from npr_daq.cli.progress_view import MOVING_KEYS, RESTING_KEYS, ProgressView
from npr_daq.expression import PRIME_MOVER, SPOKEN, Task
from npr_daq.montage import standard_montage
from npr_daq.operator import Notice

NAMES = standard_montage().names
RATE_HZ = 2000.0
QUIET = tuple(2.0 for _ in NAMES)


def envelope(sample: int, **louder: float) -> Notice:
    uv = tuple(louder.get(name.replace(".", "_"), 2.0) for name in NAMES)
    return Notice("envelope", "", {"names": NAMES, "uv": uv, "sample": sample, "rate_hz": RATE_HZ})


def step(task: str = "smile_open") -> Notice:
    return Notice("step", "Step 3 of 15", {"step": "s", "kind": "movement", "task": task, "repetitions": 5})


def following(task: str = "smile_open", most: int = 8) -> Notice:
    detail = {"step": "s", "task": task, "in_s": 2.0, "repetitions": 5, "most": most}
    return Notice("next", "Next: smile and show the teeth", detail)


def cue(sample: int, *, number: int = 1, good: int = 0, task: str = "smile_open") -> Notice:
    detail = {"step": "s", "task": task, "repetition": number, "good": good, "wanted": 5, "hold_s": 3.0,
              "rest_s": 5.0, "sample": sample, "stream_id": 1, "rate_hz": RATE_HZ}  # fmt: skip
    return Notice("cue", SPOKEN[Task(task)], detail)


RELEASE = Notice("release", "Relax", {"step": "s", "task": "smile_open", "repetition": 1, "rest_s": 5.0})


def judged(*flaws: str, number: int = 1, good: int = 1) -> Notice:
    detail = {"n": number, "step": "s", "task": "smile_open", "repetition": number, "accepted": not flaws,
              "flaws": list(flaws), "good": good, "wanted": 5}  # fmt: skip
    return Notice("repetition", "", detail)


def screen(width: int = 80, height: int = 24, **options: Any) -> tuple[ProgressView, io.StringIO]:
    drawn = io.StringIO()
    console = Console(file=drawn, width=width, height=height, force_terminal=True, color_system=None)
    return ProgressView(console, **options), drawn


def lines(view: ProgressView, *notices: Notice) -> list[str]:
    for notice in notices:
        view.show(notice)
    return [line.rstrip() for line in view.lines().plain.splitlines()]


def line_with(shown: list[str], word: str) -> str:
    return next(line for line in shown if word in line)


def test_what_the_patient_is_told_counts_down_by_the_samples() -> None:
    view, _ = screen()
    shown = lines(view, step(), following(), envelope(1000), envelope(2000))
    assert "NEXT: smile and show the teeth   in 1.5 s" in line_with(shown, "NEXT")
    shown = lines(view, cue(5000), envelope(5000 + 1800))
    assert "SMILE AND SHOW THE TEETH   HOLD 2.1 s" in line_with(shown, "HOLD")
    assert line_with(shown, "repetition 1 of 5") == " smile open: repetition 1 of 5"
    shown = lines(view, RELEASE, envelope(5000 + 6000 + 4000))
    assert "RELAX   again in 3.0 s" in line_with(shown, "RELAX")
    shown = lines(view, judged("too weak", good=0))
    assert line_with(shown, "!") == "! repetition 1 of 5: too weak - made again"
    shown = lines(view, cue(21000, number=2), envelope(21000))
    assert line_with(shown, "smile open") == " smile open: repetition 1 of 5 (1 bad: too weak)"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (80, 16)])
@pytest.mark.parametrize("task", list(PRIME_MOVER))
def test_every_task_fits_the_screen(width: int, height: int, task: Task) -> None:
    view, _ = screen(width, height, affected="left", time_words="of simulated time to go")
    progress = {"repetitions": 22, "repetitions_expected": 65, "shocks": 0, "shocks_expected": 0, "time_left_s": 430}
    bad = [judged("loose electrode: left.depressor_anguli_oris", number=n, good=0) for n in range(1, 5)]
    shown = lines(view, step(task), cue(9000, task=task), *bad, Notice("progress", "", progress),
                  envelope(9100, left_zygomaticus=812.0))  # fmt: skip
    assert len(shown) <= height
    assert max(map(len, shown)) <= width
    assert shown[-1].endswith("repetition 23 of 65, 7:10 of simulated time to go")
    assert " ".join(shown[-2:]).strip().startswith(MOVING_KEYS)
    assert len([line for line in shown if re.search(r"> .* <", line)]) == 1
    for muscle in {name.partition(".")[2].replace("_", " ") for name in NAMES}:
        line_with(shown, muscle)


def test_a_row_has_both_sides_and_their_numbers() -> None:
    view, _ = screen(affected="right")
    shown = lines(view, step(), cue(0), envelope(100, left_zygomaticus=151.6, right_zygomaticus=20.0))
    row = line_with(shown, "zygomaticus")
    left, right = re.split(r">\s+zygomaticus\s+<", row)
    assert left.endswith(" 152")
    assert right.split()[0] == "20.0"
    assert left.count("█") > right.count("█") > 5
    assert "left (healthy)" in line_with(shown, "uV")
    assert "right (affected)" in line_with(shown, "uV")


def test_the_scale_grows_and_stays() -> None:
    view = EnvelopeView()
    course = FaceCourse()
    view.take(NAMES, QUIET)
    before = view.lines(course, width=80, height=20)[-2].plain
    for largest, top in ((180.0, 200.0), (240.0, 500.0), (90.0, 500.0), (1e6, 5000.0)):
        view.take(NAMES, (largest, *QUIET[1:]))
        assert view.top_uv == top
    view.take(NAMES, QUIET)
    assert view.lines(course, width=80, height=20)[-2].plain.count("█") < before.count("█")


def test_a_montage_of_one_side_and_no_blocks_in_ascii() -> None:
    view = EnvelopeView()
    view.take(("left.nasalis", "right.platysma"), (50.0, 7.0))
    shown = [line.plain for line in view.lines(FaceCourse(), width=80, height=20, ascii_only=True)]
    assert all(line.isascii() for line in shown)
    assert re.search(r"#+  50.0 +nasalis +-$", line_with(shown, "nasalis").rstrip())


def test_a_repetition_that_is_not_made_again_does_not_say_so() -> None:
    course = FaceCourse()
    for notice in (step(), following(most=2), judged("too weak", number=1, good=0)):
        course.take(notice)
    assert course.judged.endswith("too weak - made again")
    course.take(judged("blinks cover half of the plateau", number=2, good=0))
    assert course.judged == "repetition 1 of 5: blinks cover half of the plateau"


def test_one_that_is_marked_counts_once() -> None:
    course = FaceCourse()
    for notice in (step(), following(most=2), judged(), judged("marked as bad", good=0)):
        course.take(notice)
    assert course.counted == "smile open: repetition 1 of 5 (1 bad: marked as bad)"
    assert course.judged.endswith("made again")


def test_rest_has_its_keys_and_its_time() -> None:
    view, _ = screen()
    rest = Notice("step", "Step 2", {"step": "rest", "kind": "rest", "seconds": 30.0})
    shown = lines(view, rest, envelope(100), envelope(100 + 10000))
    assert "LET THE FACE REST, EYES OPEN, LIPS TOGETHER   25 s" in line_with(shown, "REST")
    assert shown[-1] == RESTING_KEYS
    assert len(lines(view, Notice("step", "Step 4: impedance", {"step": "z"}))) == 2


def test_after_a_pause_the_stream_counts_from_its_beginning() -> None:
    view, _ = screen()
    rest = Notice("step", "Step 2", {"step": "rest", "kind": "rest", "seconds": 30.0})
    lines(view, rest, envelope(40000), Notice("paused", "asked"), Notice("resumed", "The run goes on"))
    assert "30 s" in line_with(lines(view, envelope(100)), "REST")


@pytest.mark.parametrize("dumb", [False, True])
def test_off_a_terminal_every_repetition_is_a_line_without_control_codes(dumb: bool) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, width=80, force_terminal=dumb, _environ={"TERM": "dumb"})
    with ProgressView(console) as view:
        done = Notice("accepted", "Smile open: 1 of 5 repetitions")
        lines(view, step(), following(), cue(0), envelope(100), RELEASE, judged("too weak", good=0), judged(), done)
    assert drawn.getvalue().splitlines() == [
        "smile open, repetition 1 of 5: too weak - made again",
        "smile open, repetition 1 of 5: good",
        "Smile open: 1 of 5 repetitions",
    ]


def test_envelopes_faster_than_an_eye_are_not_drawn() -> None:
    now_s = [0.0]
    view, drawn = screen(monotonic_s=lambda: now_s[0])
    counts = {}
    with view:
        view.show(step())
        for speed, wait_s in (("real time", 0.05), ("fast", 0.0005)):
            before = drawn.getvalue().count("zygomaticus")
            for number in range(200):
                now_s[0] += wait_s
                view.show(envelope(int(100 * number)))
            counts[speed] = drawn.getvalue().count("zygomaticus") - before
    assert counts["real time"] >= 199
    assert counts["fast"] <= 2


def test_a_passing_word_passes_with_time() -> None:
    now_s = [0.0]
    view, _ = screen(monotonic_s=lambda: now_s[0])
    with view:
        lines(view, step(), envelope(100))
        view.say("marked as bad: made again")
        now_s[0] = 1.0
        assert lines(view, envelope(2100))[-1] == "marked as bad: made again"
        now_s[0] = 1.6
        assert lines(view, envelope(3300))[-1] == MOVING_KEYS
