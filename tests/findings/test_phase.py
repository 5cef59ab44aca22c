"""Area and duration of the negative phase: when the area is to be preferred."""

import numpy as np
import pytest

from npr_daq.analysis import phase_area
from npr_daq.errors import AnalysisError
from npr_daq.findings.phase import AMPLITUDE, AREA, Phase


@pytest.mark.parametrize(
    ("duration", "area", "preferred"),
    [(114.0, 50.0, AMPLITUDE), (86.0, 50.0, AMPLITUDE), (116.0, 50.0, AREA), (84.0, 50.0, AREA),
     (160.0, None, AMPLITUDE), (None, None, AMPLITUDE)],
)  # fmt: skip
def test_2_3_area_is_preferred_beyond_15_percent(duration: float | None, area: float | None, preferred: str) -> None:
    assert Phase(area_percent=area, duration_percent=duration).preferred == preferred


RATE = 20_000.0


def test_area_of_a_half_sine_between_fractional_instants() -> None:
    t_ms = (np.arange(2400) - 400.3) / 20.0
    uv = np.where((t_ms > 3) & (t_ms < 6), -1000.0 * np.sin(np.pi * (t_ms - 3) / 3), 0.0) + 25.0
    found = phase_area.of_sweeps(
        np.stack([uv, 2 * uv]), rate_hz=RATE, stimulus_sample=np.array([400.3, 400.3]), onset_ms=3.0, end_ms=6.0
    )
    assert found == pytest.approx([6 / np.pi, 12 / np.pi], rel=1e-3)


def test_noise_alone_has_no_area_on_average() -> None:
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 5, (2000, 1000))
    found = phase_area.of_sweeps(noise, rate_hz=RATE, stimulus_sample=np.full(2000, 400.0), onset_ms=3.0, end_ms=6.0)
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(2000)


def test_a_phase_beyond_the_sweep_has_no_area() -> None:
    found = phase_area.of_sweeps(
        np.zeros((1, 450)), rate_hz=RATE, stimulus_sample=np.array([400.0]), onset_ms=2.0, end_ms=6.0
    )
    assert np.isnan(found).all()


def test_instants_out_of_order() -> None:
    with pytest.raises(AnalysisError, match="not after its onset"):
        phase_area.of_sweeps(
            np.zeros((1, 900)), rate_hz=RATE, stimulus_sample=np.array([400.0]), onset_ms=6.0, end_ms=6.0
        )
