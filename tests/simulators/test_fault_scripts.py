"""Scripts of faults: read strictly, and each spoils what it says."""

import math
from pathlib import Path
from typing import Any

import pytest

from npr_daq.errors import UsageError
from npr_daq.wire.link import Link
from npr_daq.wire.messages import Hello
from npr_simulators.fault_file import read_faults
from npr_simulators.faults import FrameFaults, fault_from


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


def test_a_spoiled_frame_is_dropped_doubled_or_broken_and_nothing_else_is() -> None:
    link, far = Link(), Link()
    frames = FrameFaults()
    for what, arrives in (("drop", 0), ("duplicate", 2), ("flip", 0)):
        frames.add(fault_from({"layer": "frame", "what": what}))
        assert len(far.receive(frames.apply(link.send(Hello(1, 0, 1))))) == arrives
        assert len(far.receive(frames.apply(link.send(Hello(1, 0, 1))))) == 1
    assert far.reader.bad_frames == 1
    assert frames.spoiled == 3
