"""The rows of the Synkinetic Correlation Test: every task with every muscle that should be silent in it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis.coherence import BANDS_HZ
from npr_daq.analysis.expressions import Examination
from npr_daq.analysis.synkinesis import OCULAR_ORAL, ORAL_OCULAR, Flaw, Verdict
from npr_daq.analysis.verdict import LEAST_REPETITIONS
from npr_daq.anatomy import Muscle
from npr_daq.expression import PRIME_MOVER, Task
from npr_daq.findings.continuous import Continuous
from npr_daq.findings.intervals import ends
from npr_daq.findings.placed import finite
from npr_daq.findings.synkinesis_rows import Counted, Sides, SynkinesisRow

Floats = NDArray[np.float64]
Pair = tuple[Task, Muscle]

CUTOFFS: Mapping[Pair, float] = MappingProxyType(
    {
        (Task.CLOSE_EYES_TIGHTLY, Muscle.ORBICULARIS_ORIS): OCULAR_ORAL,
        (Task.CLOSE_EYES_TIGHTLY, Muscle.ZYGOMATICUS): OCULAR_ORAL,
        (Task.PUCKER, Muscle.ORBICULARIS_OCULI): ORAL_OCULAR,
        (Task.SMILE_OPEN, Muscle.ORBICULARIS_OCULI): ORAL_OCULAR,
    }
)
"""The declared pairs, task and slave, with their published cut-offs (interface). The index is over this list."""

MIDDLE_BAND = BANDS_HZ.index((15.0, 30.0))


def pairs_of(tasks: Sequence[Task], laid: Continuous) -> list[Pair]:
    """Tasks and slaves in the order of the rows: every muscle recorded on a side, and those of a declared pair."""
    known = [m for m in laid.muscles if len(laid.lacking(m)) < 2]
    return [
        (task, muscle)
        for task in tasks
        for muscle in laid.muscles
        if muscle is not PRIME_MOVER[task] and (muscle in known or (task, muscle) in CUTOFFS)
    ]


def refused(pair: Pair, made: int, why: Sequence[str]) -> SynkinesisRow:
    """A pair without any number, and the reason."""
    task, muscle = pair
    none = Sides()
    return SynkinesisRow(
        task=str(task),
        master=str(PRIME_MOVER[task]),
        slave=str(muscle),
        declared=pair in CUTOFFS,
        cutoff=CUTOFFS.get(pair),
        q=None,
        q_ci95=None,
        q_bca_ci95=None,
        q_censored=False,
        normalised_q=None,
        normalised_q_ci95=None,
        gain=none,
        gain_ratio=None,
        gain_ratio_ci95=None,
        correlation=none,
        peak_correlation=none,
        lag_ms=none,
        slope=none,
        duration_ratio=none,
        overlap=none,
        onset_difference_ms=none,
        coherence=none,
        coherence_limit=None,
        cocontraction=none,
        coefficient=none,
        affected_uv=None,
        healthy_uv=None,
        difference_db=None,
        master_uv=none,
        crosstalk=None,
        crosstalk_healthy=None,
        crosstalk_coefficient=None,
        significant=None,
        repetitions=Counted(0, made),
        verdict=str(Verdict.REFUSED),
        reasons=tuple(why),
    )


def unrecorded(pair: Pair, laid: Continuous) -> list[str]:
    """Which muscle of a pair is not recorded on which side, in words; empty where both are on both."""
    said = []
    for muscle in (PRIME_MOVER[pair[0]], pair[1]):
        sides = laid.lacking(muscle)
        words = str(muscle).replace("_", " ")
        if len(sides) == 2:
            said.append(f"{words} is not recorded")
        elif sides:
            said.append(f"{words} is not recorded on the {sides[0]} side")
    return said


def measured(
    pair: Pair, found: Examination, at: tuple[int, int], laid: Continuous, made: int, coefficient: float
) -> SynkinesisRow:
    """The row of task and slave `at` their place in the examination."""
    t, k = at
    compared = found.comparison
    accepted = int(compared.accepted[t, k])
    roles = laid.roles
    few = accepted < LEAST_REPETITIONS
    divided = roles.no_ratio is None and not few
    counted = np.isfinite(compared.log_q[t, k])
    master = laid.muscles.index(PRIME_MOVER[pair[0]])
    reasons = [] if roles.no_verdict is None else [roles.no_verdict]

    def sides(name: str) -> Sides:
        return Sides(*(_mean(getattr(side, name)[t, k], counted) for side in (found.affected, found.healthy)))

    def ratio(values: Floats) -> float | None:
        return finite(float(values[t, k])) if divided else None

    def interval(values: Floats) -> tuple[float, float] | None:
        return ends(values[t, k]) if divided else None

    bands = found.coherence.bands[t, MIDDLE_BAND]
    width = len(laid.muscles)
    return SynkinesisRow(
        task=str(pair[0]),
        master=str(PRIME_MOVER[pair[0]]),
        slave=str(pair[1]),
        declared=pair in CUTOFFS,
        cutoff=CUTOFFS.get(pair),
        q=ratio(compared.q),
        q_ci95=interval(compared.q_ci95),
        q_bca_ci95=interval(compared.q_bca_ci95),
        q_censored=bool(compared.q_censored[t, k]),
        normalised_q=ratio(compared.normalised_q),
        normalised_q_ci95=interval(compared.normalised_q_ci95),
        gain=sides("gain"),
        gain_ratio=ratio(compared.gain_ratio),
        gain_ratio_ci95=interval(compared.gain_ratio_ci95),
        correlation=sides("correlation"),
        peak_correlation=sides("peak_correlation"),
        lag_ms=sides("lag_ms"),
        slope=sides("slope"),
        duration_ratio=sides("duration_ratio"),
        overlap=sides("overlap"),
        onset_difference_ms=sides("onset_difference_ms"),
        coherence=Sides(finite(bands[master, k]), finite(bands[width + master, width + k])),
        coherence_limit=finite(found.coherence.limit95[t]),
        cocontraction=sides("cocontraction"),
        coefficient=sides("coefficient"),
        affected_uv=finite(found.affected_uv[t, k]),
        healthy_uv=finite(found.healthy_uv[t, k]),
        difference_db=ratio(compared.q_db),
        master_uv=sides("master_uv"),
        crosstalk=finite(compared.predictable_share[t, k, 0]),
        crosstalk_healthy=finite(compared.predictable_share[t, k, 1]),
        crosstalk_coefficient=finite(coefficient),
        significant=bool(compared.significant[t, k]) if divided and np.isfinite(compared.p_value[t, k]) else None,
        repetitions=Counted(accepted, made),
        verdict=str(compared.verdict[t, k]),
        reasons=(*compared.reasons[t, k], *reasons),
    )


def flaw_of(found: Examination, at: tuple[int, int], repetition: int, sides: Sequence[str]) -> str:
    """Why a repetition of the task and its master `at` their place does not count, "" where it does.

    The healthy side has to have done it well, the affected side to be usable; `sides` are their names.
    """
    t, m = at
    for side, name, stands in (
        (found.healthy, sides[1], found.healthy.accepted),
        (found.affected, sides[0], found.affected.usable),
    ):
        flaw = str(side.flaw[t, m, repetition])
        if not stands[t, m, repetition] and flaw != Flaw.NONE:
            return f"{flaw} ({name} side)"
    return ""


def _mean(values: Floats, counted: NDArray[np.bool_]) -> float | None:
    """Over the repetitions that were compared and have an answer."""
    known = counted & np.isfinite(values)
    return float(values[known].mean()) if known.any() else None
