"""Kill an exam at many moments while the simulator runs on, recover, and check what was promised.

    python tests/validation/kill_exam.py --kills 50 --out DIR

Promised: every sweep that was printed as stored is in the recovered file; no `stim_seq` is delivered twice and none
without an intent in the journal (checked against the simulator's truth file); the file opens in xarray.
Kill moments: a fifth after the last shock (sealing), the rest spread evenly over the stored sweeps with a random delay
inside the second that follows, drawn from --seed.
"""

import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

NPR = [sys.executable, "-m", "npr_daq"]


def start_simulator(folder: Path, *, patient: str, seed: int) -> tuple[subprocess.Popen[str], str, Path]:
    truth = folder / "truth.jsonl"
    process = subprocess.Popen(
        [
            *NPR,
            "simulate",
            "frontend",
            "--patient",
            patient,
            "--seed",
            str(seed),
            "--speed",
            "max",
            "--truth",
            str(truth),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["uri"], truth


def start_exam(folder: Path, uri: str, protocol: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*NPR, "exam", protocol, "--device", uri, "--subject", "K-1", "--affected", "left", "--operator", "auto",
         "--out", str(folder), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip


def run_and_kill(exam: subprocess.Popen[str], *, after_lines: int, delay_s: float) -> list[dict[str, Any]]:
    """Read stored lines; `delay_s` after the `after_lines`-th, kill -9. Returns every line that was printed."""
    assert exam.stdout is not None
    fd = exam.stdout.fileno()
    pending, lines, deadline = b"", 0, None
    while exam.poll() is None:
        wait = 60.0 if deadline is None else max(0.0, deadline - time.monotonic())
        if select.select([fd], [], [], wait)[0]:
            chunk = os.read(fd, 65536)
            if not chunk:
                break
            pending += chunk
            lines = pending.count(b"\n")
        if deadline is None and lines >= after_lines:
            deadline = time.monotonic() + delay_s
        if deadline is not None and time.monotonic() >= deadline:
            exam.kill()
            break
    while chunk := os.read(fd, 65536):
        pending += chunk
    exam.wait()
    return [json.loads(line) for line in pending.splitlines(keepends=True) if line.endswith(b"\n")]


def delivered(truth: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in truth.read_text().splitlines()[1:]]
    return [row for row in rows if "stim_seq" in row]


def check(folder: Path, printed: list[dict[str, Any]], truth: Path) -> tuple[list[str], str]:
    """What was broken (nothing, if all is well), and the phase the kill hit."""
    import xarray as xr

    from npr_daq.storage.journal_reader import read_journal

    broken: list[str] = []
    given = delivered(truth)
    doubles = [seq for seq, times in Counter(row["stim_seq"] for row in given).items() if times > 1]
    if doubles:
        broken.append(f"delivered twice: {doubles}")
    journals = list(folder.glob("*.jrn"))
    intents: set[int] = set()
    for journal in [*journals, *folder.glob("*.jrn.done")]:
        intents |= {
            int(frame.document["stim_seq"]) for frame in read_journal(journal).frames if frame.type.name == "INTENT"
        }
    if orphans := {int(row["stim_seq"]) for row in given} - intents:
        broken.append(f"delivered without an intent: {sorted(orphans)}")
    recovered = subprocess.run([*NPR, "recover", str(folder), "--json"], capture_output=True, text=True, check=False)
    if recovered.returncode:
        broken.append(f"recover exited {recovered.returncode}: {recovered.stderr.strip()}")
    files = list(folder.glob("*.h5"))
    if len(files) != 1:
        broken.append(f"{len(files)} exam files")
        return broken, ""
    with xr.open_datatree(files[0]) as tree:
        kept = {
            int(seq) for step in tree["sweeps"].children.values() for seq in step["stim_seq"].values
        } if "sweeps" in tree.children else set()  # fmt: skip
    if lost := {int(line["stim_seq"]) for line in printed} - kept:
        broken.append(f"printed as stored but lost: {sorted(lost)}")
    return broken, printed[-1]["role"] if printed else "start"


def one(
    folder: Path, *, patient: str, seed: int, protocol: str, after_lines: int, delay_s: float
) -> tuple[list[str], str, int]:
    folder.mkdir(parents=True)
    simulator, uri, truth = start_simulator(folder, patient=patient, seed=seed)
    try:
        printed = run_and_kill(start_exam(folder, uri, protocol), after_lines=after_lines, delay_s=delay_s)
        broken, phase = check(folder, printed, truth)
        if simulator.poll() is not None:
            broken.append("the simulator died too")
        return broken, phase, len(printed)
    finally:
        simulator.send_signal(signal.SIGTERM)
        simulator.wait(timeout=10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patient", default="branch_loss")
    parser.add_argument("--protocol", default="conduction_extended")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)

    started = time.monotonic()
    full, _, total = one(chosen.out / "whole", patient=chosen.patient, seed=chosen.seed, protocol=chosen.protocol,
                         after_lines=10**9, delay_s=0.0)  # fmt: skip
    print(f"whole exam: {total} sweeps, {time.monotonic() - started:.1f} s, {full or 'intact'}")
    sealing = max(1, chosen.kills // 5)
    bad, phases = 0, Counter[str]()
    for number in range(chosen.kills):
        if number < sealing:
            after, delay = total, 3.0 * (number + rng.random()) / sealing
        else:
            after, delay = (number - sealing) * total // (chosen.kills - sealing), rng.random() * 0.3
        broken, role, printed = one(
            chosen.out / f"kill-{number:03d}", patient=chosen.patient, seed=chosen.seed, protocol=chosen.protocol,
            after_lines=after, delay_s=delay,
        )  # fmt: skip
        phase = "sealing" if number < sealing else role
        phases[phase] += 1
        bad += bool(broken)
        print(
            f"{number:3d}  killed {delay:4.2f} s after line {after:3d}, {printed:3d} printed, {phase:9} {broken or 'ok'}",
            flush=True,
        )
    print(f"{chosen.kills} kills: {bad} broke a promise; by phase {dict(phases)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
