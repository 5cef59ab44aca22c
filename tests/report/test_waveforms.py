"""The drawn average: nothing before the stimulus that never was there, ticks where the analysis put them."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import DEFAULT, compute
from npr_daq.findings.series import Series, collect
from npr_daq.recording import Recording
from npr_daq.report import waveforms


@pytest.fixture(scope="module")
def recording(synthetic: ModuleType) -> Recording:
    """Quiet sweeps with a stimulus artefact of 20 mV that lasts a quarter of a millisecond."""
    plain: Recording = synthetic.Face(sites=(Branch.BUCCAL,), noise_uv=1.0).recording()
    artefact = int(20e6 / synthetic.LSB_NV)
    sweeps = []
    for sweep in plain.sweeps:
        counts = sweep.counts.copy()
        first = int(np.ceil(sweep.onset + synthetic.DELAY))
        counts[:, first : first + 5] += artefact
        sweeps.append(replace(sweep, counts=counts))
    return replace(plain, sweeps=tuple(sweeps))


@pytest.fixture(scope="module")
def series(recording: Recording) -> Series:
    found = collect(recording, Side.LEFT, Branch.BUCCAL, DEFAULT)
    assert found is not None
    return found


def test_the_average_does_not_ring_around_the_artefact(series: Series) -> None:
    row = series.row(Muscle.NASALIS)
    assert row is not None
    time, trace = series.time_ms(row), waveforms._upright(series, row, raw=True)
    before = (time > -1.5) & (time < -0.1)
    after = (time > 0.4) & (time < 2.5)
    assert np.abs(trace[before]).max() < 0.01
    assert np.abs(trace[after]).max() < 0.01
    inside = (time > 0.0) & (time < 0.2)
    assert np.abs(trace[inside]).max() > 10.0


def test_the_end_is_where_it_was_also_without_an_onset(recording: Recording, series: Series) -> None:
    row = compute(recording).conduction.where(side="left", muscle="nasalis")[0]
    index = series.row(Muscle.NASALIS)
    assert index is not None
    assert row.onset_latency_ms is not None
    assert row.negative_duration_ms is not None
    whole = waveforms._end(series, index, row, DEFAULT.window_ms)
    assert whole == pytest.approx(row.onset_latency_ms + row.negative_duration_ms)
    assert waveforms._end(series, index, replace(row, onset_latency_ms=None), DEFAULT.window_ms) == pytest.approx(whole)
    assert waveforms._end(series, index, replace(row, negative_duration_ms=None), DEFAULT.window_ms) is None
    # The end of the negative phase is a return to zero, its tick lies on the line.
    time, trace = series.time_ms(index), waveforms._upright(series, index)
    assert abs(np.interp(whole, time, trace)) < 0.03
