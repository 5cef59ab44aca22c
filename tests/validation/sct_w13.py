"""W13: how alike the two sides of healthy faces are in their own movements, published against simulated people.

    python tests/validation/sct_w13.py DIR --people 1-60 --seed 7 --jobs 2

Each person is drawn by `npr_simulators.person.population` and makes three expressions, five times each, over a memory
line, through engine, journal, exam file and findings; the plateau of the prime mover (S2) of both sides is compared. The
mean must lie within mean +- 2 sqrt(s^2/n_published + s^2/n), the SD ratio within its 95 % chi-square interval. How much
healthy sides differ is a setting of the simulated people (`population.MOVEMENT_PERCENT`, set to the frontalis of W13):
agreement there tests the chain, not the face.
"""

import argparse
import sys
from functools import partial
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from scipy import stats

import npr_daq as npr
from npr_daq.analysis.synkinesis import asymmetry
from npr_simulators.person.case_text import written
from npr_simulators.person.population import random_person

TASKS = {"wrinkle_forehead": "frontalis", "smile_open": "zygomaticus", "pucker": "orbicularis_oris"}
PUBLISHED = {
    "frontalis": ((81.70, 14.60), (10.87, 10.14)),
    "zygomaticus": ((73.74, 19.12), (16.71, 14.79)),
    "orbicularis_oris": ((79.72, 14.77), (12.10, 10.05)),
}
"""Smaller over larger side and asymmetry index in percent, mean and SD of 154 people (clinical reference 7, W13)."""
PEOPLE = 154
TASKS_OF_A_WORKER = 8


def protocol() -> str:
    """Rest and the three expressions."""
    steps = "".join(f'[[step]]\nkind = "movement"\ntask = "{task}"\nrest_s = 4.0\n' for task in TASKS)
    head = 'title = "W13"\npurpose = "Own movements of healthy people."\nversion = 1\nmontage = "facial-16"\n'
    return f'{head}[[step]]\nkind = "rest"\nseconds = 10.0\n{steps}'


def examined(number: int, *, seed: int, out: Path) -> dict[str, tuple[float, float]]:
    """Plateau of each prime mover in uV, right and left; run once, read again afterwards."""
    folder = (out / f"{number:03d}").absolute()
    exams = sorted(folder.glob("*.h5"))
    if not exams:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "person.toml").write_text(written(random_person(number, seed=seed)), encoding="utf-8")
        (folder / "w13.toml").write_text(protocol(), encoding="utf-8")
        uri = f"sim:{quote(str(folder / 'person.toml'))}?seed={1000 * seed + number}&listen=memory"
        with npr.connect(uri) as bench:
            exams = [npr.run_exam(folder / "w13.toml", bench, subject=f"W-{number}", affected="none", out=folder).path]
    with npr.open_exam(exams[0]) as exam:
        movers = {row.task: row.master_uv for row in exam.analyse().synkinesis.pairs}
    return {TASKS[task]: (float(uv.affected or np.nan), float(uv.healthy or np.nan)) for task, uv in movers.items()}


def rows(found: list[dict[str, tuple[float, float]]]) -> list[str]:
    """The table's lines."""
    lines = []
    for muscle, published in PUBLISHED.items():
        ratio = np.array([one[muscle][0] / one[muscle][1] for one in found if muscle in one])
        smaller, index = asymmetry(ratio[np.isfinite(ratio)])
        for what, values, (mean, sd) in zip(("smaller / larger", "AI"), (smaller, index), published, strict=True):
            n, own = len(values), values.std(ddof=1)
            inside = abs(values.mean() - mean) <= 2 * sqrt(sd**2 / PEOPLE + own**2 / n)
            low, high = np.sqrt(stats.chi2.ppf([0.025, 0.975], n - 1) / (n - 1))
            alike = low <= own / sd <= high
            lines.append(
                f"| {muscle.replace('_', ' ')}, {what}, % | {mean} ± {sd} (n {PEOPLE}) | {values.mean():.1f} ± {own:.1f} "
                f"(n {n}) | {'yes' if inside else 'NO'} | {own / sd:.2f} in {low:.2f}–{high:.2f}: "
                f"{'yes' if alike else 'NO'} |"
            )
    return lines


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--people", default="1-60")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    first, _, last = chosen.people.partition("-")
    people = range(int(first), int(last or first) + 1)
    job: Any = partial(examined, seed=chosen.seed, out=chosen.dir)
    with get_context("spawn").Pool(chosen.jobs, maxtasksperchild=TASKS_OF_A_WORKER) as pool:
        found = pool.map(job, people, chunksize=1)
    print("| W13 | published | measured through the chain | mean inside | SD ratio inside |\n|---|---|---|---|---|")
    print("\n".join(rows(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
