"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_first_exam(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    script = Path(request.config.rootpath) / "examples" / "first_exam.py"
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "trunk" in done.stdout
    assert (tmp_path / "first_exam.png").stat().st_size > 10_000
    assert len(list(tmp_path.glob("*-conduction_trunk.h5"))) == 1


def test_synkinesis_on_arrays(request: pytest.FixtureRequest) -> None:
    script = Path(request.config.rootpath) / "examples" / "synkinesis_on_arrays.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "verdict      present" in done.stdout
