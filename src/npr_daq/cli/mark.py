"""`npr-daq mark`: move a marker on a response, or list what was edited."""

from typing import TYPE_CHECKING, Annotated

import typer

from npr_daq.cli.options import ExamFile, JsonFlag, echo_json

if TYPE_CHECKING:
    from npr_daq.findings.marks import Place
    from npr_daq.storage.edits import Entry


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "mark",
        epilog="Example: npr-daq mark exams/1b2c3d4e-conduction_extended.h5 --side left --branch buccal "
        '--muscle nasalis --marker onset --at 3.42 --by "A. Berg" --reason "hum before the onset"',
    )(mark)


def mark(
    exam: ExamFile,
    side: Annotated[str | None, typer.Option(help="left or right.")] = None,
    branch: Annotated[str | None, typer.Option(help="The stimulated branch, or trunk.")] = None,
    muscle: Annotated[str | None, typer.Option(help="The recorded muscle.")] = None,
    marker: Annotated[
        str | None, typer.Option(help="onset, negative_peak or offset (the end of the negative phase).")
    ] = None,
    at: Annotated[
        float | None, typer.Option("--at", metavar="MS", help="Where it belongs, after the stimulus.")
    ] = None,
    as_measured: Annotated[bool, typer.Option("--as-measured", help="Back to where it was measured.")] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides this.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; never a patient's name.")] = None,
    show: Annotated[bool, typer.Option("--list", help="List every edit, and change nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Move a marker on the average of a response. The exam file is never touched.

    Who, when, from where and to where are appended to <exam>.edits.jsonl beside it. Nothing is ever overwritten; the
    last move of a marker counts. `analyse` and `report` then read everything that follows from the marker anew.
    Markers lie on conduction studies only. `head` is the checksum of the edits so far: noted elsewhere, it shows later
    whether lines were taken off the end.
    Exit codes: 0 done, 2 wrong option, 3 refused (no response there, outside the window, out of order), 5 file.
    """
    from npr_daq.exam.exam import open_exam

    with open_exam(exam) as opened:
        if show:
            entries = opened.edits
            if json:
                echo_json([entry.to_dict() for entry in entries])
            else:
                typer.echo("\n".join(map(_line, entries)) or f"{exam}: nothing was edited")
            return
        place = _place(side, branch, muscle, marker)
        name, at_ms = _decided(by, at, as_measured=as_measured)
        entry = opened.mark(place, at_ms, by=name, reason=reason)
    if json:
        echo_json(entry.to_dict())
    else:
        typer.echo(_line(entry))
        typer.echo(f"head    {entry.sha256}")


def _place(side: str | None, branch: str | None, muscle: str | None, marker: str | None) -> "Place":
    from npr_daq.anatomy import Branch, Muscle, Side
    from npr_daq.cli.checks import one_of
    from npr_daq.findings.marks import Marker, Place

    return Place(
        one_of(Side, side, "--side"),
        one_of(Branch, branch, "--branch"),
        one_of(Muscle, muscle, "--muscle"),
        one_of(Marker, marker, "--marker"),
    )


def _decided(by: str | None, at: float | None, *, as_measured: bool) -> tuple[str, float | None]:
    from npr_daq.errors import UsageError

    if (at is None) != as_measured:
        raise UsageError("say where the marker belongs: either --at MS or --as-measured")
    if by is None:
        raise UsageError("say who moves the marker: --by NAME")
    return by, at


def _line(entry: "Entry") -> str:
    """One edit in one line."""
    from npr_daq.findings.marks import MARK

    why = f" ({entry.reason})" if entry.reason else ""
    if entry.what != MARK:
        digest = str(entry.after.get("findings_sha256", "")) if isinstance(entry.after, dict) else ""
        return f"{entry.n:<4}{entry.when}  {entry.who}: {entry.what} saved, findings {digest[:16]}{why}"
    where = " ".join(str(entry.where.get(key)) for key in ("side", "branch", "muscle", "marker")).replace("_", " ")
    if entry.after is None:
        return f"{entry.n:<4}{entry.when}  {entry.who}: {where}: back to {_ms(entry.before)}, as measured{why}"
    return f"{entry.n:<4}{entry.when}  {entry.who}: {where}: {_ms(entry.before)} -> {_ms(entry.after)}{why}"


def _ms(value: object) -> str:
    return f"{value:.2f} ms" if isinstance(value, int | float) else "withheld"
