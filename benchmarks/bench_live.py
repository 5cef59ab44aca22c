"""Live envelopes: from the last sample of a block entering `LiveEnvelope.push` to the refreshed screen.

    python benchmarks/bench_live.py [--frames 400] [--width 80] [--height 24]

16 channels at 2 kHz come in blocks of 50 ms, as the engine gathers them; every block is filtered, told as a notice and
drawn by the view of `npr-daq exam` on a pseudo-terminal that a second thread reads. Goal: on the screen within 100 ms
of the samples: the block's own 50 ms count against its first sample. Also the cost of a notice that is not drawn, of
which an exam of ten minutes in lock-step has 12 000.
"""

import argparse
import os
import pty
import threading
import time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from npr_daq.analysis.live_envelope import LiveEnvelope
from npr_daq.cli.progress_view import ProgressView
from npr_daq.expression import SPOKEN, Task
from npr_daq.montage import standard_montage
from npr_daq.operator import Notice

RATE_HZ, BLOCK = 2_000, 100
LIMIT_MS = 100.0
NAMES = standard_montage().names


def swallow(fd: int, drawn: list[bytes]) -> None:
    """Be the terminal: read what is drawn."""
    try:
        while read := os.read(fd, 65536):
            drawn.append(read)
    except OSError:
        return


def begin(view: ProgressView) -> None:
    """A task has begun and its cue was given."""
    step = {"step": "s", "kind": "movement", "task": "smile_open", "repetitions": 5}
    cue = {"step": "s", "task": "smile_open", "repetition": 1, "good": 0, "wanted": 5, "hold_s": 3.0, "rest_s": 5.0,
           "sample": 0, "stream_id": 1, "rate_hz": float(RATE_HZ)}  # fmt: skip
    view.show(Notice("step", "Step 3 of 15", step))
    view.show(Notice("cue", SPOKEN[Task.SMILE_OPEN], cue))
    progress = {"repetitions": 22, "repetitions_expected": 65, "shocks_expected": 0, "time_left_s": 430.0}
    view.show(Notice("progress", "", progress))


def told(frames: NDArray[np.float64], sample: int) -> Notice:
    """The notice of the engine."""
    newest = tuple(float(value) for value in frames[:, -1])
    return Notice("envelope", "", {"names": NAMES, "uv": newest, "sample": sample, "rate_hz": float(RATE_HZ)})


def latencies_ms(frames: int, console: Console) -> NDArray[np.float64]:
    """Time of each block from `push` to the drawn screen; every block is drawn, as in real time."""
    rng = np.random.default_rng(1)
    # The clock of the view steps as real time does, without the waiting.
    now_s = [0.0]
    found = np.empty(frames)
    envelope = LiveEnvelope(len(NAMES), rate_hz=float(RATE_HZ))
    with ProgressView(console, affected="left", monotonic_s=lambda: now_s[0]) as view:
        begin(view)
        for number in range(frames):
            loud = 5.0 + 150.0 * (number % 40 > 15)
            block = rng.standard_normal((len(NAMES), BLOCK)) * loud
            now_s[0] += BLOCK / RATE_HZ
            began = time.perf_counter()
            view.show(told(envelope.push(block), (number + 1) * BLOCK))
            found[number] = 1e3 * (time.perf_counter() - began)
    return found


def undrawn_us(notices: int, console: Console) -> float:
    """Cost of a notice that comes before the next drawing is due."""
    notice = told(np.full((len(NAMES), 1), 40.0), BLOCK)
    with ProgressView(console, monotonic_s=lambda: 0.0) as view:
        begin(view)
        view.show(notice)
        began = time.perf_counter()
        for _ in range(notices):
            view.show(notice)
        return 1e6 * (time.perf_counter() - began) / notices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--width", type=int, default=80)
    parser.add_argument("--height", type=int, default=24)
    given = parser.parse_args()
    near, far = pty.openpty()
    drawn: list[bytes] = []
    reading = threading.Thread(target=swallow, args=(near, drawn), daemon=True)
    reading.start()
    with os.fdopen(far, "w") as stream:
        console = Console(
            file=stream, width=given.width, height=given.height, force_terminal=True, color_system="standard"
        )
        found = latencies_ms(given.frames, console)
        stream.flush()
        size = sum(map(len, drawn)) / given.frames
        shown = b"".join(drawn).count(b"zygomaticus") / given.frames
        cost_us = undrawn_us(12_000, console)
    median, most = np.percentile(found, [50, 95])
    print(f"| screen {given.width} x {given.height} | ms | part of {LIMIT_MS:g} ms |")
    print("|---|---|---|")
    for name, value in (("median", median), ("95 %", most), ("longest", found.max())):
        print(f"| samples to screen, {name} | {value:.2f} | {value / LIMIT_MS:.3f} |")
    oldest = most + 1e3 * BLOCK / RATE_HZ
    print(f"| the same from the first sample of its block, 95 % | {oldest:.1f} | {oldest / LIMIT_MS:.3f} |")
    print(f"\ndrawn: {100 * shown:.0f} % of the blocks, {size / 1e3:.1f} kB each")
    print(f"a notice that is not drawn: {cost_us:.1f} us")


if __name__ == "__main__":
    main()
