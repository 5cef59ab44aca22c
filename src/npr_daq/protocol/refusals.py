"""What is wrong with one key of a protocol file, and what is allowed there, in words."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from npr_daq.anatomy import TrigeminalSite
from npr_daq.expression import Task
from npr_daq.protocol.model import (
    ConductionStep,
    CrosstalkStep,
    ExcitabilityStep,
    ImpedanceStep,
    IncludeStep,
    LateStep,
    Limits,
    MovementStep,
    Protocol,
    ReflexStep,
    RestStep,
    TrainStep,
)
from npr_daq.quoting import quoted

FROM_FILE = ("name", "text", "included", "step_from", "step_limits", "left_out")
"""Fields of a protocol that are no keys of its file."""

_STEP_MODELS: Mapping[str, type[BaseModel]] = {
    "impedance": ImpedanceStep,
    "conduction": ConductionStep,
    "late": LateStep,
    "reflex": ReflexStep,
    "train": TrainStep,
    "excitability": ExcitabilityStep,
    "crosstalk": CrosstalkStep,
    "rest": RestStep,
    "movement": MovementStep,
    "include": IncludeStep,
}
_UNITS = {"ma": "mA", "us": "us", "hz": "Hz", "s": "s", "kohm": "kohm", "uc": "uC", "mj": "mJ"}
_NO_TOP = 1e6
"""A bound that only keeps absurd numbers out; the limits of the house are far lower, and the plan names them."""
_LISTS = {
    "step": "write each step as a table of its own, headed [[step]]",
    "muscles": 'write a list, for example ["nasalis"]',
    "widths_us": "write a list, for example [200.0]",
}
_PATTERNS = {
    "name": "write at most 64 letters, digits, - and _, a letter or digit first",
    "unlock_reason": "write the reason on one line",
}


def sentence(problem: Any) -> str:
    """What is wrong with one key, and what is allowed there; `problem` is one error of a pydantic validation."""
    loc, value, context = problem["loc"], problem.get("input"), problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            return unknown(str(loc[-1]), _model_at(loc))
        case "missing":
            return "this key is missing"
        case "union_tag_invalid":
            kind = str(context.get("tag", "")).strip("'")
            near = get_close_matches(kind, _STEP_MODELS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            return f"kind = {quoted(kind)} is not a kind of step{hint} Allowed: {', '.join(_STEP_MODELS)}"
        case "union_tag_not_found":
            return f"a step needs a kind; allowed: {', '.join(_STEP_MODELS)}"
        case _:
            said = str(value).lower() if isinstance(value, bool) else quoted(value)
            return f"{said} is not allowed: {_allowed(problem)}"


def unknown(key: str, model: type[BaseModel]) -> str:
    """That `model` has no such key, the nearest one that it has, and all of them."""
    known = [k for k in model.model_fields if not (model is Protocol and k in FROM_FILE)]
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{quoted(key)} is not a known key{hint} Known here: {', '.join(known)}"


def _allowed(problem: Any) -> str:
    loc, kind, context = problem["loc"], str(problem["type"]), problem.get("ctx", {})
    key = next((str(part) for part in reversed(loc) if isinstance(part, str)), "")
    if kind.startswith(("greater_than", "less_than", "int_", "float_", "finite_number")):
        return _numbers(key, loc)
    match kind:
        case "enum" | "literal_error":
            words = f"write one of {str(context.get('expected', '')).replace(' or ', ', ')}"
            if key == "task":
                words = words.replace(f"'{Task.REST}', ", "")  # a task of the face, and no movement
            # A list or a table, which no set may be asked for, can stand where a word should.
            reflex = problem.get("input") in tuple(TrigeminalSite)
            return f'{words}; a step of kind = "reflex" stimulates that nerve' if reflex else words
        case "tuple_type" | "list_type":
            return _LISTS.get(key, "write a list in brackets")
        case "too_short":
            return f"name at least {context.get('min_length', 1)}"
        case "too_long":
            return f"name at most {context.get('max_length', '')}"
        case "string_type":
            return "write text between quotes"
        case "string_too_short":
            return f"write at least {context.get('min_length', 1)} character"
        case "string_too_long":
            return f"write at most {context.get('max_length', '')} characters"
        case "string_pattern_mismatch":
            return _PATTERNS.get(key, "it holds characters that are not allowed")
        case "model_type" | "dict_type":
            return f"write a table, headed [{key}]"
        case _:
            said = str(problem["msg"]).removeprefix("Value error, ")
            return f"{said[:1].lower()}{said[1:]}"


def _numbers(key: str, loc: tuple[int | str, ...]) -> str:
    """The numbers that a key takes: `write a whole number from 5 to 50`, `write a number from 0.05 to 100 Hz`."""
    schema = _model_at(loc).model_json_schema()["properties"].get(key, {})
    schema = schema.get("items", schema)
    schema = next((each for each in schema.get("anyOf", ()) if each.get("type") in ("number", "integer")), schema)
    noun = "a whole number" if schema.get("type") == "integer" else "a number"
    low, top = schema.get("minimum"), schema.get("maximum")
    unit = _UNITS.get(key.rpartition("_")[2], "")
    if top is None or top >= _NO_TOP:
        bounds = "" if low is None else f" of at least {low:g}"
    else:
        bounds = f" of at most {top:g}" if low is None else f" from {low:g} to {top:g}"
    return f"write {noun}{bounds}{f' {unit}' if unit and bounds else ''}"


def _model_at(loc: tuple[int | str, ...]) -> type[BaseModel]:
    if loc[0] == "limits" and len(loc) > 1:
        return Limits
    if loc[0] == "step" and len(loc) > 3:
        return _STEP_MODELS[str(loc[2])]
    return Protocol
