"""The face behind the simulated instruments: motor units, nerve branches, skin and noise, with its own ground truth."""

from npr_simulators.face.evoked import Evoked
from npr_simulators.face.face import Face
from npr_simulators.face.patient import Patient, load_patient, names

__all__ = ["Evoked", "Face", "Patient", "load_patient", "names"]
