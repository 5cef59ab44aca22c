"""People drawn at random with the spread of published groups: healthy ones, and Bell's palsy a year later."""

from typing import Literal, get_args

import numpy as np

from npr_daq.anatomy import Muscle
from npr_daq.errors import UsageError
from npr_daq.quoting import quoted
from npr_simulators.person.case import (
    BRANCHES,
    Behaviour,
    Blink,
    Build,
    ByBranch,
    Case,
    Central,
    Intake,
    Lesion,
    Skin,
)
from npr_simulators.person.streams import stream

Group = Literal["healthy", "synkinetic"]
GROUPS: tuple[Group, ...] = get_args(Group)
MOST = 9999
"""People of one cohort, so that names have four digits."""

HEAD_SD = 0.06
"""Of head size about 1 (simulation reference 1.2, assumption there)."""
SKIN_C = (34.0, 0.7)
FAT_SD_MM = 1.8
DEPTH_SD_MM = 0.8
"""Fat and depth, assumptions: together with the head they spread the thresholds by about 20 %, as W10 has it."""
AMPLITUDE = (1.06, 0.09)
"""Median, and SD of the logarithm, over all muscles of a person. Calibrated: with what `sizes`, sides and electrodes
add, 95 % of the nasalis responses are above 2 mV (W7)."""
NASALIS_UNITS = (75.0, 15.6)
USUAL_NASALIS_UNITS = 80.0
"""Dilator naris, n = 26 (W28, Patel-Khurana and Fregosi 2015); the retest error of the counts is part of that SD."""
SIDE_PERCENT = (62.0, 2.0)
"""Of response size: mean and SD. Calibrated: with the electrodes' error the mean of (larger - smaller) / larger becomes
29 %, which both W27 (22.8 %, n = 20) and W16 (32.5 %, n = 20) allow."""
MOVEMENT_PERCENT = (16.5, 0.45)
"""Of movement: median, and SD of the logarithm, so that the mean is the 18.3 % of the frontalis in W13."""
ELECTRODE_SD_MM = 1.5
"""Of each electrode, from visit to visit. Assumption: a response then changes by some 7 %, the orbicularis oculi by
twice that. The test error of W17 (17.8 to 22.9 %) would need about 4 mm; the eye would then scatter too far."""
LATENCY_SD_MS = 0.28
"""Where a nerve enters its muscle; with head and temperature it makes the SDs of W1 to W3 (0.28 to 0.40 ms)."""
CROSSTALK_SD = 0.25
"""Of the logarithm of the cross-talk. Assumption: no facial matrix was found (simulation reference 1.4)."""

BLINK_SHARES = (0.89, 0.88, 0.69)
"""People with R1, R2 and R2c at the usual current (W11). Who has R2c has R2. Assumption."""
R1_LATER_SD, R2_LATER_SD, R2C_APART_SD = 0.65, 3.3, 2.1
"""Between people, ms: of the arc beside the nerve's own, and of R2c beside R2. Calibrated to the SDs of W11."""

MISDIRECTION_SD = 0.14
SYNKINETIC_SHARE = 0.09
"""Misdirected among the living axons from which a face is called synkinetic; assumption (open question 6)."""
LOSS = (0.45, 1.15)
BRANCH_LOSS_SD = 0.85
"""Degeneration as logits: mean and SD between patients, SD between the branches of one patient. Assumptions: about
half of the patients keep less than 40 % of the response, as in Celik 2000; branches correlate at about 0.6
(nasalis with orbicularis oculi 0.56 to 0.69, clinical reference 3.2)."""


def random_person(number: int, *, seed: int, group: str = "healthy") -> Case:
    """Person `number` (1 and up) of the cohort `seed`; the same whoever else is drawn, and in whatever order.

    The healthy part of a person is the same in every group: `synkinetic` puts a palsy of a year ago on it. Units,
    electrodes and noise are drawn later from the seed of the simulator; give each person one of their own.
    Raises UsageError for a number, seed or group that does not exist.
    """
    if not 1 <= number <= MOST:
        raise UsageError(f"person {number} is not in a cohort; numbers go from 1 to {MOST}")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative; give 0 or more")
    if group not in GROUPS:
        raise UsageError(f"no population is called {quoted(group)}; there are {', '.join(GROUPS)}")
    case = _healthy(number, seed)
    return case if group == "healthy" else _synkinetic(case, number, seed)


