"""Templates on disk: found again, made anew when damaged, never in the way."""

import os
from pathlib import Path

import numpy as np
import pytest

from npr_simulators.person import template_store
from npr_simulators.person.template_store import KEPT, kept_or_made

WAVES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


class Maker:
    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> np.ndarray:
        self.made += 1
        return WAVES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NPR_DAQ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_made_is_found_again(folder: Path):
    make = Maker()
    for _ in range(3):
        assert np.array_equal(kept_or_made("a", WAVES.shape, make), WAVES)
    assert make.made == 1
    kept_or_made("b", WAVES.shape, make)
    assert make.made == 2
    assert len(list(folder.iterdir())) == 2


def test_a_file_is_an_ordinary_array(folder: Path):
    kept_or_made("a", WAVES.shape, Maker())
    assert np.array_equal(np.load(next(folder.iterdir())), WAVES)


@pytest.mark.parametrize("damage", [b"", b"abc", b"\x93NUMPY" + bytes(300)])
def test_a_foreign_file_is_made_anew(folder: Path, damage: bytes):
    make = Maker()
    kept_or_made("a", WAVES.shape, make)
    next(folder.iterdir()).write_bytes(damage)
    assert np.array_equal(kept_or_made("a", WAVES.shape, make), WAVES)
    assert np.array_equal(kept_or_made("a", WAVES.shape, make), WAVES)
    assert make.made == 2


def test_no_flipped_bit_and_no_missing_end_is_ever_read(folder: Path):
    make = Maker()
    kept_or_made("a", WAVES.shape, make)
    path = next(folder.iterdir())
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    damaged += [whole[:n] + bytes([whole[n] ^ 4]) + whole[n + 1 :] for n in range(len(whole))]
    for k, content in enumerate(damaged):
        path.write_bytes(content)
        assert np.array_equal(kept_or_made("a", WAVES.shape, make), WAVES)
        assert make.made == k + 2


def test_an_array_of_another_shape_is_not_taken(folder: Path):
    kept_or_made("a", (9, 9), lambda: np.zeros((9, 9), np.float32))
    assert np.array_equal(kept_or_made("a", WAVES.shape, Maker()), WAVES)


def test_only_the_newest_used_are_kept(folder: Path):
    make = Maker()
    for k in range(KEPT):
        kept_or_made(f"old{k:02}", WAVES.shape, make)
        path = folder / f"old{k:02}{template_store.SUFFIX}"
        os.utime(path, (1000 + k, 1000 + k))
    kept_or_made("old00", WAVES.shape, make)  # used again: no longer the oldest
    kept_or_made("new", WAVES.shape, make)
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    assert names == {"old00", "new", *(f"old{k:02}" for k in range(2, KEPT))}
    assert make.made == KEPT + 1


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NPR_DAQ_CACHE", str(tmp_path / "file" / "cache"))
    make = Maker()
    for _ in range(2):
        assert np.array_equal(kept_or_made("a", WAVES.shape, make), WAVES)
    assert make.made == 2


def test_a_write_that_fails_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert np.array_equal(kept_or_made("a", WAVES.shape, Maker()), WAVES)
    assert not list(folder.iterdir())


def test_where_the_folder_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NPR_DAQ_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert template_store.folder() == Path("/somewhere/npr-daq")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert template_store.folder() == Path("/home/somebody/.cache/npr-daq")
