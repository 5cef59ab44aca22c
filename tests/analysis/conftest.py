"""Synthetic responses with known truth, and the per-sweep reference."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

RATE_HZ = 20_000.0

Floats = NDArray[np.float64]


def response(
    *,
    onset_ms: float = 3.0,
    duration_ms: float = 8.0,
    peak_uv: float = 1000.0,
    rate_hz: float = RATE_HZ,
    stimulus_sample: float = 200.0,
    n_time: int = 1000,
) -> Floats:
    """One biphasic response, negative first: -u^2 (1-u)^2 (0.5-u) scaled to a negative peak of `peak_uv`.

    It starts exactly at `onset_ms`, returns to zero at half of `duration_ms` and ends with it.
    """
    u = ((np.arange(n_time) - stimulus_sample) / rate_hz * 1e3 - onset_ms) / duration_ms
    inside = np.where((u > 0) & (u < 1), u, 0.0)
    shape = inside**2 * (1 - inside) ** 2 * (0.5 - inside)
    fine = np.linspace(0, 0.5, 20_001)
    return -peak_uv * shape / np.max(fine**2 * (1 - fine) ** 2 * (0.5 - fine))


def units(rng: np.random.Generator, count: int, *, exponent: float = 2.0) -> Floats:
    """`count` responses, each the sum of 60 units of compact support, onset at 3.0..3.05 ms, negative peak 1000 uV."""
    t_ms = (np.arange(1000) - 200) / RATE_HZ * 1e3
    out = np.empty((count, 1000))
    for row in out:
        start = rng.gamma(2.0, 0.25, 60)
        start += 3.0 + rng.uniform(0, 0.05) - start.min()
        u = (t_ms - start[:, None]) / rng.uniform(3.5, 5.0, 60)[:, None]
        inside = np.where((u > 0) & (u < 1), u, 0.0)
        row[:] = -rng.lognormal(0, 0.6, 60) @ (inside**exponent * (1 - inside) ** 2 * (0.5 - inside))
        row *= 1000 / -row.min()
    return out


def noise(rng: np.random.Generator, shape: tuple[int, ...], *, peak_uv: float, snr_db: float) -> Floats:
    """Noise to 5 kHz whose RMS lies `snr_db` below `peak_uv` (the SNR of the analysis reference)."""
    from scipy import signal

    sos = signal.butter(4, 5000, fs=RATE_HZ, output="sos")
    white = signal.sosfiltfilt(sos, rng.standard_normal(shape), axis=-1)
    return white / white.std() * peak_uv * 10 ** (-snr_db / 20)


@pytest.fixture(scope="session")
def make_response() -> Callable[..., Floats]:
    return response


@pytest.fixture(scope="session")
def make_units() -> Callable[..., Floats]:
    return units


@pytest.fixture(scope="session")
def make_noise() -> Callable[..., Floats]:
    return noise


@pytest.fixture(scope="session")
def loop() -> ModuleType:
    """The per-sweep double-precision peer of the benchmark."""
    path = Path(__file__).parents[2] / "benchmarks" / "evoked_loop.py"
    spec = importlib.util.spec_from_file_location("evoked_loop", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("evoked_loop", module)
    spec.loader.exec_module(module)
    return module
