"""Read a protocol file strictly: an error names the file, the line, the key path and what is allowed."""

import json
import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.protocol.include import Reader, flattened
from npr_daq.protocol.model import IncludeStep, Protocol
from npr_daq.protocol.refusals import FROM_FILE, sentence, unknown
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.resources import bundled
from npr_daq.text_file import NotReadable, parse_toml, read_text

_MOST_ERRORS = 5
_NAME_BYTES = 100
"""An exam file is named after its protocol, and most file systems take 255 bytes."""


def names() -> tuple[str, ...]:
    """Names of the protocols that ship with the program."""
    return tuple(sorted(p.stem for p in bundled("protocols").glob("*.toml")))


def load_protocol(name_or_path: str | Path) -> Protocol:
    """The protocol called `name_or_path`, or the one in that file.

    Raises UsageError for an unknown name and ProtocolFileError for a file that cannot be read or is wrong.
    """
    path = Path(name_or_path)
    given = str(name_or_path)
    if not given.strip():
        raise UsageError(f"no protocol is named. Shipped: {', '.join(names())}. Or give the path of a file.")
    # isfile, and not Path.is_file: a name that is too long for any file is no file, not an error.
    if path.suffix != ".toml" and len(path.parts) == 1 and not os.path.isfile(given):
        if given not in names():
            raise UsageError(_no_such(given))
        path = _shipped(given)
    protocol = flattened(_read(path), path, Reader(find=_included, read=_read, where=_where_included))
    _check_names(protocol, source=shown_path(path))
    return protocol


def _read(path: Path) -> Protocol:
    text = read_text(path, what="protocol file", refusal=ProtocolFileError)
    return parse_protocol(text, source=shown_path(path), name=_name_of(path))


def _shipped(name: str) -> Path:
    return bundled("protocols") / f"{name}.toml"


def _no_such(given: str) -> str:
    near = get_close_matches(given, names(), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"there is no protocol {quoted(given)}{hint} Shipped: {', '.join(names())}. Or give the path of a file."


def _included(name: str, including: Path) -> Path:
    """The file that an include step of `including` names: a shipped protocol, or a path from that file's folder."""
    beside = including.parent / name
    if beside.suffix == ".toml" or os.path.isfile(beside):
        return beside
    if name not in names():
        raise ProtocolFileError(_no_such(name))
    return _shipped(name)


def _where_included(protocol: Protocol, path: Path, index: int) -> str:
    return _where(shown_path(path), protocol.text, ("step", index, "protocol"))


def _name_of(path: Path) -> str:
    """What the protocol in `path` is called: the file's name, made fit to be part of another file's name."""
    printable = "".join(c if c.isprintable() else "_" for c in path.stem)
    return printable.encode()[:_NAME_BYTES].decode(errors="ignore")


def parse_protocol(text: str, *, source: str, name: str) -> Protocol:
    """The protocol in `text`; `source` is what errors call the file."""
    try:
        tree = parse_toml(text)
    except NotReadable as error:
        raise ProtocolFileError(f"{source} is not valid TOML: {error}") from error
    reserved = [key for key in FROM_FILE if key in tree]
    if reserved:
        raise ProtocolFileError(f"{_where(source, text, (reserved[0],))}: {unknown(reserved[0], Protocol)}")
    try:
        # Through JSON: strict mode takes words for enumerations and arrays for tuples from JSON only.
        protocol = Protocol.model_validate_json(json.dumps(tree, default=str))
    except ValidationError as error:
        problems = _first_causes(error.errors(include_url=False))
        told = [f"{_where(source, text, _path(p['loc']))}: {sentence(p)}" for p in problems[:_MOST_ERRORS]]
        if len(problems) > _MOST_ERRORS:
            told.append(f"and {len(problems) - _MOST_ERRORS} more")
        raise ProtocolFileError("\n".join(told)) from error
    _check_names(protocol, source=source)
    return protocol.model_copy(update={"name": name, "text": text})


def _check_names(protocol: Protocol, *, source: str) -> None:
    given = [s.name for s in protocol.step if not isinstance(s, IncludeStep) and s.name is not None]
    twice = next((n for n in given if given.count(n) > 1), None)
    if twice is None:
        return
    raise ProtocolFileError(
        f"{source}: step.name: {twice!r} names two steps{', of included files too' if protocol.included else ''}; "
        "a name is used once"
    )


def _first_causes(problems: Sequence[Any]) -> list[Any]:
    """Without those of a table or an array that is wrong only because something inside it is: too few valid steps."""
    places = [problem["loc"] for problem in problems]
    return [
        problem
        for problem, place in zip(problems, places, strict=True)
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    ]


def _path(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A validation location without the tag of the step's kind, which is no key of the file."""
    if len(loc) > 2 and loc[0] == "step":
        return (*loc[:2], *loc[3:])
    return loc


def _where(source: str, text: str, path: tuple[int | str, ...]) -> str:
    """`FILE, line N: step[3].key`; steps are counted from 1, as a reader counts them."""
    words = ""
    for part in path:
        word = f"[{part + 1}]" if isinstance(part, int) else shortened(part)
        words += f".{word}" if words and isinstance(part, str) else word
    line = _line(text, path)
    return f"{source}{f', line {line}' if line else ''}: {words or 'the whole file'}"


def _line(text: str, path: tuple[int | str, ...]) -> int | None:
    """The line of the key at `path`; the line of its table where the key itself is absent."""
    step, table, found = -1, "", None
    wanted_step = path[1] if len(path) > 1 and path[0] == "step" and isinstance(path[1], int) else None
    wanted_table = "step" if wanted_step is not None else str(path[0]) if len(path) > 1 else ""
    wanted_key = path[2] if wanted_step is not None and len(path) > 2 else path[-1] if path else ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([\w.\"'-]+)\s*\]+", line)
        if header:
            table = header.group(1)
            step += table == "step"
            if table == wanted_table and (wanted_step is None or step == wanted_step):
                found = number
            if len(path) == 1 and table == path[0]:
                return number
            continue
        here = table == wanted_table and (wanted_step is None or step == wanted_step)
        if here and re.match(rf"\s*[\"']?{re.escape(str(wanted_key))}[\"']?\s*=", line):
            return number
    return found
