"""Acute wording: only from day 3 to 21 of a complete palsy as told, every published figure with its source."""

from typing import Any

import pytest

from npr_daq.findings import Findings, TableView
from npr_daq.findings.rows import ConductionRow, DoseRow, Quality, SpreadRow, Supramaximal, SymmetryRow
from npr_daq.report import acute

COMPLETE = {"days_since_onset": 7, "house_brackmann": 6}


def row(side: str, muscle: str, *, reasons: tuple[str, ...] = ()) -> ConductionRow:
    return ConductionRow(
        side=side, branch="trunk", muscle=muscle, site="trunk", current_ma=20.0, width_us=200.0, sweeps=5,
        onset_latency_ms=3.0, peak_latency_ms=4.5, negative_peak_mv=1.0, peak_to_peak_mv=None if reasons else 2.0,
        negative_area_mv_ms=1.0, negative_duration_ms=3.0, supramaximal=Supramaximal(not reasons),
        quality=Quality(not reasons, reasons),
    )  # fmt: skip


def findings(
    percent: float | None, *, affected: str = "left", reasons: tuple[str, ...] = (), oculi: float | None = None
) -> Findings:
    rows = [SymmetryRow("trunk", "nasalis", percent, None, None, None, None if percent is not None else "left side")]
    if oculi is not None:
        rows.append(SymmetryRow("trunk", "orbicularis_oculi", oculi, (oculi - 1, oculi + 1), None, None, None))
    return Findings(
        exam={"affected": affected},
        provenance={},
        conduction=TableView(ConductionRow, [row("left", "nasalis", reasons=reasons), row("right", "nasalis")]),
        symmetry=TableView(SymmetryRow, rows),
        evoked_spread=TableView(SpreadRow),
        dose=TableView(DoseRow),
        quality={},
    )


@pytest.mark.parametrize(
    ("intake", "said"),
    [
        ({**COMPLETE, "days_since_onset": None}, "Days since onset are not recorded"),
        ({**COMPLETE, "days_since_onset": 0}, "first 72 h tell nothing"),
        ({**COMPLETE, "days_since_onset": 2}, "Day 2 after onset: phrases of acute"),
        ({**COMPLETE, "days_since_onset": 22}, "they hold for days 3–21"),
        ({**COMPLETE, "days_since_onset": 400}, "13 months after onset"),
        ({**COMPLETE, "house_brackmann": 5}, "not complete as told (House-Brackmann V)"),
        ({"days_since_onset": 7}, "because no grade was told"),
        ({"days_since_onset": 7, "sunnybrook": 12}, "not complete as told (Sunnybrook 12)"),
    ],
)
def test_4_1_left_out_with_the_reason(intake: dict[str, Any], said: str) -> None:
    [told] = acute.sentences(findings(9.0), intake)
    assert said in told
    assert "left out" in told
    assert "Minami" not in told


@pytest.mark.parametrize("days", [3, 21])
@pytest.mark.parametrize("grade", [{"house_brackmann": 6}, {"sunnybrook": 0}])
def test_4_1_said_on_the_first_and_the_last_day_of_a_complete_palsy(days: int, grade: dict[str, Any]) -> None:
    told = " ".join(acute.sentences(findings(35.0), {"days_since_onset": days, **grade}))
    assert "35 % preserved, degeneration index 65 %" in told
    assert "96 % recovered with 20–40 % preserved (Minami 2008, n = 110)" in told
    assert "no prognosis is drawn here" in told


@pytest.mark.parametrize(
    ("percent", "said"),
    [(60.0, "98 %"), (25.0, "96 %"), (15.0, "90 %"), (5.0, "58 %"), (1e-3, "58 %")],
)
def test_4_1_classes_of_the_largest_series(percent: float, said: str) -> None:
    told = [text for text in acute.sentences(findings(percent), COMPLETE) if "Minami" in text]
    assert told[0].startswith(f"Published: {said} recovered")


def test_the_class_that_the_retest_error_reaches_is_told_too() -> None:
    [told] = [text for text in acute.sentences(findings(9.0), COMPLETE) if "Minami" in text]
    assert "the retest error reaches: 90 % recovered with 10–20 % preserved" in told
    [sure] = [text for text in acute.sentences(findings(30.0), COMPLETE) if "Minami" in text]
    assert "retest" not in sure


def test_what_was_not_elicited_is_the_lowest_class() -> None:
    reasons = ("not elicited: no repeating response above 5 SD in 5 sweeps at 30 mA",)
    told = " ".join(acute.sentences(findings(None, reasons=reasons), COMPLETE))
    assert "not elicited, counted as 0 %" in told
    assert "24 % recovered with nothing preserved" in told


@pytest.mark.parametrize(
    "reasons",
    [
        ("not elicited: no response by the operator's word (n)", "contradiction: the sweeps repeat a response"),
        ("not elicited: no response by the operator's word (n)",),
        ("amplifier clipped", "not elicited: x"),
        ("technical: noise",),
    ],
)
def test_no_class_where_the_sweeps_do_not_say_that_there_is_nothing(reasons: tuple[str, ...]) -> None:
    [told] = acute.sentences(findings(None, reasons=reasons), COMPLETE)
    assert "the trunk gives no ratio of the nasalis" in told


@pytest.mark.parametrize("affected", ["both", "none"])
def test_without_a_healthy_side(affected: str) -> None:
    [told] = acute.sentences(findings(9.0, affected=affected), COMPLETE)
    assert "no healthy side" in told


@pytest.mark.parametrize(
    ("days", "there"), [(3, False), (4, True), (6, True), (7, False)]
)  # fmt: skip
def test_4_1_a_series_speaks_only_of_its_own_days_and_muscle(days: int, there: bool) -> None:
    told = " ".join(acute.sentences(findings(30.0, oculi=8.0), {**COMPLETE, "days_since_onset": days}))
    assert ("odds of poor recovery times 10.0" in told) is there
    assert ("orbicularis oculi: 8 % preserved" in told) is there


def test_every_series_covers_every_value_and_names_its_source() -> None:
    for series in acute.SERIES:
        assert series.source
        limits = [least for least, _ in series.classes]
        assert limits == sorted(limits, reverse=True)
        assert limits[-1] == 0.0
        assert acute.FIRST_DAY <= series.days[0] <= series.days[1] <= acute.LAST_DAY
