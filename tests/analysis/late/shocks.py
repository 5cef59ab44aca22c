"""Sweeps of the simulated person: every channel of both halves after shocks, with the truth and white noise on top."""

from functools import cache

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, Side
from npr_simulators.person.bank import ORIGINS, Spikes
from npr_simulators.person.case_file import load_case
from npr_simulators.person.face import Face
from npr_simulators.person.shocked import shocked
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.truth import Half, apparent

RATE_HZ = 20_000.0
STIMULUS = 400
N_TIME = 2400
SAMPLING = {"rate_hz": RATE_HZ, "stimulus_sample": STIMULUS}
LEFT = slice(0, len(FACIAL_MUSCLES))
"""Channels of the left half, where the lesion is, in the order of the muscles; those of the right follow."""


@cache
def face(name: str, seed: int = 1) -> Face:
    return Face(load_case(name), seed=seed)


def channel(muscle, side: Side = Side.LEFT) -> int:
    return FACIAL_MUSCLES.index(muscle) + len(FACIAL_MUSCLES) * (side is Side.RIGHT)


def spikes(
    name, site, *, seed=1, side=Side.LEFT, current_ma=12.0, width_us=200.0, ordinal=0, in_train=0, decrement=None
):
    """What one shock does to both halves; rested, so that no answer has habituated."""
    person = face(name, seed)
    case = person.patient
    if decrement is not None:
        case = case.model_copy(update={"lesion": case.lesion.model_copy(update={"decrement": decrement})})
    shock = Shock(site, current_ma, width_us, ordinal, since_ms=1e5, in_train=in_train)
    return shocked(person.banks, case, side, shock, seed=seed)


def wave(name, answers, *, seed=1, only=None, without=()):
    """The channels (16, time) in microvolts of `answers`, of some origins alone where named."""
    person = face(name, seed)
    kept = {}
    for half, every in answers.items():
        words = np.array(ORIGINS)[every.origin]
        some = ~np.isin(words, without) if only is None else np.isin(words, only)
        kept[half] = Half.of(person.banks[half], Spikes(every.row[some], every.time_ms[some], every.origin[some]))
    return apparent(kept, -STIMULUS / RATE_HZ * 1e3, N_TIME, RATE_HZ / 1e3)


def sweeps(name, site, count, *, seed=1, noise_uv=3.0, only=None, without=(), **shock):
    """Sweeps (sweep, channel, time) in microvolts with white noise of `noise_uv`."""
    rng = np.random.default_rng([seed, count, 77])
    made = np.stack(
        [
            wave(name, spikes(name, site, seed=seed, ordinal=k, **shock), seed=seed, only=only, without=without)
            for k in range(count)
        ]
    )
    return made + noise_uv * rng.standard_normal(made.shape)


def noise(rng, shape, *, rms_uv=3.0):
    return rms_uv * rng.standard_normal((*shape, N_TIME))


__all__ = [
    "LEFT",
    "N_TIME",
    "ORIGINS",
    "RATE_HZ",
    "SAMPLING",
    "STIMULUS",
    "Side",
    "Site",
    "channel",
    "face",
    "noise",
    "spikes",
    "sweeps",
    "wave",
]
