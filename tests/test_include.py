"""Include steps: the steps of other files in their places, within the strictest of all limits."""

from pathlib import Path

import pytest

from npr_daq.engine.plan import compile_plan
from npr_daq.errors import ProtocolFileError
from npr_daq.montage import standard_montage
from npr_daq.protocol import IncludeStep, describe, load_protocol
from npr_daq.protocol.include import stricter
from npr_daq.protocol.model import Limits
from npr_daq.stimulus import StimulusLimits

HEAD = 'title = "t"\npurpose = "p"\nversion = 1\nmontage = "facial-16"\n'
BUCCAL = '[[step]]\nkind = "conduction"\nside = "healthy"\nsite = "buccal"\n'


def include(name: str) -> str:
    return f'[[step]]\nkind = "include"\nprotocol = "{name}"\n'


def written(folder: Path, **texts: str) -> Path:
    """Files by name; the first one's path."""
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return folder / f"{next(iter(texts))}.toml"


def refused(path: Path) -> str:
    with pytest.raises(ProtocolFileError) as caught:
        load_protocol(path)
    return str(caught.value)


def test_steps_stand_in_their_places_and_texts_are_kept(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        outer=HEAD + '[[step]]\nkind = "impedance"\n' + include("inner.toml") + include("tone"),
        inner=HEAD + '[[step]]\nkind = "impedance"\n[[step]]\nkind = "movement"\ntask = "frown"\n',
    )
    protocol = load_protocol(path)
    assert [step.kind for step in protocol.step] == ["impedance", "movement", "rest"]
    assert protocol.step_from == ("", "inner", "tone")
    assert set(protocol.included) == {"inner", "tone"}
    assert protocol.included["tone"] == load_protocol("tone").text
    assert not any(isinstance(step, IncludeStep) for step in protocol.step)
    assert [said.split(":")[0] for said in protocol.left_out] == ["inner", "tone"]
    plan = compile_plan(protocol, montage=standard_montage(), affected="left", limits=StimulusLimits())
    assert [step.name for step in plan.steps] == ["01_impedance", "02_movement_frown", "rest"]


def test_a_stricter_impedance_reading_or_a_named_one_is_kept(tmp_path: Path) -> None:
    reading = '[[step]]\nkind = "impedance"\n'
    path = written(
        tmp_path,
        outer=HEAD + reading + include("strict.toml") + include("named.toml"),
        strict=HEAD + reading + "max_kohm = 5.0\n" + BUCCAL,
        named=HEAD + reading + 'name = "again"\n',
    )
    assert [step.kind for step in load_protocol(path).step] == ["impedance", "impedance", "conduction", "impedance"]


def test_of_every_step_the_stricter_limits_hold(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        outer=HEAD + "[limits]\nmax_branch_ma = 20.0\nmax_trunk_ma = 30.0\n" + include("inner.toml") + BUCCAL,
        inner=HEAD
        + "[limits]\nmax_branch_ma = 10.0\nwarn_branch_ma = 8.0\nmax_shocks_per_site = 30\nmax_trunk_ma = 35.0\n"
        + BUCCAL.replace("healthy", "affected")
        + BUCCAL.replace("healthy", "affected").replace("buccal", "trunk"),
    )
    protocol = load_protocol(path)
    plan = compile_plan(protocol, montage=standard_montage(), affected="left", limits=StimulusLimits())
    held = {(s.side, s.site): (s.cap_ma, s.warn_ma, s.max_shocks) for s in plan.sites}
    assert held == {
        ("left", "buccal"): (10.0, 8.0, 30),
        ("left", "trunk"): (30.0, 20.0, 30),
        ("right", "buccal"): (20.0, 12.0, 60),
    }


def test_one_reason_alone_unlocks_nothing() -> None:
    unlocked = Limits(max_branch_ma=60.0, unlock_reason="scar")
    assert stricter(unlocked, Limits()).max_branch_ma == 25.0
    assert stricter(unlocked, Limits()).unlock_reason is None
    both = stricter(unlocked, Limits(max_branch_ma=50.0, unlock_reason="deep nerve"))
    assert (both.max_branch_ma, both.unlock_reason) == (50.0, "scar; deep nerve")


def test_cycles_and_deep_nesting_are_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, a=HEAD + include("b.toml"), b=HEAD + include("a.toml"))
    said = refused(path)
    assert "b.toml, line 7: step[1].protocol: " in said
    assert "(a -> b -> a.toml)" in said
    deep = {name: HEAD + include(f"{after}.toml") for name, after in ("cd", "de", "ef", "fg")}
    assert "nested 4 deep (c -> d -> e -> f -> g.toml); at most 3" in refused(
        written(tmp_path, **deep, g=HEAD + BUCCAL)
    )


def test_wrong_includes_name_the_including_file(tmp_path: Path) -> None:
    assert "outer.toml, line 7: step[1].protocol: there is no protocol 'ton'; did you mean 'tone'?" in refused(
        written(tmp_path, outer=HEAD + include("ton"))
    )
    said = refused(written(tmp_path, outer=HEAD + include("absent.toml")))
    assert "outer.toml, line 7" in said
    assert "absent.toml" in said
    other = written(tmp_path, outer=HEAD + include("other.toml"), other=HEAD.replace("facial-16", "two") + BUCCAL)
    assert "'other.toml' is for the montage 'two'" in refused(other)
    broken = refused(written(tmp_path, outer=HEAD + include("bad.toml"), bad=HEAD + BUCCAL.replace("buccal", "x")))
    assert "outer.toml, line 7" in broken
    assert "bad.toml, line 8: step[1].site: 'x' is not allowed" in broken
    twice = HEAD + include("named.toml") + include("named2.toml")
    rest = HEAD + '[[step]]\nkind = "rest"\nname = "same"\nseconds = {}\n'
    said = refused(written(tmp_path, outer=twice, named=rest.format("10.0"), named2=rest.format("20.0")))
    assert "'same' names two steps, of included files too" in said
    assert "it holds characters that are not allowed" in refused(
        written(tmp_path, outer=HEAD + include("x\\u0000.toml"))
    )
    (tmp_path / "other").mkdir()
    written(tmp_path / "other", named=rest.format("30.0"))
    said = refused(written(tmp_path, outer=HEAD + include("named.toml") + include("other/named.toml")))
    assert "outer.toml, line 10: step[2].protocol: two different included files are called 'named'" in said


def test_the_first_visit_is_the_hour_movements_before_shocks() -> None:
    protocol = load_protocol("first_visit")
    kinds = [step.kind for step in protocol.step]
    assert kinds == ["impedance", "rest", *["movement"] * 13, *["conduction"] * 12, *["reflex"] * 2]
    plan = compile_plan(protocol, montage=standard_montage(), affected="left", limits=StimulusLimits())
    assert [site.side for site in plan.sites] == ["right"] * 6 + ["left"] * 6 + ["right", "left"]
    assert {site.max_shocks for site in plan.sites if site.kind == "reflex"} == {40}
    last = plan.timeline()[-1]
    assert last.start_s + last.duration_s < 60 * 60
    assert "13 movements, 65 repetitions, at most 104" in str(plan)
    words = " ".join(describe(protocol).split())
    assert "from synkinetic_correlation: 3-15. 13 expressions (wrinkle forehead, frown," in words
    assert "Not done twice: conduction_extended: its impedance reading is that of step 1" in words


def test_a_protocol_without_shocks_has_no_limits_to_tell() -> None:
    assert not load_protocol("synkinetic_correlation").stimulates
    assert describe(load_protocol("tone")).endswith("Nothing stimulates.")
