"""JSON and text in the forms that journal and exam file keep."""

import json
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np

from npr_daq.errors import RecordingError


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys, no spaces, ASCII only; the same value always gives the same text.

    A number that is not finite becomes null, as JSON has none (RFC 8259, section 6); NumPy scalars and arrays become
    plain numbers and lists. Raises RecordingError for what has no JSON form.
    """
    try:
        return _dump(value, sort_keys=True)
    except ValueError:
        return _dump(_finite(value), sort_keys=True)


def compact_json(value: Any) -> str:
    """As `canonical_json`, but keeps the order of keys."""
    try:
        return _dump(value, sort_keys=False)
    except ValueError:
        return _dump(_finite(value), sort_keys=False)


def parse_json(text: str | bytes) -> Any:
    """JSON text as a value; raises ValueError for anything that is not JSON, however deeply it nests."""
    try:
        return json.loads(text)
    except RecursionError as cause:
        raise ValueError("JSON nests too deeply") from cause


def clean(text: str) -> str:
    """`text` without what HDF5 and UTF-8 cannot hold: NUL and lone surrogates become U+FFFD."""
    if text.isascii() and "\0" not in text:
        return str(text)
    return "".join("�" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


def number_to_json(value: float) -> float | str:
    """A float, exact: a finite one as itself, the others as "nan", "inf", "-inf", which `float()` reads back."""
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _dump(value: Any, *, sort_keys: bool) -> str:
    try:
        return json.dumps(
            value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=_plain
        )
    except TypeError as cause:
        raise RecordingError(
            f"cannot store this in a recording: {cause}; give plain numbers, texts and lists"
        ) from cause


def _plain(value: Any) -> Any:
    match value:
        case np.generic() | np.ndarray():
            return value.tolist()
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
        case Sequence() | set() | frozenset():
            return list(value)
        case _:
            raise TypeError(f"{type(value).__name__} {value!r} has no JSON form")


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case str() | bool() | int() | None:
            return value
        case Mapping():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_finite(item) for item in value]
        case _:
            return _finite(_plain(value))
