"""`npr-daq analyse`: findings from the raw data of a sealed exam."""

from getpass import getuser
from typing import Annotated, Any

import typer

from npr_daq.cli.options import EditsFlag, ExamFile, JsonFlag, NormsFile, echo_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("analyse", epilog="Example: npr-daq analyse exams/1b2c3d4e-conduction_extended.h5 --json")(analyse)


def analyse(
    exam: ExamFile,
    json: JsonFlag = False,
    wide: Annotated[bool, typer.Option(help="Every muscle, not only the headline of each branch.")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override an analysis parameter, for example window_end_ms=15."
        ),
    ] = None,
    edits: EditsFlag = True,
    norms: NormsFile = None,
    save: Annotated[
        bool, typer.Option("--save", help="Append parameters and checksum of the findings to the edits file.")
    ] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who saves it; the login by default.")] = None,
) -> None:
    """Compute the findings from the raw data. The file is never touched.

    Markers moved by hand (npr-daq mark) count, and the findings say which values they changed. With --save the analysis
    is remembered in <exam>.edits.jsonl beside the exam, and npr-daq verify proves it.
    """
    from npr_daq.exam.exam import open_exam

    with open_exam(exam) as opened:
        findings = opened.analyse(edits=edits, norms=norms, **_overrides(settings or []))
        saved = opened.save_analysis(findings, by=by or _login()) if save else None
        if json:
            echo_json(findings.to_dict())
            return
        from rich.console import Console

        from npr_daq.report.terminal import exam_table

        console = Console()
        console.print(exam_table(findings, width=console.width, wide=wide))
        if saved is not None:
            typer.echo(f"saved   {opened.edits_path}, edit {saved.n}, by {saved.who}")
            typer.echo(f"head    {saved.sha256}")


def _login() -> str:
    from npr_daq.errors import UsageError

    try:
        return getuser()
    except (ImportError, KeyError, OSError) as cause:
        raise UsageError("nobody is logged in; say who saves the analysis: --by NAME") from cause


def _overrides(settings: list[str]) -> dict[str, Any]:
    from npr_daq.errors import UsageError
    from npr_daq.quoting import quoted

    chosen: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        key = key.strip()
        try:
            number = float(value)
        except ValueError as cause:
            raise UsageError(f"--set {quoted(setting)} is not KEY=NUMBER, for example window_end_ms=15") from cause
        if key in chosen:
            raise UsageError(f"--set names {quoted(key)} twice; give each parameter once")
        chosen[key] = number
    return chosen
