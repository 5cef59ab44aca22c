"""What docs/simulators.md says is there is there, and nothing else."""

import re
from pathlib import Path

from npr_simulators.assembly import build_bench
from npr_simulators.kinds import KINDS
from npr_simulators.options import Options

TEXT = (Path(__file__).parents[2] / "docs" / "simulators.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    section = TEXT[TEXT.index(heading) :].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)


def test_the_kinds_and_the_operations_are_all_there() -> None:
    assert first_cells("## Kinds") == list(KINDS)
    bench = build_bench(Options(), now_s=0.0)
    try:
        assert first_cells("## The control endpoint") == bench.answer({"op": "hello"})["ops"]
    finally:
        bench.close()
