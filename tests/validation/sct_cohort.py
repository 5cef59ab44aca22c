"""The Synkinetic Correlation Test on a cohort of simulated patients, held against their truth.

    python tests/validation/sct_cohort.py run DIR --seeds 1000-1083 --jobs 2          # over a memory line
    python tests/validation/sct_cohort.py run WIRE --seeds 1000-1039 --way wire       # npr-daq exam over the wire
    python tests/validation/sct_cohort.py same DIR WIRE                               # bit for bit?
    python tests/validation/sct_cohort.py run AGAIN --seeds 1000-1039 --visit 2       # electrodes put on again
    python tests/validation/sct_cohort.py score DIR --again AGAIN

One patient is one seed (`npr_simulators.person.cohort`). Constants are set on seeds 1000 to 1999 (tuning), figures are
reported on 5000 to 5999; a call that mixes them is refused. Seeds below 1000 and 2000 to 4999 are for trying things.
A patient's exam that is there is not run again: an interrupted run goes on where it was. Every exam is `sct_cohort.toml`:
rest and four of the thirteen expressions (its `purpose` says why the verdicts on declared pairs are those of all
thirteen). What counts as a positive or a negative pair stands in `sct_truth.py`, written before any result was seen.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import quote

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

PROTOCOL = Path(__file__).with_name("sct_cohort.toml")
TUNING, REPORTING = range(1000, 2000), range(5000, 6000)
TRIES = 3
PATIENT_S = 60.0
TASKS = 8
EXAM, TRUTH, PATIENT, COST = "exam.h5", "truth.jsonl", "patient.toml", "cost.txt"


def checked(seeds: Iterable[int]) -> list[int]:
    """The seeds, unless they mix those for tuning with those for reporting."""
    wanted = list(seeds)
    if any(seed in TUNING for seed in wanted) and any(seed in REPORTING for seed in wanted):
        raise SystemExit("seeds 1000 to 1999 set constants and 5000 to 5999 report; give one or the other")
    return wanted


def seeds_of(text: str) -> list[int]:
    """`1000-1083`, or one number."""
    first, _, last = text.partition("-")
    return checked(range(int(first), int(last or first) + 1))


def seeds_in(folder: Path) -> list[int]:
    """The patients of whom an exam is there."""
    return checked(sorted(int(path.parent.name) for path in folder.glob(f"[0-9]*/{EXAM}")))


def run(seed: int, out: Path, way: str, visit: int) -> str:
    """Run one exam into its own folder; "" where it went to its end or was there, else why it did not.

    An exam that is there of a patient who is drawn otherwise now is run again.
    A host so busy that the line is given up for silent (2 s) is tried again: that says nothing about the patient.
    """
    from npr_daq.errors import Closed, TimedOut

    for left in reversed(range(TRIES)):
        try:
            return _run(seed, out, way, visit)
        except (Closed, TimedOut) as silent:
            if not left:
                return str(silent)
    raise AssertionError("TRIES is at least 1")


def _run(seed: int, out: Path, way: str, visit: int) -> str:
    from npr_daq.errors import Closed, NprError, TimedOut
    from npr_simulators.person.case_text import written
    from npr_simulators.person.cohort import enrolled

    folder = (out / str(seed)).absolute()
    patient, text = folder / PATIENT, written(enrolled(seed).case)
    if (folder / EXAM).exists() and patient.read_text(encoding="utf-8") == text:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    for left in (*folder.glob("*.jrn*"), *folder.glob("*.h5")):
        left.unlink()
    patient.write_text(text, encoding="utf-8")
    uri = f"sim:{quote(str(patient))}?seed={seed}&visit={visit}&truth={quote(str(folder / TRUTH))}"
    begun, before = time.monotonic(), _cpu_s()
    try:
        path = _on_the_wire(uri, seed, folder) if way == "wire" else _in_memory(f"{uri}&listen=memory", seed, folder)
    except (Closed, TimedOut):
        raise
    except (NprError, RuntimeError) as refused:
        return str(refused)
    (folder / COST).write_text(f"{time.monotonic() - begun:.2f} {_cpu_s() - before:.2f}\n")
    path.rename(folder / EXAM)
    for journal in folder.glob("*.jrn*"):
        journal.unlink()
    return ""


def _in_memory(uri: str, seed: int, folder: Path) -> Path:
    """The same driver, engine and simulator in this process; raises what ended the exam early."""
    import npr_daq as npr
    from npr_daq.engine import stream
    from npr_daq.session.conduct import conduct
    from npr_drivers.frontend import conversation

    # In one process neither end can go: who is silent for long waits for a busy host's processor.
    conversation.SILENT_S = conversation.REPLY_S = stream.STALL_S = PATIENT_S
    with npr.connect(uri) as bench:
        operator = npr.operators.auto(bench)
        # nobody watches: what is left out is shown and not recorded
        result = conduct(
            PROTOCOL, bench, subject=f"SCT-{seed}", affected="left", operator=operator, out=folder, live=False
        )
    if result.outcome.error is not None:
        raise result.outcome.error
    if result.outcome.cause != "complete":
        raise RuntimeError(f"the exam ended early: {result.outcome.cause}")
    return result.path


def _on_the_wire(uri: str, seed: int, folder: Path) -> Path:
    """The command line, as a clinic types it."""
    command = [sys.executable, "-m", "npr_daq", "exam", str(PROTOCOL), "--device", uri, "--subject", f"SCT-{seed}"]
    command += ["--affected", "left", "--operator", "auto", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr.strip()[-400:]}")
    return next(folder.glob("*.h5"))


def _cpu_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def recorded(exam: Path) -> dict[str, Any]:
    """What must be the same in whatever way an exam was run: samples, repetitions, and the findings' pairs."""
    from hashlib import sha256

    import npr_daq as npr

    with npr.open_exam(exam) as opened:
        recording, found = opened.recording, opened.analyse().to_dict()
    captures = {
        capture.name: (capture.first_sample, capture.counts.shape, sha256(capture.counts.tobytes()).hexdigest())
        for capture in recording.captures
    }
    tries = [event.detail for event in recording.events if event.kind == "repetition"]
    return {"captures": captures, "tries": tries, "pairs": found["synkinesis"]["pairs"], "tone": found["tone"]}


