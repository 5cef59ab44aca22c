"""Measured values beside reference values: only a published limit flags, and only an adult, a proved, a sound value."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.anatomy import Branch
from npr_daq.findings import Findings, compute
from npr_daq.findings.norms import ABOVE, BELOW, REFUSED, SHOWN, WITHIN, NormRow, against, reference_of
from npr_daq.findings.rows import ConductionRow, Quality, Supramaximal, SymmetryRow
from npr_daq.reference import parse_norms, shipped_norms

SHIPPED = shipped_norms()


def conduction(**changes: Any) -> ConductionRow:
    plain = ConductionRow(
        side="left", branch="temporal", muscle="frontalis", site="temporal", current_ma=10.0, width_us=200.0, sweeps=5,
        onset_latency_ms=3.0, peak_latency_ms=4.5, negative_peak_mv=0.6, peak_to_peak_mv=1.0, negative_area_mv_ms=1.0,
        negative_duration_ms=3.0, supramaximal=Supramaximal(True), quality=Quality(True),
    )  # fmt: skip
    return replace(plain, **changes)


def beside(row: ConductionRow, quantity: str, *, age: float | None = 40, evidence: str = "V") -> NormRow:
    found = against([row], [], SHIPPED, age_years=age)
    return next(one for one in found if (one.quantity, one.evidence) == (quantity, evidence))


@pytest.mark.parametrize(("value", "outcome"), [(3.0, WITHIN), (3.9, WITHIN), (3.95, ABOVE)])
def test_a_published_latency_limit_flags(value: float, outcome: str) -> None:
    found = beside(conduction(onset_latency_ms=value), "onset_latency_ms")
    assert (found.outcome, found.flagged, found.reason) == (outcome, outcome == ABOVE, None)
    assert (found.source, found.n, found.unit) == ("Silva 2010", 115, "ms")


def test_a_published_amplitude_limit_flags() -> None:
    assert beside(conduction(peak_to_peak_mv=0.39), "peak_to_peak_mv").outcome == BELOW


def test_a_number_from_memory_never_flags() -> None:
    found = beside(conduction(peak_to_peak_mv=0.01), "peak_to_peak_mv", evidence="T")
    assert (found.outcome, found.flagged) == (SHOWN, False)
    assert "memory" in (found.reason or "")


@given(
    st.sampled_from([(n.branch, n.muscle, n.quantity) for n in SHIPPED.norm if n.branch and n.muscle]),
    st.floats(1e-6, 1e6),
    st.integers(16, 100),
)
def test_nothing_but_a_read_limit_ever_flags(place: tuple[str, str, str], value: float, age: int) -> None:
    branch, muscle, quantity = place
    if not hasattr(conduction(), quantity):
        return
    row = conduction(branch=str(branch), muscle=str(muscle), **{quantity: value})
    for found in against([row], [], SHIPPED, age_years=age):
        if found.flagged:
            assert (found.evidence, found.may_flag) == ("V", True)
            assert found.low is not None or found.high is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"supramaximal": Supramaximal(False)}, "measured, not proved supramaximal"),
        ({"quality": Quality(False, ("mains hum is 9 %",))}, "measured, not acceptable: mains hum is 9 %"),
        ({"onset_latency_ms": None, "quality": Quality(True, ("latency withheld: x",))}, "latency withheld: x"),
    ],
)
def test_what_is_not_proved_is_not_compared(changes: dict[str, Any], said: str) -> None:
    found = beside(conduction(**{"onset_latency_ms": 9.0, **changes}), "onset_latency_ms")
    assert (found.outcome, found.reason, found.sd_away) == (REFUSED, said, None)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (15, "age 15: adult limits are refused below 16 years"),
        (None, "age not recorded: adult limits are not applied"),
    ],
)
def test_3_adult_limits_are_refused_below_16(age: float | None, said: str) -> None:
    found = beside(conduction(onset_latency_ms=9.0), "onset_latency_ms", age=age)
    assert (found.outcome, found.reason) == (REFUSED, said)
    assert beside(conduction(onset_latency_ms=9.0), "onset_latency_ms", age=16).flagged


def test_a_mean_tells_how_many_sd_away() -> None:
    row = conduction(branch="trunk", muscle="orbicularis_oculi", onset_latency_ms=3.26)
    found = beside(row, "onset_latency_ms")
    assert found.sd_away == pytest.approx(2.0)
    assert found.outcome == WITHIN


@pytest.mark.parametrize(("percent", "outcome"), [(45.0, WITHIN), (39.0, ABOVE), (260.0, ABOVE), (240.0, WITHIN)])
def test_the_side_difference_is_that_of_the_larger_side(percent: float, outcome: str) -> None:
    row = SymmetryRow("temporal", "frontalis", percent, None, 100 - percent, -0.1, None)
    [found] = against([], [row], SHIPPED, age_years=40)
    assert (found.side, found.quantity, found.outcome) == ("both", "side_difference_percent", outcome)


def test_a_withheld_ratio_is_not_compared() -> None:
    row = SymmetryRow("temporal", "frontalis", None, None, None, None, "both sides are affected")
    [found] = against([], [row], SHIPPED, age_years=40)
    assert (found.outcome, found.reason) == (REFUSED, "both sides are affected")


def test_a_laboratory_number_of_children_holds_for_children_alone() -> None:
    tree = {
        "name": "own", "version": "1",
        "norm": [{"quantity": "onset_latency_ms", "branch": "temporal", "muscle": "frontalis", "high": 5.0,
                  "from_years": 4.0, "below_years": 16.0, "source": "ours", "evidence": "V"}],
    }  # fmt: skip
    own = parse_norms(tree, source="x")
    [found] = against([conduction(onset_latency_ms=5.5)], [], own, age_years=8)
    assert found.flagged
    assert not against([conduction(onset_latency_ms=5.5)], [], own, age_years=30)


def test_findings_keep_their_reference_set_and_give_it_back(synthetic: ModuleType) -> None:
    own = parse_norms(
        {"name": "own", "version": "7", "norm": [{"quantity": "peak_to_peak_mv", "branch": "temporal",
         "muscle": "frontalis", "low": 9.0, "source": "ours", "evidence": "V"}]}, source="x",
    )  # fmt: skip
    recording = synthetic.Face(sites=(Branch.TEMPORAL,)).recording()
    found = compute(recording, norms=own)
    assert [row.outcome for row in found.norms] == [BELOW, BELOW]
    again = Findings.from_json(found.to_json())
    assert again == found
    assert reference_of(again.provenance) == own
    assert reference_of({}) == SHIPPED
    assert reference_of({"reference": {"name": "of another version", "norms": 1}}) == SHIPPED


def test_findings_of_before_have_neither_norms_nor_sums(synthetic: ModuleType) -> None:
    data = compute(synthetic.Face(sites=(Branch.TEMPORAL,)).recording()).to_dict()
    del data["norms"], data["summed"], data["provenance"]["reference"]
    for row in data["symmetry"]:
        for name in ("asymmetry_index", "latency_withheld", "area_percent", "area_ci95_percent", "duration_percent",
                     "area_withheld", "preferred"):  # fmt: skip
            del row[name]
    old = Findings.from_dict(data)
    assert len(old.norms) == len(old.summed) == 0
    assert old.symmetry[0].percent is not None
    assert old.symmetry[0].area_percent is None
