"""Score conduction findings against the simulator's truth, through the whole chain, over many seeds.

    python tests/validation/accuracy.py --patients healthy branch_loss --seeds 1-10 --out DIR

Each exam is `npr-daq demo --protocol conduction_extended` over the serial line; a patient is a name or the path of a
patient file. Scored, on rows that are accepted and not withheld:
ratio  |measured - true| in percentage points; true is the ratio of the mean noise-free peak-to-peak amplitudes behind
       the linear front-end (`clin` of docs/truth.md) of the accepted sweeps' own stimuli; beside it the same against
       the apparent amplitudes before the front-end (`app`) and against the full plateau of every axon (`app`);
size   measured over true peak to peak in percent, against `clin` and against `app`;
onset  |measured - mean t_ref of the accepted sweeps|, on the stimulated branch's own muscles;
cover  the share of intervals that hold the truth: of ratios, of sums over muscles, of onsets.
"Unflagged" are accepted rows without any reason beside them.
An exam that exists in DIR is scored again, not run again.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

NPR = [sys.executable, "-m", "npr_daq"]


@dataclass
class Score:
    rows: int = 0
    accepted: int = 0
    unflagged: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    unproved: int = 0
    amplitude_error: list[float] = field(default_factory=list)
    apparent_amplitude_error: list[float] = field(default_factory=list)
    apparent_error: list[float] = field(default_factory=list)
    covered_apparent: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    summed_error: list[float] = field(default_factory=list)
    covered_summed: list[bool] = field(default_factory=list)
    onset_widths: list[float] = field(default_factory=list)
    covered_onset: list[bool] = field(default_factory=list)
    ratios: int = 0
    withheld: int = 0
    ratio_error: list[float] = field(default_factory=list)
    plateau_error: list[float] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    covered_plateau: list[bool] = field(default_factory=list)
    onset_error: list[float] = field(default_factory=list)
    shocks: list[int] = field(default_factory=list)
    worst: list[tuple[float, str]] = field(default_factory=list)


def run_demo(patient: str, seed: int, folder: Path) -> float:
    import time

    if (folder / "exam.h5").exists():
        return float("nan")
    started = time.monotonic()
    done = subprocess.run(
        [
            *NPR,
            "demo",
            "--protocol",
            "conduction_extended",
            "--patient",
            patient,
            "--seed",
            str(seed),
            "--out",
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{patient} {seed}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr}")
    return time.monotonic() - started


def truth_of(folder: Path) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    return lines[0], {row["stim_seq"]: row for row in lines[1:] if "stim_seq" in row}


def accepted_sweeps(folder: Path) -> Iterator[tuple[str, str, list[int]]]:
    import npr_daq as npr

    with npr.open_exam(folder / "exam.h5") as exam:
        recording = exam.recording
    for step in recording.steps:
        kept = [s for s in recording.sweeps if s.step == step and s.role == "accept" and s.valid]
        if kept:
            yield str(kept[0].stimulus.side), str(kept[0].stimulus.site), [s.stim_seq for s in kept]


def score(folder: Path, into: Score, label: str) -> None:
    found = json.loads(
        subprocess.run([*NPR, "analyse", str(folder / "exam.h5"), "--json"], capture_output=True, check=True).stdout
    )
    header, truth = truth_of(folder)
    into.shocks.append(len(truth))
    sweeps = {(side, site): seqs for side, site, seqs in accepted_sweeps(folder)}
    affected = found["exam"]["affected"]
    affected = affected if affected in ("left", "right") else "left"
    healthy = "right" if affected == "left" else "left"

    def mean(side: str, site: str, muscle: str, *path: str) -> float:
        values = []
        for seq in sweeps.get((side, site), []):
            value: Any = truth[seq]["channels"][f"{side}.{muscle}"]
            for key in path:
                value = value[key]
            values.append(np.nan if value is None else value)
        return float(np.mean(values)) if values else float("nan")

    for row in found["conduction"]:
        into.rows += 1
        for reason in row["quality"]["reasons"]:
            into.reasons[re.sub(r"[-+]?[0-9][0-9.e+-]*", "#", reason)] += 1
        account = row.get("artefact") or {}
        into.methods[account.get("method", "")] += 1
        into.unproved += account.get("proved") is False
        if not row["quality"]["accepted"]:
            continue
        into.accepted += 1
        into.unflagged += not row["quality"]["reasons"]
        for kind, errors in (("clin", into.amplitude_error), ("app", into.apparent_amplitude_error)):
            size = mean(row["side"], row["site"], row["muscle"], kind, "pp_uv")
            errors.append(100 * (row["peak_to_peak_mv"] * 1e3 / size - 1))
        if row["onset_latency_ms"] is not None:
            interval = row.get("onset_ci95_ms")
            if interval is not None:
                true = mean(row["side"], row["site"], row["muscle"], "t_ref")
                into.covered_onset.append(interval[0] <= true <= interval[1])
                into.onset_widths.append((interval[1] - interval[0]) / 2)
            error = row["onset_latency_ms"] - mean(row["side"], row["site"], row["muscle"], "t_ref")
            into.onset_error.append(error)
            into.worst.append(
                (abs(error) / 0.15, f"{label} onset {row['side']} {row['branch']} {row['muscle']} {error:+.3f} ms")
            )
    for row in found["symmetry"]:
        into.ratios += 1
        if row["withheld"] is not None:
            into.withheld += 1
            continue
        branch, muscle = row["branch"], row["muscle"]
        true, apparent = (
            100 * mean(affected, branch, muscle, kind, "pp_uv") / mean(healthy, branch, muscle, kind, "pp_uv")
            for kind in ("clin", "app")
        )
        plateau = header["plateau"][branch]
        full = 100 * plateau[affected][muscle]["app"]["pp_uv"] / plateau[healthy][muscle]["app"]["pp_uv"]
        error = row["percent"] - true
        into.ratio_error.append(error)
        into.apparent_error.append(row["percent"] - apparent)
        into.plateau_error.append(row["percent"] - full)
        low, high = row["ci95_percent"]
        into.covered.append(low <= true <= high)
        into.covered_apparent.append(low <= apparent <= high)
        into.widths.append((high - low) / 2)
        into.covered_plateau.append(low <= full <= high)
        into.worst.append((abs(error) / 4, f"{label} ratio {branch} {muscle} {error:+.2f} points of {true:.1f} %"))
    own = {row["muscle"]: row["branch"] for row in found["symmetry"] if row["branch"] != "trunk"}
    for row in found.get("summed", []):
        if row["withheld"] is not None or row["ci95_percent"] is None:
            continue
        at = {m: own[m] if row["stimulated"] == "branches" else row["stimulated"] for m in row["muscles"]}
        sums = [sum(mean(side, site, m, "clin", "pp_uv") for m, site in at.items()) for side in (affected, healthy)]
        true = 100 * sums[0] / sums[1]
        into.summed_error.append(row["percent"] - true)
        into.covered_summed.append(row["ci95_percent"][0] <= true <= row["ci95_percent"][1])


def folder_of(out: Path, patient: str, seed: int) -> Path:
    """Where the exam of a patient, a name or a file, is kept."""
    return out / f"{Path(patient).stem}-{seed}"


def seeds_of(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def line(name: str, values: list[float], limit: float, unit: str) -> str:
    v = np.abs(np.asarray(values))
    if not v.size:
        return f"| {name} | no rows | | | |"
    inside = float(np.mean(v <= limit))
    return (
        f"| {name} | n {v.size} | mean {np.mean(values):+.3f}, SD {np.std(values):.3f} {unit} "
        f"| 95 % {np.percentile(v, 95):.3f}, max {v.max():.3f} {unit} | {100 * inside:.1f} % within {limit:g} {unit} |"
    )


def timed(walls: list[float]) -> str:
    known = [wall for wall in walls if np.isfinite(wall)]
    return f"demo wall median {np.median(known):.1f} s" if known else "scored again"


def cover(name: str, covered: list[bool], half_widths: list[float], unit: str) -> str:
    """How often the intervals hold the truth, and how wide they are on either side."""
    if not covered:
        return f"| {name} | no rows | | | |"
    width = f"median half width {np.median(half_widths):.3f} {unit}" if half_widths else ""
    return f"| {name} | n {len(covered)} | | {width} | {100 * np.mean(covered):.1f} % |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", nargs="+", default=["healthy", "branch_loss"])
    parser.add_argument("--seeds", default="1-10")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    for patient in chosen.patients:
        into = Score()
        seeds = seeds_of(chosen.seeds)
        with ThreadPoolExecutor(chosen.jobs) as pool:
            walls = list(pool.map(lambda s, p=patient: run_demo(p, s, folder_of(chosen.out, p, s)), seeds))
        for seed in seeds:
            score(folder_of(chosen.out, patient, seed), into, f"{Path(patient).stem} {seed}")
        print(f"\n### {patient}, seeds {chosen.seeds} (n = {len(seeds)} exams; {timed(walls)})\n")
        print(f"rows accepted {into.accepted} of {into.rows} = {100 * into.accepted / into.rows:.1f} %, accepted and "
              f"unflagged {into.unflagged} = {100 * into.unflagged / into.rows:.1f} %; "
              f"ratios given {into.ratios - into.withheld} of {into.ratios}; shocks per exam "
              f"{min(into.shocks)}-{max(into.shocks)}, mean {np.mean(into.shocks):.0f}\n")  # fmt: skip
        print("| what | n | mean, SD | 95 %, max | inside |\n|---|---|---|---|---|")
        print(line("ratio against `clin`", into.ratio_error, 4.0, "points"))
        print(line("ratio against `app`", into.apparent_error, 4.0, "points"))
        print(line("ratio against full plateau", into.plateau_error, 4.0, "points"))
        print(line("ratio of sums against `clin`", into.summed_error, 4.0, "points"))
        print(line("onset against t_ref", into.onset_error, 0.15, "ms"))
        print(line("peak to peak against `clin`", into.amplitude_error, 2.0, "%"))
        print(line("peak to peak against `app`", into.apparent_amplitude_error, 2.0, "%"))
        print(cover("interval of the onset covers t_ref", into.covered_onset, into.onset_widths, "ms"))
        print(cover("interval of the ratio covers `clin`", into.covered, into.widths, "points"))
        print(cover("interval of the ratio covers `app`", into.covered_apparent, into.widths, "points"))
        print(cover("interval of the ratio covers full plateau", into.covered_plateau, into.widths, "points"))
        print(cover("interval of the sum covers `clin`", into.covered_summed, [], "points"))
        print(f"\nartefact: {dict(into.methods)}, not proved removed {into.unproved}")
        for reason, number in into.reasons.most_common(12):
            print(f"  {number} x {reason}")
        for _, text in sorted(into.worst, reverse=True)[:5]:
            print(f"\nworst: {text}", end="")
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
