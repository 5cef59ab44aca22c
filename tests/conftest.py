"""Lends the synthetic recording of `tests/findings/synthetic.py` to every test."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    name = "npr_daq_test_synthetic"
    if name not in sys.modules:
        path = Path(__file__).parent / "findings" / "synthetic.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
