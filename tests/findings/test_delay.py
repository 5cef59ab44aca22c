"""The amplifier's group delay is a time: right at every stream rate (wire document, section 7)."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.findings import compute
from npr_daq.montage import standard_montage
from npr_daq.recording import Recording
from npr_daq.storage.codec import calibration_from_json, calibration_to_json
from npr_daq.storage.raw import raw_groups

RATES = [20_000.0, 10_000.0, 2_000.0]
LATE_SAMPLES = 24.0
"""A long delay (1.2 ms at 20 kHz), so that a wrong rate cannot hide in the reading error."""


def at_rate(synthetic: ModuleType, rate_hz: float) -> Recording:
    """The synthetic exam through an amplifier of 1.2 ms, every sample that the rate keeps."""
    face = synthetic.Face(
        sites=(Branch.BUCCAL,),
        sides=(Side.LEFT,),
        currents_ma=dict.fromkeys(Side, (10.4,)),
        montage=standard_montage((Muscle.NASALIS,)),
        noise_uv=0.5,
    )
    full = face.recording()
    step = round(synthetic.RATE_HZ / rate_hz)
    late = LATE_SAMPLES - synthetic.DELAY
    sweeps = tuple(
        replace(s, rate_hz=rate_hz, onset=(s.onset - late) / step, counts=np.ascontiguousarray(s.counts[:, ::step]))
        for s in full.sweeps
    )
    block = full.calibration
    channels = tuple(replace(c, group_delay_samples=LATE_SAMPLES) for c in block.channels)
    return replace(full, sweeps=sweeps, calibration=replace(block, channels=channels))


@pytest.mark.parametrize("rate_hz", RATES)
def test_latencies_do_not_move_with_the_rate(synthetic: ModuleType, rate_hz: float) -> None:
    row = compute(at_rate(synthetic, rate_hz)).conduction.where(muscle="nasalis")[0]
    assert row.peak_latency_ms == pytest.approx(synthetic.LATENCY_MS[Muscle.NASALIS] + 1.5, abs=0.1)


@pytest.mark.parametrize("rate_hz", RATES)
def test_the_exam_file_holds_the_delay_in_seconds(synthetic: ModuleType, rate_hz: float) -> None:
    recording = at_rate(synthetic, rate_hz)
    [step] = recording.steps
    delay = raw_groups(recording)[f"sweeps/{step}"].variables["delay"].values
    np.testing.assert_allclose(delay, LATE_SAMPLES / 20_000.0)


def test_the_rate_of_the_delay_is_kept(synthetic: ModuleType) -> None:
    block = replace(synthetic.calibration(), delay_rate_hz=40_000.0)
    np.testing.assert_allclose(block.delay_ms((0, 3)), 1.7 / 40.0)
    data = calibration_to_json(block)
    assert calibration_from_json(data) == block
    del data["delay_rate_hz"]
    assert calibration_from_json(data).delay_rate_hz == 20_000.0
