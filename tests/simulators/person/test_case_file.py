"""Patient files of version 2: those that ship, and what a wrong one is answered."""

from pathlib import Path

import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.intake import allowed_stimulation, parse_intake
from npr_simulators.person.case import BRANCHES
from npr_simulators.person.case_file import FOLDER, keys_at, load_case, names, parse_case

SHIPPED = (FOLDER / "branch_loss.toml").read_text(encoding="utf-8")
STUDIED = {
    "healthy", "bells_d7", "demyelinating", "synkinetic_12m", "central_synkinesis", "contracture_only", "contracture",
    "ramsay_hunt", "marginal_mandibular", "loose_electrode", "masseter", "submaximal", "wrong_polarity", "day_2",
    "deep_nerve", "crosstalk_decoy", "bilateral", "congenital", "moving_patient",
}  # fmt: skip
"""The patients of simulation reference 8."""


def changed(old, new):
    assert old in SHIPPED
    return SHIPPED.replace(old, new)


def answered(text):
    with pytest.raises(ProtocolFileError) as refused:
        parse_case(text, source="someone.toml")
    said = str(refused.value)
    assert said.startswith("someone.toml: ")
    assert len(said) < 600
    return said


def test_every_patient_of_the_study_ships_and_those_of_before():
    assert set(names()) >= STUDIED | {"branch_loss", "bell_course"}


@pytest.mark.parametrize("name", names())
def test_every_patient_says_who_it_is_what_it_teaches_and_what_to_expect(name):
    case = load_case(name)
    assert case.name == name
    assert min(len(case.teaches), len(case.expect)) > 40
    assert case.cell.isidentifier()


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("name", names())
def test_every_patient_answers_every_intake_question_and_may_be_stimulated(name, side):
    intake = parse_intake(load_case(name).answers(side), source=name)
    assert not intake.contraindications.unanswered
    assert not allowed_stimulation(intake).forbidden
    assert intake.affected in (str(side), "both", "none")


@pytest.mark.parametrize("name", names())
def test_a_course_and_the_intake_tell_of_the_same_day(name):
    case = load_case(name)
    if case.course.day is not None:
        assert case.intake.days_since_onset == round(case.course.day)


@pytest.mark.parametrize("name", names())
def test_a_clinician_finds_an_explanation_beside_every_number(name):
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    table, above = "", False
    for line in lines:
        if line.startswith("["):
            table, above = line.split("]")[0].strip("["), "#" in line
        elif line.startswith("#"):
            above = True
        elif " = " in line and table and not table.startswith("intake"):
            value = line.split(" = ", 1)[1]
            assert "#" in line or above or not value[0].isdigit() or table == "central", f"{name}: {line}"
    assert max(map(len, (line for line in lines if not line.startswith(("teaches", "expect"))))) <= 120


def test_the_three_first_patients_are_who_they_were():
    assert load_case("branch_loss").lesion.degeneration.values() == (0.35, 0.5, 0.7, 0.85, 0.2)
    deep = load_case("deep_nerve").build
    assert (deep.trunk_depth_mm, deep.branch_depth_mm) == (36.0, 28.0)
    assert {load_case(name).skin.artefact for name in ("healthy", "branch_loss", "deep_nerve")} == {0.02}


def test_the_synkinetic_patient_is_that_of_the_study():
    lesion = load_case("synkinetic_12m").lesion
    assert set(lesion.degeneration.values()) == {0.8}
    assert set(lesion.regrown.values()) == {0.75}
    assert (lesion.misdirection, lesion.bifurcation, lesion.ephapse, lesion.sprouting) == (0.4, 0.15, 0.02, 0.6)


def test_the_affected_side_is_the_side_of_the_lesion():
    assert load_case("branch_loss").answers(Side.RIGHT)["affected"] == "right"
    assert load_case("healthy").answers(Side.RIGHT)["affected"] == "none"
    assert load_case("bilateral").answers(Side.RIGHT)["affected"] == "both"


def test_one_number_stands_for_all_branches():
    text = SHIPPED[: SHIPPED.index("# share of the branch")] + "degeneration = 0.25\n"
    assert parse_case(text, source="x").lesion.degeneration.values() == (0.25,) * len(BRANCHES)


def test_a_path_is_read_as_well_as_a_name():
    assert load_case(FOLDER / "healthy.toml") == load_case("healthy")
    assert load_case(str(FOLDER / "healthy.toml")) == load_case("healthy")


