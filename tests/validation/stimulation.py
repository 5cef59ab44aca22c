"""Print what the simulated person answers to shocks beside what was published or measured on the prototype.

    python tests/validation/stimulation.py [--seed 7] [--people 8]

Sections: recruitment with current, strength-duration, misplacement and polarity, masseter, thresholds by site (clinical
reference 7, W10), F waves (W9), blink reflex (simulation reference 4.3), repeatability, the separation table of
simulation reference 3.4, and the course of the patient `bell_course` by day. All figures are noise-free and come from
the motor-unit sum, without the front-end.
"""

import argparse

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import MUSCLES, ORIGINS, REGENERATED, Bank, Spikes
from npr_simulators.person.case import ByBranch, Case, Central, Lesion
from npr_simulators.person.case_file import load_case
from npr_simulators.person.course import central_now, effective
from npr_simulators.person.excitation import supplied, threshold_ma
from npr_simulators.person.lesions import lesioned
from npr_simulators.person.misrouting import misrouted_share, misrouting
from npr_simulators.person.movements import Movement
from npr_simulators.person.onsets import RATE_KHZ, SAMPLES, START_MS, course, sizes
from npr_simulators.person.shocked import plateau, shocked
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.superposition import superpose
from npr_simulators.person.voluntary import Voluntary

CHANNEL = {muscle: k for k, muscle in enumerate(FACIAL_MUSCLES)}
NASALIS, EYE, LIPS, DAO = (
    Muscle.NASALIS,
    Muscle.ORBICULARIS_OCULI,
    Muscle.ORBICULARIS_ORIS,
    Muscle.DEPRESSOR_ANGULI_ORIS,
)
BOTH = tuple(Side)


def only(spikes, *origins):
    keep = np.isin(spikes.origin, [ORIGINS.index(name) for name in origins])
    return Spikes(spikes.row[keep], spikes.time_ms[keep], spikes.origin[keep])


def answer(banks, case: Case, shock: Shock, seed: int, side: Side = Side.LEFT):
    return shocked(banks, case, side, shock, seed=seed)[side]


def fired(bank: Bank, spikes: Spikes, muscle: Muscle) -> float:
    rows = spikes.row[spikes.origin == 0]
    index = MUSCLES.index(muscle)
    return np.count_nonzero((bank.target[rows] == index) & ~bank.crossed[rows]) / bank.healthy_units[index]


def own_nasalis(bank: Bank, spikes: Spikes):
    return superpose(bank, only(spikes, "direct")).own(START_MS, SAMPLES, RATE_KHZ)[CHANNEL[NASALIS]][None]


def half_current(bank, case, width_us, **held) -> float:
    """Median threshold of the nasalis, mA."""
    shock = Shock(held.pop("site", Site.TRUNK), 1.0, width_us, 0, **held)
    return float(np.median(threshold_ma(bank, case, shock)[bank.of(NASALIS)]))


def recruitment(banks, case, seed) -> None:
    print("recruitment, trunk, 0.2 ms (prototype: 5 mA 1 %, 3.58 ms; 8 28 %, 3.30; 9 44 %; 12 82 %, 3.22; 16 97 %;")
    print("             20 100 %, 3.14; 30 3.07; 50 3.01)")
    bank = banks[Side.LEFT]
    for current in (5, 8, 9, 12, 16, 20, 30, 50):
        spikes = answer(banks, case, Shock(Site.TRUNK, current, 200.0, current), seed)
        wave = own_nasalis(bank, spikes)
        print(
            f"  {current:3d} mA  nasalis {fired(bank, spikes, NASALIS):5.0%}  {sizes(wave).neg_uv[0]:6.0f} uV  "
            f"onset {course(wave).theta_ms[0]:.2f} ms  masseter {fired(bank, spikes, Muscle.MASSETER):4.0%}"
        )
    widths = {w: round(half_current(bank, case, w), 1) for w in (50, 100, 200, 300, 500, 1000)}
    print(f"half of the nasalis, mA by width in us: {widths}  (prototype 25.6 14.8 9.3 7.4 5.9 4.9)")
    offsets = {o: round(half_current(bank, case, 200, offset_mm=o), 1) for o in (0, 10, 15, 20)}
    print(f"  by misplacement in mm: {offsets}  (prototype 9.3 12.0 15.4 20.1)")
    print(
        f"  anode first {half_current(bank, case, 200, anode_first=True):.1f} (27.9), "
        f"buccal site {half_current(bank, case, 200, site=Site.BUCCAL):.1f} (4.1 at 8 mm; ours lies at 13.4 mm)"
    )
    for ahead, currents in ((0, (35, 40, 50)), (25, (10, 13, 20))):
        shares = [
            fired(bank, answer(banks, case, Shock(Site.TRUNK, i, 200.0, i, anterior_mm=ahead), seed), Muscle.MASSETER)
            for i in currents
        ]
        print(f"masseter, cathode {ahead} mm forward, {currents} mA: {[f'{s:.0%}' for s in shares]}")
    print("  (prototype 3 % 12 % 57 %; 16 % 63 % 95 %)")
    peaks = [
        sizes(own_nasalis(bank, answer(banks, case, Shock(Site.TRUNK, 35.0, 200.0, n), seed))).neg_uv[0]
        for n in range(30)
    ]
    print(f"repeatability at 35 mA: CV {100 * np.std(peaks) / np.mean(peaks):.2f} % (prototype 0.31 %)")


