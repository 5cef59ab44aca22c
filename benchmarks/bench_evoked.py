"""`evoked.measure` on 10,000 sweeps x 8 channels x 1,000 samples against a loop over single sweeps and four packages.

The sweeps have white noise of 20 uV to 10 kHz under a peak of 1 mV: 34 dB before the filter; `snr_db`, of the filtered
waveform, is higher. The onsets of `measure` and of the loop are compared with each other: that is rounding, and says
nothing of what noise does to a latency (analysis reference 3d; docstring of `evoked.measure`). The negative peak is not
compared: the loop reads its foot at one instant, `measure` takes the constant of the hinge. The loop (evoked_loop.py)
and the packages (evoked_peers.py, `pip install npr-daq[peers]`) run on the first sweeps of the same data in the same
process, and their seconds are scaled up in proportion; their memory is that of their part. A package that cannot be
imported is named as missing.
"""

import argparse
import os
import platform
import resource
import sys
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy

sys.path.insert(0, str(Path(__file__).parent))
import evoked_loop
import evoked_peers

from npr_daq.analysis import evoked

RATE_HZ = evoked_peers.RATE_HZ
STIMULUS = float(evoked_peers.STIMULUS)
PEER_SWEEPS = {"pyemgpipeline": 400, "MNE": 100, "BioSPPy": 40, "NeuroKit2": 4}


def sweeps(count: int, channels: int, seed: int = 1) -> np.ndarray:
    """Responses of 60 units with compact support in white noise, float32, (count, channels, 1000)."""
    rng = np.random.default_rng(seed)
    t_ms = (np.arange(1000) - STIMULUS) / RATE_HZ * 1e3
    shapes = np.zeros((64, 1000))
    for shape in shapes:
        start = 3.0 + rng.uniform(0, 1) + rng.gamma(2.0, 0.25, 60)
        u = (t_ms - start[:, None]) / rng.uniform(3.5, 5.0, 60)[:, None]
        inside = (u > 0) & (u < 1)
        units = np.where(inside, np.clip(u, 0, 1) ** 2 * (1 - np.clip(u, 0, 1)) ** 2 * (0.5 - u), 0)
        shape -= rng.lognormal(0, 0.6, 60) @ units
        shape *= 1000 / np.abs(shape.min())
    out = rng.standard_normal((count, channels, 1000), dtype=np.float32)
    out *= 20
    kinds = rng.integers(0, len(shapes), (count, channels))
    for index in range(count):
        out[index] += shapes[kinds[index]].astype(np.float32)
    return out


class PeakResident:
    """Highest resident memory of this process above the start, in MB, watched from a thread (Linux)."""

    def __enter__(self) -> "PeakResident":
        self.stop = threading.Event()
        self.start = self.now()
        self.peak = self.start
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    @staticmethod
    def now() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6

    def watch(self) -> None:
        while not self.stop.wait(0.002):
            self.peak = max(self.peak, self.now())

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        self.extra = self.peak - self.start


@dataclass(frozen=True)
class Took:
    """Median seconds of all sweeps, scaled up where fewer were run, and how far the resident memory rose in one run."""

    wall: float
    cpu: float
    extra_mb: float
    walls: tuple[float, ...] = ()


def timed(run: Callable[[], object], *, repeat: int, scale: float = 1.0) -> Took:
    """The first run, which is not timed, is watched for memory: a look every 2 ms would slow the others."""
    with PeakResident() as resident:
        run()
    walls, cpus = [], []
    for _ in range(repeat):
        began, spent = time.perf_counter(), time.process_time()
        run()
        walls.append((time.perf_counter() - began) * scale)
        cpus.append((time.process_time() - spent) * scale)
    return Took(float(np.median(walls)), float(np.median(cpus)), resident.extra, tuple(walls))


def machine() -> str:
    """Processor, cores, versions and how busy the machine was."""
    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in described.splitlines() if line.startswith("model name")]
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, load average {load}, "
        f"OPENBLAS_NUM_THREADS={os.environ.get('OPENBLAS_NUM_THREADS', 'unset')}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=10_000)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--loop-rows", type=int, default=2_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    data = sweeps(options.sweeps, options.channels)
    flat = data.reshape(-1, data.shape[-1])
    given = {"rate_hz": RATE_HZ, "stimulus_sample": STIMULUS}
    print(f"{options.sweeps} sweeps x {options.channels} channels x {data.shape[-1]} samples, float32")
    print(machine())

    ours = timed(lambda: evoked.measure(data, **given), repeat=options.repeat)
    tracemalloc.start()
    found = evoked.measure(data, **given)
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    title = f"median of {options.repeat}"
    print(f"{title:16}{'wall s':>9}{'ratio':>7}{'CPU s':>9}{'ratio':>7}{'extra MB':>10}  run on")

    def line(name: str, took: Took, note: str) -> None:
        print(
            f"{name:16}{took.wall:9.2f}{took.wall / ours.wall:7.0f}{took.cpu:9.2f}{took.cpu / ours.cpu:7.0f}"
            f"{took.extra_mb:10.0f}  {note}"
        )

    line("measure", ours, f"all; {min(ours.walls):.2f} to {max(ours.walls):.2f} s; NumPy's share {traced / 1e6:.0f} MB")
    part = flat[: options.loop_rows]
    expected = []

    def loop() -> None:
        expected[:] = [evoked_loop.measure_one(sweep, **given)[0] for sweep in part]

    line("SciPy loop", timed(loop, repeat=3, scale=len(flat) / len(part)), f"{len(part)} rows; the same measures")
    if not options.no_peers:
        for name, run in evoked_peers.RUNS.items():
            reason = evoked_peers.missing(name)
            if reason:
                print(f"{name:16}missing: {reason}")
                continue
            few = data[: PEER_SWEEPS[name]]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run(few[:1])
                took = timed(lambda run=run, few=few: run(few), repeat=3, scale=len(data) / len(few))
            line(name, took, f"{few.shape[0] * few.shape[1]} rows; {evoked_peers.OFFERS[name]}")

    onsets = np.array(expected)[:, evoked_loop.NAMES.index("onset_latency_ms")]
    worst = np.nanmax(np.abs(found.onset_latency_ms.reshape(-1)[: len(part)] - onsets))
    print(f"largest difference in onset from the SciPy loop: {worst:.1e} ms; load average now {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
