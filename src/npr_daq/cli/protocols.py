"""`npr-daq protocols`: list the protocols, or show one in clinical words."""

from typing import Annotated

import typer

from npr_daq.cli.options import JsonFlag, echo_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("protocols", epilog="Example: npr-daq protocols conduction_extended")(protocols)


def protocols(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A protocol's name or path.")] = None,
    json: JsonFlag = False,
) -> None:
    """List the protocols, or show one in clinical words."""
    from npr_daq import protocol
    from npr_daq.cli.wording import listed, wrapped

    if name is None:
        shown = [protocol.load_protocol(each) for each in protocol.names()]
        if json:
            echo_json([{"name": p.name, "title": p.title, "purpose": p.purpose, "version": p.version} for p in shown])
            return
        for each in shown:
            typer.echo(f"{listed(f'{each.name:22} ', each.title, indent=0)}\n{listed('', each.purpose, indent=23)}")
        return
    loaded = protocol.load_protocol(name)
    if json:
        echo_json(loaded.model_dump(mode="json", exclude_none=True, exclude={"text"}))
    else:
        typer.echo(wrapped(protocol.describe(loaded)))
