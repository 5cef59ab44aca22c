"""Checks of command-line values, with sentences that say what is allowed."""

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from npr_daq.errors import UsageError
from npr_daq.quoting import quoted

if TYPE_CHECKING:
    from npr_daq.intake import Affected

E = TypeVar("E", bound=StrEnum)


def as_affected(text: str) -> "Affected":
    """One of left, right, both, none; raises UsageError otherwise."""
    match text:
        case "left" | "right" | "both" | "none":
            return text
    raise UsageError(f"--affected {text!r} is not known; use left, right, both or none")


def one_of(kind: type[E], text: str | None, option: str) -> E:
    """The member of a list of words that `text` names; UsageError, with the words, where it is missing or none."""
    allowed = ", ".join(kind)
    if text is None:
        raise UsageError(f"{option} is missing; use one of {allowed}")
    try:
        return kind(text.strip().lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise UsageError(f"{option} {quoted(text)} is not known; use one of {allowed}") from None
