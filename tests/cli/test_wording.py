"""Text at the width of the terminal."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.cli.devices import LEVELS
from npr_daq.cli.simulate import ready_command
from npr_daq.cli.wording import listed, paragraphs, wrapped


@given(st.lists(st.text(alphabet="abc  ", max_size=120), max_size=4), st.integers(20, 90))
def test_wrapping_keeps_the_words_and_the_width(lines: list[str], width: int) -> None:
    text = "\n".join(lines)
    broken = wrapped(text, width=width)
    assert broken.split() == text.split()
    for line in broken.splitlines():
        assert len(line) <= width or len(line.split()) == 1


def test_a_wrapped_line_hangs() -> None:
    assert wrapped("  one two three", width=10) == "  one two\n      three"
    assert wrapped("short   columns\n\nstay", width=20) == "short   columns\n\nstay"


def test_a_list_hangs_below_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert listed("teaches: ", "aa bbbb cc dd") == "    teaches: aa bbbb\n             cc dd"


def test_help_is_whole_paragraphs() -> None:
    def command() -> None:
        """One
        sentence.

        Another
        one.
        """

    assert paragraphs(command) == "One sentence.\n\nAnother one."


def test_the_ready_command_survives_a_shell() -> None:
    uri = "frontend@serial:/dev/pts/5?control=unix:/run/a b/c&speed=1"
    words = shlex.split(ready_command({"uri": uri, "side": "right"}))
    assert words[:4] == ["npr-daq", "exam", "conduction_trunk", "--device"]
    assert words[4] == uri
    assert words[-1] == "right"


def test_every_level_of_verification_has_words() -> None:
    assert tuple(LEVELS) == ("L0", "L1", "L2", "L3", "L4")
