"""Analysis parameters: overrides from text or numbers, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import UsageError
from npr_daq.findings import DEFAULT


def test_overrides_from_text_keep_the_kind() -> None:
    changed = DEFAULT.with_overrides({"min_sweeps": "4", "high_pass_hz": "20", "hum_percent": 3})
    assert changed.min_sweeps == 4
    assert isinstance(changed.min_sweeps, int)
    assert changed.high_pass_hz == 20.0
    assert changed.hum_percent == 3.0
    assert DEFAULT.high_pass_hz == 0.0


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"hi_pass_hz": 1}, "did you mean 'high_pass_hz'"),
        ({"zzz": 1}, "known are"),
        ({"high_pass_hz": "fast"}, "must be a number"),
        ({"high_pass_hz": "nan"}, "finite"),
        ({"high_pass_hz": -1}, "at least 0"),
        ({"min_sweeps": 2.5}, "whole"),
        ({"min_sweeps": 1}, "at least 2"),
        ({"window_start_ms": 30}, "out of order"),
        ({"late_start_ms": 6}, "out of order"),
    ],
)
def test_refusals_are_sentences(overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        DEFAULT.with_overrides(overrides)


@given(
    st.dictionaries(
        st.sampled_from(sorted(DEFAULT.to_dict())), st.floats() | st.text(max_size=5) | st.none(), max_size=4
    )
)
def test_any_overrides_give_parameters_or_a_usage_error(overrides: dict[str, Any]) -> None:
    try:
        found = DEFAULT.with_overrides(overrides)
    except UsageError:
        return
    assert found.window_start_ms < found.window_end_ms
    assert set(found.to_dict()) == set(DEFAULT.to_dict())