def just_seen_ma(bank, case, site) -> float:
    """Current at which five units of one muscle fire: a contraction that is just seen [A]."""
    thresholds = threshold_ma(bank, case, Shock(site, 1.0, 200.0, 0))
    return min(float(np.sort(thresholds[bank.of(m)])[4]) for m in FACIAL_MUSCLES)


def thresholds(people) -> None:
    published = dict(
        zip((s for s in Site if s is not Site.SUPRAORBITAL), (1.82, 1.38, 1.32, 1.50, 1.21, 1.33), strict=True)
    )
    found = {site: np.array([just_seen_ma(b[half], c, site) for b, c in people for half in b]) for site in published}
    print("threshold over the trunk's (W10, Park and Paik 1982)")
    for site, value in published.items():
        ratio = found[site] / found[Site.TRUNK]
        print(
            f"  {site:20s} {ratio.mean():.3f} +- {ratio.std():.3f}   published {value / 1.82:.3f}   "
            f"{found[site].mean():.2f} mA at 0.2 ms"
        )


def late_responses(people) -> None:
    f_first, f_spread, seen, shocks = [], [], 0, 0
    r1, r1_seen, r2, r2_other = [], [], [], []
    for (banks, case), seed in zip(people, range(100, 200), strict=False):
        bank = banks[Side.LEFT]
        latencies = []
        for n in range(20):
            spikes = only(answer(banks, case, Shock(Site.TRUNK, 35.0, 200.0, n), seed), "f_wave")
            times = spikes.time_ms[bank.target[spikes.row] == MUSCLES.index(DAO)]
            shocks += 1
            if times.size:
                seen += 1
                latencies.append(times.min())
        f_first.append(min(latencies))
        f_spread.append(max(latencies) - min(latencies))
        for n in range(8):
            both = shocked(banks, case, Side.LEFT, Shock(Site.SUPRAORBITAL, 15.0, 200.0, n), seed=seed)
            early = only(both[Side.LEFT], "r1")
            r1.append(early.time_ms.min())
            wave = superpose(bank, early).rendered(0, 800, 20.0)[CHANNEL[EYE]]
            r1_seen.append(np.argmax(np.abs(wave) > 10) / 20)
            r2.append(only(both[Side.LEFT], "r2").time_ms.min())
            r2_other.append(only(both[Side.RIGHT], "r2").time_ms.min())
    print(
        f"F wave, DAO: first {np.mean(f_first):.2f} +- {np.std(f_first):.2f} ms (W9 8.97 +- 0.53), chronodispersion "
        f"{np.mean(f_spread):.2f} (0.80 +- 0.31), in {seen / shocks:.0%} of shocks"
    )
    print(
        f"R1 {np.mean(r1):.2f} +- {np.std(r1):.2f} ms at the first endplate, {np.mean(r1_seen):.2f} +- "
        f"{np.std(r1_seen):.2f} above 10 uV at the skin (10.0 to 10.3); R2 {np.mean(r2):.1f} ms here, "
        f"{np.mean(r2_other):.1f} on the other side (29 to 30), at the first endplate"
    )


MECHANISMS = {
    "none": {},
    "misdirection .40": {"misdirection": 0.40, "prefer": "oculo_oral"},
    "bifurcation .30": {"bifurcation": 0.30, "prefer": "oculo_oral"},
    "ephapse .03": {"ephapse": 0.03},
    "central .25": {},
}
CLOSING = Movement(1, 0, 2e4, "close_eyes_tightly", "close_eyes_tightly", 0.6, 300.0, 120.0, 3000.0, 160.0, 1)
CENTRAL = Central(source=EYE, target=LIPS, gain=0.25)


