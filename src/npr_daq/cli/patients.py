"""`npr-daq patients`: the simulated patients and what each teaches."""

from typing import Annotated

import typer

from npr_daq.cli.options import JsonFlag, echo_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("patients", epilog="Example: npr-daq patients branch_loss")(patients)


def patients(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One patient.")] = None,
    json: JsonFlag = False,
) -> None:
    """List the simulated patients: what each teaches and what a good examiner should find."""
    from npr_daq.cli.wording import listed
    from npr_daq.errors import UsageError
    from npr_daq.session import simulator_family

    cards = simulator_family().patients()
    if name is not None:
        known = [card["name"] for card in cards]
        if name not in known:
            raise UsageError(f"no simulated patient {name!r}; known are {', '.join(known)}")
        cards = [card for card in cards if card["name"] == name]
    if json:
        echo_json(cards)
        return
    for card in cards:
        typer.echo(f"{card['name']}\n{listed('teaches: ', card['teaches'])}\n{listed('expect:  ', card['expect'])}")
