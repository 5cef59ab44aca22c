"""Findings with markers moved by hand: what follows moves, what does not follow stays to the last bit."""

from dataclasses import fields
from types import ModuleType

import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import Findings, compute
from npr_daq.findings.marks import Mark, Marker, Place, in_force
from npr_daq.findings.table import plain as to_json
from npr_daq.recording import Recording

PLACE = Place(Side.LEFT, Branch.BUCCAL, Muscle.NASALIS, Marker.ONSET)
ROW = {"side": "left", "branch": "buccal", "muscle": "nasalis"}


@pytest.fixture(scope="module")
def recording(synthetic: ModuleType) -> Recording:
    made: Recording = synthetic.Face(sites=(Branch.BUCCAL,), kept={Branch.BUCCAL: 0.5}).recording()
    return made


@pytest.fixture(scope="module")
def plain(recording: Recording) -> Findings:
    return compute(recording)


def marked(recording: Recording, **at_ms: float) -> Findings:
    marks = [
        Mark(Place(PLACE.side, PLACE.branch, PLACE.muscle, Marker(name)), 3.0, to, "A. B.", "2026", number)
        for number, (name, to) in enumerate(at_ms.items(), 1)
    ]
    return compute(recording, marks=marks)


def changed(before: Findings, after: Findings) -> dict[str, tuple[object, object]]:
    [old], [new] = before.conduction.where(**ROW), after.conduction.where(**ROW)
    skipped = {"edited", "quality", "supramaximal"}
    found = {
        f.name: (to_json(getattr(old, f.name)), to_json(getattr(new, f.name)))
        for f in fields(old)
        if f.name not in skipped and getattr(old, f.name) != getattr(new, f.name)
    }
    assert {key: (value["from"], value["to"]) for key, value in new.edited.items()} == found
    return found


def test_nothing_else_than_the_marked_response_changes(recording: Recording, plain: Findings) -> None:
    now = marked(recording, onset=3.5, negative_peak=4.8, offset=6.4)
    for table in ("conduction", "symmetry"):
        for old, new in zip(getattr(plain, table), getattr(now, table), strict=True):
            if (old.branch, old.muscle, getattr(old, "side", "left")) != ("buccal", "nasalis", "left"):
                assert old == new
    assert now.evoked_spread == plain.evoked_spread
    assert now.dose == plain.dose
    assert now.quality["warnings"][0] == "3 markers were moved by hand; the rows say which"


def test_an_onset_takes_with_it_what_follows(recording: Recording, plain: Findings) -> None:
    [old] = plain.conduction.where(**ROW)
    now = marked(recording, onset=3.6)
    found = changed(plain, now)
    # The interval was that of the measured onset.
    assert found.pop("onset_ci95_ms") == (to_json(old.onset_ci95_ms), None)
    assert set(found) == {
        "onset_latency_ms", "negative_peak_mv", "negative_area_mv_ms", "negative_duration_ms",
    }  # fmt: skip
    [row] = now.conduction.where(**ROW)
    assert row.onset_latency_ms == 3.6
    assert old.onset_latency_ms is not None
    assert old.negative_duration_ms is not None
    assert row.negative_duration_ms == pytest.approx(old.negative_duration_ms - (3.6 - old.onset_latency_ms))
    assert row.edited["onset_latency_ms"] == {
        "from": old.onset_latency_ms, "to": 3.6, "markers": ["onset"], "entries": [1],
    }  # fmt: skip
    assert any("onset moved from 3.00 to 3.60 ms by A. B." in reason for reason in row.quality.reasons)
    [ratio], [was] = (f.symmetry.where(branch="buccal", muscle="nasalis") for f in (now, plain))
    assert ratio.percent == was.percent
    assert ratio.latency_difference_ms == pytest.approx(was.latency_difference_ms + 3.6 - old.onset_latency_ms)
    assert ratio.edited["latency_difference_ms"]["markers"] == ["onset"]
    assert all(value["markers"] and value["entries"] for value in ratio.edited.values())


