"""Stored findings against findings computed again: bit for bit, within tolerance, and the first difference by path."""

import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.findings.agreement import agreement
from npr_daq.findings.cpu import cpu_class

SOFTWARE = {"npr-daq": "0.1.0", "python": "3.11", "cpu": "x86_64 V4", "numpy": "2.0", "scipy": "1.14"}
OTHER = {**SOFTWARE, "numpy": "2.1"}


def findings(software: dict[str, str] = SOFTWARE, **more: object) -> dict[str, object]:
    row = {"side": "left", "onset_latency_ms": 3.2, "percent": 30.0, "withheld": None, "accepted": True, "sweeps": 5}
    return {"provenance": {"software": dict(software), "parameters": {"a": 1}}, "conduction": [row, {**row, **more}]}


def test_equal_findings_agree_and_software_alone_is_no_difference() -> None:
    assert agreement(findings(), findings()).difference is None
    assert agreement(findings(), findings()).exact
    found = agreement(findings(OTHER), findings())
    assert found.difference is None
    assert not found.exact


@given(st.floats(0.01, 1e4))
def test_with_the_same_software_every_bit_counts(value: float) -> None:
    near = math.nextafter(value, math.inf)
    found = agreement(findings(onset_latency_ms=value), findings(onset_latency_ms=near)).difference
    assert found is not None
    assert found.path == "conduction[1].onset_latency_ms"
    assert agreement(findings(OTHER, onset_latency_ms=value), findings(onset_latency_ms=near)).difference is None


@given(st.floats(-1e4, 1e4), st.floats(-1e-2, 1e-2))
def test_otherwise_within_1e_6_or_a_ten_thousandth_of_the_last_digit(value: float, change: float) -> None:
    other = value + change
    allowed = max(1e-6 * max(abs(value), abs(other)), 1e-6)
    found = agreement(findings(OTHER, onset_latency_ms=value), findings(onset_latency_ms=other)).difference
    assert (found is None) == (abs(value - other) <= allowed)


def test_a_ratio_is_printed_with_one_decimal() -> None:
    assert agreement(findings(OTHER, percent=3.0), findings(percent=3.000009)).difference is None
    assert agreement(findings(OTHER, percent=3.0), findings(percent=3.00002)).difference is not None


@pytest.mark.parametrize("software", [SOFTWARE, OTHER])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"accepted": True}, {"accepted": False}),
        ({"accepted": True}, {"accepted": 1}),
        ({"withheld": None}, {"withheld": "no plateau"}),
        ({"withheld": "not proved"}, {"withheld": "not accepted"}),
        ({"onset_latency_ms": None}, {"onset_latency_ms": 3.2}),
        ({"side": "left"}, {"side": "right"}),
    ],
)
def test_verdicts_flags_and_words_are_identical(software: dict[str, str], one: dict, other: dict) -> None:
    found = agreement(findings(software, **one), findings(**other)).difference
    assert found is not None
    assert found.path == f"conduction[1].{next(iter(one))}"
    assert "stored" in str(found)


def test_a_number_in_a_text_may_round_either_way() -> None:
    said = "signal to noise {} is below 40"
    old, near, far = (findings(OTHER, withheld=said.format(n)) for n in ("21.3", "21.4", "21.5"))
    assert agreement(old, {**near, "provenance": findings()["provenance"]}).difference is None
    assert agreement(old, {**far, "provenance": findings()["provenance"]}).difference is not None
    assert agreement(old, near).difference is not None


def test_a_row_more_or_less_is_a_difference() -> None:
    short = findings()
    short["conduction"] = short["conduction"][:1]  # type: ignore[index]
    for one, other in ((short, findings()), (findings(), short)):
        found = agreement(one, other).difference
        assert found is not None
        assert found.path == "conduction, number of rows"


def test_what_a_later_program_has_added_is_named_and_no_difference() -> None:
    later = copy.deepcopy(findings())
    for row in later["conduction"]:  # type: ignore[attr-defined]
        row["edited"] = {}
    found = agreement(findings(), later)
    assert found.difference is None
    assert found.added == ("conduction[].edited",)
    gone = agreement(later, findings()).difference
    assert gone is not None
    assert gone.path == "conduction[0].edited"


def test_the_class_of_cpu_is_more_than_the_architecture() -> None:
    assert len(cpu_class().split()) >= 2
    assert cpu_class() == cpu_class()
