"""Read a file of reference values strictly: an error names the file, the line, the key path and what is allowed."""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from npr_daq.errors import UsageError
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.reference.norms import QUANTITIES, Norm, Norms
from npr_daq.text_file import NotReadable, parse_toml, read_text

SHIPPED = "norms.toml"


@cache
def shipped_norms() -> Norms:
    """The published numbers that ship with the program."""
    return _parsed(files("npr_daq.reference").joinpath(SHIPPED).read_text(encoding="utf-8"), source=SHIPPED)


def load_norms(path: str | Path) -> Norms:
    """The reference values of the TOML file at `path`.

    Raises UsageError (exit 2) for a file that cannot be read or is wrong, in one sentence with line and key path.
    """
    return _parsed(read_text(path, what="file of reference values", refusal=UsageError), source=shown_path(path))


def parse_norms(tree: Mapping[str, Any], *, source: str, text: str = "") -> Norms:
    """The reference values in `tree`; raises UsageError for what is wrong in it, `source` being the file's name."""
    try:
        # Through JSON: strict mode takes words for enumerations and arrays for tuples from JSON only.
        return Norms.model_validate_json(json.dumps(tree, default=str))
    except ValidationError as cause:
        first = cause.errors(include_url=False)[0]
        path, said = tuple(first["loc"]), _sentence(first)
        if said.startswith("quantity:"):
            path, said = (*path, "quantity"), _nearest(said.removeprefix("quantity:"), tuple(QUANTITIES), "a quantity")
        raise UsageError(f"{_where(source, text, path)}: {said}") from cause


def _parsed(text: str, *, source: str) -> Norms:
    try:
        tree = parse_toml(text)
    except NotReadable as cause:
        raise UsageError(f"the file of reference values {source} is not valid TOML: {cause}") from cause
    return parse_norms(tree, source=source, text=text)


def _sentence(problem: Any) -> str:
    """What is wrong with one key, and what is allowed there."""
    place, value = problem["loc"], problem.get("input")
    model: type[BaseModel] = Norm if len(place) > 2 else Norms
    match problem["type"]:
        case "extra_forbidden":
            return _nearest(str(place[-1]), tuple(model.model_fields), "a key")
        case "missing":
            return "this key is missing"
        case "value_error":
            return str(problem["msg"]).removeprefix("Value error, ")
        case "enum":
            allowed = str(problem["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
            return _nearest(str(value), tuple(allowed), f"a {place[-1]}")
        case _:
            message = str(problem["msg"]).replace("Input should be", "it must be")
            return f"{quoted(value)} is not allowed: {message[:1].lower()}{message[1:]}"


def _nearest(given: str, known: tuple[str, ...], what: str) -> str:
    near = get_close_matches(given, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known here are {', '.join(known)}"
    return f"{quoted(given)} is not {what} that is known{hint}"


def _where(source: str, text: str, path: tuple[int | str, ...]) -> str:
    """`FILE, line N: norm[3].key`; numbers are counted from 1, as a reader counts them."""
    words = ""
    for part in path:
        word = f"[{part + 1}]" if isinstance(part, int) else shortened(part)
        words += f".{word}" if words and isinstance(part, str) else word
    line = _line(text, path)
    return f"{source}{f', line {line}' if line else ''}: {words or 'the whole file'}"


def _line(text: str, path: tuple[int | str, ...]) -> int | None:
    """The line of the key at `path`; that of its table where the key itself is absent."""
    table, found = -1, None
    wanted = path[1] if len(path) > 1 and isinstance(path[1], int) else -1
    key = path[2] if len(path) > 2 else path[0] if wanted < 0 and path else None
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[\[\s*norm\s*\]\]", line):
            table += 1
            if table == wanted:
                found = number
        elif table == wanted and key is not None and re.match(rf"\s*[\"']?{re.escape(str(key))}[\"']?\s*=", line):
            return number
    return found