def share(value: float) -> ByBranch:
    return ByBranch(**dict.fromkeys(ByBranch.model_fields, value))


def separation(banks, case, seed) -> None:
    print("separation, 80 % degenerated, 75 % of it regrown (prototype lateral uV: 0, 132 @ 8.8, 252 @ 8.2, 0;")
    print(
        "            R1 eye / lips: 163/123, 317/51, 440/2, 293/2; 60 % closure, eye / lips: 23/28, 31/9, 30/3, 30/16)"
    )
    for name, change in MECHANISMS.items():
        lesion = Lesion(degeneration=share(0.8), regrown=share(0.75), **change)
        ill = case.model_copy(update={"lesion": lesion, "central": (CENTRAL,) if "central" in name else ()})
        bank = lesioned(banks[Side.LEFT], lesion, seed=seed)
        halves = {**banks, Side.LEFT: bank}
        lateral = answer(halves, ill, Shock(Site.ZYGOMATIC, 12.0, 200.0, 1), seed)
        blinks = [answer(halves, ill, Shock(Site.SUPRAORBITAL, 12.0, 200.0, n), seed) for n in range(8)]
        side = superpose(bank, only(lateral, "axon_reflex", "ephaptic")).rendered(0, 800, 20)[CHANNEL[LIPS]]
        over = np.abs(side) > 10
        when = f"@ {np.argmax(over) / 20:4.1f} ms" if over.any() else " " * 9
        r1 = np.mean([np.ptp(superpose(bank, only(b, "r1")).rendered(0, 800, 20), axis=1) for b in blinks], axis=0)
        matrix = misrouting(bank)
        face = Voluntary(
            halves,
            ill,
            central={Side.LEFT: ill.central},
            tonic=dict.fromkeys(BOTH, 0.0),
            seed=seed,
        )
        closing = face.expected(CLOSING)["channels"]
        eye_rms, lips_rms = (closing[f"left.{m}"]["app"]["rms_uv"] for m in (EYE, LIPS))
        print(
            f"  {name:17s} lateral {np.ptp(side):4.0f} uV {when}  R1 eye {r1[CHANNEL[EYE]]:4.0f} "
            f"lips {r1[CHANNEL[LIPS]]:4.0f} uV  closure eye {eye_rms:4.1f} lips {lips_rms:4.1f} uV rms  W[eye, lips] "
            f"{matrix[MUSCLES.index(EYE), MUSCLES.index(LIPS)]:.2f}"
        )


def clock(seed) -> None:
    case = load_case("bell_course")
    healthy = healthy_bank(case, seed=seed, side=Side.LEFT, lesion_side=Side.LEFT)
    row = CHANNEL[NASALIS]

    def peak_to_peak(bank: Bank) -> float:
        return float(np.ptp(superpose(bank, plateau(bank, case, Site.TRUNK)).own(0.0, 800, 20.0)[row]))

    before = peak_to_peak(healthy)
    print("bell_course by day: axons that answer a shock, that obey the brain, that grew back; nasalis over before;")
    print("                    wrong share in the lips; tone; what the brain sends from eye to mouth")
    for day in (0, 1, 2, 3, 5, 7, 10, 30, 90, 150, 180, 240, 365, 730):
        then = case.at(day)
        lesion = effective(then, then.lesion)
        bank = lesioned(healthy, lesion, seed=seed)
        nerve = supplied(bank, Site.TRUNK) & ~bank.second
        wrong = misrouted_share(bank)[MUSCLES.index(LIPS)]
        print(
            f"  day {day:3d}  {bank.alive[nerve].mean():4.0%}  {(bank.alive & ~bank.blocked)[nerve].mean():4.0%}  "
            f"{(bank.state == REGENERATED)[nerve].mean():4.0%}   {peak_to_peak(bank) / before:4.0%}   {wrong:4.0%}   "
            f"{lesion.tonic:.3f}  {central_now(then)[0].gain:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--people", type=int, default=8)
    asked = parser.parse_args()
    case = load_case("healthy")
    seeds = [asked.seed, *range(100, 99 + asked.people)]
    people = [
        ({side: healthy_bank(case, seed=s, side=side, lesion_side=Side.LEFT) for side in BOTH}, case) for s in seeds
    ]
    banks = people[0][0]
    recruitment(banks, case, asked.seed)
    thresholds(people)
    late_responses(people)
    separation(banks, case, asked.seed)
    clock(asked.seed)


if __name__ == "__main__":
    main()
