"""The intake asked at the terminal, question by question; each answer is checked when it is given."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from npr_daq.cli.screen import say_last, stopped_early
from npr_daq.errors import ProtocolFileError, SafetyTrip, UsageError
from npr_daq.intake import Intake, parse_intake
from npr_daq.operators.keyboard import forget_lines

if TYPE_CHECKING:
    from rich.console import Console

BACKGROUND: tuple[tuple[str, str], ...] = (
    ("age_years", "Age in years"),
    ("sex", "Sex (female, male, other)"),
    ("cause", "Cause of the palsy"),
    ("days_since_onset", "Days since onset, or its date (2026-01-31)"),
    ("house_brackmann", "House-Brackmann grade (1-6)"),
    ("sunnybrook", "Sunnybrook score (0-100)"),
    ("saq", "Synkinesis questionnaire, SAQ (20-100)"),
    ("surgery", "Surgery on the face or the nerve"),
    ("skin_temperature_c", "Skin temperature in degrees Celsius"),
)
"""What may be left open, with its question."""

CONTRAINDICATIONS: Mapping[str, str] = {
    "pacemaker_or_defibrillator": "Has the patient a pacemaker or an implanted defibrillator?",
    "external_pacing_lead": "Has the patient an external pacing lead?",
    "central_line": "Has the patient a central venous line?",
    "implanted_stimulator": "Has the patient an implanted facial, cochlear or brain stimulator?",
    "wound_infection_or_surgery": "A wound, an infection or recent surgery at a stimulation site?",
    "pregnancy": "Is the patient pregnant?",
    "epilepsy": "Does the patient have epilepsy?",
    "anticoagulation": "Does the patient take anticoagulants?",
}
"""What must be answered with yes or no, in plain words."""

_SOURCE = "intake"
_ESCAPE = "\x1b"


@dataclass(frozen=True, slots=True)
class Form:
    """Questions on `console`, answered by whole lines; a question is asked again until its answer can be accepted.

    Raises UsageError when the input ends; Esc and Enter end the program with exit code 6. `read` takes one line,
    `fresh` forgets lines that were typed ahead.
    """

    console: "Console"
    read: Callable[[], str] = input
    fresh: Callable[[], None] = forget_lines

    def line(self, question: str) -> str:
        """What was answered, "" for Enter."""
        colon = "" if "?" in question else ":"
        self.console.print(f"  {question}{colon} ", end="", markup=False, highlight=False)
        try:
            answer = self.read().strip()
        except KeyboardInterrupt as cause:
            self.console.print()
            say_last("npr-daq: interrupted before the exam began; nothing was stored")
            raise typer.Exit(130) from cause
        except EOFError as cause:
            self.console.print()
            raise UsageError(
                "the intake was not finished; answer every question, or give --intake FILE.toml"
            ) from cause
        if _ESCAPE in answer:
            if answer.strip(_ESCAPE):
                self.wrong("an arrow or function key is no answer; write it again")
                return self.line(question)
            raise stopped_early()
        return answer

    def yes(self, question: str) -> bool:
        """Yes or no; nothing else counts, and Enter asks again."""
        while True:
            # What was typed before the question stood there answers nothing that concerns safety.
            self.fresh()
            match self.line(f"{question} [y/n]").lower():
                case "y" | "yes":
                    return True
                case "n" | "no":
                    return False
                case _:
                    self.wrong("answer y or n")

    def checked(self, question: str, accept: Callable[[str], Any]) -> Any:
        """What `accept` makes of the answer, asked again with the limit while it refuses; None for Enter."""
        while answer := self.line(question):
            try:
                return accept(answer)
            except ProtocolFileError as refused:
                self.wrong(f"{answer!r}: {_limit(refused)}")
        return None

    def wrong(self, text: str) -> None:
        """Say what is wrong with an answer."""
        self.console.print(f"    {text}", style="yellow", markup=False, highlight=False)


def ask_intake(console: "Console", read: Callable[[], str] = input) -> Intake:
    """Ask what must be known before a shock; raises SafetyTrip at once without consent.

    Background may be left open with Enter; consent and contra-indications have no answer until one is given.
    """
    form = Form(console, read)
    console.print("[bold]Intake[/]  y/n must be answered; Enter leaves others open; Esc, Enter stops")
    answers: dict[str, Any] = {}
    if not form.yes("Has the patient consented to electrical stimulation?"):
        raise SafetyTrip("stimulation is refused: the patient has not consented")
    answers["consent"] = True
    answers["contraindications"] = _contraindications(form)
    if answers["contraindications"]["pacemaker_or_defibrillator"]:
        answers["pacemaker_reason"] = form.checked(
            "Reason to stimulate all the same (Enter: refuse)", partial(_field, "pacemaker_reason")
        )
    for key, question in BACKGROUND:
        answers[key] = form.checked(question, partial(_field, key))
    answers["botulinum"] = _botulinum(form)
    return parse_intake({key: value for key, value in answers.items() if value is not None}, source=_SOURCE)


def _contraindications(form: Form) -> dict[str, Any]:
    answers: dict[str, Any] = {key: form.yes(question) for key, question in CONTRAINDICATIONS.items()}
    key = "wound_infection_or_surgery"
    if answers[key]:
        question = "At which sites? (left.buccal, right.trunk, ...; Enter: unknown, refuse)"
        answers[key] = form.checked(question, _sites) or True
    return answers


def _botulinum(form: Form) -> dict[str, Any] | None:
    question = "Botulinum toxin: which muscles? (comma-separated; Enter: none)"
    muscles = form.checked(question, lambda text: _injected(_listed(text), "0")["muscles"])
    if muscles is None:
        return None
    while True:
        found = form.checked("Injected how many days ago?", lambda text: _injected(muscles, text))
        if found is not None:
            return dict(found)
        form.wrong("needed, a good guess will do: a recent injection explains a small response")


_NUMBERS: Mapping[str, type[int] | type[float]] = {
    "age_years": int,
    "days_since_onset": int,
    "house_brackmann": int,
    "sunnybrook": int,
    "saq": int,
    "skin_temperature_c": float,
}


def _field(key: str, text: str) -> Any:
    """The value of one field of the intake; raises ProtocolFileError with its limit."""
    value: Any = text
    if key == "sex":
        value = {"f": "female", "m": "male", "o": "other"}.get(text.lower(), text.lower())
    if key in _NUMBERS:
        value = _number(text, _NUMBERS[key])
    if key == "days_since_onset" and "-" in text[1:]:
        with suppress(ValueError):
            onset = date.fromisoformat(text)
            return parse_intake({"onset_date": onset}, source=_SOURCE).days_since_onset
    return getattr(parse_intake({key: value}, source=_SOURCE), key)


def _number(text: str, kind: type[int] | type[float]) -> int | float | str:
    """A number as people write it; other words as they are, so that the intake says what it wants."""
    try:
        return kind(text.replace(",", "."))
    except ValueError:
        return text


def _sites(text: str) -> tuple[str, ...]:
    sites = tuple(site.replace("_", ".", 1) if "." not in site else site for site in _listed(text))
    parse_intake({"contraindications": {"wound_infection_or_surgery": sites}}, source=_SOURCE)
    return sites


def _injected(muscles: tuple[str, ...], days_ago: str) -> dict[str, Any]:
    answer = {"muscles": muscles, "days_ago": _number(days_ago, int)}
    found = parse_intake({"botulinum": answer}, source=_SOURCE).botulinum
    assert found is not None
    return {"muscles": found.muscles, "days_ago": found.days_ago}


def _listed(text: str) -> tuple[str, ...]:
    """`Orbicularis oris, nasalis` as names."""
    return tuple("_".join(part.split()).lower() for part in text.split(",") if part.strip())


def _limit(refused: ProtocolFileError) -> str:
    """What is allowed, without the key path that a file would need and the answer that was just given."""
    said = str(refused).split(": ", 2)[-1].rsplit(" is not allowed: ", 1)[-1]
    said = re.sub(r"^(input|string) should", "it must", said, flags=re.IGNORECASE)
    return said.replace("a valid integer", "a whole number").replace("a valid number", "a number")
