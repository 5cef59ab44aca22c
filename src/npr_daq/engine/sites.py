"""A stimulating step of a protocol as a step of the plan, checked against every limit."""

from collections.abc import Sequence
from dataclasses import replace

from npr_daq.anatomy import HEADLINE, SUPPLIES, Branch, Muscle, Side, Site
from npr_daq.engine.steps import (
    ARMING_HEADROOM,
    Conduction,
    Excitability,
    Late,
    Reflex,
    SiteSeries,
    StepKind,
    Task,
    Trains,
)
from npr_daq.errors import PlanError
from npr_daq.montage import Montage
from npr_daq.protocol import (
    ConductionStep,
    CrosstalkStep,
    ExcitabilityStep,
    LateStep,
    ReflexStep,
    StimulatingStep,
    TrainStep,
)
from npr_daq.protocol.model import Limits
from npr_daq.stimulus import Stimulus, StimulusLimits

LEAST_SEARCH = 3
"""Shocks that a search takes at the least."""
LEAST_STAIRCASE = 8
"""Shocks that a staircase takes at the least."""


def site_step(
    name: str,
    step: StimulatingStep,
    side: Side,
    *,
    asked: Limits,
    montage: Montage,
    limits: StimulusLimits,
    max_rate_hz: float | None,
    before: Sequence[object],
) -> SiteSeries:
    """The plan's step for `step` on `side`; `max_rate_hz` is what the intake demands, `before` what comes earlier.

    Raises PlanError for a value outside a limit (value, limit, unit), a muscle that is not recorded or not supplied by
    the site, and a site that is stimulated twice.
    """
    cap = _cap_ma(name, step, asked, limits)
    watched = _watched(name, step, side, montage)
    rate = _rate_hz(name, step, limits, max_rate_hz)
    wide = max(step.widths_us) if isinstance(step, ExcitabilityStep) else step.width_us
    mine = replace(limits, max_current_ma=cap, max_width_us=wide, max_rate_hz=rate)
    worst = Stimulus(side, step.site, cap, wide)
    _allow(name, worst, limits, rate)
    sweeps, extra, least = _shocks(step)
    shocks = asked.max_shocks_per_site
    if sweeps + extra + least > shocks:
        raise PlanError(
            f"step {name}: it needs at least {sweeps + extra + least} shocks, above the limit of {shocks} per site; "
            "ask for less in the step, or raise limits.max_shocks_per_site"
        )
    same = [s for s in before if isinstance(s, SiteSeries) and s.site is step.site]
    if any(s.side is side for s in same):
        raise PlanError(
            f"step {name}: {side} {step.site} is stimulated twice; its dose limit is for one step, take one out"
        )
    return SiteSeries(
        name=name,
        side=side,
        site=step.site,
        watched=watched,
        headline=_headline(step.site, watched),
        width_us=step.widths_us[0] if isinstance(step, ExcitabilityStep) else step.width_us,
        rate_hz=rate,
        start_ma=step.start_ma,
        cap_ma=cap,
        warn_ma=min(asked.warn_ma(step.site), cap),
        accepted_sweeps=sweeps,
        extra_sweeps=extra,
        noise_s=step.noise_s,
        max_shocks=shocks,
        limits=mine,
        reference=next((s.name for s in reversed(same) if s.side is not side), None),
        task=_task(name, step, mine, worst),
    )


def _cap_ma(name: str, step: StimulatingStep, asked: Limits, limits: StimulusLimits) -> float:
    cap = min(asked.cap_ma(step.site), limits.max_current_ma)
    # A cap that the file does not name follows the limits; one that it names must be allowed.
    named = step.max_ma if "max_ma" in step.model_fields_set else None
    for key, value in (("max_ma", named), ("start_ma", step.start_ma)):
        if value is not None and value > cap * (1 + 1e-9):
            raise PlanError(
                f"step {name}: {key} {value:g} mA is above the limit of {cap:g} mA for {step.site}; lower {key}"
            )
    if step.max_ma is not None:
        cap = min(cap, step.max_ma)
    if step.start_ma > cap:
        raise PlanError(
            f"step {name}: start_ma {step.start_ma:g} mA is above its own max_ma {cap:g} mA; lower start_ma"
        )
    return cap


