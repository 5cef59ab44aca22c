"""The spread matrix on the page: what stands out, what stays pale, and that words carry every flag."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from npr_daq.findings import Findings, compute
from npr_daq.findings.late_rows import SpreadMatrixRow
from npr_daq.findings.table import TableView
from npr_daq.report.headline import headlines
from npr_daq.report.spread_map import LESS, MORE, MapCell, spread_maps


def row(side: str, recorded: str, points: float | None, half: float = 1.0, **values: Any) -> SpreadMatrixRow:
    ends = None if points is None else (points - half, points + half)
    plain = {"window": "early", "own": recorded == "nasalis", "as_recorded_mv": 0.25, "copied_percent": 40.0}
    return SpreadMatrixRow(
        side, "buccal", recorded, remainder_percent=points, remainder_ci95_percent=ends, **(plain | values)
    )


@pytest.fixture(scope="module")
def bare(synthetic: ModuleType) -> Findings:
    recording = synthetic.Face(sites=()).recording()
    return compute(recording)


def cell(findings: Findings, side: str, recorded: str, *, window: int = 0) -> MapCell:
    maps = spread_maps(findings)[window].maps
    heat = next(one for one in maps if side in one.title)
    return dict(heat.rows)["Buccal"][heat.muscles.index(recorded)]


def of(bare: Findings, *rows: SpreadMatrixRow) -> Findings:
    return replace(bare, spread_matrix=TableView(SpreadMatrixRow, rows))


def test_no_matrix_no_maps(bare: Findings) -> None:
    assert spread_maps(bare) == ()


def test_a_cell_has_value_interval_size_share_and_word(bare: Findings) -> None:
    found = of(
        bare,
        row("left", "mentalis", 20.0, percent=30.0, verdict="answers"),
        row("left", "nasalis", None, as_recorded_mv=2.5),
    )
    shown = cell(found, "left", "mentalis")
    assert shown.text == "20 %"
    assert shown.small == ("[19–21]", "recorded 30 %, 0.25 mV", "copied 40 %")
    assert shown.flag == "answers"
    assert not shown.pale
    assert shown.shade == pytest.approx(0.4)
    own = cell(found, "left", "nasalis")
    assert own.own
    assert own.small == ("2.50 mV",)


@pytest.mark.parametrize(
    ("values", "pale"),
    [
        ({"points": 1.2, "verdict": "answers"}, True),
        ({"points": 12.0, "window": "late", "verdict": "absent"}, True),
        ({"points": 12.0, "window": "late", "verdict": "cannot tell"}, False),
        ({"points": None, "verdict": "", "reasons": ("no own response",)}, True),
    ],
)
def test_little_and_absent_are_pale(bare: Findings, values: dict[str, Any], pale: bool) -> None:
    points = values.pop("points")
    found = of(bare, row("left", "mentalis", points, **values))
    shown = cell(found, "left", "mentalis")
    assert shown.pale is pale
    assert shown.flag == values["verdict"]
    assert (shown.shade == 0.0) is pale
    assert (shown.text == "–") is (points is None)


def test_growth_is_told_where_its_interval_says_so(bare: Findings) -> None:
    grown = row("left", "mentalis", 5.0, growth_mv_per_ma=0.03, growth_ci95_mv_per_ma=(0.01, 0.05))
    flat = row("left", "platysma", 5.0, growth_mv_per_ma=0.03, growth_ci95_mv_per_ma=(-0.01, 0.05))
    found = of(bare, grown, flat)
    assert "grows 30 µV/mA" in cell(found, "left", "mentalis").small
    assert not any("grows" in text for text in cell(found, "left", "platysma").small)


@pytest.mark.parametrize(
    ("points", "half", "verdict", "flag"),
    [
        (8.0, 2.0, "more on the left side", MORE),
        (-8.0, 2.0, "more on the right side", LESS),
        (1.0, 0.2, "more on the left side", "more on the left side"),
        (8.0, 9.0, "no difference", "no difference"),
        (8.0, 2.0, "cannot tell", "cannot tell"),
    ],
)
def test_a_difference_is_marked_where_it_stands(
    bare: Findings, points: float, half: float, verdict: str, flag: str
) -> None:
    found = of(
        bare,
        row("left", "mentalis", 9.0),
        row("difference", "mentalis", points, half, verdict=verdict, as_recorded_mv=None),
    )
    shown = cell(found, "difference", "mentalis")
    assert shown.flag == flag
    marked = flag in (MORE, LESS)
    assert (shown.shade != 0.0) is marked
    said = " ".join(headlines(found))
    assert ("buccal → mentalis" in said) is marked
    assert "of 1 pairs" in said


def test_a_branch_without_a_plateau_is_told_beside_the_differences(synthetic: ModuleType) -> None:
    face = synthetic.Face(
        sites=(synthetic.Branch.BUCCAL,), currents_ma=dict.fromkeys(synthetic.Side, (3.0, 4.0)), accepted=3
    )
    found = of(
        compute(face.recording()),
        row("left", "mentalis", 9.0),
        row("difference", "mentalis", 8.0, verdict="more on the left side", as_recorded_mv=None),
    )
    assert "Not proved supramaximal: left buccal, right buccal." in " ".join(headlines(found))
    small = of(found, row("left", "mentalis", 9.0), row("difference", "mentalis", 0.0, as_recorded_mv=None))
    assert "Not proved" not in " ".join(headlines(small))


def test_a_sentence_names_the_five_largest_differences_and_counts_the_rest(bare: Findings) -> None:
    names = ["frontalis", "orbicularis_oculi", "zygomaticus", "mentalis", "platysma", "depressor_anguli_oris"]
    rows = [row("difference", name, 10.0 + at, verdict="more on the left side") for at, name in enumerate(names)]
    said = " ".join(headlines(of(bare, *rows)))
    assert "depressor anguli oris +15.0" in said
    assert "frontalis +10.0" not in said
    assert "; 1 smaller one in the table." in said
