"""Notes on the places of electrodes, and what is asked of a bench and an intake where nothing stimulates."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.errors import PlanError, SafetyTrip, UsageError
from npr_daq.montage import standard_montage
from npr_daq.session.conduct import prepare
from npr_daq.session.sites import electrodes_event, last_visit, parse_notes
from npr_daq.storage.writer import write_exam

MONTAGE = standard_montage()


def test_notes_are_kept_by_channel() -> None:
    text = "left nasalis 3 mm higher; Right orbicularis oculi: lateral;tape on the chin ; left.nasalis again"
    assert parse_notes(text, MONTAGE) == {
        "left.nasalis": "3 mm higher; again",
        "right.orbicularis_oculi": "lateral",
        "all": "tape on the chin",
    }
    assert parse_notes(" ; ", MONTAGE) == {}
    for wrong, said in (
        ("x" * 5000, "has 5000 characters, and at most 3200"),
        ("left nasalis\n3 mm", "cannot be printed"),
        (f"left nasalis {'x' * 300}", "note on left.nasalis"),
    ):
        with pytest.raises(UsageError, match=said):
            parse_notes(wrong, MONTAGE)
    event = electrodes_event({"left.nasalis": "3 mm higher"})
    assert (event.kind, event.detail) == ("electrodes", {"notes": {"left.nasalis": "3 mm higher"}})


def test_the_last_visit_of_the_subject_is_recalled(synthetic: ModuleType, tmp_path: Path) -> None:
    face = synthetic.Face(sites=(Branch.BUCCAL,), currents_ma=dict.fromkeys(Side, (3.0,)), accepted=1)
    recording = face.recording()
    notes = {"notes": {"left.nasalis": "3 mm higher"}}
    for name, subject, day, kept in (
        ("b", "P-1", "2026-02-01", {"electrodes": notes}),
        ("a", "P-1", "2026-01-01", {}),
        ("c", "P-2", "2026-03-01", {}),
    ):
        header = {**recording.header, "subject": subject, "created": f"{day}T10:00:00+00:00", **kept}
        write_exam(replace(recording, header=header), {}, tmp_path / f"{name}.h5")
    (tmp_path / "foreign.h5").write_bytes(b"no exam")
    assert str(last_visit(tmp_path, "P-1")) == "last visit, 2026-02-01: left nasalis: 3 mm higher"
    assert str(last_visit(tmp_path, "P-2")) == "last visit, 2026-03-01: electrodes as in the montage"
    assert last_visit(tmp_path, "P-3") is None
    assert last_visit(tmp_path / "absent", "P-1") is None


def bench(*, can_stimulate: bool) -> Any:
    can = SimpleNamespace(channel_count=16, can_stimulate=can_stimulate, model="A", device_limits=None)
    return SimpleNamespace(device=SimpleNamespace(capabilities=can), simulator=None, montage=MONTAGE)


def test_movements_need_no_intake_and_no_stimulator() -> None:
    _, plan, intake = prepare("synkinetic_correlation", bench(can_stimulate=False), affected="left", intake=None)
    assert len(plan.movements) == 13
    assert intake.consent is None
    with pytest.raises(PlanError, match=r"has no stimulator, and first_visit stimulates.*synkinetic_correlation"):
        prepare("first_visit", bench(can_stimulate=False), affected="left", intake=None)
    with pytest.raises(SafetyTrip, match="no intake"):
        prepare("first_visit", bench(can_stimulate=True), affected="left", intake=None)
