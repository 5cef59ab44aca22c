"""`python -m npr_simulators KIND... OPTIONS`: one simulator process."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from npr_daq.errors import NprError
from npr_simulators.options import ONE_THREAD, options_from


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator that the command line asks for; returns its exit code."""
    os.environ.update(ONE_THREAD)
    from npr_simulators.process import FRONTEND, serve  # loads NumPy, which reads the environment once

    parser = argparse.ArgumentParser(prog="python -m npr_simulators", description="Run simulated instruments.")
    parser.add_argument("kinds", metavar="KIND", nargs="+", help=f"of {', '.join(FRONTEND.kinds)}")
    parser.add_argument("--patient", default="healthy", help="a name, or the path of a patient file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", default="left", help="the side of the lesion")
    parser.add_argument("--speed", default="1", help="device seconds per second, or max for lock-step")
    parser.add_argument("--visit", type=int, default=1, help="which visit of the patient, from 1")
    parser.add_argument("--day", type=float, help="days since the lesion, where the patient has a course")
    parser.add_argument("--listen", default="pty", help="pty or tcp:HOST:PORT")
    parser.add_argument("--link", type=Path, help="a stable symbolic link to the pseudo-terminal")
    parser.add_argument("--truth", type=Path, help="file for what was really delivered")
    parser.add_argument("--faults", type=Path, help="file with a script of faults")
    parser.add_argument("--exit-with", type=int, metavar="PID", help="end when this process has gone")
    given = parser.parse_args(arguments)
    try:
        return serve(
            options_from(
                patient=given.patient,
                seed=given.seed,
                speed=given.speed,
                side=given.side,
                listen=given.listen,
                link=given.link,
                truth=given.truth,
                faults=given.faults,
                exit_with=given.exit_with,
                kinds=tuple(given.kinds),
                visit=given.visit,
                day=given.day,
            )
        )
    except NprError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
