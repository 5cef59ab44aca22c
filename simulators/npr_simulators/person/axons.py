"""The healthy motor-unit bank of one half of a face: who the units are before anything happens to the nerve."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_simulators.person import electrodes, potentials, sizes
from npr_simulators.person.bank import ACROSS, INTACT, MUSCLES, REACH, TEMPLATE_SAMPLES, Bank, Floats
from npr_simulators.person.case import Build, Case
from npr_simulators.person.muscles import ANATOMY, MIDLINE_MM, branch_index
from npr_simulators.person.potentials import LAST_MS, Fibres, Waves
from npr_simulators.person.streams import stream
from npr_simulators.person.template_store import kept_or_made

VERSION = 1
"""Of the forward model; another one makes every file of templates on disk worthless."""
FIBRES = 6
"""Representative fibres of a unit; with 24 onsets move by 0.07 ms at most (simulation reference 7)."""
TAPER_MM, TAPER_VELOCITY = 15.0, 0.40
"""The thin end of an axon, and its velocity over that of the rest (simulation reference 1.2)."""
WARMTH_PER_C, USUAL_C = 0.04, 34.0
FIBRE_WARMTH_PER_C = 0.02
"""Muscle fibres lie deeper than the skin: half of what the axons get. Assumption."""
PATH_SIDE_SD = 0.012
"""Between the halves of a person, of a nerve's length: relative SD. Assumption."""
AXON_MM_MS = 51.0
CROSSED = (Muscle.ORBICULARIS_ORIS, Muscle.MENTALIS)
"""Muscles with units that lie across the midline. Assumption."""
CROSSED_MM = (2.0, 14.0)
"""How far beyond the midline those units lie. Assumption."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The units of one muscle before their potentials are computed; shapes (unit,)."""

    rank: Floats
    crossed: NDArray[np.bool_]
    velocity_m_s: Floats
    path_mm: Floats
    terminal: Floats
    junction_ms: Floats
    theta: Floats
    chronaxie_ms: Floats
    fibres: Fibres


def healthy_bank(case: Case, *, seed: int, side: Side, lesion_side: Side, visit: int = 1) -> Bank:
    """The bank of `side` before any lesion; equal arguments give equal banks, bit for bit on one machine.

    The units depend on `case.build`, the skin temperature, `seed` and `side`; the electrodes also on `visit`. A muscle
    has its size (`sizes.target_mv`) under electrodes that sit where they should; those of this visit may see less.
    `lesion_side` only says where `crosstalk_affected` holds.
    """
    drawn = {muscle: draw_units(case, muscle, seed=seed, side=side) for muscle in MUSCLES}
    waves = _one_fibre_each(case.build, drawn, seed=seed, side=side, visit=visit)
    counts = [len(units.rank) for units in drawn.values()]
    target = np.repeat(np.arange(len(MUSCLES)), counts)
    n = len(target)
    return Bank(
        side=side,
        axon=np.arange(n),
        pool=target.copy(),
        target=target,
        branch=np.repeat([branch_index(muscle) for muscle in MUSCLES], counts),
        crossed=np.concatenate([units.crossed for units in drawn.values()]),
        second=np.zeros(n, bool),
        rank=np.concatenate([units.rank for units in drawn.values()]),
        velocity_m_s=np.concatenate([units.velocity_m_s for units in drawn.values()]),
        path_mm=np.concatenate([units.path_mm for units in drawn.values()]),
        terminal=np.concatenate([units.terminal for units in drawn.values()]),
        junction_ms=np.concatenate([units.junction_ms for units in drawn.values()]),
        dispersion_ms=np.zeros(n),
        jitter_ms=np.full(n, 0.03),
        theta=np.concatenate([units.theta for units in drawn.values()]),
        chronaxie_ms=np.concatenate([units.chronaxie_ms for units in drawn.values()]),
        state=np.full(n, INTACT, np.int8),
        blocked=np.zeros(n, bool),
        ephaptic=np.zeros(n, bool),
        healthy_units=np.array([np.count_nonzero(~units.crossed) for units in drawn.values()]),
        templates_uv=_sized(case, drawn, waves, seed=seed, side=side, affected=side is lesion_side),
    )


