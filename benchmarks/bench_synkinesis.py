"""The Synkinetic Correlation Test of 10 min x 16 channels x 2 kHz against plain SciPy, pair by pair.

    python benchmarks/bench_synkinesis.py [--minutes 10] [--repeat 5]

Both do the same in one run: band-pass, envelopes, bursts and plateaus of 13 tasks x 5 repetitions, every muscle as
slave of the task's master on both sides (208 pairs x 5 repetitions: gain, correlation, lag, Deming slope, durations),
cross-talk share, side ratios with t and BCa intervals, and the coherence of all 120 pairs of channels over the whole
recording; ours adds tone, blinks, verdicts and the coherence of each task. The peer is synkinesis_loop.py. Q, r* and
coherence of both are compared.
"""

import argparse
import os
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import synkinesis_loop
from bench_evoked import PeakResident

from npr_daq.analysis import coherence
from npr_daq.analysis.expressions import Expression, examine

RATE_HZ = 2000.0
MUSCLES, TASKS, REPETITIONS = 8, 13, 5
REST_S = (1.0, 19.0)


def recording(minutes: float, seed: int = 1) -> tuple[np.ndarray, list[Expression]]:
    """Noise that swells in every muscle with each task, most in its master; (2, 8, time) float32, microvolts."""
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((2, MUSCLES, round(60 * minutes * RATE_HZ)), dtype=np.float32)
    data *= 3
    every = (60 * minutes - 20) / (TASKS * REPETITIONS)
    tasks, begin = [], 20.0
    for number in range(TASKS):
        cues = []
        for _ in range(REPETITIONS):
            held = slice(round((begin + 0.3) * RATE_HZ), round((begin + 0.4 * every + 0.3) * RATE_HZ))
            data[:, :, held] *= 2 + rng.random((2, MUSCLES, 1), dtype=np.float32)
            data[:, number % MUSCLES, held] *= 6
            cues.append((begin, begin + 0.4 * every))
            begin += every
        tasks.append(Expression(f"task {number}", number % MUSCLES, tuple(cues)))
    return data, tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    data, tasks = recording(given.minutes)
    cutoffs = np.full((TASKS, MUSCLES), np.nan)
    cutoffs[1, 3] = cutoffs[1, 4] = 1.62
    own = [number if number < TASKS else None for number in range(MUSCLES)]

    def whole():
        found = examine(data, rate_hz=RATE_HZ, rest_s=[REST_S], tasks=tasks, own_task=own, cutoffs=cutoffs, eye=7)
        pairs = coherence.coherence(coherence.spectra(data.reshape(1, 2 * MUSCLES, -1), rate_hz=RATE_HZ))
        return found, pairs

    with PeakResident() as resident:
        whole()
    times, used = [], []
    for _ in range(given.repeat):
        began, spent = time.perf_counter(), time.process_time()
        found, pairs = whole()
        times.append(time.perf_counter() - began)
        used.append(time.process_time() - spent)
    tracemalloc.start()
    whole()
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began, spent = time.perf_counter(), time.process_time()
    loop = synkinesis_loop.examine(data, RATE_HZ, REST_S, [(t.master, t.repetitions_s) for t in tasks])
    wall, cpu = time.perf_counter() - began, time.process_time() - spent

    slaves = np.arange(MUSCLES) != np.array([t.master for t in tasks])[:, None]
    apart = np.abs(np.log(found.comparison.q / loop["q"]))[slaves].max()
    apart_r = np.abs(found.healthy.peak_correlation - loop["r"])[slaves].max()
    kept = loop["coherence"].shape[1]
    rows, columns = np.triu_indices(2 * MUSCLES, 1)
    apart_c = np.abs(pairs.value[:kept, rows, columns].T - loop["coherence"]).max()
    print(
        f"{given.minutes:g} min x {2 * MUSCLES} channels x {RATE_HZ:g} Hz, float32, {os.cpu_count()} cores, "
        f"load average {os.getloadavg()[0]:.1f}, OPENBLAS_NUM_THREADS={os.environ.get('OPENBLAS_NUM_THREADS', 'unset')}"
    )
    print(f"{'':28}{'wall s':>9}{'CPU s':>9}{'loop / ours':>14}")
    best = min(times)
    print(f"{'ours, best of ' + str(given.repeat):28}{best:9.2f}{min(used):9.2f}{'1.0':>14}")
    print(f"{'ours, median':28}{np.median(times):9.2f}{np.median(used):9.2f}")
    print(f"{'plain SciPy, once':28}{wall:9.2f}{cpu:9.2f}{cpu / min(used):9.1f} (CPU)")
    for name, seconds in loop["seconds"].items():
        print(f"{'   ' + name:28}{seconds:9.2f}")
    print(f"memory beside the recording: {traced / 1e6:.0f} MB traced, {resident.extra:.0f} MB resident")
    print(f"largest differences: ln Q {apart:.1e}, r* {apart_r:.1e}, coherence {apart_c:.1e}")


if __name__ == "__main__":
    main()
