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

EXAMPLE = "Example: npr-daq simulate amplifier stimulator --patient synkinetic_12m --visit 2"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("simulate", epilog=EXAMPLE)(simulate)


def simulate(
    kinds: Annotated[list[str], typer.Argument(metavar="KIND", help="frontend; or amplifier, stimulator or both.")],
    patient: Annotated[str, typer.Option(metavar="NAME", help="See `npr-daq patients`.")] = "healthy",
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    speed: Annotated[str, typer.Option(metavar="X|max", help="1 is real time; max is lock-step.")] = "1",
    listen: Annotated[str, typer.Option(metavar="pty|tcp:HOST:PORT", help="Where the wire ends.")] = "pty",
    side: Annotated[str, typer.Option(help="Side of the lesion: left or right.")] = "left",
    visit: Annotated[int, typer.Option(metavar="N", help="Which visit, from 1: electrodes never sit the same.")] = 1,
    day: Annotated[float | None, typer.Option(metavar="D", help="Days since the lesion; else the file's.")] = None,
    link: Annotated[Path | None, typer.Option(metavar="PATH", help="Stable link to the pty.")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the truth as JSON lines.")] = None,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults by script, TOML or JSON.")] = None,
) -> None:
    """Run simulated instruments that share one face as one process, until Ctrl-C.

    The first line on stdout is JSON: `uri` (complete, for --device), `uris` by kind, and `control`. On a terminal
    a command that is ready to be copied follows on stderr. An amplifier and a stimulator together share the patient and
    a clock, and a trigger line joins them.
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
            visit=visit,
            day=day,
            link=link,
            truth=truth,
            faults=faults,
        )
    raise typer.Exit(code)


def ready_command(facts: Mapping[str, Any]) -> str:
    """The exam that fits a running simulator, quoted for a shell (its URI holds `?` and `&`); "" for half a device."""
    if "frontend" not in facts.get("uris", ("frontend",)):
        return ""
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
                if ready := ready_command(facts):
                    typer.echo(f"In another terminal (Ctrl-C ends the simulator):\n  {ready}", err=True)
        return written

    def flush(self) -> None:
        self._stream.flush()
