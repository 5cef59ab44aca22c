"""Files of reference values: what ships, and how a wrong file is refused."""

import re
from pathlib import Path

import pytest

from npr_daq.anatomy import Branch, Muscle
from npr_daq.errors import UsageError
from npr_daq.reference import QUANTITIES, load_norms, parse_norms, shipped_norms

GOOD = 'name = "own"\nversion = "3"\n[[norm]]\nquantity = "onset_latency_ms"\nbranch = "trunk"\nmuscle = "nasalis"\n'
REST = 'high = 4.1\nsource = "our laboratory, 2026"\nevidence = "V"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_laboratory_uses_its_own(tmp_path: Path) -> None:
    own = load_norms(write(tmp_path, GOOD + REST))
    assert (own.name, own.version, own.adults_from_years) == ("own", "3", 16)
    [norm] = own.of("onset_latency_ms", Branch.TRUNK, Muscle.NASALIS)
    assert norm.may_flag
    assert (norm.high, norm.unit) == (4.1, "ms")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "hihg = 4.1\n" + REST, "line 7: norm[1].hihg: 'hihg' is not a key that is known; did you mean 'high'?"),
        (GOOD.replace("onset_lat", "onste_lat") + REST, "norm[1].quantity: .*did you mean 'onset_latency_ms'"),
        (GOOD.replace('"trunk"', '"trnk"') + REST, "line 5: norm[1].branch: 'trnk' is not a branch .*mean 'trunk'"),
        (GOOD.replace('"nasalis"', '"nose"') + REST, "norm[1].muscle: 'nose' is not a muscle"),
        (GOOD + REST.replace("4.1", '"4.1"'), "line 7: norm[1].high: '4.1' is not allowed"),
        (GOOD + REST.replace("4.1", "nan"), "norm[1].high: nan is not allowed: it must be a finite number"),
        (GOOD + REST.replace('"V"', '"X"'), "line 9: norm[1].evidence"),
        (GOOD + REST.replace('source = "our laboratory, 2026"\n', ""), "line 3: norm[1].source: this key is missing"),
        (GOOD + 'source = "x"\nevidence = "V"\n', "norm[1]: a number needs low, high or mean"),
        (GOOD + "low = 5.0\n" + REST, "low 5 is above high 4.1"),
        (GOOD + "sd = 0.2\n" + REST, "an sd needs its mean"),
        (GOOD + "from_years = 9\nbelow_years = 3\n" + REST, "from_years 9 is not below below_years 3"),
        ("adults_from_years = 12\n" + GOOD + REST, "line 1: adults_from_years: 12 is not allowed"),
        ("nmae = 1\n" + GOOD + REST, "line 1: nmae: 'nmae' is not a key that is known; did you mean 'name'?"),
        ('name = "a"\nversion = "1"\nnorm = []\n', "norm: "),
        ("a = [", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_norms(write(tmp_path, text))
    assert "own.toml" in str(refused.value)
    assert "\n" not in str(refused.value)
    pattern = re.escape(said).replace(r"\.\*", ".*")
    assert re.search(pattern, str(refused.value)), str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_norms(tmp_path / "none.toml")


def test_the_shipped_set_comes_back_from_its_own_words() -> None:
    norms = shipped_norms()
    assert parse_norms(norms.to_dict(), source="stored") == norms


def test_every_shipped_number_has_a_source_and_memory_never_flags() -> None:
    norms = shipped_norms()
    for norm in norms.norm:
        assert norm.source
        assert norm.quantity in QUANTITIES
        if norm.evidence != "V":
            assert not norm.may_flag, norm
        else:
            assert "memory" not in norm.source, norm


@pytest.mark.parametrize(
    ("quantity", "branch", "muscle", "low", "high"),
    [
        ("onset_latency_ms", Branch.TEMPORAL, Muscle.FRONTALIS, None, 3.9),
        ("peak_to_peak_mv", Branch.TEMPORAL, Muscle.FRONTALIS, 0.4, None),
        ("onset_latency_ms", Branch.TRUNK, Muscle.ORBICULARIS_OCULI, 2.0, 3.6),
        ("onset_latency_ms", Branch.TRUNK, Muscle.ORBICULARIS_ORIS, 2.2, 4.0),
    ],
)
def test_3_published_limits_that_flag(
    quantity: str, branch: Branch, muscle: Muscle, low: float | None, high: float | None
) -> None:
    [norm] = [one for one in shipped_norms().of(quantity, branch, muscle) if one.may_flag]
    assert (norm.low, norm.high) == (low, high)


def test_3_limits_of_the_nasolabial_montage_never_flag() -> None:
    found = [one for one in shipped_norms().norm if one.source == "Medeiros 1996"]
    assert len(found) == 2
    assert not any(one.may_flag for one in found)


@pytest.mark.parametrize(("age", "limit"), [(0.5, 10.0), (1, 6.3), (2.5, 4.5), (3, 4.0), (8, 5.0), (15.9, 5.0)])
def test_3_children_have_one_limit_of_their_age_for_orientation(age: float, limit: float) -> None:
    norms = shipped_norms()
    mine = [one for one in norms.norm if one.covers(age, adults_from=norms.adults_from_years)]
    assert [one.high for one in mine] == [limit]
    assert not mine[0].may_flag
