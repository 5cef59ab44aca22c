"""Late responses, reflexes, trains, thresholds and spread: bias, SD and false positives on the simulated person.

    OPENBLAS_NUM_THREADS=1 python tests/validation/late_table.py --people 3 --seed 31

Truth is the simulator's: the instants at which endplates were activated (the estimators read some tenths of a
millisecond later), potentials of one origin alone, and the same sweeps without that origin. Noise: white, 3 uV RMS to 10 kHz; for F waves
also 1 and 10 uV, dB of the median F wave's peak to peak over it. `--only f_waves` runs one part.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import excitability, late, reflex, spread_matrix, train
from npr_daq.analysis.reflex import Origin
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side

PATH = Path(__file__).parents[1] / "analysis" / "late" / "shocks.py"
SPEC = importlib.util.spec_from_file_location("npr_daq_test_shocks", PATH)
assert SPEC
assert SPEC.loader
shocks = importlib.util.module_from_spec(SPEC)
sys.modules["npr_daq_test_shocks"] = shocks
SPEC.loader.exec_module(shocks)

Floats = NDArray[np.float64]
BRANCHES = [branch for branch in Branch if branch is not Branch.TRUNK]
F_SHOCKS = 20
F_FIGURES = ("minimum_ms", "mean_ms", "maximum_ms", "chronodispersion_ms", "f_over_m_percent")
NOISE_UV = (1.0, 3.0, 10.0)
SUPPLIED = np.array([[muscle in SUPPLIES[branch] for muscle in FACIAL_MUSCLES] for branch in BRANCHES])


def row(name: str, values: list[float] | Floats, unit: str) -> None:
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if not len(known):
        print(f"| {name} | n 0 | | |")
        return
    print(
        f"| {name} | n {len(known)} | mean {known.mean():+.2f}, SD {known.std():.2f} {unit} "
        f"| median {np.median(known):+.2f}, largest {np.abs(known).max():.2f} {unit} |"
    )


def share(name: str, hits: float, n: int) -> None:
    print(f"| {name} | n {n} | {100 * hits:.2f} % | |")


def first_ms(answers: dict, person, muscle: int, origins: tuple[str, ...], side: Side = Side.LEFT) -> float:
    spikes = answers[side]
    chosen = np.isin(np.array(shocks.ORIGINS)[spikes.origin], origins)
    chosen &= person.banks[side].target[spikes.row] == muscle
    return float(spikes.time_ms[chosen].min()) if chosen.any() else np.nan


def f_series(name: str, seed: int, dao: int) -> tuple[Floats, Floats, Floats]:
    """First endplate (sweep,), NaN without an F wave; the F waves alone and all that was there, both (sweep, time)."""
    given = {"seed": seed, "current_ma": 20.0}
    every = [shocks.spikes(name, shocks.Site.MARGINAL_MANDIBULAR, ordinal=k, **given) for k in range(F_SHOCKS)]
    first = np.array([first_ms(one, shocks.face(name, seed), dao, ("f_wave",)) for one in every])
    alone = np.array([shocks.wave(name, one, seed=seed, only=("f_wave",))[dao] for one in every])
    return first, alone, np.array([shocks.wave(name, one, seed=seed)[dao] for one in every])


def f_waves(seeds: range) -> None:
    dao = shocks.channel(Muscle.DEPRESSOR_ANGULI_ORIS)
    for name in ("healthy", "synkinetic_12m"):
        people = [f_series(name, seed, dao) for seed in seeds]
        for noise_uv in NOISE_UV:
            f_errors(name, people, noise_uv, seeds)


def f_errors(name: str, people: list[tuple[Floats, Floats, Floats]], noise_uv: float, seeds: range) -> None:
    """Measured minus true, over one noise: per person first, then per sweep."""
    errors: dict[str, list[float]] = {k: [] for k in ("min", "mean", "max", "chrono", "persist", "latency", "size")}
    values, false, n, found_50, over_50, untold, snr = [], 0, 0, 0, 0, 0, []
    for seed, (truth, alone, whole) in zip(seeds, people, strict=True):
        noise = shocks.noise(np.random.default_rng([seed, 5]), (F_SHOCKS,), rms_uv=noise_uv)
        found = late.measure(whole + noise, **shocks.SAMPLING)
        none = late.measure(whole - alone + noise, **shocks.SAMPLING)
        false += int(none.present.sum())
        n += F_SHOCKS
        sizes = np.ptp(alone, axis=1)
        snr.append(20 * np.log10(np.median(sizes[np.isfinite(truth)]) / noise_uv))
        found_50 += int(found.present[sizes > 50].sum())
        over_50 += int((sizes > 50).sum())
        untold += int(np.isnan(found.minimum_ms))
        errors["min"].append(float(found.minimum_ms) - np.nanmin(truth))
        errors["mean"].append(float(found.mean_ms) - np.nanmean(truth))
        errors["max"].append(float(found.maximum_ms) - np.nanmax(truth))
        errors["chrono"].append(float(found.chronodispersion_ms) - np.ptp(truth[np.isfinite(truth)]))
        errors["persist"].append(float(found.persistence_percent) - 100 * np.isfinite(truth).mean())
        errors["latency"] += list(found.latency_ms - truth)
        errors["size"] += list(100 * (found.amplitude_uv / np.where(sizes > 50, sizes, np.nan) - 1))
        values.append([float(getattr(found, key)) for key in F_FIGURES])
    head = f"F, {name}, noise {noise_uv:g} uV (F {np.mean(snr):.0f} dB)"
    for key, label, unit in (
        ("min", "minimum", "ms"),
        ("mean", "mean", "ms"),
        ("max", "maximum", "ms"),
        ("chrono", "chronodispersion", "ms"),
        ("persist", "persistence", "points"),
        ("latency", "latency of a sweep", "ms"),
        ("size", "amplitude, F over 50 uV", "%"),
    ):
        row(f"{head}: {label}, measured - true", errors[key], unit)
    share(f"{head}: sweeps without F called F", false / n, n)
    share(f"{head}: F over 50 uV found", found_50 / max(over_50, 1), over_50)
    share(f"{head}: people without a minimum", untold / len(people), len(people))
    means = np.nanmean(values, axis=0)
    print(
        f"| {head}: min, mean, max, chronodispersion, F/M | n {len(values)} | "
        f"{means[0]:.2f}, {means[1]:.2f}, {means[2]:.2f}, {means[3]:.2f} ms, {means[4]:.1f} % "
        f"| W9: 8.97, 9.39, 9.74, 0.80 ms; W12: 3.7 % |"
    )


def spread(seeds: range) -> None:
    found_true, n_true, false, n_false, unsure, guessed, errors = 0, 0, 0, 0, 0, 0, []
    for name in ("healthy", "synkinetic_12m"):
        for seed in seeds:
            for branch in BRANCHES:
                given = {"seed": seed, "current_ma": 6.0}
                site = shocks.Site(branch.value)
                sweeps = shocks.sweeps(name, site, 6, **given)[:, shocks.LEFT]
                movers = np.flatnonzero(SUPPLIED[BRANCHES.index(branch)]).tolist()
                found = late.lateral_spread(sweeps, movers=movers, **shocks.SAMPLING)
                alone = np.mean(
                    [
                        shocks.wave(
                            name,
                            shocks.spikes(name, site, ordinal=k, **given),
                            seed=seed,
                            only=("axon_reflex", "ephaptic"),
                        )[shocks.LEFT]
                        for k in range(6)
                    ],
                    axis=0,
                )
                size = np.ptp(alone, axis=1)
                others = ~SUPPLIED[BRANCHES.index(branch)]
                real, nothing = others & (size > 10), others & (size < 1)
                found_true += int(found.lateral_spread[real].sum())
                n_true += int(real.sum())
                unsure += int((found.verdict[real] == "cannot tell").sum())
                false += int(found.lateral_spread[nothing].sum())
                n_false += int(nothing.sum())
                guessed += int((found.verdict[nothing] == "cannot tell").sum())
                seen = real & found.lateral_spread
                errors += list(100 * (found.amplitude_uv[seen] / size[seen] - 1))
    share("lateral spread over 10 uV found", found_true / max(n_true, 1), n_true)
    share("  of the same, `cannot tell`", unsure / max(n_true, 1), n_true)
    share("lateral spread where there is none (under 1 uV)", false / n_false, n_false)
    share("  of the same, `cannot tell`", guessed / n_false, n_false)
    row("lateral spread: amplitude, measured - true", errors, "%")


def blink(seeds: range) -> None:
    eyes = [shocks.channel(Muscle.ORBICULARIS_OCULI, side) for side in Side]
    eye = list(Muscle).index(Muscle.ORBICULARIS_OCULI)
    latency: dict[str, list[float]] = {k: [] for k in ("R1 average", "R1 first phase", "R2", "R2c")}
    values: list[tuple[float, ...]] = []
    wrong, n_wrong, right, n_right, unsure = 0, 0, 0, 0, 0
    for seed in seeds:
        for name in ("healthy", "synkinetic_12m"):
            every = [shocks.spikes(name, shocks.Site.SUPRAORBITAL, seed=seed, ordinal=k) for k in range(6)]
            sweeps = np.array([shocks.wave(name, one, seed=seed) for one in every])
            sweeps += shocks.noise(np.random.default_rng([seed, 9]), sweeps.shape[:2])
            found = reflex.measure(sweeps, prime_movers=eyes, **shocks.SAMPLING)
            person = shocks.face(name, seed)
            own = np.zeros((2, 16))
            for side in Side:
                half = {side: every[0][side]}
                for muscle in FACIAL_MUSCLES:
                    at = shocks.channel(muscle, side)
                    for k, origin in enumerate(("r1", "r2")):
                        spikes = half[side]
                        mine = np.array(shocks.ORIGINS)[spikes.origin] == origin
                        mine &= person.banks[side].target[spikes.row] == list(Muscle).index(muscle)
                        own[k, at] = mine.sum()
            for k, part in enumerate((found.r1, found.r2)):
                neighbours = np.ones(16, dtype=bool)
                neighbours[eyes] = False
                shown = neighbours & part.reproducible
                empty, real = shown & (own[k] == 0), shown & (own[k] > 0)
                wrong += int((part.origin[empty] == Origin.OWN).sum())
                n_wrong += int(empty.sum())
                right += int((part.origin[real] == Origin.OWN).sum())
                unsure += int((part.origin[real] == Origin.CANNOT_TELL).sum())
                n_right += int(real.sum())
            if name == "healthy":
                here, there = eyes
                true_r1 = np.mean([first_ms(one, person, eye, ("r1",)) for one in every])
                latency["R1 average"].append(float(found.r1.mean_onset_ms[here]) - true_r1)
                latency["R1 first phase"].append(float(found.r1.first_phase_ms[here]) - true_r1)
                for key, at, side in (("R2", here, Side.LEFT), ("R2c", there, Side.RIGHT)):
                    truth = [first_ms(one, person, eye, ("r2",), side) for one in every]
                    latency[key].append(float(found.r2.mean_onset_ms[at]) - float(np.median(truth)))
                values.append(
                    (
                        float(found.r1.mean_onset_ms[here]),
                        float(found.r2.mean_onset_ms[here]),
                        float(found.r2.mean_onset_ms[there]),
                    )
                )
    for key, errors in latency.items():
        row(f"blink {key}: onset - first endplate", errors, "ms")
    means = np.mean(values, axis=0)
    print(
        f"| blink, healthy: R1, R2, R2c | n {len(values)} | {means[0]:.1f}, {means[1]:.1f}, {means[2]:.1f} ms "
        "| W11: 10.9, 35.2, 36.2 ms |"
    )
    share("neighbour without a unit of its own, called its own", wrong / max(n_wrong, 1), n_wrong)
    share("neighbour with units of its own, called its own", right / max(n_right, 1), n_right)
    share("  of the same, `cannot tell`", unsure / max(n_right, 1), n_right)
    empty = reflex.measure(shocks.noise(np.random.default_rng(1), (150, 6, 8)), prime_movers=[0], **shocks.SAMPLING)
    share("noise alone: R1 in a sweep", float(empty.r1.present.mean()), empty.r1.present.size)
    share("noise alone: R2 in a sweep", float(empty.r2.present.mean()), empty.r2.present.size)
    share("noise alone: reproducible R2", float(empty.r2.reproducible.mean()), empty.r2.reproducible.size)


def trains(seeds: range) -> None:
    nasalis = shocks.channel(Muscle.NASALIS)
    for lost in (0.0, 0.1):
        fourth, lowest, kept, n, covered = [], [], 0, 0, []
        for seed in seeds:
            made = np.array(
                [
                    [
                        shocks.wave(
                            "healthy",
                            shocks.spikes(
                                "healthy",
                                shocks.Site.BUCCAL,
                                seed=seed,
                                current_ma=12.0,
                                ordinal=10 * t + j,
                                in_train=j,
                                decrement=lost,
                            ),
                            seed=seed,
                        )[nasalis]
                        for j in range(6)
                    ]
                    for t in range(4)
                ]
            )
            size = np.ptp(made[..., shocks.STIMULUS + 30 : shocks.STIMULUS + 400], axis=-1)
            truth = 100 * (1 - size[:, 3] / size[:, 0])
            noisy = made + shocks.noise(np.random.default_rng([seed, 3]), made.shape[:2], rms_uv=10.0)
            found = train.decrement(noisy, **shocks.SAMPLING)
            fourth += list(found.fourth_percent - truth)
            lowest += list(found.lowest_percent - truth)
            kept += int(found.accepted.sum())
            n += found.accepted.size
            low, high = found.ci95_fourth_percent
            covered.append(low <= truth.mean() <= high)
        row(f"decrement {100 * lost:.0f} % of junctions: A4, measured - true", fourth, "points")
        row("  lowest of 2-5, against the true A4", lowest, "points")
        share("  trains accepted", kept / n, n)
        share("  interval holds the true mean", float(np.mean(covered)), len(covered))


def thresholds(repeats: int, rng: np.random.Generator) -> None:
    current = np.repeat(np.array([1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.2]), 2)
    half, covered = [], []
    for _ in range(repeats):
        size = 3 / (1 + np.exp(-(current - 3) / 0.3)) + 0.03 * rng.standard_normal(len(current))
        found = excitability.threshold(current, size, noise_mv=0.03)
        half.append(found.half_ma - 3)
        covered.append(found.half_ci95_ma[0] <= 3 <= found.half_ci95_ma[1])
    row("half-plateau current of 3 mA, error", half, "mA")
    share("  interval holds it", float(np.mean(covered)), repeats)
    width = np.array([50.0, 100.0, 200.0, 500.0, 1000.0])
    truth = 2 * (1 + 250 / width)
    found_weiss = [
        excitability.strength_duration(width, truth * (1 + 0.03 * rng.standard_normal(5)), error_ma=0.03 * truth)
        for _ in range(1000)
    ]
    row("chronaxie of 250 us, 3 % thresholds, error", [f.chronaxie_us - 250 for f in found_weiss], "us")
    hits = [f.chronaxie_ci95_us[0] <= 250 <= f.chronaxie_ci95_us[1] for f in found_weiss]
    share("  interval holds it", float(np.mean(hits)), 1000)


def matrix(seeds: range) -> None:
    late_true, late_none = [], []
    for name in ("healthy", "synkinetic_12m"):
        for seed in seeds:
            rows = [
                shocks.sweeps(name, shocks.Site(b.value), 5, seed=seed, current_ma=6.0)[:, shocks.LEFT]
                for b in BRANCHES
            ]
            found = spread_matrix.measure(np.stack(rows), supplied=SUPPLIED, **shocks.SAMPLING)
            for index, branch in enumerate(BRANCHES):
                answers = shocks.spikes(name, shocks.Site(branch.value), seed=seed, current_ma=6.0)
                alone = shocks.wave(name, answers, seed=seed, only=("axon_reflex", "ephaptic"))[shocks.LEFT]
                size = 100 * np.ptp(alone, axis=1) / 1e3 / found.own_mv
                others = ~SUPPLIED[index]
                late_true += list((found.late.remainder_percent[index] - size)[others & (size > 5)])
                late_none += list(found.late.remainder_percent[index][others & (size < 0.1)])
    row("late window over 5 % of its own, remainder - true", late_true, "points")
    row("late window without lateral spread, remainder", late_none, "points")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one part: f_waves, spread, blink, trains, thresholds or matrix")
    chosen = parser.parse_args()
    seeds = range(chosen.seed, chosen.seed + chosen.people)
    rng = np.random.default_rng(chosen.seed)
    print(f"people {chosen.people} (seeds {seeds.start} to {seeds.stop - 1})")
    parts: dict[str, Callable[[], None]] = {
        "f_waves": lambda: f_waves(seeds),
        "spread": lambda: spread(seeds),
        "blink": lambda: blink(seeds),
        "trains": lambda: trains(seeds),
        "thresholds": lambda: thresholds(40, rng),
        "matrix": lambda: matrix(range(seeds.start, seeds.start + min(2, chosen.people))),
    }
    for name, part in parts.items():
        if chosen.only not in (None, name):
            continue
        started = time.monotonic()
        part()
        print(f"({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
