"""What each channel sees of each muscle: the electrodes' mixing matrix, and what crosses the midline."""

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.face.patient import Patient
from npr_simulators.face.streams import stream
from npr_simulators.face.waveform import Floats

NEIGHBOURS: dict[tuple[Muscle, Muscle], float] = {
    (Muscle.FRONTALIS, Muscle.ORBICULARIS_OCULI): 0.05,
    (Muscle.ORBICULARIS_OCULI, Muscle.FRONTALIS): 0.03,
    (Muscle.ORBICULARIS_OCULI, Muscle.ZYGOMATICUS): 0.04,
    (Muscle.ORBICULARIS_OCULI, Muscle.NASALIS): 0.02,
    (Muscle.NASALIS, Muscle.ZYGOMATICUS): 0.04,
    (Muscle.NASALIS, Muscle.ORBICULARIS_ORIS): 0.03,
    (Muscle.ZYGOMATICUS, Muscle.NASALIS): 0.05,
    (Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_OCULI): 0.02,
    (Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_ORIS): 0.03,
    (Muscle.ORBICULARIS_ORIS, Muscle.DEPRESSOR_ANGULI_ORIS): 0.07,
    (Muscle.ORBICULARIS_ORIS, Muscle.MENTALIS): 0.04,
    (Muscle.ORBICULARIS_ORIS, Muscle.ZYGOMATICUS): 0.02,
    (Muscle.DEPRESSOR_ANGULI_ORIS, Muscle.MENTALIS): 0.05,
    (Muscle.DEPRESSOR_ANGULI_ORIS, Muscle.ORBICULARIS_ORIS): 0.05,
    (Muscle.DEPRESSOR_ANGULI_ORIS, Muscle.PLATYSMA): 0.03,
    (Muscle.MENTALIS, Muscle.DEPRESSOR_ANGULI_ORIS): 0.05,
    (Muscle.MENTALIS, Muscle.ORBICULARIS_ORIS): 0.02,
    (Muscle.PLATYSMA, Muscle.DEPRESSOR_ANGULI_ORIS): 0.06,
    (Muscle.PLATYSMA, Muscle.MENTALIS): 0.02,
}
"""(source, channel) -> share. No published facial matrix was found; order and size after simulation reference 1.4."""

MIDLINE: dict[Muscle, float] = {Muscle.MENTALIS: 0.02, Muscle.ORBICULARIS_ORIS: 0.015, Muscle.NASALIS: 0.015}
"""Share of a muscle that its twin's channel on the other half sees."""

SPREAD = 0.20


def mixing(patient: Patient, *, seed: int, side: Side) -> Floats:
    """Share of each muscle of `side` in each of the 16 channels (left first), shape (16, 8); its own share is 1.

    Shares between neighbours vary from person to person and stay within 2 to 8 % at crosstalk = 1.
    """
    rng = stream(seed, "crosstalk", side)
    matrix = np.zeros((2, len(FACIAL_MUSCLES), len(FACIAL_MUSCLES)))
    near = 0 if side is Side.LEFT else 1
    matrix[near] = np.eye(len(FACIAL_MUSCLES))
    for (source, channel), share in NEIGHBOURS.items():
        person = np.clip(share * np.exp(rng.normal(0, SPREAD)), 0.02, 0.08)
        matrix[near, FACIAL_MUSCLES.index(channel), FACIAL_MUSCLES.index(source)] = patient.nerve.crosstalk * person
    for muscle, share in MIDLINE.items():
        row = FACIAL_MUSCLES.index(muscle)
        matrix[1 - near, row, row] = patient.nerve.crosstalk * share
    return matrix.reshape(2 * len(FACIAL_MUSCLES), len(FACIAL_MUSCLES))
