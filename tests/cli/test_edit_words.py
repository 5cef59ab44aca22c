"""What `mark` prints of an edit and what `analyse --set` refuses, without a process."""

import pytest

from npr_daq.cli.analyse import _overrides
from npr_daq.cli.mark import _line
from npr_daq.errors import UsageError
from npr_daq.storage.edits import Entry

WHERE = {"side": "left", "branch": "marginal_mandibular", "muscle": "mentalis", "marker": "negative_peak", "unit": "ms"}


def edit(after: float | None, reason: str | None = None) -> Entry:
    return Entry(
        2, "2026-01-02T03:04:05Z", "A. Berg", "mark", WHERE, 2.053, after, reason, "npr-daq 1", "0" * 64, "f" * 64
    )


def test_a_move_says_from_where_to_where_and_a_marker_taken_back_says_where_it_is_again() -> None:
    place = "A. Berg: left marginal mandibular mentalis negative peak: "
    assert _line(edit(2.2, "hum")).endswith(place + "2.05 ms -> 2.20 ms (hum)")
    assert _line(edit(None)).endswith(place + "back to 2.05 ms, as measured")


def test_a_parameter_is_set_once_by_a_number() -> None:
    assert _overrides(["min_sweeps=4", " window_end_ms = 15"]) == {"min_sweeps": 4.0, "window_end_ms": 15.0}
    with pytest.raises(UsageError, match="'min_sweeps' twice; give each parameter once"):
        _overrides(["min_sweeps=4", "min_sweeps =5"])
    for wrong in ("min_sweeps", "=", "min_sweeps=", "min_sweeps=x" + "x" * 500):
        with pytest.raises(UsageError, match="is not KEY=NUMBER, for example") as caught:
            _overrides([wrong])
        assert len(str(caught.value)) < 200
