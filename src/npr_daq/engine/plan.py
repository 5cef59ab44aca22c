"""The plan: a protocol compiled to a flat, printable list of steps with its worst-case dose. Nothing has moved yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from npr_daq.anatomy import Side, Site
from npr_daq.engine.continuous_steps import ContinuousSeries, MovementSeries, RestRecording
from npr_daq.engine.house import HOUSE_LIMITS, within_house
from npr_daq.engine.sites import site_step
from npr_daq.engine.steps import TYPICAL_SHOCKS, ImpedanceReading, SiteSeries, StepKind, Trains
from npr_daq.errors import PlanError, SafetyTrip
from npr_daq.montage import Montage
from npr_daq.protocol import ImpedanceStep, IncludeStep, MovementStep, PlannedSide, Protocol, RestStep, TrainStep
from npr_daq.protocol.words import counted
from npr_daq.stimulus import Dose, StimulusLimits

__all__ = [
    "TYPICAL_SHOCKS",
    "ContinuousSeries",
    "ImpedanceReading",
    "MovementSeries",
    "Plan",
    "PlanStep",
    "Precautions",
    "RestRecording",
    "SiteSeries",
    "StepKind",
    "compile_plan",
]

PlanStep = ImpedanceReading | RestRecording | MovementSeries | SiteSeries

SAMPLE_RATE_HZ = 20_000
"""Rate of steps that stimulate (architecture: step kinds)."""

TYPICAL_PLACE_S = 20.0
"""Seconds to find a site by hand; for time estimates only."""


@dataclass(frozen=True, slots=True)
class Precautions:
    """What the intake demands. `refuse` is the sentence that forbids all stimulation; it wins over everything.

    No stimulation happens at a forbidden site: its step is left out of the plan, and the plan says so.
    """

    forbidden_sites: frozenset[tuple[Side, Site]] = frozenset()
    no_trains: bool = False
    max_rate_hz: float | None = None
    cautions: tuple[str, ...] = ()
    refuse: str | None = None


NO_PRECAUTIONS = Precautions()
NO_TRAINS = "the intake allows no trains (a pacemaker or defibrillator)"


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
    def continuous(self) -> tuple[ContinuousSeries, ...]:
        """The steps in which the face is recorded at rest or moving."""
        return tuple(s for s in self.steps if isinstance(s, RestRecording | MovementSeries))

    @property
    def movements(self) -> tuple[MovementSeries, ...]:
        """The steps in which an expression is made."""
        return tuple(s for s in self.steps if isinstance(s, MovementSeries))

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
                case RestRecording() | MovementSeries():
                    took, text = step.usual_s, step.course()
                case SiteSeries():
                    took = TYPICAL_PLACE_S + step.noise_s + step.seconds_for(step.usual_shocks)
                    text = step.course()
            entries.append(TimelineEntry(at, took, step.name, text))
            at += took
        return tuple(entries)

    def records(self) -> list[dict[str, object]]:
        """What the exam's header keeps of the steps that record: kind, site or task, settings; JSON-safe."""
        return [step.record() for step in self.steps if not isinstance(step, ImpedanceReading)]

    def lines(self) -> Iterator[str]:
        """The whole plan as text: timeline, worst-case dose, every limit."""
        yield f"{self.title} ({self.protocol}); affected side: {self.affected}; montage {self.montage.name}"
        yield ""
        end = self.timeline()[-1]
        minutes, seconds = divmod(round(end.start_s + end.duration_s), 60)
        yield f"Timeline (usual course; {minutes}:{seconds:02d} in all)"
        wide = max([len(s.name) for s in self.steps] + [len(n) for n in self.omitted], default=0)
        for entry in self.timeline():
            minutes, seconds = divmod(round(entry.start_s), 60)
            yield f"  {minutes:3d}:{seconds:02d}  {entry.step:<{wide}} {entry.text}"
        for name, reason in self.omitted.items():
            yield f"  omitted {name:<{wide}} {reason}"
        if movements := self.movements:
            yield ""
            wanted = sum(step.repetitions for step in movements)
            most = sum(step.most for step in movements)
            yield f"{counted(len(movements), 'movement')}, {wanted} repetitions, at most {most}"
        if not self.sites:
            yield ""
            yield "Nothing stimulates."
            return
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
            trains = f", {site.task.rate_hz:g} Hz in trains" if isinstance(site.task, Trains) else ""
            yield f"  {site.name:<{wide}} at most {site.cap_ma:g} mA, confirm above {site.warn_ma:g}{trains}"
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
    if protocol.stimulates and precautions.refuse is not None:
        raise SafetyTrip(f"no stimulation: {precautions.refuse}")
    bench = HOUSE_LIMITS.tightened(limits)
    tight = within_house(protocol.limits, bench)
    steps: list[PlanStep] = []
    omitted: dict[str, str] = {}
    for number, step in enumerate(protocol.step, 1):
        match step:
            case ImpedanceStep():
                name = step.name or f"{number:02d}_impedance"
                steps.append(ImpedanceReading(name, step.frequency_hz, step.max_kohm, step.max_pair_difference_kohm))
            case RestStep():
                steps.append(RestRecording(step.name or f"{number:02d}_rest", step.seconds))
            case MovementStep():
                steps.append(
                    MovementSeries(
                        name=step.name or f"{number:02d}_movement_{step.task}",
                        task=step.task,
                        repetitions=step.repetitions,
                        extra_repetitions=step.extra_repetitions,
                        hold_s=step.hold_s,
                        rest_s=step.rest_s,
                    )
                )
            case IncludeStep():
                raise PlanError(f"the steps of {step.protocol!r} were not taken in; load the protocol from its file")
            case _:
                side = _resolve(step.side, affected)
                name = step.name or f"{number:02d}_{step.kind}_{side}_{step.site}"
                if (side, step.site) in precautions.forbidden_sites:
                    omitted[name] = f"the intake forbids stimulation at {side} {step.site}"
                    continue
                if isinstance(step, TrainStep) and precautions.no_trains:
                    omitted[name] = NO_TRAINS
                    continue
                asked = protocol.limits_of(number - 1)
                steps.append(
                    site_step(
                        name,
                        step,
                        side,
                        asked=asked,
                        montage=montage,
                        limits=tight.tightened(within_house(asked, bench)),
                        max_rate_hz=precautions.max_rate_hz,
                        before=steps,
                    )
                )
    if protocol.stimulates and omitted and not any(isinstance(s, SiteSeries) for s in steps):
        if NO_TRAINS in omitted.values():
            raise SafetyTrip(f"no stimulation: {NO_TRAINS}, and {protocol.name!r} has nothing else that is allowed")
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