def test_the_healthy_patient_shows_every_key_that_a_healthy_face_has():
    written = (FOLDER / "healthy.toml").read_text(encoding="utf-8")
    for table in ("intake", "skin", "behaviour", "build"):
        # what a healthy volunteer does not have, and what follows from another key
        without = {"days_since_onset", "loose", "cough_at_s", "stops_above_ma", "branch_depth_mm", "crosstalk_affected"}
        for key in set(keys_at((table,))) - without - {"contraindications"}:
            assert f"\n{key} =" in written, f"{table}.{key}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("buccal = 0.70", "bucal = 0.70", "lesion.degeneration.bucal: unknown key; did you mean 'buccal'?"),
        ("buccal = 0.70", "qqq = 0.70", "lesion.degeneration.qqq: unknown key; known are temporal, zygomatic, buccal"),
        ("buccal = 0.70", "buccal = 1.70", "lesion.degeneration.buccal: Input should be less than or equal to 1, not"),
        ("buccal = 0.70", "buccal = -0.1", "greater than or equal to 0, not -0.1"),
        ("buccal = 0.70", "buccal = 'all'", "lesion.degeneration.buccal: Input should be a valid number"),
        ("buccal = 0.70", "buccal = nan", "lesion.degeneration.buccal: Input should be a finite number"),
        ("age_years", "age_yeras", "intake.age_yeras: unknown key; did you mean 'age_years'?"),
        ("[lesion]", "[leison]", "leison: unknown key; did you mean 'lesion'?"),
        ("[skin]", "[skin]\nloose = ['lesion.nose']", "skin: loose: 'lesion.nose' is not one of lesion.frontalis"),
        ('name = "branch_loss"', 'name = "Branch Loss"', "name: String should match pattern"),
        ('name = "branch_loss"', 'name = "branch_loss', "not a TOML file"),
        ('format = "npr-daq patient"', 'format = "npr-daq protocol"', "format: Input should be 'npr-daq patient'"),
        ("[intake]", "[unintake]", "unintake: unknown key; did you mean 'intake'?"),
    ],
)
def test_a_wrong_file_is_answered_with_file_key_path_and_nearest_key(old, new, said):
    assert said in answered(changed(old, new))


CENTRAL = '\n[[central]]\nsource = "{}"\ntarget = "{}"\ngain = 0.2\n'


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("orbicularis_occuli", "nasalis", "central.0.source: Input should be 'frontalis'"),
        ("masseter", "nasalis", "central.0: source and target are two different facial muscles"),
        ("nasalis", "nasalis", "central.0: source and target are two different facial muscles"),
    ],
)
def test_an_impossible_muscle_is_named(source, target, said):
    assert said in answered(SHIPPED + CENTRAL.format(source, target))


def test_an_unknown_key_in_a_list_finds_its_nearest():
    text = SHIPPED + CENTRAL.format(*FACIAL_MUSCLES[:2]).replace("gain", "gian")
    assert "central.0.gian: unknown key; did you mean 'gain'?" in answered(text)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("version = 1", "is version 1, this program reads 2: write it anew"),
        ("version = 3", "is version 3, this program reads 2"),
        ("version = true", "is version True, this program reads 2"),
        ("version = '2'", "is version '2', this program reads 2"),
        ("", "has no version, this program reads 2"),
    ],
)
def test_a_file_of_another_version_says_so_before_anything_else(version, said):
    assert said in answered(changed("version = 2", version).replace("[lesion]", "[lesion.axon_loss]"))


def test_an_unknown_name_gets_the_nearest_known_one():
    with pytest.raises(UsageError, match="did you mean 'healthy'"):
        load_case("helthy")
    with pytest.raises(UsageError, match="known are"):
        load_case("xyz")


@pytest.mark.parametrize("name", ["", "p" * 5000, "a\0b", "\ud800", "../people/healthy"])
def test_a_name_that_no_patient_has(name):
    with pytest.raises(UsageError, match="no simulated patient is called") as refused:
        load_case(name)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("path", ["nobody.toml", "p" * 300 + ".toml", "a\0b.toml", "/dev/zero/x.toml"])
def test_a_path_that_no_file_has(path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_case(path)


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000, "a = " + "9" * 5000, "a" + ".a" * 20_000 + " = 1", "version = 2\n" + "k" * 5000 + "=1"],
)
def test_an_absurd_patient_is_refused_in_few_words(text):
    answered(text)


def test_keys_are_found_through_tables_lists_and_shares():
    assert keys_at(("lesion", "degeneration")) == tuple(map(str, BRANCHES))
    assert "gain" in keys_at(("central", 0))


def test_the_document_names_every_patient_with_its_cell():
    text = (Path(__file__).parents[3] / "docs" / "patients.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {row[1].strip(" `"): row[3].strip(" `") for row in rows if len(row) == 5 and row[3].strip().startswith("`")}
    assert told == {name: load_case(name).cell for name in names()}