def test_a_peak_takes_amplitudes_and_ratio_with_it(recording: Recording, plain: Findings) -> None:
    [old] = plain.conduction.where(**ROW)
    now = marked(recording, negative_peak=old.peak_latency_ms + 0.4)
    found = changed(plain, now)
    assert set(found) == {"peak_latency_ms", "negative_peak_mv", "peak_to_peak_mv"}
    [row] = now.conduction.where(**ROW)
    # The shape of the synthetic response, 0.4 ms behind its peak (tests/findings/synthetic.py).
    fall = old.negative_peak_mv * 0.1654
    assert old.negative_peak_mv - row.negative_peak_mv == pytest.approx(fall, abs=0.02)
    assert old.peak_to_peak_mv - row.peak_to_peak_mv == pytest.approx(old.negative_peak_mv - row.negative_peak_mv)
    [ratio], [was] = (f.symmetry.where(branch="buccal", muscle="nasalis") for f in (now, plain))
    assert ratio.percent == pytest.approx(was.percent * row.peak_to_peak_mv / old.peak_to_peak_mv, rel=0.005)
    assert set(ratio.edited) >= {"percent", "ci95_percent", "loss_percent"}
    assert ratio.edited["percent"]["markers"] == ["negative_peak"]


def test_an_offset_moves_duration_and_area_alone(recording: Recording, plain: Findings) -> None:
    found = changed(plain, marked(recording, offset=5.6))
    assert set(found) == {"negative_area_mv_ms", "negative_duration_ms"}


def test_a_marker_where_it_was_measured_changes_next_to_nothing(recording: Recording, plain: Findings) -> None:
    [old] = plain.conduction.where(**ROW)
    now = marked(
        recording,
        onset=old.onset_latency_ms,
        negative_peak=old.peak_latency_ms,
        offset=old.onset_latency_ms + old.negative_duration_ms,
    )
    [row] = now.conduction.where(**ROW)
    assert row.peak_to_peak_mv == old.peak_to_peak_mv
    assert row.negative_area_mv_ms == pytest.approx(old.negative_area_mv_ms, rel=1e-4)
    # Counted from the trace at the onset, no longer from the foot of the hinge.
    assert row.negative_peak_mv == pytest.approx(old.negative_peak_mv, rel=0.01)


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ({"onset": 6.0}, "out of order"),
        ({"offset": 200.0}, "outside the sweep"),
        ({"negative_peak": 8.0}, "must be above 0"),
    ],
)
def test_a_mark_that_makes_no_sense_moves_nothing_and_says_so(
    recording: Recording, plain: Findings, at: dict[str, float], why: str
) -> None:
    now = marked(recording, **at)
    assert changed(plain, now) == {}
    [row] = now.conduction.where(**ROW)
    assert any("not used" in reason and why in reason for reason in row.quality.reasons)


def test_a_response_that_is_not_there_has_no_markers(synthetic: ModuleType) -> None:
    silent = synthetic.Face(sites=(Branch.BUCCAL,), kept={Branch.BUCCAL: 0.0}).recording()
    before, after = compute(silent), marked(silent, onset=3.5)
    assert changed(before, after) == {}
    [row] = after.conduction.where(**ROW)
    assert row.onset_latency_ms is None
    assert any("not used: there is no response" in reason for reason in row.quality.reasons)


def test_a_weak_response_gets_the_latency_that_a_human_saw(synthetic: ModuleType) -> None:
    weak = synthetic.Face(sites=(Branch.BUCCAL,), noise_uv=600.0).recording()
    before, after = compute(weak), marked(weak, onset=3.4)
    [old], [row] = before.conduction.where(**ROW), after.conduction.where(**ROW)
    assert old.onset_latency_ms is None
    assert any(reason.startswith("latency withheld") for reason in old.quality.reasons)
    assert row.onset_latency_ms == 3.4
    assert not any(reason.startswith("latency withheld") for reason in row.quality.reasons)


def test_the_findings_with_marks_come_back_from_json_equal(recording: Recording) -> None:
    now = marked(recording, onset=3.6, negative_peak=4.9)
    assert Findings.from_json(now.to_json()) == now
    assert [mark["to"] for mark in now.provenance["edits"]["marks"]] == [3.6, 4.9]


def test_the_last_mark_of_a_place_counts_and_may_be_taken_back() -> None:
    other = Place(Side.RIGHT, Branch.BUCCAL, Muscle.NASALIS, Marker.ONSET)
    first, second, third = (Mark(place, 3.0, to, "A", "2026", n) for n, (place, to) in enumerate(
        [(PLACE, 3.1), (other, 3.2), (PLACE, 3.3)], 1
    ))  # fmt: skip
    assert in_force([first, second, third]) == (third, second)
    assert in_force([first, second, third, Mark(PLACE, 3.0, None, "A", "2026", 4)]) == (second,)
