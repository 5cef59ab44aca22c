"""The first thing that runs: Ctrl-C counts from here on, also while the program is still loading."""

import sys


def main() -> None:
    """Load and run the program; an interruption is a sentence and exit code 130."""
    try:
        from npr_daq.cli.app import run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("npr-daq: interrupted; if an exam was running, `npr-daq recover` seals its journal\n")
        sys.exit(130)
