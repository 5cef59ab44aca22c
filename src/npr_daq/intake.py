"""What is asked before the first shock: who is measured, and what forbids or limits stimulation.

Facts and rules from the interface document ("Intake"); the list of contra-indications from clinical reference 6.6.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from npr_daq.anatomy import SITES, Muscle, Side, Site, site_of
from npr_daq.errors import ProtocolFileError, SafetyTrip, UsageError
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.text_file import NotReadable, parse_toml, read_text

Affected = Literal["left", "right", "both", "none"]


class _Strict(BaseModel):
    # strict: the word "no" must never be taken for a yes because it is not empty, nor 1 for a consent.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Contraindications(_Strict):
    """Yes or no to each question; None is an unanswered question and refuses stimulation."""

    pacemaker_or_defibrillator: bool | None = Field(None, description="a pacemaker or an implanted defibrillator")
    external_pacing_lead: bool | None = Field(None, description="an external pacing lead")
    central_line: bool | None = Field(None, description="a central venous line")
    implanted_stimulator: bool | None = Field(
        None, description="an implanted facial, cochlear or deep-brain stimulator"
    )
    wound_infection_or_surgery: bool | tuple[str, ...] | None = Field(
        None, description="a wound, an infection or recent surgery at a stimulation site"
    )
    pregnancy: bool | None = Field(None, description="pregnancy")
    epilepsy: bool | None = Field(None, description="epilepsy")
    anticoagulation: bool | None = Field(None, description="anticoagulation")

    @field_validator("wound_infection_or_surgery")
    @classmethod
    def _known_sites(cls, value: bool | tuple[str, ...] | None) -> bool | tuple[str, ...] | None:  # noqa: FBT001
        if isinstance(value, tuple):
            known = {f"{side}.{site}" for side in Side for site in SITES}
            for site in value:
                if site not in known:
                    raise ValueError(
                        f"{quoted(site)} is not a site; write it as side.branch, for example 'left.buccal'"
                    )
        return value

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The questions that have no answer yet, in words."""
        fields = type(self).model_fields
        return tuple(fields[name].description or name for name in fields if getattr(self, name) is None)


class Botulinum(_Strict):
    """The last injection of botulinum toxin."""

    muscles: tuple[Muscle, ...]
    days_ago: int = Field(ge=0)


