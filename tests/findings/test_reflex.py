"""Blink reflex: R1, R2 and R2c of both eyes, synkinetic answers of other muscles, R1 over the direct latency."""

from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side, TrigeminalSite
from npr_daq.findings import DEFAULT, compute
from npr_daq.findings.late_rows import ReflexRow
from npr_daq.findings.reflex import blink

EYE = Muscle.ORBICULARIS_OCULI


def step(kinds: ModuleType, *, sweeps: int = 8, r1: bool = True, synkinetic: bool = True, copy: float = 0.0):
    """The left side stimulated: R1 at 10.5 ms left, R2 at 31 ms in both eyes, and in the left mentalis at 34 ms."""
    rng = np.random.default_rng(2)
    shocks = []
    for _ in range(sweeps):
        left = kinds.burst(rng, 31.0 + rng.normal(0.0, 0.5), 60.0)
        if r1:
            left = left + kinds.unit(10.5, 250.0)
        waves = {(Side.LEFT, EYE): left, (Side.RIGHT, EYE): kinds.burst(rng, 31.5 + rng.normal(0.0, 0.5), 50.0)}
        if synkinetic:
            waves[Side.LEFT, Muscle.MENTALIS] = kinds.burst(rng, 34.0, 40.0, lasts_ms=20.0)
        if copy:
            waves[Side.LEFT, Muscle.NASALIS] = copy * left
        shocks.append(kinds.Shock(current_ma=8.0, waves=waves))
    return kinds.step("reflex", Side.LEFT, TrigeminalSite.SUPRAORBITAL, shocks, interval_s=10.0)


def row(table, side: Side, muscle: Muscle) -> ReflexRow:
    [one] = table.where(side=str(side), muscle=str(muscle))
    return one


def test_both_eyes_and_every_other_muscle(kinds: ModuleType) -> None:
    table = blink(kinds.recording([step(kinds)]), {}, DEFAULT)
    assert len(table) == 16
    own, other = row(table, Side.LEFT, EYE), row(table, Side.RIGHT, EYE)
    assert (own.stimulated, own.response, own.verdict, own.current_ma) == ("left", "R1, R2", "present", 8.0)
    assert own.r1_latency_ms == pytest.approx(10.5, abs=0.2)
    assert own.r1_uv == pytest.approx(1.6 * 250.0, rel=0.1)
    assert own.r1_share_percent == own.r2_share_percent == 100.0
    assert own.r2_latency_ms == pytest.approx(31.0, abs=1.0)
    assert own.r2_duration_ms == pytest.approx(30.0, abs=4.0)
    assert own.r2_area_uv_ms == pytest.approx(30.0 * 60.0 * np.sqrt(2 / np.pi), rel=0.25)
    assert own.r1_over_direct is None
    assert (other.response, other.verdict, other.r1_latency_ms) == ("R2c", "present", None)
    assert other.r2_latency_ms == pytest.approx(31.5, abs=1.0)
    blinked = {(r.side, r.muscle) for r in table if r.response == "synkinetic" and r.verdict == "present"}
    assert blinked == {("left", "mentalis")}


def test_a_copy_of_the_eye_is_no_synkinesis(kinds: ModuleType) -> None:
    table = blink(kinds.recording([step(kinds, synkinetic=False, copy=0.15)]), {}, DEFAULT)
    found = row(table, Side.LEFT, Muscle.NASALIS)
    assert found.verdict == "absent"
    assert "R2 may be a copy of the eye's: volume conduction" in found.reasons
    assert found.r2_share_percent == 100.0


