"""Suspend the host process while it is armed: how soon is the simulator SAFE, and does the run go on after SIGCONT?

    python tests/validation/suspend_host.py --runs 20 --speed max

Promised: SAFE within 350 ms of the signal and 310 ms of the last beat, with the reason; after SIGCONT the run is PAUSED,
asks, and goes on to its end. Times are of CLOCK_MONOTONIC, which every process of a machine shares.
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from npr_simulators.control import ControlClient

NPR = [sys.executable, "-m", "npr_daq"]
PROTOCOL = """
title = "One site"
purpose = "Armed often enough to be caught."
version = 1
montage = "facial-16"
[[step]]
kind = "conduction"
side = "healthy"
site = "buccal"
"""


def suspended_once(folder: Path, *, seed: int, speed: str) -> dict[str, Any]:
    """One exam, stopped while the device says ARMED; what the device and the exam did."""
    protocol = folder / "one_site.toml"
    protocol.write_text(PROTOCOL)
    simulator = subprocess.Popen(
        [*NPR, "simulate", "frontend", "--patient", "healthy", "--seed", str(seed), "--speed", speed],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert simulator.stdout is not None
    facts = json.loads(simulator.stdout.readline())
    client = ControlClient(facts["control"])
    exam = subprocess.Popen(
        [*NPR, "exam", str(protocol), "--device", facts["uri"], "--subject", "S-1", "--affected", "left", "--operator", "auto",
         "--out", str(folder / "exams")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        while True:
            if client.call("status")["state"] == "ARMED":
                exam.send_signal(signal.SIGSTOP)
                stopped_s = time.monotonic()
                break
            if exam.poll() is not None:
                raise SystemExit(f"the exam ended before it was caught armed: {exam.communicate()[0]}")
        # It may have fired between the look and the signal; only a trip counts.
        while (status := client.call("status"))["watchdog_trip"] is None and time.monotonic() < stopped_s + 1.0:
            pass
        exam.send_signal(signal.SIGCONT)
        said, _ = exam.communicate(timeout=120)
        trip = status["watchdog_trip"]
        return {
            "caught": trip is not None,
            "after_signal_ms": None if trip is None else 1e3 * (trip["at_s"] - stopped_s),
            "after_beat_ms": None if trip is None else 1e3 * (trip["at_s"] - trip["last_beat_s"]),
            "why": None if trip is None else trip["text"],
            "state": status["state"],
            "paused_and_resumed": "paused" in said.lower() or "resumed" in said.lower(),
            "exit": exam.returncode,
            "sealed": len(list((folder / "exams").glob("*.h5"))),
            "said": said,
        }
    finally:
        if exam.poll() is None:
            exam.kill()
        client.close()
        simulator.terminate()
        simulator.wait(timeout=10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--speed", default="max")
    chosen = parser.parse_args()
    found = []
    for number in range(chosen.runs):
        with tempfile.TemporaryDirectory() as folder:
            one = suspended_once(Path(folder), seed=number + 1, speed=chosen.speed)
        said = one.pop("said")
        found.append(one)
        print(number, one, "" if one["exit"] == 0 else said, flush=True)
    caught = [one for one in found if one["caught"]]
    if not caught:
        print("never caught armed")
        return 1
    signals = [one["after_signal_ms"] for one in caught]
    beats = [one["after_beat_ms"] for one in caught]
    good = sum(one["exit"] == 0 and one["paused_and_resumed"] for one in caught)
    print(
        f"caught armed {len(caught)} of {len(found)} (speed {chosen.speed}): SAFE after the signal median {statistics.median(signals):.0f}, "
        f"max {max(signals):.0f} ms (limit 350); after the last beat median {statistics.median(beats):.0f}, max {max(beats):.0f} ms "
        f"(limit 310); paused, resumed and finished {good} of {len(caught)}"
    )
    return 0 if max(signals) <= 350 and max(beats) <= 310 and good == len(caught) else 1


if __name__ == "__main__":
    sys.exit(main())
