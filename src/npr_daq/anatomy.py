"""Sides, branches of the facial nerve, stimulation sites, muscles, and which branch supplies which muscle."""

from enum import StrEnum
from types import MappingProxyType


class Side(StrEnum):
    """A half of the face, as the patient's own left and right."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> "Side":
        """The opposite half."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class Branch(StrEnum):
    """The trunk of the facial nerve and its five branches, from top to bottom."""

    TRUNK = "trunk"
    TEMPORAL = "temporal"
    ZYGOMATIC = "zygomatic"
    BUCCAL = "buccal"
    MARGINAL_MANDIBULAR = "marginal_mandibular"
    CERVICAL = "cervical"


class TrigeminalSite(StrEnum):
    """Stimulation sites that are no branch of the facial nerve: they supply no facial muscle, reflexes answer them."""

    SUPRAORBITAL = "supraorbital"


Site = Branch | TrigeminalSite
"""Where a stimulator can be held. A loop over the branches that supply muscles is a loop over `Branch`."""

SITES: tuple[Site, ...] = (*Branch, *TrigeminalSite)


def site_of(word: str) -> Site:
    """The stimulation site called `word`; ValueError for a word that is none."""
    return TrigeminalSite(word) if word in set(TrigeminalSite) else Branch(word)


class Muscle(StrEnum):
    """The muscles that are recorded. The order is the channel order of the reference front-end."""

    FRONTALIS = "frontalis"
    ORBICULARIS_OCULI = "orbicularis_oculi"
    NASALIS = "nasalis"
    ZYGOMATICUS = "zygomaticus"
    ORBICULARIS_ORIS = "orbicularis_oris"
    DEPRESSOR_ANGULI_ORIS = "depressor_anguli_oris"
    MENTALIS = "mentalis"
    PLATYSMA = "platysma"
    MASSETER = "masseter"


FACIAL_MUSCLES = tuple(m for m in Muscle if m is not Muscle.MASSETER)

SUPPLIES = MappingProxyType(
    {
        Branch.TRUNK: FACIAL_MUSCLES,
        Branch.TEMPORAL: (Muscle.FRONTALIS,),
        Branch.ZYGOMATIC: (Muscle.ORBICULARIS_OCULI,),
        Branch.BUCCAL: (Muscle.NASALIS, Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_ORIS),
        Branch.MARGINAL_MANDIBULAR: (Muscle.DEPRESSOR_ANGULI_ORIS, Muscle.MENTALIS),
        Branch.CERVICAL: (Muscle.PLATYSMA,),
    }
)
"""Muscles that answer when a branch is stimulated (interface: "Branch supplies")."""

HEADLINE = MappingProxyType(
    {
        branch: {Branch.TRUNK: Muscle.NASALIS, Branch.MARGINAL_MANDIBULAR: Muscle.MENTALIS}.get(branch, muscles[0])
        for branch, muscles in SUPPLIES.items()
    }
)
"""The one muscle that a narrow table shows for a branch."""


def own_branch(muscle: Muscle) -> Branch | None:
    """The branch below the trunk that supplies `muscle`; None for the masseter, which the trigeminal nerve drives."""
    for branch, muscles in SUPPLIES.items():
        if branch is not Branch.TRUNK and muscle in muscles:
            return branch
    return None
