"""Print how often the interval of a side ratio covers the truth, on synthetic sweeps with known sizes.

    OPENBLAS_NUM_THREADS=1 python tests/validation/ratio_table.py [--n 1000] [--seed 2026]

Each run is two series of K sweeps, affected and healthy, of two different shapes of `onset_table.py` (20 kHz, -10 to
22 ms), which go the way that findings send them: `findings.response.responses` (alignment, agreement of the sweeps,
leave-one-out amplitudes) and the row of `findings.symmetry`. Every sweep has its own size (SD 1 % of the response),
noise to 5 kHz and hum of 50 and 150 Hz of 0.3 x noise with phases of its own. SNR: negative peak of the affected side
over the RMS of the noise of one sweep before any filter; the noise of the healthy side is the same in microvolts, its
response as large or four times as large. The truth is the ratio of the noise-free peak-to-peak amplitudes. "As
measured" is the interval without what is added for single sweeps under 26 dB.
"""

import argparse
import time

import numpy as np
import onset_table
from onset_table import RATE_HZ, STIMULUS

from npr_daq.analysis import evoked, symmetry
from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings.parameters import DEFAULT
from npr_daq.findings.response import Response, responses
from npr_daq.findings.series import Series
from npr_daq.findings.symmetry import _amplitudes

SNRS_DB = (26, 30, 34, 40, 50)
SWEEPS = (5, 8)
HEALTHY_OVER_AFFECTED = {"equal": 1.0, "1 : 4": 4.0}
SIZE_SD = 0.01
KEPT = 640
ROWS = 125


def series_of(uv):
    """A series of as many channels as there are rows in `uv` (row, sweep, time), as `collect` would make it."""
    stimulus = np.full(uv.shape[:2], float(STIMULUS))
    average, shifts = evoked.align(uv, rate_hz=RATE_HZ, stimulus_sample=stimulus, window_ms=DEFAULT.window_ms)
    return Series(
        side=Side.LEFT,
        site=Branch.BUCCAL,
        step="synthetic",
        rate_hz=RATE_HZ,
        sweeps=tuple(range(uv.shape[1])),
        channels=tuple(range(len(uv))),
        montage_rows=tuple(range(len(uv))),
        uv=uv,
        raw_uv=uv,
        stimulus_sample=stimulus,
        average_uv=average,
        average_stimulus=stimulus.mean(axis=-1),
        shifts_samples=shifts,
        set_aside={},
        tried_ma=20.0,
    )


def measured(rng, shapes, count, snr_db, size) -> list[Response]:
    """One response per shape (row, time), `size` times as large as the shapes are, noise as for the shapes."""
    sizes = size * rng.normal(1.0, SIZE_SD, (len(shapes), count, 1))
    noise = onset_table.noise(rng, (len(shapes), count, shapes.shape[-1]), snr_db)
    sweeps = (shapes[:, None] * sizes + noise)[..., :KEPT]
    return [
        one
        for first in range(0, len(sweeps), ROWS)
        for one in responses(series_of(sweeps[first : first + ROWS]), DEFAULT)
    ]


def cell(rng, shapes, count, snr_db, size):
    """Error in percent of the ratio, covered, covered as measured, half width in percent; one row per run given."""
    one, other = shapes
    true = 100 * np.ptp(one, axis=1) / (size * np.ptp(other, axis=1))
    sides = zip(measured(rng, one, count, snr_db, 1.0), measured(rng, other, count, snr_db, size), true, strict=True)
    rows = []
    for affected, healthy, percent in sides:
        row = _amplitudes(Branch.BUCCAL, Muscle.NASALIS, [affected, healthy])
        if not (affected.elicited and healthy.elicited) or row.percent is None or row.ci95_percent is None:
            continue
        low, high = row.ci95_percent
        plain = symmetry.ratio(affected.sweeps_mv, healthy.sweeps_mv).ci95_percent
        rows.append((
            100 * (row.percent / percent - 1),
            low <= percent <= high,
            plain[0] <= percent <= plain[1],
            50 * (high - low) / percent,
            affected.set_aside + healthy.set_aside > 0,
        ))  # fmt: skip
    return np.array(rows, dtype=float)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args()
    started = time.process_time()
    rng = np.random.default_rng(asked.seed)
    shapes = onset_table.responses(rng, asked.n), onset_table.responses(rng, asked.n)
    print(f"seed {asked.seed}, {asked.n} runs per cell; error and half width in percent of the ratio\n")
    print(
        "| SNR dB | K | sides | given | mean, SD of error | covers % | as measured % | median half width | sweeps set aside in % |"
    )
    print("|" + " --- |" * 9)
    inside = []
    for snr_db in SNRS_DB:
        for count in SWEEPS:
            for name, size in HEALTHY_OVER_AFFECTED.items():
                found = cell(rng, shapes, count, snr_db, size)
                error, covered, plain, width, aside = found.T
                inside.append(93 <= 100 * covered.mean() <= 97)
                print(
                    f"| {snr_db} | {count} | {name} | {len(found)} | {error.mean():+.2f}, {error.std():.2f} "
                    f"| {100 * covered.mean():.1f} | {100 * plain.mean():.1f} | {np.median(width):.2f} | {100 * aside.mean():.1f} |"
                )
    print(f"\n{sum(inside)} of {len(inside)} cells cover 93 to 97 %; {time.process_time() - started:.0f} s of CPU")


if __name__ == "__main__":
    main()
