"""Arguments and options that several commands share, with their help."""

from pathlib import Path
from typing import Annotated

import typer

ProtocolName = Annotated[str, typer.Argument(metavar="PROTOCOL", help="A protocol's name, or the path of a TOML file.")]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        "-d",
        metavar="URI",
        help="DRIVER@ADDRESS, e.g. frontend@serial:/dev/ttyACM0, or sim:PATIENT[?seed=7&side=right].",
    ),
]
ExamFile = Annotated[Path, typer.Argument(metavar="EXAM", help="A sealed exam file (.h5).")]
NormsFile = Annotated[
    Path | None,
    typer.Option(
        "--norms",
        metavar="FILE.toml",
        help="Reference values of your laboratory instead of the published ones; a changed copy of "
        "npr_daq/reference/norms.toml.",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
OutDir = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the exam file.")]

EditsFlag = Annotated[bool, typer.Option("--edits/--no-edits", help="With markers moved by hand, or all as measured.")]


def echo_json(value: object) -> None:
    """Print one JSON document on stdout."""
    import json

    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
