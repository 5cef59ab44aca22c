"""Single sweeps are measured on the stimulated side, and hum is no response."""

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.calibration import MISSING, Calibration, ChannelCalibration
from npr_daq.engine.measurement import EvokedMeasurement
from npr_daq.errors import AnalysisError
from npr_daq.montage import standard_montage
from npr_daq.recording import Capture, PulseReport, PulseResult, Role, Sweep
from npr_daq.stimulus import Stimulus

RATE = 20_000.0
LSB_NV = 100.0
DELAY = 4.0
MONTAGE = standard_montage()
TWO = (Muscle.NASALIS, Muscle.MENTALIS)


def measurement() -> EvokedMeasurement:
    channel = ChannelCalibration(LSB_NV, 0.0, 0.0, DELAY, 1000)
    return EvokedMeasurement(MONTAGE, Calibration("1", 1, 0, (channel,) * 16, (), b""))


def counts(signal_uv: np.ndarray) -> np.ndarray:
    return np.round(signal_uv * 1e3 / LSB_NV).astype(np.int32)


def sweep(signal_uv: np.ndarray, side: Side = Side.RIGHT) -> Sweep:
    report = PulseReport(1, 0, 400, 0.0, 5.0, 5.0, 200.0, 1.0, 50.0, 1000.0, PulseResult.OK)
    return Sweep(
        n=1,
        step="s",
        role=Role.SEARCH,
        stimulus=Stimulus(side, Branch.TRUNK, 5.0),
        stim_seq=1,
        boot_id=1,
        stream_id=1,
        rate_hz=RATE,
        first_sample=0,
        onset=400.0,
        counts=counts(signal_uv),
        report=report,
        why={},
    )


def noise(seed: int, samples: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.5, (16, samples))


def test_measures_the_stimulated_side_with_its_delay() -> None:
    signal = noise(1, 2400)
    time_ms = (np.arange(2400) - 400 - DELAY) / 20.0 - 3.0
    wave = np.where((time_ms > 0) & (time_ms < 8), -500 * np.sin(2 * np.pi * time_ms / 8) * np.minimum(time_ms, 1), 0)
    signal[MONTAGE.row(Side.RIGHT, Muscle.MENTALIS)] += wave
    found = measurement().responses(sweep(signal), TWO)
    assert found[Muscle.MENTALIS].present
    assert found[Muscle.MENTALIS].peak_to_peak_mv == pytest.approx(1.0, rel=0.05)
    assert found[Muscle.MENTALIS].onset_latency_ms == pytest.approx(3.0, abs=0.15)
    other = measurement().responses(sweep(signal, Side.LEFT), TWO)
    assert not other[Muscle.MENTALIS].present


def test_floors_lie_above_what_empty_sweeps_reach_with_hum() -> None:
    time_s = np.arange(20_000) / RATE
    hum = 3.0 * np.sin(2 * np.pi * 50.3 * time_s)
    signal = noise(2, 20_000) + hum
    capture = Capture("noise", "s", 1, RATE, 0, counts(signal))
    floors = measurement().floors_mv(capture, Side.RIGHT, TWO)
    above = 0
    for seed in range(40):
        phase = 3.0 * np.sin(2 * np.pi * 50.3 * time_s[:2400] + seed)
        found = measurement().responses(sweep(noise(100 + seed, 2400) + phase), TWO)
        above += sum(found[m].size_mv > floors[m] for m in TWO)
    assert above <= 4
    assert all(floor < 0.03 for floor in floors.values())


def test_a_burst_in_the_noise_does_not_make_the_search_blind() -> None:
    signal = noise(3, 20_000)
    quiet = measurement().floors_mv(Capture("noise", "s", 1, RATE, 0, counts(signal)), Side.RIGHT, TWO)
    signal[:, 5000:9000] *= 100
    loud = measurement().floors_mv(Capture("noise", "s", 1, RATE, 0, counts(signal)), Side.RIGHT, TWO)
    assert all(loud[m] < 3 * quiet[m] for m in TWO)


def test_noise_too_short_for_a_sweep_is_no_floor_of_zero() -> None:
    with pytest.raises(AnalysisError, match="without a gap"):
        measurement().floors_mv(Capture("noise", "s", 1, RATE, 0, counts(noise(4, 100))), Side.LEFT, TWO)


def test_noise_with_a_gap_is_judged_by_the_rest() -> None:
    whole = counts(noise(5, 20_000))
    holed = whole.copy()
    holed[:, 3000:3400] = MISSING
    floors, rest = (
        measurement().floors_mv(Capture("noise", "s", 1, RATE, 0, c), Side.LEFT, TWO) for c in (whole, holed)
    )
    for muscle in TWO:
        assert rest[muscle] == pytest.approx(floors[muscle], rel=0.3)


def test_noise_with_a_gap_in_every_stretch_is_refused() -> None:
    holed = counts(noise(6, 20_000))
    holed[:, 100::2000] = MISSING
    with pytest.raises(AnalysisError, match="of 8 stretches of 120 ms none"):
        measurement().floors_mv(Capture("noise", "s", 1, RATE, 0, holed), Side.LEFT, TWO)
