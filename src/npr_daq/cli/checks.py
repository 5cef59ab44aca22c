"""Checks of command-line values, with sentences that say what is allowed."""

from typing import TYPE_CHECKING

from npr_daq.errors import UsageError

if TYPE_CHECKING:
    from npr_daq.intake import Affected


def as_affected(text: str) -> "Affected":
    """One of left, right, both, none; raises UsageError otherwise."""
    match text:
        case "left" | "right" | "both" | "none":
            return text
    raise UsageError(f"--affected {text!r} is not known; use left, right, both or none")
