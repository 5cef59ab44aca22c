"""`npr-daq verify`: prove an exam file."""

import typer

from npr_daq.cli.options import ExamFile, JsonFlag, echo_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("verify", epilog="Example: npr-daq verify exams/1b2c3d4e-conduction_extended.h5")(verify)


def verify(exam: ExamFile, json: JsonFlag = False) -> None:
    """Check every checksum of an exam file, then compute its findings again and compare them.

    Equal bit for bit with the same versions on the same class of CPU; otherwise every number within 1e-6 relative or
    1e-4 of its last printed digit, verdicts and flags identical. The journal and the edits file are checked where they
    lie beside the exam. The first difference is named by its path, exit code 5. Nothing is changed.
    """
    from npr_daq.errors import RecordingError
    from npr_daq.exam.exam import open_exam

    with open_exam(exam) as opened:
        found = opened.verify()
    if json:
        echo_json(found.to_dict())
    else:
        width = max(len(check.name) for check in found.checks)
        for check in found.checks:
            typer.echo(f"{'ok    ' if check.ok else 'FAILED'}  {check.name:<{width}}  {check.said}")
    if found.difference is not None:
        raise RecordingError(f"{exam} does not verify: {found.difference}")
