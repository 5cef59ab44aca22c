"""Figures that tell patients apart, from the truth alone: no noise, no electronics, no analysis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from npr_daq.anatomy import FACIAL_MUSCLES, HEADLINE, Branch, Muscle, Side
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.bank import MUSCLES, ORIGINS, RATE_KHZ, Bank, Floats, Spikes
from npr_simulators.person.case import BRANCHES, Build, Case
from npr_simulators.person.course import central_now, effective
from npr_simulators.person.discomfort import asks_to_stop
from npr_simulators.person.excitation import supplied, threshold_ma
from npr_simulators.person.lesions import lesioned
from npr_simulators.person.movements import Movement
from npr_simulators.person.onsets import RATE_KHZ as FINE_KHZ
from npr_simulators.person.onsets import SAMPLES, START_MS, course
from npr_simulators.person.shocked import plateau, shocked
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.superposition import superpose
from npr_simulators.person.voluntary import Voluntary

BLINKS = 5
BLINK_MA = 10.0
"""Shocks to the supraorbital nerve whose mean R1 is taken, and their current (nearly all afferents fire at 7 mA)."""
TRUNK_CAP_MA, BRANCH_CAP_MA = 40.0, 25.0
"""The highest current that is permitted without a named reason (clinical reference 6.6)."""
BEYOND_PLATEAU = 1.2
"""A plateau is confirmed with a fifth more (clinical reference 2.4)."""
FIRED = 0.95
"""Share of the living axons from which the growth of a response ends below 5 %: where a search finds its plateau."""
LEAST_UV = 10.0
"""A smaller response is none: a ratio over it would mean nothing."""
LEAST_RMS_UV = 1.0
"""What movement adds to rest counts from here on; the floor of both terms of Q. Assumption."""
EFFORT = 0.9
LOOSE_KOHM = 250.0
"""Imbalance of an electrode that has come off (simulation reference 5)."""
MOVED = (
    ("wrinkle_forehead", Muscle.FRONTALIS),
    ("close_eyes_tightly", Muscle.ORBICULARIS_OCULI),
    ("smile_open", Muscle.ZYGOMATICUS),
    ("pucker", Muscle.ORBICULARIS_ORIS),
    ("depress_lower_lip", Muscle.DEPRESSOR_ANGULI_ORIS),
)
SEEN_MS = 50.0
_OOR = FACIAL_MUSCLES.index(Muscle.ORBICULARIS_ORIS)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A patient with the lesion on `side`: both halves before it, and as they are on the day of the exam."""

    case: Case
    seed: int
    side: Side
    before: Mapping[Side, Bank]
    banks: Mapping[Side, Bank]

    @classmethod
    def of(cls, case: Case, *, seed: int, side: Side = Side.LEFT) -> "Person":
        """Build both halves; takes a second or two."""
        warm_c = case.intake.skin_temperature_c
        # the side of the lesion matters to a healthy bank through this key alone
        where = side if case.build.crosstalk_affected is not None else Side.LEFT
        before = {half: _healthy(_Body(case.build, warm_c), seed, half, where) for half in Side}
        banks = {
            half: lesioned(bank, effective(case, case.lesion_of(half, side)), seed=seed)
            for half, bank in before.items()
        }
        return cls(case, seed, side, before, banks)


@dataclass(frozen=True, slots=True)
class _Body:
    build: Build
    skin_temperature_c: float


@lru_cache(maxsize=8)
def _healthy(body: _Body, seed: int, half: Side, side: Side) -> Bank:
    # most patients that ship have the same body: one bank serves them all
    intake = {"age_years": 40, "sex": "other", "affected": "none", "cause": ""}
    case = Case.model_validate(
        {"version": 2, "name": "body", "teaches": "-", "expect": "-", "cell": "none"}
        | {"intake": intake | {"skin_temperature_c": body.skin_temperature_c}, "build": body.build}
    )
    return healthy_bank(case, seed=seed, side=half, lesion_side=side)


def ratio(branch: Branch) -> Callable[[Person], float | None]:
    """Headline muscle of `branch` on full recruitment: apparent peak to peak, affected over other side, percent."""
    muscle = FACIAL_MUSCLES.index(HEADLINE[branch])

    def figure(person: Person) -> float | None:
        sizes = {
            half: _peak_to_peak(bank, plateau(bank, person.case, Site(branch.value)))[muscle]
            for half, bank in person.banks.items()
        }
        return _part(sizes[person.side], sizes[person.side.other], LEAST_UV, percent=True)

    return figure


