"""Protocol files are read strictly, and errors say what is allowed."""

import re
from pathlib import Path

import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle
from npr_daq.errors import ProtocolFileError, UsageError
from npr_daq.protocol import ConductionStep, ImpedanceStep, PlannedSide, describe, load_protocol, names
from npr_daq.protocol.file import parse_protocol

TEXT = load_protocol("conduction_extended").text


def refused(text: str) -> str:
    with pytest.raises(ProtocolFileError) as caught:
        parse_protocol(text, source="mine.toml", name="mine")
    return str(caught.value)


def test_the_shipped_protocols_load_and_keep_their_text() -> None:
    assert {"conduction_trunk", "conduction_extended"} <= set(names())
    for name in names():
        protocol = load_protocol(name)
        assert protocol.name == name
        if not protocol.included:
            assert protocol.text.count("[[step]]") == len(protocol.step)


def test_trunk_is_both_sides_healthy_first() -> None:
    steps = [s for s in load_protocol("conduction_trunk").step if isinstance(s, ConductionStep)]
    assert [(s.side, s.site) for s in steps] == [
        (PlannedSide.HEALTHY, Branch.TRUNK),
        (PlannedSide.AFFECTED, Branch.TRUNK),
    ]


def test_extended_is_impedance_then_six_sites_healthy_then_affected() -> None:
    protocol = load_protocol("conduction_extended")
    assert isinstance(protocol.step[0], ImpedanceStep)
    steps = [s for s in protocol.step if isinstance(s, ConductionStep)]
    assert [s.site for s in steps] == list(Branch) * 2
    assert [s.side for s in steps] == [PlannedSide.HEALTHY] * 6 + [PlannedSide.AFFECTED] * 6
    assert steps[0].watched == FACIAL_MUSCLES
    assert steps[3].watched == (Muscle.NASALIS, Muscle.ZYGOMATICUS, Muscle.ORBICULARIS_ORIS)


def test_default_limits_are_those_of_the_clinical_reference() -> None:
    limits = load_protocol("conduction_extended").limits
    assert (limits.cap_ma(Branch.TRUNK), limits.cap_ma(Branch.BUCCAL)) == (40.0, 25.0)
    assert (limits.warn_ma(Branch.TRUNK), limits.warn_ma(Branch.BUCCAL)) == (20.0, 12.0)


