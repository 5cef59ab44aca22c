"""How long `npr-daq --help` takes against importing typer and rich, in turn: median of the pairs' ratios.

    python benchmarks/bench_startup.py [--pairs 15]

Goal: at most twice.
"""

import argparse
import statistics
import subprocess
import sys
import time

HELP = [sys.executable, "-m", "npr_daq", "--help"]
IMPORTS = [sys.executable, "-c", "import typer, rich.console, rich.table, rich.progress"]


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15)
    given = parser.parse_args()
    seconds(HELP), seconds(IMPORTS)
    pairs = [(seconds(HELP), seconds(IMPORTS)) for _ in range(given.pairs)]
    ratio = statistics.median(a / b for a, b in pairs)
    helped, imported = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"npr-daq --help {helped:.3f} s, imports {imported:.3f} s, median ratio {ratio:.2f} (n = {given.pairs} pairs)"
    )


if __name__ == "__main__":
    main()
