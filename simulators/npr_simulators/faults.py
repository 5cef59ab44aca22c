"""Faults: what goes wrong, in which layer, and at which stimulus or second; and the script that hands them out."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.errors import UsageError
from npr_daq.quoting import quoted
from npr_simulators.fault_kinds import DIRECTIONS, FAULT_KINDS, KEYS, NEWEST, WHEN, WHERE, FaultKind
from npr_simulators.kinds import KINDS

FRAMES_MAX, STIMULUS_MAX = 100_000, 2**32 - 1
AT_MAX_S, HANG_MAX_S = 1e6, 3600.0
LEVEL_MAX_MV, FACTOR_MAX = 1e3, 1e3


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, once.

    It strikes when stimulus number `at_stimulus` is delivered, or at `at_s` seconds of device time, or at once when
    neither is given. `instrument` is the one it strikes, None where there is but one that it can mean. `count` DATA
    frames are hit, at a stimulus from the one on that holds its marker; what lasts lasts `seconds`; the electrode or
    channel is `side`, `muscle`, all of them where that is None. `level_mv` and `factor` say how much, where the usual
    is not meant.
    """

    layer: str
    what: str
    at_stimulus: int | None = None
    at_s: float | None = None
    instrument: str | None = None
    count: int = 1
    seconds: float = 1.0
    direction: str = "both"
    side: Side | None = None
    muscle: Muscle | None = None
    level_mv: float | None = None
    factor: float | None = None


def fault_from(entry: Mapping[str, Any], *, version: int = NEWEST) -> Fault:
    """A fault from a JSON or TOML table of a file of `version`; raises UsageError that says what is allowed."""
    unknown = sorted(set(entry) - KEYS)
    if unknown:
        raise UsageError(f"fault: unknown key {quoted(unknown[0])}; known are {', '.join(sorted(KEYS))}")
    layer = _one_of(entry.get("layer"), FAULT_KINDS, what="layer")
    what = _one_of(entry.get("what"), FAULT_KINDS[layer], what=f"what happens to a {layer}")
    kind = FAULT_KINDS[layer][what]
    if kind.since > version:
        raise UsageError(f"fault: {layer} {what} came with version {kind.since} of the file; write version = {NEWEST}")
    if all(key in entry for key in WHEN):
        raise UsageError("fault: give at_stimulus or at_s, not both")
    _check_keys(entry, kind, f"{layer} {what}", strict=version > 1)
    return Fault(
        layer=layer,
        what=what,
        at_stimulus=_whole(entry["at_stimulus"], "at_stimulus", STIMULUS_MAX) if "at_stimulus" in entry else None,
        at_s=_seconds(entry["at_s"], "at_s", AT_MAX_S) if "at_s" in entry else None,
        instrument=_one_of(entry["instrument"], KINDS, what="instrument") if "instrument" in entry else None,
        count=_whole(entry.get("count", 1), "count", FRAMES_MAX),
        seconds=_seconds(entry.get("seconds", 1.0), "seconds", HANG_MAX_S),
        direction=_one_of(entry.get("direction", "both"), DIRECTIONS, what="direction"),
        side=Side(_one_of(entry["side"], Side, what="side")) if "side" in entry else None,
        muscle=Muscle(_one_of(entry["muscle"], FACIAL_MUSCLES, what="muscle")) if "muscle" in entry else None,
        level_mv=_amount(entry["level_mv"], "level_mv", LEVEL_MAX_MV, " mV") if "level_mv" in entry else None,
        factor=_amount(entry["factor"], "factor", FACTOR_MAX, "") if "factor" in entry else None,
    )


def _check_keys(entry: Mapping[str, Any], kind: FaultKind, named: str, *, strict: bool) -> None:
    missing = [key for key in kind.needs if key not in entry]
    if missing:
        if "side" in kind.needs:
            raise UsageError("fault: an electrode is named by side and muscle")
        raise UsageError(f"fault: {named} needs {missing[0]}")
    if ("side" in entry) != ("muscle" in entry):
        raise UsageError("fault: one channel is named by side and muscle together; leave both out for all channels")
    idle = sorted(set(entry) - {*WHEN, *WHERE, *kind.takes})
    if strict and idle:
        own = ", ".join(kind.takes) or "nothing"
        raise UsageError(f"fault: {idle[0]} means nothing to {named}; beside its moment it takes {own}")


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


def _amount(value: object, key: str, most: float, unit: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise UsageError(f"fault: {key} is {quoted(value)}; it is a number from 0 to {most:g}{unit}")
    return float(value)


@dataclass(slots=True)
class FaultScript:
    """Faults that wait for their moment; each is handed out once."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        """Let more faults wait."""
        self.waiting.extend(faults)

    def due_at(self, device_s: float) -> list[Fault]:
        """Faults whose second has come."""
        return self._take(lambda f: f.at_stimulus is None and (f.at_s or 0.0) <= device_s)

    def due_with(self, delivered: Iterable[int]) -> list[Fault]:
        """Faults of stimuli that have been delivered, but those of frames."""
        numbers = set(delivered)
        return self._take(lambda f: f.at_stimulus in numbers and f.layer != "frame")

    def due_in_frame(self, marked: Iterable[int], mine: Callable[[Fault], bool] = lambda fault: True) -> list[Fault]:
        """Faults of frames, of those that are `mine`, whose first victim holds the markers of the stimuli `marked`."""
        numbers = set(marked)
        return self._take(lambda f: f.at_stimulus in numbers and f.layer == "frame" and mine(f))

    def next_s(self) -> float:
        """The second of the next fault by time; infinite when none waits."""
        return min((f.at_s or 0.0 for f in self.waiting if f.at_stimulus is None), default=math.inf)

    def _take(self, ripe: Callable[[Fault], bool]) -> list[Fault]:
        if not self.waiting:
            return []
        taken = [fault for fault in self.waiting if ripe(fault)]
        self.waiting = [fault for fault in self.waiting if not ripe(fault)]
        return taken


@dataclass(slots=True)
class FrameFaults:
    """Spoils outgoing frames: the next ones are dropped, get one bit flipped, are sent twice or behind the next."""

    pending: list[str] = field(default_factory=list)
    spoiled: int = 0
    _behind: bytes = b""

    def add(self, fault: Fault) -> None:
        """Spoil the next `fault.count` frames."""
        self.pending += [fault.what] * fault.count

    def forget(self) -> None:
        """The line or its client is a new one: a frame that was held back for the old one is gone."""
        self._behind = b""

    def apply(self, frame: bytes) -> bytes:
        """What leaves the device in place of `frame`."""
        if self._behind:
            # The frame before it was held back; a pair is swapped whole before the next one is spoiled.
            frame, self._behind = frame + self._behind, b""
            return frame
        if not self.pending:
            return frame
        self.spoiled += 1
        match self.pending.pop(0):
            case "drop":
                return b""
            case "duplicate":
                return frame + frame
            case "swap":
                self._behind = frame
                return b""
            case _:
                middle = len(frame) // 2
                # 0x10 keeps the byte away from the delimiter 0x00, so that exactly one frame is lost
                flipped = frame[middle] ^ (0x10 if frame[middle] != 0x10 else 0x20)
                return frame[:middle] + bytes([flipped]) + frame[middle + 1 :]
