"""The plan: a protocol compiled to a flat, printable list of steps with its worst-case dose. Nothing has moved yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from npr_daq.anatomy import HEADLINE, SUPPLIES, Branch, Muscle, Side
from npr_daq.engine.house import HOUSE_LIMITS, within_house
from npr_daq.errors import PlanError, SafetyTrip
from npr_daq.montage import Montage
from npr_daq.protocol import ConductionStep, ImpedanceStep, PlannedSide, Protocol
from npr_daq.protocol.model import Limits
from npr_daq.stimulus import Dose, Stimulus, StimulusLimits

SAMPLE_RATE_HZ = 20_000
"""Rate of conduction steps (architecture: step kinds)."""

TYPICAL_SHOCKS = 12
"""Shocks a site usually takes (clinical reference 2.4: about 139-151 for 12 sites); for time estimates only."""

TYPICAL_PLACE_S = 20.0
"""Seconds to find a site by hand; for time estimates only."""


@dataclass(frozen=True, slots=True)
class Precautions:
    """What the intake demands. `refuse` is the sentence that forbids all stimulation; it wins over everything.

    No stimulation happens at a forbidden site: its step is left out of the plan, and the plan says so.
    """

    forbidden_sites: frozenset[tuple[Side, Branch]] = frozenset()
    no_trains: bool = False
    max_rate_hz: float | None = None
    cautions: tuple[str, ...] = ()
    refuse: str | None = None


NO_PRECAUTIONS = Precautions()


@dataclass(frozen=True, slots=True)
class ImpedanceReading:
    """Read every electrode of the montage."""

    name: str
    frequency_hz: int
    max_kohm: float
    max_pair_difference_kohm: float


@dataclass(frozen=True, slots=True)
class SiteSeries:
    """Noise, supramaximal search and accepted sweeps at one site.

    `reference` is the earlier step at the same site of the other side: its threshold starts this search, its
    supramaximal current bounds a search that finds nothing.
    """

    name: str
    side: Side
    site: Branch
    watched: tuple[Muscle, ...]
    headline: Muscle
    width_us: float
    rate_hz: float
    start_ma: float
    cap_ma: float
    warn_ma: float
    accepted_sweeps: int
    extra_sweeps: int
    noise_s: float
    max_shocks: int
    limits: StimulusLimits
    reference: str | None = None

    @property
    def interval_s(self) -> float:
        """Least time between two shocks."""
        return 1.0 / self.rate_hz

    @property
    def worst_case(self) -> Dose:
        """The dose if every allowed shock were given at the cap."""
        pulse = Stimulus(self.side, self.site, self.cap_ma, self.width_us)
        return Dose(
            side=self.side,
            site=self.site,
            pulses=self.max_shocks,
            charge_uc=self.max_shocks * pulse.charge_uc,
            peak_ma=self.cap_ma,
            energy_mj=self.max_shocks * pulse.energy_mj(),
            requested_ma_sum=self.max_shocks * self.cap_ma,
            delivered_ma_sum=self.max_shocks * self.cap_ma,
        )


PlanStep = ImpedanceReading | SiteSeries


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of the timeline; seconds from the start, of device time where the step samples."""

    start_s: float
    duration_s: float
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order. `omitted` maps a step left out to the reason."""

    protocol: str
    title: str
    montage: Montage
    affected: str
    steps: tuple[PlanStep, ...]
    limits: StimulusLimits
    sample_rate_hz: int = SAMPLE_RATE_HZ
    precautions: Precautions = NO_PRECAUTIONS
    omitted: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unlock_reason: str | None = None
    """Why the caps or warning currents of the house are exceeded, in the protocol's words; None where they hold."""

    @property
    def sites(self) -> tuple[SiteSeries, ...]:
        """The steps that stimulate."""
        return tuple(s for s in self.steps if isinstance(s, SiteSeries))

    @property
    def worst_case(self) -> tuple[Dose, ...]:
        """The highest dose that each site can get, in the order of the plan; no site has two steps."""
        return tuple(site.worst_case for site in self.sites)

    def timeline(self) -> tuple[TimelineEntry, ...]:
        """When each step begins and how long it takes, with the usual number of shocks."""
        at, entries = 0.0, []
        for step in self.steps:
            match step:
                case ImpedanceReading():
                    took, text = 5.0, f"electrode impedance at {step.frequency_hz} Hz"
                case SiteSeries():
                    shocks = min(TYPICAL_SHOCKS, step.max_shocks)
                    took = TYPICAL_PLACE_S + step.noise_s + shocks * step.interval_s
                    text = f"~{shocks} (max {step.max_shocks}) shocks, {step.start_ma:g}-{step.cap_ma:g} mA"
            entries.append(TimelineEntry(at, took, step.name, text))
            at += took
        return tuple(entries)

    def lines(self) -> Iterator[str]:
        """The whole plan as text: timeline, worst-case dose, every limit."""
        yield f"{self.title} ({self.protocol}); affected side: {self.affected}; montage {self.montage.name}"
        yield ""
        yield "Timeline (usual course: place, noise, search, accepted sweeps)"
        wide = max([len(s.name) for s in self.steps] + [len(n) for n in self.omitted], default=0)
        for entry in self.timeline():
            minutes, seconds = divmod(round(entry.start_s), 60)
            yield f"  {minutes:3d}:{seconds:02d}  {entry.step:<{wide}} {entry.text}"
        for name, reason in self.omitted.items():
            yield f"  omitted {name:<{wide}} {reason}"
        yield ""
        yield "Worst-case dose"
        for dose in self.worst_case:
            yield (
                f"  {dose.side:<5} {dose.site:<20} {dose.pulses:3d} pulses, peak {dose.peak_ma:g} mA, "
                f"{dose.charge_uc:g} uC, {dose.energy_mj:.3g} mJ into 1 kohm"
            )
        yield ""
        yield "Limits"
        top = self.limits
        if self.unlock_reason is not None:
            yield f"  UNLOCKED beyond the limits of the house: {self.unlock_reason}"
        yield f"  any pulse: {top.max_width_us:g} us, {top.max_charge_uc:g} uC, {top.max_energy_mj:g} mJ into 1 kohm"
        yield f"  any series: {top.max_rate_hz:g} Hz, {top.max_rms_density_ma_cm2:g} mA/cm2 rms"
        for site in self.sites:
            yield f"  {site.name:<{wide}} at most {site.cap_ma:g} mA, confirm above {site.warn_ma:g}"
        for caution in self.precautions.cautions:
            yield f"  caution: {caution}"

    def __str__(self) -> str:
        return "\n".join(self.lines())


