"""Patient files: read strictly, each mistake answered with file, key path and nearest key."""

import difflib
import json
import unicodedata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.quoting import quoted, shown_path
from npr_daq.text_file import NotReadable, parse_toml, read_text
from npr_simulators.person.case import CELL_NAMES, FORMAT, VERSION, Case
from npr_simulators.person.case_refusal import explained

FOLDER = Path(__file__).resolve().parents[1] / "people"
"""Where the patients that ship with the simulators are kept."""


def names() -> tuple[str, ...]:
    """Names of the patients that ship with the simulators, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_case(name_or_path: str | Path) -> Case:
    """Read a patient by name, or from a path that ends in `.toml`, in small or capital letters.

    Raises UsageError for a name or path that does not exist, ProtocolFileError (file, key path, what is allowed) for a
    file that is wrong or of another version.
    """
    path = Path(name_or_path)
    if path.suffix.lower() != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
        if str(name_or_path) not in names():
            raise UsageError(f"no simulated patient is called {quoted(str(name_or_path))}; {_hint(str(name_or_path))}")
    return parse_case(read_text(path, what="patient file", refusal=UsageError), source=shown_path(path))


def _hint(name: str) -> str:
    if near := difflib.get_close_matches(name, names(), n=1):
        return f"did you mean {near[0]!r}?"
    file = " (a file of your own is named by a path that ends in .toml)" if "/" in name or "." in name else ""
    return f"known are {', '.join(names())}{file}"


def parse_case(text: str, *, source: str) -> Case:
    """The patient that a TOML text describes; raises ProtocolFileError that names `source` and the key path."""
    try:
        data = parse_toml(text)
    except NotReadable as cause:
        raise ProtocolFileError(f"{source}: not a TOML file: {cause}") from cause
    _check_version(data, source)
    try:
        # strict, so that true is no number and "0.5" no share; as JSON, whose lists and words pydantic still takes
        case = Case.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as cause:
        raise ProtocolFileError(f"{source}: {explained(cause.errors())}") from cause
    _check_words(case, source)
    return case


def _check_words(case: Case, source: str) -> None:
    if case.cell not in CELL_NAMES:
        near = difflib.get_close_matches(case.cell, CELL_NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(CELL_NAMES)}"
        raise ProtocolFileError(f"{source}: cell: {quoted(case.cell)} is no column of the matrix; {hint}")
    told = {"teaches": case.teaches, "expect": case.expect, "intake.cause": case.intake.cause}
    for key, text in told.items():
        # controls and marks of direction: a terminal would act on them; line ends are how TOML breaks a long text
        odd = next((c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t"), None)
        if odd is not None:
            raise ProtocolFileError(f"{source}: {key}: it holds the control character U+{ord(odd):04X}; take it out")


def _check_version(data: dict[str, Any], source: str) -> None:
    # before anything else: in a file of another version every other complaint would be noise
    said, form = data.get("version"), data.get("format", FORMAT)
    if form != FORMAT:
        raise ProtocolFileError(f"{source}: its format is {quoted(form)}, so it is no patient; one has {FORMAT!r}")
    if isinstance(said, int) and not isinstance(said, bool) and said == VERSION:
        return
    is_what = "has no version" if said is None else f"is version {quoted(said)}"
    raise ProtocolFileError(
        f"{source}: this patient file {is_what}, this program reads {VERSION}: write it anew after a file of "
        f"{shown_path(FOLDER)}, with `version = {VERSION}` at its top"
    )
