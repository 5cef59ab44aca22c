"""The facial expressions that a patient is asked for: their names, prime movers, and words to say."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from npr_daq.anatomy import Muscle


class Task(StrEnum):
    """Rest and the 13 expressions (clinical reference 5.6); names of the interface, in the order of a test."""

    REST = "rest"
    WRINKLE_FOREHEAD = "wrinkle_forehead"
    FROWN = "frown"
    CLOSE_EYES_GENTLY = "close_eyes_gently"
    CLOSE_EYES_TIGHTLY = "close_eyes_tightly"
    BLINK = "blink"
    WRINKLE_NOSE = "wrinkle_nose"
    SNARL = "snarl"
    SMILE_CLOSED = "smile_closed"
    SMILE_OPEN = "smile_open"
    PUCKER = "pucker"
    BLOW_CHEEKS = "blow_cheeks"
    DEPRESS_LOWER_LIP = "depress_lower_lip"
    TENSE_PLATYSMA = "tense_platysma"


EXPRESSIONS = tuple(task for task in Task if task is not Task.REST)

PRIME_MOVER: Mapping[Task, Muscle] = MappingProxyType(
    {
        Task.WRINKLE_FOREHEAD: Muscle.FRONTALIS,
        Task.FROWN: Muscle.ORBICULARIS_OCULI,
        Task.CLOSE_EYES_GENTLY: Muscle.ORBICULARIS_OCULI,
        Task.CLOSE_EYES_TIGHTLY: Muscle.ORBICULARIS_OCULI,
        Task.BLINK: Muscle.ORBICULARIS_OCULI,
        Task.WRINKLE_NOSE: Muscle.NASALIS,
        Task.SNARL: Muscle.NASALIS,
        Task.SMILE_CLOSED: Muscle.ZYGOMATICUS,
        Task.SMILE_OPEN: Muscle.ZYGOMATICUS,
        Task.PUCKER: Muscle.ORBICULARIS_ORIS,
        Task.BLOW_CHEEKS: Muscle.ORBICULARIS_ORIS,
        Task.DEPRESS_LOWER_LIP: Muscle.DEPRESSOR_ANGULI_ORIS,
        Task.TENSE_PLATYSMA: Muscle.PLATYSMA,
    }
)
"""The recorded muscle that moves most (clinical reference 5.6). The corrugator, which frowns, is not recorded: the
orbicularis oculi, its neighbour, stands for it."""

OWN_TASK: Mapping[Muscle, Task] = MappingProxyType(
    {
        Muscle.FRONTALIS: Task.WRINKLE_FOREHEAD,
        Muscle.ORBICULARIS_OCULI: Task.CLOSE_EYES_TIGHTLY,
        Muscle.NASALIS: Task.WRINKLE_NOSE,
        Muscle.ZYGOMATICUS: Task.SMILE_OPEN,
        Muscle.ORBICULARIS_ORIS: Task.PUCKER,
        Muscle.DEPRESSOR_ANGULI_ORIS: Task.DEPRESS_LOWER_LIP,
        Muscle.PLATYSMA: Task.TENSE_PLATYSMA,
    }
)
"""The task whose plateau is a muscle's own maximum (clinical reference 5.3, S5); the mentalis has none."""

OF_THE_EYES = frozenset({Task.CLOSE_EYES_GENTLY, Task.CLOSE_EYES_TIGHTLY, Task.BLINK})
"""Tasks that close the eyes, so that a blink belongs to them."""

SPOKEN: Mapping[Task, str] = MappingProxyType(
    {
        Task.REST: "Let the face rest, eyes open, lips together",
        Task.WRINKLE_FOREHEAD: "Raise the eyebrows",
        Task.FROWN: "Frown",
        Task.CLOSE_EYES_GENTLY: "Close the eyes gently",
        Task.CLOSE_EYES_TIGHTLY: "Close the eyes tightly",
        Task.BLINK: "Blink, again and again",
        Task.WRINKLE_NOSE: "Wrinkle the nose",
        Task.SNARL: "Show the upper teeth, as in a snarl",
        Task.SMILE_CLOSED: "Smile with closed lips",
        Task.SMILE_OPEN: "Smile and show the teeth",
        Task.PUCKER: "Pucker the lips, as for a kiss",
        Task.BLOW_CHEEKS: "Blow out the cheeks",
        Task.DEPRESS_LOWER_LIP: "Pull the lower lip down, show the lower teeth",
        Task.TENSE_PLATYSMA: "Tense the skin of the neck",
    }
)
"""What is said to the patient."""


def task_words(task: Task) -> str:
    """`close eyes tightly`."""
    return task.replace("_", " ")
