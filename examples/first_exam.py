"""A first exam from Python: run it, read the numbers, look at the waveforms.

python examples/first_exam.py [DIR]
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import npr_daq as npr


def main(folder: Path) -> Path:
    with npr.connect("sim:branch_loss?seed=7") as bench:
        exam = npr.run_exam("conduction_trunk", bench, subject="P-0042", affected="left", out=folder)

    print(exam.findings.symmetry.to_frame()[["branch", "muscle", "percent", "withheld"]].to_string(index=False))

    fig, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 3.5))
    tree = exam.to_xarray()["sweeps"]
    for axis, side in zip(axes, ("left", "right"), strict=True):
        step = next(tree[name].to_dataset() for name in tree if name.endswith(f"{side}_trunk"))
        accepted = step.sel(sweep=step["role"] == "accept")
        trace = accepted["emg"].sel(channel=f"{side}.nasalis").mean("sweep") * 1e3
        axis.plot(step["time"] * 1e3, trace)
        axis.set(title=f"{side} nasalis, trunk stimulated", xlabel="time (ms)", xlim=(-2, 20))
    axes[0].invert_yaxis()  # shared by both: negative up, as clinicians draw it
    axes[0].set_ylabel("G1 - G2 (mV), negative up")
    picture = folder / "first_exam.png"
    fig.savefig(picture, dpi=120, bbox_inches="tight")
    print(f"exam    {exam.path}\npicture {picture}")
    return picture


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "exams"))
