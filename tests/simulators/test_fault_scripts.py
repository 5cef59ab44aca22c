"""Scripts of faults: read strictly, and each spoils what it says."""

import math
from pathlib import Path
from typing import Any

import pytest

from npr_daq.errors import UsageError
from npr_daq.wire.link import Link
from npr_daq.wire.messages import Hello
from npr_simulators.fault_file import read_faults
from npr_simulators.fault_kinds import FAULT_KINDS
from npr_simulators.faults import Fault, FaultScript, FrameFaults, fault_from


def test_a_fault_file_is_read_strictly(tmp_path: Any) -> None:
    good = tmp_path / "faults.toml"
    good.write_text('[[fault]]\nlayer = "link"\nwhat = "disconnect"\nat_stimulus = 3\n')
    assert read_faults(good)[0].at_stimulus == 3
    same = tmp_path / "faults.json"
    same.write_text('[{"layer": "link", "what": "disconnect", "at_stimulus": 3}]')
    assert read_faults(same) == read_faults(good)
    same.write_text('{"layer": "link"}')
    with pytest.raises(UsageError, match="list"):
        read_faults(same)
    with pytest.raises(UsageError, match="cannot be read"):
        read_faults(tmp_path / "none.json")
    for entry, word in [
        ({"layer": "link", "what": "melt"}, "disconnect"),
        ({"layer": "link", "what": "disconnect", "when": 1}, "unknown key 'when'"),
        ({"layer": "link", "what": "disconnect", "at_s": 1, "at_stimulus": 1}, "not both"),
        ({"layer": "skin", "what": "loosen"}, "side and muscle"),
        ({"layer": "frame", "what": "drop", "count": "many"}, "many"),
        ({"layer": "frame", "what": "drop", "count": 0}, "at least 1"),
        ({"layer": ["frame"], "what": "drop"}, "is not one of frame"),
        ({"layer": "skin", "what": "loosen", "side": ["left"], "muscle": "nasalis"}, "is not one of left"),
        ({"layer": "skin", "what": "loosen", "side": "left", "muscle": None}, "is not one of frontalis"),
    ]:
        with pytest.raises(UsageError, match=word):
            fault_from(entry)


