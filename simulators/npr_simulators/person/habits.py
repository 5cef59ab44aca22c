"""How this person does a task: what each pool of each half is given, which is never quite the textbook."""

from collections.abc import Mapping

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person.bank import MUSCLES, Floats
from npr_simulators.person.case import Case
from npr_simulators.person.sizes import target_mv
from npr_simulators.person.streams import stream
from npr_simulators.person.tasks import CONTRALATERAL_SHARE, PRIME_MOVER, task_drive

COACTIVATION_SPREAD = 0.10
"""[A] SD of the logarithm of what a person gives a pool that is not the prime mover, task by task, half by half."""
ASYMMETRY_PERCENT: Mapping[Muscle, float] = {
    Muscle.FRONTALIS: 18.3,
    Muscle.ZYGOMATICUS: 26.3,
    Muscle.ORBICULARIS_ORIS: 20.3,
}
"""100 - smaller/larger of the RMS of healthy halves (clinical reference 7, W13, n = 154)."""
OTHER_ASYMMETRY_PERCENT = 20.0
"""[A] The same for muscles without a published value."""
PLACEMENT_SD = 0.06
"""SD of the log ratio of RMS between halves that electrodes and the luck of the draw add; measured on 40 banks."""


def task_share(case: Case, task: str, side: Side, *, seed: int) -> Floats:
    """Drive of each pool of one half at an effort of 1, shape (9,), 0 to 1: this person's version of `task`."""
    share = task_drive(task)
    if task not in PRIME_MOVER:
        return share
    spread = stream(seed, "co-activation", task, side).standard_normal(len(MUSCLES)).clip(-2.5, 2.5)
    own = np.exp(COACTIVATION_SPREAD * spread)
    own[MUSCLES.index(PRIME_MOVER[task])] = 1.0
    leads = Side.LEFT if stream(seed, "leading half", task).random() < 0.5 else Side.RIGHT
    follows = 1.0 if side is leads else CONTRALATERAL_SHARE[task]
    out: Floats = share * own * follows * strength_of_halves(case, seed=seed)[side]
    return out


def strength_of_halves(case: Case, *, seed: int) -> dict[Side, Floats]:
    """Factors of the drive of every pool on each half of a healthy face, shape (9,) (clinical reference 7, W13).

    `build.movement_difference_percent` is the mean difference of the frontalis between halves, in percent of the
    larger RMS; the other muscles keep the published proportion to it. RMS grows in proportion to drive, so what the
    motor units already differ by counts toward it; where they differ by more, the drive makes up for it: faces move
    more evenly than their nerves answer (W13 beside W16 and W27) [A]. The stronger half is that of the tables.
    """
    scale = case.build.movement_difference_percent / ASYMMETRY_PERCENT[Muscle.FRONTALIS]
    sizes = {side: target_mv(case.build, seed=seed, side=side) for side in Side}
    units_sd = -np.log(1 - case.build.side_difference_percent / 100) / 2
    log_ratio = np.zeros(len(MUSCLES))
    for pool, muscle in enumerate(FACIAL_MUSCLES):
        mean = min(0.6, scale * ASYMMETRY_PERCENT.get(muscle, OTHER_ASYMMETRY_PERCENT) / 100)
        whole_sd = np.sqrt(max(_log_sd(mean) ** 2 - PLACEMENT_SD**2, 0.0))
        units = np.log(sizes[Side.LEFT][muscle] / sizes[Side.RIGHT][muscle])
        kept = units * min(1.0, whole_sd / units_sd) if units_sd else units
        own_sd = np.sqrt(max(whole_sd**2 - units_sd**2, 0.0))
        own = own_sd * np.clip(stream(seed, "movement asymmetry", muscle).standard_normal(), -2.0, 2.0)
        log_ratio[pool] = kept - units + own
    return {Side.LEFT: np.exp(np.minimum(log_ratio, 0)), Side.RIGHT: np.exp(np.minimum(-log_ratio, 0))}


def _log_sd(mean_difference: float) -> float:
    """SD of the log ratio of two halves whose mean |difference| over the larger is `mean_difference`.

    Inverts mean(1 - exp(-|d|)), d ~ N(0, sd), to within 1 % up to a half.
    """
    return float(mean_difference * np.sqrt(np.pi / 2) * (1 + 0.95 * mean_difference))
