"""Values between samples and statistics of rows against their plain definitions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from npr_daq.analysis import reading

LINES = st.tuples(st.integers(1, 4), st.integers(1, 40))
ROWS = arrays.arrays(np.float32, LINES, elements=st.floats(-50, 50, width=16))


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_median_and_deviation_have_the_bits_of_their_definition(rows):
    middle, sigma = reading.median_and_sigma(rows)
    expected = np.median(rows, axis=1)
    assert np.array_equal(middle, expected)
    assert np.array_equal(sigma, 1.4826 * np.median(np.abs(rows - expected[:, None]), axis=1))


@settings(max_examples=60, deadline=None)
@given(mask=arrays.arrays(np.bool_, LINES))
def test_first_and_last_true_of_each_row(mask):
    (first, any_first), (last, any_last) = reading.first_true(mask), reading.last_true(mask)
    for row, line in enumerate(mask):
        columns = np.flatnonzero(line)
        assert any_first[row] == any_last[row] == (len(columns) > 0)
        assert first[row] == (columns[0] if len(columns) else 0)
        assert last[row] == (columns[-1] if len(columns) else 0)


def test_values_of_picked_rows_are_those_of_a_copy():
    rows = np.random.default_rng(3).standard_normal((6, 30))
    index = np.array([4, 1, 1])
    columns = np.array([[0.0, 2.5, np.nan], [-3.0, 40.0, 29.0], [7.25, 8.0, 28.9]])
    found = reading.value_at(rows, columns, index=index)
    assert np.array_equal(found, reading.value_at(rows[index], columns), equal_nan=True)
    assert np.isnan(found[0, 2])
    assert found[1, 1] == rows[1, -1]
