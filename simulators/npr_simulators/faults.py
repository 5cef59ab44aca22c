"""A script of faults: what goes wrong, in which layer, and at which stimulus or second."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.quoting import quoted, shown_path
from npr_daq.text_file import NotReadable, parse_json, parse_toml, read_text

KNOWN = MappingProxyType(
    {
        "frame": ("drop", "flip", "duplicate"),
        "link": ("disconnect",),
        "process": ("exit", "hang"),
        "skin": ("loosen", "fix"),
    }
)
"""Layers and what may go wrong in each."""

FRAMES_MAX, STIMULUS_MAX = 100_000, 2**32 - 1
AT_MAX_S, HANG_MAX_S = 1e6, 3600.0
_KEYS = {"at_stimulus", "at_s", "layer", "what", "count", "seconds", "side", "muscle"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, once.

    It strikes when stimulus number `at_stimulus` is delivered, or at `at_s` seconds of device time, or at once when
    neither is given. `count` DATA frames are hit, at a stimulus from the one on that holds its marker; a hang lasts
    `seconds`; the electrode is `side`, `muscle`.
    """

    layer: str
    what: str
    at_stimulus: int | None = None
    at_s: float | None = None
    count: int = 1
    seconds: float = 1.0
    side: Side | None = None
    muscle: Muscle | None = None


def fault_from(entry: Mapping[str, Any]) -> Fault:
    """A fault from a JSON or TOML table; raises UsageError that says what is allowed."""
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise UsageError(f"fault: unknown key {quoted(unknown[0])}; known are {', '.join(sorted(_KEYS))}")
    layer = _one_of(entry.get("layer"), KNOWN, what="layer")
    if "at_stimulus" in entry and "at_s" in entry:
        raise UsageError("fault: give at_stimulus or at_s, not both")
    fault = Fault(
        layer=layer,
        what=_one_of(entry.get("what"), KNOWN[layer], what=f"what happens to a {layer}"),
        at_stimulus=_whole(entry["at_stimulus"], "at_stimulus", STIMULUS_MAX) if "at_stimulus" in entry else None,
        at_s=_seconds(entry["at_s"], "at_s", AT_MAX_S) if "at_s" in entry else None,
        count=_whole(entry.get("count", 1), "count", FRAMES_MAX),
        seconds=_seconds(entry.get("seconds", 1.0), "seconds", HANG_MAX_S),
        side=Side(_one_of(entry["side"], Side, what="side")) if "side" in entry else None,
        muscle=Muscle(_one_of(entry["muscle"], Muscle, what="muscle")) if "muscle" in entry else None,
    )
    if layer == "skin" and (fault.side is None or fault.muscle is None):
        raise UsageError("fault: an electrode is named by side and muscle")
    return fault


def _one_of(value: object, words: Iterable[str], *, what: str) -> str:
    known = [str(word) for word in words]
    if not isinstance(value, str) or value not in known:
        raise UsageError(f"fault: {what}: {quoted(value)} is not one of {', '.join(known)}")
    return value


def _whole(value: object, key: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise UsageError(f"fault: {key} is {quoted(value)}; it is a whole number of at least 1 and at most {most}")
    return value


def _seconds(value: object, key: str, most: float) -> float:
    # "not" around the whole: NaN is in no range
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise UsageError(
            f"fault: {key} is {quoted(value)}; it is a number of seconds of at least 0 and at most {most:g}"
        )
    return float(value)


def read_faults(path: Path) -> tuple[Fault, ...]:
    """The faults of a file: a JSON list, or TOML with [[fault]] tables; raises UsageError naming the file."""
    text = read_text(path, what="fault file", refusal=UsageError)
    named = f"the fault file {shown_path(path)}"
    try:
        entries = _entries(parse_toml(text)) if path.suffix == ".toml" else parse_json(text)
    except NotReadable as cause:
        raise UsageError(f"{named} cannot be read: {cause}") from cause
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{named} must be a list of faults: JSON, or TOML with [[fault]] tables")
    if not entries:
        raise UsageError(f"{named} has no fault in it; write [[fault]] tables (TOML) or a list of them (JSON)")
    try:
        return tuple(fault_from(entry) for entry in entries)
    except UsageError as cause:
        raise UsageError(f"{named}: {cause}") from cause


def _entries(tables: Mapping[str, Any]) -> Any:
    other = sorted(set(tables) - {"fault"})
    if other:
        raise NotReadable(f"it has {quoted(other[0])} in it, but only [[fault]] tables belong there")
    return tables.get("fault", [])


@dataclass(slots=True)
class FaultScript:
    """Faults that wait for their moment; each is handed out once."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        """Let more faults wait."""
        self.waiting.extend(faults)

    def due_at(self, device_s: float) -> list[Fault]:
        """Faults whose second has come."""
        return self._take([f for f in self.waiting if f.at_stimulus is None and (f.at_s or 0.0) <= device_s])

    def due_with(self, delivered: Iterable[int]) -> list[Fault]:
        """Faults of stimuli that have been delivered, but those of frames."""
        numbers = set(delivered)
        return self._take([f for f in self.waiting if f.at_stimulus in numbers and f.layer != "frame"])

    def due_in_frame(self, marked: Iterable[int]) -> list[Fault]:
        """Faults of frames whose first victim holds the markers of the stimuli `marked`."""
        numbers = set(marked)
        return self._take([f for f in self.waiting if f.at_stimulus in numbers and f.layer == "frame"])

    def next_s(self) -> float:
        """The second of the next fault by time; infinite when none waits."""
        return min((f.at_s or 0.0 for f in self.waiting if f.at_stimulus is None), default=math.inf)

    def _take(self, ripe: list[Fault]) -> list[Fault]:
        self.waiting = [f for f in self.waiting if f not in ripe]
        return ripe


@dataclass(slots=True)
class FrameFaults:
    """Spoils outgoing frames: the next ones are dropped, get one bit flipped, or are sent twice."""

    pending: list[str] = field(default_factory=list)
    spoiled: int = 0

    def add(self, fault: Fault) -> None:
        """Spoil the next `fault.count` frames."""
        self.pending += [fault.what] * fault.count

    def apply(self, frame: bytes) -> bytes:
        """What leaves the device in place of `frame`."""
        if not self.pending:
            return frame
        self.spoiled += 1
        match self.pending.pop(0):
            case "drop":
                return b""
            case "duplicate":
                return frame + frame
            case _:
                middle = len(frame) // 2
                # 0x10 keeps the byte away from the delimiter 0x00, so that exactly one frame is lost
                flipped = frame[middle] ^ (0x10 if frame[middle] != 0x10 else 0x20)
                return frame[:middle] + bytes([flipped]) + frame[middle + 1 :]