def onset_difference(person: Person) -> float | None:
    """Nasalis on full recruitment from the trunk: `t_theta` of the affected side minus the other, ms."""
    nasalis = FACIAL_MUSCLES.index(Muscle.NASALIS)
    onset = {}
    for half, bank in person.banks.items():
        wave = superpose(bank, plateau(bank, person.case, Site.TRUNK)).rendered(START_MS, SAMPLES, FINE_KHZ)
        onset[half] = float(course(wave[[nasalis]]).theta_ms[0])
    difference = onset[person.side] - onset[person.side.other]
    return None if np.isnan(difference) else difference


def r1_spread(person: Person) -> float:
    """Blink R1 in the orbicularis oris of the affected side, its own units, mean peak to peak, microvolt."""
    bank = person.banks[person.side]
    return float(np.mean([_spread(bank, spikes, ("r1",)) for spikes in _blinks(person)]))


def _blinks(person: Person) -> list[Spikes]:
    shocks = [Shock(Site.SUPRAORBITAL, BLINK_MA, 200.0, ordinal) for ordinal in range(1, BLINKS + 1)]
    return [_answer(person, shock)[person.side] for shock in shocks]


def _answer(person: Person, shock: Shock) -> dict[Side, Spikes]:
    return shocked(person.banks, person.case, person.side, shock, seed=person.seed, lesion_side=person.side)


def lateral(person: Person) -> float:
    """Late answer of the orbicularis oris when the zygomatic branch is stimulated, peak to peak, microvolt."""
    current_ma = BEYOND_PLATEAU * _plateau_ma(person, person.side, Site.ZYGOMATIC, as_held=False)
    spikes = _answer(person, Shock(Site.ZYGOMATIC, current_ma, 200.0, 1))[person.side]
    return _spread(person.banks[person.side], spikes, ("axon_reflex", "ephaptic"))


def _spread(bank: Bank, spikes: Spikes, origins: tuple[str, ...]) -> float:
    """Peak to peak in the orbicularis oris of what its own units make of spikes of these origins, microvolt."""
    mine = np.isin(spikes.origin, [ORIGINS.index(origin) for origin in origins])
    mine &= bank.target[spikes.row] == MUSCLES.index(Muscle.ORBICULARIS_ORIS)
    return float(_peak_to_peak(bank, Spikes(spikes.row[mine], spikes.time_ms[mine], spikes.origin[mine]))[_OOR])


def other_side(person: Person) -> float | None:
    """Headline muscle of the weakest branch of the other half, percent of its size before any lesion."""
    half = person.side.other
    parts = []
    for branch in BRANCHES:
        muscle = FACIAL_MUSCLES.index(HEADLINE[branch])
        now, before = (
            _peak_to_peak(bank, plateau(bank, person.case, Site(branch.value)))[muscle]
            for bank in (person.banks[half], person.before[half])
        )
        parts.append(_part(now, before, LEAST_UV, percent=True))
    return min((part for part in parts if part is not None), default=None)


def _peak_to_peak(bank: Bank, spikes: Spikes) -> Floats:
    wave = superpose(bank, spikes).rendered(0.0, round(SEEN_MS * RATE_KHZ), RATE_KHZ)
    return np.asarray(np.ptp(wave[: len(FACIAL_MUSCLES)], axis=1))


@lru_cache(maxsize=1)
def _voluntary(person: Person) -> Voluntary:
    sides = {half: effective(person.case, person.case.lesion_of(half, person.side)) for half in Side}
    return Voluntary(
        person.banks,
        person.case,
        central={person.side: central_now(person.case)},
        tonic={half: lesion.tonic for half, lesion in sides.items()},
        seed=person.seed,
    )


def _added_rms(person: Person, task: str, muscle: Muscle, what: str) -> dict[Side, float]:
    """What `task` adds to rest in the channel of `muscle` on each half, microvolt rms, at least `LEAST_RMS_UV`.

    `what` is "own" for what the muscle itself gives, "app" for what an examiner sees there.
    """
    during, rest = _expected(person, task), _expected(person, "rest")
    added = {}
    for half in Side:
        now, before = (found[f"{half}.{muscle}"][what]["rms_uv"] for found in (during, rest))
        added[half] = float(np.sqrt(max(now**2 - before**2, LEAST_RMS_UV**2)))
    return added


@lru_cache(maxsize=len(MOVED) + 1)
def _expected(person: Person, task: str) -> Mapping[str, Any]:
    held = Movement(1, 0, 2e4, task, task, EFFORT, 300.0, 120.0, 3000.0, 160.0, 1)
    channels: Mapping[str, Any] = _voluntary(person).expected(held)["channels"]
    return channels


def q(task: str, slave: Muscle, what: str) -> Callable[[Person], float | None]:
    """Rms of `slave` in `task` above rest, affected over other side; `what` is "own" or "app" (all that is seen)."""

    def figure(person: Person) -> float | None:
        added = _added_rms(person, task, slave, what)
        return added[person.side] / added[person.side.other]

    return figure


