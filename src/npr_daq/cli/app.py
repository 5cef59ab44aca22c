"""The `npr-daq` program: its commands, and how errors reach the user."""

import sys
from typing import Annotated

import typer

from npr_daq import __version__
from npr_daq.cli import analyse, demo, devices, exam, mark, patients, plan, protocols, recover, report, simulate, verify
from npr_daq.cli.wording import paragraphs
from npr_daq.errors import NprError

app = typer.Typer(
    name="npr-daq",
    help=(
        "Measure the facial nerve: how well each branch conducts, which muscles follow others as the face moves.\n\n"
        "Research use only; not a medical device. Start with [bold]npr-daq demo[/], which needs no hardware."
    ),
    epilog="Add --debug to any command to see the full traceback of an error.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (demo, exam, plan, protocols, devices, patients, simulate, analyse, report, mark, verify, recover):
    module.register(app)
for command in app.registered_commands:
    assert command.callback is not None
    command.help = paragraphs(command.callback)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"npr-daq {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def run() -> None:
    """Run the program: an error is one sentence on stderr and its documented exit code."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) != len(sys.argv) - 1
    try:
        app(arguments, prog_name="npr-daq")
    except NprError as error:
        if debug:
            raise
        _print_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _print_error(error: NprError) -> None:
    lines = [" ".join(str(error).split()), *getattr(error, "__notes__", [])]
    try:
        typer.secho("npr-daq: ", fg="red", err=True, nl=False)
        typer.echo("\n".join(lines), err=True)
    except OSError:  # nobody reads it; the exit code says what happened
        from npr_daq.cli.screen import silence

        silence(sys.stderr)
