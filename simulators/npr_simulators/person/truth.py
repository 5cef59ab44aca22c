"""Ground truth of one shock: in every channel four onsets, sizes own and apparent, and which units answered.

All of it comes from the sum of motor units before the front-end (simulation reference 6; `docs/truth.md` has every
key). Time is ms from the cathodal edge at the skin, microvolt G1 - G2, the negative peak is a negative number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators import analog
from npr_simulators.person import onsets
from npr_simulators.person.bank import ACROSS, MUSCLES, ORIGINS, RATE_KHZ, Bank, Floats, Spikes, channel_rows
from npr_simulators.person.misrouting import misrouted_share
from npr_simulators.person.reference_onset import low_passed, reference_onsets
from npr_simulators.person.superposition import Superposition, superpose

CHANNELS = len(Side) * len(FACIAL_MUSCLES)
PARTS = {"lateral": ("axon_reflex", "ephaptic"), "f": ("f_wave",), "r1": ("r1",), "r2": ("r2",)}
"""Answers that come by another way than straight down the nerve, by the origins of their spikes."""
PARTS_SAMPLES = 2600
"""At 20 kHz: 130 ms, behind the last R2."""
MASSETER = MUSCLES.index(Muscle.MASSETER)


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """One half of the face and what one shock made it do."""

    bank: Bank
    spikes: Spikes
    wave: Superposition

    @classmethod
    def of(cls, bank: Bank, spikes: Spikes) -> "Half":
        """With the sum of all spikes."""
        return cls(bank, spikes, superpose(bank, spikes))

    @property
    def silent(self) -> bool:
        """Whether nothing fired."""
        return not self.spikes.row.size

    def only(self, picked: NDArray[np.bool_]) -> "Half":
        """The same shock with none but the `picked` spikes."""
        if picked.all():
            return self
        kept = Spikes(self.spikes.row[picked], self.spikes.time_ms[picked], self.spikes.origin[picked])
        return Half.of(self.bank, kept)


@dataclass(frozen=True, slots=True, eq=False)
class Supply:
    """What a muscle's nerve supply is, whatever the shock: shapes (9,)."""

    healthy: NDArray[np.intp]
    alive: NDArray[np.intp]
    misrouted: Floats

    @classmethod
    def of(cls, bank: Bank) -> "Supply":
        """Units by muscle, before the lesion and alive now, and the share by size that a wrong pool commands."""
        near = bank.alive & ~bank.crossed
        return cls(bank.healthy_units, np.bincount(bank.target[near], minlength=len(MUSCLES)), misrouted_share(bank))


