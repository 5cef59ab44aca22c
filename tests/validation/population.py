"""Published groups of healthy people against a simulated population, through the whole chain.

    python tests/validation/population.py --people 1-200 --seed 2 --out DIR [--jobs 2]

Each person is drawn by `npr_simulators.person.population`, written as a patient file and examined with
`population.toml` over the simulated wire, by the engine, journal, exam file and findings. Scored against clinical
reference 7: the mean must lie inside the printed mean +- 2 sqrt(s^2/n_published + s^2/n), the SD ratio inside the 95 %
chi-square interval for n_published; limits that leave 5 % outside must hold in 95 % less two binomial SD. Only rows that
the findings accept count, and how many is printed. An exam that is in DIR is scored again, not run again.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import npr_daq as npr
from npr_daq.anatomy import SUPPLIES, Branch
from npr_simulators.person.case_text import written
from npr_simulators.person.population import USUAL_NASALIS_UNITS, random_person

NPR = [sys.executable, "-m", "npr_daq"]
PROTOCOL = Path(__file__).with_name("population.toml")
BOTH_SIDES = ("trunk", "temporal")
"""Sites that everyone has, on both sides; the others only where the thresholds of all branches are wanted."""
LATENCIES = (
    ("W1", "orbicularis_oris", 2.97, 0.35, 178),
    ("W2", "orbicularis_oculi", 2.70, 0.28, 157),
    ("W3", "nasalis", 3.15, 0.40, 20),
)
THRESHOLDS_MA = {
    Branch.TRUNK: 1.82,
    Branch.TEMPORAL: 1.38,
    Branch.ZYGOMATIC: 1.32,
    Branch.BUCCAL: 1.50,
    Branch.MARGINAL_MANDIBULAR: 1.21,
    Branch.CERVICAL: 1.33,
}
THRESHOLD_SD_MA = {
    Branch.TEMPORAL: 0.30,
    Branch.ZYGOMATIC: 0.27,
    Branch.BUCCAL: 0.37,
    Branch.MARGINAL_MANDIBULAR: 0.23,
    Branch.CERVICAL: 0.28,
}


def shortened_protocol(text: str) -> str:
    head, *steps = text.split("[[step]]")
    return "[[step]]".join([head, *(s for s in steps if "site" not in s or any(f'"{b}"' in s for b in BOTH_SIDES))])


def examine(number: int, seed: int, out: Path, *, every_site: bool) -> None:
    folder = out / f"{number:03d}"
    if (folder / "findings.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    person = folder / "person.toml"
    person.write_text(written(random_person(number, seed=seed)), encoding="utf-8")
    text = PROTOCOL.read_text(encoding="utf-8")
    protocol = folder / "protocol.toml"
    protocol.write_text(text if every_site else shortened_protocol(text), encoding="utf-8")
    device = f"sim:{person}?seed={1000 * seed + number}"
    command = ["exam", str(protocol), "--device", device, "--subject", f"P-{number}", "--affected", "none"]
    done = subprocess.run(
        [*NPR, *command, "--operator", "auto", "--out", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    exams = list(folder.glob("*.h5"))
    if done.returncode or not exams:
        raise SystemExit(f"person {number}: exit {done.returncode}\n{done.stderr[-2000:]}")
    with npr.open_exam(exams[0]) as exam:
        (folder / "findings.json").write_text(exam.findings.to_json(), encoding="utf-8")


def threshold_ma(row: dict[str, Any]) -> float:
    """5 % of the plateau, by the recruitment curve of the findings; NaN where it does not tell."""
    found = row["supramaximal"]["evidence"].get("recruitment") or {}
    return math.nan if found.get("threshold_ma") is None else float(found["threshold_ma"])


def lowest_threshold_ma(rows: dict[tuple[str, str, str], dict[str, Any]], branch: Branch) -> float:
    """Of the muscles that `branch` supplies on the left: the first twitch, whichever muscle it is in."""
    own = [rows.get(("left", str(branch), str(muscle))) for muscle in SUPPLIES[branch]]
    return min((t for row in own if row and math.isfinite(t := threshold_ma(row))), default=math.nan)


def collect(out: Path, numbers: Sequence[int]) -> dict[str, list[Any]]:
    kept: dict[str, list[Any]] = {"rows": [], "side": [], "frontalis_side": [], "ratios": [], "exams": []}
    for number in numbers:
        found = json.loads((out / f"{number:03d}" / "findings.json").read_text())
        rows = {(r["side"], r["branch"], r["muscle"]): r for r in found["conduction"]}
        kept["exams"].append(rows)
        for muscle, branch, into in (("nasalis", "trunk", "side"), ("frontalis", "temporal", "frontalis_side")):
            left, right = rows.get(("left", branch, muscle)), rows.get(("right", branch, muscle))
            if left and right and left["quality"]["accepted"] and right["quality"]["accepted"]:
                pair = sorted((left["peak_to_peak_mv"], right["peak_to_peak_mv"]))
                kept[into].append(100 * (pair[1] - pair[0]) / pair[1])
        lowest = {branch: lowest_threshold_ma(rows, branch) for branch in SUPPLIES}
        kept["ratios"].append({b: lowest[b] / lowest[Branch.TRUNK] for b in lowest if b is not Branch.TRUNK})
    return kept


def judged(values: Sequence[float], mean: float, sd: float, published: int) -> str:
    x = np.array([v for v in values if v is not None and np.isfinite(v)])
    room = 2 * math.sqrt(sd**2 / published + sd**2 / len(x))
    ratio = x.std(ddof=1) / sd
    low, high = np.sqrt(stats.chi2.ppf([0.025, 0.975], published - 1) / (published - 1))
    inside = "yes" if abs(x.mean() - mean) <= room else "NO"
    alike = "yes" if low <= ratio <= high else "NO"
    return (
        f"{mean} ± {sd} (n {published}) | {x.mean():.3f} ± {x.std(ddof=1):.3f} (n {len(x)}) | ± {room:.3f}: {inside} | "
        f"{ratio:.2f} in {low:.2f}–{high:.2f}: {alike}"
    )


def limit(share: float, n: int, text: str) -> str:
    least = 0.95 - 2 * math.sqrt(0.95 * 0.05 / n)
    return f"{text} | {100 * share:.1f} % (n {n}) | at least {100 * least:.1f} %: {'yes' if share >= least else 'NO'} |"


def report(kept: dict[str, list[Any]], seed: int, numbers: Sequence[int]) -> None:
    def values(side: str, branch: str, muscle: str, what: str) -> list[float]:
        rows = [e.get((side, branch, muscle)) for e in kept["exams"]]
        return [r[what] for r in rows if r and r["quality"]["accepted"] and r[what] is not None]

    print(f"people {numbers[0]}-{numbers[-1]}, cohort seed {seed}, left side unless said otherwise")
    print("| row | quantity | published | measured through the chain | mean inside | SD ratio inside |")
    print("|---|---|---|---|---|---|")
    for name, muscle, mean, sd, n in LATENCIES:
        found = values("left", "trunk", muscle, "onset_latency_ms")
        print(f"| {name} | {muscle} onset, trunk, ms | {judged(found, mean, sd, n)} |")
    onset = values("left", "trunk", "nasalis", "onset_latency_ms")
    size = values("left", "trunk", "nasalis", "peak_to_peak_mv")
    print(f"| W7 | nasalis onset | {limit(float(np.mean(np.array(onset) < 4.5)), len(onset), '< 4.5 ms')} |")
    print(f"| W7 | nasalis peak to peak | {limit(float(np.mean(np.array(size) > 2)), len(size), '> 2 mV')} |")
    size = values("left", "temporal", "frontalis", "peak_to_peak_mv")
    onset = values("left", "temporal", "frontalis", "onset_latency_ms")
    print(f"| W8 | frontalis peak to peak | {limit(float(np.mean(np.array(size) >= 0.4)), len(size), '>= 0.4 mV')} |")
    print(f"| W8 | frontalis onset | {limit(float(np.mean(np.array(onset) < 3.9)), len(onset), '< 3.9 ms')} |")
    side = np.array(kept["frontalis_side"])
    print(f"| W8 | frontalis side difference | {limit(float(np.mean(side < 60)), len(side), '< 60 %')} |")
    for name, mean, sd in (("W27 fold", 22.77, 17.62), ("W27 ala", 23.71, 15.35)):
        print(f"| {name} | nasalis side difference, % | {judged(kept['side'], mean, sd, 20)} |")
    side = np.array(kept["side"])
    inside = "yes" if 26 <= side.mean() <= 39 else "NO"
    print(
        f"| W16 | nasalis side difference, % | 32.5, 99 % CI 26–39, 0–80 (n 20 x 4) | {side.mean():.1f}, "
        f"{side.min():.0f}–{side.max():.0f} (n {side.size}) | 26–39: {inside} | |"
    )
    trunk_ma = THRESHOLDS_MA[Branch.TRUNK]
    for branch, sd in THRESHOLD_SD_MA.items():
        found = [row[branch] for row in kept["ratios"]]
        told = judged(found, round(THRESHOLDS_MA[branch] / trunk_ma, 3), round(sd / trunk_ma, 3), 30)
        print(f"| W10 | threshold {branch} / trunk | {told} |")
    units = [USUAL_NASALIS_UNITS * random_person(n, seed=seed).build.motor_units for n in numbers]
    print(f"| W28 | nasalis units (generator alone) | {judged(units, 75, 15.6, 26)} |")
    rows = [r for e in kept["exams"] for r in e.values()]
    good = [r for r in rows if r["quality"]["accepted"]]
    print(f"rows accepted: {len(good)} of {len(rows)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", default="1-200", help="first-last")
    parser.add_argument("--seed", type=int, default=2, help="of the cohort")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--thresholds", type=int, default=60, help="people up to this number have all branches")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    first, last = map(int, asked.people.split("-"))
    numbers = range(first, last + 1)

    def work(number: int) -> None:
        examine(number, asked.seed, asked.out, every_site=number <= asked.thresholds)

    with ThreadPoolExecutor(asked.jobs) as pool:
        for n, _ in enumerate(pool.map(work, numbers), 1):
            if n % 10 == 0:
                print(f"{n} of {len(numbers)} examined", file=sys.stderr, flush=True)
    report(collect(asked.out, numbers), asked.seed, numbers)


if __name__ == "__main__":
    main()
