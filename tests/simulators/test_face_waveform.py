"""Waveforms: exact at any instant, of compact support, linear, and such as a clinician would recognise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Side
from npr_simulators.face import Face, load_patient
from npr_simulators.face.artefact import artefact_gain
from npr_simulators.face.waveform import Potentials, Superposition

RATE_KHZ = 20.0
FACE = Face(load_patient("healthy"), seed=4)
FACE.place(Side.LEFT, Branch.TRUNK)
EVOKED = FACE.evoke(current_ma=20, width_us=200, ordinal=9)
assert EVOKED is not None


def one_by_one(t_ms):
    """The sum of all fired potentials by their plain definition, mixed to channels."""
    parts = []
    for muscle in FACIAL_MUSCLES:
        who = np.flatnonzero(EVOKED.units.of(muscle) & EVOKED.volley.fired)
        shapes = EVOKED.units.shapes
        mine = Potentials(shapes.size_uv[who], shapes.duration_ms[who], shapes.turn[who])
        parts.append(mine.at(t_ms, EVOKED.volley.arrival_ms[who]).sum(axis=0))
    return EVOKED.mixing @ np.array(parts)


@pytest.mark.parametrize("shift", [0.0, 0.37, 0.999])
def test_any_sub_sample_shift_is_the_analytic_sum(shift):
    # a count of the front-end is 0.005 uV: a fiftieth of it
    t = (np.arange(0, 320) - shift) / RATE_KHZ
    np.testing.assert_allclose(EVOKED.render(t), one_by_one(t), rtol=0, atol=1e-4)


def test_instants_may_come_in_any_order_and_in_any_portions():
    t = np.random.default_rng(5).uniform(-5, 130, 700)
    whole = EVOKED.render(t)
    parts = np.hstack([EVOKED.render(piece) for piece in np.array_split(t, [1, 90, 400])])
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    arrivals=st.lists(st.floats(1, 12), min_size=0, max_size=12),
    durations=st.lists(st.floats(4, 14), min_size=12, max_size=12),
    turns=st.lists(st.floats(0.28, 0.44), min_size=12, max_size=12),
)
def test_a_superposition_is_the_sum_of_its_potentials_and_nought_outside(arrivals, durations, turns):
    n = len(arrivals)
    shapes = Potentials(np.linspace(10, 50, n), np.array(durations[:n]), np.array(turns[:n]))
    start = np.array(arrivals)
    wave = Superposition.of(shapes, start, np.ones(n, bool))
    t = np.linspace(-1, 30, 400)
    np.testing.assert_allclose(wave.at(t), shapes.at(t, start).sum(axis=0), rtol=0, atol=1e-4)
    first, last = wave.span_ms
    assert (wave.at(t)[(t < first) | (t > last)] == 0).all()


def test_a_potential_begins_negative_peaks_at_its_size_and_turns_positive_where_it_says():
    shapes = Potentials(np.array([40.0]), np.array([10.0]), np.array([0.36]))
    t = np.linspace(0, 10, 20001)
    y = shapes.at(t, np.array([0.0]))[0]
    assert y.min() == pytest.approx(-40, abs=1e-4)
    assert (y[(t > 0) & (t < 3.59)] < 0).all()
    assert (y[(t > 3.61) & (t < 10)] > 0).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_healthy_responses_look_like_compound_muscle_action_potentials(seed):
    face = Face(load_patient("healthy"), seed=seed)
    t = np.arange(0, 25, 0.01)
    for side in Side:
        face.place(side, Branch.TRUNK)
        evoked = face.evoke(current_ma=22, width_us=200, ordinal=1)
        truth = evoked.truth()
        for muscle in FACIAL_MUSCLES:
            y = evoked.render(t)[face.montage.row(side, muscle)]
            channel = truth[f"{side}.{muscle}"]
            assert 600 < channel["app"]["pp_uv"] < 4500
            assert 2.5 <= channel["t_ref"] <= 3.8
            onset = np.flatnonzero(np.abs(y) > 0.02 * -y.min())
            assert y[onset[0]] < 0, "initial positivity"
            assert 7.0 < t[onset[-1]] - t[onset[0]] < 11.5
            assert 0.25 < y.max() / -y.min() < 0.8
            assert y.argmax() > y.argmin()


def test_crosstalk_is_modest_and_the_own_share_is_one():
    shares = EVOKED.mixing[:8]
    np.testing.assert_array_equal(np.diag(shares), 1.0)
    others = shares[~np.eye(8, dtype=bool)]
    assert ((others == 0) | ((others >= 0.02) & (others <= 0.08))).all()
    assert (EVOKED.mixing[8:] <= 0.02).all()


def test_the_artefact_is_a_pulse_and_a_mild_tail_proportional_to_current():
    t = (np.arange(0, 400) - 0.37) / RATE_KHZ
    for site in Branch:
        for side in Side:
            FACE.place(side, site)
            at_20 = FACE.evoke(current_ma=20, width_us=200, ordinal=1).render_artefact(t, 1 / RATE_KHZ)
            at_5 = FACE.evoke(current_ma=5, width_us=200, ordinal=2).render_artefact(t, 1 / RATE_KHZ)
            np.testing.assert_allclose(at_20, 4 * at_5, rtol=1e-9)
            assert np.abs(at_20[:, t >= 2.0]).max() < 1.0
            assert 500 < np.abs(at_20).max() <= 20 * 240
    FACE.place(Side.LEFT, Branch.TRUNK)


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(0, 1, exclude_max=True))
def test_averaging_over_a_sample_keeps_the_pulse_area_wherever_it_falls(shift):
    t = (np.arange(-20, 400) - shift) / RATE_KHZ
    area = EVOKED.render_artefact(t, 1 / RATE_KHZ).sum(axis=1) / RATE_KHZ
    gain = artefact_gain(seed=4, side=Side.LEFT, site=Branch.TRUNK)
    np.testing.assert_allclose(area, 20 * gain * (0.2 - 0.03 * 0.30), rtol=1e-6)
