"""Include steps resolved: the steps of other protocol files in their places, within the strictest of all limits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from npr_daq.errors import ProtocolFileError
from npr_daq.protocol.model import ImpedanceStep, IncludeStep, Limits, Protocol, RestStep, Step

MAX_DEPTH = 3
"""An included file may include another, and that a third; deeper nesting is nobody's intent."""

Find = Callable[[str, Path], Path]
"""The file that an include step names, as seen from the file that includes it; raises ProtocolFileError."""
Read = Callable[[Path], Protocol]


@dataclass(frozen=True, slots=True)
class Reader:
    """How included files are found and read; `where` words the place of an include step for an error."""

    find: Find
    read: Read
    where: Callable[[Protocol, Path, int], str]


@dataclass(slots=True)
class _Taken:
    """The flat list as it grows."""

    steps: list[Step] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, step: Step, limits: Limits, source: str) -> None:
        said = _covered(step, self.steps) if source else ""
        if said:
            self.left_out.append(f"{source}: {said}")
            return
        self.steps.append(step)
        self.limits.append(limits)
        self.sources.append(source)


def flattened(protocol: Protocol, path: Path, reader: Reader) -> Protocol:
    """`protocol` with the steps of every included file in its place; itself where it includes nothing.

    An impedance reading of an included file is left out after an earlier one that asks for as much, unless it has a
    name; so is a rest that would follow at once on one at least as long. Raises ProtocolFileError naming the file and
    the include step: no such file, a cycle, deeper than `MAX_DEPTH`, another montage, one step name twice.
    """
    if not any(isinstance(step, IncludeStep) for step in protocol.step):
        return protocol
    taken = _Taken()
    _take(protocol, path, reader, trail=((path, protocol.name),), within=protocol.limits, taken=taken)
    return protocol.model_copy(
        update={
            "step": tuple(taken.steps),
            "included": taken.texts,
            "step_from": tuple(taken.sources),
            "step_limits": tuple(taken.limits),
            "left_out": tuple(taken.left_out),
        }
    )


def _take(
    protocol: Protocol,
    path: Path,
    reader: Reader,
    *,
    trail: tuple[tuple[Path, str], ...],
    within: Limits,
    taken: _Taken,
) -> None:
    source = protocol.name if len(trail) > 1 else ""
    for index, step in enumerate(protocol.step):
        if not isinstance(step, IncludeStep):
            taken.add(step, within, source)
            continue
        where = reader.where(protocol, path, index)
        try:
            inner_path = reader.find(step.protocol, path)
            names = " -> ".join([*(name for _, name in trail), step.protocol])
            if any(_same(inner_path, earlier) for earlier, _ in trail):
                raise ProtocolFileError(f"{step.protocol!r} includes itself ({names}); take one of the includes out")
            if len(trail) > MAX_DEPTH:
                raise ProtocolFileError(f"included files are nested {len(trail)} deep ({names}); at most {MAX_DEPTH}")
            inner = reader.read(inner_path)
            if inner.montage != protocol.montage:
                raise ProtocolFileError(
                    f"{step.protocol!r} is for the montage {inner.montage!r}, and this protocol for "
                    f"{protocol.montage!r}; both must be for the same"
                )
            if taken.texts.setdefault(inner.name, inner.text) != inner.text:
                raise ProtocolFileError(f"two different included files are called {inner.name!r}; rename one of them")
        except ProtocolFileError as error:
            raise ProtocolFileError(f"{where}: {error}") from error
        _take(
            inner,
            inner_path,
            reader,
            trail=(*trail, (inner_path, inner.name)),
            within=stricter(within, inner.limits),
            taken=taken,
        )


def _same(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve()


_LOWER_IS_STRICTER = tuple(key for key in Limits.model_fields if key != "unlock_reason")


def stricter(one: Limits, other: Limits) -> Limits:
    """Every limit as strict as the stricter of both. Only where both are unlocked is the result, for both reasons.

    A limit counts as named where either file names it, so that it is held against those of the house and the bench.
    """
    values = {key: min(getattr(one, key), getattr(other, key)) for key in _LOWER_IS_STRICTER}
    named = {key for key in (one.model_fields_set | other.model_fields_set) if key != "unlock_reason"}
    reasons = [limits.unlock_reason for limits in (one, other) if limits.unlock_reason is not None]
    if len(reasons) == 2:
        values["unlock_reason"] = "; ".join(dict.fromkeys(reasons))
        named.add("unlock_reason")
    return Limits.model_construct(_fields_set=named, **values)


def _covered(step: Step, before: list[Step]) -> str:
    """Why `step` is not needed after `before`; empty where it is."""
    if isinstance(step, ImpedanceStep) and step.name is None:
        for number, earlier in enumerate(before, 1):
            if (
                isinstance(earlier, ImpedanceStep)
                and earlier.frequency_hz == step.frequency_hz
                and earlier.max_kohm <= step.max_kohm
                and earlier.max_pair_difference_kohm <= step.max_pair_difference_kohm
            ):
                return f"its impedance reading is that of step {number}"
    if isinstance(step, RestStep) and before:
        last = before[-1]
        if isinstance(last, RestStep) and last.seconds >= step.seconds:
            return f"its {step.seconds:g} s of rest are those of step {len(before)}"
    return ""
