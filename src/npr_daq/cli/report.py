"""`npr-daq report`: the clinician's report, or a plain page for the patient."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from npr_daq.cli.options import EditsFlag, ExamFile, NormsFile


class Reader(StrEnum):
    """Who a report is for."""

    CLINICIAN = "clinician"
    PATIENT = "patient"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("report", epilog="Example: npr-daq report exams/1b2c3d4e-conduction_extended.h5 --for patient")(report)


def report(
    exam: ExamFile,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE.html", help="Beside the exam by default; the patient's ends in -patient.html."
        ),
    ] = None,
    reader: Annotated[
        Reader,
        typer.Option("--for", help="clinician: everything; patient: one page in plain words, left beside right."),
    ] = Reader.CLINICIAN,
    edits: EditsFlag = True,
    norms: NormsFile = None,
) -> None:
    """Write a self-contained HTML report: tables, waveforms, curves, dose, quality; or the patient's page."""
    from npr_daq.errors import UsageError
    from npr_daq.exam.exam import open_exam
    from npr_daq.reference import load_norms
    from npr_daq.report.html import write_report
    from npr_daq.report.patient_page import write_patient_page

    plain = reader is Reader.PATIENT
    target = out or (exam.with_name(f"{exam.stem}-patient.html") if plain else exam.with_suffix(".html"))
    if target.suffix != ".html":
        raise UsageError(f"the report {target} must end in .html; other formats are not built yet")
    if plain and norms is not None:
        raise UsageError(
            "the patient's page shows no reference values; leave out --norms, or make the clinician's report"
        )
    with open_exam(exam) as opened:
        chosen = None if norms is None else load_norms(norms)
        shown = opened.with_edits() if edits else opened
        if plain:
            write_patient_page(shown, target)
        else:
            write_report(shown, target, norms=chosen)
    typer.echo(f"report  {target}")
