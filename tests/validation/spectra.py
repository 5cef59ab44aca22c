"""Print RMS, spectrum and fastest conduction of healthy muscles beside simulation reference 1.2 and 4.2; draw them.

    python tests/validation/spectra.py OUT [--people 8] [--seed 7]

OUT gets one PNG figure for each muscle: the spectrum at 80 % effort, and RMS against effort, simulated and expected.
The people have equal halves and do just what they are asked; blinks are off. RMS of the whole band at the electrodes,
without the front-end; median frequency of 15 to 1000 Hz; velocity of the fastest axon of the nasalis.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import Bank
from npr_simulators.person.case import Case
from npr_simulators.person.case_file import load_case
from npr_simulators.person.movements import Movement
from npr_simulators.person.tasks import PRIME_MOVER
from npr_simulators.person.voluntary import Voluntary

mpl.use("agg")
from matplotlib import pyplot as plt

RATE_HZ = 2e4
SECONDS = 5.0
EFFORTS = (0.2, 0.5, 0.8, 1.0)
TASK = {
    Muscle.FRONTALIS: "wrinkle_forehead",
    Muscle.ORBICULARIS_OCULI: "close_eyes_tightly",
    Muscle.NASALIS: "snarl",
    Muscle.ZYGOMATICUS: "smile_open",
    Muscle.ORBICULARIS_ORIS: "pucker",
    Muscle.DEPRESSOR_ANGULI_ORIS: "depress_lower_lip",
    Muscle.MENTALIS: "pucker",
    Muscle.PLATYSMA: "tense_platysma",
}
PROTOTYPE_RMS_UV = {
    Muscle.FRONTALIS: 44,
    Muscle.ORBICULARIS_OCULI: 51,
    Muscle.ZYGOMATICUS: 85,
    Muscle.ORBICULARIS_ORIS: 76,
    Muscle.NASALIS: 104,
    Muscle.DEPRESSOR_ANGULI_ORIS: 90,
}
PROTOTYPE_MEDIAN_HZ = {
    Muscle.FRONTALIS: (107, 5),
    Muscle.ORBICULARIS_OCULI: (118, 2),
    Muscle.ZYGOMATICUS: (93, 3),
    Muscle.ORBICULARIS_ORIS: (118, 3),
    Muscle.NASALIS: (129, 4),
    Muscle.DEPRESSOR_ANGULI_ORIS: (118, 5),
}
"""Simulation reference 4.2, measured on the prototype: RMS at full effort, median frequency at 80 % over eight seeds."""

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Held:
    """One task held at one effort by one person: the left half's eight channels, and what was expected of them."""

    wave_uv: Rows
    expected_uv: Rows


def obedient() -> Case:
    case = load_case("healthy")
    return case.model_copy(
        update={
            "behaviour": case.behaviour.model_copy(update={"blinks_per_minute": 0.0}),
            "build": case.build.model_copy(
                update={"side_difference_percent": 0.001, "movement_difference_percent": 0.0, "electrode_error_mm": 0.0}
            ),
        }
    )


def hold(face: Voluntary, task: str, effort: float, number: int) -> Held:
    movement = Movement(number, 0, RATE_HZ, task, task, effort, 200.0, 120.0, 1e3 * SECONDS, 160.0, number)
    face.cue(movement)
    begin = round(movement.plateau_ms[0] * RATE_HZ / 1e3)
    wave = face.rows(number, begin, round(SECONDS * RATE_HZ), RATE_HZ)[: len(FACIAL_MUSCLES)]
    channels = face.expected(movement)["channels"]
    return Held(wave.astype(float), np.array([channels[f"left.{m}"]["app"]["rms_uv"] for m in FACIAL_MUSCLES]))


def spectrum(wave_uv: Rows) -> tuple[Rows, Rows]:
    hz, power = signal.welch(wave_uv, RATE_HZ, nperseg=8192)
    return hz, power


def median_hz(wave_uv: Rows) -> float:
    hz, power = spectrum(wave_uv)
    band = (hz >= 15) & (hz <= 1000)
    grown = np.cumsum(power[band])
    return float(hz[band][np.searchsorted(grown, grown[-1] / 2)])


def fastest_m_s(bank: Bank, muscle: Muscle) -> float:
    return float(bank.velocity_m_s[bank.of(muscle)].max())


