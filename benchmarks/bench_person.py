"""The simulated person: how soon a face is ready, how much signal a processor second buys, how much memory it takes.

    python benchmarks/bench_person.py [--seconds 20] [--patient healthy]

Everything is the device's own path: the face with both halves, skin and muscles, the front-end, quantised and packed
blocks of 16 channels at 20 kHz, and the truth of each stimulus. Each case runs in a process of its own, on one core.
Goals, in seconds of eight channels (one half of the face) per processor second: 40 at rest with a shock each second, 60
at a 50 % smile; a face ready in under 1 s from stored templates and under 6 s without; less than 500 MB.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

RATE_HZ, BLOCK = 20_000, 80
CASES = ("ready", "first shock", "rest and 1 Hz, with truth", "smile at 50 %")
GOALS = {"ready": "6 s, stored 1 s", "rest and 1 Hz, with truth": "40", "smile at 50 %": "60"}


def timed(work: Callable[[], object]) -> dict[str, float]:
    wall, used = time.perf_counter(), time.process_time()
    work()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - used}


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(case: str, patient: str, seconds: int) -> dict[str, float]:
    """One case in this process; imports are not timed, drawing or loading the motor units is only in the first two."""
    from npr_daq.anatomy import Side
    from npr_daq.wire.messages import StreamStart
    from npr_daq.wire.tables import SampleFormat
    from npr_simulators.amplifier import Stream
    from npr_simulators.person.case_file import load_case
    from npr_simulators.person.face import Face
    from npr_simulators.person.sites import Site
    from npr_simulators.pulse import Pulse

    face = Face(load_case(patient), seed=1)
    if case == "ready":
        return timed(lambda: (face.banks, face.voluntary)) | {"megabytes": megabytes()}
    request = StreamStart(RATE_HZ, 0xFFFF, SampleFormat.I24, BLOCK)
    stream = Stream(face, request, stream_id=1, start_ticks=0)
    face.place(Side.LEFT, Site.TRUNK)

    def shock(number: int, at_sample: int) -> None:
        pulse = Pulse(number, 0, 1, 25_000, 200, 200, at_sample, 12_345, 1.0)
        for _ in stream.response_of(pulse):
            pass
        assert pulse.truth
        stream.add(pulse)

    def emit(end_s: float) -> None:
        for _ in stream.blocks(round(end_s * RATE_HZ), partial=False):
            pass

    assert face.banks
    assert face.voluntary
    if case == "first shock":
        return timed(lambda: shock(1, 0)) | {"megabytes": megabytes()}
    # everything that is made once is there before the clock runs
    shock(1, RATE_HZ // 2)
    emit(1.0)

    def rest() -> None:
        for second in range(1, 1 + seconds):
            shock(second + 1, second * RATE_HZ + RATE_HZ // 2)
            emit(second + 1)

    def smile() -> None:
        for second in range(1, 1 + seconds):
            emit(second + 1)

    if case.startswith("smile"):
        sample = RATE_HZ // 2
        face.cue(
            task="smile_open", effort=0.5, seconds=seconds + 5.0, stream_id=1, sample=sample, rate_hz=float(RATE_HZ)
        )
        emit(1.5)
    found = timed(smile if case.startswith("smile") else rest)
    return found | {"megabytes": megabytes(), "half_s_per_cpu_s": 2 * seconds / found["cpu_s"]}


def in_its_own_process(case: str, given: argparse.Namespace, folder: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--case", case, "--seconds", str(given.seconds), "--patient", given.patient]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "NPR_DAQ_CACHE": folder}
    out = subprocess.run(command, capture_output=True, check=True, env=alone, text=True).stdout
    found: dict[str, float] = json.loads(out)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--patient", default="healthy")
    parser.add_argument("--case", choices=CASES, help="run this one here, and print JSON")
    given = parser.parse_args()
    if given.case:
        print(json.dumps(run(given.case, given.patient, given.seconds)))
        return
    print(f"load average {os.getloadavg()[0]:.1f}, {given.patient}, {given.seconds} s of 16 channels at 20 kHz")
    print("| | goal | CPU s | wall s | s of 8 channels / CPU s | peak MB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        labels = ("both halves ready, nothing stored", "both halves ready, templates stored", *CASES[1:])
        for label, case in zip(labels, ("ready", *CASES), strict=True):
            found = in_its_own_process(case, given, folder)
            rate = found.get("half_s_per_cpu_s")
            print(
                f"| {label} | {GOALS.get(case, '')} | {found['cpu_s']:.2f} | {found['wall_s']:.2f} "
                f"| {'' if rate is None else f'{rate:.0f}'} | {found['megabytes']:.0f} |"
            )


if __name__ == "__main__":
    main()
