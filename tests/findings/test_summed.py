"""Sums over the muscles: those of the truth, with dead muscles counted and unusable ones named."""

from types import ModuleType

import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_daq.findings import Findings, compute
from npr_daq.findings.summed import SummedRow

KEPT = {Branch.BUCCAL: 0.4, Branch.MARGINAL_MANDIBULAR: 0.15}
SIZES = dict(zip(FACIAL_MUSCLES, (0.9, 1.4, 2.5, 2.0, 3.0, 2.2, 2.4, 1.1), strict=True))


def row(findings: Findings, stimulated: str) -> SummedRow:
    return findings.summed.where(stimulated=stimulated)[0]


def truth(face, muscles) -> float:
    sums = [sum(face.true_mv(side, muscle) for muscle in muscles) for side in (Side.LEFT, Side.RIGHT)]
    return 100 * sums[0] / sums[1]


@pytest.fixture(scope="module")
def face(synthetic: ModuleType):
    return synthetic.Face(kept=KEPT, negative_mv=SIZES)


@pytest.fixture(scope="module")
def findings(face) -> Findings:
    return compute(face.recording())


def test_one_row_for_the_trunk_each_branch_of_several_muscles_and_all(findings: Findings) -> None:
    assert [r.stimulated for r in findings.summed] == ["trunk", "buccal", "marginal_mandibular", "branches"]


def test_2_3_a_sum_is_that_of_the_truth(findings: Findings, face) -> None:
    for name, muscles in (
        ("trunk", FACIAL_MUSCLES),
        ("buccal", SUPPLIES[Branch.BUCCAL]),
        ("marginal_mandibular", SUPPLIES[Branch.MARGINAL_MANDIBULAR]),
        ("branches", FACIAL_MUSCLES),
    ):
        found = row(findings, name)
        assert found.withheld is None
        assert found.percent == pytest.approx(truth(face, muscles), abs=0.5)
        low, high = found.ci95_percent
        assert low < found.percent < high
        assert high - low < 2.0
        assert found.loss_percent == pytest.approx(100 - found.percent)
        r = found.percent / 100
        assert found.asymmetry_index == pytest.approx(100 * (1 - r) / (1 + r))
        assert set(found.muscles) == set(muscles)
        assert found.silent == found.left_out == ()


def test_a_dead_muscle_counts_as_zero_and_is_named(synthetic: ModuleType) -> None:
    face = synthetic.Face(sites=(Branch.TRUNK,), kept={Branch.BUCCAL: 0.0}, negative_mv=SIZES)
    found = row(compute(face.recording()), "trunk")
    assert set(found.silent) == set(SUPPLIES[Branch.BUCCAL])
    assert found.percent == pytest.approx(truth(face, FACIAL_MUSCLES), abs=0.5)
    # What a silent muscle may hide reaches above the ratio more than the noise reaches below it.
    assert found.ci95_percent[1] - found.percent > found.percent - found.ci95_percent[0]


def test_a_muscle_that_cannot_be_compared_is_left_out_of_both_sums(synthetic: ModuleType) -> None:
    face = synthetic.Face(sites=(Branch.TRUNK,), kept=KEPT, negative_mv=SIZES, clipped=("left.nasalis",))
    found = compute(face.recording())
    assert found.symmetry.where(muscle="nasalis")[0].withheld is not None
    total = row(found, "trunk")
    assert total.left_out == ("nasalis",)
    assert total.percent == pytest.approx(truth(face, [m for m in FACIAL_MUSCLES if m is not Muscle.NASALIS]), abs=0.5)


def test_nothing_elicited_is_no_number(synthetic: ModuleType) -> None:
    found = row(compute(synthetic.Face(sites=(Branch.BUCCAL,), kept={Branch.BUCCAL: 0.0}).recording()), "buccal")
    assert found.percent is None
    assert found.withheld == "not elicited in any muscle"
    assert len(found.silent) == 3


def test_too_few_muscles_give_no_sum(synthetic: ModuleType) -> None:
    few = {Side.RIGHT: (3.0, 7.2, 8.6, 10.4), Side.LEFT: (3.0, 3.5, 4.0)}
    found = row(compute(synthetic.Face(sites=(Branch.BUCCAL,), currents_ma=few).recording()), "buccal")
    assert found.percent is None
    assert found.withheld == "0 of 3 muscles can be compared: too few for a sum"


@pytest.mark.parametrize("affected", ["both", None])
def test_without_a_healthy_side_there_is_no_sum(synthetic: ModuleType, affected: str | None) -> None:
    found = compute(synthetic.Face(sites=(Branch.BUCCAL,), header={"affected": affected}).recording())
    assert "no healthy side" in (row(found, "buccal").withheld or "")


def test_area_and_duration_are_those_of_the_truth(findings: Findings, face) -> None:
    for one in findings.symmetry:
        assert one.area_withheld is None
        assert one.area_percent == pytest.approx(face.true_percent(Muscle(one.muscle)), abs=1.0)
        assert one.area_ci95_percent[0] < one.area_percent < one.area_ci95_percent[1]
        assert one.duration_percent == pytest.approx(100.0, abs=4.0)
        assert one.preferred == "amplitude"
        assert one.latency_withheld is None
        r = one.percent / 100
        assert one.asymmetry_index == pytest.approx(100 * (1 - r) / (1 + r))