def channel_truth(
    halves: Mapping[Side, Half], supplies: Mapping[Side, Supply], *, names: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """One entry per channel name, JSON-safe; null where a thing is not defined."""
    app, own = apparent(halves, onsets.START_MS, onsets.SAMPLES, onsets.RATE_KHZ), own_waves(halves)
    clin = np.zeros_like(app)
    active = np.flatnonzero(app.any(axis=1))
    clin[active] = analog.linear(app[active], 1e3 * onsets.RATE_KHZ)
    columns: dict[str, Sequence[Any]] = {
        **_courses(app),
        "t_clin": _milliseconds(onsets.theta_onsets(clin)),
        "own": _records({**_sizes(own), **_own_course(own)}),
        "app": _records(_sizes(app)),
        "clin": _records(_sizes(clin)),
        **_counts(halves, supplies),
        "crosstalk_uv": _microvolts(np.ptp((app - own)[:, onsets.WINDOW], axis=1)),
        **_by_another_way(halves),
    }
    return {name: {key: column[row] for key, column in columns.items()} for row, name in enumerate(names)}


def apparent(halves: Mapping[Side, Half], start_ms: float, n: int, rate_khz: float) -> Floats:
    """What every channel sees of all muscles of both halves, shape (16, n), at `start_ms` + k / `rate_khz`."""
    out = np.zeros((CHANNELS, n))
    for side, half in halves.items():
        if not half.silent:
            out[list(channel_rows(side))] += half.wave.rendered(start_ms, n, rate_khz)
    return out


def own_waves(halves: Mapping[Side, Half]) -> Floats:
    """Each channel's own muscle alone, on the truth's grid, shape (16, time).

    A unit that lies across the midline belongs to the muscle it lies in, whichever nerve drives it.
    """
    grid = (onsets.START_MS, onsets.SAMPLES, onsets.RATE_KHZ)
    out = np.zeros((CHANNELS, onsets.SAMPLES))
    for side, half in halves.items():
        if half.silent:
            continue
        rows = list(channel_rows(side))
        near = rows[: len(FACIAL_MUSCLES)]
        out[near] += half.wave.own(*grid)
        across = half.bank.crossed[half.spikes.row]
        if across.any():
            far = rows[len(FACIAL_MUSCLES) :]
            here, there = _strays(half.only(across).wave, *grid)
            out[[rows[FACIAL_MUSCLES.index(muscle)] for muscle in ACROSS]] -= here
            out[far] += there
    return out


def _strays(wave: Superposition, start_ms: float, n: int, rate_khz: float) -> tuple[Floats, Floats]:
    """Units across the midline by muscle of `ACROSS`, in the near and in the far channel, shape (3, n) each."""
    targets = [MUSCLES.index(muscle) for muscle in ACROSS]
    near = [FACIAL_MUSCLES.index(muscle) for muscle in ACROSS]
    far = list(range(len(FACIAL_MUSCLES), len(FACIAL_MUSCLES) + len(ACROSS)))
    picked = wave.spectra[:, targets * 2, :, near + far].transpose(1, 2, 0)[:, None]
    waves = Superposition(wave.first_ms, picked).rendered(start_ms, n, rate_khz)
    return waves[: len(ACROSS)], waves[len(ACROSS) :]


def _courses(app: Floats) -> dict[str, list[float | None]]:
    seen = onsets.course(app)
    reference = np.full(len(app), np.nan)
    rows = np.flatnonzero(seen.peak >= 0)
    if rows.size:
        upright = -low_passed(app[rows], rate_khz=onsets.RATE_KHZ)
        peak = onsets.first_phase(upright)
        reference[rows] = reference_onsets(upright, peak, start_ms=onsets.START_MS, rate_khz=onsets.RATE_KHZ)
    return {
        "t_theta": _milliseconds(seen.theta_ms),
        "t_ref": _milliseconds(reference),
        "first_ms": _milliseconds(seen.first_ms),
        "t10uV": _milliseconds(seen.t10uv_ms),
        "t20uV": _milliseconds(seen.t20uv_ms),
        "t5pct": _milliseconds(seen.t5pct_ms),
        "peak_ms": _milliseconds(seen.peak_ms),
        "negdur_ms": _milliseconds(seen.negative_ms),
        "dur_ms": _milliseconds(seen.total_ms),
    }


def _own_course(own: Floats) -> dict[str, list[float | None]]:
    found = onsets.course(own)
    return {
        "t_theta": _milliseconds(found.theta_ms),
        "negdur_ms": _milliseconds(found.negative_ms),
        "dur_ms": _milliseconds(found.total_ms),
    }


def _sizes(waves_uv: Floats) -> dict[str, list[float | None]]:
    found = onsets.sizes(waves_uv)
    return {"neg_uv": _microvolts(found.neg_uv), "pp_uv": _microvolts(found.pp_uv), "area": _microvolts(found.area)}


def _counts(halves: Mapping[Side, Half], supplies: Mapping[Side, Supply]) -> dict[str, list[Any]]:
    """Which units of each channel's own muscle answered, and when the first of them reached its endplate."""
    found: dict[str, list[Any]] = {
        key: [None] * CHANNELS for key in ("t_nmj", "recruited", "alive", "n_fired", "n_wrong", "misrouted")
    }
    for side, half in halves.items():
        supply, bank = supplies[side], half.bank
        near = ~bank.crossed[half.spikes.row]
        spiked, when = half.spikes.row[near], half.spikes.time_ms[near]
        fired = np.unique(spiked)
        wrong = fired[bank.pool[fired] != bank.target[fired]]
        counted = np.bincount(bank.target[fired], minlength=len(MUSCLES))
        misled = np.bincount(bank.target[wrong], minlength=len(MUSCLES))
        first = np.full(len(MUSCLES), np.inf)
        np.minimum.at(first, bank.target[spiked], when)
        for muscle, row in enumerate(channel_rows(side)[: len(FACIAL_MUSCLES)]):
            whole = int(supply.healthy[muscle])
            found["t_nmj"][row] = None if np.isinf(first[muscle]) else round(float(first[muscle]), 5)
            found["recruited"][row] = round(int(counted[muscle]) / whole, 6)
            found["alive"][row] = round(int(supply.alive[muscle]) / whole, 6)
            found["n_fired"][row] = int(counted[muscle])
            found["n_wrong"][row] = int(misled[muscle])
            found["misrouted"][row] = round(float(supply.misrouted[muscle]), 6)
    return found


def _by_another_way(halves: Mapping[Side, Half]) -> dict[str, list[float | None]]:
    """Peak to peak of the masseter and of each of `PARTS` in every channel, and when the latter pass 10 uV."""
    masseter = np.zeros((CHANNELS, PARTS_SAMPLES))
    for side, half in halves.items():
        chewing = half.bank.target[half.spikes.row] == MASSETER
        if chewing.any():
            rows = list(channel_rows(side))
            masseter[rows] += half.only(chewing).wave.rendered(onsets.START_MS, PARTS_SAMPLES, RATE_KHZ)
    found = {"masseter_uv": _microvolts(np.ptp(masseter, axis=1))}
    for part, origins in PARTS.items():
        codes = [ORIGINS.index(origin) for origin in origins]
        picked = {side: np.isin(half.spikes.origin, codes) for side, half in halves.items()}
        some = {side: half.only(picked[side]) for side, half in halves.items() if picked[side].any()}
        wave = apparent(some, onsets.START_MS, PARTS_SAMPLES, RATE_KHZ)
        above = onsets.passed_at(np.abs(wave), np.full(CHANNELS, onsets.LEAST_UV))
        found[f"{part}_uv"] = _microvolts(np.ptp(wave, axis=1))
        found[f"{part}_ms"] = _milliseconds(onsets.START_MS + above / RATE_KHZ)
    return found


def _records(columns: Mapping[str, list[float | None]]) -> list[dict[str, float | None]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _milliseconds(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 5) for value in values]


def _microvolts(values: Floats) -> list[float | None]:
    # the nought keeps a silent channel from reading -0.0
    return [round(float(value), 3) + 0.0 for value in values]
