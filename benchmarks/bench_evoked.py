"""`evoked.measure` on 10,000 sweeps x 8 channels x 1,000 samples against a loop over single sweeps.

The sweeps have white noise of 20 uV to 10 kHz under a peak of 1 mV: 34 dB before the filter; `snr_db`, of the filtered
waveform, is higher. The onsets of both are compared with each other: that is rounding, and says nothing of what noise
does to a latency (analysis reference 3d; docstring of `evoked.measure`). The negative peak is not compared: the loop
reads its foot at one instant, `measure` takes the constant of the hinge. The loop (evoked_loop.py) runs on a part of
the sweeps in the same process, and its time is scaled up in proportion.
"""

import argparse
import os
import resource
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import evoked_loop

from npr_daq.analysis import evoked

RATE_HZ = 20_000.0
STIMULUS = 200.0


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=10_000)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--loop-rows", type=int, default=2_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    data = sweeps(options.sweeps, options.channels)
    rows = options.sweeps * options.channels
    given = {"rate_hz": RATE_HZ, "stimulus_sample": STIMULUS}

    with PeakResident() as resident:
        evoked.measure(data, **given)
    times, cpu = [], []
    for _ in range(options.repeat):
        began, spent = time.perf_counter(), time.process_time()
        found = evoked.measure(data, **given)
        times.append(time.perf_counter() - began)
        cpu.append(time.process_time() - spent)
    tracemalloc.start()
    evoked.measure(data, **given)
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    part = data.reshape(rows, -1)[: options.loop_rows]
    began = time.perf_counter()
    expected = [evoked_loop.measure_one(sweep, **given)[0] for sweep in part]
    loop = (time.perf_counter() - began) * rows / len(part)

    worst = max(
        float(np.nanmax(np.abs(getattr(found, name).reshape(-1)[: len(part)] - column)))
        for name, column in zip(evoked_loop.NAMES, np.array(expected).T, strict=True)
        if name == "onset_latency_ms"
    )
    best = min(times)
    print(
        f"{options.sweeps} sweeps x {options.channels} channels x 1000 samples, float32, {os.cpu_count()} cores, "
        f"OPENBLAS_NUM_THREADS={os.environ.get('OPENBLAS_NUM_THREADS', 'unset')}"
    )
    print(f"{'':34}{'seconds':>10}{'ratio':>9}{'extra MB':>18}")
    print(f"{'measure, best of ' + str(options.repeat):34}{best:10.2f}{1.0:9.1f}{traced / 1e6:8.1f} traced")
    print(f"{'measure, median':34}{np.median(times):10.2f}{np.median(times) / best:9.1f}{resident.extra:8.1f} resident")
    print(f"{'measure, processor time of best':34}{min(cpu):10.2f}{min(cpu) / best:9.1f}")
    scaled = f"SciPy loop, scaled from {len(part)} rows"
    print(f"{scaled:34}{loop:10.2f}{loop / best:9.1f}")
    print(f"largest difference in onset between the two: {worst:.1e} ms")


if __name__ == "__main__":
    main()
