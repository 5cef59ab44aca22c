"""A small exam, and the journal that it leaves."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.montage import standard_montage
from npr_daq.recording import Recording, Role
from npr_daq.storage.codec import calibration_to_json, montage_to_json
from npr_daq.storage.journal import Journal


@pytest.fixture(scope="session")
def recording(synthetic: ModuleType) -> Recording:
    face = synthetic.Face(
        sites=(Branch.BUCCAL,),
        kept={Branch.BUCCAL: 0.5},
        currents_ma=dict.fromkeys(Side, (3.0, 8.0, 10.0)),
        montage=standard_montage((Muscle.NASALIS, Muscle.MENTALIS)),
    )
    made: Recording = face.recording()
    return made


def _write_journal(recording: Recording, path: Path, *, clean: bool = True, dangling: bool = False) -> Path:
    header = {
        **recording.header,
        "montage": montage_to_json(recording.montage),
        "calibration": calibration_to_json(recording.calibration),
    }
    journal = Journal.create(path, header)
    for sweep in recording.sweeps:
        asked: dict[str, Any] = {"stim_seq": sweep.stim_seq, "boot_id": sweep.boot_id}
        journal.intent(**asked, step=sweep.step, stimulus=sweep.stimulus, role=sweep.role, why=sweep.why)
        journal.outcome(**asked, status="delivered", report=sweep.report)
        journal.sweep(sweep)
    for step, evidence in recording.searches.items():
        journal.search(step, evidence)
    if dangling:
        last = recording.sweeps[-1]
        journal.intent(
            stim_seq=last.stim_seq + 1,
            boot_id=last.boot_id,
            step=last.step,
            stimulus=last.stimulus,
            role=Role.ACCEPT,
            why={},
        )
    journal.close(clean=clean)
    return path


@pytest.fixture(scope="session")
def write_journal() -> Callable[..., Path]:
    """Writes the journal that an exam of a recording leaves: `(recording, path, clean=True, dangling=False)`."""
    return _write_journal
