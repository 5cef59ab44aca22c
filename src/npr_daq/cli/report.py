"""`npr-daq report`: the clinician's report."""

from pathlib import Path
from typing import Annotated

import typer

from npr_daq.cli.options import EditsFlag, ExamFile, NormsFile


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("report", epilog="Example: npr-daq report exams/1b2c3d4e-conduction_extended.h5")(report)


def report(
    exam: ExamFile,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="Beside the exam by default.")
    ] = None,
    edits: EditsFlag = True,
    norms: NormsFile = None,
) -> None:
    """Write a self-contained HTML report: tables, waveforms, recruitment curves, dose, quality."""
    from npr_daq.errors import UsageError
    from npr_daq.exam.exam import open_exam
    from npr_daq.reference import load_norms
    from npr_daq.report.html import write_report

    target = out or exam.with_suffix(".html")
    if target.suffix != ".html":
        raise UsageError(f"the report {target} must end in .html; other formats are not built yet")
    with open_exam(exam) as opened:
        chosen = None if norms is None else load_norms(norms)
        write_report(opened.with_edits() if edits else opened, target, norms=chosen)
    typer.echo(f"report  {target}")