def same(one: Path, other: Path) -> int:
    """Compare the patients that are in both folders; the exit code."""
    both = sorted(set(seeds_in(one)) & set(seeds_in(other)))
    differ = []
    for seed in both:
        first, second = (recorded(folder / str(seed) / EXAM) for folder in (one, other))
        differ += [f"{seed} {what}" for what in first if repr(first[what]) != repr(second[what])]
    print(f"{len(both)} patients in both ways: " + ("; ".join(differ) if differ else "the same bit for bit"))
    return int(bool(differ) or not both)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    does = parser.add_subparsers(dest="does", required=True)
    running = does.add_parser("run", help="run exams into DIR, those that are not there")
    running.add_argument("dir", type=Path)
    running.add_argument("--seeds", type=seeds_of, required=True)
    running.add_argument("--way", choices=("memory", "wire"), default="memory")
    running.add_argument("--visit", type=int, default=1)
    running.add_argument("--jobs", type=int, default=1)
    comparing = does.add_parser("same", help="are the exams of both folders the same, bit for bit?")
    comparing.add_argument("dir", type=Path)
    comparing.add_argument("other", type=Path)
    scoring = does.add_parser("score", help="tables from DIR")
    scoring.add_argument("dir", type=Path)
    scoring.add_argument("--jobs", type=int, default=1)
    scoring.add_argument("--again", type=Path, help="a folder with the same patients' second visit")
    chosen = parser.parse_args()
    if chosen.does == "same":
        return same(chosen.dir, chosen.other)
    if chosen.does == "score":
        from sct_score import tables

        again = seeds_in(chosen.again) if chosen.again else []
        print(tables(chosen.dir, seeds_in(chosen.dir), chosen.again, again, jobs=chosen.jobs))
        return 0
    checked([*seeds_in(chosen.dir), *chosen.seeds])
    failed = 0
    # faces are kept for the next exam of a patient, and here there is none: workers are fresh every few exams
    job = partial(run, out=chosen.dir, way=chosen.way, visit=chosen.visit)
    with get_context("spawn").Pool(chosen.jobs, maxtasksperchild=TASKS) as pool:
        ended = pool.imap(job, chosen.seeds)
        for seed, why in zip(chosen.seeds, ended, strict=True):
            failed += bool(why)
            print(f"{seed}: {why or 'done'}", file=sys.stderr, flush=True)
    costs = [(chosen.dir / str(seed) / COST).read_text().split() for seed in chosen.seeds if not failed]
    if costs:
        wall, cpu = (sum(float(cost[k]) for cost in costs) / len(costs) for k in (0, 1))
        print(f"{len(costs)} exams, {wall:.1f} s wall and {cpu:.1f} s of processor each")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