def compile_plan(
    protocol: Protocol,
    *,
    montage: Montage,
    affected: str,
    limits: StimulusLimits,
    precautions: Precautions = NO_PRECAUTIONS,
) -> Plan:
    """The plan of `protocol` for this patient and this bench.

    `affected` is left, right, both or none; with both or none, "healthy" means left and "affected" right, and
    findings withhold the ratio. `limits` are those of the device; the stricter of them and those of the house hold.
    Raises PlanError for anything outside them (value, limit, unit), a muscle that is not recorded or a montage that
    is not there, and SafetyTrip where the intake refuses stimulation. Nothing moves.
    """
    if affected not in ("left", "right", "both", "none"):
        raise PlanError(f"the affected side {affected!r} is not one of left, right, both, none")
    if protocol.montage != montage.name:
        raise PlanError(
            f"the protocol {protocol.name!r} is for the montage {protocol.montage!r}, but {montage.name!r} is attached"
        )
    stimulates = any(isinstance(s, ConductionStep) for s in protocol.step)
    if stimulates and precautions.refuse is not None:
        raise SafetyTrip(f"no stimulation: {precautions.refuse}")
    tight = within_house(protocol.limits, HOUSE_LIMITS.tightened(limits))
    steps: list[PlanStep] = []
    omitted: dict[str, str] = {}
    for number, step in enumerate(protocol.step, 1):
        match step:
            case ImpedanceStep():
                name = step.name or f"{number:02d}_impedance"
                steps.append(ImpedanceReading(name, step.frequency_hz, step.max_kohm, step.max_pair_difference_kohm))
            case ConductionStep():
                side = _resolve(step.side, affected)
                name = step.name or f"{number:02d}_conduction_{side}_{step.site}"
                if (side, step.site) in precautions.forbidden_sites:
                    omitted[name] = f"the intake forbids stimulation at {side} {step.site}"
                    continue
                steps.append(_site(name, step, side, protocol.limits, montage, tight, precautions, steps))
    if stimulates and omitted and not any(isinstance(s, SiteSeries) for s in steps):
        raise SafetyTrip(f"no stimulation: the intake forbids every site of {protocol.name!r}")
    named = [s.name for s in steps] + list(omitted)
    twice = next((n for n in named if named.count(n) > 1), None)
    if twice is not None:
        raise PlanError(f"two steps are called {twice!r}; give one of them another name")
    return Plan(
        protocol=protocol.name,
        title=protocol.title,
        montage=montage,
        affected=affected,
        steps=tuple(steps),
        limits=tight,
        precautions=precautions,
        omitted=MappingProxyType(omitted),
        unlock_reason=protocol.limits.unlock_reason,
    )


