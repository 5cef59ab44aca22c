"""`npr-daq recover`: seal every journal that has no sealed file."""

from pathlib import Path
from typing import Annotated

import typer

from npr_daq.cli.options import DeviceOption, JsonFlag, echo_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("recover", epilog="Example: npr-daq recover exams")(recover)


def recover(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with journals (.jrn).")],
    device: DeviceOption = None,
    json: JsonFlag = False,
) -> None:
    """Seal every journal that has no sealed file; says what was salvaged and what was lost.

    A stimulus whose outcome is unknown is reported, never repeated. With --device the instrument is asked for the
    highest stimulus number it has seen, which settles whether such a stimulus reached it.
    """
    from npr_daq.exam.seal import recover as recover_folder

    last_seen: int | None = None
    boot_id: int | None = None
    if device is not None:
        from npr_daq.session import connect

        with connect(device) as bench:
            last_seen = bench.device.last_stim_seq()
            boot_id = bench.device.capabilities.boot_id
    results = recover_folder(folder, last_stim_seq=last_seen, boot_id=boot_id)
    if json:
        echo_json([result.to_dict() for result in results])
    elif not results:
        typer.echo(f"{folder}: every journal is sealed, nothing to recover")
    else:
        for result in results:
            typer.echo(result.describe())
    failed = [result for result in results if result.error]
    if failed:
        raise typer.Exit(5)
