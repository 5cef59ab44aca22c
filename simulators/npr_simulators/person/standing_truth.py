"""Ground truth that no shock changes: who the person is, what the lesion did, and full recruitment at every site."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_simulators.person import onsets
from npr_simulators.person.bank import MUSCLES, Bank
from npr_simulators.person.case import Case
from npr_simulators.person.excitation import plateau_ma
from npr_simulators.person.misrouting import misrouting
from npr_simulators.person.shocked import plateau
from npr_simulators.person.sites import Site
from npr_simulators.person.truth import Half, apparent, own_waves

MODEL_VERSION = 2
"""Raised when the same patient file, seed, side and visit would give other numbers."""


def person_truth(
    banks: Mapping[Side, Bank], case: Case, *, seed: int, lesion_side: Side, visit: int = 1
) -> dict[str, Any]:
    """The header of a truth file, JSON-safe: patient, seed, lesion by muscle, misrouting matrix, hash.

    `misrouting` has, by side, pool and target, the share of the target's living units (by size) that the pool commands;
    shares of nought are left out. `degeneration` and `blocked` are shares of a muscle's healthy number of units.
    """
    units, dead, blocked = {}, {}, {}
    for side, bank in banks.items():
        for muscle in FACIAL_MUSCLES:
            rows = bank.of(muscle)
            near, whole = ~bank.crossed[rows], int(bank.healthy_units[MUSCLES.index(muscle)])
            alive = bank.alive[rows] & near
            name = f"{side}.{muscle}"
            units[name] = whole
            dead[name] = round(max(0.0, 1 - int(alive.sum()) / whole), 6)
            blocked[name] = round(int((alive & bank.blocked[rows]).sum()) / whole, 6)
    return {
        "patient": case.name,
        "seed": seed,
        "side": str(lesion_side),
        "visit": visit,
        "day": case.course.day,
        "units": units,
        "degeneration": dead,
        "blocked": blocked,
        "misrouting": {str(side): _by_name(bank) for side, bank in banks.items()},
        "model": MODEL_VERSION,
        "hash": identity(case, seed=seed, lesion_side=lesion_side, visit=visit),
    }


def plateau_truth(banks: Mapping[Side, Bank], case: Case) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Full recruitment per site, side and muscle: `own` and `app`arent sizes, noise-free, and the current of it.

    At a site's plateau every living axon that the site supplies has fired, and no other.
    """
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for branch in Branch:
        site = Site(branch.value)
        for side, bank in banks.items():
            halves = {side: Half.of(bank, plateau(bank, case, site))}
            app = onsets.sizes(apparent(halves, onsets.START_MS, onsets.SAMPLES, onsets.RATE_KHZ))
            own = onsets.sizes(own_waves(halves))
            current_ma = round(float(plateau_ma(bank, case, site)), 3)
            found.setdefault(str(branch), {})[str(side)] = {
                str(muscle): {
                    "own": _at(own, _row(side, muscle)),
                    "app": _at(app, _row(side, muscle)),
                    "current_ma": current_ma,
                }
                for muscle in SUPPLIES[branch]
            }
    return found


def identity(case: Case, *, seed: int, lesion_side: Side, visit: int) -> str:
    """SHA-256 of everything that the numbers depend on: the model, the patient's file, seed, side and visit."""
    told = {
        "model": MODEL_VERSION,
        "patient": case.model_dump(mode="json"),
        "seed": seed,
        "side": str(lesion_side),
        "visit": visit,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _by_name(bank: Bank) -> dict[str, dict[str, float]]:
    matrix = misrouting(bank)
    return {
        str(pool): {str(MUSCLES[target]): round(float(row[target]), 6) for target in np.flatnonzero(row)}
        for pool, row in zip(MUSCLES, matrix, strict=True)
    }


def _row(side: Side, muscle: Muscle) -> int:
    return FACIAL_MUSCLES.index(muscle) + (0 if side is Side.LEFT else len(FACIAL_MUSCLES))


def _at(found: onsets.Sizes, row: int) -> dict[str, float]:
    return {name: round(float(getattr(found, name)[row]), 3) for name in ("neg_uv", "pp_uv", "area")}