def misdirected_share(lesion: Lesion) -> float:
    """Misdirected axons among the living ones, mean over the branches, 0 to 1; what makes a face synkinetic."""
    lost, back = np.array(lesion.degeneration.values()), np.array(lesion.regrown.values())
    grown = lost * back
    return float((grown * lesion.misdirection / np.maximum(1 - lost + grown, 1e-9)).mean())


def _healthy(number: int, seed: int) -> Case:
    return Case(
        version=2,
        name=f"healthy_{number:04d}",
        teaches="One of a healthy population: how far apart healthy faces are.",
        expect="Every branch answers with a plateau; values within the published limits of healthy people.",
        cell="ratio_buccal",
        intake=_volunteer(number, seed),
        build=_build(number, seed),
        behaviour=_behaviour(number, seed),
        blink=_blink(number, seed),
        skin=_skin(number, seed),
    )


def _volunteer(number: int, seed: int) -> Intake:
    rng = stream(seed, "population", "intake", number)
    return Intake(
        age_years=int(rng.integers(18, 79)),
        sex="female" if rng.random() < 0.5 else "male",
        affected="none",
        cause="none, healthy volunteer",
        house_brackmann=1,
        sunnybrook=100,
        skin_temperature_c=round(float(np.clip(rng.normal(*SKIN_C), 31.5, 36.5)), 1),
    )


def _build(number: int, seed: int) -> Build:
    # one stream for each value: a later value never shifts the earlier ones
    def deviate(name: str, most: float = 2.7) -> float:
        return float(np.clip(stream(seed, "population", name, number).normal(), -most, most))

    return Build(
        head_size=round(1 + HEAD_SD * deviate("head"), 4),
        fat_mm=round(max(FAT_SD_MM * deviate("fat"), -3.0), 2),
        amplitude=round(AMPLITUDE[0] * float(np.exp(AMPLITUDE[1] * deviate("amplitude"))), 4),
        motor_units=round((NASALIS_UNITS[0] + NASALIS_UNITS[1] * deviate("units")) / USUAL_NASALIS_UNITS, 4),
        trunk_depth_mm=round(16 + DEPTH_SD_MM * deviate("depth"), 2),
        side_difference_percent=round(min(SIDE_PERCENT[0] + SIDE_PERCENT[1] * deviate("side"), 70.0), 2),
        movement_difference_percent=round(
            min(MOVEMENT_PERCENT[0] * float(np.exp(MOVEMENT_PERCENT[1] * deviate("movement"))), 60.0), 2
        ),
        crosstalk=round(float(np.exp(CROSSTALK_SD * deviate("crosstalk"))), 3),
        electrode_error_mm=ELECTRODE_SD_MM,
        crossed_supply=round(0.03 * float(np.exp(0.4 * deviate("crossed"))), 4),
        latency_error_ms=LATENCY_SD_MS,
    )


def _blink(number: int, seed: int) -> Blink:
    """The arc of the blink reflex: who has which response, and when."""

    def deviate(name: str) -> float:
        return float(np.clip(stream(seed, "population", name, number).normal(), -2.7, 2.7))

    early, late = stream(seed, "population", "blink", number).random(2)
    r2_later_ms = R2_LATER_SD * deviate("r2")
    return Blink(
        r1=float(early < BLINK_SHARES[0]),
        r2=float(late < BLINK_SHARES[1]),
        r2c=float(late < BLINK_SHARES[2]),
        r1_later_ms=round(R1_LATER_SD * deviate("r1"), 3),
        r2_later_ms=round(r2_later_ms, 3),
        r2c_later_ms=round(r2_later_ms + R2C_APART_SD * deviate("r2c"), 3),
    )


def _behaviour(number: int, seed: int) -> Behaviour:
    """How people differ in following instructions; all assumptions."""
    rng = stream(seed, "population", "behaviour", number)
    return Behaviour(
        effort=round(float(rng.uniform(0.75, 1.0)), 3),
        effort_spread=round(float(rng.uniform(0.04, 0.15)), 3),
        sloppiness=round(float(rng.beta(2, 8)), 3),
        wrong_task=round(float(rng.beta(1, 40)), 3),
        blinks_per_minute=round(float(np.clip(rng.normal(16, 5), 4, 40)), 1),
        tolerance=round(float(np.exp(rng.normal(0.6, 0.3))), 3),
    )


