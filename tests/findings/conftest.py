"""Lends `kinds.py`, recordings of steps that are no conduction study, to the tests of this folder."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def kinds(synthetic: ModuleType) -> ModuleType:
    name = "npr_daq_test_kinds"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "kinds.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        module.synthetic = synthetic
    return sys.modules[name]


@pytest.fixture(scope="session")
def moving() -> ModuleType:
    name = "npr_daq_test_moving"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "moving.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