@pytest.mark.parametrize("key", ["count", "at_stimulus"])
@pytest.mark.parametrize("value", [0, -1, 1.9, 1e30, 10**18, "3", True, None, [], math.inf, math.nan])
def test_what_is_counted_is_a_whole_number_within_bounds(key: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"{key} is .*; it is a whole number of at least 1 and at most") as caught:
        fault_from({"layer": "frame", "what": "drop", key: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("key", ["seconds", "at_s"])
@pytest.mark.parametrize("value", [-1, 1e308, 10**400, "3", True, None, math.inf, -math.inf, math.nan])
def test_a_time_is_a_number_of_seconds_within_bounds(key: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"{key} is .*; it is a number of seconds of at least 0 and at most"):
        fault_from({"layer": "process", "what": "hang", key: value})


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("f.toml", "", "has no fault in it"),
        ("f.toml", "fault = []", "has no fault in it"),
        ("f.toml", '[[faults]]\nlayer = "link"', "'faults' in it"),
        ("f.toml", "fault" + ".a" * 20_000 + " = 1", "nested"),
        ("f.toml", '[fault]\nlayer = "link"', "must be a list"),
        ("f.json", "[]", "has no fault in it"),
        ("f.json", "[" * 100_000, "nested"),
        ("f.json", '[{"layer": "frame", "what": "drop", "count": Infinity}]', "Infinity is no number"),
        ("f.json", '[{"layer": "frame", "what": "drop", "at_s": ' + "9" * 400 + "}]", "64 bits"),
        ("f.json", '[{"layer": "frame", "what": "drop", "at_s": ' + "9" * 5000 + "}]", "64 bits"),
        ("f.json", '[{"layer": "frame", "what": "' + "x" * 5000 + '"}]', "is not one of drop"),
    ],
)
def test_a_fault_file_that_is_none_is_refused_in_few_words(tmp_path: Path, name: str, text: str, says: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(UsageError, match=says) as caught:
        read_faults(file)
    assert "the fault file" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_wrong_one_of_several_is_named_and_so_is_the_form(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('[{"layer": "frame", "what": "drop"}, {"layer": "frame", "what": "dorp"}]')
    with pytest.raises(UsageError, match=r"f\.json, fault 2: what happens to a frame: 'dorp' is not one of"):
        read_faults(file)
    for name, says in (("f.yaml", r"as JSON, because its name does not end in \.toml"), ("f.TOML", "as TOML: ")):
        (tmp_path / name).write_text("fault: x")
        with pytest.raises(UsageError, match=says):
            read_faults(tmp_path / name)
    (tmp_path / "g.TOML").write_text(OLD)
    assert read_faults(tmp_path / "g.TOML")[0].what == "hang"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.toml", 'version = 2\n[[fault]]\nlayer = "link"\nwhat = "stall"\nat_s = 2\nseconds = 0.5\n'),
        ("f.json", '{"version": 2, "fault": [{"layer": "link", "what": "stall", "at_s": 2, "seconds": 0.5}]}'),
    ],
)
def test_version_2_names_itself_in_both_forms(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_faults(tmp_path / name) == (Fault("link", "stall", at_s=2.0, seconds=0.5),)


OLD = '[[fault]]\nlayer = "process"\nwhat = "hang"\nat_s = 1\nside = "left"\nmuscle = "nasalis"\ncount = 3\n'


def test_a_file_of_version_1_is_read_as_it_always_was(tmp_path: Path) -> None:
    """Without the line, or with it; keys that mean nothing to a fault were allowed then."""
    file = tmp_path / "f.toml"
    for head in ("", "version = 1\n"):
        file.write_text(head + OLD)
        assert read_faults(file)[0].what == "hang"
    file.write_text("version = 2\n" + OLD)
    with pytest.raises(UsageError, match="count means nothing to process hang; beside its moment it takes seconds"):
        read_faults(file)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("f.toml", "version = 3\n" + OLD, "is version 3, this program reads 1 and 2; write version = 2"),
        ("f.json", '{"version": 99999, "fault": []}', "is version 99999, this program reads 1 and 2"),
        ("f.toml", 'version = "2"\n' + OLD, "has the version '2', which is no whole number"),
        ("f.toml", "version = true\n" + OLD, "which is no whole number"),
        ("f.toml", "version = 0\n" + OLD, "is version 0, this program reads 1 and 2"),
        ("f.toml", '[[fault]]\nlayer = "frame"\nwhat = "swap"\n', "frame swap came with version 2 of the file"),
        ("f.toml", 'version = 2\ntitle = "x"\n', "'title' in it, but only version"),
        ("f.toml", "version = 2\n", "has no fault in it"),
    ],
)
def test_another_version_says_so(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says) as caught:
        read_faults(tmp_path / name)
    assert f"the fault file {tmp_path / name}" in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"layer": "skin", "what": "saturate"}, "side and muscle"),
        ({"layer": "amplifier", "what": "gain"}, "amplifier gain needs factor"),
        ({"layer": "amplifier", "what": "gain", "factor": -1}, "factor is -1; it is a number from 0 to 1000"),
        ({"layer": "amplifier", "what": "gain", "factor": math.nan}, "a number from 0 to 1000"),
        ({"layer": "amplifier", "what": "clip", "level_mv": "1"}, "a number from 0 to 1000 mV"),
        ({"layer": "amplifier", "what": "clip", "side": "left"}, "side and muscle together"),
        ({"layer": "amplifier", "what": "stuck", "side": "left", "muscle": "masseter"}, "is not one of frontalis"),
        ({"layer": "link", "what": "stall", "direction": "up"}, "is not one of both, reading, sending"),
        ({"layer": "link", "what": "stall", "instrument": "toaster"}, "is not one of frontend, amplifier, stimulator"),
        ({"layer": "frame", "what": "drop", "seconds": 1}, "beside its moment it takes count"),
        ({"layer": "process", "what": "exit", "factor": 2}, "beside its moment it takes nothing"),
    ],
)
def test_a_fault_takes_what_it_can_use(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        fault_from(entry)
    assert len(str(caught.value)) < 250


def test_the_table_in_the_document_is_the_table_of_the_program() -> None:
    text = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    written = {(row[0].strip("`"), row[1].strip("`")): (row[2], row[3], row[4]) for row in rows if len(row) == 6}
    expected = {
        (layer, what): (kind.says, ", ".join(f"`{key}`" for key in kind.takes), str(kind.since))
        for layer, kinds in FAULT_KINDS.items()
        for what, kind in kinds.items()
    }
    assert written == expected


def test_two_swapped_frames_both_arrive_the_later_first() -> None:
    link, far = Link(), Link()
    frames = FrameFaults()
    frames.add(fault_from({"layer": "frame", "what": "swap", "count": 2}))
    sent = [Hello(1, 0, n) for n in range(6)]
    came = [received.message for hello in sent for received in far.receive(frames.apply(link.send(hello)))]
    assert came == [sent[n] for n in (1, 0, 3, 2, 4, 5)]
    assert (frames.spoiled, far.reader.bad_frames) == (2, 0)


def test_a_frame_that_was_held_back_for_an_old_client_is_gone() -> None:
    frames = FrameFaults()
    frames.add(fault_from({"layer": "frame", "what": "swap"}))
    assert frames.apply(b"old") == b""
    frames.forget()
    assert frames.apply(b"new") == b"new"


def test_equal_faults_strike_as_often_as_they_are_written() -> None:
    twice = [fault_from({"layer": "frame", "what": "drop", "at_stimulus": 2})] * 2
    assert FaultScript(list(twice)).due_in_frame([2]) == twice


def test_a_spoiled_frame_is_dropped_doubled_or_broken_and_nothing_else_is() -> None:
    link, far = Link(), Link()
    frames = FrameFaults()
    for what, arrives in (("drop", 0), ("duplicate", 2), ("flip", 0)):
        frames.add(fault_from({"layer": "frame", "what": what}))
        assert len(far.receive(frames.apply(link.send(Hello(1, 0, 1))))) == arrives
        assert len(far.receive(frames.apply(link.send(Hello(1, 0, 1))))) == 1
    assert far.reader.bad_frames == 1
    assert frames.spoiled == 3