def _skin(number: int, seed: int) -> Skin:
    rng = stream(seed, "population", "skin", number)
    return Skin(
        noise_uv=round(float(np.exp(rng.normal(np.log(1.7), 0.2))), 3),
        imbalance_kohm=round(float(np.exp(rng.normal(0, 0.4))), 3),
        ecg_uv=round(float(np.exp(rng.normal(np.log(4.0), 0.3))), 2),
        eog_uv=round(float(np.exp(rng.normal(np.log(60.0), 0.3))), 1),
    )


def _synkinetic(case: Case, number: int, seed: int) -> Case:
    lesion = _year_after(number, seed)
    rng = stream(seed, "population", "after", number)
    loss = float(np.mean(lesion.degeneration.values()))
    shown = misdirected_share(lesion) >= SYNKINETIC_SHARE
    return Case(
        version=2,
        name=f"synkinetic_{number:04d}",
        teaches=f"One of a population a year and more after Bell's palsy; {100 * loss:.0f} % of the axons had died.",
        expect="Muscles that follow others, R1 outside the eye." if shown else "No synkinesis, or hardly any.",
        cell="r1_spread" if shown else "ratio_buccal",
        intake=case.intake.model_copy(
            update={
                "affected": "lesion",
                "cause": "Bell's palsy",
                "days_since_onset": int(rng.integers(365, 1500)),
                "house_brackmann": int(np.clip(round(1 + 2.6 * loss + rng.normal(0, 0.4)), 1, 4)),
                "sunnybrook": int(np.clip(round(100 - 60 * loss + rng.normal(0, 6)), 20, 100)),
            }
        ),
        build=case.build,
        lesion=lesion,
        central=_central(loss, rng),
        behaviour=case.behaviour,
        blink=case.blink,
        skin=case.skin,
    )


def _year_after(number: int, seed: int) -> Lesion:
    """misdirection = 0.5 degeneration^2 + noise (simulation reference 3.4); the rest are assumptions."""
    rng = stream(seed, "population", "lesion", number)
    logits = rng.normal(*LOSS) + rng.normal(0, BRANCH_LOSS_SD, len(BRANCHES))
    lost = 0.98 / (1 + np.exp(-logits))
    misdirection = float(np.clip(0.5 * lost.mean() ** 2 + rng.normal(0, MISDIRECTION_SD), 0, 0.8))
    back = np.clip(rng.normal(0.75, 0.1), 0.4, 0.95)
    return Lesion(
        degeneration=_by_branch(lost),
        regrown=_by_branch(np.full(len(BRANCHES), back)),
        misdirection=round(misdirection, 4),
        bifurcation=round(misdirection * float(rng.uniform(0.2, 0.5)), 4),
        ephapse=round(misdirection * float(rng.uniform(0.0, 0.1)), 4),
        prefer="oculo_oral",
        sprouting=round(float(rng.uniform(0.4, 0.8)), 3),
        tonic=round(float(np.clip(0.10 * (lost.mean() - 0.4) + rng.normal(0, 0.02), 0, 0.12)), 4),
        reflex_gain=round(1 + float(rng.uniform(0.2, 1.2)) * float(lost.mean()), 3),
    )


def _central(loss: float, rng: np.random.Generator) -> tuple[Central, ...]:
    pairs = (
        (Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS),
        (Muscle.ORBICULARIS_ORIS, Muscle.ORBICULARIS_OCULI),
        (Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_OCULI),
    )
    gains = np.clip(0.10 * loss + rng.normal(0, 0.05, len(pairs)), 0, 0.5)
    return tuple(
        Central(source=source, target=target, gain=round(float(gain), 3), lag_ms=round(float(rng.uniform(5, 40)), 1))
        for (source, target), gain in zip(pairs, gains, strict=True)
        if gain >= 0.01
    )


def _by_branch(shares: np.ndarray) -> ByBranch:
    return ByBranch(**{str(b): round(float(share), 4) for b, share in zip(BRANCHES, shares, strict=True)})
