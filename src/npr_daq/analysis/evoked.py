"""Evoked responses: measure sweeps, align repeats, read repeats one by one without the bias of noise."""

from npr_daq.analysis.alignment import align
from npr_daq.analysis.layout import WINDOW_MS
from npr_daq.analysis.leaving_out import LeaveOneOut, leave_one_out
from npr_daq.analysis.response import EvokedMeasures, Flag, measure

__all__ = ["WINDOW_MS", "EvokedMeasures", "Flag", "LeaveOneOut", "align", "leave_one_out", "measure"]
