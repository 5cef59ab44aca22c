"""A cohort for the Synkinetic Correlation Test: half synkinetic in every way and degree, half not, with decoys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from npr_daq.anatomy import Muscle
from npr_daq.errors import UsageError
from npr_simulators.person.case import BRANCHES, ByBranch, Case, Central, Lesion
from npr_simulators.person.population import MOST, random_person
from npr_simulators.person.streams import stream

OCULI, ORIS, ZYGOMATICUS = Muscle.ORBICULARIS_OCULI, Muscle.ORBICULARIS_ORIS, Muscle.ZYGOMATICUS
OCULAR_ORAL = ((OCULI, ORIS), (OCULI, ZYGOMATICUS))
ORAL_OCULAR = ((ORIS, OCULI), (ZYGOMATICUS, OCULI))
SNARL = (Muscle.NASALIS, OCULI)
"""Moving the nose closes the eye in nine of ten healthy people (clinical reference 5.6, Citron 2022)."""
DOUBLED = 2.0
MOST_CROSSTALK = 3.0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One patient: `seed` is that of the simulator too; `group` "synkinetic" or "not", `kind` what is done to her."""

    seed: int
    group: str
    kind: str
    case: Case


def enrolled(seed: int) -> Enrolled:
    """The patient of `seed`, the same in whatever cohort: even seeds are synkinetic, odd ones are not.

    The kinds of each half take turns, so that every block of 84 seeds holds all of them equally often. The face is a
    random healthy person's; all ranges are assumptions, wide on purpose. Everybody comes for the side of the lesion,
    so that nobody is told apart by the intake. Raises UsageError for a seed that names nobody.
    """
    if not 1 <= seed <= MOST:
        raise UsageError(f"seed {seed} names no patient of the cohort; give 1 to {MOST}")
    synkinetic = seed % 2 == 0
    kinds = SYNKINETIC if synkinetic else NOT_SYNKINETIC
    kind = tuple(kinds)[(seed // 2) % len(kinds)]
    person = random_person(seed, seed=seed)
    changed = kinds[kind](person, stream(seed, "cohort", kind))
    intake = person.intake.model_copy(
        update={"affected": "lesion", "cause": "Bell's palsy", "days_since_onset": 400, "house_brackmann": 2}
    )
    told = {
        "name": f"cohort_{seed}_{kind}",
        "teaches": f"One of a validation cohort: {kind.replace('_', ' ')}.",
        "expect": "Present where a pair is misrouted by a tenth and more." if synkinetic else "No pair is present.",
        "cell": "q_ocular_oral",
        "intake": intake,
    }
    case = Case.model_validate(person.model_copy(update={**changed, **told}).model_dump())
    return Enrolled(seed, "synkinetic" if synkinetic else "not", kind, case)


Change = Mapping[str, Any]
Draw = np.random.Generator


def _shares(draw: Draw, low: float, high: float, apart: float = 0.1) -> ByBranch:
    """About the same for every branch of one patient."""
    middle = draw.uniform(low, high)
    values = np.clip(middle + draw.normal(0, apart, len(BRANCHES)), 0.02, 0.97)
    return ByBranch(**{str(branch): round(float(value), 3) for branch, value in zip(BRANCHES, values, strict=True)})


def _between(draw: Draw, low: float, high: float) -> float:
    return round(float(draw.uniform(low, high)), 3)


def _regrown(draw: Draw, **more: Any) -> Lesion:
    """A palsy with its axons back; every third face tight at rest."""
    tonic = _between(draw, 0.02, 0.08) if draw.random() < 1 / 3 else 0.0
    return Lesion(
        degeneration=_shares(draw, 0.45, 0.95),
        regrown=_shares(draw, 0.5, 0.92, 0.05),
        sprouting=_between(draw, 0.2, 0.8),
        prefer="oculo_oral" if draw.random() < 2 / 3 else "any",
        tonic=tonic,
        **more,
    )


def _misdirection(person: Case, draw: Draw) -> Change:
    return {"lesion": _regrown(draw, misdirection=_between(draw, 0.1, 0.8))}


def _bifurcation(person: Case, draw: Draw) -> Change:
    return {"lesion": _regrown(draw, bifurcation=_between(draw, 0.2, 0.9))}


def _ephapse(person: Case, draw: Draw) -> Change:
    # impulses that jump at the scar show in evoked responses only: a voluntary test sees the misdirection beside them
    ephapse, misdirection = _between(draw, 0.02, 0.1), _between(draw, 0.1, 0.6)
    return {"lesion": _regrown(draw, ephapse=ephapse, misdirection=misdirection)}


def _links(draw: Draw, pairs: tuple[tuple[Muscle, Muscle], ...], low: float, high: float) -> tuple[Central, ...]:
    return tuple(
        Central(source=source, target=target, gain=_between(draw, low, high), lag_ms=_between(draw, 5, 40))
        for source, target in pairs
    )


def _recovery(draw: Draw) -> Lesion:
    return Lesion(
        degeneration=_shares(draw, 0.1, 0.5),
        regrown=_shares(draw, 0.6, 0.95, 0.05),
        sprouting=_between(draw, 0.2, 0.6),
    )


def _central(pairs: tuple[tuple[Muscle, Muscle], ...]) -> Callable[[Case, Draw], Change]:
    return lambda person, draw: {"lesion": _recovery(draw), "central": _links(draw, pairs, 0.05, 0.5)}


def _mixture(person: Case, draw: Draw) -> Change:
    lesion = _regrown(draw, misdirection=_between(draw, 0.1, 0.6), bifurcation=_between(draw, 0.1, 0.5))
    return {"lesion": lesion, "central": _links(draw, OCULAR_ORAL + ORAL_OCULAR, 0.0, 0.25)}


def _healthy(person: Case, draw: Draw) -> Change:
    return {}


def _recovered(person: Case, draw: Draw) -> Change:
    return {"lesion": _recovery(draw)}


def _crosstalk(person: Case, draw: Draw) -> Change:
    doubled = round(min(DOUBLED * person.build.crosstalk, MOST_CROSSTALK), 3)
    return {"build": person.build.model_copy(update={"crosstalk_affected": doubled})}


def _contracture(person: Case, draw: Draw) -> Change:
    return {"lesion": _recovery(draw).model_copy(update={"tonic": _between(draw, 0.04, 0.11)})}


def _weak_mover(person: Case, draw: Draw) -> Change:
    weak = "zygomatic" if draw.random() < 0.5 else "buccal"
    lost = ByBranch(**{weak: _between(draw, 0.6, 0.9)})
    return {"lesion": Lesion(degeneration=lost, sprouting=_between(draw, 0.0, 0.4))}


def _unequal_effort(person: Case, draw: Draw) -> Change:
    # twice the usual: prime movers differ by the factor of 2 to 3 that healthy people reach (clinical reference 5.4)
    build = person.build.model_copy(update={"movement_difference_percent": _between(draw, 28, 40)})
    behaviour = person.behaviour.model_copy(
        update={
            "effort": _between(draw, 0.55, 0.8),
            "effort_spread": _between(draw, 0.2, 0.35),
            "sloppiness": _between(draw, 0.3, 0.6),
        }
    )
    return {"build": build, "behaviour": behaviour}


def _snarl(person: Case, draw: Draw) -> Change:
    # the textbook's snarl closes the eye by 0.15 on both sides; more would leak into the pucker, which moves the nose
    return {"central": _links(draw, (SNARL,), 0.1, 0.3)}


Kinds = Mapping[str, Callable[[Case, Draw], Change]]
SYNKINETIC: Kinds = MappingProxyType(
    {
        "misdirection": _misdirection,
        "bifurcation": _bifurcation,
        "ephapse": _ephapse,
        "central_ocular_oral": _central(OCULAR_ORAL),
        "central_oral_ocular": _central(ORAL_OCULAR),
        "mixture": _mixture,
    }
)
NOT_SYNKINETIC: Kinds = MappingProxyType(
    {
        "healthy": _healthy,
        "recovered": _recovered,
        "crosstalk": _crosstalk,
        "contracture": _contracture,
        "weak_mover": _weak_mover,
        "unequal_effort": _unequal_effort,
        "snarl": _snarl,
    }
)
DECOYS = ("crosstalk", "contracture", "weak_mover", "unequal_effort", "snarl")
"""Kinds of the second half that look like what they are not."""
