"""Decode plus journal of the reference stream, as an exam's host does it: CPU seconds and times real time on one core.

    python benchmarks/bench_stream.py [--seconds 20]

16 channels x 24 bit x 20 kHz in frames of 80 samples are read in chunks of 64 KiB, taken out of COBS, checked by CRC,
unpacked, appended to a journal that is made durable every 100 ms of device time. Goal: at least 60 times real time.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bench_journal import BLOCK, CHANNELS, RATE_HZ, measure
from numpy.typing import NDArray

from npr_daq.wire.data import Data, pack_data
from npr_daq.wire.link import Link
from npr_daq.wire.tables import SampleFormat

CHUNK = 65536


def wire_bytes(seconds: float) -> bytes:
    """The stream as it comes out of the port."""
    rng = np.random.default_rng(1)
    link, pieces = Link(), []
    for first in range(0, int(seconds * RATE_HZ), BLOCK):
        counts = rng.integers(-(2**20), 2**20, (BLOCK, CHANNELS), np.int32)
        payload = pack_data(first_sample=first, counts=counts, fmt=SampleFormat.I24, markers=(), over=0, leadoff=0)
        pieces.append(link.send_data(payload))
    return b"".join(pieces)


def decoded(data: bytes) -> Iterator[NDArray[np.int32]]:
    """Blocks of counts (channel, time) from the bytes."""
    link = Link()
    for at in range(0, len(data), CHUNK):
        for received in link.receive(data[at : at + CHUNK]):
            assert isinstance(received.message, Data)
            yield received.message.counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    data = wire_bytes(given.seconds)
    folder = Path(tempfile.mkdtemp(prefix="bench-stream-"))
    print("| samples per journal frame | CPU s per s of signal | x real time (CPU) | x real time (wall) |")
    print("|---|---|---|---|")
    try:
        for gather in (1, 5, 25):
            figures = measure(decoded(data), folder, gather=gather)
            (folder / "bench.jrn").unlink()
            print(
                f"| {BLOCK * gather} | {figures.cpu_s_per_signal_s:.4f} | {figures.times_real_time_cpu:.0f} "
                f"| {figures.times_real_time_wall:.0f} |"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
