"""The page for the patient: what was measured, left beside right, in plain words and pictures, and nothing else."""

from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from npr_daq.exam.exam import Exam
from npr_daq.report import sections, words
from npr_daq.report.page_file import package_text, write_page
from npr_daq.report.patient_facts import Along, Part, alongs, nerve_answers, strengths, tensions
from npr_daq.report.patient_pictures import STRENGTH, TENSION, alongs_picture, face
from npr_daq.report.patient_words import MEASURED, SHOWN, UNMEASURED
from npr_daq.report.synkinesis_tables import moved


def write_patient_page(exam: Exam, path: str | Path) -> Path:
    """Write the patient's page of `exam` to `path` and return it; an existing file is replaced in one move.

    RecordingError when the file cannot be written; an existing one is then as it was.
    """
    return write_page(Path(path), render_for_patient(exam))


def render_for_patient(exam: Exam) -> str:
    """The patient's page as HTML text: no name, no code, no file beside it, no network."""
    environment = Environment(
        loader=FunctionLoader(package_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("patient.html.j2")
    return template.render(style=Markup(package_text("patient.css")), **_context(exam))


def _context(exam: Exam) -> dict[str, Any]:
    findings = exam.findings
    kinds = sections.kinds(exam.recording) - {sections.CROSSTALK}
    strong, tense, nerve = (part(findings) for part in (strengths, tensions, nerve_answers))
    along = alongs(findings)
    # What the page shows was measured, whatever the steps are called.
    kinds |= {kind for kind, shown in (("movement", strong or along), ("rest", tense), ("conduction", nerve)) if shown}
    return {
        "simulated": bool(findings.exam.get("simulated")),
        "date": _day(findings.exam.get("created")),
        "number": str(findings.exam.get("id") or "").partition("-")[0],
        "measured": [text for kind, text in MEASURED.items() if kind in kinds],
        "unmeasured": [text for kind, text in UNMEASURED.items() if kind not in kinds],
        "elsewhere": bool(kinds - SHOWN),
        "strengths": strong,
        "tensions": tense,
        "nerve": nerve,
        "alongs": along,
        "unjudged": bool(moved(findings).declared) and not along,
        "others": len(moved(findings).others),
        # The pictures are our own SVG of our own words and numbers.
        "pictures": {
            "strengths": Markup(face(strong, STRENGTH, label=_told("How strongly each part moves", strong))),
            "tensions": Markup(face(tense, TENSION, label=_told("How tense each part is at rest", tense))),
            "nerve": Markup(face(nerve, STRENGTH, label=_told("How strongly the nerve answers", nerve))),
            "alongs": Markup(alongs_picture(along, label=_followed(along))) if along else "",
        },
    }


def _day(created: object) -> str:
    """`20 November 2026`; what is no date stays as the report has it."""
    said = words.date(created)
    try:
        at = date.fromisoformat(said.partition(" ")[0])
    except ValueError:
        return said
    return f"{at.day} {at:%B} {at.year}"


def _told(heading: str, parts: tuple[Part, ...]) -> str:
    """What a screen reader says of a face."""
    return f"Picture of a face. {heading}. " + ". ".join(f"{_capital(part.name)}: {part.said}" for part in parts)


def _followed(found: tuple[Along, ...]) -> str:
    told = ". ".join(
        f"{number}: when you {one.movement}, the {one.part} on the {one.side}: {one.said}"
        for number, one in enumerate(found, start=1)
    )
    return f"Picture of a face with arrows. {told}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