def _watched(name: str, step: StimulatingStep, side: Side, montage: Montage) -> tuple[Muscle, ...]:
    """The muscles that steer the step, all of them recorded, those of a branch supplied by it."""
    for muscle in step.watched:
        montage.row(side, muscle)
        if isinstance(step, ReflexStep):
            montage.row(side.other, muscle)
    if not isinstance(step.site, Branch):
        return step.watched
    own = tuple(m for m in SUPPLIES[step.site] if m in step.watched)
    if not own:
        raise PlanError(
            f"step {name}: none of its muscles ({', '.join(step.watched)}) is supplied by {step.site}; "
            f"name at least one of {', '.join(SUPPLIES[step.site])}"
        )
    return own


def _headline(site: Site, watched: tuple[Muscle, ...]) -> Muscle:
    own = HEADLINE[site] if isinstance(site, Branch) else watched[0]
    return own if own in watched else watched[0]


def _rate_hz(name: str, step: StimulatingStep, limits: StimulusLimits, max_rate_hz: float | None) -> float:
    if isinstance(step, ReflexStep):
        wanted = 1.0 / step.interval_s
        if wanted > limits.max_rate_hz * (1 + 1e-9):
            raise PlanError(
                f"step {name}: a shock every {step.interval_s:g} s is above the limit of {limits.max_rate_hz:g} Hz; "
                "raise interval_s"
            )
    else:
        wanted = step.rate_hz
        if wanted > limits.max_rate_hz * (1 + 1e-9):
            raise PlanError(
                f"step {name}: rate_hz {wanted:g} Hz is above the limit of {limits.max_rate_hz:g} Hz; lower rate_hz"
            )
    return wanted if max_rate_hz is None else min(wanted, max_rate_hz)


def _shocks(step: StimulatingStep) -> tuple[int, int, int]:
    """Sweeps after the search, how many more for such that are no evidence, and the least that a search takes."""
    match step:
        case ConductionStep() | CrosstalkStep():
            return step.accepted_sweeps, step.extra_sweeps, LEAST_SEARCH
        case LateStep() | ReflexStep():
            return step.sweeps, step.extra_sweeps, LEAST_SEARCH
        case TrainStep():
            return step.count * step.trains, 0, LEAST_SEARCH
        case ExcitabilityStep():
            return 0, 0, LEAST_STAIRCASE * len(step.widths_us)


def _task(name: str, step: StimulatingStep, limits: StimulusLimits, worst: Stimulus) -> Task:
    match step:
        case ConductionStep():
            return Conduction()
        case CrosstalkStep():
            return Conduction(StepKind.CROSSTALK)
        case LateStep():
            return Late(step.supramaximal_factor)
        case ReflexStep():
            return Reflex()
        case TrainStep():
            in_train = replace(limits, max_rate_hz=ARMING_HEADROOM * step.train_rate_hz)
            # The device takes the shortest allowed interval for its rms limit (wire document 5.8).
            _allow(name, worst, in_train, in_train.max_rate_hz)
            return Trains(
                factor=step.supramaximal_factor,
                count=step.count,
                trains=step.trains,
                rate_hz=step.train_rate_hz,
                rest_s=step.rest_s,
                limits=in_train,
            )
        case ExcitabilityStep():
            return Excitability(step.widths_us)


def _allow(name: str, worst: Stimulus, limits: StimulusLimits, rate_hz: float) -> None:
    found = limits.violations(worst, rate_hz=rate_hz)
    if found:
        raise PlanError(f"step {name}, worst case: {'; '.join(found)}. Lower max_ma or width_us.")
