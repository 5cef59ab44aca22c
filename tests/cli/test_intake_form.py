"""The intake at the terminal: no answer by default, each answer checked when it is given."""

import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import typer
from rich.console import Console

from npr_daq.cli.intake_form import BACKGROUND, CONTRAINDICATIONS, ask_intake
from npr_daq.errors import SafetyTrip, UsageError
from npr_daq.intake import Contraindications, Intake

NO_TO_ALL = ["n"] * len(CONTRAINDICATIONS)
OPEN = [""] * len(BACKGROUND)


def reader(*lines: str) -> Callable[[], str]:
    waiting = list(lines)

    def read() -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    return read


def asked(*lines: str) -> tuple[Intake, str]:
    screen = io.StringIO()
    return ask_intake(Console(file=screen, width=200), reader(*lines)), screen.getvalue()


def background(key: str, *lines: str) -> tuple[Intake, str]:
    """Everything left open but `key`."""
    number = [name for name, _ in BACKGROUND].index(key)
    return asked("y", *NO_TO_ALL, *OPEN[:number], *lines, *OPEN[number + 1 :], "")


def test_every_contraindication_has_a_plain_question() -> None:
    assert tuple(CONTRAINDICATIONS) == tuple(Contraindications.model_fields)
    assert CONTRAINDICATIONS["pregnancy"] == "Is the patient pregnant?"
    fields = {*Intake.model_fields} - {"affected", "consent", "contraindications", "botulinum", "pacemaker_reason"}
    assert fields - {name for name, _ in BACKGROUND} == {"implants"}


def test_enter_answers_no_question_about_safety() -> None:
    doubled = [answer for no in NO_TO_ALL for answer in ("", "maybe", no)]
    intake, screen = asked("", "y", *doubled, *OPEN, "")
    assert intake.consent is True
    assert intake.contraindications.unanswered == ()
    assert screen.count("answer y or n") == 1 + 2 * len(NO_TO_ALL)
    with pytest.raises(UsageError, match="not finished"):
        asked("y", *[""] * 50)


def test_no_consent_ends_it_at_once() -> None:
    with pytest.raises(SafetyTrip, match="consented"):
        asked("n")


@pytest.mark.parametrize(
    ("key", "wrong", "limit", "right", "value"),
    [
        ("age_years", "200", "120", "46", 46),
        ("age_years", "old", "whole number", "46", 46),
        ("house_brackmann", "7", "6", "3", 3),
        ("saq", "10", "20", "30", 30),
        ("sex", "x", "female", "F", "female"),
        ("skin_temperature_c", "99", "42", "34,5", 34.5),
        ("cause", "c" * 81, "80", "Bell", "Bell"),
        ("days_since_onset", "-1", "0", "12", 12),
        ("days_since_onset", "2126-01-01", "future", str(date.today() - timedelta(days=3)), 3),
    ],
)
def test_a_wrong_answer_is_asked_again_with_the_limit(
    key: str, wrong: str, limit: str, right: str, value: object
) -> None:
    intake, screen = background(key, wrong, right)
    assert getattr(intake, key) == value
    complaint = screen.partition(f"    '{wrong[:5]}")[2].splitlines()[0]
    assert limit in complaint
    assert "input should" not in complaint.lower()


def test_botulinum_wants_known_muscles_and_days() -> None:
    intake, screen = asked("y", *NO_TO_ALL, *OPEN, "nasalis, nose", "Nasalis, orbicularis oris", "", "-1", "30")
    assert intake.botulinum is not None
    assert [str(muscle) for muscle in intake.botulinum.muscles] == ["nasalis", "orbicularis_oris"]
    assert intake.botulinum.days_ago == 30
    assert "zygomaticus" in screen


def test_a_wound_is_asked_for_its_sites() -> None:
    answers = ["y" if key == "wound_infection_or_surgery" else "n" for key in CONTRAINDICATIONS]
    intake, screen = asked("y", *answers, "nose", "left buccal, right.trunk", *OPEN, "")
    assert intake.contraindications.wound_infection_or_surgery == ("left.buccal", "right.trunk")
    assert "side.branch" in screen
    intake, _ = asked("y", *answers, "", *OPEN, "")
    assert intake.contraindications.wound_infection_or_surgery is True


def test_a_pacemaker_is_asked_for_its_reason() -> None:
    answers = ["y" if key == "pacemaker_or_defibrillator" else "n" for key in CONTRAINDICATIONS]
    intake, _ = asked("y", *answers, "r" * 121, "the surgeon needs it", *OPEN, "")
    assert intake.pacemaker_reason == "the surgeon needs it"


def test_escape_and_enter_stop_with_exit_code_6(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        asked("y", "\x1b")
    assert ended.value.exit_code == 6
    assert "stopped by the operator" in capsys.readouterr().err
    intake, screen = asked("\x1b[A", "y", *NO_TO_ALL, *OPEN, "")
    assert intake.consent is True
    assert "arrow" in screen


def test_ctrl_c_is_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        ask_intake(Console(file=io.StringIO()), interrupted)
    assert ended.value.exit_code == 130
    assert "nothing was stored" in capsys.readouterr().err
