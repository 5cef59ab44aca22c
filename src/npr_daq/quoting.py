"""Words of other people inside our sentences: shortened, and without anything that a terminal would act on."""

MOST = 80
"""Characters of a user's or a device's text that a sentence repeats."""
MOST_OF_A_PATH = 240
_TAIL = 24


def shortened(text: str, most: int = MOST) -> str:
    """`text` on one line, control and other unprintable characters as spaces, its middle left out beyond `most`."""
    if len(text) > 4 * most:
        text = text[: 2 * most] + text[-2 * most :]
    clean = "".join(c if c.isprintable() else " " for c in text).strip()
    if len(clean) <= most:
        return clean
    tail = min(_TAIL, most // 4)
    return f"{clean[: most - tail - 3]}...{clean[-tail:]}"


def quoted(value: object, most: int = MOST) -> str:
    """`value` as Python writes it, its middle left out beyond `most` characters; never fails."""
    if isinstance(value, str):
        # What is left out is left out before it is escaped: an escape must not be cut in two.
        return repr(_middle_left_out(value, most))
    try:
        return _middle_left_out(repr(value), most)
    except ValueError:  # an integer of more digits than Python writes
        return "a number with too many digits"
    except RecursionError:
        return "a value that is nested too deeply"


def shown_path(path: object) -> str:
    """A path as it is, made printable: an undecodable byte as an escape, the middle left out where it is very long."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(path))
    return _middle_left_out(text, MOST_OF_A_PATH)


def _middle_left_out(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - _TAIL - 3]}...{text[-_TAIL:]}"
