"""The doubt about a removed tail: it covers what it says, and shrinks where the gap or the template says more."""

import numpy as np
import pytest

from npr_daq.analysis import tail_doubt
from npr_daq.analysis.tail_doubt import TemplateError

GAP_MS = np.arange(0.8, 2.5, 0.05)
TIMES_MS = np.geomspace(0.8, 20.0, tail_doubt.POINTS)
NOISE_UV = 1.0


def tails(rng: np.random.Generator, times_ms: np.ndarray, count: int) -> list[np.ndarray]:
    """Sums of two exponentials, of the same draws for the same generator."""
    drawn = []
    for _ in range(count):
        heights, taus = rng.normal(0, 300, 2), np.exp(rng.uniform(np.log(0.3), np.log(20.0), 2))
        drawn.append(heights @ np.exp(-(times_ms - 0.8) / taus[:, None]))
    return drawn


def found(gap: np.ndarray, removed: np.ndarray, **keys: TemplateError) -> tail_doubt.TailDoubt:
    return tail_doubt.of_gap(gap, GAP_MS, sigma_uv=NOISE_UV, removed_uv=removed, times_ms=TIMES_MS, **keys)


def noise(rng: np.random.Generator) -> np.ndarray:
    # Half of the band of 20 kHz: every second sample is its own.
    return np.repeat(rng.normal(0, NOISE_UV, len(GAP_MS)), 2)[: len(GAP_MS)]


def test_errors_of_an_extrapolation_lie_where_it_says() -> None:
    on_gap, behind = tails(np.random.default_rng(1), GAP_MS, 200), tails(np.random.default_rng(1), TIMES_MS, 200)
    rng = np.random.default_rng(2)
    over = []
    for gap, tail in zip(on_gap, behind, strict=True):
        removed = tail * rng.uniform(0.7, 1.3)
        doubt = found(gap + noise(rng), removed)
        wrong = np.interp([5.0, 9.0], TIMES_MS, removed - tail)
        over.append(abs(wrong[1] - wrong[0]) <= 1.96 * doubt.between(5.0, 9.0))
    assert 0.9 <= np.mean(over) <= 1.0


def test_a_better_template_leaves_less_doubt() -> None:
    [gap], [tail] = tails(np.random.default_rng(5), GAP_MS, 1), tails(np.random.default_rng(5), TIMES_MS, 1)
    alone = found(gap, tail).between(5.0, 9.0)
    rough = found(gap, tail, template=TemplateError(20.0, 10.0)).between(5.0, 9.0)
    fine = found(gap, tail, template=TemplateError(1.0, 0.01)).between(5.0, 9.0)
    assert fine < rough < alone


def test_a_tail_that_contradicts_the_gap_is_doubted() -> None:
    [gap], [tail] = tails(np.random.default_rng(5), GAP_MS, 1), tails(np.random.default_rng(5), TIMES_MS, 1)
    right, wrong = (found(gap, part * tail).between(2.6, 5.0) for part in (1.0, 1.5))
    at = np.interp([2.6, 5.0], TIMES_MS, tail)
    assert wrong == pytest.approx(np.hypot(right, 0.5 * (at[0] - at[1])), rel=0.2)


def test_without_an_artefact_there_is_hardly_a_doubt() -> None:
    doubt = found(noise(np.random.default_rng(3)), np.zeros_like(TIMES_MS))
    assert doubt.between(5.0, 9.0) < NOISE_UV


def test_curves_are_nought_outside_and_their_squares_add_up() -> None:
    [gap], [tail] = tails(np.random.default_rng(5), GAP_MS, 1), tails(np.random.default_rng(5), TIMES_MS, 1)
    doubt = found(gap, 1.2 * tail)
    assert not doubt.curves(np.array([-5.0, 0.5, 30.0])).any()
    begin, end = 4.0, 4.02
    each = doubt.curves(np.array([0.5 * (begin + end)]))
    assert doubt.over(begin, end) == pytest.approx(0.02 * np.linalg.norm(each), rel=1e-3)
