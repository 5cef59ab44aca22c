"""The intake: answers become permissions, and an open question refuses stimulation."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.errors import ProtocolFileError, SafetyTrip, UsageError
from npr_daq.intake import Contraindications, allowed_stimulation, check_affected, load_intake, parse_intake

NONE = dict.fromkeys(Contraindications.model_fields, False)


def intake(**changes: Any) -> Any:
    asked = {**NONE, **changes.pop("contraindications", {})}
    return parse_intake({"consent": True, "contraindications": asked, **changes}, source="test")


def test_all_no_allows_everything() -> None:
    allowed = allowed_stimulation(intake())
    assert allowed.forbidden == frozenset()
    assert not allowed.no_trains
    assert allowed.cautions == ()


@pytest.mark.parametrize("question", list(Contraindications.model_fields))
def test_each_unanswered_question_refuses(question: str) -> None:
    open_question = parse_intake(
        {"consent": True, "contraindications": {k: v for k, v in NONE.items() if k != question}}, source="test"
    )
    with pytest.raises(SafetyTrip, match="1 contra-indication question"):
        allowed_stimulation(open_question)


@pytest.mark.parametrize("question", ["external_pacing_lead", "central_line", "implanted_stimulator"])
def test_forbidding_answers_forbid_any_shock(question: str) -> None:
    with pytest.raises(SafetyTrip, match="no shock may be given; `synkinetic_correlation` needs no stimulation"):
        allowed_stimulation(intake(contraindications={question: True}))


def test_a_wound_forbids_its_site_only() -> None:
    allowed = allowed_stimulation(intake(contraindications={"wound_infection_or_surgery": ["left.buccal"]}))
    assert allowed.forbidden == {(Side.LEFT, Branch.BUCCAL)}


def test_a_wound_without_a_place_refuses() -> None:
    with pytest.raises(SafetyTrip, match="name the sites"):
        allowed_stimulation(intake(contraindications={"wound_infection_or_surgery": True}))


def test_a_pacemaker_needs_a_reason_and_then_slow_single_shocks() -> None:
    with pytest.raises(SafetyTrip, match="named reason"):
        allowed_stimulation(intake(contraindications={"pacemaker_or_defibrillator": True}))
    reasoned = intake(contraindications={"pacemaker_or_defibrillator": True}, pacemaker_reason="cardiologist agreed")
    allowed = allowed_stimulation(reasoned)
    assert allowed.no_trains
    assert allowed.max_rate_hz == 1.0
    assert "cardiologist agreed" in allowed.cautions[0]


def test_pregnancy_is_a_caution() -> None:
    assert allowed_stimulation(intake(contraindications={"pregnancy": True})).cautions == ("pregnancy",)


def test_no_consent_refuses() -> None:
    with pytest.raises(SafetyTrip, match="consent"):
        allowed_stimulation(intake(consent=None))


def test_dates_become_days_and_are_not_stored() -> None:
    answers = intake(onset_date=date.today() - timedelta(days=30))
    assert answers.days_since_onset == 30
    assert "onset_date" not in answers.stored()


@pytest.mark.parametrize("given", ["yes", "true", "n", "false", 1, 0, [], {}])
def test_a_yes_is_true_and_nothing_else(given: Any) -> None:
    with pytest.raises(ProtocolFileError, match=r"consent: .* is not allowed: write true or false"):
        intake(consent=given)
    with pytest.raises(ProtocolFileError, match=r"contraindications.epilepsy: .* is not allowed: write true or false"):
        intake(contraindications={"epilepsy": given})


@pytest.mark.parametrize("given", ["n", "left.buccal", 0, [1], {"left": True}])
def test_a_wound_is_a_yes_a_no_or_its_sites(given: Any) -> None:
    with pytest.raises(ProtocolFileError, match=r"surgery: .*true or false.* or the sites, for example"):
        intake(contraindications={"wound_infection_or_surgery": given})


def test_numbers_are_numbers() -> None:
    assert intake(skin_temperature_c=34).skin_temperature_c == 34.0
    for key, wrong in (
        ("age_years", True),
        ("age_years", "47"),
        ("age_years", 47.0),
        ("skin_temperature_c", True),
        ("skin_temperature_c", float("nan")),
        ("house_brackmann", True),
    ):
        with pytest.raises(ProtocolFileError, match=f"{key}: .* is not allowed"):
            intake(**{key: wrong})


def test_a_moment_is_taken_for_its_day(tmp_path: Path) -> None:
    ago = date.today() - timedelta(days=3)
    assert intake(onset_date=datetime.combine(ago, time(23, 59))).days_since_onset == 3
    assert intake(onset_date=datetime.combine(ago, time(0), UTC)).days_since_onset == 3
    file = tmp_path / "intake.toml"
    file.write_text(f"onset_date = {ago}T00:00:00")
    assert load_intake(file).days_since_onset == 3


@pytest.mark.parametrize(
    ("onset", "says"),
    [
        ("2024-01-01", "without quotes"),
        (date.today() + timedelta(days=2), "lies in the future"),
        (time(12), "is no date"),
        (20240101, "is no date"),
    ],
)
def test_what_is_no_day_of_onset_names_the_key(onset: Any, says: str) -> None:
    with pytest.raises(ProtocolFileError, match=f"test: onset_date: .*{says}"):
        intake(onset_date=onset)


def test_long_answers_are_not_repeated() -> None:
    for wrong in ({"cause": "c" * 5000}, {"k" * 5000: 1}, {"sex": "s" * 5000}):
        with pytest.raises(ProtocolFileError) as caught:
            intake(**wrong)
        assert len(str(caught.value)) < 400


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(
        ProtocolFileError, match=r"test: contraindications\.pacemaker_or_defib: .*pacemaker_or_defibrillator"
    ):
        intake(contraindications={"pacemaker_or_defib": True})


def test_a_wrong_value_names_the_key_path() -> None:
    with pytest.raises(ProtocolFileError, match="house_brackmann"):
        intake(house_brackmann=7)


def test_sides_must_agree() -> None:
    with pytest.raises(SafetyTrip, match="a swapped side"):
        check_affected(intake(affected="left"), "right")
    check_affected(intake(affected="left"), "left")
    check_affected(intake(affected="none"), "right")
    with pytest.raises(SafetyTrip):
        check_affected(intake(affected="left"), "none")


def test_the_example_file_is_complete(request: pytest.FixtureRequest) -> None:
    answers = load_intake(Path(request.config.rootpath) / "examples" / "intake.toml")
    assert allowed_stimulation(answers).cautions == ()


def test_a_missing_file_and_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_intake(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("age_years = [")
    with pytest.raises(ProtocolFileError, match="not a TOML file"):
        load_intake(broken)
    for absurd in ("a = " + "[" * 5000, "age_years = " + "9" * 5000, "a" + ".a" * 20_000 + " = 1"):
        broken.write_text(absurd)
        with pytest.raises(ProtocolFileError, match="not a TOML file"):
            load_intake(broken)
    with pytest.raises(UsageError, match="not a regular file"):
        load_intake("/dev/zero")
    broken.write_bytes(b"\xef\xbb\xbfage_years = 47")
    assert load_intake(broken).age_years == 47
