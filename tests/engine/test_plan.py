"""Plans are compiled whole, resolve the sides, and never exceed a limit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.engine.plan import ImpedanceReading, Plan, Precautions, SiteSeries, compile_plan
from npr_daq.errors import PlanError, SafetyTrip
from npr_daq.montage import standard_montage
from npr_daq.protocol import Protocol, load_protocol
from npr_daq.protocol.file import parse_protocol
from npr_daq.stimulus import Stimulus, StimulusLimits

EXTENDED = load_protocol("conduction_extended")
TRUNK = load_protocol("conduction_trunk")
MONTAGE = standard_montage()


def compiled(protocol: Protocol = EXTENDED, affected: str = "left", **kw: object) -> Plan:
    settings = {"montage": MONTAGE, "limits": StimulusLimits(), **kw}
    return compile_plan(protocol, affected=affected, **settings)  # type: ignore[arg-type]


def changed(old: str, new: str) -> Protocol:
    assert old in TRUNK.text
    return parse_protocol(TRUNK.text.replace(old, new, 1), source="mine.toml", name="mine")


@pytest.mark.parametrize(
    ("affected", "sides"),
    [
        ("left", (Side.RIGHT, Side.LEFT)),
        ("right", (Side.LEFT, Side.RIGHT)),
        ("both", (Side.LEFT, Side.RIGHT)),
        ("none", (Side.LEFT, Side.RIGHT)),
    ],
)
def test_healthy_first_and_left_first_without_a_lesion(affected: str, sides: tuple[Side, Side]) -> None:
    plan = compiled(affected=affected)
    assert [s.side for s in plan.sites] == [sides[0]] * 6 + [sides[1]] * 6
    assert isinstance(plan.steps[0], ImpedanceReading)
    assert plan.sites[0].reference is None
    assert plan.sites[6].reference == plan.sites[0].name == f"02_conduction_{sides[0]}_trunk"


def test_worst_case_is_every_allowed_shock_at_the_cap() -> None:
    doses = compiled().worst_case
    assert len(doses) == 12
    trunk = doses[0]
    assert (trunk.pulses, trunk.peak_ma) == (60, 40.0)
    assert trunk.charge_uc == pytest.approx(60 * 40.0 * 0.2)
    assert trunk.energy_mj == pytest.approx(60 * 0.04**2 * 1000 * 200e-6 * 1e3)


def test_the_printed_plan_has_timeline_dose_and_limits_in_80_columns_or_so() -> None:
    text = str(compiled())
    for words in ("Timeline", "Worst-case dose", "Limits", "60 pulses, peak 40 mA", "confirm above 12"):
        assert words in text
    assert [e.start_s for e in compiled().timeline()] == sorted(e.start_s for e in compiled().timeline())
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("max_trunk_ma = 40.0", "max_trunk_ma = 60.0", "60 mA is above the limit of 40 mA"),
        ("max_branch_ma = 25.0", "max_branch_ma = 41", "41 mA is above the limit of 40 mA"),
        ("max_branch_ma = 25.0", "max_branch_ma = 26", "max_branch_ma 26 mA is above the limit of 25 mA of the house"),
        (
            "warn_branch_ma = 12.0",
            "warn_branch_ma = 13",
            "warn_branch_ma 13 mA is above the limit of 12 mA of the house",
        ),
        ("warn_trunk_ma = 20.0", "warn_trunk_ma = 40", "warn_trunk_ma 40 mA is above the limit of 20 mA of the house"),
        ("max_rate_hz = 1.0", "max_rate_hz = 3.0", "3 Hz is above the limit of 1 Hz"),
        ("max_width_us = 500.0", "max_width_us = 1000.0", "1000 us is above the limit of 500 us"),
        ('site = "trunk"', 'site = "trunk"\nmax_ma = 45', "45 mA is above the limit of 40 mA"),
        ('site = "trunk"', 'site = "trunk"\nstart_ma = 45', "45 mA is above the limit of 40 mA"),
        ('site = "trunk"', 'site = "trunk"\nstart_ma = 9\nmax_ma = 8', "start_ma 9 mA is above its own max_ma 8 mA"),
        ('site = "trunk"', 'site = "trunk"\nrate_hz = 2', "2 Hz is above the limit of 1 Hz"),
        ('site = "trunk"', 'site = "trunk"\nwidth_us = 600', "600 us is above the limit of 500 us"),
        ('site = "trunk"', 'site = "trunk"\nmuscles = ["masseter"]', "masseter is not in the montage 'facial-16'"),
        ('site = "trunk"', 'site = "temporal"\nmuscles = ["mentalis"]', "none of its muscles"),
        ('montage = "facial-16"', 'montage = "facial-8"', "'facial-8'"),
        ("max_shocks_per_site = 60", "max_shocks_per_site = 8", "at least 11 shocks, above the limit of 8"),
        ('side = "affected"', 'side = "healthy"', "stimulated twice"),
    ],
)
def test_refused_with_value_limit_and_unit(old: str, new: str, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        compiled(changed(old, new))
    assert words in str(caught.value)


UNLOCKED = '[limits]\nunlock_reason = "deep nerve after a graft"'


def unlocked(*changes: tuple[str, str]) -> Protocol:
    text = EXTENDED.text.replace("[limits]", UNLOCKED, 1)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_protocol(text, source="mine.toml", name="mine")


def test_a_reason_unlocks_caps_and_warnings_up_to_the_one_current_of_the_house() -> None:
    plan = compiled(
        unlocked(("max_branch_ma = 25.0", "max_branch_ma = 40"), ("warn_branch_ma = 12.0", "warn_branch_ma = 40"))
    )
    assert {(s.cap_ma, s.warn_ma) for s in plan.sites if s.site is not Branch.TRUNK} == {(40.0, 40.0)}
    assert plan.unlock_reason == "deep nerve after a graft"
    assert "UNLOCKED beyond the limits of the house: deep nerve after a graft" in str(plan)
    assert "UNLOCKED" not in str(compiled())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("max_branch_ma = 25.0", "max_branch_ma = 41")], "max_branch_ma 41 mA is above the limit of 40 mA"),
        ([("warn_branch_ma = 12.0", "warn_branch_ma = 26")], "warn_branch_ma 26 mA is above the limit of 25 mA"),
        ([("max_rate_hz = 1.0", "max_rate_hz = 2")], "max_rate_hz 2 Hz is above the limit of 1 Hz"),
    ],
)
def test_a_reason_unlocks_nothing_beyond(changes: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(PlanError) as caught:
        compiled(unlocked(*changes))
    assert words in str(caught.value)


def test_a_muscle_without_an_electrode_is_a_plan_error() -> None:
    without = standard_montage(tuple(m for m in Muscle if m is not Muscle.PLATYSMA))
    with pytest.raises(PlanError, match="platysma is not in the montage"):
        compiled(montage=without)


def test_a_weaker_device_refuses_the_protocol() -> None:
    with pytest.raises(PlanError, match="40 mA is above the limit of 30 mA"):
        compiled(limits=StimulusLimits(max_current_ma=30.0))


def test_an_unknown_affected_side_is_refused() -> None:
    with pytest.raises(PlanError, match="'up'"):
        compiled(affected="up")


def test_refusal_by_the_intake_stops_everything() -> None:
    with pytest.raises(SafetyTrip, match="external pacing lead"):
        compiled(precautions=Precautions(refuse="an external pacing lead is in place"))


def test_a_forbidden_site_is_left_out_and_said() -> None:
    plan = compiled(precautions=Precautions(forbidden_sites=frozenset({(Side.LEFT, Branch.BUCCAL)})))
    assert (Side.LEFT, Branch.BUCCAL) not in {(s.side, s.site) for s in plan.sites}
    assert len(plan.sites) == 11
    assert "11_conduction_left_buccal" in plan.omitted
    assert "the intake forbids stimulation at left buccal" in str(plan)


def test_every_site_forbidden_is_a_refusal() -> None:
    both = frozenset((side, Branch.TRUNK) for side in Side)
    with pytest.raises(SafetyTrip, match="every site"):
        compiled(TRUNK, precautions=Precautions(forbidden_sites=both))


def test_a_pacemaker_slows_the_series() -> None:
    plan = compiled(precautions=Precautions(max_rate_hz=0.5))
    assert {s.interval_s for s in plan.sites} == {2.0}


@examples(deadline=None)
@given(
    trunk=st.floats(0.5, 80),
    branch=st.floats(0.5, 80),
    width=st.floats(10, 900),
    rate=st.floats(0.05, 5),
    bench=st.floats(1, 50),
    start=st.floats(0.1, 60),
)
def test_no_plan_exceeds_a_limit(
    trunk: float, branch: float, width: float, rate: float, bench: float, start: float
) -> None:
    asked = EXTENDED.limits.model_copy(update={"max_trunk_ma": trunk, "max_branch_ma": branch})
    steps = tuple(
        s.model_copy(update={"width_us": width, "rate_hz": rate, "start_ma": start}) if s.kind == "conduction" else s
        for s in EXTENDED.step
    )
    limits = replace(StimulusLimits(), max_current_ma=bench)
    try:
        plan = compiled(EXTENDED.model_copy(update={"limits": asked, "step": steps}), limits=limits)
    except PlanError:
        return
    for site in plan.sites:
        assert isinstance(site, SiteSeries)
        assert site.start_ma <= site.cap_ma <= bench * (1 + 1e-9)
        assert site.cap_ma <= (trunk if site.site is Branch.TRUNK else branch) * (1 + 1e-9)
        assert site.cap_ma <= (40.0 if site.site is Branch.TRUNK else 25.0)
        worst = Stimulus(site.side, site.site, site.cap_ma, site.width_us)
        assert limits.violations(worst, rate_hz=site.rate_hz) == []
        assert site.limits.violations(worst, rate_hz=site.rate_hz) == []
