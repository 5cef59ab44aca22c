"""Which simulated instruments there are, and which may stand together behind one patient."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from npr_daq.errors import UsageError
from npr_daq.quoting import shortened


@dataclass(frozen=True, slots=True)
class Kind:
    """What an instrument is made of: channels, a stimulator, or both (wire specification 5.15)."""

    name: str
    model: str
    records: bool
    stimulates: bool
    mark: str = ""
    """Ends the serial number, so that two of one patient's instruments are told apart."""


FRONTEND = Kind("frontend", "simulated EMGSTIM front-end", records=True, stimulates=True)
AMPLIFIER = Kind("amplifier", "simulated EMGSTIM amplifier", records=True, stimulates=False, mark="A")
STIMULATOR = Kind("stimulator", "simulated EMGSTIM stimulator", records=False, stimulates=True, mark="S")
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (FRONTEND, AMPLIFIER, STIMULATOR)})


def kinds_from(names: Iterable[str]) -> tuple[Kind, ...]:
    """The kinds of `names`, in their order.

    Raises UsageError for an unknown one, for none, and where two would share one pair of electrodes or one handpiece.
    """
    wanted = tuple(names)
    said = shortened(", ".join(wanted)) or "none"
    unknown = [name for name in wanted if name not in KINDS]
    if unknown or not wanted:
        raise UsageError(f"no simulated instruments {said}; known are {', '.join(KINDS)}")
    kinds = tuple(KINDS[name] for name in wanted)
    if sum(kind.records for kind in kinds) > 1 or sum(kind.stimulates for kind in kinds) > 1:
        raise UsageError(
            f"{said} cannot share one patient: there is one set of electrodes and one handpiece; "
            "use frontend alone, or amplifier and stimulator, each once"
        )
    return kinds
