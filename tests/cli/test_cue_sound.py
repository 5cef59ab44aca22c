"""Cues that are heard: bell and speech, never waited for and never a failure."""

import shutil
import sys
from collections.abc import Sequence

import pytest

from npr_daq.cli.cue_sound import CueSound, bell_wanted, speech_program
from npr_daq.operator import Notice

NOTICES = (Notice("next", "Next: frown"), Notice("cue", "Frown"), Notice("envelope", ""), Notice("release", "Relax"))


def test_the_bell_rings_at_cue_and_release() -> None:
    rung: list[str] = []
    sound = CueSound(bell=lambda: rung.append("bell"))
    for notice in NOTICES:
        sound.take(notice)
    assert len(rung) == 2


def test_words_are_spoken_and_a_longer_one_is_broken_off() -> None:
    import subprocess

    said: list[str] = []

    def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
        said.append(command[1])
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

    sound = CueSound(program="speaks", start=start)
    for notice in NOTICES[1:]:
        sound.take(notice)
    sound.close()
    assert said == ["Frown", "Relax"]


def test_a_program_that_cannot_start_is_left_alone() -> None:
    def start(command: Sequence[str]) -> None:
        raise FileNotFoundError(command[0])

    sound = CueSound(program="speaks", start=start)  # type: ignore[arg-type]
    for notice in NOTICES:
        sound.take(notice)
    assert sound.program is None


def test_speech_is_asked_for_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name == "espeak" else None)
    monkeypatch.delenv("NPR_DAQ_SPEAK", raising=False)
    assert speech_program() is None
    monkeypatch.setenv("NPR_DAQ_SPEAK", "1")
    assert speech_program() == "/bin/espeak"
    assert bell_wanted()
    monkeypatch.setenv("NPR_DAQ_BELL", "0")
    assert not bell_wanted()
