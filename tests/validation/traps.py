"""Does a trap ever give a wrong ratio that nothing warns of? Many seeds of the patients that ship as traps.

    python tests/validation/traps.py --seeds 1-50 --jobs 2 --out DIR

Each exam is `npr-daq demo` over the serial line with `traps.toml`: trunk, zygomatic and buccal branch of both sides,
11 ratios. `healthy` and `branch_loss` are run beside the traps: a gate that flags everybody proves nothing.

wrong      a ratio that is given and lies more than 10 points from the ratio of the plateaus, that is of the sizes that
           the electrodes would see of every living axon of the site, and of nothing else (`plateau` of the truth)
unflagged  not withheld, and no reason beside either of its two conduction rows

An exam that exists in DIR is scored again with the analysis at hand, not run again; so is one that ended early.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NPR = [sys.executable, "-m", "npr_daq"]
TRAPS = ("submaximal", "deep_nerve", "masseter", "loose_electrode", "wrong_polarity", "moving_patient")
BESIDE = ("healthy", "branch_loss")
PROTOCOL = Path(__file__).with_name("traps.toml")
WRONG_POINTS = 10.0
STOPPED = 6
"""Exit code of an exam that its operator stopped: what was measured by then stands in the file."""


@dataclass
class Score:
    exams: int = 0
    stopped: int = 0
    without: list[int] = field(default_factory=list)
    rows: int = 0
    accepted: int = 0
    clean_rows: int = 0
    ratios: int = 0
    withheld: int = 0
    flagged: int = 0
    unflagged: int = 0
    wrong_flagged: int = 0
    wrong_unflagged: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


def run(patient: str, seed: int, folder: Path, protocol: Path) -> int:
    """Exit code of the demo; 0 for one that was there."""
    if (folder / "exam.h5").exists():
        return 0
    done = subprocess.run(
        [*NPR, "demo", "--patient", patient, "--seed", str(seed), "--protocol", str(protocol), "--out", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "said.txt").write_text(done.stdout + done.stderr)
    if done.returncode not in (0, STOPPED):
        print(f"{patient} {seed}: exit {done.returncode}: {done.stderr.strip()[-300:]}", file=sys.stderr)
    return done.returncode


def score(folder: Path, seed: int, into: Score) -> None:
    """Add what the findings say of one exam, held against its plateaus."""
    into.exams += 1
    exam = folder / "exam.h5"
    if not exam.exists():
        into.without.append(seed)
        return
    done = subprocess.run([*NPR, "analyse", str(exam), "--json"], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    with (folder / "truth.jsonl").open() as lines:
        plateau = json.loads(next(lines))["plateau"]
    affected = found["exam"]["affected"]
    affected = affected if affected in ("left", "right") else "left"
    healthy = "right" if affected == "left" else "left"
    warned = {}
    for row in found["conduction"]:
        reasons = row["quality"]["reasons"]
        into.rows += 1
        into.accepted += row["quality"]["accepted"]
        into.clean_rows += row["quality"]["accepted"] and not reasons
        into.reasons.update(re.sub(r"[-+]?[0-9][0-9.e+-]*", "#", reason) for reason in reasons)
        warned[row["side"], row["branch"], row["muscle"]] = bool(reasons)
    for row in found["symmetry"]:
        into.ratios += 1
        if row["withheld"] is not None:
            into.withheld += 1
            continue
        branch, muscle = row["branch"], row["muscle"]
        sizes = [plateau[branch][side][muscle]["app"]["pp_uv"] for side in (affected, healthy)]
        true = 100 * sizes[0] / sizes[1]
        wrong = abs(row["percent"] - true) > WRONG_POINTS
        flagged = any(warned.get((side, branch, muscle), False) for side in (affected, healthy))
        into.flagged += flagged
        into.unflagged += not flagged
        into.wrong_flagged += wrong and flagged
        if wrong and not flagged:
            into.wrong_unflagged.append(f"seed {seed}: {branch} {muscle} {row['percent']:.1f} %, truth {true:.1f} %")


def seeds_of(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", nargs="+", default=[*TRAPS, *BESIDE])
    parser.add_argument("--seeds", default="1-50")
    parser.add_argument("--protocol", type=Path, default=PROTOCOL)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    seeds = seeds_of(chosen.seeds)
    scores = {}
    for patient in chosen.patients:
        into = scores[patient] = Score()
        folders = {seed: chosen.out / f"{patient}-{seed}" for seed in seeds}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(chosen.jobs) as pool:
            codes = list(pool.map(lambda s, p=patient, f=folders: run(p, s, f[s], chosen.protocol), seeds))
        into.stopped = codes.count(STOPPED)
        for seed in seeds:
            score(folders[seed], seed, into)
        print(f"{patient}: done, {len(into.wrong_unflagged)} unflagged wrong", file=sys.stderr, flush=True)
    print(f"seeds {chosen.seeds}, {chosen.protocol.name}\n")
    print("| patient | exams (stopped early; no file) | rows | accepted | and unflagged | ratios given, unflagged "
          "| given, flagged | withheld | wrong, flagged | **wrong, unflagged** |\n" + "|---" * 10 + "|")  # fmt: skip
    for patient, s in scores.items():
        share = [f"{n} ({100 * n / s.rows:.1f} %)" if s.rows else "-" for n in (s.accepted, s.clean_rows)]
        print(f"| {patient} | {s.exams} ({s.stopped}; {len(s.without)}) | {s.rows} | {share[0]} | {share[1]} | {s.unflagged} "
              f"| {s.flagged} | {s.withheld} | {s.wrong_flagged} | **{len(s.wrong_unflagged)}** |")  # fmt: skip
    for patient, s in scores.items():
        print(f"\n{patient}: " + "; ".join(f"{n} x {reason}" for reason, n in s.reasons.most_common(6)))
        for text in s.wrong_unflagged:
            print(f"  wrong and unflagged: {text}")
    return 1 if any(s.wrong_unflagged for s in scores.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
