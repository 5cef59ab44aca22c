"""Why a patient file is refused, in a clinician's words: the key, the value, what it may be, and its unit."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from npr_daq.quoting import quoted, shortened
from npr_simulators.person.case import ByBranch, Case
from npr_simulators.person.case_text import MEANINGS

_NO_WHOLE = ("int_type", "int_from_float", "int_parsing")
_NO_NUMBER = ("float_type", "float_parsing", "finite_number", *_NO_WHOLE)
_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_FIXED: Mapping[str, str] = MappingProxyType(
    {
        "bool_type": "is not true or false",
        "string_type": "is no text; write it between quotes",
        "string_too_short": "is empty; say it in a sentence",
        "string_pattern_mismatch": "is no name; take small letters, digits and _, and begin with a letter",
    }
)


def explained(errors: list[ErrorDetails]) -> str:
    """The mistake that says most, as `key.path: what is wrong and what is allowed`."""
    # a misspelt key is both unknown and missing; the unknown one says more
    first = min(errors, key=lambda found: found["type"] != "extra_forbidden")
    where = ".".join(shortened(str(part)) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{where}: {_reason(first)}" if where else _reason(first)
    known = keys_at(first["loc"][:-1])
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    return f"{where}: unknown key; " + (f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}")


def keys_at(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that a patient file knows at `place`, e.g. ("lesion", "degeneration")."""
    return tuple(_table_at(place).model_fields)


def _reason(found: ErrorDetails) -> str:
    kind, given, place = found["type"], found["input"], found["loc"]
    field = _field_at(place)
    match kind:
        case "missing":
            return f"is missing{_meant(place)}; healthy.toml shows how to write it"
        case "literal_error" | "enum":
            words = str(found["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
            near = difflib.get_close_matches(given, words.split(", "), n=1) if isinstance(given, str) else []
            return f"{quoted(given)} is not one of {words}" + (f"; did you mean {near[0]!r}?" if near else "")
        case "model_type" if field is not None and _table_in(field.annotation) is ByBranch:
            return f"{quoted(given)} is no share; give one number from 0 to 1, or a table by branch: {{ buccal = 0.7 }}"
        case "model_type":
            return f"{quoted(given)} is no table; write [{place[-1]}] and its keys below it"
        case "tuple_type" if place[0] == "central":
            return "is one table; write [[central]], with two brackets, for each command that another muscle gets"
        case "tuple_type":
            return f'{quoted(given)} is no list; write for example ["lesion.nasalis"]'
        case "string_too_long":
            return f"{quoted(given)} is too long; at most {found['ctx']['max_length']} characters"
        case _ if kind in _FIXED:
            return f"{quoted(given)} {_FIXED[kind]}"
        case _ if field is not None and kind in (*_NO_NUMBER, *_OUT_OF_RANGE):
            whole = "whole number" if field.annotation in (int, int | None) else "number"
            wrong = f"is no {whole}" if kind in _NO_NUMBER else "is out of range"
            return f"{quoted(given)} {wrong}{_meant(place)}; give a {whole}{_range(field)}"
    return shortened(str(found["msg"]).removeprefix("Value error, "), 300)


def _meant(place: tuple[int | str, ...]) -> str:
    """What the number means and its unit, as the files say it beside it."""
    words = [str(part) for part in place if isinstance(part, str) and part not in ByBranch.model_fields]
    words[:1] = [words[0].replace("other_side", "lesion")]
    meaning = MEANINGS.get(".".join(words))
    return "" if meaning is None else f" ({meaning})"


def _range(field: FieldInfo) -> str:
    low, above, high = (
        next((getattr(m, bound) for m in field.metadata if hasattr(m, bound)), None) for bound in ("ge", "gt", "le")
    )
    if low is not None and high is not None:
        return f" from {low} to {high}"
    least = f" of at least {low}" if low is not None else "" if above is None else f" above {above}"
    return f"{least} and at most {high}" if least and high is not None else least


def _field_at(place: tuple[int | str, ...]) -> FieldInfo | None:
    """The field at `place`, None for an entry of a list or what no file may hold."""
    if not place or not isinstance(place[-1], str):
        return None
    return _table_at(place[:-1]).model_fields.get(place[-1])


def _table_at(place: tuple[int | str, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Case
    for part in place:
        if isinstance(part, str):
            model = _table_in(model.model_fields[part].annotation) or model
    return model


def _table_in(annotation: Any) -> type[BaseModel] | None:
    rest = [annotation]
    while rest:
        kind = rest.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        rest.extend(get_args(kind))
    return None
