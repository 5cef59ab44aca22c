"""Late responses: F waves of supplied muscles, lateral spread of the others, and neither where there is none."""

from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Muscle, Side
from npr_daq.findings import DEFAULT, Findings
from npr_daq.findings.late import UNTIMED, late
from npr_daq.findings.late_rows import LateRow

BRANCH = Branch.MARGINAL_MANDIBULAR
ONSET_MS = 2.4
"""Of the mentalis in the synthetic recording."""


def made(kinds: ModuleType, *, sweeps: int = 20, every: int = 1, lateral_uv: float = 0.0, constant_uv: float = 0.0):
    """Mentalis answers 2 mV; F waves of one unit in all sweeps but each `every`-th (0: in none), 9.0 to 9.8 ms."""
    rng = np.random.default_rng(3)
    shocks, onsets = [], []
    for index in range(sweeps):
        mine = kinds.direct(Muscle.MENTALIS, 2.0) + kinds.unit(10.0, constant_uv)
        if every and index % every:
            onsets.append(9.0 + 0.8 * rng.random())
            mine = mine + kinds.unit(onsets[-1], rng.uniform(120.0, 300.0))
        waves = {(Side.LEFT, Muscle.MENTALIS): mine}
        if lateral_uv:
            waves[Side.LEFT, Muscle.FRONTALIS] = kinds.unit(10.5, lateral_uv)
        shocks.append(kinds.Shock(waves=waves))
    return kinds.step("late", Side.LEFT, BRANCH, shocks, sweeps=sweeps), onsets


def row(table, muscle: Muscle) -> LateRow:
    [one] = table.where(recorded=str(muscle))
    return one


def test_an_f_wave_with_its_numbers(kinds: ModuleType) -> None:
    step, onsets = made(kinds, every=4)
    table = late(kinds.recording([step]), DEFAULT)
    assert [(r.recorded, r.response) for r in table] == [
        (str(m), "F wave" if m in SUPPLIES[BRANCH] else "lateral spread") for m in FACIAL_MUSCLES
    ]
    found = row(table, Muscle.MENTALIS)
    assert (found.verdict, found.sweeps, found.current_ma) == ("present", 20, 10.0)
    assert found.minimum_ms == pytest.approx(min(onsets), abs=0.2)
    assert found.mean_ms == pytest.approx(np.mean(onsets), abs=0.15)
    assert found.chronodispersion_ms == pytest.approx(np.ptp(onsets), abs=0.3)
    assert found.persistence_percent == pytest.approx(75.0)
    assert found.direct_mv == pytest.approx(3.2, rel=0.03)
    assert found.conduction_time_ms == pytest.approx((found.minimum_ms - ONSET_MS - 1.0) / 2.0, abs=0.05)
    assert 4.0 < found.f_over_m_percent < 20.0
    assert found.reasons == ()


def test_what_is_equal_in_every_sweep_is_no_f_wave_and_no_synkinesis(kinds: ModuleType) -> None:
    step, _ = made(kinds, every=0, constant_uv=150.0)
    table = late(kinds.recording([step]), DEFAULT)
    assert {r.verdict for r in table} == {"absent"}
    found = row(table, Muscle.MENTALIS)
    assert found.minimum_ms is found.f_over_m_percent is found.conduction_time_ms is None
    assert found.persistence_percent == 0.0
    assert any(reason.startswith("F waves under") for reason in found.reasons)


def test_an_f_wave_of_the_own_branch_is_no_lateral_spread_elsewhere(kinds: ModuleType) -> None:
    step, _ = made(kinds, every=3)
    for shock in step["shocks"]:
        # Every other muscle of the side sees 3 % of the mentalis.
        mine = shock.waves[Side.LEFT, Muscle.MENTALIS]
        shock.waves.update({(Side.LEFT, m): 0.03 * mine for m in FACIAL_MUSCLES if m not in SUPPLIES[BRANCH]})
    table = late(kinds.recording([step]), DEFAULT)
    assert {r.verdict for r in table if r.response == "lateral spread"} <= {"absent", "cannot tell"}
    for other in table.where(response="lateral spread", verdict="absent"):
        assert bool(other.reasons) == (other.persistence_percent >= 60.0)
    assert row(table, Muscle.MENTALIS).verdict == "present"


def test_f_waves_that_no_other_sweep_supports_are_present_without_a_latency(kinds: ModuleType) -> None:
    step, _ = made(kinds, every=0)
    for index, at_ms in enumerate((9.0, 11.0, 13.0)):
        waves = step["shocks"][5 * index].waves
        waves[Side.LEFT, Muscle.MENTALIS] = waves[Side.LEFT, Muscle.MENTALIS] + kinds.unit(at_ms, 200.0)
    found = row(late(kinds.recording([step]), DEFAULT), Muscle.MENTALIS)
    assert (found.verdict, found.minimum_ms, found.conduction_time_ms) == ("present", None, None)
    assert found.persistence_percent == pytest.approx(15.0)
    assert found.f_over_m_percent > 0
    assert UNTIMED in found.reasons


def test_lateral_spread_with_its_latency(kinds: ModuleType) -> None:
    step, _ = made(kinds, every=0, lateral_uv=120.0)
    table = late(kinds.recording([step]), DEFAULT)
    found = row(table, Muscle.FRONTALIS)
    assert found.verdict == "present"
    assert found.mean_ms == pytest.approx(10.5, abs=0.15)
    assert found.latency_sd_ms < 0.1
    assert found.persistence_percent == 100.0
    assert found.amplitude_uv == pytest.approx(1.6 * 120.0, rel=0.1)
    assert found.f_over_m_percent is None
    assert {row(table, m).verdict for m in (Muscle.NASALIS, Muscle.PLATYSMA, Muscle.MENTALIS)} == {"absent"}


@pytest.mark.parametrize(("sweeps", "lateral"), [(8, "present"), (4, "too few sweeps")])
def test_too_few_sweeps_have_no_answer(kinds: ModuleType, sweeps: int, lateral: str) -> None:
    step, _ = made(kinds, sweeps=sweeps, every=3, lateral_uv=120.0)
    table = late(kinds.recording([step]), DEFAULT)
    found = row(table, Muscle.MENTALIS)
    assert (found.verdict, found.minimum_ms, found.persistence_percent) == ("too few sweeps", None, None)
    assert f"{sweeps} usable sweeps; an F wave takes 10" in found.reasons
    assert row(table, Muscle.FRONTALIS).verdict == lateral


def test_no_usable_sweep_and_no_proof_are_said(kinds: ModuleType) -> None:
    step, _ = made(kinds, sweeps=12)
    for shock in step["shocks"]:
        shock.reject_reasons = ("tripped",)
    name = step["record"]["name"]
    table = late(kinds.recording([step], searches={name: {"proved": False, "reason": "the cap"}}), DEFAULT)
    found = row(table, Muscle.MENTALIS)
    assert (found.verdict, found.sweeps, found.current_ma) == ("too few sweeps", 0, None)
    assert "12 sweeps not used: tripped" in found.reasons
    assert "the stimulus was not proved supramaximal: the cap" in found.reasons


def test_a_late_step_gives_no_conduction_rows(kinds: ModuleType, synthetic: ModuleType) -> None:
    from npr_daq.findings import compute

    step, _ = made(kinds, sweeps=10, every=0)
    found = compute(kinds.recording([step]))
    assert not found.conduction
    assert not found.evoked_spread
    assert len(found.late) == len(FACIAL_MUSCLES)
    assert Findings.from_json(found.to_json()) == found
