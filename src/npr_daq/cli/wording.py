"""Text for the width of the terminal: wrapped with hanging indents, help in whole paragraphs."""

import inspect
import shutil
from collections.abc import Callable
from textwrap import wrap
from typing import Any


def wrapped(text: str, *, width: int | None = None) -> str:
    """`text` with every line that is too long broken at words, and what follows indented four columns more."""
    width = width or shutil.get_terminal_size((80, 24)).columns
    lines: list[str] = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        held = wrap(line, width, subsequent_indent=indent + "    ", break_long_words=False, break_on_hyphens=False)
        lines += held or [""]
    return "\n".join(lines)


def listed(label: str, text: str, *, indent: int = 4) -> str:
    """`label` and `text`, where `text` goes on below itself."""
    width = shutil.get_terminal_size((80, 24)).columns
    first = " " * indent + label
    return "\n".join(wrap(text, width, initial_indent=first, subsequent_indent=" " * len(first)))


def paragraphs(command: Callable[..., Any]) -> str:
    """The docstring of a command as help: one line for each paragraph, so that the terminal's width breaks it."""
    return "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(command) or "").split("\n\n"))
