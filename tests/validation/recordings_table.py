"""Print what the evoked measures make of recordings that nobody here made (analysis reference 1, 3c, 3d).

    python tests/validation/recordings_table.py [--recordings FOLDER]

FOLDER holds `monstim/example_2.csv` (M-waves, 10 kHz) and `mepfeatx/ID01.mat` with `ID01_features.csv` (motor evoked
potentials, 3 kHz, and what the MEPFeatX toolbox found in them); it is the one that NPR_RECORDINGS names where not given.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from scipy import io

from npr_daq.analysis import definitions, evoked
from npr_daq.analysis.evoked import Flag

M_WAVES = {"rate_hz": 10_000.0, "stimulus_sample": 10, "window_ms": (0.8, 6.8)}
POTENTIALS = {"rate_hz": 3_000.0, "stimulus_sample": 150, "window_ms": (10.0, 60.0)}
SUPRAMAXIMAL = 0.95
"""Of the largest peak to peak."""


def line(what, n, value, goal):
    print(f"| {what} | {n} | {value} | {goal} |")


def m_waves(folder):
    table = np.loadtxt(folder / "monstim" / "example_2.csv", delimiter=",", skiprows=1)
    sweeps = table[:, 4].reshape(len(np.unique(table[:, 0])), -1) * 1e3
    found = evoked.measure(sweeps, **M_WAVES)
    top = found.peak_to_peak_mv >= SUPRAMAXIMAL * found.peak_to_peak_mv.max()
    onset = found.onset_latency_ms[top]
    hinge = (found.flags[top] & Flag.ONSET_BY_THRESHOLD) == 0
    n = int(top.sum())
    line("MonStim, supramaximal M-waves: onset SD, ms", n, f"{np.nanstd(onset):.4f}", "<= 0.015")
    line("the same: median onset, ms", n, f"{np.nanmedian(onset):.3f}", "")
    line("the same: onset by hinge, %", n, f"{100 * (hinge & np.isfinite(onset)).mean():.1f}", "")
    whole = np.isfinite(found.onset_latency_ms)
    by_hinge = whole & ((found.flags & Flag.ONSET_BY_THRESHOLD) == 0)
    n = int(found.present.sum())
    line("all M-waves with a response: an onset; by hinge, %", n,
         f"{100 * whole[found.present].mean():.1f}; {100 * by_hinge[found.present].mean():.1f}", "")  # fmt: skip


def potentials(folder):
    sweeps = io.loadmat(folder / "mepfeatx" / "ID01.mat")["meps"].T
    features = np.genfromtxt(folder / "mepfeatx" / "ID01_features.csv", delimiter=",", names=True)
    found = evoked.measure(sweeps, **POTENTIALS)
    size = 100 * (found.peak_to_peak_mv * 1e3 / features["Amplitude"] - 1)
    n = len(sweeps)
    line("MEPFeatX: peak to peak over the toolbox's, median, %", n, f"{np.median(size):+.3f}", "within 0.5")
    line("the same: 90 % and largest of the absolute difference, %", n,
         f"{np.percentile(np.abs(size), 90):.3f}, {np.abs(size).max():.3f}", "90 % within 0.5")  # fmt: skip
    known = np.isfinite(found.onset_latency_ms)
    threshold = (found.flags & Flag.ONSET_BY_THRESHOLD) > 0
    line("the same: sweeps with a latency, %", n, f"{100 * known.mean():.1f}", ">= 95")
    line("the same: by hinge; by threshold, flagged; none, %", n,
         f"{100 * (known & ~threshold).mean():.1f}; {100 * (known & threshold).mean():.1f}; {100 * (~known).mean():.1f}", "")  # fmt: skip
    late = found.onset_latency_ms - features["Latency"]
    line("the same: onset minus the toolbox's, median; SD, ms", int(np.isfinite(late).sum()),
         f"{np.nanmedian(late):+.3f}; {np.nanstd(late):.3f}", "")  # fmt: skip
    other = definitions.ten_percent(sweeps, **POTENTIALS)
    apart = definitions.disagrees(found.onset_latency_ms, other, snr_db=found.snr_db)
    line("the same: hinge and 10 % crossing disagree (flagged), %", n, f"{100 * apart.mean():.1f}", "")


def main():
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "recordings"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, default=Path(os.environ.get("NPR_RECORDINGS") or beside))
    folder = parser.parse_args().recordings
    print("| what | n | measured | goal |\n| --- | --- | --- | --- |")
    m_waves(folder)
    potentials(folder)


if __name__ == "__main__":
    main()
