"""Blinks and other movements: clinical reference 5.2 (2, 6)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.analysis import performance
from npr_daq.analysis.expressions import Expression, examine
from npr_daq.analysis.synkinesis import Flaw, Verdict


def held(level=1.0, n=700):
    made = np.full((2, n), 1.0)
    made[:, 100:600] = 1.0 + level
    return made


def test_5_2_2_a_blink_is_short_and_on_both_sides():
    eyes = held()
    eyes[:, 300:315] *= 5
    eyes[0, 450:465] *= 3  # one side alone, and not enough for two
    eyes[:, 200:280] *= 2.5  # too long
    found = performance.blinks(eyes)
    assert found[295:320].all()
    assert not found[325:580].any()
    assert not found[195:285].any()


def test_a_palsied_side_does_not_hide_the_blink_of_the_other():
    eyes = held()
    eyes[1, 300:315] *= 6
    assert performance.blinks(eyes)[300:315].all()
    eyes[0] = np.nan
    assert performance.blinks(eyes)[300:315].all()


def test_steady_emg_has_no_blinks(emg):
    from npr_daq.analysis import contraction

    eyes = contraction.envelope(emg.carrier(np.random.default_rng(1), (2, 240_000)), rate_hz=2000)
    assert performance.blinks(eyes).mean() < 0.002


@settings(max_examples=20, deadline=None)
@given(size=st.floats(1, 50), begin=st.integers(150, 500))
def test_bridged_frames_are_what_is_around_them(size, begin):
    clean = np.linspace(3, 8, 700)
    blinking = clean.copy()
    blinking[begin : begin + 20] += size
    hole = np.zeros(700, dtype=bool)
    hole[begin - 2 : begin + 22] = True
    assert performance.bridged(blinking, hole) == pytest.approx(clean)
    blinking[begin + 3] = np.nan
    assert np.isnan(performance.bridged(blinking, hole)[begin + 3])


def test_a_blink_over_the_edge_of_a_plateau_leaves_the_plateau_level():
    held = np.zeros(300, dtype=bool)
    held[100:250] = True
    envelope = np.where(held, 2.0, 1.0)
    envelope[85:120] += 20.0
    blink = np.zeros(300, dtype=bool)
    blink[85:122] = True
    bridged = performance.bridged(envelope, blink & held, within=held)
    assert bridged[held] == pytest.approx(2.0)
    assert performance.bridged(envelope, blink & held)[100] > 10


CLOSE, SMILE, PUCKER = np.array([30.0, 8, 2, 1]), np.array([5.0, 35, 6, 4]), np.array([2.0, 3, 45, 15])


def levels(*wrong):
    rng = np.random.default_rng(2)
    made = np.stack([np.tile(row, (5, 1)) for row in (CLOSE, SMILE, PUCKER)])
    for task, repetition, pattern in wrong:
        made[task, repetition] = pattern
    return made * np.exp(rng.normal(0, 0.2, made.shape)) * rng.uniform(0.5, 1.5, (3, 5, 1))


def test_another_movement_is_told_from_a_weaker_one():
    found = performance.other_movement(levels((0, 2, SMILE), (2, 4, SMILE)), masters=[0, 1, 2])
    assert np.argwhere(found).tolist() == [[0, 2], [2, 4]]
    assert not performance.other_movement(levels(), masters=[0, 1, 2]).any()


def test_what_was_not_done_or_not_recorded_is_not_another_movement():
    made = levels((0, 2, SMILE))
    made[1, 3:] = np.nan
    made[..., 3] = np.nan
    found = performance.other_movement(made, masters=[0, 1, 2])
    assert np.argwhere(found).tolist() == [[0, 2]]
    made[0, 3:] = np.nan
    made[0, 1] = np.nan
    assert not performance.other_movement(made, masters=[0, 1, 2]).any()


def test_both_are_used_on_a_recording(emg):
    rate, n = emg.RATE_HZ, round(110 * emg.RATE_HZ)
    rng = np.random.default_rng(3)
    level = np.zeros((2, 3, n))
    uv = {0: (40, 4, 2), 1: (8, 45, 12), 2: (3, 5, 50)}
    tasks, begin = [], 20.0
    for name, master in (("close", 0), ("smile", 1), ("pucker", 2)):
        cues = []
        for repetition in range(5):
            moved = emg.profile(n, begin + 0.3, begin + 2.8)
            done = 2 if (master, repetition) == (1, 3) else master
            level += np.array(uv[done])[:, None] * moved
            if master == 1 and repetition < 3:
                level[:, 0] += 80 * emg.profile(n, begin + 1.4, begin + 1.55)
            cues.append((begin, begin + 2.5))
            begin += 5.5
        tasks.append(Expression(name, master, tuple(cues), eyes=name == "close"))
    data = level * emg.carrier(rng, (2, 3, n)) + emg.carrier(rng, (2, 3, n))
    cutoffs = np.full((3, 3), np.nan)
    cutoffs[1, 0] = 1.79
    given = {"rate_hz": rate, "rest_s": [(1.0, 18.0)], "tasks": tasks, "own_task": [0, 1, 2], "cutoffs": cutoffs}
    blind, seeing = examine(data, **given), examine(data, eye=0, **given)
    assert seeing.healthy.flaw[1, 0].tolist() == ["", "", "", Flaw.OTHER, ""]
    assert (seeing.healthy.flaw[[0, 2]] == Flaw.NONE).all()
    assert seeing.comparison.accepted[1, 0] == 4
    assert (seeing.blanked[1, :3] > 0.1).all()
    assert seeing.blanked[0].max() == seeing.blanked[2].max() == blind.blanked.max() == 0
    assert blind.affected.slave_uv[1, 0, :3].min() > 15
    assert seeing.affected.slave_uv[1, 0, [0, 1, 2, 4]] == pytest.approx(np.full(4, 8), rel=0.2)
    assert np.ptp(seeing.comparison.q_ci95[1, 0]) < np.ptp(blind.comparison.q_ci95[1, 0])
    assert seeing.comparison.verdict[1, 0] == Verdict.ABSENT
