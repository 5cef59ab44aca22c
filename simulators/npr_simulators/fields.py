"""The fields of a control request, each read strictly: what it is, and what it may be."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from npr_daq.errors import UsageError
from npr_daq.quoting import quoted

Request = Mapping[str, Any]
W = TypeVar("W", bound=StrEnum)


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
