"""Recordings by others, read where they lie; a test whose recording is missing is reported as not run."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recording() -> Callable[[str], Path]:
    """Path of a recording: in the folder that NPR_RECORDINGS names, or in ../shared/recordings beside the checkout."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "recordings"
    folder = Path(os.environ.get("NPR_RECORDINGS") or beside)

    def find(name: str) -> Path:
        path = folder / name
        if not path.is_file():
            pytest.skip(f"recording {name} is not in {folder}; set NPR_RECORDINGS to the folder that holds it")
        return path

    return find
