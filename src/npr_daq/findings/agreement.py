"""Whether findings computed again are those that were stored; the first difference is named by its path."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RELATIVE = 1e-6
OF_LAST_DIGIT = 1e-4
"""Architecture, "What changes and what never does": 1e-6 relative, or 1e-4 of the last printed digit."""

PRINTED_DECIMALS = 2
WHOLE_PERCENTS = ("percent", "ci95_percent", "loss_percent", "asymmetry_index", "area_percent", "duration_percent")
"""Ratios are printed whole, or with one decimal; everything else with two."""

SOFTWARE = ("npr-daq", "python", "cpu", "numpy", "scipy")
"""What must be the same for equality bit for bit."""

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two findings differ, and both values as they are."""

    path: str
    stored: Any
    computed: Any

    def __str__(self) -> str:
        return f"{self.path}: stored {_short(self.stored)}, computed again {_short(self.computed)}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether two findings agree: `exact` says that bits were compared, `added` what the stored ones do not have."""

    exact: bool
    difference: Difference | None
    added: tuple[str, ...] = ()


def agreement(stored: Mapping[str, Any], computed: Mapping[str, Any]) -> Agreement:
    """Compare two findings as JSON objects, in the order of the stored ones.

    Bit for bit where both say the same software and class of CPU, otherwise within the tolerance; verdicts, flags and
    texts are identical, numbers inside a text within one unit of their last digit. What a later minor version has
    added to the findings cannot be compared with a file that lacks it: `added` names it, and it is no difference. The
    software itself is not compared.
    """
    exact = software_of(stored) == software_of(computed)
    added: list[str] = []
    found = next(_differences("", without_software(stored), without_software(computed), exact=exact, added=added), None)
    return Agreement(exact, found, tuple(dict.fromkeys(re.sub(r"\[\d+\]", "[]", path) for path in added)))


def software_of(findings: Mapping[str, Any]) -> dict[str, Any]:
    """The versions and the class of CPU that findings were computed with."""
    software = (findings.get("provenance") or {}).get("software") or {}
    return {name: software.get(name) for name in SOFTWARE}


def without_software(findings: Mapping[str, Any]) -> dict[str, Any]:
    """Findings without the versions that they were computed with, which tell nothing about the exam."""
    provenance = findings.get("provenance") or {}
    software = {k: v for k, v in (provenance.get("software") or {}).items() if k not in SOFTWARE}
    return {**findings, "provenance": {**provenance, "software": software}}


def _differences(path: str, stored: Any, computed: Any, *, exact: bool, added: list[str]) -> Iterator[Difference]:
    if isinstance(stored, Mapping) and isinstance(computed, Mapping):
        for key, value in stored.items():
            below = f"{path}.{key}" if path else str(key)
            if key not in computed:
                yield Difference(below, value, "nothing")
            else:
                yield from _differences(below, value, computed[key], exact=exact, added=added)
        added += [f"{path}.{key}" if path else str(key) for key in computed if key not in stored]
    elif _is_list(stored) and _is_list(computed):
        for index, (one, other) in enumerate(zip(stored, computed, strict=False)):
            yield from _differences(f"{path}[{index}]", one, other, exact=exact, added=added)
        if len(stored) != len(computed):
            yield Difference(f"{path}, number of rows", len(stored), len(computed))
    elif not _same(path, stored, computed, exact=exact):
        yield Difference(path, stored, computed)


def _same(path: str, stored: Any, computed: Any, *, exact: bool) -> bool:
    if _is_number(stored) and _is_number(computed):
        return bool(stored == computed) if exact else _near(stored, computed, _decimals(path))
    if type(stored) is not type(computed):
        return False
    if stored == computed:
        return True
    return not exact and isinstance(stored, str) and _texts_near(stored, computed)


def _near(one: float, other: float, decimals: int) -> bool:
    allowed = max(RELATIVE * max(abs(one), abs(other)), OF_LAST_DIGIT * 10.0**-decimals)
    return abs(one - other) <= allowed


def _texts_near(one: str, other: str) -> bool:
    """The same words with the same numbers, each within one unit of its last digit: rounding may fall either way."""
    if _NUMBER.sub("", one) != _NUMBER.sub("", other):
        return False
    pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= 1.01 * 10.0 ** -min(_places(a), _places(b)) for a, b in pairs)


def _places(number: str) -> int:
    return len(number.partition(".")[2])


def _decimals(path: str) -> int:
    name = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]
    return 1 if name in WHOLE_PERCENTS else PRINTED_DECIMALS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