def _resolve(side: PlannedSide, affected: str) -> Side:
    lesion = Side.LEFT if affected == "left" else Side.RIGHT
    match side:
        case PlannedSide.LEFT:
            return Side.LEFT
        case PlannedSide.RIGHT:
            return Side.RIGHT
        case PlannedSide.AFFECTED:
            return lesion
        case PlannedSide.HEALTHY:
            return lesion.other


def _site(
    name: str,
    step: ConductionStep,
    side: Side,
    asked: Limits,
    montage: Montage,
    limits: StimulusLimits,
    precautions: Precautions,
    before: list[PlanStep],
) -> SiteSeries:
    cap = min(asked.cap_ma(step.site), limits.max_current_ma)
    for key, value in (("max_ma", step.max_ma), ("start_ma", step.start_ma)):
        if value is not None and value > cap * (1 + 1e-9):
            raise PlanError(f"step {name}: {key} {value:g} mA is above the limit of {cap:g} mA for {step.site}")
    if step.max_ma is not None:
        cap = step.max_ma
    if step.start_ma > cap:
        raise PlanError(f"step {name}: start_ma {step.start_ma:g} mA is above its own max_ma {cap:g} mA")
    for muscle in step.watched:
        montage.row(side, muscle)
    own = tuple(m for m in SUPPLIES[step.site] if m in step.watched)
    if not own:
        raise PlanError(
            f"step {name}: none of its muscles ({', '.join(step.watched)}) is supplied by {step.site}; "
            f"name at least one of {', '.join(SUPPLIES[step.site])}"
        )
    if step.rate_hz > limits.max_rate_hz * (1 + 1e-9):
        raise PlanError(f"step {name}: rate_hz {step.rate_hz:g} Hz is above the limit of {limits.max_rate_hz:g} Hz")
    rate = min(step.rate_hz, precautions.max_rate_hz if precautions.max_rate_hz is not None else step.rate_hz)
    mine = replace(limits, max_current_ma=cap, max_width_us=step.width_us, max_rate_hz=rate)
    worst = Stimulus(side, step.site, cap, step.width_us)
    found = limits.violations(worst, rate_hz=rate)
    if found:
        raise PlanError(f"step {name}, worst case: {'; '.join(found)}. Lower max_ma or width_us.")
    shocks = asked.max_shocks_per_site
    needed = step.accepted_sweeps + step.extra_sweeps + 3
    if needed > shocks:
        raise PlanError(f"step {name}: it needs at least {needed} shocks, above the limit of {shocks} per site")
    sites = [s for s in before if isinstance(s, SiteSeries) and s.site is step.site]
    if any(s.side is side for s in sites):
        raise PlanError(f"step {name}: {side} {step.site} is stimulated twice; its dose limit is for one step")
    reference = next((s.name for s in reversed(sites) if s.side is not side), None)
    return SiteSeries(
        name=name,
        side=side,
        site=step.site,
        watched=own,
        headline=HEADLINE[step.site] if HEADLINE[step.site] in own else own[0],
        width_us=step.width_us,
        rate_hz=rate,
        start_ma=step.start_ma,
        cap_ma=cap,
        warn_ma=min(asked.warn_ma(step.site), cap),
        accepted_sweeps=step.accepted_sweeps,
        extra_sweeps=step.extra_sweeps,
        noise_s=step.noise_s,
        max_shocks=shocks,
        limits=mine,
        reference=reference,
    )
