"""Evoked spread on the page: percent with its millivolts, shaded by both, cautious where the muscle itself is weak."""

from types import ModuleType

import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Side
from npr_daq.findings import Findings, compute
from npr_daq.report import sheets

SITES = (Branch.BUCCAL, Branch.MARGINAL_MANDIBULAR, Branch.CERVICAL)


@pytest.fixture(scope="module")
def lost(synthetic: ModuleType) -> Findings:
    """A mandibular branch that has lost nine tenths on the left, and a spread of the same size on both sides."""
    return compute(synthetic.Face(sites=SITES, kept={Branch.MARGINAL_MANDIBULAR: 0.1}, crosstalk=0.1).recording())


def cell(findings: Findings, side: Side, branch: str, muscle: Muscle) -> sheets.SpreadCell:
    sheet = next(s for s in sheets.spread(findings) if side in s.title)
    cells = dict(sheet.rows)[branch]
    return cells[FACIAL_MUSCLES.index(muscle)]


def test_percent_stands_beside_millivolts(lost: Findings) -> None:
    row = lost.evoked_spread.where(side="right", stimulated="buccal", recorded="mentalis")[0]
    shown = cell(lost, Side.RIGHT, "Buccal", Muscle.MENTALIS)
    assert shown.text == f"{row.percent:.0f} %"
    assert shown.size == f"{row.early_mv:.2f} mV"
    assert 0 < shown.shade < 0.5


def test_axon_loss_alone_is_not_shaded_and_says_that_percent_overstates(lost: Findings) -> None:
    shown = cell(lost, Side.LEFT, "Buccal", Muscle.MENTALIS)
    assert sheets.CAUTION in shown.text
    assert shown.shade == 0.0
    left, right = sheets.spread(lost)
    assert left.weak == ("depressor anguli oris", "mentalis")
    assert right.weak == ()
    assert sheets.CAUTION not in cell(lost, Side.RIGHT, "Buccal", Muscle.MENTALIS).text


@pytest.mark.parametrize(
    ("percent", "early_mv", "dark"),
    [(90.0, 0.06, 0.0), (25.0, 0.06, 0.0), (90.0, None, 0.0), (3.0, 0.6, 0.06), (50.0, 0.5, 1.0), (200.0, 3.0, 1.0)],
)
def test_a_shade_needs_percent_and_size(percent: float, early_mv: float | None, dark: float) -> None:
    assert sheets.shade(percent, early_mv) == pytest.approx(dark)


def test_a_spread_without_an_own_response_shows_its_size(synthetic: ModuleType) -> None:
    found = compute(synthetic.Face(sites=(Branch.BUCCAL,)).recording())
    shown = cell(found, Side.LEFT, "Buccal", Muscle.MENTALIS)
    assert shown.text == "–"
    assert shown.size.endswith(" mV")