class Intake(_Strict):
    """The answers of one visit. Dates become days and are not stored."""

    age_years: int | None = Field(None, ge=0, le=120)
    sex: Literal["female", "male", "other"] | None = None
    affected: Affected | None = None
    cause: str | None = Field(None, max_length=80)
    days_since_onset: int | None = Field(None, ge=0)
    house_brackmann: int | None = Field(None, ge=1, le=6)
    sunnybrook: int | None = Field(None, ge=0, le=100)
    saq: int | None = Field(None, ge=20, le=100)
    botulinum: Botulinum | None = None
    surgery: str | None = Field(None, max_length=80)
    implants: str | None = Field(None, max_length=80)
    skin_temperature_c: float | None = Field(None, ge=15, le=42)
    consent: bool | None = None
    pacemaker_reason: str | None = Field(None, max_length=120)
    contraindications: Contraindications = Contraindications()

    @field_validator("pacemaker_reason")
    @classmethod
    def _named(cls, value: str | None) -> str | None:
        return (value or "").strip() or None

    def stored(self) -> dict[str, Any]:
        """JSON-safe, for the header of the exam file."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Stimulable:
    """What the answers allow. `forbidden` sites get no shock at all; `cautions` must be confirmed by the operator."""

    forbidden: frozenset[tuple[Side, Site]] = frozenset()
    no_trains: bool = False
    max_rate_hz: float | None = None
    cautions: tuple[str, ...] = ()


def load_intake(path: str | Path) -> Intake:
    """Read an intake TOML; raises ProtocolFileError naming file, key path and what is allowed."""
    text = read_text(path, what="intake file", refusal=UsageError)
    try:
        return parse_intake(parse_toml(text), source=shown_path(path))
    except NotReadable as cause:
        raise ProtocolFileError(f"{shown_path(path)}: not a TOML file: {cause}") from cause


def parse_intake(data: Mapping[str, Any], *, source: str) -> Intake:
    """Check answers that come as a mapping; raises ProtocolFileError naming `source` and the key path."""
    answers = dict(data)
    if "onset_date" in answers:
        answers["days_since_onset"] = _days_since(answers.pop("onset_date"), source=source)
    try:
        # Through JSON: strict mode takes words for enumerations and arrays for tuples from JSON only.
        return Intake.model_validate_json(json.dumps(answers, default=str))
    except ValidationError as cause:
        first = cause.errors(include_url=False)[0]
        place = tuple(part for part in first["loc"] if part not in _BRANCHES_OF_UNIONS)
        where = ".".join(shortened(str(part)) for part in place) or "(top)"
        raise ProtocolFileError(f"{source}: {where}: {_sentence(first, place)}") from cause


_BRANCHES_OF_UNIONS = ("bool", "tuple[str, ...]")
"""What pydantic puts into a place for the kinds that a value may have; no keys of the file."""


def _days_since(onset: object, *, source: str) -> int:
    if isinstance(onset, str):
        raise ProtocolFileError(f"{source}: onset_date: write it without quotes, for example onset_date = 2025-09-26")
    if isinstance(onset, datetime):
        onset = onset.date()
    if not isinstance(onset, date):
        raise ProtocolFileError(f"{source}: onset_date: {quoted(onset)} is no date; write onset_date = 2025-09-26")
    days = (date.today() - onset).days
    if days < 0:
        raise ProtocolFileError(f"{source}: onset_date: {onset} lies in the future; write the day the palsy began")
    return days


def _sentence(problem: Any, place: tuple[int | str, ...]) -> str:
    """What is wrong with one answer, and what is allowed there."""
    if problem["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"contraindications": Contraindications, "botulinum": Botulinum}
        here = tables.get(str(place[0])) if len(place) > 1 else None
        known = tuple(here.model_fields) if here else (*Intake.model_fields, "onset_date")
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known are {', '.join(known)}"
    if problem["type"] == "missing":
        return "this key is missing"
    said = problem["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")
    if problem["type"] == "value_error":
        return str(said)
    if problem["type"] == "bool_type":
        sites = place[-1] == "wound_infection_or_surgery"
        said = "write true or false, without quotes" + (", or the sites, for example ['left.buccal']" if sites else "")
    return f"{quoted(problem.get('input'))} is not allowed: {said[:1].lower()}{said[1:]}"


WITHOUT_SHOCKS = "`synkinetic_correlation` needs no stimulation and can be run"
"""What is left where no shock may be given."""


def allowed_stimulation(intake: Intake) -> Stimulable:
    """What may be stimulated; raises SafetyTrip (exit 3) for an unanswered question or where nothing is allowed."""
    answers = intake.contraindications
    if answers.unanswered:
        raise SafetyTrip(
            f"stimulation is refused: {len(answers.unanswered)} contra-indication question(s) unanswered "
            f"({'; '.join(answers.unanswered)}); answer them in the intake file or at the prompts"
        )
    if intake.consent is not True:
        raise SafetyTrip(
            f"stimulation is refused: consent is not recorded; set consent = true in the intake; {WITHOUT_SHOCKS}"
        )
    for name in ("external_pacing_lead", "central_line", "implanted_stimulator"):
        if getattr(answers, name):
            what = type(answers).model_fields[name].description
            raise SafetyTrip(f"stimulation is refused: the patient has {what}; no shock may be given; {WITHOUT_SHOCKS}")
    wounds = answers.wound_infection_or_surgery
    if wounds is True:
        raise SafetyTrip(
            "stimulation is refused: wound, infection or recent surgery without a named site; "
            "name the sites, for example wound_infection_or_surgery = ['left.buccal']"
        )
    forbidden = frozenset(
        (Side(side), site_of(site))
        for side, site in (text.split(".") for text in (wounds if isinstance(wounds, tuple) else ()))
    )
    if answers.pacemaker_or_defibrillator and not intake.pacemaker_reason:
        raise SafetyTrip(
            "stimulation is refused: a pacemaker or defibrillator needs a named reason; "
            f"set pacemaker_reason in the intake (then single shocks at 1 Hz or slower, no trains); {WITHOUT_SHOCKS}"
        )
    cautions = tuple(
        f"{type(answers).model_fields[name].description}"
        for name in ("pregnancy", "epilepsy", "anticoagulation")
        if getattr(answers, name)
    )
    if answers.pacemaker_or_defibrillator:
        cautions = (f"pacemaker or defibrillator ({intake.pacemaker_reason})", *cautions)
        return Stimulable(forbidden, no_trains=True, max_rate_hz=1.0, cautions=cautions)
    return Stimulable(forbidden, cautions=cautions)


def check_affected(intake: Intake, affected: Affected) -> None:
    """The command line and the intake must name the same side; raises SafetyTrip otherwise.

    Someone without an affected side (a healthy volunteer) may be compared either way round: nothing can be swapped.
    """
    if intake.affected not in (None, "none", affected):
        raise SafetyTrip(
            f"--affected says {affected}, the intake says {intake.affected}; "
            "a swapped side swaps every ratio: mend one of them"
        )
