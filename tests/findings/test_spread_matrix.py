"""The evoked spread matrix: what is a copy, what is the muscle's own, where a cell lacks data, and the difference."""

from types import ModuleType

import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_daq.findings import Findings, compute
from npr_daq.findings.late_rows import SpreadMatrixRow

SITES = (Branch.ZYGOMATIC, Branch.MARGINAL_MANDIBULAR)
OWN_ROWS = 3
"""Muscles that the two branches supply."""


@pytest.fixture(scope="module")
def recorded(synthetic: ModuleType):
    class Misrouted(synthetic.Face):
        """The left mentalis answers the zygomatic branch with a tenth of its own response, in its own time."""

        def _sweep(self, rng, n, step, side, site, current, role):
            sweep = super()._sweep(rng, n, step, side, site, current, role)
            if side == "left" and site is Branch.ZYGOMATIC:
                times = (synthetic.np.arange(synthetic.LENGTH) - sweep.onset - synthetic.DELAY) * 1e3 / 20_000.0
                wave = -200.0 * self.recruited(current) * synthetic.shape(times - synthetic.LATENCY_MS[Muscle.MENTALIS])
                row = self.montage.row(Side.LEFT, Muscle.MENTALIS)
                sweep.counts[row] += synthetic.np.rint(wave * 1e3 / synthetic.LSB_NV).astype(sweep.counts.dtype)
            return sweep

    return Misrouted(sites=SITES, crosstalk=0.03).recording()


@pytest.fixture(scope="module")
def findings(recorded) -> Findings:
    return compute(recorded)


def cell(found: Findings, **where: object) -> SpreadMatrixRow:
    [row] = found.spread_matrix.where(**{"side": "left", "stimulated": "zygomatic", "window": "early", **where})
    return row


def test_every_muscle_at_every_branch_early_and_late(findings: Findings) -> None:
    table = findings.spread_matrix
    for side in Side:
        assert len(table.where(side=str(side))) == 2 * len(SITES) * len(FACIAL_MUSCLES)
    assert len(table.where(side="difference")) == 2 * (len(SITES) * len(FACIAL_MUSCLES) - OWN_ROWS)
    for row in table.where(own=True):
        assert row.recorded in SUPPLIES[Branch(row.stimulated)]
        assert row.verdict == "own branch"
        assert row.remainder_percent is row.copied_percent is None
        if row.window == "early":
            assert row.percent == pytest.approx(100.0, abs=0.1)


def test_a_copy_goes_with_volume_conduction_and_the_own_part_stays(findings: Findings) -> None:
    copied = cell(findings, recorded="depressor_anguli_oris")
    assert copied.percent == pytest.approx(2.5, abs=1.0)
    assert copied.remainder_percent < copied.percent
    own = cell(findings, recorded="mentalis")
    assert own.verdict == "answers"
    assert own.as_recorded_mv > 0.15
    assert own.remainder_ci95_percent[0] > 0
    healthy = cell(findings, side="right", recorded="mentalis")
    assert own.remainder_percent > healthy.remainder_percent
    difference = cell(findings, side="difference", recorded="mentalis")
    assert difference.verdict == "more on the left side"
    assert difference.remainder_percent == pytest.approx(own.remainder_percent - healthy.remainder_percent)
    low, high = difference.remainder_ci95_percent
    assert 0 < low < difference.remainder_percent < high
    for muscle in ("nasalis", "platysma"):
        row = cell(findings, side="difference", recorded=muscle)
        assert row.remainder_percent is None
        assert row.reasons[0] == "left side: the muscle's own branch was not stimulated"


def test_nothing_late_is_called_a_late_response(findings: Findings) -> None:
    for row in findings.spread_matrix.where(window="late", own=False):
        assert row.verdict in ("absent", "cannot tell", "", "no difference")


def test_a_muscle_whose_own_branch_was_not_stimulated_has_a_size_and_no_percent(findings: Findings) -> None:
    row = cell(findings, recorded="platysma")
    assert row.as_recorded_mv is not None
    assert row.percent is row.remainder_percent is row.ci95_percent is None
    assert "the muscle's own branch was not stimulated" in row.reasons


def test_current_spread_beyond_the_plateau(synthetic: ModuleType) -> None:
    class Leaking(synthetic.Face):
        """Beyond 7 mA the left frontalis grows by 20 uV for every mA at the zygomatic branch."""

        def _sweep(self, rng, n, step, side, site, current, role):
            sweep = super()._sweep(rng, n, step, side, site, current, role)
            times = (synthetic.np.arange(synthetic.LENGTH) - sweep.onset - synthetic.DELAY) * 1e3 / 20_000.0
            wave = -20.0 * max(current - 7.0, 0.0) * synthetic.shape(times - 2.2)
            row = self.montage.row(side, Muscle.FRONTALIS)
            sweep.counts[row] += synthetic.np.rint(wave * 1e3 / synthetic.LSB_NV).astype(sweep.counts.dtype)
            return sweep

    currents = dict.fromkeys(Side, (2.0, 3.0, 4.0, 5.0, 6.0, 7.2, 8.6, 10.4, 12.5))
    found = compute(Leaking(sites=(Branch.ZYGOMATIC,), sides=(Side.LEFT,), currents_ma=currents).recording())
    leak = cell(found, recorded="frontalis")
    assert leak.verdict == "current spread"
    assert leak.growth_mv_per_ma == pytest.approx(0.032, rel=0.35)
    assert leak.growth_ci95_mv_per_ma[0] > 0
    assert cell(found, recorded="mentalis").verdict != "current spread"


def test_two_affected_sides_have_no_difference(synthetic: ModuleType) -> None:
    barred = compute(synthetic.Face(sites=(Branch.ZYGOMATIC,), affected="both").recording())
    rows = barred.spread_matrix.where(side="difference")
    assert len(rows) == 2 * (len(FACIAL_MUSCLES) - 1)
    for row in rows:
        assert row.reasons == ("both sides are affected: there is no healthy side to compare with",)
        assert row.remainder_percent is None


def test_a_branch_of_one_side_says_what_is_missing(synthetic: ModuleType) -> None:
    face = synthetic.Face(sites=(Branch.ZYGOMATIC,), sides=(Side.LEFT,), accepted=2)
    assert not compute(face.recording()).spread_matrix.where(side="left")
    for row in compute(face.recording()).spread_matrix:
        assert row.reasons == ("the left side has no cells",)


def test_the_trunk_alone_has_no_matrix(synthetic: ModuleType) -> None:
    assert not compute(synthetic.Face(sites=(Branch.TRUNK,)).recording()).spread_matrix


def test_a_cell_that_holds_nothing_is_not_more_than_the_other_side(recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npr_daq.findings.spread_matrix._word", lambda row, *, grows: "nothing")
    difference = cell(compute(recorded), side="difference", recorded="mentalis")
    assert difference.remainder_ci95_percent[0] > 0
    assert difference.verdict == "nothing"
    assert "the early response of the left side: nothing" in difference.reasons