@pytest.mark.parametrize(
    ("old", "new", "path", "near"),
    [
        ("max_kohm", "max_kom", "step[1].max_kom", "max_kohm"),
        ("warn_trunk_ma", "warn_trunk", "limits.warn_trunk", "warn_trunk_ma"),
        ("purpose", "purpos", "purpos", "purpose"),
        ('side = "healthy"', 'syde = "healthy"', "step[2].syde", "side"),
        ("[limits]", "[limit]", "limit", "limits"),
    ],
)
def test_an_unknown_key_names_file_line_path_and_nearest_key(old: str, new: str, path: str, near: str) -> None:
    text = TEXT.replace(old, new, 1)
    message = refused(text)
    line = next(n for n, words in enumerate(text.splitlines(), 1) if new in words)
    assert f"mine.toml, line {line}: {path}: " in message
    assert f"did you mean {near!r}?" in message


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('site = "buccal"', 'site = "bucal"', r"step\[5\]\.site: 'bucal' is not allowed: .*'buccal'"),
        ('"impedance"', '"impedence"', r"step\[1\]: kind = 'impedence'.*did you mean 'impedance'\?.*conduction"),
        ('kind = "impedance"\n', "", r"step\[1\]: a step needs a kind; allowed: impedance, conduction"),
        ("= 25.0", "= -1", r"limits\.max_branch_ma: -1 is not allowed: write a number of at least 0\.001 mA$"),
        ("= 25.0", '= "25"', r"limits\.max_branch_ma: '25' is not allowed: .*number"),
        ("= 25.0", "= true", r"limits\.max_branch_ma: true is not allowed: .*number"),
        ("= 25.0", "= inf", r"limits\.max_branch_ma: inf is not allowed: write a number of at least"),
        ("= 25.0", "= nan", r"limits\.max_branch_ma: nan is not allowed"),
        ('side = "healthy"\n', "", r"step\[2\]\.side: this key is missing"),
        ("version = 1", "version = 1.5", r"version: 1\.5 is not allowed: write a whole number of at least 1$"),
        ("version = 1", "version = 2020-01-01", r"version: '2020-01-01' is not allowed"),
        ("version = 1", 'version = 1\nname = "x"', r"'name' is not a known key"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(old: str, new: str, wanted: str) -> None:
    assert re.search(wanted, refused(TEXT.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ('"late"\nsite = "buccal"\nsweeps = 0', "sweeps: 0 is not allowed: write a whole number from 5 to 50"),
        ('"late"\nsite = "buccal"\nrate_hz = 0', "rate_hz: 0 is not allowed: write a number from 0.05 to 100 Hz"),
        ('"late"\nsite = "supraorbital"', "'cervical'; a step of kind = \"reflex\" stimulates that nerve"),
        ('"late"\nsite = "buccal"\nmax_ma = "x"', "max_ma: 'x' is not allowed: write a number of at least 0.001 mA"),
        ('"late"\nsite = "buccal"\nname = "../x"', "write at most 64 letters, digits, - and _"),
        ('"reflex"\ninterval_s = 1', "interval_s: 1 is not allowed: write a number from 10 to 60 s"),
        ('"train"\nsite = "buccal"\ncount = 2.5', "count: 2.5 is not allowed: write a whole number from 5 to 10"),
        ('"train"\nsite = "buccal"\nmuscles = "nasalis"', 'write a list, for example ["nasalis"]'),
        ('"train"\nsite = "buccal"\nmuscles = []', "muscles: [] is not allowed: name at least 1"),
        (
            '"excitability"\nsite = "buccal"\nwidths_us = [0.0]',
            "widths_us[1]: 0.0 is not allowed: write a number from 1",
        ),
        ('"excitability"\nsite = "buccal"\nwidths_us = [50, 50.0]', "measured once, 50 us is named twice"),
        ('"conduction"\nsite = ["trunk"]', "site: ['trunk'] is not allowed: write one of 'trunk'"),
    ],
)
def test_a_wrong_step_says_what_to_write_with_its_unit(step: str, wanted: str) -> None:
    head = 'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
    message = refused(f'{head}[[step]]\nside = "left"\nkind = {step}\n')
    assert wanted in message
    assert "\n" not in message
    assert "input" not in message


@pytest.mark.parametrize("task", ['["pucker"]', "{}", "3", '"smirk"'])
def test_a_wrong_task_says_the_expressions(task: str) -> None:
    head = 'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
    message = refused(f'{head}[[step]]\nkind = "movement"\ntask = {task}\n')
    assert "is not allowed: write one of 'wrinkle_forehead', 'frown'" in message


def test_an_error_in_a_step_is_told_once_and_nothing_false_with_it() -> None:
    head = 'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
    step = '[[step]]\nkind = "conduction"\nside = "left"\nsite = "trunk"\n'
    for wrong, said in [
        (head + step.replace("trunk", "trnk"), "step[1].site"),
        (head + step + 'muscles = ["foo"]', "step[1].muscles[1]"),
        (head + step.replace('kind = "conduction"\n', ""), "step[1]: a step needs a kind"),
    ]:
        message = refused(wrong)
        assert said in message
        assert "\n" not in message
        assert "at least 1" not in message
    assert "at least 1" in refused(head + "step = []")


@pytest.mark.parametrize(
    "line",
    [
        "a" + ".a" * 20_000 + " = 1",
        "a = " + "[" * 20_000,
        "version = " + "9" * 5000,
        "version = 0x" + "f" * 5000,
        'montage = "' + "m" * 5000 + '"\nversion = "' + "v" * 5000 + '"',
        "k" * 5000 + " = 1",
        '[[step]]\nkind = "' + "k" * 5000 + '"',
    ],
)
def test_absurd_text_is_refused_in_few_words(line: str) -> None:
    message = refused(line)
    assert message.startswith("mine.toml")
    assert max(map(len, message.splitlines())) < 400


@pytest.mark.parametrize("name", ["", "  ", "n" * 300, "n\0"])
def test_a_name_that_no_protocol_has(name: str) -> None:
    with pytest.raises(UsageError, match="Shipped: blink_reflex, conduction_extended") as caught:
        load_protocol(name)
    assert len(str(caught.value)) < 350


def test_what_is_no_file_is_refused() -> None:
    for path in ("n" * 300 + ".toml", "a\0.toml", "/dev/zero", "/dev/zero.toml"):
        with pytest.raises(ProtocolFileError, match="cannot be read"):
            load_protocol(path)


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load_protocol(path).text == TEXT


def test_a_long_or_unprintable_file_name_makes_a_name_that_fits_an_exam_file(tmp_path: Path) -> None:
    path = tmp_path / ("ü\n" + "n" * 200 + ".toml")
    path.write_text(TEXT, encoding="utf-8")
    name = load_protocol(path).name
    assert name.startswith("ü_nnn")
    assert len(name.encode()) == 100


def test_kinds_that_are_not_built_are_refused_with_the_allowed_ones() -> None:
    allowed = "Allowed: impedance, conduction, late, reflex, train, excitability, crosstalk, rest, movement, include"
    assert allowed in refused(TEXT.replace('"impedance"', '"sonography"', 1))


def test_the_same_name_twice_is_refused() -> None:
    text = TEXT.replace('kind = "conduction"', 'kind = "conduction"\nname = "same"')
    assert "'same' names two steps" in refused(text)


def test_a_name_that_cannot_be_a_group_is_refused() -> None:
    assert "step[1].name" in refused(TEXT.replace('kind = "impedance"', 'kind = "impedance"\nname = "a/b"'))


def test_text_that_is_not_toml_is_refused() -> None:
    assert "mine.toml is not valid TOML" in refused("[[step")


def test_an_unknown_protocol_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'conduction_trunk'"):
        load_protocol("conduction_trunc")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProtocolFileError, match="cannot be read"):
        load_protocol(tmp_path / "absent.toml")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(ProtocolFileError, match="cannot be read"):
        load_protocol(folder)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProtocolFileError, match="not UTF-8"):
        load_protocol(path)


