"""What is read at rest, before current flows: electrode impedances and the noise of a site."""

from typing import Any

import numpy as np

from npr_daq.calibration import MISSING
from npr_daq.engine.plan import ImpedanceReading, SiteSeries
from npr_daq.engine.stream import Bench
from npr_daq.montage import Montage
from npr_daq.recording import Capture


def impedance_rows(bench: Bench, step: ImpedanceReading, montage: Montage) -> tuple[dict[str, Any], ...]:
    """One JSON-safe row per channel of `montage`; the stream is stopped for it. Raises Interruption."""
    bench.pump(0.0)
    bench.check()
    bench.stop_stream()
    by_index = {c.index: c for c in montage.channels}
    return tuple(
        {
            "step": step.name,
            "channel": r.channel,
            "name": by_index[r.channel].name,
            "side": str(by_index[r.channel].side),
            "muscle": str(by_index[r.channel].muscle),
            "g1_kohm": r.g1_kohm,
            "g2_kohm": r.g2_kohm,
            "frequency_hz": r.frequency_hz,
            "ok": r.ok,
        }
        for r in bench.device.impedance(list(by_index), step.frequency_hz)
        if r.channel in by_index
    )


def noise_of(bench: Bench, step: SiteSeries) -> Capture:
    """The noise of a site; recorded once more where samples of it are missing, and then as it is."""
    found = _noise(bench, step)
    return found if missing_samples(found) == 0 else _noise(bench, step)


def missing_samples(capture: Capture) -> int:
    """How many samples never arrived, in the channel that lacks most."""
    return int(np.count_nonzero(capture.counts == MISSING, axis=-1).max(initial=0))


def _noise(bench: Bench, step: SiteSeries) -> Capture:
    stream = bench.start()
    bench.pump(0.0)
    first, width = bench.ahead, bench.samples(step.noise_s * 1e3)
    name = f"{step.name}_noise"
    bench.sweeper.want(name, first_sample=first, width=width)
    bench.wait_until(first + width)
    window = bench.windows.pop(name)
    return Capture(
        name=name,
        step=step.name,
        stream_id=stream.stream_id,
        rate_hz=stream.rate_hz,
        first_sample=window.first_sample,
        counts=window.counts,
    )
