"""A short protocol, a simulator that runs on its own, and an exam as a process."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

NPR = [sys.executable, "-m", "npr_daq"]

ONE_SITE = """
title = "One site"
purpose = "The shortest exam that is whole."
version = 1
montage = "facial-16"

[[step]]
kind = "conduction"
side = "healthy"
site = "buccal"
"""

BOTH_SIDES = (
    ONE_SITE
    + """
[[step]]
kind = "conduction"
side = "affected"
site = "buccal"
"""
)


@pytest.fixture(scope="session")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("protocols") / "one_site.toml"
    file.write_text(ONE_SITE)
    return file


@pytest.fixture(scope="session")
def both_sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("protocols") / "both_sides.toml"
    file.write_text(BOTH_SIDES)
    return file


@contextmanager
def _simulator(*arguments: str, truth: Path | None = None) -> Iterator[dict[str, str]]:
    """`npr-daq simulate frontend`, ended by its own process id; yields its first line."""
    more = ["--truth", str(truth)] if truth else []
    process = subprocess.Popen([*NPR, "simulate", "frontend", *arguments, *more], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert facts["pid"] == process.pid
        yield facts
    finally:
        process.terminate()
        process.wait(timeout=20)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def simulator() -> Callable[..., AbstractContextManager[dict[str, str]]]:
    return _simulator


@pytest.fixture(scope="session")
def exam_process() -> "Callable[..., subprocess.Popen[str]]":
    return _exam_process


def _exam_process(protocol: Path | str, uri: str, out: Path, *more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*NPR, "exam", str(protocol), "--device", uri, "--subject", "E-1", "--affected", "left", "--operator", "auto",
         "--out", str(out), "--json", *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
