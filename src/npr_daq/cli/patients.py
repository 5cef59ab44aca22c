"""`npr-daq patients`: the simulated patients, what each teaches, how they compare, and random ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from npr_daq.cli.options import JsonFlag, echo_json

EXAMPLES = (
    "Example: npr-daq patients synkinetic_12m. Side by side: npr-daq patients --matrix. "
    "A course: npr-daq patients bell_course --matrix --day 2 --day 365. "
    "A cohort: npr-daq patients --random 20 --seed 7 --out cohort"
)
_WIDTH = 80


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("patients", epilog=EXAMPLES)(patients)


def patients(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One patient: its name, or the path of a TOML file.")
    ] = None,
    matrix: Annotated[bool, typer.Option("--matrix", help="Patient by figure, from the truth alone.")] = False,
    day: Annotated[
        list[float] | None, typer.Option(metavar="DAY", help="Of --matrix: days since the onset; may be repeated.")
    ] = None,
    random: Annotated[
        int | None, typer.Option("--random", metavar="N", help="Draw N people and write them as patient files.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of --random and --matrix; 1 if not given.")] = None,
    group: Annotated[
        str | None, typer.Option(metavar="GROUP", help="Of --random: healthy (if not given) or synkinetic.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder for --random.")] = None,
    json: JsonFlag = False,
) -> None:
    """List the simulated patients: what each teaches and what a good examiner should find.

    With --matrix the figures that tell them apart; with --random new ones, to be used as sim:DIR/NAME.toml.
    """
    from npr_daq.errors import UsageError
    from npr_daq.session import simulator_family

    family = simulator_family()
    given_seed = 1 if seed is None else seed
    if random is not None:
        if name is not None or matrix or day:
            raise UsageError("--random draws new people; leave out NAME, --matrix and --day")
        if out is None:
            raise UsageError("--random writes files; give a folder with --out DIR")
        paths = [
            str(path) for path in family.random_patients(random, folder=out, seed=given_seed, group=group or "healthy")
        ]
        if json:
            echo_json(paths)
        else:
            typer.echo(f"{len(paths)} patient files, {paths[0]} to {paths[-1]}; examine one with sim:{paths[0]}")
        return
    if out is not None or group is not None:
        raise UsageError("--out and --group belong to --random; write for example: patients --random 20 --out cohort")
    if seed is not None and not matrix:
        raise UsageError("--seed belongs to --random and --matrix; the card of a patient is the same for every seed")
    if day and not matrix:
        raise UsageError("--day belongs to --matrix; write for example: patients bell_course --matrix --day 120")
    chosen = None if name is None else [name]
    if matrix:
        found = family.patient_matrix(chosen, seed=given_seed, days=day or ())
        if json:
            echo_json(found)
        else:
            typer.echo(matrix_text(found))
        return
    cards = family.patients(chosen)
    if json:
        echo_json(cards)
        return
    typer.echo("\n".join(card_text(card) for card in cards))


def card_text(card: Mapping[str, Any]) -> str:
    """One patient in words, for the width of the terminal."""
    from npr_daq.cli.wording import listed

    told = [("teaches: ", card["teaches"]), ("expect:  ", card["expect"]), ("matrix:  ", card["cell"])]
    return "\n".join([card["name"], *(listed(label, text) for label, text in told)])


def matrix_text(found: Mapping[str, Any]) -> str:
    """The matrix as tables of at most 80 columns, a legend, and `*` at the cell that each patient is known by."""
    from npr_daq.cli.wording import listed, wrapped

    people, columns = found["patients"], found["columns"]
    labels = [p["name"] if p["day"] is None else f"{p['name']} day {p['day']:g}" for p in people]
    first = max(map(len, labels)) + 1
    widths = [1 + max(len(c["heading"]), *(len(_cell(c, person)) for person in people)) for c in columns]
    tables, at = [], 0
    while at < len(columns):
        end = at + 1
        while end < len(columns) and first + sum(widths[at : end + 1]) <= _WIDTH:
            end += 1
        some = list(zip(columns[at:end], widths[at:end], strict=True))
        # a star must not push a number out of line
        lines = [" " * first + "".join(f"{c['heading']:>{w - 1}} " for c, w in some)]
        lines += [" " * first + "".join(f"{c['unit']:>{w - 1}} " for c, w in some)]
        for label, person in zip(labels, people, strict=True):
            lines.append(f"{label:{first}}" + "".join(f"{_cell(c, person):>{w}}" for c, w in some))
        tables.append("\n".join(line.rstrip() for line in lines))
        at = end
    widest = max(len(c["heading"]) for c in columns) + 2
    legend = [listed(f"{c['heading']:{widest}}", f"{c['meaning']} ({c['name']})", indent=0) for c in columns]
    note = f"Seed {found['seed']}, lesion on the left, no noise. * what the patient teaches; - no response to speak of."
    return "\n\n".join([*tables, "\n".join(legend), wrapped(note)])


def _cell(column: Mapping[str, Any], person: Mapping[str, Any]) -> str:
    value = person["values"][column["name"]]
    text = "-" if value is None else f"{value:.{column['digits']}f}"
    return text + ("*" if person["cell"] == column["name"] else " ")