def test_a_path_gives_the_protocol_its_stem_as_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert load_protocol(path).name == "mine"
    assert load_protocol(str(path)).text == TEXT


def test_described_in_clinical_words_with_units() -> None:
    words = describe(load_protocol("conduction_extended"))
    assert "Stimulate the marginal mandibular branch on the affected side" in " ".join(words.split())
    assert "trunk: at most 40 mA, confirmed above 20 mA" in words
    assert "200 us pulses at 1 Hz" in " ".join(words.split())
    assert max(len(line) for line in words.splitlines()) <= 80


@pytest.mark.parametrize("reason", ["", "   ", "x" * 121, "two\\nlines", "esc\\u001b"])
def test_an_unlock_needs_a_reason_of_one_line(reason: str) -> None:
    said = refused(TEXT.replace("[limits]", f'[limits]\nunlock_reason = "{reason}"', 1))
    assert "limits.unlock_reason" in said


def test_an_unlock_is_described_with_its_reason() -> None:
    text = TEXT.replace("[limits]", '[limits]\nunlock_reason = "' + "deep nerve " * 10 + '"', 1)
    words = describe(parse_protocol(text, source="mine.toml", name="mine"))
    assert "UNLOCKED beyond the limits of the house: deep nerve" in words
    assert max(len(line) for line in words.splitlines()) <= 80
    assert "UNLOCKED" not in describe(load_protocol("conduction_extended"))


@pytest.mark.parametrize("line", ["rate_hz = 1e-320", "width_us = 0.4", "start_ma = 1e308", "max_ma = 1e-9"])
def test_absurd_numbers_of_a_step_are_refused_with_their_key(tmp_path: Path, line: str) -> None:
    file = tmp_path / "absurd.toml"
    file.write_text(
        'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
        f'[[step]]\nkind = "conduction"\nside = "left"\nsite = "buccal"\n{line}\n'
    )
    with pytest.raises(ProtocolFileError, match=line.split()[0]):
        load_protocol(file)
