"""The table of faults: what may go wrong in which layer, since which version of the file, and what each takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WHEN = ("at_stimulus", "at_s")
WHERE = ("layer", "what", "instrument")


@dataclass(frozen=True, slots=True)
class FaultKind:
    """`takes` are its own keys, `needs` those of them that must be there; `since` the version of the file."""

    says: str
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    since: int = 1


_CHANNEL = ("side", "muscle")

FAULT_KINDS: Mapping[str, Mapping[str, FaultKind]] = MappingProxyType(
    {
        "frame": {
            "drop": FaultKind("the frame never leaves", ("count",)),
            "flip": FaultKind("one bit of the frame turns", ("count",)),
            "duplicate": FaultKind("the frame leaves twice", ("count",)),
            "swap": FaultKind("the frame leaves behind the one after it", ("count",), since=2),
        },
        "link": {
            "disconnect": FaultKind("the line goes away; a client may come back"),
            "stall": FaultKind("the far end stops reading, sending or both", ("seconds", "direction"), since=2),
        },
        "process": {
            "exit": FaultKind("the simulator dies"),
            "hang": FaultKind("nothing happens for a while", ("seconds",)),
        },
        "skin": {
            "loosen": FaultKind("an electrode comes loose", _CHANNEL, _CHANNEL),
            "fix": FaultKind("it is pressed on again", _CHANNEL, _CHANNEL),
            "cough": FaultKind("the patient coughs", since=2),
            "hum": FaultKind("the room hums `factor` times as much", ("seconds", "factor"), since=2),
            "saturate": FaultKind(
                "a tug drives an input beyond its range", ("seconds", "level_mv", *_CHANNEL), _CHANNEL, since=2
            ),
        },
        "amplifier": {
            "clip": FaultKind("the input range shrinks", ("seconds", "level_mv", *_CHANNEL), since=2),
            "stuck": FaultKind("a channel repeats one count", ("seconds", *_CHANNEL), _CHANNEL, since=2),
            "gain": FaultKind("the gain steps", ("seconds", "factor", *_CHANNEL), ("factor",), since=2),
        },
    }
)
"""Layer by layer, from the line inwards."""

NEWEST = 2
VERSIONS = (1, NEWEST)
DIRECTIONS = ("both", "reading", "sending")
KEYS = frozenset(
    {*WHEN, *WHERE} | {key for kinds in FAULT_KINDS.values() for kind in kinds.values() for key in kind.takes}
)
