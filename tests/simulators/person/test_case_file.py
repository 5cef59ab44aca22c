"""Patient files of version 2: those that ship, and what a wrong one is answered."""

from pathlib import Path

import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.intake import allowed_stimulation, parse_intake
from npr_simulators.person.case import BRANCHES, CELL_NAMES
from npr_simulators.person.case_file import FOLDER, load_case, names, parse_case
from npr_simulators.person.case_refusal import keys_at
from npr_simulators.person.matrix import COLUMNS

SHIPPED = (FOLDER / "branch_loss.toml").read_text(encoding="utf-8") + "\n[skin]\n"
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
    assert {load_case(name).skin.artefact for name in ("healthy", "branch_loss", "deep_nerve")} == {1.0}


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
    for table in ("intake", "skin", "behaviour", "blink", "build"):
        # what a healthy volunteer does not have, and what follows from another key
        without = {"days_since_onset", "loose", "cough_at_s", "stops_above_ma", "branch_depth_mm", "crosstalk_affected"}
        for key in set(keys_at((table,))) - without - {"contraindications"}:
            assert f"\n{key} =" in written, f"{table}.{key}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("buccal = 0.70", "bucal = 0.70", "lesion.degeneration.bucal: unknown key; did you mean 'buccal'?"),
        ("buccal = 0.70", "qqq = 0.70", "lesion.degeneration.qqq: unknown key; known are temporal, zygomatic, buccal"),
        ("buccal = 0.70", "buccal = 1.70", "lesion.degeneration.buccal: 1.7 is out of range"),
        (
            "buccal = 0.70",
            "buccal = -0.1",
            "-0.1 is out of range (share of the axons that died, 0 to 1); give a number",
        ),
        ("buccal = 0.70", "buccal = 'all'", "lesion.degeneration.buccal: 'all' is no number (share of"),
        ("buccal = 0.70", "buccal = true", "lesion.degeneration.buccal: True is no number"),
        ("buccal = 0.70", "buccal = '0.7'", "lesion.degeneration.buccal: '0.7' is no number"),
        ("buccal = 0.70", "buccal = nan", "lesion.degeneration.buccal: nan is no number"),
        ("age_years", "age_yeras", "intake.age_yeras: unknown key; did you mean 'age_years'?"),
        ("[lesion]", "[leison]", "leison: unknown key; did you mean 'lesion'?"),
        ("[skin]", "[skin]\nloose = ['lesion.nose']", "skin: loose: 'lesion.nose' is not one of lesion.frontalis"),
        ('name = "branch_loss"', 'name = "Branch Loss"', "name: 'Branch Loss' is no name; take small letters"),
        ('name = "branch_loss"', 'name = "branch_loss', "not a TOML file"),
        (
            'format = "npr-daq patient"',
            'format = "npr-daq protocol"',
            "'npr-daq protocol', so it is no patient",
        ),
        ("[intake]", "[unintake]", "unintake: unknown key; did you mean 'intake'?"),
    ],
)
def test_a_wrong_file_is_answered_with_file_key_path_and_nearest_key(old, new, said):
    assert said in answered(changed(old, new))


INTAKE = '\n[intake]\nage_years = 34\nsex = "female"\naffected = "lesion"\ncause = "c"\n'
PLAIN = (
    'format = "npr-daq patient"\nversion = 2\nname = "x"\nteaches = "t"\nexpect = "e"\ncell = "ratio_buccal"\n' + INTAKE
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN.replace("34", "3"), "intake.age_years: 3 is out of range; give a whole number from 16 to 100"),
        (PLAIN.replace("34", "34.0"), "intake.age_years: 34.0 is no whole number; give a whole number from 16"),
        (PLAIN.replace('name = "x"\n', ""), "name: is missing; healthy.toml shows"),
        (PLAIN.replace('teaches = "t"', 'teaches = ""'), "teaches: '' is empty"),
        (PLAIN.replace('teaches = "t"', "teaches = 3"), "teaches: 3 is no text"),
        (PLAIN.replace('"c"', f'"{"c" * 99}"'), "is too long; at most 80 characters"),
        (PLAIN.replace('teaches = "t"', 'teaches = "a\\u001b[31m"'), "teaches: it holds the control character U+001B"),
        (PLAIN.replace('"c"', '"\u202ec"'), "intake.cause: it holds the control character U+202E"),
        (PLAIN.replace("ratio_buccal", "ratio_bucal"), "is no column of the matrix; did you mean 'ratio_buccal'?"),
        (PLAIN.replace("ratio_buccal", "12"), "is no column of the matrix; known are ratio_temporal"),
        (PLAIN + "[build]\ntrunk_depth_mm = 90", "90 is out of range (skin to nerve at the stylomastoid foramen, mm)"),
        (PLAIN + "[build]\ntrunk_depth_mm = 90", "; give a number from 2 to 60"),
        (PLAIN + "[build]\namplitude = 0", "; give a number above 0 and at most 3"),
        (PLAIN + "[build]\nhead_size = true", "build.head_size: True is no number (1 is an average adult)"),
        (PLAIN + "[lesion]\ndegeneration = 'half'", "lesion.degeneration: 'half' is no share; give one number from 0"),
        (PLAIN + "[lesion]\ndegeneration = [0.1]", "is no share; give one number from 0 to 1, or a table by branch"),
        (PLAIN + "[other_side]\nblock = 2", "other_side.block.temporal: 2 is out of range (of the living, blocked"),
        (PLAIN.replace("\n[intake]", "lesion = 3\n[intake]"), "lesion: 3 is no table; write [lesion]"),
        (PLAIN + "[central]\ngain = 1", "central: is one table; write [[central]]"),
        (PLAIN + "[skin]\nloose = 'lesion.nasalis'", "skin.loose: 'lesion.nasalis' is no list; write for example"),
        (PLAIN + "[skin]\nmains_hz = 55", "skin.mains_hz: 55 is not one of 50, 60"),
        (
            PLAIN + "[skin]\ncough_at_s = -1",
            "-1 is out of range (into every recording, s); give a number of at least 0",
        ),
        (PLAIN + "[placement]\nanode_first = 1", "placement.anode_first: 1 is not true or false"),
        (PLAIN + "[course]\nday = 2020-01-01", "course.day: '2020-01-01' is no number"),
    ],
)
def test_a_wrong_value_is_answered_with_what_it_means_and_what_it_may_be(text, said):
    assert said in answered(text)
    assert "nput should" not in answered(text)


def test_whole_numbers_and_line_ends_are_no_mistake():
    case = parse_case(PLAIN.replace('"t"', '"""a\nb"""') + "[lesion]\ndegeneration = 1\nsprouting = 1", source="x")
    assert case.lesion.degeneration.buccal == case.lesion.sprouting == 1


def test_the_cells_are_the_columns_of_the_matrix():
    assert tuple(column.name for column in COLUMNS) == CELL_NAMES


CENTRAL = '\n[[central]]\nsource = "{}"\ntarget = "{}"\ngain = 0.2\n'


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("orbicularis_occuli", "nasalis", "is not one of frontalis, orbicularis_oculi"),
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


def test_a_path_that_is_no_toml_file_is_told_so_and_capital_letters_are_a_path(tmp_path):
    with pytest.raises(UsageError, match=r"named by a path that ends in \.toml"):
        load_case("someone/of/mine.txt")
    (tmp_path / "MINE.TOML").write_text(PLAIN)
    assert load_case(tmp_path / "MINE.TOML").name == "x"


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
