"""The fields of a control request, each read strictly: what it is, and what it may be."""

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from npr_daq.errors import UsageError
from npr_daq.quoting import quoted

Request = Mapping[str, Any]
W = TypeVar("W", bound=StrEnum)


def only(request: Request, known: tuple[str, ...]) -> None:
    """Raise UsageError for a field that means nothing to the operation: a misspelt one would be lost in silence."""
    other = next((name for name in request if name != "op" and name not in known), None)
    if other is None:
        return
    near = get_close_matches(other, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known) or 'none'}"
    raise UsageError(f"{quoted(request['op'])} has no field {quoted(other)}; {hint}")


def word(words: type[W], request: Request, name: str) -> W:
    """One of `words`; raises UsageError that lists them."""
    for known in words:
        if known == request.get(name):
            return known
    raise UsageError(f"{name} {quoted(request.get(name))} is not one of {', '.join(words)}")


def amount(request: Request, name: str, most: float) -> float | None:
    """A number from 0 to `most`, None where it is not there; raises UsageError otherwise."""
    value = request.get(name)
    if value is None:
        return None
    # "not" around the whole: NaN is in no range
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise UsageError(f"{name} {quoted(value)} is not a number of 0 to {most:g}")
    return float(value)


def yes_or_no(request: Request, name: str) -> bool | None:
    """True or false, None where it is not there; raises UsageError otherwise."""
    value = request.get(name)
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"{name} {quoted(value)} is neither true nor false")
    return value


def number(request: Request, name: str) -> int:
    """A whole number from 0 on; raises UsageError otherwise."""
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name} {quoted(value)} is not a whole number from 0 on")
    return value
