"""Recordings of the protocols that are no conduction study: the shocks of a synthetic face under other names."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Muscle, Site, TrigeminalSite
from npr_daq.montage import standard_montage
from npr_daq.recording import Recording, Role

MUSCLES = (Muscle.ORBICULARIS_OCULI, Muscle.NASALIS, Muscle.MENTALIS)


@pytest.fixture(scope="session")
def of_kind(synthetic: ModuleType) -> Callable[[str], Recording]:
    """An exam whose only steps are of one kind, both sides, few channels, the accepted sweeps alone."""

    def made(kind: str, **changes: Any) -> Recording:
        site: Site = TrigeminalSite.SUPRAORBITAL if kind == "reflex" else Branch.BUCCAL
        face = synthetic.Face(
            **{"sites": (Branch.BUCCAL,), "accepted": 8, "montage": standard_montage(MUSCLES), "lateral_mv": 0.2}
            | changes
        )
        plain = face.recording()
        named = {step: step.replace("conduction", kind).replace("buccal", str(site)) for step in plain.steps}
        accepted = [s for s in plain.sweeps if s.role is Role.ACCEPT]
        sweeps = []
        for step in plain.steps:
            mine = [s for s in accepted if s.step == step]
            sweeps += [
                replace(
                    sweep,
                    step=named[step],
                    stimulus=replace(sweep.stimulus, site=site),
                    why={"rule": kind, "train": 1 + number // 4, "pulse": 1 + number % 4},
                )
                for number, sweep in enumerate(mine)
            ]
        steps = [
            {"name": s.step, "kind": kind, "side": str(s.stimulus.side), "site": str(s.stimulus.site)} for s in sweeps
        ]
        header = dict(plain.header) | {
            "steps": steps,
            "protocol": {"name": kind, "title": kind, "version": "1", "text": ""},
        }
        return replace(plain, header=header, sweeps=tuple(sweeps), searches={})

    return made


@pytest.fixture(scope="session")
def moving_face() -> ModuleType:
    """The face that moves, of `moving_face.py`."""
    path = Path(__file__).parent / "moving_face.py"
    spec = importlib.util.spec_from_file_location("npr_daq_test_moving_face", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