def draw_units(case: Case, muscle: Muscle, *, seed: int, side: Side) -> Units:
    """Draw the units of `muscle` of the half `side`, smallest first, those across the midline last."""
    anatomy, build = ANATOMY[muscle], case.build
    n = max(8, round(anatomy.units * build.motor_units))
    extra = round(n * build.crossed_supply) if muscle in CROSSED else 0
    rng = stream(seed, "units", side, muscle)
    person = stream(seed, "person", muscle)
    rank = (np.arange(n) + 0.5) / n
    rank = np.concatenate([rank, rng.permutation(rank)[:extra]])
    crossed = np.arange(n + extra) >= n
    total = n + extra
    beyond = np.where(crossed, MIDLINE_MM - anatomy.centre_mm[0] + rng.uniform(*CROSSED_MM, total), 0.0)
    late_mm = (
        anatomy.entry_spread * AXON_MM_MS * build.latency_error_ms * (0.97 * person.normal() + 0.25 * rng.normal())
    )
    path = anatomy.path_mm * (1 + rng.normal(0, PATH_SIDE_SD)) + late_mm + beyond
    warm = case.intake.skin_temperature_c - USUAL_C
    return Units(
        rank=rank,
        crossed=crossed,
        velocity_m_s=np.clip(51 + 7 * (rank - 0.5) + rng.normal(0, 3, total), 38, 64) * (1 + WARMTH_PER_C * warm),
        path_mm=np.maximum(path, 1.2 * TAPER_MM if anatomy.path_mm else 0.0) * build.head_size,
        terminal=np.exp(rng.normal(0, 0.15, total)),
        junction_ms=np.clip(rng.normal(0.85, 0.14, total), 0.5, 1.4),
        theta=np.exp(rng.normal(0, 0.22, total) - 0.30 * (rank - 0.5)),
        chronaxie_ms=np.clip(rng.normal(0.28, 0.05, total), 0.12, 0.5),
        fibres=_fibres(muscle, build, rank, beyond, warm, rng=rng),
    )


def trunk_delay_ms(units: Units) -> Floats:
    """From a shock at the trunk to each endplate, all axons excited at once (simulation reference 1.2)."""
    taper = np.minimum(TAPER_MM, units.path_mm)
    slow = taper * units.terminal / (TAPER_VELOCITY * units.velocity_m_s)
    return np.asarray((units.path_mm - taper) / units.velocity_m_s + slow + units.junction_ms)


def _fibres(
    muscle: Muscle, build: Build, rank: Floats, beyond_mm: Floats, warm_c: float, *, rng: np.random.Generator
) -> Fibres:
    """Fibres of each unit (simulation reference 1.1): endplates scatter round the unit's own place in the zone."""
    anatomy, n = ANATOMY[muscle], len(rank)
    # the muscle of the other half is the mirror image of this one's
    angle = np.where(beyond_mm > 0, np.pi - np.deg2rad(anatomy.angle_deg), np.deg2rad(anatomy.angle_deg))
    along = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[:, None]
    across = np.stack([-np.sin(angle), np.cos(angle)], axis=-1)[:, None]
    u = rng.uniform(-1, 1, (n, 1, 1)) * anatomy.along_mm + rng.normal(0, 1.2, (n, FIBRES, 1))
    w = rng.uniform(-1, 1, (n, 1, 1)) * anatomy.across_mm + rng.normal(0, 2.0, (n, FIBRES, 1))
    # a unit across the midline is scattered about its own place only
    u, w = (np.where(beyond_mm[:, None, None] > 0, 0.3 * x, x) for x in (u, w))
    place = np.asarray(anatomy.centre_mm) + beyond_mm[:, None, None] * np.array([1.0, 0.0]) + u * along + w * across
    velocity = np.clip(2.7 + 0.9 * rank + rng.normal(0, 0.2, n), 2.0, 4.6) * (1 + FIBRE_WARMTH_PER_C * warm_c)
    eccentricity = np.clip(rng.normal(0.42, 0.08, (n, 1)), 0.2, 0.8)
    length = np.clip(anatomy.fibre_mm * rng.normal(1, 0.08, (n, FIBRES)), 15, 90) * build.head_size
    halves = np.stack([length * (1 - eccentricity), length * eccentricity], axis=-1)
    return Fibres(
        velocity_mm_ms=velocity,
        endplate_mm=place * build.head_size,
        halves_mm=np.minimum(halves, (LAST_MS * velocity)[:, None, None]),
        depth_mm=np.maximum(anatomy.depth_mm + build.fat_mm + rng.normal(0, 1.0, (n, FIBRES)), 1.0),
        angle_rad=angle,
    )


