"""The motor units of one half of the face: how many, how large, how fast, how easily excited, and who is alive."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Side, own_branch
from npr_simulators.face.patient import Patient
from npr_simulators.face.streams import stream
from npr_simulators.face.waveform import Floats, Potentials


@dataclass(frozen=True, slots=True)
class MuscleProfile:
    """A healthy muscle: motor units, path from the stylomastoid foramen, peak-to-peak CMAP, length of a potential."""

    units: int
    path_mm: float
    peak_to_peak_mv: float
    duration_ms: float


PROFILES: dict[Muscle, MuscleProfile] = {
    Muscle.FRONTALIS: MuscleProfile(150, 114, 1.2, 10.2),
    Muscle.ORBICULARIS_OCULI: MuscleProfile(200, 101, 1.7, 9.2),
    Muscle.NASALIS: MuscleProfile(80, 100, 2.4, 9.0),
    Muscle.ZYGOMATICUS: MuscleProfile(120, 90, 2.2, 9.8),
    Muscle.ORBICULARIS_ORIS: MuscleProfile(180, 97, 2.6, 9.4),
    Muscle.DEPRESSOR_ANGULI_ORIS: MuscleProfile(90, 96, 2.4, 9.3),
    Muscle.MENTALIS: MuscleProfile(90, 106, 2.1, 9.1),
    Muscle.PLATYSMA: MuscleProfile(250, 93, 1.3, 10.4),
}
"""Counts and paths: simulation reference 1.1 and 1.2, the shortest paths a little longer so that answers to branch
stimulation start clear of the artefact; amplitudes: clinical reference 3, orientation values."""

BRANCHES = tuple(b for b in Branch if b is not Branch.TRUNK)
SIZE_RATIO = 12.0
"""Largest over smallest potential of a muscle (Fuglevand form, simulation reference 1.1)."""
PERSON_SD = 0.12
"""Spread between people of a muscle's amplitude, as the SD of its logarithm."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Motor units of all muscles of one half, one after the other; every array has shape (unit,).

    `theta` is the axon's threshold relative to the median axon, `chronaxie_ms` its Weiss time constant, `terminal` the
    relative length of its slow terminal. Dead units keep their numbers: loss never changes who the others are.
    """

    muscle: NDArray[np.intp]
    branch: NDArray[np.intp]
    theta: Floats
    chronaxie_ms: Floats
    velocity_m_s: Floats
    path_mm: Floats
    terminal: Floats
    junction_ms: Floats
    shapes: Potentials
    alive: NDArray[np.bool_]

    def of(self, muscle: Muscle) -> NDArray[np.bool_]:
        """Which units belong to `muscle`."""
        return np.equal(self.muscle, FACIAL_MUSCLES.index(muscle))


def draw_units(patient: Patient, *, seed: int, side: Side, lesioned: bool) -> Units:
    """Draw one half of the face of `patient`; sizes are relative until `scaled` (simulation reference 1, 2)."""
    parts = [_draw_muscle(patient, muscle, seed=seed, side=side) for muscle in FACIAL_MUSCLES]
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    counts = [PROFILES[muscle].units for muscle in FACIAL_MUSCLES]
    supplied_by = [own_branch(muscle) for muscle in FACIAL_MUSCLES]
    lost = [getattr(patient.lesion.axon_loss, str(branch)) if lesioned else 0.0 for branch in supplied_by]
    return Units(
        muscle=np.repeat(np.arange(len(counts)), counts),
        branch=np.repeat([BRANCHES.index(branch) for branch in supplied_by if branch], counts),
        theta=joined["theta"],
        chronaxie_ms=joined["chronaxie"],
        velocity_m_s=joined["velocity"],
        path_mm=joined["path"],
        terminal=joined["terminal"],
        junction_ms=joined["junction"],
        shapes=Potentials(joined["size"], joined["duration"], joined["turn"]),
        alive=joined["fate"] >= np.repeat(lost, counts),
    )


def scaled(units: Units, factor: Floats) -> Units:
    """The same units with the sizes of each muscle multiplied by `factor`, shape (muscle,)."""
    shapes = replace(units.shapes, size_uv=units.shapes.size_uv * factor[units.muscle])
    return replace(units, shapes=shapes)


def target_mv(patient: Patient, *, seed: int, side: Side) -> Floats:
    """Peak-to-peak of each muscle of this half before any lesion, shape (muscle,): the person, then the side."""
    between_sides = patient.nerve.side_difference_percent / 100
    targets = []
    for muscle in FACIAL_MUSCLES:
        person = stream(seed, "person", muscle).normal(0, PERSON_SD)
        half = stream(seed, "asymmetry", muscle).normal(0, between_sides) / 2
        signed = half if side is Side.LEFT else -half
        targets.append(PROFILES[muscle].peak_to_peak_mv * patient.nerve.amplitude * np.exp(person + signed))
    return np.array(targets)


def _draw_muscle(patient: Patient, muscle: Muscle, *, seed: int, side: Side) -> dict[str, Floats]:
    profile = PROFILES[muscle]
    n = profile.units
    rank = (np.arange(n) + 0.5) / n
    person = stream(seed, "paths", muscle)
    rng = stream(seed, "units", side, muscle)
    # what a person shares between the sides, and what the sides do not share
    path = profile.path_mm * patient.nerve.head_size * (1 + person.normal(0, 0.03)) * (1 + rng.normal(0, 0.012))
    length = profile.duration_ms * np.exp(person.normal(0, 0.04) + rng.normal(0, 0.02))
    turn = person.normal(0.36, 0.012)
    warmth = 1 + 0.04 * (patient.intake.skin_temperature_c - 34)
    return {
        "theta": np.exp(-0.30 * (rank - 0.5) + rng.normal(0, 0.22, n)),
        "chronaxie": np.clip(rng.normal(0.28, 0.05, n), 0.12, 0.5),
        "velocity": np.clip(51 + 7 * (rank - 0.5) + rng.normal(0, 3, n), 38, 64) * warmth,
        "path": np.full(n, path),
        "terminal": np.exp(rng.normal(0, 0.15, n)),
        "junction": np.clip(rng.normal(0.95, 0.14, n), 0.5, 1.5),
        "size": np.exp(np.log(SIZE_RATIO) * rank),
        "duration": length * np.exp(-0.12 * (rank - 0.5) + rng.normal(0, 0.10, n)),
        "turn": np.clip(turn + rng.normal(0, 0.025, n), 0.28, 0.44),
        "fate": rng.random(n),
    }
