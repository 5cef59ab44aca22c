"""What the command line asks of the simulated people: their cards, the matrix, and random ones written as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from npr_daq.errors import UsageError
from npr_daq.quoting import shown_path
from npr_simulators.person.case_file import load_case, names
from npr_simulators.person.case_text import written
from npr_simulators.person.population import MOST, random_person


def cards(names_or_paths: Sequence[str] | None = None) -> list[dict[str, str]]:
    """Who each patient is: `name`, `teaches`, `expect`, `cell`; all that ship without names."""
    cases = [load_case(name) for name in (names() if names_or_paths is None else names_or_paths)]
    return [{"name": c.name, "teaches": c.teaches, "expect": c.expect, "cell": c.cell} for c in cases]


def patient_matrix(
    names_or_paths: Sequence[str] | None = None, *, seed: int = 1, days: Sequence[float] = ()
) -> dict[str, Any]:
    """The patient matrix, JSON-safe (see `matrix.as_json`); takes about half a second for each row."""
    # loaded here: listing the patients must not pay for the motor units
    from npr_simulators.person import matrix

    if seed < 0:
        raise UsageError(f"seed {seed} is negative; give 0 or more")
    chosen = names() if names_or_paths is None else names_or_paths
    return matrix.as_json([load_case(name) for name in chosen], seed=seed, days=days)


def write_people(count: int, *, folder: Path, seed: int = 1, group: str = "healthy") -> list[Path]:
    """Draw `count` people and write each as a patient file; the paths, person 1 first.

    Nothing is overwritten. Raises UsageError for a count or group that cannot be, a file that is there already, or a
    folder that cannot be written; files written before the failing one stay.
    """
    if not 1 <= count <= MOST:
        raise UsageError(f"{count} people cannot be drawn; give a number from 1 to {MOST}")
    people = [random_person(number, seed=seed, group=group) for number in range(1, count + 1)]
    paths = [folder / f"{person.name}.toml" for person in people]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, person in zip(paths, people, strict=True):
            with path.open("x", encoding="utf-8") as file:
                file.write(written(person))
    except FileExistsError as cause:
        raise UsageError(f"{shown_path(cause.filename)} is there already; give an empty folder") from cause
    except (OSError, ValueError) as cause:
        raise UsageError(f"people cannot be written to {shown_path(folder)}: {cause}; give another folder") from cause
    return paths