def _one_fibre_each(build: Build, drawn: Mapping[Muscle, Units], *, seed: int, side: Side, visit: int) -> Waves:
    """What one fibre of each unit gives, shape (unit, REACH + 1, sample); kept on disk.

    The last channel is the muscle's own with its electrodes where they should be.
    """
    error = build.electrode_error_mm
    where = electrodes.reach(seed=seed, side=side, visit=visit, error_mm=error) * build.head_size
    ideal = electrodes.nominal() * build.head_size
    pairs = {
        muscle: np.concatenate([where, ideal[k : k + 1] if muscle in FACIAL_MUSCLES else where[:1]])
        for k, muscle in enumerate(MUSCLES)
    }
    key = sha256(repr((VERSION, TEMPLATE_SAMPLES, *potentials.CONSTANTS)).encode())
    for muscle, units in drawn.items():
        for shaping in (*units.fibres.arrays(), pairs[muscle]):
            key.update(np.ascontiguousarray(shaping).tobytes())
    total = sum(len(units.rank) for units in drawn.values())

    def made() -> Waves:
        return np.concatenate([potentials.unit_potentials(units.fibres, pairs[m]) for m, units in drawn.items()])

    return kept_or_made(key.hexdigest(), (total, REACH + 1, TEMPLATE_SAMPLES), made)


def _sized(case: Case, drawn: Mapping[Muscle, Units], waves: Waves, *, seed: int, side: Side, affected: bool) -> Waves:
    """Templates, shape (unit, REACH, sample): every unit with its fibres, cross-talk as the case wants it."""
    build = case.build
    bleeding = build.crosstalk
    if affected and build.crosstalk_affected is not None:
        bleeding = build.crosstalk_affected
    wanted_mv = sizes.target_mv(build, seed=seed, side=side)
    gain = np.empty((len(waves), REACH), np.float32)
    first = 0
    for muscle, units in drawn.items():
        here = slice(first, first + len(units.rank))
        first = here.stop
        if muscle is Muscle.MASSETER:
            # it has no channel: all that it gives is cross-talk, and the knob is for that between facial muscles
            peak = ANATOMY[muscle].peak_to_peak_mv * build.amplitude
            faces = waves[here, : len(FACIAL_MUSCLES)]
            gain[here] = sizes.masseter_fibres(faces, units.rank, peak_mv=peak)[:, None]
            continue
        fibres = np.empty(len(units.rank))
        mine = ~units.crossed
        fibres[mine] = sizes.fibres_per_unit(
            waves[here, REACH][mine], units.rank[mine], trunk_delay_ms(units)[mine], peak_to_peak_mv=wanted_mv[muscle]
        )
        # a unit across the midline is as large as the unit of its rank on this side
        fibres[~mine] = np.interp(units.rank[~mine], units.rank[mine], fibres[mine])
        own = np.full(len(fibres), FACIAL_MUSCLES.index(muscle))
        if units.crossed.any():
            own[units.crossed] = len(FACIAL_MUSCLES) + ACROSS.index(muscle)
        gain[here] = bleeding * fibres[:, None]
        gain[np.arange(here.start, here.stop), own] = fibres
    return waves[:, :REACH] * gain[..., None]
