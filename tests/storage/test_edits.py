"""The edits file: a chain in which every changed byte is found, appended to durably and by one at a time."""

import errno
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import RecordingError, UsageError
from npr_daq.storage.edits import Draft, Edits, Owner, lines_for, parse
from npr_daq.storage.edits_file import append, edits_path, read_edits

OWNER = Owner("0a1b2c3d-0000-4000-8000-000000000001", "ab" * 32)
OTHER = Owner("another", "cd" * 32)
WHEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
GOLDEN = Path(__file__).parents[1] / "golden" / "exam.edits.jsonl"

names = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text.strip())
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
drafts = st.builds(
    Draft,
    who=names,
    what=st.sampled_from(["mark", "analysis"]),
    where=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    before=numbers,
    after=numbers,
    reason=st.none() | names,
)


def chain(made: list[Draft]) -> tuple[bytes, Edits]:
    data, edits = b"", Edits()
    for draft in made:
        line, entry = lines_for(draft, edits, owner=OWNER, when=WHEN, software="npr-daq 0.1.0")
        data += line
        edits = Edits((*edits.entries, entry), entry.sha256)
    return data, edits


def read(data: bytes) -> Edits:
    return parse(data, name="e.edits.jsonl", owner=OWNER)


@given(st.lists(drafts, max_size=5))
def test_what_was_written_is_read(made: list[Draft]) -> None:
    data, edits = chain(made)
    assert read(data) == edits
    for draft, entry in zip(made, edits.entries, strict=True):
        assert (entry.what, entry.where, entry.before, entry.after) == (
            draft.what, draft.where, draft.before, draft.after,
        )  # fmt: skip


@given(st.lists(drafts, min_size=1, max_size=4), st.data())
def test_any_changed_byte_is_found(made: list[Draft], choose: st.DataObject) -> None:
    data, _ = chain(made)
    place = choose.draw(st.integers(0, len(data) - 1))
    value = choose.draw(st.integers(0, 255).filter(lambda byte: byte != data[place]))
    with pytest.raises(RecordingError) as error:
        read(data[:place] + bytes([value]) + data[place + 1 :])
    assert str(error.value).startswith("e.edits.jsonl ")
    assert "\n" not in str(error.value)


@given(st.lists(drafts, min_size=2, max_size=5), st.data())
def test_a_line_missing_twice_or_elsewhere_is_found(made: list[Draft], choose: st.DataObject) -> None:
    lines = chain(made)[0].splitlines(keepends=True)
    place = choose.draw(st.integers(0, len(lines) - 2))
    for wrong in (
        lines[:place] + lines[place + 1 :],
        [*lines[: place + 1], *lines[place:]],
        [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]],
    ):
        with pytest.raises(RecordingError):
            read(b"".join(wrong))


@given(st.lists(drafts, min_size=1, max_size=3), st.data())
def test_an_end_cut_off_inside_a_line_is_found(made: list[Draft], choose: st.DataObject) -> None:
    data, _ = chain(made)
    kept = choose.draw(st.integers(1, len(data) - 1).filter(lambda kept: data[kept - 1 : kept] != b"\n"))
    with pytest.raises(RecordingError, match="has no end"):
        read(data[:kept])


@given(st.binary(min_size=1, max_size=200))
def test_rubbish_is_a_sentence(data: bytes) -> None:
    with pytest.raises(RecordingError):
        read(data)


def test_the_golden_file_still_reads_and_is_written_the_same() -> None:
    data = GOLDEN.read_bytes()
    edits = read(data)
    assert [entry.what for entry in edits.entries] == ["mark", "analysis", "mark"]
    assert edits.entries[0].before == 3.125
    assert edits.entries[2].after is None
    made = [Draft(e.who, e.what, e.where, e.before, e.after, e.reason) for e in edits.entries]
    assert chain(made)[0] == data


def test_every_single_byte_of_the_golden_file_counts() -> None:
    data = GOLDEN.read_bytes()
    for place in range(len(data)):
        with pytest.raises(RecordingError):
            read(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_edits_of_another_exam_are_foreign() -> None:
    data, _ = chain([Draft("A", "mark")])
    with pytest.raises(RecordingError, match="belongs to another exam"):
        parse(data, name="e.edits.jsonl", owner=OTHER)


def test_a_newer_version_says_so() -> None:
    from npr_daq.storage.edits import _sealed

    first = json.loads(chain([Draft("A", "mark")])[0].splitlines()[0])
    newer = {key: value for key, value in first.items() if key != "sha256"} | {"version": 2}
    with pytest.raises(RecordingError, match=r"version 2; this program reads 1\. Use a newer npr-daq"):
        read(_sealed(newer)[0])


@pytest.mark.parametrize("who", ["", "  ", "x" * 81, "a\nb", "\x1b[31m"])
def test_a_name_is_a_name(who: str) -> None:
    with pytest.raises(UsageError):
        Draft(who, "mark")


def put(path: Path, *, expected: Edits | None = None, sync=os.fsync):
    return append(
        path, Draft("A", "mark"), owner=OWNER, when=WHEN, software="npr-daq 0.1.0", expected=expected, sync=sync
    )


def test_the_file_lies_beside_the_exam_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    path = edits_path(tmp_path / "exam.h5")
    assert path == tmp_path / "exam.edits.jsonl"
    assert read_edits(path, owner=OWNER) == Edits()
    assert not path.exists()
    before = os.umask(0)
    try:
        entries = [put(path), put(path)]
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(read_edits(path, owner=OWNER).entries) == entries
    assert entries[1].previous == entries[0].sha256


def test_every_append_is_synced_and_only_adds(tmp_path: Path) -> None:
    path, synced = tmp_path / "e.edits.jsonl", []
    before = b""
    for number in range(1, 4):
        put(path, sync=lambda descriptor: synced.append(os.fstat(descriptor).st_size))
        data = path.read_bytes()
        assert data.startswith(before)
        assert synced[-1] == len(data)
        assert len(synced) == number
        before = data


def test_a_disk_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "e.edits.jsonl"
    put(path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RecordingError, match="No space left on device; nothing was changed"):
        put(path, sync=full)
    assert path.read_bytes() == before


def test_a_damaged_file_is_never_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "e.edits.jsonl"
    put(path)
    damaged = path.read_bytes().replace(b'"who":"A"', b'"who":"B"')
    path.write_bytes(damaged)
    with pytest.raises(RecordingError, match="line 2 is not as it was written"):
        put(path)
    assert path.read_bytes() == damaged


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "e.edits.jsonl"
    put(path)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RecordingError, match="being written by another process"):
            put(path)


def test_an_edit_decided_on_an_older_chain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.edits.jsonl"
    seen = read_edits(path, owner=OWNER)
    put(path, expected=seen)
    with pytest.raises(RecordingError, match="got another entry meanwhile"):
        put(path, expected=seen)


def test_links_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        for attempt in (put, lambda path: read_edits(path, owner=OWNER)):
            with pytest.raises(RecordingError) as error:
                attempt(tmp_path / name)
            assert error.value.exit_code == 5
    assert (tmp_path / "there").read_text() == ""
