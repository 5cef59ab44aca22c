"""Read what people write in files (TOML, JSON) with bounds: every way to fail is one sentence."""

import json
import math
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from npr_daq.errors import NprError
from npr_daq.quoting import shortened, shown_path

MOST_BYTES = 1_000_000
MOST_NESTED = 32
"""Tables in tables, arrays in arrays, and parts of one dotted key; no file of ours has more than 4."""
INTEGERS = range(-(2**63), 2**63)
"""What TOML 1.0 ("Integer") promises to carry, and what every other reader of JSON can hold."""

# Strings and comments first, so that nothing inside them counts; one without an end takes the rest, so that no byte
# is looked at twice.
_PIECES = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\[^\n]|[^"\\\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+"
    r"|[][{}.,=\n]",
    re.DOTALL,
)


class NotReadable(Exception):
    """Why a file or a text cannot be taken, as the end of a sentence."""


def read_text(path: str | Path, *, what: str, refusal: type[NprError]) -> str:
    """The text of a regular UTF-8 file of at most 1 MB, with or without a byte order mark; line ends become `\\n`.

    `what` is what the file is called in the sentence of `refusal`, which is raised for everything else.
    """
    try:
        data = _bytes_of(path)
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except NotReadable as cause:
        reason = str(cause)
    except OSError as cause:
        reason = f"{cause.strerror or cause}; check the path"
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except ValueError:  # a path with a zero byte, or with characters that no path has
        reason = "no file can have this name"
    raise refusal(f"the {what} {shown_path(path)} cannot be read: {reason}")


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of `text`; raises NotReadable for wrong TOML, deep nesting and numbers out of bounds."""
    _check_nesting(text)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise NotReadable(shortened(str(cause), 160)) from cause
    except (ValueError, RecursionError) as cause:
        raise _beyond_bounds(cause) from cause
    _check_integers(tree)
    return tree


def parse_json(text: str | bytes) -> Any:
    """The value of `text`; raises NotReadable for wrong JSON, NaN, infinities, deep nesting, numbers out of bounds."""
    try:
        # Decoded here: json guesses at UTF-16 and UTF-32, which nobody promises.
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        tree = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError as cause:
        raise NotReadable("it is not UTF-8 text") from cause
    except json.JSONDecodeError as cause:
        raise NotReadable(shortened(str(cause), 160)) from cause
    except (ValueError, RecursionError) as cause:
        raise _beyond_bounds(cause) from cause
    _check_integers(tree)
    return tree


def _bytes_of(path: str | Path) -> bytes:
    with open(path, "rb", opener=_open_regular) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise NotReadable(f"it is larger than {MOST_BYTES // 1_000_000} MB")
    return data


def _open_regular(path: str, flags: int) -> int:
    # Without waiting: a named pipe would not answer before somebody writes to it.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    raise NotReadable("it is a folder" if stat.S_ISDIR(kind) else "it is not a regular file")


def _check_nesting(text: str) -> None:
    """Before parsing: tomllib needs 14 s for a key of 20,000 parts, and the stack for 1,000 brackets."""
    depth = dots = 0
    for piece in _PIECES.finditer(text):
        match piece.group():
            case "[" | "{":
                depth += 1
                dots = 0
            case "]" | "}":
                depth = max(0, depth - 1)
                dots = 0
            case ".":
                dots += 1
            case "," | "=" | "\n":
                dots = 0
        if max(depth, dots) > MOST_NESTED:
            line = text.count("\n", 0, piece.start()) + 1
            raise NotReadable(f"it is nested more than {MOST_NESTED} deep (line {line})")


def _check_integers(tree: Any) -> None:
    # By hand, not by calls: the depth of what has been parsed is not bounded by the stack that is left here.
    rest = [tree]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
        elif isinstance(value, int) and value not in INTEGERS:
            raise NotReadable("it holds an integer beyond 64 bits")


def _beyond_bounds(cause: ValueError | RecursionError) -> NotReadable:
    if isinstance(cause, RecursionError):
        return NotReadable("it is nested too deeply")
    if "digits" in str(cause):
        return NotReadable("it holds an integer beyond 64 bits")
    return NotReadable(shortened(str(cause), 160))


def _no_number(word: str) -> NoReturn:
    raise NotReadable(f"{word} is no number")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise NotReadable(f"the number {shortened(word)} is too large")
    return number
