"""Patient files: those that ship, and what a wrong one is answered."""

import pytest

from npr_daq.anatomy import Side
from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.intake import allowed_stimulation, parse_intake
from npr_simulators.face import load_patient, names
from npr_simulators.face.patient import FOLDER

SHIPPED = (FOLDER / "branch_loss.toml").read_text(encoding="utf-8")


def changed(tmp_path, old, new):
    assert old in SHIPPED
    path = tmp_path / "someone.toml"
    path.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    return path


def test_the_three_first_patients_ship():
    assert {"healthy", "branch_loss", "deep_nerve"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_patient_says_who_it_is_what_it_teaches_and_what_to_expect(name):
    patient = load_patient(name)
    assert patient.name == name
    assert len(patient.teaches) > 20
    assert len(patient.expect) > 20


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("name", names())
def test_every_patient_answers_every_intake_question_and_may_be_stimulated(name, side):
    intake = parse_intake(load_patient(name).answers(side), source=name)
    assert not intake.contraindications.unanswered
    assert not allowed_stimulation(intake).forbidden
    assert intake.affected in (str(side), "both", "none")


def test_the_affected_side_is_the_side_of_the_lesion():
    assert load_patient("branch_loss").answers(Side.RIGHT)["affected"] == "right"
    assert load_patient("healthy").answers(Side.RIGHT)["affected"] == "none"


def test_losses_of_the_branch_patient():
    loss = load_patient("branch_loss").lesion.axon_loss
    shares = (loss.temporal, loss.zygomatic, loss.buccal, loss.marginal_mandibular, loss.cervical)
    assert shares == (0.35, 0.5, 0.7, 0.85, 0.2)


def test_a_path_is_read_as_well_as_a_name():
    assert load_patient(FOLDER / "healthy.toml") == load_patient("healthy")
    assert load_patient(str(FOLDER / "healthy.toml")) == load_patient("healthy")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("buccal = 0.70", "bucal = 0.70", "lesion.axon_loss.bucal: unknown key; did you mean 'buccal'?"),
        ("age_years", "age_yeras", "intake.age_yeras"),
        ("[nerve]", "[nreve]", "nreve: unknown key; did you mean 'nerve'?"),
        ("epilepsy =", "epilepsie =", "intake.contraindications.epilepsie: unknown key; did you mean 'epilepsy'?"),
        ("buccal = 0.70", "qqq = 0.70", "lesion.axon_loss.qqq: unknown key; known are temporal, zygomatic, buccal"),
        ("buccal = 0.70", "buccal = 1.70", "lesion.axon_loss.buccal: Input should be less than or equal to 1"),
        ("trunk_depth_mm = 16.0", "trunk_depth_mm = 'deep'", "nerve.trunk_depth_mm"),
        ("trunk_depth_mm = 16.0", "trunk_depth_mm = nan", "nerve.trunk_depth_mm"),
        ('teaches = "', 'teachings = "', "teachings"),
        ('name = "branch_loss"', 'name = "branch_loss', "not a TOML file"),
    ],
)
def test_a_wrong_file_is_answered_with_file_key_path_and_nearest_key(tmp_path, old, new, said):
    path = changed(tmp_path, old, new)
    with pytest.raises(ProtocolFileError) as refused:
        load_patient(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_unknown_name_gets_the_nearest_known_one():
    with pytest.raises(UsageError, match="did you mean 'healthy'"):
        load_patient("helthy")
    with pytest.raises(UsageError, match="known are"):
        load_patient("xyz")


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_patient(tmp_path / "nobody.toml")


@pytest.mark.parametrize("name", ["", "p" * 5000, "a\0b", "\ud800"])
def test_a_name_that_no_patient_has(name):
    with pytest.raises(UsageError, match="no simulated patient is called") as refused:
        load_patient(name)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("path", ["p" * 300 + ".toml", "a\0b.toml", "/dev/zero/x.toml"])
def test_a_path_that_no_file_has(path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_patient(path)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a" + ".a" * 20_000 + " = 1", "k" * 5000 + "=1"]
)
def test_an_absurd_patient_is_refused_in_few_words(tmp_path, text):
    path = tmp_path / "someone.toml"
    path.write_text(text)
    with pytest.raises(ProtocolFileError) as refused:
        load_patient(path)
    assert len(str(refused.value)) < 500
