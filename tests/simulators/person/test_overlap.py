"""Overlap-add at whole samples, also over the edges of what there is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npr_simulators.person.overlap import add_spikes

TEMPLATES = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)


def added(n: int, rows: list[int], samples: list[int]) -> np.ndarray:
    out = np.zeros((n, 3), np.float32)
    add_spikes(out, TEMPLATES, np.array(rows, np.intp), np.array(samples, np.intp))
    return out


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-20, 60)), max_size=20), st.integers(1, 40))
def test_what_lies_outside_is_left_off(events: list[tuple[int, int]], n: int):
    expected = np.zeros((n + 200, 3))
    for row, sample in events:
        expected[100 + sample : 107 + sample] += TEMPLATES[row]
    seen = added(n, [e[0] for e in events], [e[1] for e in events])
    assert np.allclose(seen, expected[100 : 100 + n], atol=1e-4)


def test_templates_may_have_lengths_of_their_own():
    out = np.zeros((9, 3), np.float32)
    add_spikes(out, [TEMPLATES[0], TEMPLATES[1][:2], TEMPLATES[2][:0]], np.array([1, 2, 0]), np.array([8, 3, 1]))
    assert np.array_equal(out[1:8], TEMPLATES[0])
    assert np.array_equal(out[8], TEMPLATES[1][0])
