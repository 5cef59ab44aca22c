"""Patient files: read strictly, each mistake answered with file, key path and nearest key."""

import difflib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.text_file import NotReadable, parse_toml, read_text
from npr_simulators.person.case import VERSION, Case

FOLDER = Path(__file__).resolve().parents[1] / "people"
"""Where the patients that ship with the simulators are kept."""

_VALIDATORS_OWN_WORDS = "Value error, "


def names() -> tuple[str, ...]:
    """Names of the patients that ship with the simulators, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_case(name_or_path: str | Path) -> Case:
    """Read a patient by name, or from a path that ends in `.toml`.

    Raises UsageError for a name or path that does not exist, ProtocolFileError (file, key path, what is allowed) for a
    file that is wrong or of another version.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
        if str(name_or_path) not in names():
            near = difflib.get_close_matches(str(name_or_path), names(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names())}"
            raise UsageError(f"no simulated patient is called {quoted(str(name_or_path))}; {hint}")
    return parse_case(read_text(path, what="patient file", refusal=UsageError), source=shown_path(path))


def parse_case(text: str, *, source: str) -> Case:
    """The patient that a TOML text describes; raises ProtocolFileError that names `source` and the key path."""
    try:
        data = parse_toml(text)
    except NotReadable as cause:
        raise ProtocolFileError(f"{source}: not a TOML file: {cause}") from cause
    _check_version(data, source)
    try:
        return Case.model_validate(data)
    except ValidationError as cause:
        raise ProtocolFileError(f"{source}: {_explained(cause)}") from cause


def _check_version(data: dict[str, Any], source: str) -> None:
    # before anything else: in a file of another version every other complaint would be noise
    said = data.get("version")
    if isinstance(said, int) and not isinstance(said, bool) and said == VERSION:
        return
    is_what = "has no version" if said is None else f"is version {quoted(said)}"
    raise ProtocolFileError(
        f"{source}: this patient file {is_what}, this program reads {VERSION}: write it anew after a file of "
        f"{shown_path(FOLDER)}, with `version = {VERSION}` at its top"
    )


def _explained(error: ValidationError) -> str:
    # a misspelt key is both unknown and missing; the unknown one says more
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    where = ".".join(shortened(str(part)) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{where}: {_reason(first)}" if where else _reason(first)
    known = keys_at(first["loc"][:-1])
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    return f"{where}: unknown key; " + (f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}")


def _reason(found: ErrorDetails) -> str:
    said = str(found["msg"]).removeprefix(_VALIDATORS_OWN_WORDS)
    given = found.get("input")
    if found["type"] == "missing" or isinstance(given, dict | list | BaseModel):
        return shortened(said, 300)
    return f"{shortened(said, 300)}, not {quoted(given)}"


def keys_at(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that a patient file knows at `place`, e.g. ("lesion", "degeneration")."""
    model: type[BaseModel] = Case
    for part in place:
        if isinstance(part, str):
            model = _model_in(model.model_fields[part].annotation)
    return tuple(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel]:
    rest = [annotation]
    while rest:
        kind = rest.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        rest.extend(get_args(kind))
    raise TypeError(f"{annotation!r} holds no table")
