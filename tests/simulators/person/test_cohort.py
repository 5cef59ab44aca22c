"""The cohort of the Synkinetic Correlation Test: who is in it, and that nobody in the other half is misrouted."""

from collections import Counter
from pathlib import Path

import pytest

from npr_daq.errors import UsageError
from npr_simulators.person.case_file import load_case
from npr_simulators.person.case_text import written
from npr_simulators.person.cohort import DECOYS, NOT_SYNKINETIC, SYNKINETIC, enrolled


def test_every_84_seeds_hold_each_kind_of_both_halves_equally_often() -> None:
    people = [enrolled(seed) for seed in range(1000, 1084)]
    assert Counter(one.kind for one in people) == {**dict.fromkeys(SYNKINETIC, 7), **dict.fromkeys(NOT_SYNKINETIC, 6)}
    assert set(DECOYS) < set(NOT_SYNKINETIC)
    assert {one.group for one in people if one.kind in SYNKINETIC} == {"synkinetic"}
    for one in people:
        lesion = one.case.lesion
        misled = lesion.misdirection + lesion.bifurcation + sum(link.gain for link in one.case.central)
        if one.group == "synkinetic":
            assert misled > 0
        elif one.kind != "snarl":
            assert misled == 0
        assert one.case.intake.affected == "lesion"


def test_a_patient_is_the_same_again_and_survives_her_file(tmp_path: Path) -> None:
    one = enrolled(1003)
    assert enrolled(1003) == one
    path = tmp_path / "patient.toml"
    path.write_text(written(one.case), encoding="utf-8")
    assert load_case(str(path)) == one.case


def test_decoys_are_what_they_are_called() -> None:
    of = {one.kind: one.case for one in map(enrolled, range(1001, 1015, 2))}
    assert of["crosstalk"].build.crosstalk_affected == pytest.approx(2 * of["crosstalk"].build.crosstalk, abs=2e-3)
    assert of["contracture"].lesion.tonic >= 0.04
    assert max(of["weak_mover"].lesion.degeneration.values()) >= 0.6
    assert of["unequal_effort"].behaviour.effort_spread >= 0.2
    assert [(str(c.source), str(c.target)) for c in of["snarl"].central] == [("nasalis", "orbicularis_oculi")]


@pytest.mark.parametrize("seed", [0, 10_000])
def test_a_seed_without_a_patient_is_refused(seed: int) -> None:
    with pytest.raises(UsageError, match="names no patient"):
        enrolled(seed)
