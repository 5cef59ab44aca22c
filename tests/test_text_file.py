"""Files that people write: whatever is in them, they are read within bounds or refused in one sentence."""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import UsageError
from npr_daq.quoting import quoted, shortened, shown_path
from npr_daq.text_file import MOST_BYTES, NotReadable, parse_json, parse_toml, read_text


def refusal(path: str | Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_text(path, what="wanted file", refusal=UsageError)
    assert "the wanted file" in str(caught.value)
    assert len(str(caught.value)) < 400
    return str(caught.value)


def test_a_byte_order_mark_and_foreign_line_ends_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r")
    assert read_text(file, what="file", refusal=UsageError) == "a = 1\nb = 2\n"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("n" * 300 + ".toml", "File name too long"),
        ("a\0b.toml", "no file can have this name"),
        ("\ud800.toml", "no file can have this name"),
        ("", "No such file"),
        ("a/" * 3000, "File name too long"),
    ],
)
def test_a_path_that_no_file_has(path: str, says: str) -> None:
    assert says in refusal(path)


@pytest.mark.skipif(sys.platform == "win32", reason="devices and pipes are those of Unix")
def test_only_regular_files_are_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a regular file" in refusal("/dev/zero")
    assert "not a regular file" in refusal(pipe)
    assert "folder" in refusal(tmp_path) or "directory" in refusal(tmp_path)


def test_size_and_encoding_are_bounded(tmp_path: Path) -> None:
    file = tmp_path / "large.toml"
    file.write_bytes(b"#" * MOST_BYTES)
    assert len(read_text(file, what="file", refusal=UsageError)) == MOST_BYTES
    file.write_bytes(b"#" * (MOST_BYTES + 1))
    assert "larger than 1 MB" in refusal(file)
    file.write_bytes(b"a = '\xff'")
    assert "not UTF-8" in refusal(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = " + "9" * 5000, "beyond 64 bits"),
        ("a = 0x" + "f" * 5000, "beyond 64 bits"),
        ("a = [[1, 9223372036854775808]]", "beyond 64 bits"),
        ("a = " + "[" * 20_000, "nested more than 32 deep (line 1)"),
        ("a = 1\nb = " + "{c=" * 20_000, "nested more than 32 deep (line 2)"),
        ("a" + ".a" * 20_000 + " = 1", "nested more than 32 deep"),
        ("[a" + ".'a'" * 20_000 + "]", "nested more than 32 deep"),
        ('x = """' + "\n[" * 10 + '"""\na = ' + "[" * 40, "(line 12)"),
        ("a = ]", "line 1"),
        ("[" + "x" * 5000 + "]\n[" + "x" * 5000 + "]", "line 2"),
    ],
)
def test_toml_beyond_bounds_is_refused_at_once(text: str, says: str) -> None:
    began = time.process_time()
    with pytest.raises(NotReadable) as caught:
        parse_toml(text)
    assert time.process_time() - began < 1.0
    assert says in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        f"a = '{'[' * 500}' # {'{' * 500}",
        f'a = """{"." * 500}{"[" * 500}\\""" """',
        f"a = [{'1.5, ' * 5000}]",
        "".join(f"[[step]]\nat.x = {n}.5\n" for n in range(2000)),
        f"a = -{2**63}\nb = {2**63 - 1}",
    ],
)
def test_what_is_long_or_in_quotes_is_not_deep(text: str) -> None:
    assert parse_toml(text)


@pytest.mark.parametrize(
    "text", ['"\\"' * 200_000, '"""' + "\\" * 500_000, "'''" * 200_001, "a." * 300_000, '"' * 500_001]
)
def test_no_text_of_a_megabyte_takes_long(text: str) -> None:
    began = time.process_time()
    with pytest.raises(NotReadable):
        parse_toml(text)
    assert time.process_time() - began < 3.0


@given(st.text(alphabet="ab[]{}.,=\"'#\\\n 01", max_size=60))
def test_any_text_is_toml_or_not_readable(text: str) -> None:
    with suppress(NotReadable):
        assert isinstance(parse_toml(text), dict)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "deep"),
        ('{"a":' * 100_000, "deep"),
        ("9" * 5000, "beyond 64 bits"),
        ("[1e999]", "too large"),
        ('{"a": NaN}', "NaN is no number"),
        ("-Infinity", "no number"),
        ("x", "Expecting value"),
        (b"\xff\xfe\x00garbage", "UTF-8"),
    ],
)
def test_json_beyond_bounds_is_refused(text: str | bytes, says: str) -> None:
    with pytest.raises(NotReadable, match=says):
        parse_json(text)


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(), st.lists, max_leaves=20))
def test_other_json_is_itself(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


@given(st.text(), st.integers(20, 100))
def test_shortened_text_is_printable_and_short(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    assert short.isprintable()


def test_quoted_values_are_those_of_python_while_they_are_short() -> None:
    assert quoted("it's") == '"it\'s"'
    assert quoted([1, None]) == "[1, None]"
    assert len(quoted("x" * 5000)) < 90
    assert len(quoted(["x" * 5000])) < 90
    assert quoted(10**5000) == "a number with too many digits"
    assert "\x1b" not in quoted("\x1b[31m" * 1000)


def test_a_path_is_shown_whole_unless_it_is_absurd() -> None:
    assert shown_path(Path("a") / "b.toml") == str(Path("a") / "b.toml")
    assert shown_path("\udcff\n.toml") == "\\udcff\\n.toml"
    assert len(shown_path("n" * 5000)) <= 240
    assert shown_path("n" * 5000 + ".toml").endswith(".toml")