def draw(muscle: Muscle, people: list[dict[tuple[str, float], Held]], folder: Path) -> None:
    row, task = FACIAL_MUSCLES.index(muscle), TASK[muscle]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    powers = []
    for person in people:
        hz, power = spectrum(person[task, 0.8].wave_uv[row])
        shown = (hz >= 10) & (hz <= 2000)
        powers.append(power / power[(hz >= 15) & (hz <= 1000)].sum() / hz[1])
        left.loglog(hz[shown], powers[-1][shown], color="0.75", lw=0.6)
    left.loglog(hz[shown], np.mean(powers, axis=0)[shown], color="C0", lw=1.6, label=f"mean of {len(people)} people")
    middle = np.median([median_hz(p[task, 0.8].wave_uv[row]) for p in people])
    left.axvline(middle, color="C3", lw=1, label=f"median frequency {middle:.0f} Hz")
    left.set(xlim=(10, 2000), ylim=(1e-7, 3e-2), xlabel="frequency (Hz)", ylabel="share of power (1/Hz)")
    left.set_title(f"{muscle.replace('_', ' ')}: {task.replace('_', ' ')}, 80 %", fontsize=10)
    left.legend(fontsize=8)
    for k, effort in enumerate(EFFORTS):
        simulated = [p[task, effort].wave_uv[row].std() for p in people]
        right.plot([100 * effort] * len(people), simulated, "o", ms=3, color="C0", label="simulated" if not k else None)
    expected = [np.mean([p[task, e].expected_uv[row] for p in people]) for e in EFFORTS]
    right.plot(100 * np.array(EFFORTS), expected, color="C3", lw=1, label="expected, mean")
    right.set(xlim=(0, 105), ylim=(0, None), xlabel="effort (%)", ylabel="RMS (µV)")
    right.legend(fontsize=8)
    figure.savefig(folder / f"{muscle}.png", dpi=80, metadata={"Software": None})
    plt.close(figure)


def beside(value: float | tuple[float, float] | None) -> str:
    if value is None:
        return "-"
    return f"{value}" if isinstance(value, int) else f"{value[0]} ± {value[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    case = obedient()
    people: list[dict[tuple[str, float], Held]] = []
    fastest, resting, errors = [], [], []
    tasks = sorted(set(TASK.values()))
    assert all(PRIME_MOVER[task] in TASK for task in tasks)
    for seed in range(asked.seed, asked.seed + asked.people):
        bank = healthy_bank(case, seed=seed, side=Side.LEFT, lesion_side=Side.RIGHT)
        face = Voluntary({Side.LEFT: bank}, case, central={}, tonic={}, seed=seed)
        wanted = [(task, effort) for task in tasks for effort in EFFORTS]
        person = {key: hold(face, *key, number) for number, key in enumerate(wanted, start=1)}
        people.append(person)
        resting.append(face.rows(99, 0, round(SECONDS * RATE_HZ), RATE_HZ)[: len(FACIAL_MUSCLES)].std(axis=1))
        fastest.append(fastest_m_s(bank, Muscle.NASALIS))
        for held in person.values():
            strong = held.expected_uv > 3
            errors.extend(held.wave_uv.std(axis=1)[strong] / held.expected_uv[strong] - 1)
    print("muscle                 task                rest   20 %   50 %   80 %  100 %  proto-  median Hz   prototype")
    print("                                             uV rms (mean of people)          type   mean ± SD")
    for row, muscle in enumerate(FACIAL_MUSCLES):
        task = TASK[muscle]
        rms = [np.mean([p[task, e].wave_uv[row].std() for p in people]) for e in EFFORTS]
        medians = [median_hz(p[task, 0.8].wave_uv[row]) for p in people]
        cells = "".join(f"{value:7.1f}" for value in (np.mean(resting, axis=0)[row], *rms))
        print(
            f"{muscle:22s} {task:18s}{cells} {beside(PROTOTYPE_RMS_UV.get(muscle)):>6s}"
            f"  {np.mean(medians):4.0f} ± {np.std(medians):3.1f}  {beside(PROTOTYPE_MEDIAN_HZ.get(muscle)):>8s}"
        )
        draw(muscle, people, asked.out)
    error = 100 * np.array(errors)
    print(
        f"simulated over expected RMS, {len(error)} plateaus of {SECONDS:g} s above 3 uV: "
        f"mean {error.mean():+.1f} %, SD {error.std():.1f} %, worst {np.abs(error).max():.1f} %"
    )
    print(f"fastest axon of the nasalis: {np.mean(fastest):.1f} ± {np.std(fastest):.1f} m/s (59.6 ± 4.5 published, W3)")
    print(f"figures: {asked.out}")


if __name__ == "__main__":
    main()
