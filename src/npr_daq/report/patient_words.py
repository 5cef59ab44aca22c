"""What the patient's page says: parts of the face, movements and sizes in plain words."""

from collections.abc import Mapping
from types import MappingProxyType

from npr_daq.analysis.verdict import Verdict
from npr_daq.anatomy import Branch, Muscle
from npr_daq.expression import Task

UNTOLD = "could not be told today"
SAME = "about the same on both sides"

PARTS: Mapping[Muscle, str] = MappingProxyType(
    {
        Muscle.FRONTALIS: "forehead",
        Muscle.ORBICULARIS_OCULI: "around the eye",
        Muscle.NASALIS: "side of the nose",
        Muscle.ZYGOMATICUS: "cheek",
        Muscle.ORBICULARIS_ORIS: "lips",
        Muscle.DEPRESSOR_ANGULI_ORIS: "below the corner of the mouth",
        Muscle.MENTALIS: "chin",
        Muscle.PLATYSMA: "neck",
        Muscle.MASSETER: "jaw",
    }
)

FOLLOWERS: Mapping[Muscle, str] = MappingProxyType({**PARTS, Muscle.ORBICULARIS_OCULI: "eye"})
"""The parts that move along."""

NERVE_PARTS: Mapping[Branch, tuple[str, Muscle]] = MappingProxyType(
    {
        Branch.TRUNK: ("whole nerve, in front of the ear", Muscle.MASSETER),
        Branch.TEMPORAL: ("part for the forehead", Muscle.FRONTALIS),
        Branch.ZYGOMATIC: ("part for the eye", Muscle.ORBICULARIS_OCULI),
        Branch.BUCCAL: ("part for nose, cheek and upper lip", Muscle.ZYGOMATICUS),
        Branch.MARGINAL_MANDIBULAR: ("part for the chin", Muscle.MENTALIS),
        Branch.CERVICAL: ("part for the neck", Muscle.PLATYSMA),
    }
)
"""The parts of the nerve, and where on the face each is drawn."""

MOVEMENTS: Mapping[Task, str] = MappingProxyType(
    {
        Task.WRINKLE_FOREHEAD: "raise your eyebrows",
        Task.FROWN: "frown",
        Task.CLOSE_EYES_GENTLY: "close your eyes gently",
        Task.CLOSE_EYES_TIGHTLY: "close your eyes tightly",
        Task.BLINK: "blink",
        Task.WRINKLE_NOSE: "wrinkle your nose",
        Task.SNARL: "show your upper teeth",
        Task.SMILE_CLOSED: "smile with closed lips",
        Task.SMILE_OPEN: "smile and show your teeth",
        Task.PUCKER: "pucker your lips, as for a kiss",
        Task.BLOW_CHEEKS: "blow out your cheeks",
        Task.DEPRESS_LOWER_LIP: "pull your lower lip down",
        Task.TENSE_PLATYSMA: "tense the skin of your neck",
    }
)

FOLLOWS: Mapping[str, str] = MappingProxyType(
    {
        Verdict.PRESENT: "moves along, clearly more than on the other side",
        Verdict.ABSENT: "no clear moving along",
    }
)

MEASURED: Mapping[str, str] = MappingProxyType(
    {
        "movement": "Movements of your face, each several times: which muscles work, and how strongly.",
        "rest": "Your face at rest: how tense the muscles are when you do nothing.",
        "conduction": "Nerve tests: small electrical pulses on the skin, and how strongly the muscles answered.",
        "reflex": "The blink that a small pulse above the eye sets off.",
        "late": "Late answers of the nerve.",
        "train": "Answers of the nerve to several pulses in a row.",
        "excitability": "The smallest pulse that the nerve answers.",
    }
)
"""Kinds of tests, in the order of the page."""

UNMEASURED: Mapping[str, str] = MappingProxyType(
    {
        "movement": "movements of the face, and which parts move along",
        "rest": "the tension of the face at rest",
        "conduction": "how strongly the nerve answers to a small pulse",
    }
)
SHOWN = frozenset(UNMEASURED)
"""Kinds whose results are on the page."""


def about_percent(share: float) -> str:
    """`about 40`: a share in whole tens of percent; never 0 and never more than 100."""
    return "less than 10" if share < 0.1 else f"about {tens(share)}"


def tens(share: float) -> int:
    """A share in whole tens of percent, from 10 to 100."""
    return max(10, min(100, round(10 * share) * 10))


def times(factor: float) -> str:
    """`about twice`, to the nearest half up to 3 and to whole numbers above."""
    half = round(2 * factor) / 2 if factor < 3 else float(round(factor))
    return {1.5: "about one and a half times", 2.0: "about twice"}.get(half) or f"about {half:g} times"