def test_what_is_early_on_the_other_side_or_has_no_beginning_is_no_r1(kinds: ModuleType) -> None:
    made = step(kinds, synkinetic=False)
    for shock in made["shocks"]:
        shock.waves[Side.RIGHT, Muscle.FRONTALIS] = kinds.unit(10.5, 60.0)
        shock.waves[Side.LEFT, Muscle.PLATYSMA] = kinds.unit(7.1, 60.0, narrow=1.0)
        shock.waves[Side.LEFT, Muscle.MENTALIS] = kinds.unit(11.0, 60.0)
    table = blink(kinds.recording([made]), {}, DEFAULT)
    crossed, early = row(table, Side.RIGHT, Muscle.FRONTALIS), row(table, Side.LEFT, Muscle.PLATYSMA)
    assert (crossed.verdict, crossed.r1_latency_ms, crossed.r1_uv) == ("absent", None, None)
    assert crossed.reasons[0].startswith("something before R2 in 8 of 8 sweeps is not counted: R1 does not cross")
    assert (early.verdict, early.r1_latency_ms, early.r1_uv) == ("absent", None, None)
    assert early.reasons[0].endswith("their mean has no beginning where R1 lies")
    assert row(table, Side.LEFT, Muscle.MENTALIS).r1_latency_ms == pytest.approx(11.0, abs=0.2)


def test_a_slow_return_is_no_r2(kinds: ModuleType) -> None:
    made = step(kinds, synkinetic=False)
    tail = np.where(kinds.times() > 21.0, 10.0 * np.exp(-(kinds.times() - 21.0) / 60.0), 0.0)
    for shock in made["shocks"]:
        shock.waves[Side.RIGHT, Muscle.PLATYSMA] = tail
    table = blink(kinds.recording([made]), {}, DEFAULT)
    assert row(table, Side.RIGHT, Muscle.PLATYSMA).verdict == "absent"


def test_a_missing_r1_leaves_r2(kinds: ModuleType) -> None:
    found = row(blink(kinds.recording([step(kinds, r1=False)]), {}, DEFAULT), Side.LEFT, EYE)
    assert (found.verdict, found.r1_latency_ms, found.r1_uv) == ("present", None, None)
    assert found.r2_latency_ms is not None


def test_too_few_sweeps(kinds: ModuleType) -> None:
    table = blink(kinds.recording([step(kinds, sweeps=4)]), {}, DEFAULT)
    assert {r.verdict for r in table} == {"too few sweeps"}
    assert {r.r2_latency_ms for r in table} == {None}
    assert table[0].reasons[0] == "4 usable sweeps; a reflex takes 5"


def test_r1_over_the_direct_latency_of_the_same_exam(kinds: ModuleType, synthetic: ModuleType) -> None:
    beside = synthetic.Face(sites=(Branch.ZYGOMATIC,)).recording()
    found = compute(kinds.recording([step(kinds)], beside=beside))
    assert len(found.conduction) == 2
    own = row(found.reflex, Side.LEFT, EYE)
    assert own.r1_over_direct == pytest.approx(10.5 / 2.7, rel=0.05)
    assert [r.r1_over_direct for r in found.reflex if r is not own] == [None] * 15


def test_what_comes_at_no_one_time_cannot_be_told(kinds: ModuleType) -> None:
    one = step(kinds, synkinetic=False)
    rng = np.random.default_rng(5)
    for shock, at_ms in zip(one["shocks"], (26.0, 52.0, 33.0, 45.0, 29.0, 49.0, 38.0, 55.0), strict=True):
        shock.waves[Side.LEFT, Muscle.MENTALIS] = kinds.burst(rng, at_ms, 40.0, lasts_ms=15.0)
    found = row(blink(kinds.recording([one]), {}, DEFAULT), Side.LEFT, Muscle.MENTALIS)
    assert found.verdict == "cannot tell"
    assert found.r2_latency_sd_ms > 5.0
    assert any(reason.startswith("what stands out in the time of R2") for reason in found.reasons)


def test_without_an_answer_of_an_eye_nothing_is_a_blink(kinds: ModuleType) -> None:
    rng = np.random.default_rng(6)
    shocks = [
        kinds.Shock(current_ma=1.0, waves={(Side.LEFT, Muscle.MENTALIS): kinds.burst(rng, 34.0, 40.0, lasts_ms=20.0)})
        for _ in range(8)
    ]
    one = kinds.step("reflex", Side.LEFT, TrigeminalSite.SUPRAORBITAL, shocks, interval_s=10.0)
    table = blink(kinds.recording([one]), {}, DEFAULT)
    found = row(table, Side.LEFT, Muscle.MENTALIS)
    assert found.r2_share_percent == 100.0
    assert found.verdict == "absent"
    assert found.reasons[0].startswith("no eye answers")
    assert not [r for r in table if r.verdict == "present"]
