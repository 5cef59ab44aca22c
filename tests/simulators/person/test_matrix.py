"""The patient matrix: every patient differs from a healthy one where its file says that it teaches something."""

import json
from functools import cache

import numpy as np
import pytest

from npr_daq.anatomy import Muscle, Side
from npr_daq.errors import UsageError
from npr_simulators.person import figures, matrix
from npr_simulators.person.case_file import load_case, names
from npr_simulators.person.matrix import CELLS, COLUMNS, outside
from npr_simulators.person.people import patient_matrix

RATIOS = tuple(column.name for column in COLUMNS if column.name.startswith("ratio_"))
SYNKINESIS = ("r1_spread", "lateral", "q_ocular_oral", "q_oral_ocular")


@cache
def row(name, seed=1):
    return matrix.matrix_row(load_case(name), seed=seed)


def found(name):
    """Columns in which a patient lies outside of the healthy band."""
    return {column.name for column in COLUMNS if outside(column, row(name)[column.name])}


LESSONS = {
    "bell_course": ("ratio_buccal", 5, 40),
    "bells_d7": ("ratio_buccal", 0, 12),
    "bilateral": ("other_side", 30, 80),
    "branch_loss": ("ratio_marginal", 0, 25),
    "central_synkinesis": ("q_ocular_oral", 2, 40),
    "congenital": ("other_side", 0, 20),
    "contracture": ("tone", 3, 20),
    "contracture_only": ("tone", 3, 20),
    "crosstalk_decoy": ("crosstalk", 1.6, 3),
    "day_2": ("movement", 0, 15),
    "deep_nerve": ("reach", 0, 0.9),
    "demyelinating": ("onset", 1.0, 4.0),
    "healthy": ("ratio_buccal", 70, 140),
    "loose_electrode": ("contact", 200, 300),
    "marginal_mandibular": ("ratio_marginal", 0, 20),
    "masseter": ("masseter", 300, 3000),
    "moving_patient": ("shift", 4, 4),
    "ramsay_hunt": ("ratio_zygomatic", 0, 5),
    "submaximal": ("reach", 0, 0.9),
    "synkinetic_12m": ("r1_spread", 25, 400),
    "wrong_polarity": ("reach", 0, 0.9),
}
"""Patient, the cell by which it is known, and the range in which its figure lies."""


def test_every_patient_has_a_lesson():
    assert set(LESSONS) == set(names())


@pytest.mark.parametrize("name", LESSONS)
def test_the_cell_of_a_patient_shows_what_it_teaches(name):
    cell, low, high = LESSONS[name]
    assert load_case(name).cell == cell
    value = row(name)[cell]
    assert low <= value <= high
    if name == "healthy":
        assert not found(name)
    else:
        assert outside(CELLS[cell], value)
        assert not outside(CELLS[cell], row("healthy")[cell])


def test_a_healthy_face_is_inside_every_band_with_another_seed_too():
    values = row("healthy", seed=2)
    assert not [column.name for column in COLUMNS if outside(column, values[column.name])]


@pytest.mark.parametrize("name", ["deep_nerve", "loose_electrode", "submaximal", "wrong_polarity"])
def test_a_trap_of_technique_has_a_healthy_nerve(name):
    assert not found(name) - {load_case(name).cell}


def test_central_synkinesis_is_clean_in_reflex_and_branch_stimulation():
    assert found("central_synkinesis").isdisjoint({"r1_spread", "lateral"})


def test_contracture_alone_is_not_synkinesis_and_the_full_one_is():
    assert found("contracture_only").isdisjoint(SYNKINESIS)
    assert {"r1_spread", "lateral", "q_ocular_oral"} <= found("contracture")


def test_misdirection_shows_in_every_test_of_synkinesis():
    assert set(SYNKINESIS) <= found("synkinetic_12m")


def test_the_decoy_looks_like_synkinesis_and_is_none():
    assert outside(CELLS["q_apparent"], row("crosstalk_decoy")["q_apparent"])
    assert found("crosstalk_decoy").isdisjoint({*SYNKINESIS, *RATIOS})
    person = figures.Person.of(load_case("crosstalk_decoy"), seed=1)
    itself = figures.q("wrinkle_forehead", Muscle.ORBICULARIS_OCULI, "own")(person)
    assert not outside(CELLS["q_apparent"], itself)


def test_on_day_two_the_nerve_answers_although_nothing_moves():
    assert found("day_2").isdisjoint(RATIOS)
    assert row("day_2")["movement"] < 15


def test_one_branch_is_lost_and_four_are_not():
    assert found("marginal_mandibular") & set(RATIOS) == {"ratio_marginal"}


def test_slowing_leaves_the_amplitude():
    assert found("demyelinating").isdisjoint(RATIOS)


def test_a_ratio_between_two_dead_branches_is_near_normal():
    values = row("congenital")
    assert not outside(CELLS["ratio_temporal"], values["ratio_temporal"])
    assert values["ratio_buccal"] < 20


def test_the_side_of_the_lesion_may_be_the_right_one():
    values = matrix.matrix_row(load_case("marginal_mandibular"), seed=1, side=Side.RIGHT)
    assert values["ratio_marginal"] < 20
    assert values["ratio_buccal"] > 60


def test_the_course_is_told_by_its_days():
    found = patient_matrix(["bell_course"], days=(1, 365))
    first, late = (entry["values"] for entry in found["patients"])
    nadir = row("bell_course")
    assert [entry["day"] for entry in found["patients"]] == [1, 365]
    assert first["ratio_buccal"] > 80 > 40 > nadir["ratio_buccal"]
    assert nadir["r1_spread"] < 10 < 30 < late["r1_spread"]
    assert nadir["ratio_buccal"] < late["ratio_buccal"]
    assert first["tone"] < 1 < 2 < late["tone"]


def test_a_matrix_is_json_and_repeats_bit_for_bit():
    once, again = (json.dumps(patient_matrix(["bells_d7"]), allow_nan=False) for _ in range(2))
    assert once == again
    told = json.loads(once)
    assert [column["name"] for column in told["columns"]] == list(told["patients"][0]["values"])
    assert told["patients"][0]["day"] is None


def test_no_value_is_nan():
    # an absent figure is None: NaN is no JSON
    for value in row("ramsay_hunt").values():
        assert value is None or np.isfinite(value)


def test_a_negative_seed_or_an_impossible_day_is_a_usage_error():
    with pytest.raises(UsageError, match="seed -1 is negative"):
        patient_matrix(["healthy"], seed=-1)
    with pytest.raises(UsageError, match="a course runs from day 0 to 3650"):
        patient_matrix(["bell_course"], days=(-3,))
