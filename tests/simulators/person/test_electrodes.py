"""Where electrodes sit: off by a hand's error at each visit, mirrored where they look across the midline."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_simulators.person import electrodes
from npr_simulators.person.bank import ACROSS, REACH
from npr_simulators.person.muscles import MIDLINE_MM


@given(st.integers(0, 2**32), st.sampled_from(list(Side)), st.integers(1, 9), st.floats(0.1, 10))
def test_one_visit_has_one_placement_and_another_visit_another(seed: int, side: Side, visit: int, error_mm: float):
    here, again, later = (
        electrodes.placed(seed=seed, side=side, visit=v, error_mm=error_mm) for v in (visit, visit, visit + 1)
    )
    assert np.array_equal(here, again)
    assert not np.array_equal(here, later)
    off = (here - electrodes.nominal()) / error_mm
    assert np.abs(off).max() < 6


def test_the_other_half_is_seen_in_the_mirror():
    placement = {"seed": 4, "visit": 2, "error_mm": 3.0}
    seen = electrodes.reach(side=Side.LEFT, **placement)
    other = electrodes.placed(side=Side.RIGHT, **placement)
    assert seen.shape == (REACH, 2, 2)
    assert np.array_equal(seen[: len(FACIAL_MUSCLES)], electrodes.placed(side=Side.LEFT, **placement))
    for k, muscle in enumerate(ACROSS):
        mirrored = other[FACIAL_MUSCLES.index(muscle)]
        assert np.allclose(seen[len(FACIAL_MUSCLES) + k, :, 0] + mirrored[:, 0], 2 * MIDLINE_MM)
        assert np.allclose(seen[len(FACIAL_MUSCLES) + k, :, 1], mirrored[:, 1])


def test_pairs_are_22_mm_apart_and_on_their_own_half():
    pairs = electrodes.nominal()
    assert np.hypot(*(pairs[:, 0] - pairs[:, 1]).T) == pytest.approx(22, abs=0.2)
    assert (pairs[..., 0] < MIDLINE_MM).all()
