"""Going on after a break: what stands, what is left, and one file that holds both parts."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.engine.plan import Plan, compile_plan
from npr_daq.errors import UsageError
from npr_daq.exam.seal import seal
from npr_daq.montage import standard_montage
from npr_daq.protocol import Protocol, load_protocol
from npr_daq.recording import Capture, Event, Gap, Recording, Role
from npr_daq.session.header import protocol_record
from npr_daq.session.resume import STREAMS_APART, Resumption, find_unfinished, open_resumption
from npr_daq.session.standing import completed, standing
from npr_daq.stimulus import StimulusLimits
from npr_daq.storage.codec import calibration_to_json, montage_to_json
from npr_daq.storage.journal import Journal
from npr_daq.storage.writer import write_exam

HEAD = 'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
STEPS = (
    '[[step]]\nkind = "impedance"\n',
    '[[step]]\nkind = "rest"\nseconds = 5.0\n',
    '[[step]]\nkind = "movement"\ntask = "pucker"\nrepetitions = 2\n',
    '[[step]]\nkind = "movement"\ntask = "frown"\nrepetitions = 2\n',
    '[[step]]\nkind = "conduction"\nside = "left"\nsite = "buccal"\n',
    '[[step]]\nkind = "conduction"\nside = "right"\nsite = "buccal"\n',
)
LEFT, RIGHT = "05_conduction_left_buccal", "06_conduction_right_buccal"


def made(step: str, number: int, *, accepted: bool = True) -> Event:
    detail = {"step": step, "capture": step, "stream_id": 2, "repetition": number, "accepted": accepted}
    return Event("repetition", "a try", stream_id=2, sample=9, detail=detail)


def answered(step: str, answer: str) -> Event:
    return Event("answer", "judge", detail={"prompt": "judge", "step": step, "answer": answer})


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    path = tmp_path_factory.mktemp("protocols") / "mine.toml"
    path.write_text(HEAD + "".join(STEPS))
    return load_protocol(path)


@pytest.fixture(scope="module")
def plan(protocol: Protocol) -> Plan:
    return compile_plan(protocol, montage=standard_montage(), affected="left", limits=StimulusLimits())


@pytest.fixture(scope="module")
def broken(synthetic: ModuleType, protocol: Protocol, plan: Plan) -> Recording:
    """Rest and the first movement done, the second broken off, left buccal accepted, right buccal broken off."""
    face = synthetic.Face(
        sites=(Branch.BUCCAL,), currents_ma=dict.fromkeys(Side, (3.0, 8.0)), montage=standard_montage()
    )
    recording: Recording = face.recording()
    names = {Side.LEFT: LEFT, Side.RIGHT: RIGHT}
    now = datetime.now(UTC)
    header = {
        **recording.header,
        "subject": "P-1",
        "protocol": protocol_record(protocol),
        "steps": plan.records(),
        "created": now.isoformat(timespec="seconds"),
        "montage": montage_to_json(recording.montage),
        "calibration": calibration_to_json(recording.calibration),
    }
    rows = len(recording.montage.channels)
    captures = tuple(
        Capture(name, name, stream, 2000.0, 0, np.arange(rows * 40, dtype=np.int32).reshape(rows, 40))
        for name, stream in (("02_rest", 1), ("03_movement_pucker", 2), ("04_movement_frown", 2))
    )
    events = (
        Event("rest", "5 s of rest", 1, 40, int(now.timestamp() * 1e9), {"step": "02_rest", "capture": "02_rest"}),
        *(made("03_movement_pucker", number) for number in (1, 2)),
        made("04_movement_frown", 1),
        made("04_movement_frown", 2),
        Event("repetition marked", "bad", detail={"step": "04_movement_frown", "repetition": 2}),
        answered(LEFT, "accept"),
        answered(RIGHT, "redo"),
        Event("shock without sweep", "lost", detail={"stim_seq": 99, "intent": {"step": RIGHT}}),
        Event("stop", "interrupted"),
    )
    return replace(
        recording,
        header=json.loads(json.dumps(header)),
        sweeps=tuple(replace(sweep, step=names[sweep.stimulus.side]) for sweep in recording.sweeps),
        searches={LEFT: {"proved": True}, RIGHT: {"proved": False}},
        captures=captures,
        gaps=(Gap(2, 5, 3, "line"),),
        events=events,
    )


def sealed(recording: Recording, folder: Path, name: str = "0000aaaa-mine.h5") -> Path:
    write_exam(recording, {}, folder / name)
    return folder / name


def test_what_stands_is_read_from_what_was_recorded(broken: Recording) -> None:
    found = {step.name: (step.done, step.words) for step in standing(broken)}
    assert found == {
        "02_rest": (True, "5 s of rest"),
        "03_movement_pucker": (True, "2 of 2 repetitions"),
        "04_movement_frown": (False, "1 of 2 repetitions"),
        LEFT: (True, f"{sum(s.step == LEFT for s in broken.sweeps)} sweeps, accepted"),
        RIGHT: (False, f"{sum(s.step == RIGHT for s in broken.sweeps)} sweeps, not complete"),
    }
    assert not completed(broken)
    accepted = replace(broken, events=(*broken.events, answered("04_movement_frown", "accept")))
    assert next(s for s in standing(accepted) if s.name == "04_movement_frown").done
    skipped = Event("skipped", "", detail={"step": "03_movement_pucker", "reason": "pain"})
    after = standing(replace(broken, events=(*broken.events, skipped)))
    assert next(s for s in after if s.name == "03_movement_pucker").words == "skipped: pain"


def test_the_plan_keeps_what_is_left_and_the_dose_that_was_given(broken: Recording, plan: Plan, tmp_path: Path) -> None:
    found = Resumption(tmp_path / "a.h5", broken, standing(broken), "")
    left = found.left_of(plan)
    assert [step.name for step in left.steps] == ["01_impedance", "04_movement_frown", RIGHT]
    given = 1 + sum(sweep.step == RIGHT for sweep in broken.sweeps)
    assert left.sites[0].max_shocks == plan.sites[1].max_shocks - given
    assert found.first_n == max(sweep.n for sweep in broken.sweeps) + 1
    assert "  left  04_movement_frown" in "\n".join(found.lines())
    many = replace(broken, sweeps=broken.sweeps * 9)
    spent = Resumption(tmp_path / "a.h5", many, standing(many), "").left_of(plan)
    assert RIGHT in spent.omitted
    assert not spent.sites


def test_one_file_holds_both_parts(broken: Recording, plan: Plan, tmp_path: Path) -> None:
    found = open_resumption(sealed(broken, tmp_path))
    journal = Journal.create(tmp_path / "0000bbbb-mine.jrn", {**broken.header, "resumed_from": found.record()})
    found.write(journal)
    journal.event(Event("end", "complete"))
    journal.close(clean=True)
    merged = open_resumption(seal(tmp_path / "0000bbbb-mine.jrn")).recording
    assert [s.n for s in merged.sweeps] == [s.n for s in broken.sweeps]
    for before, after in zip(broken.sweeps, merged.sweeps, strict=True):
        assert np.array_equal(before.counts, after.counts)
        assert after.stream_id == before.stream_id + STREAMS_APART
        assert after.role is (Role.REJECTED if after.step == RIGHT else before.role)
    assert [c.name for c in merged.captures] == ["02_rest", "03_movement_pucker", "04_movement_frown_before"]
    assert merged.gaps[0].stream_id == 2 + STREAMS_APART
    counted = [e.detail for e in merged.events if e.kind == "repetition"]
    assert {(d["step"], d["stream_id"]) for d in counted} == {("03_movement_pucker", 2 + STREAMS_APART)}
    assert set(merged.searches) == {LEFT}
    assert completed(merged)
    again = Resumption(tmp_path / "b.h5", merged, standing(merged), "")
    assert [step.done for step in again.steps] == [step.done for step in found.steps]


def test_what_ended_the_earlier_part_did_not_end_the_exam(broken: Recording, tmp_path: Path) -> None:
    ended = replace(broken, events=(*broken.events, Event("enough", "no more", detail={"step": RIGHT})))
    found = Resumption(tmp_path / "a.h5", ended, standing(ended), "")
    journal = Journal.create(tmp_path / "a.jrn", dict(broken.header))
    found.write(journal)
    journal.close(clean=True)
    kinds = [event.kind for event in open_resumption(seal(tmp_path / "a.jrn")).recording.events]
    assert {"stop before the break", "enough before the break"} < set(kinds)
    assert not {"stop", "enough"} & set(kinds)


def test_steps_that_are_not_planned_today_stay_known(broken: Recording, plan: Plan, tmp_path: Path) -> None:
    header = {**broken.header, "steps": [dict(step) for step in broken.header["steps"]]}
    header["steps"][-2] |= {"kind": "train", "cap_ma": 5.0}
    header["intake"] = {"pacemaker": "no"}
    done = replace(broken, header=header)
    found = Resumption(tmp_path / "a.h5", done, standing(done), "")
    today = replace(plan, steps=tuple(step for step in plan.steps if step.name != LEFT))
    kept = {record["name"]: record for record in found.records(today)}
    assert list(kept) == [record["name"] for record in plan.records()]
    assert kept[LEFT] == header["steps"][-2]
    assert found.records(plan)[-2] == header["steps"][-2]
    assert kept[RIGHT] == plan.records()[-1]
    assert found.record()["intake"] == {"pacemaker": "no"}


def test_a_second_copy_that_was_broken_off_is_passed_over(
    broken: Recording, protocol: Protocol, tmp_path: Path
) -> None:
    """Its events are there, with the end of the first copy among them; its sweeps, and so the dose, are not."""
    second = {**broken.header, "exam_id": "second", "resumed_from": {"exam_id": "first"}}
    first_copy = Event("resumed exam", "going on", detail={"exam_id": "first"})
    whole = replace(broken, header=second, events=(first_copy, *broken.events))
    third = {
        **second,
        "exam_id": "third",
        "resumed_from": {"exam_id": "second"},
        "created": "2999-01-01T00:00:00+00:00",
    }
    torn = replace(whole, header=third, sweeps=())
    path = sealed(whole, tmp_path)
    sealed(torn, tmp_path, "0000dddd-mine.h5")
    assert find_unfinished(tmp_path, subject="P-1", protocol=protocol, affected="left").path == path


def test_the_newest_exam_of_the_subject_is_found(broken: Recording, protocol: Protocol, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"subject": "P-1", "protocol": protocol, "affected": "left"}
    with pytest.raises(UsageError, match="has no exam of P-1 by mine"):
        find_unfinished(tmp_path, **asked)
    path = sealed(broken, tmp_path)
    torn = replace(broken, header={**broken.header, "resumed_from": {}, "created": "2999-01-01T00:00:00+00:00"})
    sealed(torn, tmp_path, "0000dddd-mine.h5")  # ended while its earlier part was being copied
    assert find_unfinished(tmp_path, **asked).path == path
    for other, said in (
        ({"subject": "P-2"}, "has no exam of P-2"),
        ({"affected": "right"}, "--affected says right"),
        ({"protocol": protocol.model_copy(update={"text": "changed"})}, "another text of mine"),
    ):
        with pytest.raises(UsageError, match=said):
            find_unfinished(tmp_path, **(asked | other))
    old = {**broken.header, "created": "2025-01-01T00:00:00+00:00"}
    events = tuple(replace(event, host_ns=0) for event in broken.events)
    path.unlink()
    sealed(replace(broken, header=old, events=events), tmp_path)
    with pytest.raises(UsageError, match="above the limit of 12 hours"):
        find_unfinished(tmp_path, **asked)
    path.unlink()
    sealed(replace(broken, events=(*broken.events, Event("end", "complete"))), tmp_path)
    with pytest.raises(UsageError, match="is complete"):
        find_unfinished(tmp_path, **asked)
