"""Does a trap ever give a wrong ratio that nothing warns of? Many seeds of the patients that ship as traps.

    python tests/validation/traps.py --seeds 1-50 --jobs 2 --out DIR

Each exam is run over the serial line with `traps.toml`: trunk, zygomatic and buccal branch of both sides, 12 ratios. `healthy` and `branch_loss` are run beside the traps: a gate that flags everybody proves nothing.

wrong      a ratio that is given and lies more than 10 points from the ratio of the plateaus, that is of the sizes that
           the electrodes would see of every living axon of the site, and of nothing else (`plateau` of the truth)
unflagged  not withheld, and no reason beside either of its two conduction rows

An exam that exists in DIR is scored again with the analysis at hand, not run again; so is one that ended early.
"""

import argparse
import json
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import quote

TRAPS = ("submaximal", "deep_nerve", "masseter", "loose_electrode", "wrong_polarity", "moving_patient")
BESIDE = ("healthy", "branch_loss")
PROTOCOL = Path(__file__).with_name("traps.toml")
WRONG_POINTS = 10.0


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

    def add(self, other: "Score") -> None:
        """Every count and list of `other` joins those here."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


def run(patient: str, seed: int, out: Path, protocol: Path) -> str:
    """Run one exam into its own folder; "" where it went to its end, else why it did not."""
    import npr_daq as npr
    from npr_daq.errors import NprError
    from npr_daq.session.conduct import conduct

    folder = out / f"{patient}-{seed}"
    if (folder / "exam.h5").exists():
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    truth = folder / "truth.jsonl"
    try:
        with npr.connect(f"sim:{patient}?seed={seed}&truth={quote(str(truth.absolute()))}") as bench:
            intake = bench.simulator.intake()
            result = conduct(
                protocol,
                bench,
                subject=f"TRAP-{seed}",
                affected=intake.affected or "left",
                operator=npr.operators.auto(bench),
                out=folder,
            )
    except NprError as refused:
        return str(refused)
    result.path.rename(folder / "exam.h5")
    for journal in folder.glob("*.jrn*"):
        journal.unlink()
    return str(result.outcome.error or "")


def findings(exam: Path) -> dict[str, Any]:
    """What the analysis at hand says of an exam file."""
    import npr_daq as npr

    with npr.open_exam(exam) as opened:
        found: dict[str, Any] = opened.analyse().to_dict()
    return found


def scored(out: Path, patient: str, seed: int) -> Score:
    """What the findings say of one exam, held against its plateaus."""
    folder, into = out / f"{patient}-{seed}", Score(exams=1)
    exam = folder / "exam.h5"
    if not exam.exists():
        into.without.append(seed)
        return into
    found = findings(exam)
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
    return into


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
    pool = ProcessPoolExecutor(chosen.jobs, mp_context=get_context("spawn"))
    for patient in chosen.patients:
        ended = list(pool.map(run, repeat(patient), seeds, repeat(chosen.out), repeat(chosen.protocol)))
        for seed, why in zip(seeds, ended, strict=True):
            if why:
                print(f"{patient} {seed}: {why}", file=sys.stderr)
        into = scores[patient] = Score(stopped=sum(map(bool, ended)))
        for part in pool.map(scored, repeat(chosen.out), repeat(patient), seeds):
            into.add(part)
        print(f"{patient}: done, {len(into.wrong_unflagged)} unflagged wrong", file=sys.stderr, flush=True)
    pool.shutdown()
    print(f"seeds {chosen.seeds}, {chosen.protocol.name}\n")
    print("| patient | exams (ended early; no file) | rows | accepted | and unflagged | ratios given, unflagged "
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
