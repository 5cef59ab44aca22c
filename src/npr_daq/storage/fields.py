"""Fields of a JSON object that must be what they are said to be; ValueError names the one that is not."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

MAX_DEPTH = 50
"""Levels of lists and objects; what is deeper nobody wrote, and writing it again would exhaust the stack."""

MAX_RATE_HZ = 1e6
"""Beyond any EMG converter; holes are filled sample by sample, so a senseless rate would take all memory."""

_I64 = 2**63 - 1
_U64 = 2**64 - 1


def whole(data: Mapping[str, Any], name: str) -> int:
    """A whole number that an exam file can hold: 64 bits with a sign."""
    return _whole(data, name, -_I64 - 1, _I64)


def count(data: Mapping[str, Any], name: str) -> int:
    """A whole number of at least 0: a length, a number of samples."""
    return _whole(data, name, 0, _I64)


def sample(data: Mapping[str, Any], name: str) -> int:
    """An index on a device's sample clock: 64 bits without a sign."""
    return _whole(data, name, 0, _U64)


def words(data: Mapping[str, Any], name: str) -> str:
    """A text."""
    value = data[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}, not a text")
    return value


def all_words(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts."""
    value = data[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{name} is {value!r}, not a list of texts")
    return tuple(value)


def finite(data: Mapping[str, Any], name: str) -> float:
    """A number, neither NaN nor infinite."""
    value = float(data[name])
    if not isfinite(value):
        raise ValueError(f"{name} is {value}, not a finite number")
    return value


def rate(data: Mapping[str, Any], name: str) -> float:
    """A sampling rate in Hz: above 0, at most `MAX_RATE_HZ`."""
    value = finite(data, name)
    if not 0 < value <= MAX_RATE_HZ:
        raise ValueError(f"{name} is {value:g} Hz, not above 0 and at most {MAX_RATE_HZ:g} Hz")
    return value


def mapping(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object that can be written again."""
    return as_mapping(data[name], name)


def as_mapping(value: Any, name: str) -> dict[str, Any]:
    """`value`, when it is an object that can be written again."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r:.80}, not an object")
    if not is_shallow(value):
        raise ValueError(f"{name} nests deeper than {MAX_DEPTH} levels")
    return value


def is_shallow(value: Any, *, levels: int = MAX_DEPTH) -> bool:
    """Whether lists and objects nest at most `levels` deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(is_shallow(item, levels=levels - 1) for item in inner)


def _whole(data: Mapping[str, Any], name: str, lowest: int, highest: int) -> int:
    value = data[name]
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise ValueError(f"{name} is {value!r:.80}, not a whole number from {lowest} to {highest}")
    return value
