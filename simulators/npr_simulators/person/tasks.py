"""What a patient can be asked to do (names of the interface: "Tasks"; clinical reference 5.6)."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

import numpy as np

from npr_daq.anatomy import Muscle
from npr_daq.errors import UsageError
from npr_daq.quoting import quoted
from npr_simulators.person.bank import MUSCLES, Floats

TASKS = (
    "rest",
    "wrinkle_forehead",
    "frown",
    "close_eyes_gently",
    "close_eyes_tightly",
    "blink",
    "wrinkle_nose",
    "snarl",
    "smile_closed",
    "smile_open",
    "pucker",
    "blow_cheeks",
    "depress_lower_lip",
    "tense_platysma",
)
"""These names are fixed; every table of this file is keyed by them."""

_FRO, _OOC, _NAS, _ZYG = Muscle.FRONTALIS, Muscle.ORBICULARIS_OCULI, Muscle.NASALIS, Muscle.ZYGOMATICUS
_OOR, _DAO, _MEN, _PLA = Muscle.ORBICULARIS_ORIS, Muscle.DEPRESSOR_ANGULI_ORIS, Muscle.MENTALIS, Muscle.PLATYSMA
_MAS = Muscle.MASSETER

DRIVE_AT_FULL_EFFORT: Mapping[str, Mapping[Muscle, float]] = MappingProxyType(
    {
        "rest": {},
        "wrinkle_forehead": {_FRO: 0.85, _OOC: 0.06},
        "frown": {_FRO: 0.25, _OOC: 0.35, _NAS: 0.25, _ZYG: 0.05},
        "close_eyes_gently": {_OOC: 0.35, _ZYG: 0.04, _NAS: 0.04},
        "close_eyes_tightly": {_OOC: 0.80, _ZYG: 0.10, _NAS: 0.10, _FRO: 0.04},
        "blink": {_OOC: 0.60, _NAS: 0.04},
        "wrinkle_nose": {_NAS: 0.75, _OOC: 0.20, _ZYG: 0.20, _OOR: 0.08, _FRO: 0.05},
        "snarl": {_NAS: 0.80, _ZYG: 0.35, _OOC: 0.15, _OOR: 0.12},
        "smile_closed": {_ZYG: 0.65, _OOR: 0.16, _OOC: 0.10, _DAO: 0.08, _MEN: 0.06, _PLA: 0.04},
        "smile_open": {_ZYG: 0.80, _OOC: 0.15, _OOR: 0.12, _DAO: 0.10, _PLA: 0.05},
        "pucker": {_OOR: 0.80, _MEN: 0.25, _DAO: 0.12, _NAS: 0.05},
        "blow_cheeks": {_OOR: 0.55, _MEN: 0.20, _DAO: 0.15, _ZYG: 0.10, _PLA: 0.06},
        "depress_lower_lip": {_DAO: 0.75, _PLA: 0.45, _MEN: 0.30, _OOR: 0.10, _MAS: 0.05},
        "tense_platysma": {_PLA: 0.80, _DAO: 0.35, _MEN: 0.15, _OOR: 0.06, _MAS: 0.10},
    }
)
"""Healthy drive of each pool, 0 to 1, at an effort of 1. [A] Simulation reference 4.2 gives six of the tasks; the
others keep its order (prime mover highest, clinical reference 5.6). The corrugator, which frowns, has no pool: its
neighbours stand for it."""

PRIME_MOVER: Mapping[str, Muscle] = MappingProxyType(
    {task: max(drive, key=lambda muscle: drive[muscle]) for task, drive in DRIVE_AT_FULL_EFFORT.items() if drive}
)
"""The recorded muscle that a task drives most; `rest` has none."""

CONTRALATERAL_SHARE: Mapping[str, float] = MappingProxyType(
    {
        "wrinkle_forehead": 1.0,
        "frown": 1.0,
        "close_eyes_gently": 0.97,
        "close_eyes_tightly": 0.95,
        "blink": 1.0,
        "wrinkle_nose": 0.92,
        "snarl": 0.90,
        "smile_closed": 0.92,
        "smile_open": 0.90,
        "pucker": 0.95,
        "blow_cheeks": 0.95,
        "depress_lower_lip": 0.90,
        "tense_platysma": 0.90,
    }
)
"""What the half that follows gets of the drive of the half that leads. [A] Brow, closure and smile: simulation
reference 4.2."""

CONFUSED_WITH: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "wrinkle_forehead": ("frown", "close_eyes_tightly"),
        "frown": ("wrinkle_forehead", "wrinkle_nose"),
        "close_eyes_gently": ("close_eyes_tightly", "blink"),
        "close_eyes_tightly": ("close_eyes_gently", "wrinkle_nose"),
        "blink": ("close_eyes_gently", "close_eyes_tightly"),
        "wrinkle_nose": ("snarl", "frown"),
        "snarl": ("wrinkle_nose", "smile_open"),
        "smile_closed": ("smile_open", "pucker"),
        "smile_open": ("smile_closed", "snarl"),
        "pucker": ("blow_cheeks", "smile_closed"),
        "blow_cheeks": ("pucker", "smile_closed"),
        "depress_lower_lip": ("tense_platysma", "snarl"),
        "tense_platysma": ("depress_lower_lip", "smile_open"),
    }
)
"""What a patient does who has misunderstood. [A]"""


def known_task(task: str) -> str:
    """`task` itself; raises UsageError with the nearest name for one that does not exist."""
    if task in TASKS:
        return task
    near = get_close_matches(task, TASKS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"tasks are {', '.join(TASKS)}"
    raise UsageError(f"no task is called {quoted(task)}; {hint}")


def task_drive(task: str) -> Floats:
    """Drive of every pool at full effort on the half that leads, shape (9,), 0 to 1."""
    drive = DRIVE_AT_FULL_EFFORT[known_task(task)]
    return np.array([drive.get(muscle, 0.0) for muscle in MUSCLES])
