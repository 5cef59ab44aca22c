"""The random population by itself: latencies, sizes and sides of full recruitment, without wire, noise or analysis.

python tests/validation/generator.py --people 1-40 [--seed 1]: about 2 CPU-seconds for each person. The same rows through
the whole chain are another matter; here is only what the generator puts in.
"""

import argparse

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person import onsets, reference_onset
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.population import USUAL_NASALIS_UNITS, random_person
from npr_simulators.person.shocked import plateau
from npr_simulators.person.sites import Site
from npr_simulators.person.superposition import superpose

LATENCIES = (
    ("W1", Muscle.ORBICULARIS_ORIS, 2.97, 0.35),
    ("W2", Muscle.ORBICULARIS_OCULI, 2.70, 0.28),
    ("W3", Muscle.NASALIS, 3.15, 0.40),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", default="1-20", help="first-last")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    first, last = map(int, asked.people.split("-"))
    onset, size, units = [], [], []
    for number in range(first, last + 1):
        case = random_person(number, seed=asked.seed)
        units.append(USUAL_NASALIS_UNITS * case.build.motor_units)
        halves = []
        for side in Side:
            bank = healthy_bank(case, seed=1000 + number, side=side, lesion_side=Side.LEFT)
            wave = superpose(bank, plateau(bank, case, Site.TRUNK))
            halves.append(wave.rendered(onsets.START_MS, onsets.SAMPLES, onsets.RATE_KHZ)[: len(FACIAL_MUSCLES)])
        waves = np.concatenate(halves)
        low = reference_onset.low_passed(waves, rate_khz=onsets.RATE_KHZ)
        found = reference_onset.reference_onsets(
            -low, onsets.first_phase(-low), start_ms=onsets.START_MS, rate_khz=onsets.RATE_KHZ
        )
        onset.append(found.reshape(2, -1))
        size.append(onsets.sizes(waves).pp_uv.reshape(2, -1))
    t_ref, pp = np.array(onset), np.array(size) / 1e3
    for row, muscle, mean, sd in LATENCIES:
        values = t_ref[:, :, FACIAL_MUSCLES.index(muscle)].ravel()
        print(f"{row} {muscle}: t_ref {values.mean():.3f}, SD {values.std(ddof=1):.3f} ms; published {mean}, {sd}")
    nasalis = pp[:, :, FACIAL_MUSCLES.index(Muscle.NASALIS)]
    print(f"W7 nasalis above 2 mV: {100 * (nasalis > 2).mean():.1f} %, median {np.median(nasalis):.2f} mV")
    for name, some in (("nasalis", nasalis[..., None]), ("all eight", pp)):
        part = 100 * (1 - some.min(axis=1) / some.max(axis=1))
        print(
            f"W16/W27 side difference, {name}: mean {part.mean():.1f}, SD {part.std():.1f}, largest {part.max():.0f} %"
        )
    print(f"W28 nasalis units: {np.mean(units):.1f}, SD {np.std(units, ddof=1):.1f}; published 75, 15.6")


if __name__ == "__main__":
    main()
