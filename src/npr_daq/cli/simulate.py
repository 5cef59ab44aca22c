"""`npr-daq simulate`: run simulated instruments that share one face as one process."""

import io
import json
import shlex
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("simulate", epilog="Example: npr-daq simulate frontend --patient branch_loss --speed max")(simulate)


def simulate(
    kinds: Annotated[list[str], typer.Argument(metavar="KIND", help="Instruments to simulate: frontend.")],
    patient: Annotated[str, typer.Option(metavar="NAME", help="See `npr-daq patients`.")] = "healthy",
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    speed: Annotated[str, typer.Option(metavar="X|max", help="1 is real time; max is lock-step.")] = "1",
    listen: Annotated[str, typer.Option(metavar="pty|tcp:HOST:PORT", help="Where the wire ends.")] = "pty",
    side: Annotated[str, typer.Option(help="Side of the lesion: left or right.")] = "left",
    link: Annotated[Path | None, typer.Option(metavar="PATH", help="Stable link to the pty.")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the truth as JSON lines.")] = None,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults by script, TOML or JSON.")] = None,
) -> None:
    """Run simulated instruments that share one face as one process, until Ctrl-C.

    The first line on stdout is JSON: `uri` (complete, for --device), `uris` by kind, and `control`. On a terminal
    a command that is ready to be copied follows on stderr.
    """
    import os

    # The face multiplies many small matrices: one thread is several times faster. Read when NumPy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from npr_daq.errors import UsageError
    from npr_daq.session import simulator_family

    family = simulator_family()
    for kind in kinds:
        if kind not in family.kinds:
            raise UsageError(f"no simulated instrument {kind!r}; known are {', '.join(family.kinds)}")
    with redirect_stdout(_Announced(sys.stdout)) if sys.stderr.isatty() else nullcontext():
        code = family.serve(
            kinds=tuple(kinds),
            patient=patient,
            seed=seed,
            speed=speed,
            listen=listen,
            side=side,
            link=link,
            truth=truth,
            faults=faults,
        )
    raise typer.Exit(code)


def ready_command(facts: Mapping[str, Any]) -> str:
    """The exam that fits a running simulator, quoted for a shell: its URI holds `?` and `&`."""
    words = ("npr-daq", "exam", "conduction_trunk", "--device", facts["uri"], "--subject", "P-1")
    return shlex.join((*map(str, words), "--affected", str(facts.get("side", "left"))))


class _Announced(io.TextIOBase):
    """Stdout whose first line, the facts, is followed by the ready command on stderr."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._first: str | None = ""

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        if self._first is not None:
            self._first += text
            if "\n" in self._first:
                facts, self._first = json.loads(self._first.partition("\n")[0]), None
                self._stream.flush()
                typer.echo(f"In another terminal (Ctrl-C ends the simulator):\n  {ready_command(facts)}", err=True)
        return written

    def flush(self) -> None:
        self._stream.flush()
