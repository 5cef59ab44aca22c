"""`npr-daq protocols`: list the protocols, show one in clinical words, or show the rules of the search."""

from typing import Annotated

import typer

from npr_daq.cli.options import JsonFlag, echo_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("protocols", epilog="Example: npr-daq protocols conduction_extended")(protocols)


def protocols(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A protocol's name or path.")] = None,
    search: Annotated[
        bool, typer.Option("--search", help="The supramaximal search: state, condition, next current.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """List the protocols, show one in clinical words, or show the rules by which the current is raised."""
    from npr_daq import protocol
    from npr_daq.cli.wording import listed, wrapped

    if search:
        _search(json=json)
    elif name is None:
        shown = [protocol.load_protocol(each) for each in protocol.names()]
        if json:
            echo_json([{"name": p.name, "title": p.title, "purpose": p.purpose, "version": p.version} for p in shown])
            return
        for each in shown:
            typer.echo(f"{listed(f'{each.name:22} ', each.title, indent=0)}\n{listed('', each.purpose, indent=23)}")
    else:
        loaded = protocol.load_protocol(name)
        if json:
            echo_json(loaded.model_dump(mode="json", exclude_none=True, exclude={"text"}))
        else:
            typer.echo(wrapped(protocol.describe(loaded)))


def _search(*, json: bool) -> None:
    """The rules of the search as they stand in the program, in the order in which they are asked."""
    from npr_daq.cli.wording import listed
    from npr_daq.engine.search import RULES

    if json:
        echo_json([{"state": rule.state, "when": rule.when, "next": rule.then} for rule in RULES])
        return
    typer.echo(
        listed(
            "",
            "The first line that holds says what comes next. Never above the cap; the current never falls; above the "
            "bound of silence only with a response that repeats. Start and caps: npr-daq plan PROTOCOL.",
            indent=0,
        )
    )
    for number, rule in enumerate(RULES, 1):
        typer.echo(listed(f"{number:2}  {rule.state:10} ", rule.when, indent=0))
        typer.echo(listed("-> ", rule.then, indent=15))
