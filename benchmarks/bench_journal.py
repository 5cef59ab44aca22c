"""What storing a running signal costs: CPU per second of signal, and how much faster than real time it goes.

    python benchmarks/bench_journal.py [--seconds 60] [--folder DIR]

The reference load is 16 channels of int32 at 20 kHz in blocks of 80 samples, appended as they come, made durable every
100 ms of device time. `measure` takes any iterable of blocks, so that a frame decoder can be put in front of it; the
time of the iterable is then part of the figure, as it is of an exam.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npr_daq.storage.journal import Journal
from npr_daq.storage.journal_reader import read_journal

CHANNELS = 16
RATE_HZ = 20_000
BLOCK = 80
SYNC_EVERY = RATE_HZ // 10


@dataclass(frozen=True, slots=True)
class Figures:
    signal_s: float
    cpu_s: float
    wall_s: float
    cpu_s_per_signal_s: float
    times_real_time_cpu: float
    times_real_time_wall: float
    megabytes: float
    syncs: int


def synthetic_blocks(seconds: float, block: int = BLOCK) -> Iterator[NDArray[np.int32]]:
    """Blocks of counts (channel, time), as a decoder of time-major frames gives them: a view, channels not adjacent."""
    pool = np.random.default_rng(1).integers(-(2**23), 2**23, (64, block, CHANNELS), np.int32)
    for index in range(int(seconds * RATE_HZ) // block):
        yield pool[index % 64].T


def measure(blocks: Iterable[NDArray[np.int32]], folder: Path, *, gather: int = 1) -> Figures:
    """Append `blocks` to a new journal in `folder`, syncing every 100 ms of device time.

    `gather` blocks are joined into one frame, as a writer thread that wakes up less often does.
    """
    path = folder / "bench.jrn"
    journal = Journal.create(path, {"exam_id": "benchmark"})
    sample = synced = syncs = 0
    waiting: list[NDArray[np.int32]] = []

    def flush() -> None:
        nonlocal sample
        if waiting:
            counts = waiting[0] if len(waiting) == 1 else np.concatenate(waiting, axis=1)
            journal.samples(1, sample, counts)
            sample += counts.shape[1]
            waiting.clear()

    wall, cpu = time.perf_counter(), time.process_time()
    for block in blocks:
        waiting.append(block)
        if len(waiting) == gather:
            flush()
        if sample - synced >= SYNC_EVERY:
            journal.sync()
            synced, syncs = sample, syncs + 1
    flush()
    journal.close(clean=True)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    contents = read_journal(path)
    assert contents.clean, "the benchmark must write a whole journal"
    signal = sample / RATE_HZ
    return Figures(
        signal_s=signal,
        cpu_s=round(cpu, 4),
        wall_s=round(wall, 4),
        cpu_s_per_signal_s=round(cpu / signal, 6),
        times_real_time_cpu=round(signal / cpu, 1),
        times_real_time_wall=round(signal / wall, 1),
        megabytes=round(contents.valid_bytes / 1e6, 1),
        syncs=syncs,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the signal")
    parser.add_argument("--folder", type=Path, default=None, help="where to write; a temporary folder by default")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder, prefix="bench-journal-"))
    try:
        for gather in (1, 5, 25):
            figures = measure(synthetic_blocks(given.seconds), folder, gather=gather)
            (folder / "bench.jrn").unlink()
            print(json.dumps({"samples_per_frame": BLOCK * gather, **asdict(figures)}))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
