"""An amplifier that holds its input during a pulse says from when to when, and shows nothing of the pulse."""

from typing import Any

import numpy as np
import pytest

from npr_daq.wire.messages import Data, FireAccepted
from npr_daq.wire.tables import MarkerCode


def shown(rig: Any, blank_ms: float) -> Any:
    rig.device.blank_ms = blank_ms
    rig.hello()
    rig.stream()
    rig.program()
    rig.arm()
    rig.ask(rig.shot(1, 1000), FireAccepted)
    rig.run_to(3040)
    return rig.counts() * 40e3 / 2**23


def test_the_input_is_held_and_two_markers_say_when(rig: Any) -> None:
    uv = shown(rig, 1.5)
    (line,) = rig.truth.lines
    t_ms = (np.arange(uv.shape[1]) - 1000 - line["subsample"]) / 20
    during, before = (t_ms >= 0) & (t_ms < 1.45), (t_ms < 0) & (t_ms > -20)
    assert np.abs(uv[:, during]).max() <= np.abs(uv[:, before]).max()
    assert uv[0, t_ms > 1.5].min() < -1500
    marks = [(d.first_sample + m.sample_offset + m.subsample_q16 / 65536, m) for d in rig.all(Data) for m in d.markers]
    assert [m.kind for _, m in marks] == [MarkerCode.STIMULUS, MarkerCode.BLANKING_START, MarkerCode.BLANKING_END]
    assert marks[1][0] == marks[0][0]
    assert marks[2][0] - marks[0][0] == pytest.approx(30, abs=1e-4)
    assert [m.stim_seq for _, m in marks] == [1, 0, 0]


def test_without_it_the_pulse_is_seen_and_nothing_is_said(rig: Any) -> None:
    uv = shown(rig, 0.0)
    assert uv[0, 1000:1008].max() > 400
    assert [m.kind for d in rig.all(Data) for m in d.markers] == [MarkerCode.STIMULUS]