def movement(person: Person) -> float | None:
    """Prime movers in five movements, rms above rest, affected over other side in percent, median."""
    parts = []
    for task, muscle in MOVED:
        added = _added_rms(person, task, muscle, "app")
        parts.append(_part(added[person.side], added[person.side.other], LEAST_RMS_UV, percent=True))
    return float(np.median([part for part in parts if part is not None]))


def tone(person: Person) -> float | None:
    """Rms at rest over all channels, affected over other side."""
    channels = _expected(person, "rest")
    power = {half: sum(channels[f"{half}.{m}"]["rest"]["rms_uv"] ** 2 for m in FACIAL_MUSCLES) for half in Side}
    return _part(np.sqrt(power[person.side]), np.sqrt(power[person.side.other]), 0.0)


def crosstalk(person: Person) -> float | None:
    """Muscles in channels that are not their own, affected over other side, before any lesion."""
    # of the electrodes, so before any lesion: what all muscles give in channels that are not their own
    seen = {}
    for half, bank in person.before.items():
        spikes = plateau(bank, person.case, Site.TRUNK)
        parts = superpose(bank, spikes).parts(0.0, round(SEEN_MS * RATE_KHZ), RATE_KHZ)
        sizes = np.ptp(parts[: len(FACIAL_MUSCLES), : len(FACIAL_MUSCLES)], axis=2)
        own = np.diag(sizes)
        seen[half] = float(((sizes.sum(axis=1) - own) / own).mean())
    return seen[person.side] / seen[person.side.other]


def reach(person: Person) -> float | None:
    """Highest current permitted and borne over the current of the plateau, at the worst site of both halves."""
    parts = []
    for site in (Site(branch.value) for branch in Branch):
        cap = TRUNK_CAP_MA if site is Site.TRUNK else BRANCH_CAP_MA
        bearable = _bearable_ma(person.case, site, cap)
        parts += [bearable / _plateau_ma(person, half, site, as_held=True) for half in Side]
    return float(min(parts))


def _plateau_ma(person: Person, half: Side, site: Site, *, as_held: bool) -> float:
    """Current of the plateau under `site`, mA (`FIRED`); on the best spot, or as this patient's stimulator is held."""
    bank, held = person.banks[half], person.case.placement
    shock = Shock(site, 0.0, 200.0, 0)
    if as_held:
        shock = Shock(site, 0.0, 200.0, 0, held.offset_mm, held.anterior_mm, held.anode_first)
    under = supplied(bank, site)
    rows = under & bank.alive
    return float(np.quantile(threshold_ma(bank, person.case, shock)[rows if rows.any() else under], FIRED))


def _bearable_ma(case: Case, site: Site, cap_ma: float) -> float:
    """Highest current up to `cap_ma` before the patient asks to stop."""
    currents = np.linspace(0.1, cap_ma, 400)
    borne = [float(c) for c in currents if not asks_to_stop(case, Shock(site, float(c), 200.0, 1))]
    return max(borne, default=float(currents[0]))


def masseter(person: Person) -> float:
    """Masseter in the zygomaticus channel at the current that proves a plateau, trunk, peak to peak, microvolt."""
    held = person.case.placement
    wanted_ma = BEYOND_PLATEAU * _plateau_ma(person, person.side, Site.TRUNK, as_held=True)
    current_ma = min(wanted_ma, _bearable_ma(person.case, Site.TRUNK, TRUNK_CAP_MA))
    shock = Shock(Site.TRUNK, current_ma, 200.0, 1, held.offset_mm, held.anterior_mm, held.anode_first)
    spikes = _answer(person, shock)[person.side]
    bank = person.banks[person.side]
    mine = bank.target[spikes.row] == MUSCLES.index(Muscle.MASSETER)
    wave = _peak_to_peak(bank, Spikes(spikes.row[mine], spikes.time_ms[mine], spikes.origin[mine]))
    return float(wave[FACIAL_MUSCLES.index(Muscle.ZYGOMATICUS)])


def contact(person: Person) -> float:
    """Worst imbalance of an electrode pair, kohm."""
    return LOOSE_KOHM if person.case.skin.loose else person.case.skin.imbalance_kohm


def shift(person: Person) -> float:
    """How far the stimulator slips during the exam, mm."""
    return person.case.placement.shift_mm if person.case.placement.shift_at_shock else 0.0


def _part(value: float, of: float, least: float, *, percent: bool = False) -> float | None:
    return None if of < least or of == 0 else (100.0 if percent else 1.0) * float(value / of)
