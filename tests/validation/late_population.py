"""F wave (W9) and blink reflex (W11) of healthy people against the published groups.

    OPENBLAS_NUM_THREADS=1 python tests/validation/late_population.py --seed 2 --out DIR

People of `npr_simulators.person.population`, left side stimulated: the first 41 for W9, 54 for W11. Without the wire:
the person's own waveforms with skin, resting muscle and the front-end's filters, no stimulus artefact, measured by
`analysis.late` and `analysis.reflex`. The people of `--chain` are also examined over the simulated wire with
`late_population.toml`, by search, engine, exam file and findings, artefact included; beside each of their figures stands
the one without the wire. Scored as clinical reference 7 has it: the mean inside the printed mean +- 2 sqrt(s^2/n_published
+ s^2/n), the SD ratio inside the 95 % chi-square interval for n_published; a share inside +- 2 binomial SD of both samples.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from population import NPR, judged

import npr_daq as npr
from npr_daq.analysis import evoked, late, reflex
from npr_daq.anatomy import Muscle, Side
from npr_simulators import analog
from npr_simulators.person.case_text import written
from npr_simulators.person.excitation import plateau_ma
from npr_simulators.person.face import Face
from npr_simulators.person.population import random_person
from npr_simulators.person.sites import Site

PROTOCOL = Path(__file__).with_name("late_population.toml")
F_PEOPLE, BLINK_PEOPLE = 41, 54
F_SHOCKS, BLINKS = 20, 8
BLINK_MA = 7.0
"""Nearly all supraorbital afferents fire."""
RATE_HZ = 20_000.0
STIMULUS = 400
F_SAMPLES, BLINK_SAMPLES = 2000, 2400
SAMPLING = {"rate_hz": RATE_HZ, "stimulus_sample": STIMULUS}
W9 = (
    ("minimum_ms", "F minimum, ms", 8.97, 0.53),
    ("maximum_ms", "F maximum, ms", 9.74, 0.54),
    ("mean_ms", "F mean, ms", 9.39, 0.51),
    ("chronodispersion_ms", "F chronodispersion, ms", 0.80, 0.31),
    ("conduction_time_ms", "F conduction time, ms", 2.92, 0.29),
)
W11 = (
    ("r1_ms", "blink R1, ms", 10.9, 0.7, 0.89),
    ("r2_ms", "blink R2, ms", 35.2, 3.4, 0.88),
    ("r2c_ms", "blink R2c, ms", 36.2, 4.0, 0.69),
)
Found = dict[str, float]
Floats = NDArray[np.float64]


def seed_of(cohort: int, number: int) -> int:
    return 1000 * cohort + number


def sweeps(face: Face, site: Site, shocks: Sequence[tuple[float, float]], n: int, rows: list[int]) -> Floats:
    """(sweep, row, time), microvolts behind the filters of the front-end; `shocks` are (current, second)."""
    t_ms = (np.arange(n) - STIMULUS) / RATE_HZ * 1e3
    face.place(Side.LEFT, site)
    stream = list(Site).index(site) + 1
    made = []
    for ordinal, (current_ma, second) in enumerate(shocks, 1):
        answer = face.evoke(current_ma=current_ma, width_us=200.0, ordinal=ordinal, at_s=second)
        assert answer is not None
        around = face.background(stream, (ordinal - 1) * n, n, RATE_HZ)
        clean = analog.linear(answer.render(t_ms)[rows], RATE_HZ)
        resting, _ = analog.high_passed(np.asarray(around[rows], float), RATE_HZ)
        made.append(clean + resting)
    return np.stack(made)


def recorded(number: int, cohort: int, out: Path) -> dict[str, Floats]:
    """Sweeps of one person, microvolts; kept in `out`, so that they can be measured again."""
    kept = out / f"{number:03d}.npz"
    if not kept.exists():
        face = Face(random_person(number, seed=cohort), seed=seed_of(cohort, number))
        eyes = [face.montage.row(side, Muscle.ORBICULARIS_OCULI) for side in Side]
        dao = face.montage.row(Side.LEFT, Muscle.DEPRESSOR_ANGULI_ORIS)
        blinks = [(BLINK_MA, 10.0 * k) for k in range(BLINKS)]
        made = {"blink": sweeps(face, Site.SUPRAORBITAL, blinks, BLINK_SAMPLES, eyes)}
        if number <= F_PEOPLE:
            site = Site.MARGINAL_MANDIBULAR
            current_ma = plateau_ma(face.banks[Side.LEFT], face.patient, site)
            made["f"] = sweeps(face, site, [(current_ma, float(k)) for k in range(F_SHOCKS)], F_SAMPLES, [dao])[:, 0]
        np.savez_compressed(kept, **{name: values.astype(np.float32) for name, values in made.items()})
    with np.load(kept) as file:
        return {name: file[name].astype(np.float64) for name in file.files}


def f_wave(made: Floats) -> Found:
    found = late.measure(made, **SAMPLING)
    direct = evoked.measure(made.mean(axis=0), window_ms=(1.5, 7.0), **SAMPLING)
    out = {name: float(getattr(found, name)) for name, *_ in W9 if name != "conduction_time_ms"}
    out["conduction_time_ms"] = (out["minimum_ms"] - float(direct.onset_latency_ms) - 1) / 2
    return {**out, "persistence_percent": float(found.persistence_percent)}


def blink(made: Floats) -> Found:
    found = reflex.measure(made, prime_movers=[0, 1], **SAMPLING)
    r1, r2 = found.r1, found.r2
    first = r1.first_phase_ms[0] if np.isfinite(r1.first_phase_ms[0]) else r1.mean_onset_ms[0]
    return {
        "r1_ms": float(first) if r1.reproducible[0] else math.nan,
        "r2_ms": float(r2.mean_onset_ms[0]) if r2.reproducible[0] else math.nan,
        "r2c_ms": float(r2.mean_onset_ms[1]) if r2.reproducible[1] else math.nan,
    }


def without_wire(number: int, cohort: int, out: Path) -> Found:
    made = recorded(number, cohort, out)
    return blink(made["blink"]) | (f_wave(made["f"]) if "f" in made else {})


def over_wire(number: int, cohort: int, out: Path) -> Found:
    folder = out / f"chain_{number:03d}"
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("*.h5")):
        person = folder / "person.toml"
        person.write_text(written(random_person(number, seed=cohort)), encoding="utf-8")
        device = f"sim:{person}?seed={seed_of(cohort, number)}"
        command = ["exam", str(PROTOCOL), "--device", device, "--subject", f"P-{number}", "--affected", "none"]
        done = subprocess.run(
            [*NPR, *command, "--operator", "auto", "--out", str(folder), "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not list(folder.glob("*.h5")):
            raise SystemExit(f"person {number}: exit {done.returncode}\n{done.stderr[-2000:]}")
    with npr.open_exam(next(folder.glob("*.h5"))) as exam:
        found = json.loads(exam.analyse().to_json())
    [f_row] = [r for r in found["late"] if r["recorded"] == str(Muscle.DEPRESSOR_ANGULI_ORIS)]
    eyes = {r["side"]: r for r in found["reflex"] if r["muscle"] == str(Muscle.ORBICULARIS_OCULI)}
    told = {name: f_row[name] for name in (*(name for name, *_ in W9), "persistence_percent")}
    told |= {"r1_ms": eyes["left"]["r1_latency_ms"], "r2_ms": eyes["left"]["r2_latency_ms"]}
    told["r2c_ms"] = eyes["right"]["r2_latency_ms"]
    return {key: math.nan if value is None else float(value) for key, value in told.items()}


def shared(found: Sequence[float], wanted: float) -> str:
    n, part = len(found), float(np.mean(np.isfinite(found)))
    room = 2 * math.sqrt(wanted * (1 - wanted) * (1 / BLINK_PEOPLE + 1 / n))
    inside = "yes" if abs(part - wanted) <= room else "NO"
    return f"{100 * wanted:.0f} % (n {BLINK_PEOPLE}) | {100 * part:.1f} % (n {n}) | ± {100 * room:.1f}: {inside} | "


def report(people: Sequence[Found], cohort: int) -> None:
    print(f"people 1-{len(people)}, cohort seed {cohort}, left side, without the wire")
    print("| row | quantity | published | measured | mean inside | SD ratio inside |")
    print("|---|---|---|---|---|---|")
    for name, said, mean, sd in W9:
        print(f"| W9 | {said} | {judged([p[name] for p in people if name in p], mean, sd, F_PEOPLE)} |")
    for name, said, mean, sd, _ in W11:
        print(f"| W11 | {said} | {judged([p[name] for p in people], mean, sd, BLINK_PEOPLE)} |")
    for name, said, _, _, part in W11:
        print(f"| W11 | {said.split(',')[0]} elicited in | {shared([p[name] for p in people], part)} |")
    persistence = [p["persistence_percent"] for p in people if "persistence_percent" in p]
    print(f"persistence of the F wave: {np.mean(persistence):.0f} % (SD {np.std(persistence, ddof=1):.0f})")


def beside(direct: Sequence[Found], chain: Sequence[Found]) -> None:
    print("| figure | without the wire | over the wire, artefact included | difference |")
    print("|---|---|---|---|")
    for name in (*(name for name, *_ in W9), "persistence_percent", *(name for name, *_ in W11)):
        pairs = [(d[name], c[name]) for d, c in zip(direct, chain, strict=False)]
        texts = [", ".join("none" if math.isnan(v) else f"{v:.2f}" for v in side) for side in zip(*pairs, strict=True)]
        apart = ", ".join("" if math.isnan(c - d) else f"{c - d:+.2f}" for d, c in pairs)
        print(f"| {name} | {texts[0]} | {texts[1]} | {apart} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=2, help="of the cohort; 1 was used to set the simulator's times")
    parser.add_argument("--people", type=int, default=BLINK_PEOPLE)
    parser.add_argument("--chain", default="1-3", help="first-last of those examined over the wire too; 0 for none")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    people = []
    for number in range(1, asked.people + 1):
        people.append(without_wire(number, asked.seed, asked.out))
        if number % 10 == 0:
            print(f"{number} of {asked.people}, {time.process_time():.0f} s of CPU", file=sys.stderr, flush=True)
    report(people, asked.seed)
    if asked.chain != "0":
        first, last = map(int, asked.chain.split("-"))
        told = [over_wire(number, asked.seed, asked.out) for number in range(first, last + 1)]
        beside(people[first - 1 : last], told)


if __name__ == "__main__":
    main()
