"""One pulse on its way from the electrodes to the converter, against the filters' closed forms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from npr_simulators import analog
from npr_simulators.evoked_path import artefact_uv, converted, grid_ms, muscles_uv
from npr_simulators.person.artefact import Artefact

Floats = NDArray[np.float64]
PULSE = Artefact(np.array([7000.0, -3000.0]), np.array([[0.02, 0.004], [0.03, 0.0]]), 0.2)
RESIDUES, POLES, _ = signal.residue(*signal.butter(4, 2 * np.pi * 5.0, analog=True))


class Answer:
    """A bump of 1 mV about 5 ms, and an artefact."""

    def render(self, t_ms: Floats) -> Floats:
        return np.array([[-1000.0], [500.0]]) * np.exp(-(((t_ms - 5) / 0.8) ** 2))

    def render_artefact(self, t_ms: Floats, width: float = 0.0) -> Floats:
        return PULSE(t_ms, width)

    def truth(self) -> Mapping[str, Any]:
        return {}


def filtered_artefact(t_ms: Floats) -> Floats:
    """PULSE behind the anti-alias filter by partial fractions; time in ms."""

    def decay(t: Floats, tau: float) -> Floats:
        # the filter's answer to exp(-t / tau) from 0 on; infinite tau is a step
        rate = 0.0 if np.isinf(tau) else 1 / tau
        t = np.clip(t, 0, None)
        return sum(
            r * (np.exp(p * t) - np.exp(-rate * t)) / (p + rate) for r, p in zip(RESIDUES, POLES, strict=True)
        ).real

    after = t_ms - PULSE.width_ms
    shape = decay(t_ms, np.inf) - decay(after, np.inf)
    tails = np.stack([decay(after, 1.2), decay(after, 8.0)])
    return PULSE.height_uv[:, None] * (shape - PULSE.shares @ tails)


@pytest.mark.parametrize("subsample", [0.0, 0.13, 0.5, 0.99])
def test_the_artefact_is_filtered_as_the_analogue_filter_does_it(subsample: float) -> None:
    t_ms = grid_ms(subsample, 20_000)
    assert t_ms[0] == pytest.approx(-subsample / 20)
    expected = filtered_artefact(t_ms)
    found = artefact_uv(Answer(), subsample, 20_000)
    assert np.abs(found - expected)[:, t_ms > 1.0].max() < 0.2
    assert np.abs(found - expected).max() < 0.003 * 7000


def test_where_between_two_samples_the_pulse_fell_does_not_change_its_tail() -> None:
    tails = []
    for subsample in np.linspace(0, 0.95, 20):
        t_ms = grid_ms(subsample, 20_000)
        out = converted(artefact_uv(Answer(), subsample, 20_000), subsample, 20_000)
        tails.append(np.interp([1.5, 2.0, 5.0], t_ms, out.uv[0]))
    assert np.ptp(tails, axis=0).max() < 1.0


def test_the_muscles_come_later_by_the_group_delay() -> None:
    t_ms = grid_ms(0.3, 20_000)
    found = muscles_uv(Answer(), 0.3, 20_000)
    expected = Answer().render(t_ms - analog.GROUP_DELAY_MS)
    assert found.shape == (2, 6000)
    assert np.abs(found - expected).max() < 1.5


def test_a_slow_stream_takes_means_over_its_periods_without_another_delay() -> None:
    subsample = 0.4
    fast_t, slow_t = grid_ms(subsample * 10 % 1, 20_000), (np.arange(600) - subsample) * 0.5
    fast = converted(muscles_uv(Answer(), subsample * 10 % 1, 20_000), subsample * 10 % 1, 20_000)
    slow = converted(muscles_uv(Answer(), subsample, 2_000), subsample, 2_000)
    assert slow.uv.shape == (2, 600)
    for middle, value in zip(slow_t[2:60], slow.uv[0, 2:60], strict=True):
        inside = np.interp(middle + np.linspace(-0.25, 0.25, 501), fast_t, fast.uv[0])
        assert value == pytest.approx(inside.mean(), abs=1.5)


def test_an_overload_is_flagged_where_it_was_and_leaves_a_trace() -> None:
    class Loud(Answer):
        def render_artefact(self, t_ms: Floats, width: float = 0.0) -> Floats:
            return 10 * PULSE(t_ms, width)

    out = converted(artefact_uv(Loud(), 0.5, 20_000), 0.5, 20_000)
    calm = converted(10 * artefact_uv(Answer(), 0.5, 20_000), 0.5, 20_000)
    np.testing.assert_array_equal(out.overloaded, calm.overloaded)
    assert out.overloaded[0].any()
    assert not out.overloaded[1].any()
    assert np.flatnonzero(out.overloaded[0]).max() < 12
    slow = converted(artefact_uv(Loud(), 0.5, 2_000), 0.5, 2_000)
    assert np.flatnonzero(slow.overloaded[0]).tolist() in ([0], [0, 1], [1])


def test_blanking_holds_the_input_and_spares_the_tail_of_the_high_pass() -> None:
    uv = artefact_uv(Answer(), 0.2, 20_000)
    t_ms = grid_ms(0.2, 20_000)
    blanked = converted(uv, 0.2, 20_000, blank_ms=1.0).uv
    assert (blanked[:, t_ms < 1.0] == 0).all()
    at_2 = int(np.searchsorted(t_ms, 2.0))
    assert abs(blanked[0, at_2]) < abs(converted(uv, 0.2, 20_000).uv[0, at_2])


def test_nothing_is_left_at_the_end_of_the_window() -> None:
    out = converted(artefact_uv(Answer(), 0.2, 20_000) + muscles_uv(Answer(), 0.2, 20_000), 0.2, 20_000)
    assert np.abs(out.uv[:, -20:]).max() < 0.05


def test_the_artefact_of_the_study_comes_out_as_the_prototype_measured_it() -> None:
    # simulation reference 5: 35 mA, nasalis (0.2 mV/mA), behind all filters
    t_ms = grid_ms(0.3, 20_000)
    uv = converted(artefact_uv(Answer(), 0.3, 20_000), 0.3, 20_000).uv[0]
    assert uv.max() == pytest.approx(7800, rel=0.02)
    for at_ms, expected in ((1.5, -113), (2, -92), (3, -68), (10, -33)):
        assert np.interp(at_ms + 0.05, t_ms, uv) == pytest.approx(expected, rel=0.06)
