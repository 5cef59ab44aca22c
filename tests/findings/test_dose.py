"""The dose is what flowed, by the device's reports; and noise is no excuse for growth that the raw sweeps show."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import compute
from npr_daq.montage import standard_montage
from npr_daq.recording import Event, PulseReport, PulseResult, Recording
from npr_daq.storage import recovery
from npr_daq.storage.codec import report_to_json, stimulus_to_json


def make(synthetic: ModuleType, **faults: Any) -> Recording:
    few = standard_montage((Muscle.NASALIS, Muscle.MENTALIS))
    return synthetic.Face(**{"sites": (Branch.BUCCAL,), "montage": few, **faults}).recording()


def aborted(report: PulseReport, measured_ma: float) -> PulseReport:
    return replace(report, result=PulseResult.ABORTED, measured_ma=measured_ma)


@pytest.mark.parametrize(("measured_ma", "counted"), [(0.0, 0), (1.5, 1)])
def test_an_aborted_pulse_counts_where_current_flowed(synthetic: ModuleType, measured_ma: float, counted: int) -> None:
    recording = make(synthetic)
    first = recording.sweeps[0]
    rest = recording.sweeps[1:]
    stopped = aborted(first.report, measured_ma)
    stored = compute(replace(recording, sweeps=(replace(first, report=stopped), *rest)))
    intent = {"stimulus": stimulus_to_json(first.stimulus)}
    told = Event(recovery.SHOCK_WITHOUT_SWEEP, "", detail={"intent": intent, "report": report_to_json(stopped)})
    unstored = compute(replace(recording, sweeps=rest, events=(told,)))
    for found in (stored, unstored):
        row = found.dose.where(side=str(first.stimulus.side))[0]
        assert row.pulses == len([s for s in rest if s.stimulus.side is first.stimulus.side]) + counted


def test_the_charge_is_by_the_reported_width(synthetic: ModuleType) -> None:
    recording = make(synthetic)
    half = tuple(replace(s, report=replace(s.report, width_us=100.0)) for s in recording.sweeps)
    whole, found = compute(recording).dose[0], compute(replace(recording, sweeps=half)).dose[0]
    assert found.charge_uc == pytest.approx(whole.charge_uc / 2)
    assert found.energy_mj == pytest.approx(whole.energy_mj / 2)
    unknown = tuple(replace(s, report=replace(s.report, width_us=0.0)) for s in recording.sweeps)
    assert compute(replace(recording, sweeps=unknown)).dose[0].charge_uc == pytest.approx(whole.charge_uc)


def test_noise_is_no_excuse_for_growth_that_the_sweeps_show(synthetic: ModuleType) -> None:
    recording = make(synthetic, currents_ma=dict.fromkeys(Side, (2.0, 3.0, 4.0)))
    searches = {
        step: {
            **found,
            "muscles": {m: {**row, "proved": True, "noise_limited": True} for m, row in found["muscles"].items()},
        }
        for step, found in recording.searches.items()
    }
    found = compute(replace(recording, searches=searches))
    assert not any(row.supramaximal.proved for row in found.conduction.where(muscle="nasalis"))
    assert any("still grow" in text for text in found.quality["warnings"])
