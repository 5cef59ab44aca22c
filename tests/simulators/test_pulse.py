"""What a device's own clocks make of a pulse: the marker's jitter, the drift of the sample clock."""

from dataclasses import replace

import numpy as np
import pytest

from npr_simulators.pace import WallPace
from npr_simulators.pulse import SUBSAMPLE_STEPS, Pulse, clock_ppm, reading_error_us

PULSE = Pulse(
    stim_seq=1,
    number=0,
    program_id=1,
    current_ua=1000,
    width_us=200,
    total_us=200,
    onset_sample=2000,
    subsample_steps=SUBSAMPLE_STEPS // 2,
    gain=1.0,
)


def test_the_marker_is_read_15_us_off_and_each_pulse_anew() -> None:
    errors = np.array([reading_error_us(3, number, 0) for number in range(1, 2001)])
    assert errors.std() == pytest.approx(15, rel=0.06)
    assert abs(errors.mean()) < 1.2
    assert reading_error_us(3, 7, 0) == errors[6]
    assert len({reading_error_us(3, 7, number) for number in range(5)}) == 5


@pytest.mark.parametrize(("rate_hz", "share"), [(20_000, 0.2), (2_000, 0.02)])
def test_an_error_is_a_time_and_never_leaves_the_sample(rate_hz: int, share: float) -> None:
    late = replace(PULSE, rate_hz=rate_hz, reading_error_us=10.0)
    assert late.marker_steps / SUBSAMPLE_STEPS == pytest.approx(0.5 + share, abs=1e-4)
    assert late.subsample == 0.5
    assert replace(PULSE, reading_error_us=400.0).marker_steps == SUBSAMPLE_STEPS - 1
    assert replace(PULSE, reading_error_us=-400.0).marker_steps == 0
    assert PULSE.marker_steps == PULSE.subsample_steps


def test_clocks_drift_by_some_tens_of_millionths_and_each_by_its_own() -> None:
    drifts = np.array([clock_ppm(seed) for seed in range(500)])
    assert drifts.std() == pytest.approx(20, rel=0.1)
    assert np.abs(drifts).max() <= 50
    assert clock_ppm(4) == drifts[4]


def test_a_fast_clock_is_72_ms_ahead_after_an_hour() -> None:
    class Device:
        ticks_hz, ticks, stream_id, streaming = 1_000_000, 0, 1, True

        def ticks_at(self, sample: int) -> int:
            return sample * 50

    assert WallPace(10.0, ppm=20.0).target_ticks(Device(), 3610.0) == pytest.approx(3_600_072_000, abs=1)
    assert WallPace(10.0, 2.0).target_ticks(Device(), 11.0) == 2_000_000
