"""What the simulated skin and front-end measure, beside the figures of the simulation reference (section 5).

python tests/validation/front_end.py [--seed 7] [--seconds 20]
"""

import argparse
import time
from collections.abc import Callable
from itertools import count

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators import analog
from npr_simulators.evoked_path import Evoked, artefact_uv, converted, grid_ms, muscles_uv
from npr_simulators.person.artefact import Artefact, of_shock
from npr_simulators.person.case import Case
from npr_simulators.person.case_file import load_case
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.skin import SkinSignals
from npr_simulators.sampling import GROUP_DELAY_SAMPLES, Response, Sampler

RATE_HZ = 20_000
NASALIS = FACIAL_MUSCLES.index(Muscle.NASALIS)
LOOSE = frozenset({NASALIS})
REFERENCE_UV = {1.5: -113, 2.0: -92, 3.0: -68, 10.0: -33}
LATER_MS = (1.5, 2.0, 3.0, 5.0, 10.0)
Floats = NDArray[np.float64]


class Shocked:
    """Skin alone: a pulse and no muscle."""

    def __init__(self, artefact: Artefact) -> None:
        self._artefact = artefact

    def render(self, t_ms: Floats) -> Floats:
        return np.zeros((16, t_ms.size))

    def render_artefact(self, t_ms: Floats, width: float = 0.0) -> Floats:
        return self._artefact(t_ms, width)

    def truth(self) -> dict[str, object]:
        return {}


class Skin:
    """A face that is only skin."""

    def __init__(self, case: Case, seed: int, loose: frozenset[int]) -> None:
        self.signals, self._loose = SkinSignals(case, seed=seed), loose

    def background(self, stream_id: int, first_sample: int, n: int, rate_hz: float) -> NDArray[np.float32]:
        return self.signals.rows(stream_id, first_sample, n, rate_hz, self._loose)


def recorded(case: Case, seed: int, seconds: int, loose: frozenset[int]) -> Floats:
    """What the converter gets after a second of settling, shape (16, n)."""
    uv = Skin(case, seed, loose).background(1, 0, (seconds + 1) * RATE_HZ, RATE_HZ).astype(float)
    return analog.high_passed(uv, RATE_HZ)[0][:, RATE_HZ:]


def hum_uv(uv: Floats, mains_hz: float = 50.0) -> Floats:
    """Rms of the mains fundamental."""
    lines = np.abs(np.fft.rfft(uv * np.hanning(uv.shape[1]))) * 4 / uv.shape[1]
    near = np.abs(np.fft.rfftfreq(uv.shape[1], 1 / RATE_HZ) - mains_hz) < 0.5
    return np.asarray(np.sqrt((lines[:, near] ** 2).sum(axis=1) / 3))


def shocked(case: Case, seed: int, subsample: float = 0.3) -> Evoked:
    """The artefact of 35 mA at the trunk behind the whole front-end."""
    answer = Shocked(of_shock(case, Side.LEFT, Shock(Site.TRUNK, 35.0, 200.0, 1), seed=seed))
    uv = muscles_uv(answer, subsample, RATE_HZ) + artefact_uv(answer, subsample, RATE_HZ)
    return converted(uv, subsample, RATE_HZ)


def cost_ms(case: Case, seed: int, seconds: int, pulse: Callable[[], Evoked] | None, stream_ids: "count[int]") -> float:
    """CPU milliseconds per second of a 16-channel stream at 20 kHz, to counts."""
    face = Skin(case, seed, frozenset())
    sampler = Sampler(face, stream_id=next(stream_ids), rate_hz=RATE_HZ, channels=tuple(range(16)))  # type: ignore[arg-type]
    begun = time.process_time()
    for first in range(0, seconds * RATE_HZ, 1600):
        if pulse is not None and first % RATE_HZ < 1600:
            answer = pulse()
            sampler.add(Response(first, answer.uv, answer.overloaded))
        sampler.counts(first, 1600)
    return (time.process_time() - begun) / seconds * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    plain = load_case("healthy")
    case = plain.model_copy(update={"skin": plain.skin.model_copy(update={"artefact": 1.0})})
    good, bad = (recorded(case, given.seed, given.seconds, loose) for loose in (frozenset(), LOOSE))
    blinkless = case.model_copy(update={"skin": case.skin.model_copy(update={"eog_uv": 0.0})})
    idle = recorded(blinkless, given.seed, given.seconds, frozenset()).std(axis=1)
    print("| quantity | here | reference |\n|---|---|---|")
    print(f"| hum, good contact, uV rms (mean of 16) | {hum_uv(good).mean():.2f} | 0.8 |")
    print(f"| hum, loose electrode, uV rms | {hum_uv(bad)[NASALIS]:.0f} | 115 |")
    print(
        f"| idle noise with hum and ECG, uV rms (mean, range) | {idle.mean():.2f} ({idle.min():.2f}-{idle.max():.2f}) | 1.5 |"
    )
    print(f"| the same with blinks, frontalis / orbicularis oculi | {good[0].std():.2f} / {good[1].std():.2f} | - |")
    print(
        f"| loose electrode, all of it, uV rms (peak to peak) | {bad[NASALIS].std():.0f} ({np.ptp(bad[NASALIS]):.0f}) | - |"
    )
    print(f"| group delay of the filter, samples at 20 kHz | {GROUP_DELAY_SAMPLES:.4f} | 1.66-1.7 |")
    t_ms = grid_ms(0.3, RATE_HZ)
    seeds = [shocked(case, seed) for seed in range(60)]
    traces = np.array([e.uv[NASALIS] * np.sign(e.uv[NASALIS, np.abs(e.uv[NASALIS]).argmax()]) for e in seeds])
    peaks = np.abs(traces).max(axis=1)
    print(f"| artefact, 35 mA, nasalis: peak, mV (median of 60 people, 5-95 %) | {_spread(peaks / 1e3, 1)} | 7.8 |")
    for later in LATER_MS:
        values = np.array([np.interp(later, t_ms, trace) for trace in traces])
        print(f"| its tail {later:g} ms after the edge, uV | {_spread(values, 0)} | {REFERENCE_UV.get(later, '-')} |")
    ids = count(2)
    cost_ms(case, given.seed, 1, None, ids)
    rest = cost_ms(case, given.seed, given.seconds, None, ids)
    shocks = cost_ms(case, given.seed, given.seconds, lambda: shocked(case, given.seed), ids)
    print(f"| CPU, ms per s of 16 channels: skin, high-pass, counts | {rest:.1f} | - |")
    print(f"| CPU, ms per s of 16 channels: the same with a pulse per second | {shocks:.1f} | - |")


def _spread(values: Floats, digits: int) -> str:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
